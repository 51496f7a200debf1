"""Facts: what was found out of the subjects and is not judged, told value by value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.results import Results

__all__ = ["FactRow", "make_facts"]


@dataclass(frozen=True, slots=True)
class FactRow:
    """One fact.

    Attributes:
        name: of the fact; probes: those that found it out.
        values: each with the numbers and the keys of the subjects that have it, the most common
            first.
    """

    name: str
    probes: tuple[str, ...]
    values: tuple[tuple[str, tuple[tuple[int, str], ...]], ...]


def make_facts(results: Results, keys: Sequence[str]) -> list[FactRow]:
    """Return the facts of all subjects, in the order they were found out.

    Args:
        keys: of the subjects, unique.
    """
    found: dict[str, dict[str, list[tuple[int, str]]]] = {}
    probes: dict[str, dict[str, None]] = {}
    for number, (subject, key) in enumerate(zip(results.subjects, keys, strict=True)):
        for fact in subject.facts:
            found.setdefault(fact.name, {}).setdefault(fact.value, []).append((number, key))
            probes.setdefault(fact.name, {})[fact.probe] = None
    return [
        FactRow(
            name,
            tuple(probes[name]),
            tuple(
                (value, tuple(subjects))
                for value, subjects in sorted(values.items(), key=lambda one: -len(one[1]))
            ),
        )
        for name, values in found.items()
    ]
