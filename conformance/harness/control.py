"""The control channel: where the application, inside the server, reports to and asks."""

from __future__ import annotations

import json
import math
import signal
import socket
import time
from typing import Any

from conformance.harness.loop import Loop
from conformance.trace import Event, Timeline

__all__ = ["Control", "Scene"]

# A line from the server's process is hostile input like any other.
# What a call says that came too late for its own probe.
LATE = "too-late"
LONGEST_LINE = 64 << 20
# Of what a process tells of its threads, in all.
MOST_STACKS = 1 << 18
READ_SIZE = 1 << 18

Scene = dict[str, Any]


class Control:
    """Listens for calls of the application and answers each with what to play.

    Args:
        loop: where the connections are watched.
        token: what a call must present to be heard.
        marker: a request whose target holds this text is the harness's own; what follows it up to
            the next ``.`` is what the application then says.
        host: address to listen at, one that the application can reach.

    Attributes:
        payload: digest of the payload that the last call's server has loaded, if that is kept.
        timeline: where the events of new calls go.
        scene: what the next calls play.
        heard: texts said by calls that answered the harness's own requests.
        standing: for each process that can tell where its threads stand, the signal that asks it.
    """

    def __init__(self, loop: Loop, token: str, marker: str, host: str = "127.0.0.1") -> None:
        self.loop = loop
        self.token = token
        self.marker = marker
        self.timeline = Timeline()
        self.scene: Scene = {}
        self.heard: list[str] = []
        self.standing: dict[int, int] = {}
        self.callers: set[Caller] = set()
        self.payload: str | None = None
        self.listener = socket.create_server((host, 0), backlog=128)
        self.listener.setblocking(False)
        self.address: tuple[str, int] = self.listener.getsockname()[:2]
        loop.watch(self.listener, self._accept)

    def _accept(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        caller = Caller(self, connection)
        self.callers.add(caller)
        self.loop.watch(connection, caller.readable)

    def reply(self, call: int, value: Any) -> None:
        """Answer the call of a number that waits at a gate."""
        for caller in self.callers:
            if caller.number == call and caller.timeline is self.timeline:
                caller.send(value)

    def release(self) -> None:
        """Let every call go that still waits at a gate, so that its server can finish it."""
        for _, call in list(self.timeline.gates):
            self.reply(call, None)
            self.timeline.append(Event(time.monotonic(), "harness", "opened-gate", call, {}))

    def close(self) -> None:
        """Hang up on everybody."""
        for caller in list(self.callers):
            caller.close()
        self.loop.unwatch(self.listener)
        self.listener.close()


class Caller:
    """One call's control connection, seen from the harness."""

    def __init__(self, control: Control, connection: socket.socket) -> None:
        self.control = control
        self.connection = connection
        self.buffer = bytearray()
        self.number = 0
        self.process = 0
        self.told = 0
        self.timeline = control.timeline

    def readable(self) -> None:
        """Take in what came."""
        try:
            data = self.connection.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        if self.process:
            self._stacks(data)
            return
        self.buffer += data
        # A long line comes in many parts: they are looked through once, not each time again.
        if b"\n" in data:
            *lines, self.buffer = self.buffer.split(b"\n")
            for line in lines:
                if self in self.control.callers:
                    self._take(bytes(line))
        if len(self.buffer) > LONGEST_LINE:
            self.close()

    def _take(self, line: bytes) -> None:
        try:
            event = json.loads(line)
            moment, kind, data = float(event["t"]), str(event["kind"]), dict(event["data"])
            if kind == "standby" and not self.number:
                self._stand_by(data)
                return
            if not math.isfinite(moment) or (kind == "called") is bool(self.number):
                raise ValueError("not an event of this call")
            if self.number:
                self.timeline.append(Event(moment, "app", kind, self.number, data))
            elif data.pop("token") == self.control.token:
                self._begin(moment, data)
            else:
                raise ValueError("not a call of this run")
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
            self.close()

    def _stand_by(self, data: dict[str, Any]) -> None:
        """Take in that a process can tell where its threads stand, over this connection."""
        if data["token"] != self.control.token:
            raise ValueError("not a process of this run")
        process, number = int(data["process"]), int(data["signal"])
        if process <= 1 or not signal.SIGRTMIN < number <= signal.SIGRTMAX:
            raise ValueError("not a process that could be asked")
        self.process = process
        self.control.standing[process] = number

    def _stacks(self, data: bytes) -> None:
        """Take in what a process tells of its threads."""
        kept = data[: max(0, MOST_STACKS - self.told)]
        self.told += len(data)
        if kept:
            about = {"process": self.process, "bytes": kept}
            self.control.timeline.append(Event(time.monotonic(), "server", "stacks", 0, about))

    def _begin(self, moment: float, data: dict[str, Any]) -> None:
        if not is_call(data):
            raise ValueError("not a description of a call")
        self.control.payload = data.pop("payload", None)
        says = said_by(data["environ"], self.control.marker)
        if says is None and self._is_late(moment):
            says = LATE
        if says is not None:
            data["says"] = says
            # Every other exchange has one that is as good; a trace keeps what is looked at.
            data["environ"] = {"type": data["environ"].get("type", ""), "items": []}
        self.timeline = self.control.timeline
        number = len(self.timeline.calls) + 1
        self.timeline.append(Event(moment, "app", "called", number, data))
        self.number = number
        if says is not None:
            self.control.heard.append(says)
        self.send(self.control.scene if says is None else {"say": says})

    def _is_late(self, moment: float) -> bool:
        """Whether a call belongs to an earlier probe, whose client has left without waiting for it.

        It was made before this probe had opened a connection. Played along, it would pass for one
        of this probe's.
        """
        opened = [
            connection.opened
            for connection in self.control.timeline.connections.values()
            if connection.opened is not None
        ]
        return not opened or moment < min(opened)

    def send(self, value: Any) -> None:
        """Send one line; a caller that is gone is found out by reading."""
        try:
            self.connection.sendall(json.dumps(value).encode("ascii") + b"\n")
        except OSError:
            self.close()

    def close(self) -> None:
        """End the connection and say so on the timeline."""
        if self in self.control.callers:
            self.control.callers.discard(self)
            self.control.loop.unwatch(self.connection)
            self.connection.close()
            self.control.standing.pop(self.process, None)
            if self.number:
                self.timeline.append(Event(time.monotonic(), "app", "gone", self.number, {}))


def is_call(data: dict[str, Any]) -> bool:
    """Whether a call is described as the application in the payload describes it."""
    environ, count, arguments = data.get("environ"), data.get("count"), data.get("arguments")
    return (
        isinstance(environ, dict)
        and isinstance(environ.get("type"), str)
        and isinstance(environ.get("items"), list)
        and isinstance(count, int)
        and isinstance(arguments, list)
        and len(arguments) == max(count - 1, 0)
        and isinstance(data.get("keywords"), list)
    )


def said_by(environ: dict[str, Any], marker: str) -> str | None:
    """Return what a request of the harness's own asks to be said, or None for any other."""
    for _, value in environ.get("items", ()):
        if isinstance(value, str) and marker in value:
            return value.partition(marker)[2].partition(".")[0]
    return None
