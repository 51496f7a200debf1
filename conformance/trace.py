"""The trace: everything that happened in one probe, on one timeline, seen with both eyes.

A ``Timeline`` is built by appending events and by nothing else, so the one that a stored trace is
replayed into answers every question as the live one did.

Eyes and kinds of events:
    client   open, sent, send-failed, received, eof, reset, refused, half-closed, closed, aborted,
             paused, resumed
    app      called, start_response, start_response-returned, start_response-raised, write,
             write-returned, write-raised, returned, raised, iterable, next, block, exhausted,
             iteration-raised, close, note, gate, probe-*, gone
    server   log, stacks, exited
    harness  scene, opened-gate, mark, mounted, looked-inside
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from conformance.inside.snapshot import Opaque, decode

__all__ = ["Call", "Connection", "Event", "Timeline", "TraceError", "from_json", "to_json"]

# Above this, bytes are stored deflated: probes send mebibytes that say little.
STORED_PLAIN = 2048
# Above this (after deflating), they are cut, and the trace can no longer be judged again.
STORED_AT_MOST = 256 * 1024


# Keys of a stored event itself; data of such a name is stored with an underscore behind it.
OWN_KEYS = ("ms", "eye", "kind", "of")
RENAMED = {name + "_": name for name in OWN_KEYS}


class TraceError(ValueError):
    """A stored trace that cannot be read."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        time: seconds on the machine's monotonic clock.
        eye: who saw it: ``client``, ``app``, ``server`` or ``harness``.
        kind: what it was.
        subject: number of the connection (client) or of the call (app) it belongs to.
        data: particulars; bytes stay bytes.
    """

    time: float
    eye: str
    kind: str
    subject: int = 0
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Connection:
    """What the client sent and saw on one connection.

    Attributes:
        received: all bytes so far.
        ended: None while open, else ``eof``, ``reset`` or ``refused``.
        opened: time in seconds; None where it has not happened.
    """

    received: bytearray = field(default_factory=bytearray)
    sent: bytearray = field(default_factory=bytearray)
    ended: str | None = None
    opened: float | None = None


@dataclass(slots=True)
class Call:
    """One call of the application, from the inside.

    Attributes:
        number: counts the calls of the trace from 1.
        called: particulars of the call as told: environ, count, keywords, process, thread, ...
        environ: the environ restored: same types, ``Opaque`` for what stayed in the server.
        says: what the harness had it answer instead of playing the probe, for a fence; else None.
        notes: what the probe noted, by name; a later note of the same name replaces.
        events: all its events in order.
    """

    number: int
    called: dict[str, Any]
    environ: dict[Any, Any]
    says: str | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """Return how many events of a kind there were."""
        return sum(event.kind == kind for event in self.events)

    def first(self, kind: str) -> Event | None:
        """Return the first event of a kind, or None."""
        return next((event for event in self.events if event.kind == kind), None)

    @property
    def settled(self) -> bool:
        """Whether the application has returned or raised."""
        return any(event.kind in ("returned", "raised") for event in self.events)


class Timeline:
    """Events in the order they were taken in, and what follows from them.

    Attributes:
        connections: by number, from 1.
        calls: by number, from 1.
        log: what the server's process wrote to its standard streams (bounded by the launcher).
        stacks: where the threads of the server's processes stood when they were asked.
        exited: the server's exit status, or None while it runs.
        gates: names of the gates the application waits at.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.connections: dict[int, Connection] = {}
        self.calls: dict[int, Call] = {}
        self.log = bytearray()
        self.stacks = bytearray()
        self.exited: int | None = None
        self.gates: list[tuple[str, int]] = []

    def append(self, event: Event) -> None:
        """Take in one event.

        Errors:
            KeyError, TypeError, ValueError, AttributeError: not one that there is; it leaves no
            mark.
        """
        if event.eye == "client":
            self._client(event)
        elif event.eye == "app":
            self._app(event)
        elif event.kind == "log":
            self.log += event.data["bytes"]
        elif event.kind == "stacks":
            self.stacks += event.data["bytes"]
        elif event.kind == "exited":
            self.exited = event.data["status"]
        elif event.kind == "mounted":
            # The process that has ended is not the one that runs now.
            self.exited = None
        elif event.kind == "opened-gate":
            self.gates = [gate for gate in self.gates if gate[1] != event.subject]
        self.events.append(event)

    def _client(self, event: Event) -> None:
        data = event.data["bytes"] if event.kind in ("sent", "received") else b""
        connection = self.connections.setdefault(event.subject, Connection())
        if event.kind == "open":
            connection.opened = event.time
        elif event.kind == "sent":
            connection.sent += data
        elif event.kind == "received":
            connection.received += data
        elif event.kind in ("eof", "reset", "refused"):
            connection.ended = event.kind

    def _app(self, event: Event) -> None:
        if event.kind == "called":
            environ = decode_environ(event.data["environ"])
            says = event.data.get("says")
            call = Call(event.subject, event.data, environ, says)
            self.calls[event.subject] = call
        else:
            call = self.calls[event.subject]
        if event.kind == "note":
            call.notes.update({name: decode(value) for name, value in event.data["values"].items()})
        elif event.kind == "gate":
            self.gates.append((event.data["name"], event.subject))
        call.events.append(event)

    def played(self) -> Iterator[Call]:
        """Yield the calls that played the probe, fences left out."""
        return (call for call in self.calls.values() if call.says is None)


