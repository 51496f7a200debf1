"""The live driver: acts on real sockets and writes down all that happens."""

from __future__ import annotations

import errno
import selectors
import socket
import struct
import time
from collections.abc import Callable, Collection
from typing import Any

from conformance.harness.control import Control
from conformance.harness.loop import Loop
from conformance.trace import Event, Timeline

__all__ = ["Died", "Driver", "Hang", "Live"]

READ_SIZE = 1 << 18
# What one connection may bring in a probe; a server that floods is cut off here.
MOST_RECEIVED = 64 << 20
# Seconds between two looks at whether a server is at rest, and how many looks have to agree.
LOOK_AGAIN = 0.003
RESTING = 3
QUICKACK = getattr(socket, "TCP_QUICKACK", None)


class Hang(Exception):
    """Something that had to happen did not happen within the limit."""


class Died(Exception):
    """The server's process ended in the middle of a probe."""


class Driver:
    """What a client half stands on: a timeline, and the actions that make it grow.

    A live driver acts; a replaying one only advances its timeline to where the live one was.

    Attributes:
        address: host and port of the server.
        sees_log: whether what the server writes to its standard streams can come at all.
        proxied: whether something stands between the client and the WSGI side.
    """

    timeline: Timeline
    address: tuple[str, int] = ("127.0.0.1", 0)
    sees_log = True
    proxied = False
    # Whether the last wait was given up because nothing ran in the server any more.
    rested = False

    def until(
        self, condition: Callable[[], bool], limit: float | None = None, *, or_idle: bool = False
    ) -> bool:
        """Wait until a condition on the timeline holds; False when the limit passed.

        Args:
            condition: asked of the timeline; must not act.
            limit: seconds; the driver's own where None.
            or_idle: give up as soon as the server does nothing at all: each of its threads sleeps,
                and none has run for a while. What was sent has woken nobody, then, so nobody will
                take it up before something else happens.

        Errors:
            Died: the server's process ended and the condition does not hold.
        """
        raise NotImplementedError

    def scene(self, module: str, probe: str, parameters: dict[str, Any]) -> None:
        """Say what the next calls play."""
        raise NotImplementedError

    def open(self, receive_buffer: int | None = None, *, or_idle: bool = False) -> int:
        """Connect; return the connection's number.

        Args:
            receive_buffer: size of the socket's, in bytes; the system's default where None.
            or_idle: give up where the connection is not made and the server is at rest, as when
                its queue of connections is full.
        """
        raise NotImplementedError

    def send(self, connection: int, data: bytes) -> None:
        """Send bytes, all of them unless the connection ends."""
        raise NotImplementedError

    def end(self, connection: int, how: str) -> None:
        """``half-closed`` sends FIN and goes on reading, ``closed`` closes, ``aborted`` resets."""
        raise NotImplementedError

    def pause(self, connection: int, paused: bool) -> None:
        """Stop reading, so that the server's send buffer fills, or read again."""
        raise NotImplementedError

    def open_gate(self, call: int, value: Any) -> None:
        """Let the call that waits at a gate go on, with a value."""
        raise NotImplementedError

    def open_when_reached(self, gate: str, calls: Collection[int]) -> None:
        """Let some calls pass a gate as soon as they get there."""

    def look_inside(self) -> None:
        """Put on the timeline where the threads of the server stand, as far as it can tell."""
        raise NotImplementedError

    def mount(self, attribute: str) -> str | None:
        """Start the server anew, with another attribute of the payload's module as application.

        Returns:
            Why it did not start, or None.
        """
        raise NotImplementedError


