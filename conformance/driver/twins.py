"""Bad and good applications, to check the Validator with.

A bad application breaks one rule and must be found out for it; a good one does something unusual
that is allowed, or that some other checker wrongly complains about, and must be left in peace. One
is a WSGI application with a line of docstring, in a file under ``apps/twins/``; being there is all
it takes. `check_app_twin` runs it under a Validator and says what was missed and what was made up.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from conformance import Finding, Validator
from conformance.driver.memory import MemoryGateway, Request, drive
from conformance.probing import ProbeError, load_module
from conformance.reference.gateway import Gateway
from conformance.reference.twins import TwinError
from conformance.rules import Rule

__all__ = [
    "AppTwin",
    "AppTwinReport",
    "bad_app",
    "check_app_twin",
    "good_app",
    "load_app_twin",
    "load_app_twins",
]

Thing = TypeVar("Thing", bound=Callable[..., Any])

NOTE = "undefined"

# What is judged while the application is inside a call that it made itself, so that the line of
# the call can be named.
AT_A_CALL = (
    "errors-listed-methods-only",
    "errors-newline-plain",
    "errors-not-closed",
    "errors-written-native-str",
    "file-wrapper-called-positionally",
    "file-wrapper-object-",
    "headers-",
    "http-expect-left-to-server",
    "http-hop-",
    "http-http10-",
    "http-persistence-",
    "input-",
    "start-response-called-positionally",
    "start-response-exc-info-",
    "start-response-no-",
    "status-",
    "write-argument-bytes",
    "write-called-positionally",
    "write-not-from-iterable",
)


@dataclass(frozen=True, slots=True)
class AppTwin:
    """One application, and how to drive it.

    Attributes:
        name: of its function or class.
        bad: whether it breaks its rules, or sits at their border and is clean.
        rules: ids; a bad one breaks each of them.
        also: of a bad one: ids that may be reported along with them.
        notes: of a good one: those of its ids about which a note, which never counts, is in order.
        level: what a bad one has to be reported at, or None for each rule's effective level.
        located: whether the finding has to name a line of it, where the rule is about a call.
        requests: to be made in this order, all to one application object.
        changes: to environ, as for ``drive``.
        gateway: the server to run under.
        made: whether ``thing`` has to be called, without arguments, to get the application.
        summary: first line of its docstring: what it does.
        file, lines: where it is; the numbers of its first line and of the one after its last.
        thing: the application, or what makes it.
    """

    name: str
    bad: bool
    rules: tuple[str, ...]
    also: tuple[str, ...]
    notes: tuple[str, ...]
    level: str | None
    located: bool
    requests: tuple[Request, ...]
    changes: Mapping[str, Any]
    gateway: type[Gateway]
    made: bool
    summary: str
    file: Path
    lines: tuple[int, int]
    thing: Any

    def application(self) -> Any:
        """Return the application; a new one where it has state to keep apart."""
        return self.thing() if self.made else self.thing

    def contains(self, location: str) -> bool:
        """Whether a finding's location, ``file.py:12``, is one of its lines."""
        file, _, line = location.rpartition(":")
        first, end = self.lines
        return Path(file).name == self.file.name and line.isdecimal() and first <= int(line) < end


def bad_app(
    *rules: str,
    also: Sequence[str] = (),
    level: str | None = None,
    located: bool = True,
    request: Request | Sequence[Request] | None = None,
    times: int = 1,
    changes: Mapping[str, Any] | None = None,
    gateway: type[Gateway] = MemoryGateway,
    made: bool = False,
) -> Callable[[Thing], Thing]:
    """Declare an application that breaks rules.

    Args:
        rules: ids of the rules it breaks, best one.
        also: ids of rules that break along with them, with no way to keep them.
        level: what the findings are reported at, where a weaker level is right for this case;
            ``"undefined"`` for a note.
        located: False where what it does cannot be put down to one of its lines.
        request: one or several to make; GET / where absent.
        times: how often to make them.
        changes: to environ, as for ``drive``.
        gateway: the server to run it under.
        made: True for a function that returns the application.
    """
    return _declare(
        bad=True,
        rules=rules,
        also=tuple(also),
        level=level,
        located=located,
        requests=_several(request, times),
        changes=changes or {},
        gateway=gateway,
        made=made,
    )


def good_app(
    *rules: str,
    notes: Sequence[str] = (),
    request: Request | Sequence[Request] | None = None,
    times: int = 1,
    changes: Mapping[str, Any] | None = None,
    gateway: type[Gateway] = MemoryGateway,
    made: bool = False,
) -> Callable[[Thing], Thing]:
    """Declare an application at the legal border of rules; the rest as for `bad_app`.

    Args:
        rules: ids of the rules about which nothing may be said.
        notes: ids of the rules about which nothing but a note may be said.
    """
    return _declare(
        bad=False,
        rules=(*rules, *notes),
        notes=tuple(notes),
        requests=_several(request, times),
        changes=changes or {},
        gateway=gateway,
        made=made,
    )


