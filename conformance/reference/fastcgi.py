"""The reference gateway behind FastCGI: one request at a time, for a front that speaks HTTP.

A front (the one for Node.js in ``servers/node``, or nginx, lighttpd, Apache) connects to a unix
socket and sends requests; several connections may wait, none of them is multiplexed, and all that
the standard library lacks is in ``records``. ``python -m conformance.reference.fastcgi`` starts it.

Parameters are read as CGI has them. A front that gives REQUEST_URI and no PATH_INFO leaves the
reading of the path to the gateway, below SCRIPT_NAME where it gives one. CONTINUE_WANTED is a word
between this and its own front: the client waits for a 100, which is then sent as a head of its own
before the response's, when the application first asks for the body.

Source: FastCGI Specification 1.0 (Open Market, 1996); RFC 3875 sections 4.1 and 6.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from conformance.reference.gateway import ClientGone, Gateway, ReceivedRequest
from conformance.reference.records import (
    BadRecord,
    Protocol,
    Record,
    RecordReader,
    Type,
    decode_pairs,
    encode_end,
    encode_pairs,
    encode_record,
    encode_stream,
)

__all__ = ["Connection", "FastCGIGateway", "Worker"]

Application = Callable[..., Iterable[bytes]]

READ_SIZE = 1 << 18
# Bytes that all parameters of a request may have; no front lets a client send more.
MOST_PARAMS = 1 << 20
RESPONDER = 1
KEEP_CONNECTION = 1
CONTINUE_WANTED = b"CONTINUE_WANTED"
LIMITS = {b"FCGI_MAX_CONNS": b"1", b"FCGI_MAX_REQS": b"1", b"FCGI_MPXS_CONNS": b"0"}
"""Answers to GET_VALUES (section 4.1): one request at a time."""


class FastCGIGateway(Gateway):
    """Runs one application for one request that came over FastCGI.

    Args:
        application, request, transport: as for ``Gateway``.
        params: the request's parameters.
        multiprocess: whether other processes serve the same application.
    """

    multithread = False

    def __init__(
        self,
        application: Application,
        request: ReceivedRequest,
        transport: Connection,
        params: Mapping[bytes, bytes],
        multiprocess: bool = False,
    ) -> None:
        super().__init__(application, request, transport)
        self.params = params
        self.multiprocess = multiprocess

    def environ(self) -> dict[str, Any]:
        """Return a new environ; what faces the client is the front."""
        environ = super().environ()
        front = self.params.get(b"SERVER_SOFTWARE")
        if front:
            environ["SERVER_SOFTWARE"] = front.decode("latin-1")
        return environ

    def path_variables(self) -> dict[str, str]:
        """Return SCRIPT_NAME, PATH_INFO and QUERY_STRING: the front's, or read from the target."""
        given = {
            name: self.params.get(name.encode(), b"").decode("latin-1")
            for name in ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING")
        }
        if b"PATH_INFO" in self.params or b"REQUEST_URI" not in self.params:
            return given
        variables, mounted = super().path_variables(), given["SCRIPT_NAME"]
        path = variables["PATH_INFO"]
        if path != mounted and not path.startswith(mounted + "/"):
            return variables
        return {**variables, "SCRIPT_NAME": mounted, "PATH_INFO": path.removeprefix(mounted)}