class Live(Driver):
    """Drives one running server.

    Args:
        loop: of this server's run.
        control: the channel its application reports to.
        address: host and port it listens at.
        limit: seconds after which a wait is given up.
        scale: multiplies that limit, and the ones that a probe names; the latter are as short as
            makes sense already, and only get longer.

    Attributes:
        activity: tells how often each thread of the server has run, or None while one is running;
            set by whoever has started it. Without it a server never seems to rest.
        starter: starts the server anew, as ``mount`` does.
        inspector: asks the server's processes where their threads stand.
    """

    def __init__(
        self,
        loop: Loop,
        control: Control,
        address: tuple[str, int],
        limit: float,
        scale: float = 1.0,
    ) -> None:
        self.loop = loop
        self.control = control
        self.address = address
        self.limit = limit * scale
        self.stretch = max(1.0, scale)
        self.activity: Callable[[], tuple[str, ...] | None] = lambda: None
        self.inspector: Callable[[], None] = lambda: None
        self.starter: Callable[[str], str | None] = lambda attribute: "nobody to start it"
        self.sockets: dict[int, socket.socket] = {}
        self.paused: set[int] = set()
        self.begin()

    def close(self) -> None:
        """Close all connections and open all gates, so that the server is free to end."""
        for number in list(self.sockets):
            self._drop(number)
        self.control.release()

    def begin(self) -> Timeline:
        """Start a new trace; what is left of the last one is closed."""
        self.close()
        self.timeline = self.control.timeline = Timeline()
        self.opened_ahead: set[tuple[str, int]] = set()
        self.opened = 0
        return self.timeline

    def _record(self, eye: str, kind: str, subject: int = 0, **data: Any) -> None:
        self.timeline.append(Event(time.monotonic(), eye, kind, subject, data))

    def until(
        self, condition: Callable[[], bool], limit: float | None = None, *, or_idle: bool = False
    ) -> bool:
        timeline = self.timeline

        def over() -> bool:
            self._pass_on()
            return condition() or timeline.exited is not None

        limit = self.limit if limit is None else limit * self.stretch
        self.rested = False
        if or_idle:
            self._until_idle(over, limit)
        else:
            self.loop.until(over, limit)
        met = bool(condition())
        self._record("harness", "mark", met=met, **({"rested": True} if self.rested else {}))
        if not met and timeline.exited is not None:
            raise Died(f"the server's process ended with status {timeline.exited}")
        return met

    def _pass_on(self) -> None:
        """Open the gates that were opened before anybody stood there."""
        for _, call in self.opened_ahead.intersection(self.timeline.gates):
            self.open_gate(call, None)

    def open_when_reached(self, gate: str, calls: Collection[int]) -> None:
        self.opened_ahead.update((gate, call) for call in calls)

    def _until_idle(self, over: Callable[[], bool], limit: float) -> None:
        """Wait like the loop, but no longer than until the server has come to rest."""
        deadline = time.monotonic() + limit
        same, before = 0, None
        # That nothing happens is no event, so it has to be looked for.
        while same < RESTING and time.monotonic() < deadline:
            if self.loop.until(over, LOOK_AGAIN):
                return
            now = self.activity()
            same = same + 1 if now is not None and now == before else 0
            before = now
        self.rested = same >= RESTING

    def scene(self, module: str, probe: str, parameters: dict[str, Any]) -> None:
        self.control.scene = {"module": module, "probe": probe, "parameters": parameters}
        self._record("harness", "scene", probe=f"{module}.{probe}", parameters=parameters)

    def open(self, receive_buffer: int | None = None, *, or_idle: bool = False) -> int:
        self.opened += 1
        number = self.opened
        connection = socket.socket()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.setblocking(False)
        status = connection.connect_ex(self.address)
        window = {} if receive_buffer is None else {"receive_buffer": receive_buffer}
        self._record("client", "open", number, address=list(self.address), **window)
        if status not in (0, errno.EINPROGRESS):
            self._record("client", "refused", number, error=errno.errorcode.get(status, "?"))
            connection.close()
            return number
        self.sockets[number] = connection
        if status:
            self._connected(number, connection, or_idle)
        if number in self.sockets:
            self._watch(number)
        return number

    def _connected(self, number: int, connection: socket.socket, or_idle: bool) -> None:
        writable: list[bool] = []
        wait = self._until_idle if or_idle else self.loop.until
        self.loop.watch(connection, lambda: writable.append(True), selectors.EVENT_WRITE)
        wait(lambda: bool(writable), self.limit)
        self.loop.unwatch(connection)
        status = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if status or not writable:
            self._record("client", "refused", number, error=errno.errorcode.get(status, "timeout"))
            self._drop(number)

    def _watch(self, number: int) -> None:
        timeline = self.timeline
        self.loop.watch(self.sockets[number], lambda: self._readable(number, timeline))

    def _watch_if_open(self, number: int) -> None:
        if number not in self.paused and self.timeline.connections[number].ended is None:
            self._watch(number)

    def _quick(self, connection: socket.socket) -> None:
        # Without it the kernel holds back acknowledgements, and a server that sends head and body
        # in two segments under Nagle's algorithm answers in 44 ms instead of 0.06.
        if QUICKACK is not None:
            try:
                connection.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
            except OSError:
                return

    def _readable(self, number: int, timeline: Timeline) -> None:
        connection = self.sockets[number]
        try:
            data = connection.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            timeline.append(
                Event(time.monotonic(), "client", "reset", number, {"error": error.strerror})
            )
            self._drop(number)
            return
        now = time.monotonic()
        if not data:
            timeline.append(Event(now, "client", "eof", number, {}))
            self.loop.unwatch(connection)
            return
        timeline.append(Event(now, "client", "received", number, {"bytes": data}))
        self._quick(connection)
        if len(timeline.connections[number].received) > MOST_RECEIVED:
            timeline.append(Event(now, "client", "reset", number, {"error": "flooded: cut off"}))
            self._drop(number)

    def send(self, connection: int, data: bytes) -> None:
        sock = self.sockets.get(connection)
        position = 0
        # Each part that goes out begins the wait anew; what is received meanwhile does not.
        deadline = time.monotonic() + self.limit
        while sock is not None and position < len(data):
            try:
                count = sock.send(memoryview(data)[position:])
            except BlockingIOError:
                if not self._writable(connection, sock, deadline - time.monotonic()):
                    break
                sock = self.sockets.get(connection)
                continue
            except OSError as error:
                self._record("client", "send-failed", connection, error=error.strerror)
                break
            self._record("client", "sent", connection, bytes=data[position : position + count])
            position += count
            deadline = time.monotonic() + self.limit
            self._quick(sock)

    def _writable(self, number: int, connection: socket.socket, limit: float) -> bool:
        """Wait for room in the send buffer, reading meanwhile, as a server may block on us."""
        timeline = self.timeline
        ready: list[bool] = []

        def writable() -> None:
            ready.append(True)

        def either() -> None:
            writable()
            self._readable(number, timeline)

        self.loop.unwatch(connection)
        if number in self.paused or timeline.connections[number].ended is not None:
            self.loop.watch(connection, writable, selectors.EVENT_WRITE)
        else:
            self.loop.watch(connection, either, selectors.EVENT_READ | selectors.EVENT_WRITE)
        self.loop.until(lambda: bool(ready) or timeline.exited is not None, limit)
        if number in self.sockets:
            self.loop.unwatch(connection)
            self._watch_if_open(number)
        return bool(ready)

    def end(self, connection: int, how: str) -> None:
        sock = self.sockets.get(connection)
        if sock is None:
            return
        self._record("client", how, connection)
        if how == "half-closed":
            try:
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                return
            return
        if how == "aborted":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._drop(connection)

    def pause(self, connection: int, paused: bool) -> None:
        sock = self.sockets.get(connection)
        if sock is None:
            return
        self._record("client", "paused" if paused else "resumed", connection)
        self.loop.unwatch(sock)
        (self.paused.add if paused else self.paused.discard)(connection)
        self._watch_if_open(connection)

    def open_gate(self, call: int, value: Any) -> None:
        self._record("harness", "opened-gate", call)
        self.control.reply(call, value)

    def look_inside(self) -> None:
        self.inspector()
        self._record("harness", "looked-inside")

    def mount(self, attribute: str) -> str | None:
        for number in list(self.sockets):
            self.end(number, "closed")
        failure = self.starter(attribute)
        self._record("harness", "mounted", attribute=attribute, failure=failure)
        return failure

    def _drop(self, number: int) -> None:
        sock = self.sockets.pop(number)
        self.paused.discard(number)
        self.loop.unwatch(sock)
        sock.close()
