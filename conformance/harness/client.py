"""What a probe's client half is given: raw requests out, both eyes' observations back."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from conformance.harness.live import Driver, Hang
from conformance.harness.response import Response, ResponseReader
from conformance.probing import request
from conformance.trace import Call, Connection, Timeline

__all__ = ["Client", "Conversation", "Exchange", "NotCalled", "NotNoted", "Unanswered"]

# Seconds after the end of a connection in which a server may still make the call it was for.
LATE_CALL = 0.5
# Seconds without a byte while the application is held at a gate, after which none is coming: it
# has handed over all there is, so that this is the time a byte takes from one process to another.
HELD = 2.0
PROGRESS = 1 << 20


class NotCalled(Exception):
    """The server answered, or hung up, without calling the application."""

    def __init__(self, response: Response | None) -> None:
        self.response = response
        super().__init__(
            f"answered {response} without calling the application"
            if response is not None and response.status
            else "ended the connection without calling the application"
        )


class NotNoted(Exception):
    """The application did not get as far as noting what was asked for."""


class Unanswered(Exception):
    """The connection ended without a readable response where one was needed."""


class Exchange:
    """One request and what became of it.

    Attributes:
        response: the final response, whole or cut short; None where not a byte of one came.
        calls: the calls of the application that this request led to; fences are not among them.
        connection: all the connection sent and received.
        fenced: None where no fence was sent (the connection ended or was to end); True where the
            fence's own response began exactly where this one ended; False where it did not.
    """

    def __init__(self, timeline: Timeline, number: int, response: Response | None) -> None:
        self.timeline = timeline
        self.number = number
        self.response = response
        self.calls: list[Call] = []
        self.fenced: bool | None = None

    @property
    def connection(self) -> Connection:
        """All the connection sent and received so far."""
        return self.timeline.connections[self.number]

    @property
    def call(self) -> Call:
        """The first call; its absence ends the probe as ``unsupported`` or ``error``."""
        if not self.calls:
            raise NotCalled(self.response)
        return self.calls[0]

    @property
    def behind(self) -> bytes:
        """What came behind the response so far, the right answer to a fence left out."""
        if self.response is None or self.fenced:
            return b""
        return bytes(self.connection.received[self.response.end :])

    @property
    def notes(self) -> Notes:
        """What the application noted in the first call."""
        return Notes(self.call)

    @property
    def environ(self) -> dict[Any, Any]:
        """The environ of the first call, restored."""
        return self.call.environ

    @property
    def answered(self) -> Response:
        """The response, where going on without a readable one makes no sense."""
        if self.response is None or not self.response.status:
            raise Unanswered(f"no readable response; the connection: {self.connection.ended}")
        return self.response

    @property
    def succeeded(self) -> bool:
        """Whether there is a complete 2xx response."""
        response = self.response
        return response is not None and response.complete and 200 <= response.status <= 299

    def __str__(self) -> str:
        if self.response is None:
            return f"no response ({self.connection.ended or 'connection open'})"
        cut = "" if self.response.complete else ", cut short"
        return f"{self.response}{cut}, body {self.response.body[:80]!r}"


class Notes:
    """Notes by name; a missing one says why it is missing."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def __getitem__(self, name: str) -> Any:
        if name in self._call.notes:
            return self._call.notes[name]
        raised = self._call.first("raised") or self._call.first("iteration-raised")
        why = f"it raised {raised.data['error']}" if raised else "it did not get that far"
        raise NotNoted(f"the probe's application did not note {name!r}: {why}")

    def __contains__(self, name: str) -> bool:
        return name in self._call.notes

    def get(self, name: str, default: Any = None) -> Any:
        """Return a note or a default."""
        return self._call.notes.get(name, default)


