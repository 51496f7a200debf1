"""A difference of two results for people, as text, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.report.markdown import COMMENT, Table, code, fit, link
from conformance.report.text import visible
from conformance.results.difference import KINDS, Change, Difference
from conformance.results.judged import Judged, selection
from conformance.rules import Rule

__all__ = ["diff_json", "diff_lines", "diff_markdown"]

ABSENT = "not judged"


def headline(difference: Difference) -> str:
    """Return the numbers in one line; each kind is counted for itself."""
    told = [f"{len(difference.of(kind))} {kind}" for kind in KINDS]
    return f"{', '.join(told)}; {difference.same} as before"


def remarks(difference: Difference) -> Iterator[str]:
    """Yield what a reader has to know of the two runs before the changes mean anything."""
    old, new = difference.old, difference.new
    if old.edition != new.edition:
        yield f"editions differ: {old.edition}, {new.edition}"
    if old.suite != new.suite:
        yield f"versions of wsgi-conformance differ: {old.suite}, {new.suite}"
    for word, results in (("old", old), ("new", new)):
        if selection(results):
            yield f"the {word} run was of a selection: {selection(results)}"
    for word, names in (
        ("subjects added", difference.subjects_added),
        ("subjects removed", difference.subjects_removed),
        ("no longer judged at all", difference.lost),
    ):
        if names:
            yield f"{word}: {', '.join(names)}"
    versions = {subject.name: subject.version for subject in old.subjects}
    for subject in new.subjects:
        before = versions.get(subject.name, subject.version)
        if before != subject.version:
            yield f"{subject.name}: {before or 'no version'} -> {subject.version or 'no version'}"


def diff_lines(difference: Difference) -> Iterator[str]:
    """Yield the lines for a terminal; whatever the results hold cannot steer it."""
    for remark in remarks(difference):
        yield visible(remark)
    for kind in KINDS:
        for change in difference.of(kind):
            before, after = (outcome or ABSENT for outcome in change.outcomes)
            yield visible(f"{kind}: {change.subject} {change.rule} ({before} -> {after})")
            if kind in ("newly failing", "changed") and change.after is not None:
                yield visible(f"    expected {change.after.worst.expected}")
                yield visible(f"    observed {change.after.worst.observed}")
    yield headline(difference)


def diff_markdown(difference: Difference, rules: Mapping[str, Rule], most: int = COMMENT) -> str:
    """Return the text for a pull request; bounded like every other."""
    tables = [
        Table(
            f"{kind.capitalize()} ({len(difference.of(kind))})",
            ["subject", "rule", "level", "before", "after", "observed"],
            [_row(change, rules) for change in difference.of(kind)],
        )
        for kind in KINDS
        if difference.of(kind)
    ]
    told = "".join(f"- {code(remark)}\n" for remark in remarks(difference))
    head = f"## wsgi-conformance: {headline(difference)}\n" + (f"\n{told}" if told else "")
    # Names of subjects may be many; a head that is longer than all there is room for is no head.
    head = head if len(head) < most // 2 else f"## wsgi-conformance: {headline(difference)}\n"
    edition = difference.new.edition
    return fit(head, tables, f"Edition {code(edition)}, compared rule by rule.\n", most)


def _row(change: Change, rules: Mapping[str, Rule]) -> list[str]:
    judged = change.after or change.before
    assert judged is not None
    before, after = change.outcomes
    return [
        code(change.subject),
        link(change.rule, rules),
        code(judged.worst.level),
        code(before) if before else ABSENT,
        code(after) if after else ABSENT,
        code(change.after.worst.observed) if change.after else "",
    ]


def diff_json(difference: Difference) -> dict[str, Any]:
    """Return the object for programs."""
    old, new = difference.old, difference.new
    return {
        "format": "wsgi-conformance-diff",
        "version": 1,
        "editions": [old.edition, new.edition],
        "suites": [old.suite, new.suite],
        "counts": {kind: len(difference.of(kind)) for kind in KINDS} | {"same": difference.same},
        "regressed": difference.regressed,
        "remarks": [*remarks(difference)],
        "subjects_added": difference.subjects_added,
        "subjects_removed": difference.subjects_removed,
        "subjects_lost": difference.lost,
        "changes": [
            {
                "kind": change.kind,
                "subject": change.subject,
                "rule": change.rule,
                "counts": change.counts,
                "before": _side(change.before),
                "after": _side(change.after),
            }
            for change in difference.changes
        ],
    }


def _side(judged: Judged | None) -> dict[str, str] | None:
    if judged is None:
        return None
    worst = judged.worst
    return {
        "outcome": worst.outcome,
        "level": worst.level,
        "probe": worst.probe,
        "expected": worst.expected,
        "observed": worst.observed,
    }
