"""The baseline: a TOML file of failures that are expected, each with the reason why.

    [[expected]]
    subject = "my-server"                     # its name in the results
    rule = "close-on-client-disconnect"       # an id, no glob
    reason = "needs the rewrite of the event loop"
    link = "https://example.org/issues/12"    # optional
    outcome = "fail"                          # optional: covers this outcome alone

What is listed and fails is fine; what is listed and passes is stale, which is a finding too, or the
list would go on hiding what breaks later.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from conformance import rules
from conformance.results.model import ResultsError, Verdict

__all__ = ["UNWRITTEN", "Baseline", "BaselineError", "Entry", "load_baseline", "read_baseline"]

KEYS = ("subject", "rule", "reason", "link", "outcome")
REQUIRED = {
    "subject": 'the name in the results, such as subject = "my-server"',
    "rule": 'an id, such as rule = "close-on-normal-end"',
    "reason": "say why it is expected to fail",
}
COVERED = ("fail", "warn", "hang", "crash")
HEADER = re.compile(r"[ \t]*\[\[[ \t]*expected[ \t]*\]\][ \t]*(#.*)?")

UNWRITTEN = "TODO: say why this is expected to fail"
"""The reason of an entry that was added by a program, until somebody writes one."""


class BaselineError(ResultsError):
    """A baseline that cannot be used; the message names file, entry, key and fix."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One expected failure.

    Attributes:
        subject: name of what fails; rule: id of what it fails.
        reason: why, for people; link: where to read more, or "".
        outcome: the only outcome it covers, or "" for any.
        line: number of the line its table begins at, from 1; 0 where it is not a table.
    """

    subject: str
    rule: str
    reason: str
    link: str = ""
    outcome: str = ""
    line: int = 0

    def covers(self, verdict: Verdict) -> bool:
        """Whether a failing verdict of this subject and rule is the one that was expected."""
        return self.outcome in ("", verdict.outcome)

    @property
    def written(self) -> bool:
        """Whether somebody has written the reason."""
        return not self.reason.startswith("TODO")


@dataclass(frozen=True, slots=True)
class Baseline:
    """The entries of a file, in its order.

    Attributes:
        name: of the file, as it was given.
        text: of the file, with its comments.
    """

    name: str
    entries: tuple[Entry, ...] = ()
    text: str = ""

    def find(self, subject: str, rule: str) -> Entry | None:
        """Return the entry of a subject and a rule, or None."""
        return next((e for e in self.entries if (e.subject, e.rule) == (subject, rule)), None)


def load_baseline(path: Path, new: bool = False) -> Baseline:
    """Read a baseline.

    Args:
        new: whether a file that is not there is an empty one.

    Errors:
        BaselineError: it cannot be read, or something in it is wrong.
    """
    try:
        return read_baseline(path.read_bytes().decode("utf-8"), str(path))
    except FileNotFoundError as error:
        if new:
            return Baseline(str(path))
        raise BaselineError(
            f"{path}: no such baseline; --update-baseline writes one from what fails now"
        ) from error
    except OSError as error:
        raise BaselineError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BaselineError(f"{path}: not UTF-8 text (byte {error.start})") from error


def read_baseline(text: str, name: str) -> Baseline:
    """Read the text of a baseline; errors as ``load_baseline``."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BaselineError(f"{name}: not TOML: {error}") from error
    for key in data:
        if key != "expected":
            raise BaselineError(f"{name}: {key}: unknown; a baseline has [[expected]] tables alone")
    tables = data.get("expected", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BaselineError(f"{name}: expected: must be tables; begin each with [[expected]]")
    lines = [n for n, line in enumerate(text.split("\n"), 1) if _begins(line)]
    if len(lines) != len(tables):
        lines = [0] * len(tables)
    entries: list[Entry] = []
    for number, (table, line) in enumerate(zip(tables, lines, strict=True), 1):
        entry = _entry(table, line, f"{name}: entry {number}")
        for other, earlier in enumerate(entries, 1):
            if (entry.subject, entry.rule) == (earlier.subject, earlier.rule):
                raise BaselineError(
                    f"{_where(table, f'{name}: entry {number}')}: the same as entry {other}; "
                    "take one out"
                )
        entries.append(entry)
    return Baseline(name, tuple(entries), text)


def _begins(line: str) -> bool:
    return HEADER.fullmatch(line.rstrip("\r")) is not None


def _where(table: dict[str, Any], where: str) -> str:
    told = [str(table[key]) for key in ("subject", "rule") if table.get(key)]
    return f"{where} ({', '.join(told)})" if told else where


def _entry(table: dict[str, Any], line: int, where: str) -> Entry:
    where = _where(table, where)
    for key, value in table.items():
        if key not in KEYS:
            raise BaselineError(f"{where}: {key}: unknown key; {_nearest(key, KEYS)}")
        if not isinstance(value, str):
            raise BaselineError(f"{where}: {key}: expected text, got {value!r:.60}")
    for key, fix in REQUIRED.items():
        if not table.get(key, "").strip():
            raise BaselineError(f"{where}: {key}: missing; {fix}")
    known = rules.load()
    if table["rule"] not in known:
        raise BaselineError(
            f"{where}: rule: no such rule; {_nearest(table['rule'], known)}"
            if get_close_matches(table["rule"], known, 1)
            else f"{where}: rule: no such rule; see wsgi-conformance rules"
        )
    if "link" in table and not re.fullmatch(r"https?://[^\s\x00-\x1f]+", table["link"]):
        raise BaselineError(f"{where}: link: {table['link']!r:.60} is no http(s) address")
    if "outcome" in table and table["outcome"] not in COVERED:
        raise BaselineError(
            f"{where}: outcome: {table['outcome']!r:.60} is none that fails; "
            f"they are {', '.join(COVERED)}"
        )
    return Entry(**table, line=line)


def _nearest(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, [*known], 1)
    return f"did you mean {near[0]}?" if near else f"the keys are {', '.join(known)}"
