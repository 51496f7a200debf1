"""Markdown for a pull request or a step's summary: bounded, and cut between rows of a table.

Whatever a server said stands in ``<code>`` with all that Markdown could take for its own as a
character reference. There it can be no markup, no mention and no link, wherever it is pasted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from conformance.report.text import cut, visible
from conformance.results import Finding, Gate, Results, SubjectResult
from conformance.results.judged import GATEWAY, HTTP, by_rule, score, selection
from conformance.rules import Rule

__all__ = ["COMMENT", "SUMMARY", "Table", "code", "fit", "link", "render_markdown"]

COMMENT = 65_536
"""Characters that GitHub takes in a comment; GitLab takes more."""

SUMMARY = 1024 * 1024
"""Bytes that GitHub takes in the summary of a step."""

# Anything else of ASCII means something to Markdown, HTML or GitHub somewhere.
PLAIN = re.compile(r"[^A-Za-z0-9 .,/;='\"()%?\u00a1-\U0010ffff+-]|(?i:(?<=www)\.)")
LONGEST = 300
# Kept free for the line that says that rows were left out, and for what stands behind the tables.
RESERVE = 600


@dataclass(frozen=True, slots=True)
class Table:
    """A table of Markdown.

    Attributes:
        title: heading above it. head: of the columns. rows: cells, already Markdown.
        note: a line under the heading.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def render_markdown(
    results: Results, gate: Gate, rules: Mapping[str, Rule], most: int = COMMENT
) -> str:
    """Return the text.

    Args:
        most: characters, and bytes of UTF-8, that it has at most.
    """
    about = [f"edition {results.edition}", f"wsgi-conformance {results.suite}"]
    if selection(results):
        about.append(f"a selection: {selection(results)}")
    tail = "Numbers are rules passed of rules judged. " + ", ".join(map(code, about)) + "\n"
    return fit(f"## {_headline(gate)}\n", list(_tables(results, gate, rules)), tail, most)


def _headline(gate: Gate) -> str:
    parts = [
        f"{len(found)} {name if len(found) == 1 else names}"
        for found, name, names in (
            (gate.unexpected, "unexpected finding", "unexpected findings"),
            (gate.stale, "stale entry of the baseline", "stale entries of the baseline"),
            (gate.unjudged, "subject not judged", "subjects not judged"),
        )
        if found
    ]
    told = ", ".join(parts) or "nothing unexpected"
    return f"wsgi-conformance: {told}"


def _tables(results: Results, gate: Gate, rules: Mapping[str, Rule]) -> Iterator[Table]:
    columns = [
        (family, word)
        for family in (GATEWAY, HTTP)
        for word in ("MUST", "SHOULD")
        if any(score(subject, family, word).judged for subject in results.subjects)
    ]
    names = [word if family == GATEWAY else f"{family} {word}" for family, word in columns]
    yield Table(
        "Subjects",
        ["subject", "version", *names, "unexpected", "expected", "stale"],
        [_subject_row(subject, columns, gate) for subject in results.subjects],
    )
    if gate.unjudged:
        rows = [[code(subject.name), code(why)] for subject, why in gate.unjudged]
        yield Table("Not judged", ["subject", "why"], rows)
    if gate.unexpected:
        rows = [_finding_row(finding, rules) for finding in gate.unexpected]
        yield Table(
            "Unexpected", ["subject", "rule", "level", "outcome", "expected", "observed"], rows
        )
    if gate.stale:
        yield Table(
            "Stale",
            ["subject", "rule", "reason that was given"],
            [
                [code(entry.subject), link(entry.rule, rules), code(entry.reason)]
                for entry in gate.stale
            ],
            "Listed as expected failures, and they pass: take the entries out of the baseline.",
        )
    if gate.expected:
        yield Table(
            "Expected",
            ["subject", "rule", "outcome", "reason"],
            [_expected_row(finding, rules) for finding in gate.expected],
        )


def _subject_row(
    subject: SubjectResult, columns: Sequence[tuple[str, str]], gate: Gate
) -> list[str]:
    scores = [score(subject, family, word) for family, word in columns]
    return [
        code(subject.name),
        code(subject.version) if subject.version else "",
        *(str(each) if each.judged else "" for each in scores),
        *(
            str(number) if number else ""
            for number in (
                sum(finding.subject.name == subject.name for finding in gate.unexpected),
                sum(finding.subject.name == subject.name for finding in gate.expected),
                sum(entry.subject == subject.name for entry in gate.stale),
            )
        ),
    ]


def _finding_row(finding: Finding, rules: Mapping[str, Rule]) -> list[str]:
    worst = finding.worst
    checks = len(by_rule(finding.subject)[finding.rule].verdicts)
    where = f" ({len(finding.verdicts)} of {checks} checks)" if checks > 1 else ""
    return [
        code(finding.subject.name),
        link(finding.rule, rules),
        code(worst.level),
        f"{code(worst.outcome)}{where}",
        code(worst.expected),
        code(worst.observed),
    ]


def _expected_row(finding: Finding, rules: Mapping[str, Rule]) -> list[str]:
    assert finding.entry is not None
    reason = code(finding.entry.reason)
    if finding.entry.link:
        reason += f" ([link]({_address(finding.entry.link)}))"
    return [
        code(finding.subject.name),
        link(finding.rule, rules),
        code(finding.worst.outcome),
        reason,
    ]


def fit(head: str, tables: Iterable[Table], tail: str, most: int) -> str:
    """Return head, tables and tail, with as many rows as there is room for.

    Rows are taken in order; what is left out is counted. Sizes are bytes of UTF-8, which are never
    fewer than characters.
    """
    text = head
    room = most - RESERVE - _size(head) - _size(tail)
    left = 0
    for table in tables:
        opening = _opening(table)
        if left or room < _size(opening) + RESERVE:
            left += len(table.rows)
            continue
        room -= _size(opening)
        text += opening
        for number, row in enumerate(table.rows):
            line = _line(row)
            if _size(line) > room:
                left += len(table.rows) - number
                break
            room -= _size(line)
            text += line
    if left:
        text += f"\n**{left} more rows are left out: there is no room for them here.**\n"
    return f"{text}\n{tail}"


def _opening(table: Table) -> str:
    note = f"{table.note}\n\n" if table.note else ""
    return f"\n### {table.title}\n\n{note}{_line(table.head)}{_line(['---'] * len(table.head))}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _size(text: str) -> int:
    return len(text.encode("utf-8"))


def code(text: str) -> str:
    """Return any text as code that Markdown and HTML leave alone, in one line."""
    shown = cut(visible(text), LONGEST)
    return f"<code>{PLAIN.sub(lambda match: f'&#{ord(match[0])};', shown)}</code>" if shown else ""


def link(rule: str, rules: Mapping[str, Rule]) -> str:
    """Return a rule's id, leading to its text where it is known."""
    known = rules.get(rule)
    return f"[{code(rule)}]({_address(known.url)})" if known else code(rule)


def _address(url: str) -> str:
    """An address as a link's target can hold it."""
    return re.sub(r"[^A-Za-z0-9:/?#!$&'*+,;=%._~-]", _percent, url)


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "replace"))
