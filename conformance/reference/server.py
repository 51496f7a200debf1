"""HTTP/1.1 in front of the reference gateway: ``h11``, and a thread for each connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

import h11

from conformance.reference.gateway import ClientGone, Gateway

__all__ = ["Connection", "ReceivedRequest", "Server"]

READ_SIZE = 65536
# An unread body up to this size is read and dropped, so that the connection can be used again.
DRAINED_AT_MOST = 1 << 20


@dataclass
class ReceivedRequest:
    """A request as the gateway wants it."""

    method: bytes
    target: bytes
    version: bytes
    fields: list[tuple[bytes, bytes]]
    server: tuple[str, int]
    client: tuple[str, int]
    scheme: str = "http"


class Connection:
    """One client's connection: requests in, responses out, until one side has had enough.

    Args:
        server: whose application is run.
        sock: connected socket.
    """

    def __init__(self, server: Server, sock: socket.socket) -> None:
        self.server = server
        self.sock = sock
        self.http = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 17)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client: tuple[str, int] = sock.getpeername()[:2]
        self.is_ambiguous = False

    def run(self) -> None:
        """Serve requests until the connection ends."""
        with contextlib.closing(self.sock), contextlib.suppress(ClientGone, OSError):
            while self.serve_one():
                self.http.start_next_cycle()
            self.linger()

    def serve_one(self) -> bool:
        """Serve one request; return whether another one may follow."""
        try:
            event = self.next_event()
        except h11.RemoteProtocolError as error:
            self.refuse(error)
            return False
        if not isinstance(event, h11.Request):
            return False
        request = self.describe(event)
        self.server.gateway_class(self.server.application, request, self).run()
        return self.drained()

    def describe(self, event: h11.Request) -> ReceivedRequest:
        """Return the request in the gateway's terms."""
        fields = [(name, value) for name, value in event.headers]
        names = {name for name, _ in fields}
        # What only the coding delimits has no length to be told of, and is the last of its
        # connection where somebody gave it one (RFC 9112 sections 6.1 and 6.3).
        self.is_ambiguous = {b"transfer-encoding", b"content-length"} <= names
        if self.is_ambiguous:
            fields = [field for field in fields if field[0] != b"content-length"]
        return ReceivedRequest(
            event.method,
            event.target,
            event.http_version,
            fields,
            self.server.address,
            self.client,
        )

    def next_event(self) -> Any:
        """Return the next event of ``h11``, reading as needed."""
        while True:
            event = self.http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self.http.they_are_waiting_for_100_continue:
                self.send(h11.InformationalResponse(status_code=100, headers=[]))
            self.http.receive_data(self.take())

    def take(self) -> bytes:
        """Return what the client has sent meanwhile, empty where it sends no more."""
        return self.sock.recv(READ_SIZE)

    def receive(self) -> bytes:
        """Return the next part of the body, asking the client for it if it waits to be asked.

        Errors:
            ClientGone: the body was cut short.
        """
        if self.http.their_state is not h11.SEND_BODY:
            return b""
        try:
            event = self.next_event()
        except (h11.RemoteProtocolError, OSError) as error:
            raise ClientGone(str(error)) from error
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    def drained(self) -> bool:
        """Get a body that was not read out of the way; return whether the connection goes on."""
        if self.http.they_are_waiting_for_100_continue:
            return False
        total = 0
        while self.http.their_state is h11.SEND_BODY and total <= DRAINED_AT_MOST:
            total += len(self.receive())
        return self.http.our_state is h11.DONE and self.http.their_state is h11.DONE

    def send(self, event: Any) -> None:
        """Send an event.

        Errors:
            ClientGone: the connection is broken.
        """
        data = self.http.send(event)
        if data:
            try:
                self.sock.sendall(data)
            except OSError as error:
                raise ClientGone(str(error)) from error

    def send_head(self, status: int, reason: bytes, fields: list[tuple[bytes, bytes]]) -> None:
        """Send status line and fields, with the ones that HTTP wants and the server owns."""
        names = {name.lower() for name, _ in fields}
        if b"date" not in names:
            fields = [*fields, (b"Date", formatdate(usegmt=True).encode("ascii"))]
        if b"server" not in names:
            fields = [*fields, (b"Server", b"wsgi-conformance-reference")]
        if self.http.they_are_waiting_for_100_continue or self.is_ambiguous:
            # The client may or may not send the body that nobody asked for: no next request.
            fields = [*fields, (b"Connection", b"close")]
        self.send(h11.Response(status_code=status, reason=reason, headers=fields))

    def send_body(self, data: bytes) -> None:
        """Send one part of the body."""
        self.send(h11.Data(data=data))

    def finish(self) -> None:
        """End the response."""
        self.send(h11.EndOfMessage())

    def abort(self) -> None:
        """End the connection without ending the response."""
        self.http.send_failed()

    def refuse(self, error: h11.RemoteProtocolError) -> None:
        """Answer what is no request."""
        if self.http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        body = f"{error}\n".encode("latin-1", "replace")
        fields = [(b"Content-Length", b"%d" % len(body)), (b"Connection", b"close")]
        self.send_head(error.error_status_hint, b"Bad Request", fields)
        self.send_body(body)
        self.finish()

    def linger(self) -> None:
        """Close so that the client gets what was sent, even if it still sends (RFC 9112 9.6)."""
        self.sock.shutdown(socket.SHUT_WR)
        self.sock.settimeout(1.0)
        total = 0
        while total <= DRAINED_AT_MOST and (data := self.sock.recv(READ_SIZE)):
            total += len(data)


class Server:
    """Listens and runs an application for each request.

    Args:
        application: the WSGI application.
        host, port: where to listen; port 0 takes a free one.
        gateway_class, connection_class: replaced by the twins.

    Attributes:
        address: host and port it listens at.
    """

    def __init__(
        self,
        application: Callable[..., Iterable[bytes]],
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        gateway_class: type[Gateway] = Gateway,
        connection_class: type[Connection] = Connection,
    ) -> None:
        self.application = application
        self.gateway_class = gateway_class
        self.connection_class = connection_class
        self.listener = socket.create_server((host, port), backlog=128)
        self.address: tuple[str, int] = self.listener.getsockname()[:2]

    def serve_forever(self) -> None:
        """Accept connections until the listener is closed."""
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock: socket.socket) -> None:
        """Serve one connection."""
        try:
            connection = self.connection_class(self, sock)
        except OSError:  # gone before it was looked at
            sock.close()
            return
        connection.run()

    def close(self) -> None:
        """Stop listening."""
        self.listener.close()
