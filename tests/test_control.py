"""The control channel: what the application says is heard, and nobody else is."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conformance.harness import control as controlling
from conformance.harness.control import Control
from conformance.harness.loop import Loop
from conformance.inside.call import Call, HarnessGone, Inside
from conformance.inside.snapshot import encode_environ
from conformance.trace import Event, Timeline

TOKEN = "secret"
MARKER = "marker-"
LIMIT = 60.0


@pytest.fixture
def control() -> Iterator[Control]:
    before = sorted(os.listdir("/proc/self/fd"))
    loop = Loop()
    made = Control(loop, TOKEN, MARKER)
    made.scene = {"module": "m", "probe": "p", "parameters": {}}
    # Before a probe has opened a connection, no call can be one of its own.
    made.timeline.append(Event(0.0, "client", "open", 1))
    yield made
    made.close()
    loop.close()
    assert sorted(os.listdir("/proc/self/fd")) == before


def called(token: str = TOKEN, **environ: Any) -> dict[str, Any]:
    """Return what the application tells first."""
    return {
        "token": token,
        "environ": encode_environ(environ),
        "arguments": [None],
        "count": 2,
        "keywords": [],
    }


def line(kind: str, data: Any, time: Any = 1.0) -> bytes:
    return json.dumps({"t": time, "kind": kind, "data": data}).encode() + b"\n"


def kinds(timeline: Timeline) -> list[str]:
    """Return the kinds of what the application's side told."""
    return [event.kind for event in timeline.events if event.eye == "app"]


