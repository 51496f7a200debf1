"""Verdicts and their evidence as text, for the report of a failed item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conformance.report.text import cut, visible
from conformance.results.model import Verdict
from conformance.rules import Rule
from conformance.trace import TraceError, from_json

__all__ = ["told"]

# Lines of one exchange, and characters of one line, that are shown.
MOST_LINES = 60
WIDTH = 160
# Bytes of one event that are shown.
MOST_BYTES = 2048
SIGNS = {"sent": ">", "received": "<"}


def told(rule: Rule, verdicts: Sequence[Verdict], traces: Mapping[str, Any], log: str) -> str:
    """Return what a failing item says: rule, expected and observed, and the bytes of the worst."""
    worst = verdicts[0]
    lines = [f"{rule.id} ({worst.level}, {worst.party}): {worst.outcome} in {worst.probe}"]
    lines += [f"  {rule.summary}"]
    for verdict in verdicts:
        lines += [
            f"{verdict.probe}: {verdict.outcome}",
            f"  expected: {verdict.expected}",
            f"  observed: {verdict.observed}",
        ]
    lines.append(f"rule: {rule.url}")
    trace = traces.get(worst.trace or "")
    if trace is not None:
        lines.append("the exchange, > sent and < received by the client:")
        lines += [f"  {line}" for line in exchange(trace["events"])]
    elif log:
        lines.append("the end of the server's log:")
        lines += [f"  {line}" for line in log.splitlines()[-10:]]
    return "\n".join(visible(line) for line in lines)


def exchange(rows: list[dict[str, Any]]) -> list[str]:
    """Return a stored trace as lines, the middle of a long one left out."""
    lines = [cut(line, WIDTH) for line in _lines(rows)]
    if len(lines) <= MOST_LINES:
        return lines
    half = MOST_LINES // 2
    return [*lines[:half], f"... {len(lines) - 2 * half} lines ...", *lines[-half:]]


def _lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        kind = row["kind"]
        if row["eye"] == "harness":
            continue
        when = f"{row['ms']:9.3f} ms {row['eye']} {row.get('of', '')}".rstrip()
        if kind in SIGNS or kind == "log":
            yield f"{when} {kind}"
            yield from (f"{SIGNS.get(kind, '|')} {line}" for line in _bytes(row))
        else:
            yield f"{when} {kind}{_particulars(row)}"


def _bytes(row: dict[str, Any]) -> Iterator[str]:
    """Yield the bytes of an event, a line for each of theirs, as Python would write them."""
    try:
        data = from_json([row])[0].data["bytes"]
    except TraceError as error:
        yield f"({error})"
        return
    for line in data[:MOST_BYTES].splitlines(keepends=True):
        yield repr(line)[2:-1]
    if len(data) > MOST_BYTES:
        yield f"... {len(data)} bytes in all"


def _particulars(row: dict[str, Any]) -> str:
    """Return what an event says beside its kind; a call's arguments are too long for a line."""
    own = ("ms", "eye", "kind", "of", *(row if row["kind"] == "called" else ()))
    said = {name: value for name, value in row.items() if name not in own}
    return f" {said}" if said else ""
