"""The server side of PEP 3333 for one request, behind any transport.

Read it as the PEP's text in the order of events: ``environ``, the call, ``start_response``,
``write``, iteration, ``close()``. Each step is a method of its own, so that a twin can get just
that one wrong.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from conformance.checks import check_headers, check_status
from conformance.reference.streams import Errors, FileWrapper, Input

__all__ = ["ClientGone", "Gateway", "ReceivedRequest", "Request", "Transport", "WrongLength"]

ExcInfo = Any
Fields = list[tuple[str, str]]
# Joined with a comma they would no longer be the header they were (RFC 6265 section 5.4).
COOKIE = "HTTP_COOKIE"


class ClientGone(Exception):
    """The client's connection broke while a response was being sent."""


class WrongLength(Exception):
    """The application produced more or fewer bytes than its Content-Length announced."""


class Request(Protocol):
    """What a transport knows of a request; all of it as bytes, as received."""

    method: bytes
    target: bytes
    version: bytes
    fields: list[tuple[bytes, bytes]]
    server: tuple[str, int]
    client: tuple[str, int]
    scheme: str


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


class Transport(Protocol):
    """Where a gateway gets the body from and sends the response to."""

    def receive(self) -> bytes:
        """Return the next part of the request body, ``b""`` at its end and ever after."""

    def send_head(self, status: int, reason: bytes, fields: list[tuple[bytes, bytes]]) -> None:
        """Send status line and header fields."""

    def send_body(self, data: bytes) -> None:
        """Send one part of the body; when it returns, the data is on its way."""

    def finish(self) -> None:
        """End the response properly."""

    def abort(self) -> None:
        """End the connection so that the client sees the response was cut short."""


