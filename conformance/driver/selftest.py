"""Checks the checks that need no process: twins of every kind that are judged in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from conformance.driver.active_twins import FILE, check_active_twin
from conformance.driver.middleware_twins import (
    MiddlewareTwin,
    check_middleware_twin,
    load_middleware_twins,
)
from conformance.driver.server_twins import check_server_twin
from conformance.driver.twins import AppTwin, check_app_twin, load_app_twins
from conformance.reference.twins import Twin, TwinError, load_twins
from conformance.rules import Rule

__all__ = ["MemoryTwin", "MemoryTwinReport", "check_memory_twin", "load_memory_twins"]

Judge = Callable[[Mapping[str, Rule]], tuple[tuple[str, ...], tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class MemoryTwin:
    """One twin of any kind.

    Attributes:
        kind: what it is, in a word or three.
        name, bad, rules, summary: as of the twin itself.
        judge: given all rules by id, says which it was not caught for, and what it was caught for
            without cause.
    """

    kind: str
    name: str
    bad: bool
    rules: tuple[str, ...]
    summary: str
    judge: Judge


@dataclass(frozen=True, slots=True)
class MemoryTwinReport:
    """What came of one twin.

    Attributes:
        missed: ids of rules that were not judged as they have to be, or why nothing was judged.
        unrelated: one line for everything that was made up.
    """

    twin: MemoryTwin
    missed: tuple[str, ...]
    unrelated: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether the twin was judged as it should be."""
        return not self.missed and not self.unrelated


def check_memory_twin(twin: MemoryTwin, rules: Mapping[str, Rule]) -> MemoryTwinReport:
    """Judge a twin, and say whether it was judged rightly.

    Args:
        rules: all rules by id.
    """
    try:
        return MemoryTwinReport(twin, *twin.judge(rules))
    except TwinError as error:
        return MemoryTwinReport(twin, (str(error),), ())


@cache
def load_memory_twins(directory: Path) -> tuple[MemoryTwin, ...]:
    """Return all twins below ``apps/twins``: applications, middlewares and servers.

    Errors:
        TwinError: a file cannot be imported, a twin is not whole, or two have one name.
    """
    found = [
        *map(_of_application, load_app_twins(directory).values()),
        *map(_of_middleware, load_middleware_twins(directory / "middleware").values()),
        *map(_of_server, load_twins(directory).values()),
    ]
    kinds: dict[str, str] = {}
    for twin in found:
        if twin.name in kinds:
            raise TwinError(
                f"{twin.name}: names twins of two kinds: {kinds[twin.name]}, {twin.kind}"
            )
        kinds[twin.name] = twin.kind
    return tuple(found)


def _of_application(twin: AppTwin) -> MemoryTwin:
    active = twin.file.name == FILE
    judge = partial(_judge_active if active else _judge_application, twin)
    kind = "application, in scenarios" if active else "application"
    return MemoryTwin(kind, twin.name, twin.bad, twin.rules, twin.summary, judge)


def _of_middleware(twin: MiddlewareTwin) -> MemoryTwin:
    # A good one that is bound by none of its rules is still about them.
    rules = twin.rules or twin.exempt
    judge = partial(_judge_middleware, twin)
    return MemoryTwin("middleware", twin.name, twin.bad, rules, twin.summary, judge)


def _of_server(twin: Twin) -> MemoryTwin:
    judge = partial(_judge_server, twin)
    return MemoryTwin("server in memory", twin.name, twin.bad, twin.rules, twin.summary, judge)


def _judge_application(
    twin: AppTwin, rules: Mapping[str, Rule]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    report = check_app_twin(twin, rules)
    wrong = [str(finding) for finding in report.unrelated]
    wrong += [f"not one of its lines: {finding}" for finding in report.misplaced]
    wrong += [f"a check failed: {failure!r}" for failure in report.failures]
    return report.missed, tuple(wrong)


def _judge_active(
    twin: AppTwin, rules: Mapping[str, Rule]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    report = check_active_twin(twin, rules)
    wrong = [f"{each.outcome}: {each.rule}: {each.observed}" for each in report.unrelated]
    return report.missed, tuple(wrong)


def _judge_middleware(
    twin: MiddlewareTwin, rules: Mapping[str, Rule]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    report = check_middleware_twin(twin, rules)
    wrong = [
        f"{each.outcome}: {each.rule} in {each.probe}: {each.observed}" for each in report.unrelated
    ]
    return report.missed, (*wrong, *report.harness)


def _judge_server(twin: Twin, rules: Mapping[str, Rule]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    report = check_server_twin(twin)
    return report.missed, tuple(str(finding) for finding in report.unrelated)
