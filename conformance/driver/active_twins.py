"""Bad and good applications that only the scenarios of the application check tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.driver.check import Application, Found, Target
from conformance.driver.supervise import make_jobs
from conformance.driver.twins import AppTwin
from conformance.rules import Rule

__all__ = ["FILE", "ActiveTwinReport", "check_active_twin", "play_all"]

FILE = "active.py"
"""Name of the file with these applications; those of other files show in any traffic."""

UNBROKEN = ("pass", "info")


@dataclass(frozen=True, slots=True)
class ActiveTwinReport:
    """What the scenarios made of an application.

    Attributes:
        found: everything, each with the name of its scenario.
        missed: ids that a bad one breaks and that were not reported, or not at the rule's level and
            with its party.
        unrelated: what was reported though nothing in the application justifies it.
    """

    found: tuple[tuple[str, Found], ...]
    missed: tuple[str, ...]
    unrelated: tuple[Found, ...]


def check_active_twin(twin: AppTwin, rules: Mapping[str, Rule]) -> ActiveTwinReport:
    """Play every scenario on an application, and judge what came of it.

    Args:
        rules: all rules by id.
    """
    targets = [Target("/", each, each.method != b"GET") for each in twin.requests]
    found = play_all(Application(twin.application(), targets))
    broken = [each for _, each in found if each.outcome not in UNBROKEN]
    right = {
        each.rule
        for each in broken
        if each.level == rules[each.rule].effective_level and each.party == rules[each.rule].party
    }
    own = {*twin.rules, *twin.also} if twin.bad else set()
    return ActiveTwinReport(
        tuple(found),
        tuple(rule for rule in twin.rules if twin.bad and rule not in right),
        tuple(each for each in broken if each.rule not in own),
    )


def play_all(application: Application, globs: Sequence[str] = ()) -> list[tuple[str, Found]]:
    """Play all scenarios, or those named like this, on all targets; return what was found."""
    jobs = make_jobs([target.text for target in application.targets], globs)
    return [
        (scenario, found)
        for number, scenario in jobs
        for found in application.play(number, scenario).found
    ]
