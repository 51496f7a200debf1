"""What differs from run to run in an event, taken out of it, so that events can be shared.

Servers of one family say the same things, but for the port they listen on, the time of day, the
marker that the suite puts into each request, and where objects lie in memory. With those taken out,
most events of a roster are copies of each other and stand in a page once.
"""

from __future__ import annotations

import binascii
import re
import zlib
from base64 import b64decode
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.report.pack import ENCODER

__all__ = [
    "CLOCK",
    "ELIDED",
    "MARKER",
    "PORT",
    "ROOMY",
    "TIGHT",
    "Bounds",
    "Home",
    "Normal",
    "is_number",
]

# What stands in a text where something was taken out; JSON in ASCII has no such characters.
MARKER, PORT, CLOCK, ELIDED = "\x01", "\x02", "\x03", "\x04"
# Where objects lie, the suite's marker, numbers of descriptors, times of day, ports.
TOKENS = re.compile(
    r"0x[0-9a-f]{6,16}\b|conformance-[0-9a-f]{8,}-|(?<=\bfd=)\d+|(?<=\bname=)\d+(?=>)"
    r"|\b\d\d:\d\d:\d\d\b|(?<![\d.])\d{4,5}\b"
)
# No event is unpacked beyond this: a results file is input like any other.
UNPACKED_AT_MOST = 1 << 26


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many bytes of one event are shown.

    Attributes:
        shown: all of so many; of more, head and tail: the beginning and the end.
        all: once the events of one kind have shown so many in a trace,
        brief: only so many from each end.
    """

    shown: int
    head: int
    tail: int
    all: int
    brief: int


ROOMY = Bounds(4096, 2048, 1024, 8192, 192)
TIGHT = Bounds(1024, 640, 128, 2048, 48)


@dataclass(slots=True)
class Home:
    """What traces of a subject share: the suite's markers, and the ports it has listened on."""

    markers: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)
    _plain: dict[tuple[int, int, str], str] = field(default_factory=dict)

    def of(self, trace: Mapping[str, Any]) -> tuple[int, int]:
        """Return the numbers of a trace's marker and port, which are kept if they are new."""
        marker = trace.get("marker")
        addresses = (
            e["address"] for e in trace["events"] if isinstance(e, dict) and "address" in e
        )
        address = next(addresses, None)
        port = address[1] if isinstance(address, list) and len(address) == 2 else None
        return (
            _number(self.markers, marker if isinstance(marker, str) and len(marker) > 8 else ""),
            _number(self.ports, str(port) if type(port) is int and port > 999 else ""),
        )


def _number(known: list[str], text: str) -> int:
    if text not in known:
        known.append(text)
    return known.index(text)


def seconds(clock: str) -> int | None:
    """Return the second of the day, or None for what is no time of day."""
    hours, minutes, rest = (int(part) for part in clock.split(":"))
    return hours * 3600 + minutes * 60 + rest if hours < 24 and minutes < 60 > rest else None


