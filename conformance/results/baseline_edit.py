"""Brings a baseline up to date: the text of entries that stay is left as people wrote it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from conformance.results.baseline import HEADER, UNWRITTEN, Baseline, BaselineError, Entry
from conformance.results.gate import Finding, Gate

__all__ = ["Update", "update"]

HEAD = """\
# Failures that wsgi-conformance is told to expect. One that is listed here and passes is an error,
# so that this list only ever gets shorter; each needs a reason.
"""


@dataclass(frozen=True, slots=True)
class Update:
    """A new text, and what is new in it."""

    text: str
    added: tuple[Entry, ...]
    removed: tuple[Entry, ...]
    kept: int


def update(baseline: Baseline, gate: Gate) -> Update:
    """Return a baseline with what is unexpected added and what is stale taken out.

    Errors:
        BaselineError: its entries are not written as tables, or two of them in a way that cannot
            be told apart by lines.
    """
    removed = tuple(gate.stale)
    head, pieces = _pieces(baseline)
    kept = [
        piece for entry, piece in zip(baseline.entries, pieces, strict=True) if entry not in removed
    ]
    added: list[Entry] = []
    text = head + "".join(kept) if baseline.text else HEAD
    for finding in gate.unexpected:
        if baseline.find(finding.subject.name, finding.rule) is not None:
            # Listed for another outcome: a person has to say which of them is meant.
            continue
        entry = Entry(finding.subject.name, finding.rule, UNWRITTEN)
        added.append(entry)
        text = text.rstrip("\n") + "\n\n" if text.strip() else ""
        text += _table(entry, finding)
    return Update(text, tuple(added), removed, len(kept))


def check_editable(baseline: Baseline) -> None:
    """Make sure that a baseline can be updated, before the long work.

    Errors:
        BaselineError: as ``update``.
    """
    _pieces(baseline)


def _table(entry: Entry, finding: Finding) -> str:
    verdict = finding.worst
    observed = _line(f"{verdict.outcome}: expected {verdict.expected}; observed {verdict.observed}")
    return (
        f"[[expected]]\n"
        f"# {observed:.300}\n"
        f"subject = {_string(entry.subject)}\n"
        f"rule = {_string(entry.rule)}\n"
        f"reason = {_string(entry.reason)}\n"
    )


def _line(text: str) -> str:
    """A text as a comment can hold it."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _string(text: str) -> str:
    """A text as a string of TOML, which knows JSON's escapes but for surrogates, and more."""
    quoted = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    return quoted.encode("utf-8", "replace").decode("utf-8")


def _pieces(baseline: Baseline) -> tuple[str, list[str]]:
    """Cut the text before each table, comments right above it included.

    Returns:
        What stands before the first of them, and a piece for each entry.
    """
    # Not splitlines: it also cuts where TOML does not.
    lines = re.findall(r"[^\n]*\n|[^\n]+", baseline.text)
    starts = [number for number, line in enumerate(lines) if HEADER.fullmatch(line.rstrip("\r\n"))]
    cuts = [_above(lines, start) for start in starts]
    pieces = ["".join(lines[a:b]) for a, b in pairwise([*cuts, len(lines)])]
    head = "".join(lines[: cuts[0]] if cuts else lines)
    if not _same(pieces, baseline.entries):
        raise BaselineError(
            f"{baseline.name}: cannot be updated line by line; write every entry as a table that "
            "begins with a line [[expected]], and no other line like that"
        )
    return head, pieces


def _above(lines: Sequence[str], start: int) -> int:
    """The first of the comment lines that stand right above a table.

    The first table's comments are kept apart only where a blank line does: what is said at the top
    of a file is about all of it.
    """
    cut = start
    while cut > 0 and lines[cut - 1].lstrip().startswith("#"):
        cut -= 1
    return cut if cut > 0 else start


def _same(pieces: Sequence[str], entries: Collection[Entry]) -> bool:
    """Whether each piece, by itself, is the entry that it is taken for."""
    if len(pieces) != len(entries):
        return False
    for piece, entry in zip(pieces, entries, strict=True):
        try:
            (table,) = tomllib.loads(piece)["expected"]
        except (tomllib.TOMLDecodeError, KeyError, ValueError):
            return False
        if (table.get("subject"), table.get("rule")) != (entry.subject, entry.rule):
            return False
    return True