class Connection:
    """A front's connection: the transport of one request after the other.

    Args:
        worker: whose application is run; sock: connected socket.
    """

    def __init__(self, worker: Worker, sock: socket.socket) -> None:
        self.worker = worker
        self.sock = sock
        self.reader = RecordReader()
        self.goes_on = True
        self._forget()

    def _forget(self) -> None:
        """Be ready for the next request."""
        self.request = 0
        self.keep = True
        self.serving = False
        self.params = bytearray()
        self.parts: deque[bytes] = deque()
        self.received = 0
        self.announced: int | None = None
        self.input_over = False
        self.continue_wanted = False
        self.head = b""

    # From the worker's loop

    def readable(self) -> None:
        """Take what has arrived, and serve the request that it completes."""
        try:
            self._read()
            while self.goes_on and (record := self.reader.next()):
                self._take(record)
        except BadRecord as error:
            print(f"fastcgi: not understood: {error}", file=sys.stderr, flush=True)
            self.goes_on = False
        except (ClientGone, OSError):
            self.goes_on = False

    def refuse(self) -> None:
        """End an idle connection; a request that is just arriving is told to try elsewhere."""
        with contextlib.suppress(BadRecord, OSError):
            self.sock.shutdown(socket.SHUT_RD)
            while data := self.sock.recv(READ_SIZE):
                self.reader.feed(data)
            while record := self.reader.next():
                if record.type == Type.BEGIN_REQUEST:
                    self._send(encode_end(record.request, Protocol.OVERLOADED))

    # Records

    def _read(self) -> None:
        """Wait for bytes.

        Errors:
            ClientGone: there will be no more.
        """
        data = self.sock.recv(READ_SIZE)
        if not data:
            raise ClientGone("the front closed the connection")
        self.reader.feed(data)

    def _take(self, record: Record) -> None:
        if record.request == 0:
            self._manage(record)
        elif record.type == Type.BEGIN_REQUEST:
            self._begin(record)
        elif record.request != self.request:
            pass  # left over from a request that has ended (section 3.3)
        elif record.type == Type.ABORT_REQUEST:
            self._aborted()
        elif record.type == Type.PARAMS and not self.serving:
            self._take_params(record.content)
        elif record.type == Type.STDIN:
            self._take_input(record.content)

    def _manage(self, record: Record) -> None:
        """Answer a record that is about the connection (section 4)."""
        if record.type == Type.GET_VALUES:
            asked = decode_pairs(record.content)
            known = [(name, LIMITS[name]) for name, _ in asked if name in LIMITS]
            self._send(encode_record(Type.GET_VALUES_RESULT, 0, encode_pairs(known)))
        else:
            self._send(encode_record(Type.UNKNOWN_TYPE, 0, bytes([record.type]) + bytes(7)))

    def _begin(self, record: Record) -> None:
        role = int.from_bytes(record.content[:2], "big")
        if self.request:
            self._send(encode_end(record.request, Protocol.CANT_MPX_CONN))
        elif role != RESPONDER:
            self._send(encode_end(record.request, Protocol.UNKNOWN_ROLE))
        else:
            self._forget()
            self.request = record.request
            self.keep = bool(record.content[2:3] and record.content[2] & KEEP_CONNECTION)

    def _aborted(self) -> None:
        """Take in that the front gives up; the answer to that is the end (section 5.4)."""
        if self.serving:
            raise ClientGone("the front aborted the request")
        self._send(encode_end(self.request, Protocol.REQUEST_COMPLETE))
        self.goes_on = self.keep
        self._forget()

    def _take_params(self, content: bytes) -> None:
        self.params += content
        if len(self.params) > MOST_PARAMS:
            raise BadRecord(f"more than {MOST_PARAMS} bytes of parameters")
        if not content:
            self._serve(decode_pairs(bytes(self.params)))

    def _take_input(self, content: bytes) -> None:
        if content:
            self.parts.append(content)
            self.received += len(content)
        else:
            self.input_over = True

    # One request

    def _serve(self, pairs: list[tuple[bytes, bytes]]) -> None:
        """Run the application to the end of its response."""
        self.serving = True
        params = dict(pairs)
        length = params.get(b"CONTENT_LENGTH", b"")
        self.announced = int(length) if length.isdigit() else None
        self.continue_wanted = CONTINUE_WANTED in params
        request = describe(params, pairs)
        worker = self.worker
        FastCGIGateway(worker.application, request, self, params, worker.multiprocess).run()
        self.goes_on = self.goes_on and self.keep
        self._forget()

    def receive(self) -> bytes:
        """Return the next part of the request body, ``b""`` at its end and ever after.

        Errors:
            ClientGone: the body was cut short.
        """
        if self.continue_wanted and not self.parts and not self.input_over:
            self.continue_wanted = False
            self._send(encode_stream(Type.STDOUT, self.request, b"Status: 100 Continue\r\n\r\n"))
        try:
            while not self.parts and not self.input_over:
                while (record := self.reader.next()) is None:
                    self._read()
                self._take(record)
        except (BadRecord, OSError) as error:
            raise ClientGone(str(error)) from error
        if self.parts:
            return self.parts.popleft()
        if self.announced is not None and self.received < self.announced:
            raise ClientGone(f"{self.received} bytes where {self.announced} were announced")
        return b""

    def send_head(self, status: int, reason: bytes, fields: list[tuple[bytes, bytes]]) -> None:
        """Keep status and fields, to go out together with what follows them at once."""
        lines = [b"Status: %d %b" % (status, reason), *(b"%b: %b" % field for field in fields)]
        self.head = b"\r\n".join([*lines, b"", b""])

    def send_body(self, data: bytes) -> None:
        """Send one part of the body, and the head if it is still here."""
        head, self.head = self.head, b""
        # The final status says what there is to say about going on (RFC 9110 section 10.1.1).
        self.continue_wanted = False
        self._send(encode_stream(Type.STDOUT, self.request, head + data if head else data))

    def finish(self) -> None:
        """End the response."""
        rest = encode_stream(Type.STDOUT, self.request, self.head)
        ended = encode_record(Type.STDOUT, self.request, b"")
        self._send(rest + ended + encode_end(self.request, Protocol.REQUEST_COMPLETE))

    def abort(self) -> None:
        """End the connection without an END_REQUEST, so that the front sees what that means."""
        self.goes_on = False

    def _send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise ClientGone(str(error)) from error


