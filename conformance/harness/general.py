"""What is judged of every exchange, whatever its probe was about.

All of it is a pure function of a trace. The runner keeps, for each rule, the worst of what the
whole run showed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from conformance.checks import ENVIRON_RULES, Problem, check_environ
from conformance.harness.verify import Verify
from conformance.inside.snapshot import decode
from conformance.trace import Call, Timeline

__all__ = ["GENERAL_RULES", "judge_every_exchange"]

GENERAL_RULES = (
    *ENVIRON_RULES,
    "app-called-positionally",
    "app-called-with-two-args",
    "close-exactly-once",
    "close-not-too-early",
    "environ-builtin-dict",
    "start-response-returns-write",
    "start-response-two-args",
)

# The rules that a call says something about, and what it has against them.
Examined = tuple[Collection[str], list[Problem]]


def judge_every_exchange(timeline: Timeline, verify: Verify) -> None:
    """Judge all calls of a trace by the general rules, those for the harness's own requests too.

    Args:
        timeline: the trace.
        verify: declared with ``GENERAL_RULES``.
    """
    looked_at: Counter[str] = Counter()
    broken: set[str] = set()
    for call in timeline.played():
        for examine in EXAMINE:
            rules, problems = examine(call)
            looked_at.update(rules)
            for rule, expected, observed, level in problems:
                verify(rule, level).true(False, expected, observed)
                broken.add(rule)
    for rule, count in looked_at.items():
        if rule not in broken:
            observed = f"nothing against it in {count} call{'s' if count > 1 else ''}"
            verify(rule).true(True, "every call of the application keeps it", observed)


def examine_arguments(call: Call) -> Examined:
    """Two arguments, by position, the second of them callable."""
    count, keywords = call.called["count"], call.called["keywords"]
    rules = ["app-called-with-two-args", "app-called-positionally"]
    problems: list[Problem] = []
    if count + len(keywords) != 2:
        observed = f"{count + len(keywords)} arguments"
        problems.append(Problem("app-called-with-two-args", "two arguments", observed))
    if keywords:
        expected = "no argument by keyword"
        problems.append(Problem("app-called-positionally", expected, f"keywords {keywords}"))
    if count > 1:
        rules.append("start-response-two-args")
        second = call.called["arguments"][0]
        if not is_callable(second):
            expected = "a callable as second argument"
            problems.append(Problem("start-response-two-args", expected, repr(decode(second))))
    return rules, problems


def is_callable(snapshot: Any) -> bool:
    """Whether an object of the server's process could be called."""
    return isinstance(snapshot, dict) and "__call__" in snapshot.get("m", ())


def examine_environ(call: Call) -> Examined:
    """The environ: exactly a dict, the required keys, types and names."""
    problems = check_environ(call.environ, call.called.get("inherited", ()))
    kind = call.called["environ"]["type"]
    if kind != "builtins.dict":
        expected = "an instance of dict itself"
        problems.append(Problem("environ-builtin-dict", expected, f"a {kind}"))
    return (*ENVIRON_RULES, "environ-builtin-dict"), problems


def examine_start_response(call: Call) -> Examined:
    """What start_response returns, whenever it returns at all.

    With exc_info that is a rule of its own (``start-response-error-returns-write``).
    """
    rules: list[str] = []
    problems: list[Problem] = []
    with_error = False
    for event in call.events:
        if event.kind == "start_response":
            with_error = event.data["exc_info"]
        elif event.kind == "start_response-returned" and not with_error:
            rules.append("start-response-returns-write")
            if not is_callable(event.data["value"]):
                observed = repr(decode(event.data["value"]))
                problems.append(Problem(rules[-1], "a callable that writes", observed))
    return rules, problems


def examine_close(call: Call) -> Examined:
    """close() of a recorded iterable: at most once, and not before the last step."""
    kinds = [event.kind for event in call.events]
    if "close" not in kinds:
        return (), []
    problems: list[Problem] = []
    if kinds.count("close") > 1:
        observed = f"{kinds.count('close')} calls of close()"
        problems.append(Problem("close-exactly-once", "one call of close()", observed))
    late = kinds[kinds.index("close") :].count("next")
    if late:
        observed = f"{late} block(s) asked for after close()"
        problems.append(Problem("close-not-too-early", "no next() after close()", observed))
    return ("close-exactly-once", "close-not-too-early"), problems


EXAMINE: tuple[Callable[[Call], Examined], ...] = (
    examine_arguments,
    examine_environ,
    examine_start_response,
    examine_close,
)
