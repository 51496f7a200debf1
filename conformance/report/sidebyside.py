"""Two traces of one probe, line by line beside each other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from conformance.report.text import cut, visible
from conformance.results.traces import Event

__all__ = ["Line", "side_by_side", "told"]

LONGEST = 400
# What is another one each time, and says nothing.
VARIES = re.compile(
    r"(?i)(?<=date: )[a-z0-9 ,:+-]+(?=\\r)|(?<=:)\d{4,5}\b|0x[0-9a-f]{6,}"
    r"|\d\d?/[a-z]{3}/\d{4}[ :]\d\d:\d\d:\d\d|\"(?:process|thread)\": \d+"
)
ENDS = {
    "eof": "the server closes",
    "reset": "the server resets",
    "refused": "refused",
    "half-closed": "sends FIN, reads on",
    "closed": "closes",
    "aborted": "resets",
    "paused": "stops reading",
    "resumed": "reads on",
    "open": "connects",
}


@dataclass(frozen=True, slots=True)
class Line:
    """An event then and an event now; where they do not match, one of them may be missing.

    Attributes:
        then, now: text, "" for none; then_ms, now_ms: when, in milliseconds.
        same: whether they say the same.
    """

    then: str
    now: str
    then_ms: float
    now_ms: float
    same: bool


def side_by_side(then: Sequence[Event], now: Sequence[Event]) -> Iterator[Line]:
    """Yield the lines; events of the harness that only steer are left out."""
    old, new = _shown(then), _shown(now)
    matcher = SequenceMatcher(
        None, [_constant(text) for text, _ in old], [_constant(text) for text, _ in new], False
    )
    for tag, a, b, c, d in matcher.get_opcodes():
        for number in range(max(b - a, d - c)):
            left = old[a + number] if a + number < b else ("", 0.0)
            right = new[c + number] if c + number < d else ("", 0.0)
            yield Line(left[0], right[0], left[1], right[1], tag == "equal")


def _shown(events: Sequence[Event]) -> list[tuple[str, float]]:
    return [
        (told(event), event.time * 1000)
        for event in events
        if not (event.eye == "harness" and event.kind in ("mark", "scene"))
    ]


def _constant(text: str) -> str:
    return VARIES.sub("#", text)


def told(event: Event) -> str:
    """Return an event in one line that cannot steer a terminal, of bounded length."""
    return cut(visible(_told(event)), LONGEST)


def _told(event: Event) -> str:
    data = event.data
    if event.eye == "client":
        if event.kind in ("sent", "received"):
            sign = ">" if event.kind == "sent" else "<"
            return f"client {event.subject} {sign} {bytes(data['bytes'])[:LONGEST]!r}"
        return f"client {event.subject} {ENDS.get(event.kind, event.kind)}"
    if event.kind == "log":
        return f"server log {bytes(data['bytes'])[:LONGEST]!r}"
    if event.kind == "called":
        return f"app {event.subject} called: {_request(data)}"
    subject = f" {event.subject}" if event.subject else ""
    rest = json.dumps(data, sort_keys=True, default=repr) if data else ""
    return f"{event.eye}{subject} {event.kind} {rest}".rstrip()


def _request(data: dict[str, Any]) -> str:
    if data.get("says") is not None:
        return f"a fence, says {data['says']!r}"
    items = data.get("environ", {}).get("items", ())
    environ = {item[0]: item[1] for item in items if isinstance(item[0], str)}
    named = [environ.get(name) for name in ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO")]
    return f"{' '.join(str(each) for each in named if each)}, {len(items)} variables in environ"
