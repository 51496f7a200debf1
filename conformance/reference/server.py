"""HTTP/1.1 in front of the reference gateway: ``h11``, and a thread for each connection."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import h11

from conformance.reference.gateway import ClientGone, Gateway, ReceivedRequest

__all__ = ["Connection", "ReceivedRequest", "Server"]

READ_SIZE = 65536
# What a request line and header section may hold together, in bytes.
LONGEST_HEAD = 1 << 17
# An unread body up to this size is read and dropped, so that the connection can be used again.
DRAINED_AT_MOST = 1 << 20
# RFC 3986 section 3.2: a bracketed address or a name, and perhaps a port; no user, no path.
HOST = re.compile(
    rb"(?:\[[0-9A-Za-z:.]+\]|(?:[0-9A-Za-z._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
)
ABSOLUTE_FORM = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://")


class Connection:
    """One client's connection: requests in, responses out, until one side has had enough.

    Args:
        server: whose application is run.
        sock: connected socket.
    """

    def __init__(self, server: Server, sock: socket.socket) -> None:
        self.server = server
        self.sock = sock
        self.http = self.new_http()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client: tuple[str, int] = sock.getpeername()[:2]
        self.is_ambiguous = False

    def new_http(self) -> h11.Connection:
        """Return a reader and writer of one request and its response."""
        return h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)

    def run(self) -> None:
        """Serve requests until the connection ends."""
        with contextlib.closing(self.sock), contextlib.suppress(ClientGone, OSError):
            while self.serve_one():
                self.next_cycle()
            self.linger()

    def next_cycle(self) -> None:
        """Begin with the next request, at what of it has come already.

        Not by ``start_next_cycle``: empty lines before a request line are none of the request (RFC
        9112 section 2.2), and ``h11`` refuses them.
        """
        ahead, _ = self.http.trailing_data
        self.http = self.new_http()
        if ahead := ahead.lstrip(b"\r\n"):
            self.http.receive_data(ahead)

    def serve_one(self) -> bool:
        """Serve one request; return whether another one may follow."""
        try:
            event = self.next_event()
            if not isinstance(event, h11.Request):
                return False
            self.check(event)
        except h11.RemoteProtocolError as error:
            self.refuse(error)
            return False
        request = self.describe(event)
        self.server.gateway_class(self.server.application, request, self).run()
        return self.drained()

    def check(self, event: h11.Request) -> None:
        """Look at what ``h11`` leaves to others.

        Errors:
            h11.RemoteProtocolError: not a request that this server takes; it says the status.
        """
        if event.http_version[:1] != b"1":
            raise h11.RemoteProtocolError("only HTTP/1 is spoken here", 505)
        # There are no tunnels here (RFC 9110 section 9.3.6).
        if event.method == b"CONNECT":
            raise h11.RemoteProtocolError("CONNECT is not implemented", 501)
        if not self.is_target(event):
            raise h11.RemoteProtocolError("a request target that has none of the forms")
        for name, value in event.headers:
            if name == b"host" and not self.is_host(value):
                raise h11.RemoteProtocolError("a Host that is none")

    def is_target(self, event: h11.Request) -> bool:
        """Whether a request target has one of its forms (RFC 9112 section 3.2)."""
        target = event.target
        if target == b"*":
            return event.method == b"OPTIONS"
        return b"#" not in target and (target[:1] == b"/" or bool(ABSOLUTE_FORM.match(target)))

    def is_host(self, value: bytes) -> bool:
        """Whether the value of Host is a host, perhaps with a port."""
        return HOST.fullmatch(value) is not None

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
            self.http.receive_data(self.read())

    def read(self) -> bytes:
        """Return what comes next, empty lines before a request left out; ``b""`` at the end."""
        data = self.take()
        ahead, _ = self.http.trailing_data
        while self.http.their_state is h11.IDLE and data and not ahead:
            rest = data.lstrip(b"\r\n")
            if rest:
                return rest
            data = self.take()
        return data

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
        # Whitespace around a value is none of it (RFC 9110 section 5.5), and h11 takes none.
        fields = [(name, value.strip(b" \t")) for name, value in fields]
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
        status = self.status_of(error)
        body = f"{error}\n".encode("latin-1", "replace")
        fields = [(b"Content-Length", b"%d" % len(body)), (b"Connection", b"close")]
        self.send_head(status, HTTPStatus(status).phrase.encode("ascii"), fields)
        self.send_body(body)
        self.finish()

    def status_of(self, error: h11.RemoteProtocolError) -> int:
        """Return the status for what is no request (RFC 9112 section 3 for what is too long)."""
        status = error.error_status_hint
        unread, _ = self.http.trailing_data
        if status != 431 or b"\n" in unread:
            return status
        return 414 if b" " in unread else 501

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
