"""Twins of the rules about several requests on a connection: RFC 9112 section 9."""

from __future__ import annotations

import socket
import struct
from typing import Any

import h11

from conformance.reference import Connection
from conformance.reference.gateway import ClientGone
from conformance.reference.twins import bad_twin, good_twin

from ._rewriting import Rewrites


@bad_twin("http-pipelining-in-order")
class AnswersTheLastFirst(Connection):
    """Of requests that wait in the buffer the later ones are answered first."""

    def take(self) -> bytes:
        """Swap two of them."""
        data = super().take()
        first, found, rest = data.partition(b"GET /one HTTP")
        second, last, end = rest.partition(b"GET /three HTTP")
        if not (found and last):
            return data
        return first + last + second + found + end


@bad_twin("http-pipelining-in-order")
class LooksAheadFirst(Connection):
    """A request with something malformed behind it is not answered."""

    def take(self) -> bytes:
        """Hang up on it."""
        data = super().take()
        return b"" if data.startswith(b"GET /one") and b"\x00\x01" in data else data


@bad_twin("http-connection-isolated")
class KeepsFields(Connection):
    """The fields of a request stay for the next one, unless that has its own."""

    kept: tuple[tuple[bytes, bytes], ...] = ()

    def describe(self, event: h11.Request) -> Any:
        """Add them."""
        request = super().describe(event)
        names = {name for name, _ in request.fields}
        request.fields += [field for field in self.kept if field[0] not in names]
        if event.target.startswith(b"/rich"):
            self.kept = tuple(field for field in request.fields if field[0] != b"content-length")
        return request


@bad_twin("http-close-ends-processing")
class ComparesTheWholeField(Rewrites):
    """Connection: close is known where it is the only option."""

    head = ((rb"\r\nConnection: TE, close", b""),)


@bad_twin("http-close-ends-processing")
class ServesWhatIsThere(Connection):
    """What is in the buffer is served, though the connection is closed."""

    def run(self) -> None:
        """Call the application for what came behind a request with close, for nobody."""
        super().run()
        rest = bytes(self.http.trailing_data[0])
        if rest.startswith(b"GET /hidden") and not self.is_ambiguous:
            self.http = h11.Connection(h11.SERVER)
            self.http.receive_data(rest)
            event = self.http.next_event()
            request = self.describe(event)
            self.server.gateway_class(self.server.application, request, self).run()


@bad_twin(
    "http-body-read-or-closed", also=("app-called-once-per-request", "http-chunked-request-decoded")
)
class LeavesTheRest(Connection):
    """What the application has not read of a body is taken for the next request."""

    def run(self) -> None:
        """Go on where reading stopped."""
        try:
            while self.serve_one():
                if self.http.their_state is not h11.SEND_BODY:
                    self.http.start_next_cycle()
                    continue
                rest = bytes(self.http.trailing_data[0])
                self.http = h11.Connection(h11.SERVER)
                self.http.receive_data(rest)
            self.linger()
        except (ClientGone, OSError):
            pass
        self.sock.close()

    def drained(self) -> bool:
        """Whether the response lets the connection go on."""
        return self.http.our_state is h11.DONE


@bad_twin("http-close-in-stages")
class ResetsOnMuch(Connection):
    """A body of more than 500 kB that is not read is answered by a reset."""

    def describe(self, event: h11.Request) -> Any:
        """Break off."""
        if int(dict(event.headers).get(b"content-length", b"0")) > 500_000 and (
            event.target == b"/large"
        ):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.close()
        return super().describe(event)


@good_twin("http-close-in-stages")
class AnswersMuchWith413(Connection):
    """A body of more than 500 kB is refused with 413 before it is read."""

    def next_event(self) -> Any:
        """Refuse it."""
        event = super().next_event()
        if isinstance(event, h11.Request) and event.target == b"/large":
            self.send_head(413, b"Content Too Large", [(b"Content-Length", b"0")])
            self.finish()
            return h11.ConnectionClosed()
        return event