class Conversation:
    """A connection driven by hand: send pieces, wait at gates, half-close, reset.

    Every wait raises ``Hang`` when its limit passes, unless its description says otherwise.
    """

    def __init__(self, client: Client, number: int, first_call: int) -> None:
        self.client = client
        self.driver = client.driver
        self.number = number
        self.first_call = first_call
        self.position = 0

    @property
    def rested(self) -> bool:
        """Whether the last wait was given up because nothing ran in the server any more."""
        return self.driver.rested

    @property
    def connection(self) -> Connection:
        """Everything sent and received so far."""
        return self.driver.timeline.connections[self.number]

    @property
    def received(self) -> bytes:
        """All bytes received so far."""
        return bytes(self.connection.received)

    @property
    def ended(self) -> bool:
        """Whether the server has closed or reset the connection."""
        return self.connection.ended is not None

    @property
    def calls(self) -> list[Call]:
        """Calls of the probe since this connection was opened."""
        timeline = self.driver.timeline
        return [call for call in timeline.played() if call.number > self.first_call]

    def send(self, data: bytes) -> None:
        """Send bytes in one piece."""
        self.driver.send(self.number, data)

    def half_close(self) -> None:
        """Say that nothing more will be sent."""
        self.driver.end(self.number, "half-closed")

    def close(self) -> None:
        """Close the connection as a browser that lost interest does."""
        self.driver.end(self.number, "closed")

    def reset(self) -> None:
        """Break the connection off with a TCP reset."""
        self.driver.end(self.number, "aborted")

    def pause(self) -> None:
        """Stop reading."""
        self.driver.pause(self.number, True)

    def resume(self) -> None:
        """Read on."""
        self.driver.pause(self.number, False)

    def wait(self, condition: Callable[[], bool], what: str, limit: float | None = None) -> None:
        """Wait until something holds.

        Args:
            condition: asked of the timeline; must not act.
            what: names it, for the verdict of a server that never gets there.
            limit: seconds; the run's own where None.
        """
        if not self.driver.until(condition, limit):
            raise Hang(f"waited in vain for {what}")

    def settled(
        self, condition: Callable[[], bool], limit: float | None = None, *, or_idle: bool = False
    ) -> bool:
        """Wait like ``wait``, but return whether it came true instead of raising.

        Args:
            or_idle: give up as soon as nothing runs in the server any more, instead of sitting out
                the limit for what will not come.
        """
        return self.driver.until(condition, limit, or_idle=or_idle)

    def wait_received(self, data: bytes) -> None:
        """Wait until bytes have come, anywhere in what was received, or the connection ended."""
        connection = self.connection
        self.wait(
            lambda: data in connection.received or connection.ended is not None,
            f"{data[:40]!r} from the server",
        )

    def wait_ended(self) -> None:
        """Wait until the server closes or resets the connection."""
        self.wait(lambda: self.ended, "the end of the connection")

    def wait_gate(self, name: str) -> bool:
        """Wait until the application stands at a gate.

        Returns:
            False where the connection ended, or the call did, before it got there.
        """
        timeline = self.driver.timeline

        def there() -> bool:
            return any(gate == name and call > self.first_call for gate, call in timeline.gates)

        def over() -> bool:
            calls = self.calls
            return self.ended or bool(calls and calls[-1].first("gone"))

        self.wait(lambda: there() or over(), f"the application to reach gate {name!r}")
        return there()

    def comes_before(self, data: Callable[[], bool], gate: str) -> bool:
        """Wait for data that must not wait until the application goes on from a gate.

        Until it stands there it may still be handing data over; from then on only as long as data
        keeps coming. The gate stays closed.

        Args:
            data: asked of the timeline whether all of it has come.

        Returns:
            Whether it has; False as well where the connection ended before.
        """
        connection = self.connection

        def over() -> bool:
            return data() or self.ended

        def held() -> bool:
            gates = self.driver.timeline.gates
            return any(name == gate and call > self.first_call for name, call in gates)

        def grows_to(size: int) -> bool:
            return self.driver.until(lambda: over() or len(connection.received) >= size, HELD)

        going_on = self.driver.until(lambda: over() or held())
        while going_on and not over():
            going_on = grows_to(len(connection.received) + PROGRESS)
        return data()

    def open_gate(self, name: str, value: Any = None) -> None:
        """Let the application go on from a gate.

        Where it has not got there, as a proxy ends a response once it is complete, it goes on as
        soon as it gets there: its server's only thread may be what the next request waits for.
        """
        timeline = self.driver.timeline
        standing = [n for gate, n in timeline.gates if gate == name and n > self.first_call]
        for call in standing:
            self.driver.open_gate(call, value)
            # The live driver has recorded it; a replay learns it from its trace.
        if not standing:
            late = [call.number for call in self.calls if not call.settled]
            self.driver.open_when_reached(name, late)

    def response(self, method: str = "GET") -> Response | None:
        """Wait for the next response on this connection and return it, whole or cut short.

        Returns:
            None where the connection ended before a byte of it came.
        """
        reader = ResponseReader(method, self.position)
        connection = self.connection
        found: list[Response] = []

        def read() -> bool:
            if not found:
                response = reader.read(connection.received, connection.ended is not None)
                if response is not None:
                    found.append(response)
            return bool(found) or connection.ended is not None

        if not self.driver.until(read):
            raise Hang(f"no complete response after {len(connection.received)} bytes")
        if found:
            self.position = found[0].end
        return found[0] if found else None

    def wait_calls(self, count: int = 1) -> None:
        """Wait until so many calls of the probe have returned or raised.

        Errors:
            Hang: they do not. NotCalled: the connection ended, and there is no call at all.
        """

        def there() -> bool:
            calls = self.calls
            return len(calls) >= count and all(call.settled for call in calls[:count])

        def none_comes() -> bool:
            return self.ended and not self.calls

        what = f"{count} finished call(s) of the application"
        self.wait(lambda: there() or none_comes(), what)
        if none_comes() and not self.settled(lambda: bool(self.calls), LATE_CALL):
            raise NotCalled(None)
        if not there():
            self.wait(there, what)

    def exchange(self, response: Response | None) -> Exchange:
        """Return what became of the request so far, for the views that ``Exchange`` has."""
        exchange = Exchange(self.driver.timeline, self.number, response)
        exchange.calls = self.calls
        return exchange

    def fence(self) -> bool | None:
        """Send the harness's own request behind the last response, and read to the end.

        Returns:
            True where its response began exactly where the last one ended, None where the server
            closed the connection instead of answering, False where anything else came.
        """
        word = self.client.fence_word()
        self.send(
            request(target=f"/?{self.client.marker}{word}.", headers=[("Connection", "close")])
        )
        start = self.position
        response = self.response()
        self.settled(lambda: self.ended)
        if response is None and len(self.connection.received) == start:
            return None
        return (
            response is not None
            and not response.defects
            and response.status == 200
            and response.body == word.encode("ascii")
            and len(self.connection.received) == response.end
        )