class Normal:
    """Takes events of one trace and says of each what can be shared, in the order they come.

    Args:
        home: of the subject; at: numbers of the trace's marker and port in it.
        bounds: how many bytes of an event are shown.

    Attributes:
        clocks: times of day that were taken out, as seconds of the day.
        elided: what else was taken out: where objects lie, and ports of the client.
    """

    def __init__(self, home: Home, at: tuple[int, int], bounds: Bounds) -> None:
        self.clocks: list[int] = []
        self.elided: list[str] = []
        self._home, self._at, self._bounds = home, at, bounds
        self._marker, self._port = home.markers[at[0]], home.ports[at[1]]
        self._ports: set[str] = set()
        self._numbers: dict[tuple[str, str], int] = {}
        self._shown: Counter[str] = Counter()

    def body(self, event: dict[str, Any]) -> tuple[str, list[str]]:
        """Return an event as text, and each entry of its environ as text of its own.

        What was taken out of the first text comes before what was taken out of the others.
        """
        body = {name: value for name, value in event.items() if name not in ("ms", "of")}
        if not is_number(event.get("of", 0)):
            body["of"] = event["of"]
        has_bytes = False
        for name, value in body.items():
            if isinstance(value, dict) and ("latin1" in value or "deflate" in value):
                has_bytes = True
                body[name] = self._bounded(value, str(event.get("kind")))
        items = self._called(body) if event.get("kind") == "called" else []
        if body.get("address") == ["127.0.0.1", int(self._port or 0)]:
            # Where all connections of a subject go is said once.
            del body["address"]
        text = self._taken(ENCODER.encode(body), not has_bytes)
        return text, [self._taken(item, True) for item in items]

    def _bounded(self, value: dict[str, Any], kind: str) -> dict[str, Any]:
        bounded = cut_bytes(value, self._bounds, self._shown[kind] > self._bounds.all)
        self._shown[kind] += len(bounded["latin1"])
        return bounded

    def _called(self, body: dict[str, Any]) -> list[str]:
        """Take the entries of environ out of a call, and number its process and thread."""
        for name in ("process", "thread"):
            if name in body:
                known = (name, str(body[name]))
                count = sum(kind == name for kind, _ in self._numbers)
                body[name] = self._numbers.setdefault(known, count + 1)
        environ = body.get("environ")
        if not isinstance(environ, dict) or not isinstance(environ.get("items"), list):
            return []
        items = environ["items"]
        body["environ"] = {name: value for name, value in environ.items() if name != "items"}
        for item in items:
            if isinstance(item, list) and len(item) == 2 and item[0] == "REMOTE_PORT":
                self._ports.add(str(item[1]))
        return [ENCODER.encode(item) for item in items]

    def _taken(self, text: str, elide: bool) -> str:
        key = (*self._at, text)
        plain = self._home._plain.get(key)
        if plain is not None:
            return plain
        before = len(self.clocks) + len(self.elided)

        def instead(match: re.Match[str]) -> str:
            token = match[0]
            if token == self._marker:
                return MARKER
            if token == self._port:
                return PORT
            if ":" in token:
                second = seconds(token)
                if second is None:
                    return token
                self.clocks.append(second)
                return CLOCK
            known = token[:2] == "0x" or len(token) < 4 or token in self._ports
            if not elide or not known:
                return token
            self.elided.append(token)
            return ELIDED

        taken = TOKENS.sub(instead, text)
        if len(self.clocks) + len(self.elided) == before and len(text) < 4096:
            self._home._plain[key] = taken
        return taken


def is_number(of: Any) -> bool:
    """Whether this can be the number of a connection or a call."""
    return type(of) is int and 0 <= of < 1 << 20


def cut_bytes(value: dict[str, Any], bounds: Bounds, briefly: bool) -> dict[str, Any]:
    """Return stored bytes of which many become their beginning, their end and their number."""
    shown, head, tail = bounds.shown, bounds.head, bounds.tail
    if briefly:
        shown, head, tail = 2 * bounds.brief, bounds.brief, bounds.brief
    try:
        # Of what is shown by a little alone, no more is unpacked than that.
        data = _latin1(value, UNPACKED_AT_MOST if bounds is ROOMY else head)
    except (binascii.Error, ValueError, TypeError, zlib.error):
        return {"latin1": "", "length": value.get("length"), "damaged": True}
    length = value.get("cut", value.get("length"))
    if isinstance(length, int) and length > len(data):
        return {"latin1": data[:head], "length": length}
    if len(data) <= shown:
        return {"latin1": data}
    return {"latin1": data[:head], "tail": data[-tail:], "length": len(data)}


def _latin1(value: dict[str, Any], most: int) -> str:
    if "deflate" in value:
        packed = b64decode(value["deflate"])
        return zlib.decompressobj().decompress(packed, most).decode("latin-1")
    if not isinstance(value["latin1"], str):
        raise TypeError("bytes are stored as text")
    return value["latin1"]
