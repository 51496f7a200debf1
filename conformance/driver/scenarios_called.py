"""Scenarios that call an application in different ways and compare what comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from conformance.driver.case import Case, RichGateway, scenario
from conformance.driver.environs import rich
from conformance.driver.exchange import Exchange, Gone, answer, same_status
from conformance.driver.shims import KINDS, looked_at, passed_through, with_kind
from conformance.reference.gateway import ExcInfo, Fields

__all__: list[str] = []

RESPONSE = "a valid response to every call"


class RunOnce(RichGateway):
    """Says that it will call the application but once, and may do so again."""

    run_once = True


class Empties(RichGateway):
    """Empties the list of headers as soon as it has read it, which a server may."""

    def start_response(
        self, status: str, fields: Fields, exc_info: ExcInfo | None = None, /
    ) -> Callable[[bytes], None]:
        """Take the head, then empty the list."""
        try:
            write = super().start_response(status, fields, exc_info)
        finally:
            exc_info = None
        if type(fields) is list:
            fields.clear()
        return write


@scenario("repeated")
def three_times(case: Case) -> None:
    """The same object called three times, each result used up and closed before the next."""
    calls = [case.send(None, f"call {number}") for number in (1, 2, 3)]
    judge_calls(case, "app-reinvocable", calls)


@scenario("run-once", last=True)
def three_times_once(case: Case) -> None:
    """Three calls, each with wsgi.run_once true."""
    before = case.plain_again()
    if case.steady() is None or not before.valid:
        return
    calls = [
        case.send(rich(case.request), f"call {number}", gateway=RunOnce) for number in (1, 2, 3)
    ]
    judge_calls(case, "environ-run-once-not-trusted", calls)


def judge_calls(case: Case, rule: str, calls: list[Exchange]) -> None:
    """Judge calls that should come out alike; where the first went wrong, nothing can be said."""
    # The application was called before, so that its very first call is one of the plain ones.
    first = case.site.plain()[0]
    if not first.valid:
        return
    failed = [call for call in calls if not call.valid and not call.facts.cut]
    worst = failed[0] if failed else calls[-1]
    case.judge(rule, bool(failed), RESPONSE, f"{worst.label}: {worst.outcome}", worst)


@scenario("threads")
def at_the_same_time(case: Case) -> None:
    """Two threads that call the application at the same time, as wsgi.multithread announces."""
    barrier = threading.Barrier(2)
    failed: list[BaseException] = []

    def together(application: Any) -> Any:
        def called(*arguments: Any) -> Any:
            barrier.wait()
            return application(*arguments)

        return called

    def run(number: int) -> None:
        try:
            case.send(rich(case.request), f"thread {number}", outer=together)
        except BaseException as error:
            failed.append(error)
            # Or the other one would wait for ever.
            barrier.abort()

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gone = next((error for error in failed if isinstance(error, Gone)), None)
    if gone is not None:
        raise gone
    if failed:
        raise RuntimeError("a thread of the driver failed") from failed[0]
    if case.steady() is None:
        return
    broken = next((each for each in case.exchanges if not each.valid and not each.facts.cut), None)
    if broken is not None:
        # To be ready for threads is nowhere said to be a duty.
        expected = "a valid response to each of two calls at the same time"
        observed = broken.outcome
        case.judge("app-reinvocable", True, expected, observed, broken, level="undefined")


@scenario("callables")
def other_callables(case: Case) -> None:
    """start_response and write as a function, a method, an instance with slots and a partial."""
    steady = case.steady()
    if steady is None:
        return
    for kind, make in KINDS.items():
        done = case.send(None, f"start_response is {kind}", inner=with_kind(make))
        differs = not same_status(done, steady) and not done.facts.cut
        broken = differs and same_status(steady, case.plain_again())
        expected = f"the same with {kind} as with any other callable, {steady.outcome}"
        rule = "start-response-kind-irrelevant"
        case.judge(rule, broken, expected, done.outcome, done)


@scenario("look-ups")
def attributes_of_callables(case: Case) -> None:
    """start_response and write record which of their attributes are looked up."""
    names: dict[str, list[str]] = {}
    done = case.send(None, "look-ups are recorded", inner=looked_at(names))
    if not done.facts.starts:
        return
    rule = "start-response-not-introspected"
    expected = "start_response and write are called, and not looked into"
    found = False
    for owner, looked in names.items():
        plain = sorted({name for name in looked if not is_special(name)})
        special = sorted({name for name in looked if is_special(name)})
        for these, level in ((plain, None), (special, "undefined")):
            if these:
                found = True
                observed = f"looked up on {owner}: {', '.join(these)}"
                case.judge(rule, True, expected, observed, done, level)
    if not found:
        case.judge(rule, False, expected, "no look-up", done)


def is_special(name: str) -> bool:
    """Whether Python itself, or a tool, may have asked for a name."""
    return name.startswith("__") and name.endswith("__")


@scenario("emptied-headers", last=True)
def list_of_headers_emptied(case: Case) -> None:
    """A server that empties the list of headers it was given; the next response has them again."""
    steady = case.steady()
    if steady is None:
        return
    first, second = case.site.plain()
    emptied = case.send(rich(case.request), "the list is emptied", gateway=Empties)
    after = case.send(None, "the response after that")
    if not (emptied.valid and after.seen.status == steady.seen.status):
        return
    always = names(first) & names(second) & names(emptied)
    missing = sorted(always - names(after))
    expected = f"again a response with {', '.join(sorted(always)) or 'the same headers'}"
    observed = f"without {', '.join(missing)}" if missing else "the same names"
    case.judge("headers-list-not-reused", bool(missing), expected, observed, after)


def names(exchange: Exchange) -> set[str]:
    """Return the header names that the application gave, in lower case."""
    return {name.lower() for name in exchange.facts.names}


@scenario("through-middleware")
def middleware_between(case: Case) -> None:
    """Middleware in between that hands everything on."""
    first, second = (answer(each) for each in case.site.plain())
    done = case.send(None, "through middleware", inner=passed_through)
    if case.steady() is None:
        return
    through = answer(done)
    different = {what for what in first if first[what] == second[what] != through[what]}
    if different and not done.facts.cut:
        after = answer(case.plain_again())
        different = {what for what in different if first[what] == after[what]}
    told = [
        f"{what}: {shown(first[what])} without it, {shown(through[what])} with it"
        for what in first
        if what in different
    ]
    broken = bool(told) and not done.facts.cut
    expected = "the same under middleware as without it"
    rule = "middleware-transparent-to-application"
    case.judge(rule, broken, expected, "; ".join(told) or "no difference", done)


def shown(value: Any) -> str:
    """Return a short form of a value."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else f"{value!s:.200}"