def describe(params: Mapping[bytes, bytes], pairs: list[tuple[bytes, bytes]]) -> ReceivedRequest:
    """Return the request in the gateway's terms.

    Errors:
        BadRecord: a port that is no number.
    """
    fields = [
        (name.removeprefix(b"HTTP_").replace(b"_", b"-"), value)
        for name, value in pairs
        if name.startswith(b"HTTP_")
        # A front may send these two empty where the client sent none.
        or (name in (b"CONTENT_TYPE", b"CONTENT_LENGTH") and value)
    ]
    secure = params.get(b"HTTPS", b"off").lower() not in (b"off", b"")
    return ReceivedRequest(
        params.get(b"REQUEST_METHOD", b"GET"),
        params.get(b"REQUEST_URI", b""),
        params.get(b"SERVER_PROTOCOL", b"HTTP/1.0").partition(b"/")[2],
        fields,
        _address(params, b"SERVER_NAME", b"SERVER_PORT"),
        _address(params, b"REMOTE_ADDR", b"REMOTE_PORT"),
        params.get(b"REQUEST_SCHEME", b"https" if secure else b"http").decode("latin-1"),
    )


def _address(params: Mapping[bytes, bytes], host: bytes, port: bytes) -> tuple[str, int]:
    number = params.get(port) or b"0"
    if not number.isdigit():
        raise BadRecord(f"{port.decode()} is {number!r}")
    return params.get(host, b"").decode("latin-1"), int(number)


class Worker:
    """Serves an application to whoever connects, one request at a time.

    Args:
        application: the WSGI application; listener: a listening socket.
        multiprocess: what ``wsgi.multiprocess`` is, which the one who starts the workers knows.
    """

    def __init__(
        self, application: Application, listener: socket.socket, multiprocess: bool = False
    ) -> None:
        self.application = application
        self.listener = listener
        self.multiprocess = multiprocess
        self._stopping = False
        self._woken, self._waking = socket.socketpair()
        self._waking.setblocking(False)
        self._connections: dict[socket.socket, Connection] = {}

    def run(self) -> None:
        """Serve until told to stop, once; a request that is being served is finished first."""
        self.listener.setblocking(False)
        with selectors.DefaultSelector() as self._selector, self._woken, self._waking:
            for sock in (self._woken, self.listener):
                self._selector.register(sock, selectors.EVENT_READ)
            while not self._stopping:
                for key, _ in self._selector.select():
                    if not self._stopping:
                        self._turn(key.fileobj)
            for sock, connection in self._connections.items():
                connection.refuse()
                sock.close()

    def stop(self) -> None:
        """Let ``run`` return; safe in a signal handler and in another thread."""
        self._stopping = True
        with contextlib.suppress(OSError):  # it has been woken often enough
            self._waking.send(b"\0")

    def _turn(self, ready: Any) -> None:
        if ready is self.listener:
            self._accept()
        elif ready is not self._woken:
            connection = self._connections[ready]
            connection.readable()
            if not connection.goes_on:
                self._selector.unregister(ready)
                del self._connections[ready]
                ready.close()

    def _accept(self) -> None:
        try:
            sock, _ = self.listener.accept()
        except OSError:  # gone before it was looked at
            return
        sock.setblocking(True)
        self._connections[sock] = Connection(self, sock)
        self._selector.register(sock, selectors.EVENT_READ)


if __name__ == "__main__":
    from conformance.reference.fastcgi_command import main

    sys.exit(main())