def decode_environ(described: dict[str, Any]) -> dict[Any, Any]:
    """Return the environ of a snapshot; an unhashable key is represented by its repr."""
    environ: dict[Any, Any] = {}
    for key, value in described.get("items", ()):
        restored = decode(key)
        if isinstance(restored, (list, dict, Opaque)):
            restored = repr(restored)
        environ[restored] = decode(value)
    return environ


def to_json(timeline: Timeline) -> list[dict[str, Any]]:
    """Return the events as JSON-ready objects, times in milliseconds from the first event."""
    if not timeline.events:
        return []
    start = timeline.events[0].time
    rows: list[dict[str, Any]] = []
    for event in timeline.events:
        row: dict[str, Any] = {
            "ms": round((event.time - start) * 1000, 3),
            "eye": event.eye,
            "kind": event.kind,
        }
        if event.subject:
            row["of"] = event.subject
        for name, value in event.data.items():
            if name in OWN_KEYS:
                name += "_"
            row[name] = _stored(value) if isinstance(value, (bytes, bytearray)) else value
        rows.append(row)
    return rows


def _stored(value: bytes | bytearray) -> dict[str, Any]:
    """Return bytes as one character a byte, or deflated and in base64 where they are many."""
    if len(value) <= STORED_PLAIN:
        return {"latin1": value.decode("latin-1")}
    packed = zlib.compress(bytes(value), 6)
    if len(packed) > STORED_AT_MOST:
        return {"latin1": value[:STORED_PLAIN].decode("latin-1"), "cut": len(value)}
    return {"deflate": base64.b64encode(packed).decode("ascii"), "length": len(value)}


def _restored(value: dict[str, Any]) -> bytes:
    if "cut" in value:
        raise TraceError(f"{value['cut']} bytes were cut when the trace was stored")
    if "latin1" in value:
        data: bytes = value["latin1"].encode("latin-1")
        return data
    unpack = zlib.decompressobj()
    # Bounded by what was announced, and one more: a results file is input like any other.
    length = int(value["length"])
    unpacked = unpack.decompress(base64.b64decode(value["deflate"]), max(length, 0) + 1)
    if len(unpacked) != length:
        raise ValueError(f"{length} bytes were announced")
    return unpacked


def _event(row: dict[str, Any]) -> Event:
    data = {RENAMED.get(name, name): row[name] for name in row if name not in OWN_KEYS}
    # Of what the application says, which is JSON from the start, nothing is stored in another form.
    if row["eye"] in ("client", "server") and "bytes" in data:
        data["bytes"] = _restored(data["bytes"])
    return Event(row["ms"] / 1000, row["eye"], row["kind"], row.get("of", 0), data)


def from_json(rows: list[dict[str, Any]]) -> list[Event]:
    """Return the events of a stored trace; times count from its first event.

    Errors:
        TraceError: not a trace, or one whose bytes were cut.
    """
    try:
        return [_event(row) for row in rows]
    except TraceError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, zlib.error) as error:
        raise TraceError(f"not a stored trace: {error}") from error
