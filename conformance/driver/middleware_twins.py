"""Bad and good middlewares, to check the judging of middlewares with.

A bad one breaks one rule and must be found out for it; a good one is at the border of rules, or
looks odd, and must be left in peace. One is a function or class that takes an application and
returns one, with a line of docstring, in a file under ``apps/twins/middleware/``; being there is
all it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from conformance.driver.middleware import judge_middleware
from conformance.harness.verify import failing
from conformance.probing import ProbeError, load_module
from conformance.reference.twins import TwinError
from conformance.results.model import Verdict
from conformance.rules import Rule

__all__ = [
    "MiddlewareTwin",
    "MiddlewareTwinReport",
    "bad_middleware",
    "check_middleware_twin",
    "good_middleware",
    "load_middleware_twins",
]

Thing = TypeVar("Thing", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class MiddlewareTwin:
    """One middleware, and what has to come of it.

    Attributes:
        name: of its function or class.
        bad: whether it breaks its rules, or sits at their border and is clean.
        rules: ids; a bad one breaks each of them, a good one passes each of them.
        also: of a bad one: ids that may be reported along with them.
        exempt: of a good one: ids about which there may be no verdict at all.
        level: what a bad one has to be reported at, or None for each rule's effective level.
        options: of ``judge_middleware``.
        summary: first line of its docstring: what it does. file: where it is.
        thing: the middleware.
    """

    name: str
    bad: bool
    rules: tuple[str, ...]
    also: tuple[str, ...]
    exempt: tuple[str, ...]
    level: str | None
    options: Mapping[str, Any]
    summary: str
    file: Path
    thing: Any


def bad_middleware(
    *rules: str, also: Sequence[str] = (), level: str | None = None, **options: Any
) -> Callable[[Thing], Thing]:
    """Declare a middleware that breaks rules.

    Args:
        rules: ids of the rules it breaks, best one.
        also: ids of rules that break along with them, with no way to keep them.
        level: what the findings are reported at, where a weaker level is right for this case.
        options: of ``judge_middleware``.
    """
    return _declare(
        bad=True, rules=rules, also=tuple(also), exempt=(), level=level, options=options
    )


def good_middleware(
    *rules: str, exempt: Sequence[str] = (), **options: Any
) -> Callable[[Thing], Thing]:
    """Declare a middleware at the legal border of rules.

    Args:
        rules: ids of the rules that it is put to the test for, and passes.
        exempt: ids of the rules that it looks bound by and is not: they get no verdict.
        options: of ``judge_middleware``.
    """
    return _declare(
        bad=False, rules=rules, also=(), exempt=tuple(exempt), level=None, options=options
    )


def _declare(**declared: Any) -> Callable[[Any], Any]:
    def decorate(thing: Any) -> Any:
        thing._middleware_twin = declared
        return thing

    return decorate


def load_middleware_twins(directory: Path) -> dict[str, MiddlewareTwin]:
    """Return all bad and good middlewares of a directory by name.

    Errors:
        TwinError: a file cannot be imported, one has no docstring, or a name stands twice.
    """
    twins: dict[str, MiddlewareTwin] = {}
    for path in sorted(directory.glob("[!_]*.py")):
        try:
            module = load_module(str(path), "conformance_middleware_twins")
        except ProbeError as error:
            raise TwinError(str(error)) from error
        for value in vars(module).values():
            declared = getattr(value, "__dict__", {}).get("_middleware_twin")
            if declared is None or value.__module__ != module.__name__:
                continue
            name = value.__name__
            if not value.__doc__:
                raise TwinError(f"{path}: {name} has no docstring saying what it does")
            if name in twins:
                raise TwinError(f"{path}: {name} is also in {twins[name].file.name}")
            summary = value.__doc__.strip().partition("\n")[0]
            twins[name] = MiddlewareTwin(name, summary=summary, file=path, thing=value, **declared)
    return twins


@dataclass(frozen=True, slots=True)
class MiddlewareTwinReport:
    """What was made of a middleware.

    Attributes:
        verdicts: all of them.
        missed: ids that were not judged as they have to be.
        unrelated: verdicts that nothing in the middleware justifies.
        harness: findings about the two sides it stood between.
    """

    verdicts: tuple[Verdict, ...]
    missed: tuple[str, ...]
    unrelated: tuple[Verdict, ...]
    harness: tuple[str, ...]


def check_middleware_twin(twin: MiddlewareTwin, rules: Mapping[str, Rule]) -> MiddlewareTwinReport:
    """Judge a middleware, and judge that.

    Args:
        rules: all rules by id.
    """
    judged = judge_middleware(twin.thing, rules, name=twin.name, **twin.options)
    verdicts = tuple(judged.result.verdicts)
    if judged.result.failure:
        raise TwinError(f"{twin.name}: {judged.result.failure}")
    broken = [verdict for verdict in verdicts if verdict.outcome != "pass"]
    if twin.bad:
        wanted = {(rule, failing(twin.level or rules[rule].effective_level)) for rule in twin.rules}
        caught = {(verdict.rule, verdict.outcome) for verdict in broken}
        missed = tuple(rule for rule, outcome in wanted if (rule, outcome) not in caught)
    else:
        passes = {verdict.rule for verdict in verdicts if verdict.outcome == "pass"}
        missed = tuple(rule for rule in twin.rules if rule not in passes)
    allowed = {*twin.rules, *twin.also} if twin.bad else set()
    unrelated = [
        verdict
        for verdict in verdicts
        if (verdict.outcome in ("fail", "warn", "error") and verdict.rule not in allowed)
        or verdict.rule in twin.exempt
    ]
    harness = [str(each) for each in judged.foreign if each.counted]
    return MiddlewareTwinReport(verdicts, missed, tuple(unrelated), tuple(harness))
