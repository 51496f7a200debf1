"""One request through the strict reference gateway, in memory.

The gateway is the reference server's own; only its other end is not a socket but two lists of
bytes. Twins of the gateway (``servers/twins/``) run here as they do behind a socket.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.reference.gateway import ClientGone, Gateway

__all__ = ["ABSENT", "Errors", "MemoryGateway", "MemoryTransport", "Request", "Seen", "drive"]

Application = Callable[..., Iterable[bytes]]
Fields = list[tuple[bytes, bytes]]


@dataclass
class Request:
    """A request, in the terms of ``conformance.reference.gateway.Request``.

    Attributes:
        method, target, version: of the request line; the target as sent, percent-encoded.
        fields: header field lines; ``Host``, and ``Content-Length`` for a body, are added where
            they are absent.
        body: the request's content; ``parts`` is how the transport hands it over.
        server, client: host and port of both ends.
        scheme: of the URL.
        gone_after: number of body parts sent after which the client is gone, or None.
    """

    method: bytes = b"GET"
    target: bytes = b"/"
    version: bytes = b"1.1"
    fields: Fields = field(default_factory=list)
    body: bytes = b""
    parts: int = 1
    server: tuple[str, int] = ("conformance.test", 8080)
    client: tuple[str, int] = ("127.0.0.1", 50000)
    scheme: str = "http"
    gone_after: int | None = None

    def __post_init__(self) -> None:
        names = {name.lower() for name, _ in self.fields}
        if b"host" not in names:
            host, port = self.server
            self.fields = [(b"Host", f"{host}:{port}".encode("latin-1")), *self.fields]
        if self.body and not names & {b"content-length", b"transfer-encoding"}:
            self.fields = [*self.fields, (b"Content-Length", b"%d" % len(self.body))]


@dataclass
class Seen:
    """What came of a request.

    Attributes:
        status: the code, or None where no head was sent.
        reason, fields, parts: as the gateway sent them; ``parts`` are the blocks of the body.
        ended: ``"finished"``, ``"aborted"``, or None where the gateway itself failed.
        error: what escaped from the application or was raised for what it did, or None.
        log: what was written to ``wsgi.errors``.
        environ: the dict that the application was called with, as it was left.
    """

    status: int | None = None
    reason: bytes = b""
    fields: Fields = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    ended: str | None = None
    error: BaseException | None = None
    log: str = ""
    environ: dict[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """The body, as a client puts it together."""
        return b"".join(self.parts)

    def header(self, name: str) -> str | None:
        """Return the value of a header, the first of several, or None."""
        wanted = name.lower().encode("latin-1")
        for each, value in self.fields:
            if each.lower() == wanted:
                return value.decode("latin-1")
        return None


class MemoryTransport:
    """The other end of the gateway: hands out the request's body, keeps what is sent."""

    def __init__(self, request: Request, seen: Seen) -> None:
        self.request = request
        self.seen = seen
        self._parts = self._split()

    def _split(self) -> Iterator[bytes]:
        body = self.request.body
        size = max(1, -(-len(body) // self.request.parts))
        for start in range(0, len(body), size):
            yield body[start : start + size]

    def receive(self) -> bytes:
        """Return the next part of the request body, ``b""`` at its end and ever after."""
        return next(self._parts, b"")

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        """Keep the head.

        Errors:
            ClientGone: the client went away before anything was sent.
        """
        if self.request.gone_after == 0:
            raise ClientGone("the client is gone")
        self.seen.status, self.seen.reason, self.seen.fields = status, reason, list(fields)

    def send_body(self, data: bytes) -> None:
        """Keep one part of the body.

        Errors:
            ClientGone: the client went away after as many parts as it was told to wait for.
        """
        if self.request.gone_after is not None and len(self.seen.parts) >= self.request.gone_after:
            raise ClientGone("the client is gone")
        self.seen.parts.append(data)

    def finish(self) -> None:
        """End the response properly."""
        self.seen.ended = "finished"

    def abort(self) -> None:
        """End the connection so that the client sees the response was cut short."""
        self.seen.ended = "aborted"


class Errors:
    """``wsgi.errors`` that keeps what is written to it."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        """Keep a text.

        Errors:
            TypeError: not a str.
        """
        if not isinstance(text, str):
            raise TypeError(f"write() takes a str, not {type(text).__name__}")
        with self._lock:
            self.texts.append(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Keep each text."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Do nothing: nothing is held back."""


class MemoryGateway(Gateway):
    """The reference gateway between an application and lists of bytes.

    Keeps the error that ended a request, and takes changes to its environ.
    """

    errors_class = Errors
    changes: Mapping[str, Any] = {}
    """Keys to set in environ; those whose value is ``ABSENT`` are left out."""
    last_environ: dict[str, Any]

    def environ(self) -> dict[str, Any]:
        """Return the gateway's environ with the changes made to it."""
        environ = super().environ()
        for key, value in self.changes.items():
            if value is ABSENT:
                environ.pop(key, None)
            else:
                environ[key] = value
        self.last_environ = environ
        return environ

    def log(self, error: BaseException) -> None:
        """Keep the error; an in-process caller needs no text of it."""
        self.failure = error

    failure: BaseException | None = None


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()
"""In ``MemoryGateway.changes``: the key is not there at all."""


def drive(
    application: Application,
    request: Request | None = None,
    gateway: type[Gateway] = MemoryGateway,
    changes: Mapping[str, Any] | None = None,
) -> Seen:
    """Run one request through a gateway, to its end.

    Args:
        application: the WSGI application.
        request: GET / where absent.
        gateway: ``MemoryGateway`` or a subclass; any other subclass of ``Gateway``, such as a
            twin, is combined with it.
        changes: what to change in environ before the application is called.

    Returns:
        What a client and a log would have seen. Nothing that the application raises gets out,
        but for KeyboardInterrupt and SystemExit.
    """
    request = request or Request()
    seen = Seen()
    if not issubclass(gateway, MemoryGateway):
        gateway = type(gateway.__name__, (gateway, MemoryGateway), {})
    running = gateway(application, request, MemoryTransport(request, seen))
    assert isinstance(running, MemoryGateway)
    if changes:
        running.changes = changes
    running.run()
    seen.error = running.failure
    seen.log = "".join(getattr(running.errors, "texts", ()))
    seen.environ = getattr(running, "last_environ", {})
    return seen
