"""What a page needs to open any cell: subjects, rules, every verdict, and where its evidence is.

Texts stand in a table of their own, since most subjects are told the same things; a check, which
is a rule in a probe, is a row over all subjects, as the evidence is. What an address of the page
can name stands as the static part has it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.report.evidence import Evidence
from conformance.report.matrix import Column, Matrix
from conformance.report.text import visible
from conformance.report.traceability import TraceRow
from conformance.results import OUTCOMES, GridCell, Results, Verdict
from conformance.rules import Rule

__all__ = ["make_index"]


class Texts:
    """Texts, each once."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Return the place of a text in the table, where it is put if it is new."""
        return self.numbers.setdefault(text, len(self.numbers))


def make_index(
    results: Results,
    matrix: Matrix,
    rules: Mapping[str, Rule],
    evidence: Evidence,
    traceability: Sequence[TraceRow],
    brief: bool = False,
) -> dict[str, Any]:
    """Return the index as JSON-ready data.

    Args:
        results, matrix, rules, evidence, traceability: as the page has them.
        brief: whether rules that nothing judged come without how they could be.
    """
    texts = Texts()
    covered = {row.rule: row for row in traceability}
    checks = _checks(matrix, evidence, texts)
    judged = {row.rule for row in matrix.rows}
    others = {
        rule.id: _rule(rule.id, rules, covered)
        for rule in rules.values()
        if traceability and rule.id not in judged
    }
    for other in others.values() if brief else ():
        for name in ("how", "pitfalls", "bad", "good"):
            other[name] = ""
    grid = [_cell(cell, texts) for cell in results.grid]
    return {
        "edition": results.edition,
        "suite": results.suite,
        "outcomes": OUTCOMES,
        "subjects": [
            _subject(column, number, evidence, texts)
            for number, column in enumerate(matrix.columns)
        ],
        "rules": {visible(row.rule): _rule(row.rule, rules, covered) for row in matrix.rows},
        "others": others,
        "checks": checks,
        "grid": grid,
        "texts": list(texts.numbers),
    }


def _rule(name: str, rules: Mapping[str, Rule], covered: Mapping[str, TraceRow]) -> dict[str, Any]:
    rule, row = rules.get(name), covered.get(name)
    found: dict[str, Any] = {}
    if rule is not None:
        found = {
            "level": rule.effective_level,
            "text": rule.level,
            "party": rule.party,
            "family": rule.family,
            "source": rule.source,
            "section": rule.section,
            "summary": rule.summary,
            "url": rule.url,
            "how": rule.how,
            "pitfalls": rule.pitfalls,
            "implicit": rule.implicit,
        }
    if row is not None:
        found |= {"probes": row.probes, "bad": row.twins, "good": row.good_twins}
        found |= {"elsewhere": row.judged_by, "untested": row.untested}
    return found


def _subject(column: Column, number: int, evidence: Evidence, texts: Texts) -> dict[str, Any]:
    subject, home = column.subject, evidence.homes[number]
    return {
        "key": column.key,
        "name": subject.name,
        "title": subject.title,
        "kind": subject.kind,
        "version": subject.version,
        "python": subject.python,
        "homepage": subject.homepage,
        "started": subject.started,
        "unavailable": subject.unavailable,
        "family": subject.family,
        "failure": subject.failure,
        "command": subject.command,
        "startedIn": round(subject.started_in, 3),
        "duration": round(subject.duration, 3),
        "exchanges": subject.exchanges,
        "log": subject.log,
        "markers": home.markers,
        "ports": home.ports,
        "facts": [
            [
                *(texts.number(text) for text in (visible(fact.name), fact.value, fact.probe)),
                _trace(evidence, number, fact.trace),
            ]
            for fact in subject.facts
        ],
    }


def _trace(evidence: Evidence, subject: int, key: str | None) -> int:
    """Number of a trace; -1 where nothing was recorded, -2 where the results do not have it."""
    return -1 if key is None else evidence.numbers.get((subject, key), -2)


Check = tuple[str, str, int]


def _checks(matrix: Matrix, evidence: Evidence, texts: Texts) -> list[list[Any]]:
    """Each check: rule, probe, the different verdicts on it, and for each subject which and where.

    For each subject that was judged: how many columns after the one before, number of the verdict,
    and the trace, as a difference to that of the subject before.
    """
    rows: dict[Check, list[tuple[int, Verdict]]] = {}
    for number, column in enumerate(matrix.columns):
        seen: Counter[tuple[str, str]] = Counter()
        for verdict in column.subject.verdicts:
            name = (verdict.rule, verdict.probe)
            rows.setdefault((*name, seen[name]), []).append((number, verdict))
            seen[name] += 1
    checks = []
    for (rule, probe, _), judged in rows.items():
        kinds: dict[tuple[int, ...], int] = {}
        places: list[int] = []
        column_before = trace_before = 0
        for number, verdict in judged:
            kind = (
                OUTCOMES.index(verdict.outcome),
                texts.number(verdict.expected),
                texts.number(verdict.observed),
                int(verdict.broken),
            )
            trace = _trace(evidence, number, verdict.trace)
            places += [
                number - column_before,
                kinds.setdefault(kind, len(kinds)),
                trace - trace_before,
            ]
            column_before, trace_before = number, trace
        checks.append([texts.number(visible(rule)), texts.number(probe), list(kinds), places])
    return checks


def _cell(cell: GridCell, texts: Texts) -> list[Any]:
    head = (cell.server, cell.framework, cell.server_version, cell.framework_version, cell.python)
    return [
        *(texts.number(text) for text in head),
        cell.started,
        texts.number(cell.failure),
        [
            [
                OUTCOMES.index(each.outcome),
                *(texts.number(text) for text in (each.name, each.expected, each.observed)),
                None if each.exchange is None else texts.number(each.exchange),
            ]
            for each in cell.behaviours
        ],
    ]