def _several(request: Request | Sequence[Request] | None, times: int) -> tuple[Request, ...]:
    requests = [request] if isinstance(request, Request) else request or [Request()]
    return tuple(requests) * times


def _declare(**declared: Any) -> Callable[[Any], Any]:
    def decorate(thing: Any) -> Any:
        thing._app_twin = {"also": (), "notes": (), "level": None, "located": True, **declared}
        return thing

    return decorate


def load_app_twins(directory: Path) -> dict[str, AppTwin]:
    """Return all bad and good applications of a directory by name.

    Errors:
        TwinError: a file cannot be imported, an application has no rule or no docstring, or a name
            stands twice.
    """
    twins: dict[str, AppTwin] = {}
    for path in sorted(directory.glob("[!_]*.py")):
        for twin in app_twins_of(path):
            if twin.name in twins:
                raise TwinError(f"{path}: {twin.name} is also in {twins[twin.name].file.name}")
            twins[twin.name] = twin
    return twins


def app_twins_of(path: Path) -> list[AppTwin]:
    """Return the applications of one file, in their order there."""
    try:
        module = load_module(str(path), "conformance_app_twins")
    except ProbeError as error:
        raise TwinError(str(error)) from error
    found = []
    for value in vars(module).values():
        # An object's own dictionary: a subclass of a twin is not one by that alone.
        declared = getattr(value, "__dict__", {}).get("_app_twin")
        if declared is None or value.__module__ != module.__name__:
            continue
        name = value.__name__
        if not declared["rules"]:
            raise TwinError(f"{path}: {name} is about no rule: name one in its decorator")
        if not value.__doc__:
            raise TwinError(f"{path}: {name} has no docstring saying what it does")
        summary = value.__doc__.strip().partition("\n")[0]
        lines, first = inspect.getsourcelines(value)
        span = (first, first + len(lines))
        found.append(AppTwin(name, summary=summary, file=path, lines=span, thing=value, **declared))
    return found


def load_app_twin(spec: str) -> AppTwin:
    """Return the application that ``FILE:NAME`` names.

    Errors:
        TwinError: no such file, or no such application in it.
    """
    file, _, name = spec.rpartition(":")
    for twin in app_twins_of(Path(file)):
        if twin.name == name:
            return twin
    raise TwinError(f"{file}: no bad or good application {name!r}")


@dataclass(frozen=True, slots=True)
class AppTwinReport:
    """What the Validator made of an application.

    Attributes:
        findings: everything it said.
        missed: ids that a bad one breaks and that were not reported, or not at the right level and
            with the right party.
        unrelated: findings that nothing in the application justifies.
        misplaced: justified findings that name no line of the application, or somebody else's.
        failures: what checks of the Validator's own raised.
    """

    findings: tuple[Finding, ...]
    failures: tuple[BaseException, ...]
    missed: tuple[str, ...]
    unrelated: tuple[Finding, ...]
    misplaced: tuple[Finding, ...]


def check_app_twin(twin: AppTwin, rules: Mapping[str, Rule]) -> AppTwinReport:
    """Drive an application under a Validator that keeps all it has to say, and judge that.

    Args:
        twin: the application.
        rules: all rules by id.
    """
    checked = run_app_twin(twin)
    findings, failures = tuple(checked.findings), tuple(checked.failures)
    if not twin.bad:
        unrelated = [f for f in findings if f.level != NOTE or f.rule in silent(twin)]
        return AppTwinReport(findings, failures, (), tuple(unrelated), ())
    wanted = {
        rule: (_strength(twin.level or rules[rule].effective_level), rules[rule].party)
        for rule in twin.rules
    }
    right = [f for f in findings if wanted.get(f.rule) == (_strength(f.level), f.party)]
    caught = {f.rule for f in right}
    return AppTwinReport(
        findings=findings,
        failures=failures,
        missed=tuple(rule for rule in twin.rules if rule not in caught),
        unrelated=tuple(
            f for f in findings if f not in right and f.level != NOTE and f.rule not in twin.also
        ),
        misplaced=tuple(
            f
            for f in right
            if twin.located
            and (f.location or f.rule.startswith(AT_A_CALL))
            and not twin.contains(f.location)
        ),
    )


def run_app_twin(twin: AppTwin) -> Validator:
    """Drive an application under a Validator that keeps all its findings, and return that."""
    checked = Validator(twin.application(), report="collect", notes=True)
    for request in twin.requests:
        # An application may end the whole process; here that ends its request.
        with suppress(SystemExit):
            drive(checked, request, gateway=twin.gateway, changes=twin.changes)
    return checked


def silent(twin: AppTwin) -> set[str]:
    """Return the rules of a good application about which not even a note is in order."""
    return set(twin.rules) - set(twin.notes)


def _strength(level: str) -> str:
    """Return a level without the NOT: a weaker level is given by its strength alone."""
    return level.removesuffix(" NOT")
