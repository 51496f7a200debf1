"""Traces: what is stored is what was seen, or says that it is not."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.inside.snapshot import Opaque, encode, encode_environ
from conformance.trace import (
    STORED_AT_MOST,
    STORED_PLAIN,
    Event,
    Timeline,
    TraceError,
    from_json,
    to_json,
)

NOISE = random.Random(3333).randbytes(STORED_AT_MOST + 1)
CALLED = {
    "environ": encode_environ({"REQUEST_METHOD": "GET", "wsgi.input": object()}),
    "arguments": [encode(len)],
    "count": 2,
    "keywords": [],
}
STORY = [
    Event(10.0, "harness", "scene", 0, {"probe": "a.b", "parameters": {"size": 3}}),
    Event(10.001, "client", "open", 1, {"address": ["127.0.0.1", 1]}),
    Event(10.002, "client", "sent", 1, {"bytes": b"GET / HTTP/1.1\r\n\r\n"}),
    Event(10.003, "app", "called", 1, CALLED),
    Event(10.004, "app", "note", 1, {"values": {"first": encode(b"\xff"), "again": encode(1)}}),
    Event(10.005, "app", "note", 1, {"values": {"again": encode((2,))}}),
    Event(10.006, "app", "gate", 1, {"name": "here"}),
    Event(10.007, "server", "log", 0, {"bytes": b"caf\xe9\n"}),
    Event(10.008, "harness", "opened-gate", 1, {}),
    Event(10.009, "app", "returned", 1, {"type": "list"}),
    Event(10.010, "client", "received", 1, {"bytes": b"HTTP/1.1 "}),
    Event(10.011, "client", "received", 1, {"bytes": b"200 OK\r\n"}),
    Event(10.012, "client", "eof", 1, {}),
    Event(10.013, "app", "called", 2, {**CALLED, "says": "fence1"}),
    Event(10.014, "harness", "mark", 0, {"met": True}),
    Event(10.015, "server", "exited", 0, {"status": -9}),
]


def timeline_of(events: list[Event]) -> Timeline:
    timeline = Timeline()
    for event in events:
        timeline.append(event)
    return timeline


def travelled(events: list[Event]) -> list[Event]:
    """Return events after they were stored as JSON text and read."""
    return from_json(json.loads(json.dumps(to_json(timeline_of(events)))))


def facts(timeline: Timeline) -> Any:
    """Return what judgements are made of, times apart."""
    return (
        {number: (bytes(c.sent), bytes(c.received), c.ended) for number, c in
         timeline.connections.items()},
        {number: (c.says, c.notes, c.called, [(e.kind, e.data) for e in c.events]) for number, c in
         timeline.calls.items()},
        (bytes(timeline.log), timeline.exited, timeline.gates),
    )  # fmt: skip


def test_timeline() -> None:
    timeline = timeline_of(STORY)
    connection = timeline.connections[1]
    assert bytes(connection.received) == b"HTTP/1.1 200 OK\r\n"
    assert bytes(connection.sent) == b"GET / HTTP/1.1\r\n\r\n"
    assert connection.opened == 10.001
    assert connection.ended == "eof"
    call = timeline.calls[1]
    assert call.environ["REQUEST_METHOD"] == "GET"
    assert isinstance(call.environ["wsgi.input"], Opaque)
    assert call.notes == {"first": b"\xff", "again": (2,)}
    assert call.settled
    assert call.count("note") == 2
    assert call.first("raised") is None
    assert list(timeline.played()) == [call]
    assert timeline.calls[2].says == "fence1"
    assert not timeline.calls[2].settled
    assert bytes(timeline.log) == b"caf\xe9\n"
    assert timeline.exited == -9
    assert timeline.gates == []
    assert timeline_of(STORY[:7]).gates == [("here", 1)]


def test_round_trip() -> None:
    restored = travelled(STORY)
    assert facts(timeline_of(restored)) == facts(timeline_of(STORY))
    assert [(e.eye, e.kind, e.subject) for e in restored] == [
        (e.eye, e.kind, e.subject) for e in STORY
    ]
    assert [event.time for event in restored] == pytest.approx([n / 1000 for n in range(16)])
    # A second time changes nothing more.
    assert travelled(restored) == restored


def test_nothing() -> None:
    assert to_json(Timeline()) == []
    assert from_json([]) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(range(256)),
        b"a" * STORED_PLAIN,
        b"a" * (STORED_PLAIN + 1),
        b"a" * (8 << 20),
        NOISE[: STORED_AT_MOST // 2],
    ],
    ids=["none", "all", "short", "deflated", "many", "noise"],
)
def test_bytes(data: bytes) -> None:
    rows = to_json(timeline_of([Event(0.0, "client", "received", 1, {"bytes": data})]))
    text = json.dumps(rows)
    assert len(text) < 2 * STORED_AT_MOST
    assert ("deflate" in text) is (len(data) > STORED_PLAIN)
    (event,) = from_json(json.loads(text))
    assert event.data["bytes"] == data


@settings(deadline=None)
@given(st.lists(st.binary(max_size=3 * STORED_PLAIN), max_size=5))
def test_any_bytes(parts: list[bytes]) -> None:
    events = [Event(0.0, "client", "received", 1, {"bytes": part}) for part in parts]
    assert travelled(events) == events


def test_cut_bytes_refuse_to_be_judged_again() -> None:
    rows = to_json(timeline_of([Event(0.0, "client", "received", 1, {"bytes": NOISE})]))
    assert rows[0]["bytes"]["cut"] == len(NOISE)
    assert rows[0]["bytes"]["latin1"].encode("latin-1") == NOISE[:STORED_PLAIN]
    with pytest.raises(TraceError, match=f"{len(NOISE)} bytes were cut"):
        from_json(rows)


def test_unhashable_and_strange_keys_of_an_environ() -> None:
    described = {"items": [[{"l": [1]}, "a"], [{"b": "x"}, "b"], [None, "c"]]}
    timeline = timeline_of([Event(0.0, "app", "called", 1, {**CALLED, "environ": described})])
    assert timeline.calls[1].environ == {"[1]": "a", b"x": "b", None: "c"}


ROW = {"ms": 1.0, "eye": "client", "kind": "received", "of": 1}


@pytest.mark.parametrize(
    "rows",
    [
        None,
        7,
        [7],
        ["row"],
        [[]],
        [{}],
        [{**ROW, "ms": "soon"}],
        [{**ROW, "ms": None}],
        [{"ms": 1.0, "eye": "client"}],
        [{**ROW, "bytes": {"deflate": "", "length": None}}],
        [{**ROW, "bytes": {"deflate": "eJwDAAAAAAE", "length": 5}}],
        [{**ROW, "bytes": {"deflate": "AAAA", "length": 5}}],
        [{**ROW, "bytes": {"deflate": "eJw="}}],
        [{**ROW, "bytes": {"latin1": 7}}],
        [{**ROW, "bytes": {"latin1": "\u20ac"}}],
        [{**ROW, "bytes": {"cut": 7}}],
    ],
)
def test_garbage(rows: Any) -> None:
    with pytest.raises(TraceError):
        from_json(rows)


def test_a_note_may_have_any_name() -> None:
    """Names that stand for stored bytes elsewhere mean nothing in a note or a parameter."""
    values = {name: encode("text") for name in ("cut", "latin1", "deflate", "length", "bytes")}
    events = [
        Event(0.0, "harness", "scene", 0, {"probe": "a.b", "parameters": {"cut": 3}}),
        Event(0.0, "app", "called", 1, CALLED),
        Event(0.0, "app", "note", 1, {"values": values}),
    ]
    assert travelled(events) == events


def test_an_event_may_have_any_data() -> None:
    """What a server says cannot pass for the event's own time, eye or kind."""
    data = {"ms": 1, "eye": "server", "kind": "exited", "of": 7}
    events = [Event(0.0, "app", "called", 1, CALLED), Event(0.0, "app", "probe-x", 1, data)]
    assert travelled(events) == events


def test_deflated_bytes_are_as_long_as_they_say() -> None:
    (row,) = to_json(timeline_of([Event(0.0, "client", "received", 1, {"bytes": b"a" * 5000})]))
    for length in (0, 4999, 5001, 1 << 62, -1):
        row["bytes"]["length"] = length
        with pytest.raises(TraceError):
            from_json([row])


@pytest.mark.parametrize(
    "event",
    [
        Event(0.0, "app", "note", 9, {"values": {}}),
        Event(0.0, "app", "called", 2, {"count": 2}),
        Event(0.0, "app", "called", 2, {"environ": {"items": [[{"?": 1}, 2]]}}),
        Event(0.0, "app", "note", 1, {"values": {"a": {"?": 1}}}),
        Event(0.0, "app", "gate", 1, {}),
        Event(0.0, "client", "received", 1, {}),
    ],
)
def test_what_is_refused_leaves_no_mark(event: Event) -> None:
    """Or the stored trace would hold an event that cannot be read."""
    timeline = timeline_of(STORY[:4])
    before = facts(timeline)
    with pytest.raises((ValueError, KeyError, TypeError)):
        timeline.append(event)
    assert timeline.events == STORY[:4]
    assert facts(timeline) == before
