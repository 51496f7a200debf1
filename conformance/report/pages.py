"""What stands in the static part of the report: readable without a script, and small."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from conformance.report.matrix import (
    FAMILIES,
    FINDINGS,
    SEVERITY,
    Cell,
    Column,
    Matrix,
    Row,
    worst_outcome,
)
from conformance.report.text import cut
from conformance.report.traceability import TraceRow
from conformance.rules import Rule

__all__ = ["CLASSES", "QUESTIONS", "bar", "cell_title", "link", "parts", "runs", "sections"]

LONGEST_TITLE = 160
# The style draws a sign of its own shape for each, so that nothing hangs on colour alone.
CLASSES: dict[str | None, str] = {None: "n"} | {outcome: outcome[0] for outcome in SEVERITY}
QUESTIONS: Mapping[str, tuple[str, str]] = {
    "": ("All rules", "every rule that was judged"),
    "differs": ("Differences", "rules on which two of them came to different outcomes"),
    "alone": ("One stands alone", "rules that just one of them falls short of"),
    "nobody": ("Nobody passes", "rules that none of them passes"),
    "hangs": ("Hangs and crashes", "something did not come to its end"),
    "must": ("Broken MUSTs", "a MUST or a MUST NOT was broken"),
    "open": ("Inconclusive", "the rule could not be checked on some of them"),
}
"""Named questions: what filters to each, its name, and what it means."""

FAMILY_NAMES = {"PEP 3333": "PEP 3333", "HTTP": "HTTP and CGI"}
# How rules are judged, and what is said of their number.
KINDS = {
    "probes": "rules of {} with probes",
    "validator": "rules of {} judged by the validator",
    "judged": "rules of {} that were judged",
    "untested": "rules of {} without a check, and why",
}


def link(url: str) -> str | None:
    """Return a URL that may be linked to: nothing that a browser would run."""
    return url if url.startswith(("https://", "http://")) else None


def cell_title(cell: Cell) -> str:
    """Return in a line what came of a rule on a subject."""
    if cell.outcome is None:
        return "not judged"
    if cell.outcome == "pass":
        return f"{cell.passed}/{len(cell.verdicts)} pass"
    first = cell.verdicts[0]
    same = sum(verdict.outcome == cell.outcome for verdict in cell.verdicts)
    return cut(
        f"{cell.outcome} {same}/{len(cell.verdicts)}: "
        f"expected {first.expected}; observed {first.observed}",
        LONGEST_TITLE,
    )


def runs(row: Row) -> list[tuple[str | None, int]]:
    """Return the outcomes of a row's cells, those of neighbours that are the same once."""
    groups = groupby(cell.outcome for cell in row.cells)
    return [(outcome, len(list(group))) for outcome, group in groups]


def bar(column: Column, family: str) -> list[tuple[str, float, float]]:
    """Class, start and width (of 100) of each stretch of a subject's bar, worst first."""
    outcomes: Mapping[str, int] = column.outcomes.get(family, {})
    total = sum(outcomes.values())
    at, stretches = 0.0, []
    for outcome in reversed(SEVERITY):
        if outcomes.get(outcome):
            width = 100 * outcomes[outcome] / total
            stretches.append((CLASSES[outcome], round(at, 2), round(width, 2)))
            at += width
    return stretches


def sections(matrix: Matrix) -> list[str]:
    """Return the sections that rows are of, in their order."""
    return list(dict.fromkeys(row.section for row in matrix.rows))


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that came of a rule, and on whom.

    Attributes:
        outcome, expected, observed: of the verdicts, which say the same.
        subjects: names, or how many where those are most.
    """

    outcome: str
    expected: str
    observed: str
    subjects: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule as the list of rules has it.

    Attributes:
        id: its id; rule: what is known of it; row: its row of the matrix, if it was judged.
        trace: how it is covered, where that is known.
        worst: outcome, or None; lines: what came of it but passes.
    """

    id: str
    rule: Rule | None
    row: Row | None
    trace: TraceRow | None
    worst: str | None
    lines: tuple[Line, ...]


def parts(
    matrix: Matrix, rules: Mapping[str, Rule], traceability: Sequence[TraceRow]
) -> list[dict[str, Any]]:
    """The parts of the list of rules, with what this run has seen of each.

    Families are apart, and in each of them what is judged by probes, by the validator, by nothing.
    """
    rows = {row.rule: row for row in matrix.rows}
    covered = {row.rule: row for row in traceability}
    found: dict[tuple[str, str], list[Entry]] = {
        (family, kind): [] for family in FAMILIES for kind in KINDS
    }
    names = [column.key for column in matrix.columns]
    for name in dict.fromkeys([*covered, *rows]):
        row, trace, rule = rows.get(name), covered.get(name), rules.get(name)
        family = rule.family if rule else row.family if row else FAMILIES[0]
        entry = Entry(
            name,
            rule,
            row,
            trace,
            worst_outcome(row.outcomes) if row else None,
            tuple(_lines(row, names)) if row else (),
        )
        found[family, _kind(trace)].append(entry)
    return [
        {
            "family": family,
            "kind": kind,
            "title": KINDS[kind].format(FAMILY_NAMES[family]),
            "entries": entries,
        }
        for (family, kind), entries in found.items()
        if entries
    ]


def _kind(trace: TraceRow | None) -> str:
    if trace is None:
        return "judged"
    return "probes" if trace.probes else "untested" if trace.untested else "validator"


def _lines(row: Row, names: Sequence[str]) -> Iterable[Line]:
    """What came of a rule other than passes; verdicts that say the same are one line."""
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    for cell, name in zip(row.cells, names, strict=True):
        for verdict in cell.verdicts:
            if verdict.outcome in FINDINGS or verdict.broken:
                key = (verdict.outcome, verdict.expected, verdict.observed)
                found.setdefault(key, {})[name] = None
    judged = [name for name, cell in zip(names, row.cells, strict=True) if cell.verdicts]
    for (outcome, expected, observed), subjects in sorted(
        found.items(), key=lambda one: -SEVERITY.index(one[0][0])
    ):
        yield Line(outcome, expected, observed, _named(subjects, judged))


def _named(subjects: Mapping[str, None], judged: Sequence[str]) -> str:
    """Names of subjects; where they are most of those judged, the others are named instead."""
    others = [name for name in judged if name not in subjects]
    if not others and len(judged) > 2:
        return f"all {len(judged)} judged"
    if len(others) * 2 < len(subjects) and len(judged) > 6:
        return f"all {len(judged)} judged but {', '.join(others)}"
    return ", ".join(subjects)
