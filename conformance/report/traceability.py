"""The traceability table: which rule is judged by which probes, and what proves that they bite."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from conformance.rules import Rule, default_untested, judged_by

__all__ = ["EVERY_EXCHANGE", "TraceRow", "trace_rows"]

EVERY_EXCHANGE = "every-exchange"
"""Stands for a probe where a rule is judged in all of them."""


class Judge(Protocol):
    """As much of a probe as a report needs to know."""

    rules: tuple[str, ...]


class Double(Protocol):
    """As much of a twin as a report needs to know."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of its rules."""

    @property
    def bad(self) -> bool:
        """Whether it breaks them."""


@dataclass(frozen=True, slots=True)
class TraceRow:
    """How one rule is covered.

    Attributes:
        rule: its id.
        probes: names of the probes that judge it, ``every-exchange`` among them.
        twins: names of the twins that break it and must be caught.
        untested: why nothing judges it, or None where something does.
        good_twins: names of the twins at its border, which must stay clean.
        judged_by: what judges it where no probe does, or None.

    A rule has probes, or ``judged_by``, or ``untested``: one of the three.
    """

    rule: str
    probes: tuple[str, ...]
    twins: tuple[str, ...]
    untested: str | None
    good_twins: tuple[str, ...] = ()
    judged_by: str | None = None


def trace_rows(
    rules: Mapping[str, Rule],
    probes: Mapping[str, Judge],
    twins: Mapping[str, Double],
    general: Collection[str] = (),
) -> list[TraceRow]:
    """Return one row for each rule, in the order of the rules.

    Args:
        rules: all rules by id.
        probes: by name.
        twins: by name.
        general: ids of the rules that are judged in every exchange.
    """
    by_rule: dict[str, list[str]] = {}
    for judged in general:
        by_rule[judged] = [EVERY_EXCHANGE]
    for name in sorted(probes):
        for judged in probes[name].rules:
            by_rule.setdefault(judged, []).append(name)
    rows = []
    for rule in rules.values():
        own = tuple(by_rule.get(rule.id, ()))
        elsewhere = None if own else judged_by(rule)
        mine = [twin for _, twin in sorted(twins.items()) if rule.id in twin.rules]
        rows.append(
            TraceRow(
                rule.id,
                own,
                tuple(twin.name for twin in mine if twin.bad),
                None if own or elsewhere else rule.untested or default_untested(rule),
                tuple(twin.name for twin in mine if not twin.bad),
                elsewhere,
            )
        )
    return rows