class Client:
    """Plays one probe on one server.

    Args:
        driver: live or replaying.
        module, probe: which application the server's next calls play.
        marker: text by which the harness's own requests are known.
    """

    def __init__(self, driver: Driver, module: str, probe: str, marker: str) -> None:
        self.driver = driver
        self.module = module
        self.probe = probe
        self.marker = marker
        self._fences = 0

    @property
    def timeline(self) -> Timeline:
        """The trace so far."""
        return self.driver.timeline

    @property
    def address(self) -> tuple[str, int]:
        """Host and port the server was started for."""
        return self.driver.address

    @property
    def proxied(self) -> bool:
        """Whether something stands between this client and the WSGI side."""
        return self.driver.proxied

    def fence_word(self) -> str:
        """Return a word that no response holds by accident; the same in a replay."""
        self._fences += 1
        return f"fence{self._fences}"

    def open(
        self, receive_buffer: int | None = None, *, or_idle: bool = False, **parameters: Any
    ) -> Conversation:
        """Connect, for a conversation driven by hand.

        Args:
            receive_buffer: size of the socket's receive buffer in bytes, to make a server feel
                a slow reader; the system's default where None.
            or_idle: give up at once where the server, at rest, takes no more connections; the
                conversation has ended then.
            parameters: what the application finds in ``inside.parameters``; JSON only.
        """
        self.driver.scene(self.module, self.probe, parameters)
        first_call = len(self.timeline.calls)
        number = self._connect(receive_buffer, or_idle)
        if or_idle and self.timeline.connections[number].ended:
            # The queue was full for a moment; of a server at rest it is not, unless it takes none.
            number = self._connect(receive_buffer, or_idle)
        return Conversation(self, number, first_call)

    def _connect(self, receive_buffer: int | None, or_idle: bool) -> int:
        number = self.driver.open(receive_buffer, or_idle=or_idle)
        if number not in self.timeline.connections:
            self.timeline.connections[number] = Connection()
        return number

    def exchange(
        self,
        data: bytes | None = None,
        *,
        fence: bool = True,
        to_end: bool = False,
        **parameters: Any,
    ) -> Exchange:
        """Send one request on a connection of its own and wait until all of it is over.

        Args:
            data: the request; a plain GET where None.
            fence: whether to follow it on the same connection, where that stays open, with a
                request that shows that nothing was left behind.
            to_end: whether to wait for the end of the connection as well, so that whatever the
                server sends behind its response has come.
            parameters: what the application finds in ``inside.parameters``; JSON only.

        Errors:
            Hang: no complete response, or a call that neither returned nor raised.
        """
        data = request() if data is None else data
        conversation = self.open(**parameters)
        conversation.send(data)
        method = data.partition(b" ")[0].decode("latin-1")
        response = conversation.response(method)
        exchange = conversation.exchange(response)
        if fence and response is not None and response.keeps_open and not conversation.ended:
            exchange.fenced = conversation.fence()
        if to_end:
            conversation.settled(lambda: conversation.ended)
        conversation.wait(
            lambda: all(call.settled for call in conversation.calls),
            "the application's call to return",
        )
        exchange.calls = conversation.calls
        conversation.close()
        return exchange

    def mount(self, attribute: str) -> str | None:
        """Start the server anew with another kind of application (``conformance.inside.kinds``).

        A probe that does so is declared with ``starts_anew``.

        Args:
            attribute: ``app``, ``instance``, ``class_`` or ``wrapped``.

        Returns:
            Why it did not start, or None.
        """
        return self.driver.mount(attribute)

    def wait_closed(self, call: Call, limit: float | None = None) -> bool:
        """Wait for close() on what a call returned; False where it never came."""
        return self.driver.until(lambda: call.count("close") > 0, limit)

    def wait_log(self, text: str, limit: float | None = None) -> bool:
        """Wait for a text in the server's log; False where it never came.

        Args:
            limit: seconds; the run's own where None, and none at all where no log is seen.
        """
        data = text.encode("utf-8")
        timeline = self.timeline
        return self.driver.until(
            lambda: data in timeline.log, limit if self.driver.sees_log else 0.0
        )


def new_marker() -> str:
    """Return a marker for a run: nothing a server or a probe says by accident."""
    return f"conformance-{secrets.token_hex(8)}-"
