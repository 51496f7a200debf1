"""What GitHub Actions shows at a commit: annotations, as lines on standard output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conformance.report.text import cut, visible
from conformance.results import Finding, Gate
from conformance.results.judged import by_rule

__all__ = ["MOST", "commands"]

MOST = 10
"""GitHub shows so many errors of one step and drops the rest without a word."""

LONGEST = 1000


def commands(gate: Gate, files: Mapping[str, str], fails: bool = True) -> list[str]:
    """Return the lines: one for each finding, stale entry and subject that was not judged.

    Args:
        files: by name of a subject, the file that it is described in; and under "", the baseline.
        fails: whether the run fails for it; a warning is shown otherwise.
    """
    lines = [*_all(gate, files, "error" if fails else "warning")]
    if len(lines) <= MOST:
        return lines
    left = len(lines) - MOST
    return [
        *lines[:MOST],
        _command("notice", f"{left} more were left out here: the step's summary has them", "", 0),
    ]


def _all(gate: Gate, files: Mapping[str, str], kind: str) -> Iterator[str]:
    for subject, why in gate.unjudged:
        message = f"not judged: {why}"
        yield _command(kind, message, subject.name, 0, files.get(subject.name, ""))
    for finding in gate.unexpected:
        title = f"{finding.subject.name}: {finding.rule} ({finding.worst.level})"
        file = files.get(finding.subject.name, "")
        yield _command(kind, _message(finding), title, 0, file)
    for entry in gate.stale:
        title = f"{entry.subject}: {entry.rule} passes"
        message = "It is listed as an expected failure and is none any more: take the entry out."
        yield _command(kind, message, title, entry.line, files.get("", ""))


def _message(finding: Finding) -> str:
    worst = finding.worst
    told = f"{worst.outcome} in {worst.probe}\nexpected {worst.expected}\nobserved {worst.observed}"
    more = len(by_rule(finding.subject)[finding.rule].verdicts) - 1
    others = len(finding.verdicts) - 1
    return told + (f"\nand in {others} more of {more + 1} checks" if others else "")


def _command(kind: str, message: str, title: str, line: int, file: str = "") -> str:
    """One workflow command; a property that is empty is left out."""
    properties = {"file": file, "line": str(line) if line and file else "", "title": title}
    told = ",".join(f"{name}={_property(text)}" for name, text in properties.items() if text)
    lines = "\n".join(visible(part) for part in cut(message, LONGEST).splitlines())
    return f"::{kind}{' ' if told else ''}{told}::{_data(lines)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(visible(text)).replace(":", "%3A").replace(",", "%2C")