class Caller:
    """A socket to the channel, for what no proper application would say."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self.socket = socket.create_connection(control.address)
        self.socket.setblocking(False)
        self.sending = b""
        self.received = b""
        self.ended = False

    def say(self, data: bytes) -> None:
        """Send data, while the channel's side reads it."""
        self.sending += data

        def done() -> bool:
            try:
                self.sending = self.sending[self.socket.send(self.sending[: 1 << 20]) :]
            except BlockingIOError:
                pass
            except OSError:
                return True
            return not self.sending

        assert self.until(done)

    def until(self, condition: Callable[[], bool]) -> bool:
        """Let the channel's loop run until something holds on this side of it."""

        def tick() -> bool:
            self.control.loop.drain()
            return condition()

        deadline = Deadline()
        while not tick():
            deadline.check()
        return True

    def hung_up(self) -> bool:
        """Whether the channel has closed the connection."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return False
        except OSError:
            return True
        self.received += data
        return not data

    def refused(self) -> bool:
        found = self.until(self.hung_up)
        self.socket.close()
        return found

    def answer(self) -> Any:
        """Return the next line from the channel."""
        assert self.until(lambda: self.hung_up() or b"\n" in self.received)
        answer, _, self.received = self.received.partition(b"\n")
        return json.loads(answer)


class Deadline:
    """Ends a loop that would never end otherwise."""

    def __init__(self) -> None:
        self.left = 5_000_000

    def check(self) -> None:
        self.left -= 1
        assert self.left, "waited in vain"


def test_one_call(control: Control) -> None:
    caller = Caller(control)
    caller.say(line("called", called(PATH_INFO="/")))
    assert caller.answer() == control.scene
    caller.say(line("returned", {"type": "list"}, 2.5))
    assert caller.until(lambda: len(control.timeline.events) == 3)
    caller.socket.close()
    assert caller.until(lambda: kinds(control.timeline) == ["called", "returned", "gone"])
    call = control.timeline.calls[1]
    assert call.environ == {"PATH_INFO": "/"}
    # The secret is none of the trace's business.
    assert TOKEN not in repr(control.timeline.events)
    assert call.events[1].time == 2.5


def test_two_calls_at_once(control: Control) -> None:
    callers = [Caller(control), Caller(control)]
    for number, caller in enumerate(callers):
        caller.say(line("called", called(NUMBER=str(number))))
        assert caller.answer() == control.scene
    for number, caller in enumerate(callers):
        caller.say(line("note", {"values": {"number": number}}))
        caller.say(line("gate", {"name": "here"}))
    timeline = control.timeline
    assert callers[0].until(lambda: len(timeline.gates) == 2)
    assert [call.environ["NUMBER"] for call in timeline.calls.values()] == ["0", "1"]
    assert [call.notes["number"] for call in timeline.calls.values()] == [0, 1]
    control.reply(2, "second")
    assert callers[1].answer() == "second"
    control.release()
    assert timeline.gates == []
    assert callers[0].answer() is None
    for caller in callers:
        caller.socket.close()


def test_call_of_the_last_trace_stays_there(control: Control) -> None:
    caller = Caller(control)
    caller.say(line("called", called()))
    caller.answer()
    before, control.timeline = control.timeline, Timeline()
    caller.say(line("note", {"values": {"late": 1}}))
    assert caller.until(lambda: kinds(before) == ["called", "note"])
    control.reply(1, "not for you")
    caller.socket.close()
    assert caller.until(lambda: kinds(before)[-1] == "gone")
    assert control.timeline.events == []
    assert caller.received == b""


def test_call_from_before_the_first_connection_is_not_played_along(control: Control) -> None:
    control.timeline = Timeline()
    caller = Caller(control)
    caller.say(line("called", called(), 1.0))
    assert caller.answer() == {"say": "too-late"}
    control.timeline.append(Event(2.0, "client", "open", 1))
    second = Caller(control)
    second.say(line("called", called(), 1.5))
    assert second.answer() == {"say": "too-late"}
    assert list(control.timeline.played()) == []
    caller.socket.close()
    second.socket.close()


def test_own_request_is_answered_by_its_word(control: Control) -> None:
    caller = Caller(control)
    caller.say(line("called", called(QUERY_STRING=f"{MARKER}ready1.and more", OTHER="x")))
    assert caller.answer() == {"say": "ready1"}
    assert control.heard == ["ready1"]
    assert list(control.timeline.played()) == []
    caller.socket.close()


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"\xff\xfe\n",
        b"garbage\n",
        b"7\n",
        b"[]\n",
        b"{}\n",
        b"[" * 100_000 + b"\n",
        b"9" * 10_000 + b"\n",
        line("called", called("guessed")),
        line("called", {**called(), "token": None}),
        line("called", {"environ": {}}),
        line("called", []),
        line("called", 7),
        line("called", {"token": TOKEN}),
        line("called", {**called(), "environ": 7}),
        line("called", {**called(), "environ": {"items": []}}),
        line("called", {**called(), "environ": {"type": "dict", "items": [7]}}),
        line("called", {**called(), "environ": {"type": "dict", "items": [[{"?": 1}, 2]]}}),
        line("called", {**called(), "count": 5}),
        line("called", {**called(), "keywords": None}),
        line("called", called(), "soon"),
        line("called", called(), None),
        line("called", called(), 10**400),
        line("called", called(), float("nan")),
        line("note", {"values": {}}),
        line("gate", {"name": "here"}),
        line("called", called("guessed")) + line("called", called()),
    ],
)
def test_garbage_from_a_stranger(control: Control, data: bytes) -> None:
    caller = Caller(control)
    caller.say(data)
    assert caller.refused()
    assert control.timeline.calls == {}
    assert control.callers == set()
    assert control.heard == []


@pytest.mark.parametrize(
    "data",
    [
        b"garbage\n",
        line("note", {"values": 7}),
        line("note", {}),
        line("note", {"values": {"a": {"?": 1}}}),
        line("gate", {}),
        line("called", called()),
        line("returned", {}, float("inf")),
        b"garbage\n" + line("note", {"values": {"after": 1}}),
    ],
)
def test_garbage_within_a_call(control: Control, data: bytes) -> None:
    """The connection ends, what was heard before stays, and nothing after it is heard."""
    caller = Caller(control)
    caller.say(line("called", called(A="b")))
    caller.answer()
    caller.say(data)
    assert caller.refused()
    assert kinds(control.timeline)[-1] == "gone"
    assert control.timeline.calls[1].notes == {}
    assert control.timeline.calls[1].environ == {"A": "b"}
    assert TOKEN not in repr(control.timeline.events)


def test_huge_line(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controlling, "LONGEST_LINE", 1 << 20)
    caller = Caller(control)
    caller.say(b"x" * ((1 << 20) + controlling.READ_SIZE + 1))
    assert caller.refused()
    assert control.callers == set()


def test_long_line_in_parts(control: Control) -> None:
    """An environ of some mebibytes is no attack."""
    caller = Caller(control)
    data = line("called", called(BIG="x" * (4 << 20)))
    for start in range(0, len(data), 300_000):
        caller.say(data[start : start + 300_000])
    assert caller.answer() == control.scene
    assert len(control.timeline.calls[1].environ["BIG"]) == 4 << 20
    caller.socket.close()


def test_close_hangs_up(control: Control) -> None:
    caller = Caller(control)
    caller.say(line("called", called()))
    caller.answer()
    for each in list(control.callers):
        each.close()
        each.close()
    assert caller.refused()
    assert kinds(control.timeline) == ["called", "gone"]


def test_the_payloads_own_side(control: Control) -> None:
    """``Call`` and ``Inside``, as they run within a server, at the other end."""
    host, port = control.address
    noted: list[Any] = []

    def application() -> None:
        call = Call({"host": host, "port": port})
        call.tell("called", **called())
        noted.append(call.answer())
        inside = Inside(call, {})
        inside.note(first=b"\xff")
        inside.attempt("second", int, "x")
        noted.append(inside.gate("here"))
        noted.append(list(inside.iterable([b"a"])))
        inside.event("own", value=(1,))
        call.tell("returned", type="list")

    thread = threading.Thread(target=application)
    thread.start()
    timeline = control.timeline
    assert control.loop.until(lambda: bool(timeline.gates), LIMIT)
    control.reply(1, ["go", "on"])
    timeline.append(Event(0.0, "harness", "opened-gate", 1, {}))
    assert control.loop.until(lambda: "gone" in kinds(timeline), LIMIT)
    thread.join()
    assert noted == [control.scene, ["go", "on"], [b"a"]]
    call = timeline.calls[1]
    assert call.notes["first"] == b"\xff"
    assert repr(call.notes["second"]).startswith("raised ValueError: invalid literal")
    seen = [event.kind for event in call.events]
    assert seen[-7:] == ["next", "block", "next", "exhausted", "probe-own", "returned", "gone"]


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
    with pytest.raises(HarnessGone, match=f"no harness at {host}:{port}"):
        Call({"host": host, "port": port})