class Gateway:
    """Runs one application for one request.

    Args:
        application: the WSGI application.
        request: the request to tell it of.
        transport: the other end.
    """

    multithread = True
    multiprocess = False
    run_once = False
    input_class: type[Any] = Input
    errors_class: type[Any] = Errors
    file_wrapper: Any = FileWrapper

    def __init__(
        self, application: Callable[..., Iterable[bytes]], request: Request, transport: Transport
    ) -> None:
        self.application = application
        self.request = request
        self.transport = transport
        self.errors = self.errors_class()
        self.status: str | None = None
        self.fields: Fields = []
        self.started = False
        self.head_sent = False
        self.wrote = False
        self.sent = 0
        self.length: int | None = None
        self.result: Any = None

    # The request side

    def environ(self) -> dict[str, Any]:
        """Return a new environ, an exact dict (PEP 3333, environ Variables)."""
        request = self.request
        environ: dict[str, Any] = {}
        environ.update(self.header_variables())
        environ.update(self.path_variables())
        environ.update(
            {
                "GATEWAY_INTERFACE": "CGI/1.1",
                "SERVER_SOFTWARE": "wsgi-conformance-reference",
                "REQUEST_METHOD": request.method.decode("latin-1"),
                "SERVER_PROTOCOL": "HTTP/" + request.version.decode("latin-1"),
                "SERVER_NAME": request.server[0],
                "SERVER_PORT": str(request.server[1]),
                "REMOTE_ADDR": request.client[0],
                "REMOTE_PORT": str(request.client[1]),
                "wsgi.version": (1, 0),
                "wsgi.url_scheme": request.scheme,
                "wsgi.input": self.input_class(self.transport.receive),
                "wsgi.errors": self.errors,
                "wsgi.multithread": self.multithread,
                "wsgi.multiprocess": self.multiprocess,
                "wsgi.run_once": self.run_once,
                "wsgi.file_wrapper": self.file_wrapper,
                # Reading to the end is safe here, also where no length was announced.
                "wsgi.input_terminated": True,
            }
        )
        return environ

    def path_variables(self) -> dict[str, str]:
        """Return the parts of the request-target: the path decoded once, the query not at all."""
        path, _, query = self.target_path().partition(b"?")
        return {
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query.decode("latin-1"),
        }

    def target_path(self) -> bytes:
        """Return path and query of the request-target, whichever form it has (RFC 9112 3.2)."""
        target = self.request.target
        if target.startswith(b"/") or b"://" not in target:
            return target
        authority = self.target_authority() or b""
        rest = target.partition(b"://")[2][len(authority) :]
        return rest if rest.startswith(b"/") else b"/" + rest

    def target_authority(self) -> bytes | None:
        """Return the host, and perhaps port, that an absolute-form target names; else None."""
        target = self.request.target
        if target.startswith(b"/") or b"://" not in target:
            return None
        return re.split(rb"[/?]", target.partition(b"://")[2], maxsplit=1)[0]

    def header_variables(self) -> dict[str, str]:
        """Return the request's header fields as CGI variables (RFC 3875 section 4.1.18).

        A name with an underscore is left out: it could pass for another one with a hyphen.
        """
        variables: dict[str, str] = {}
        for name, value in self.request.fields:
            if b"_" in name:
                continue
            key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
            if key in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"):
                key = key.removeprefix("HTTP_")
            text = value.decode("latin-1")
            if key in variables:
                text = variables[key] + ("; " if key == COOKIE else ", ") + text
            variables[key] = text
        host = self.target_authority()
        if host is not None:
            # It counts, whatever Host says (RFC 9112 section 3.2.2).
            variables["HTTP_HOST"] = host.rpartition(b"@")[2].decode("latin-1")
        return variables

    # The response side

    def run(self) -> None:
        """Call the application, send what it returns, and close that in every case."""
        try:
            try:
                self.result = self.call()
                self.send_result()
            finally:
                self.close_result()
        except ClientGone:
            self.transport.abort()
        except Exception as error:
            self.log(error)
            self.fail()

    def call(self) -> Any:
        """Call the application with two positional arguments."""
        return self.application(self.environ(), self.start_response)

    def start_response(
        self, status: str, fields: Fields, exc_info: ExcInfo | None = None, /
    ) -> Callable[[bytes], None]:
        """Store status and headers; nothing is sent before the first non-empty block.

        Errors:
            whatever ``exc_info`` holds, where the head is out already; AssertionError for a second
            call without it; ValueError for arguments that HTTP or the PEP does not allow.
        """
        if exc_info:
            try:
                if self.head_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = (
                    None  # or the traceback would keep this frame alive, and it the traceback
                )
        elif self.started:
            raise AssertionError("start_response called again without exc_info")
        self.started = True
        self.check(status, fields)
        self.status, self.fields = status, list(fields)
        self.length = self.declared_length()
        return self.write

    def check(self, status: str, fields: Fields) -> None:
        """Refuse a status or headers that must not go out; the application sees the error."""
        problems = [*check_status(status), *check_headers(fields)]
        for problem in problems:
            # An empty reason is legal HTTP and only the PEP's words are against it.
            if problem.level != "SHOULD":
                raise ValueError(
                    f"expected {problem.expected}, got {problem.observed} ({problem.rule})"
                )

    def declared_length(self) -> int | None:
        """Return the Content-Length that the application gave, or None."""
        for name, value in self.fields:
            if name.lower() == "content-length":
                if not (value.isascii() and value.isdecimal()):
                    raise ValueError(f"Content-Length {value!r} is not a decimal number")
                return int(value)
        return None

    def write(self, data: bytes) -> None:
        """Send data at once, as though it had been yielded."""
        self.wrote = True
        self.send_block(data)

    def send_result(self) -> None:
        """Send the blocks of the result in order, one at a time, asking for no more than needed."""
        for block in self.blocks():
            self.send_block(block)
            if self.satisfied():
                break
        self.finish()

    def blocks(self) -> Iterable[bytes]:
        """Return what to iterate over: whatever the application returned."""
        result: Iterable[bytes] = self.result
        return result

    def satisfied(self) -> bool:
        """Whether the response is complete, so that nothing more has to be asked for."""
        if not self.head_sent:
            return False
        return not self.has_body() or (self.length is not None and self.sent >= self.length)

    def send_block(self, block: bytes) -> None:
        """Send one block; an empty one does nothing at all.

        Errors:
            TypeError: not bytes. WrongLength: more than was announced.
        """
        if not isinstance(block, bytes):
            raise TypeError(f"a block of the body is a {type(block).__name__}, not bytes")
        if not block:
            return
        if not self.started:
            raise AssertionError("body data before start_response was called")
        if not self.head_sent:
            self.send_head(block)
        if not self.has_body():
            return
        if self.length is not None and self.sent + len(block) > self.length:
            self.send_data(block[: self.length - self.sent])
            raise WrongLength(f"more than the announced {self.length} bytes")
        self.send_data(block)

    def send_data(self, data: bytes) -> None:
        """Pass bytes of the body on."""
        if data:
            self.transport.send_body(data)
            self.sent += len(data)

    def has_body(self) -> bool:
        """Whether the response may have a body (RFC 9110: HEAD, 204, 205 and 304 have none)."""
        assert self.status is not None
        return self.request.method != b"HEAD" and self.status[:3] not in ("204", "205", "304")

    def send_head(self, first_block: bytes) -> None:
        """Send status and headers, adding a Content-Length where it is certain."""
        assert self.status is not None
        fields = list(self.fields)
        if self.status[:3] in ("204", "205"):
            # No length belongs into a 204, and of a 205 it has to say that there is nothing.
            fields = [field for field in fields if field[0].lower() != "content-length"]
            fields += [("Content-Length", "0")] if self.status[:3] == "205" else []
        if self.length is None and self.has_body():
            length = self.certain_length(first_block)
            if length is not None:
                fields.append(("Content-Length", str(length)))
        self.head_sent = True
        code, _, reason = self.status.partition(" ")
        self.transport.send_head(
            int(code),
            reason.encode("latin-1"),
            [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields],
        )

    def certain_length(self, first_block: bytes) -> int | None:
        """Return the length of the body where one block is all of it (PEP 3333, Content-Length)."""
        if self.wrote:
            return None
        if not first_block:
            return 0
        try:
            return len(first_block) if len(self.result) == 1 else None
        except Exception:  # a length is optional, whatever asking for it does
            return None

    def finish(self) -> None:
        """End the response; headers that are still unsent go out now."""
        if not self.started:
            raise AssertionError("the iterable ended and start_response was never called")
        if not self.head_sent:
            self.send_head(b"")
        if self.has_body() and self.length is not None and self.sent < self.length:
            raise WrongLength(f"{self.sent} bytes where {self.length} were announced")
        self.transport.finish()

    def close_result(self) -> None:
        """Call close() of what the application returned, once."""
        close = getattr(self.result, "close", None)
        self.result = None
        if close is not None:
            close()

    # Errors

    def log(self, error: BaseException) -> None:
        """Write a traceback to the error stream."""
        self.errors.write("".join(traceback.format_exception(error)))
        self.errors.flush()

    def fail(self) -> None:
        """Answer with an error where nothing is out yet, else cut the connection."""
        if self.head_sent:
            self.transport.abort()
            return
        self.head_sent = True
        body = b"The application failed; the error is in the server's log.\n"
        try:
            self.transport.send_head(
                500,
                b"Internal Server Error",
                [(b"Content-Type", b"text/plain"), (b"Content-Length", b"%d" % len(body))],
            )
            if self.request.method != b"HEAD":
                self.transport.send_body(body)
            self.transport.finish()
        except ClientGone:
            self.transport.abort()
