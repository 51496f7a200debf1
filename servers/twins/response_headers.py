"""Twins of the rules in PEP 3333 about the head that is sent."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import h11

from conformance.reference import Connection, Gateway
from conformance.reference.twins import bad_twin, good_twin

Fields = list[tuple[bytes, bytes]]


@bad_twin("status-code-as-given", also=("status-reason-as-given",))
class KnowsItsCodes(Connection):
    """A code that is in no table becomes the first of its class."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        if status not in iter(HTTPStatus):
            status -= status % 100
        super().send_head(status, reason, fields)


@bad_twin("status-reason-as-given")
class KnowsItsReasons(Connection):
    """The reason phrase is the one of the table where there is one."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        if status in iter(HTTPStatus):
            reason = HTTPStatus(status).phrase.encode("ascii")
        super().send_head(status, reason, fields)


def without(names: tuple[bytes, ...], head: bytes) -> bytes:
    """Return a head without the lines of some names."""
    lines = head.split(b"\r\n")
    return b"\r\n".join(line for line in lines if line.partition(b":")[0].lower() not in names)


class RewritesHead(Connection):
    """Changes the bytes of a head on their way out."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        """Return the bytes to send for a head."""
        raise NotImplementedError

    def send(self, event: Any) -> None:
        if not isinstance(event, h11.Response):
            super().send(event)
            return
        data = self.http.send(event)
        assert data is not None
        self.sock.sendall(self.rewrite(data, event))


@bad_twin("headers-required-added", also=("headers-date-supplied",))
class HasNoClock(RewritesHead):
    """Sends no Date of its own."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        given = b"1994" in head
        return head if given else without((b"date",), head)


@bad_twin("headers-date-supplied")
class WritesLocalDate(RewritesHead):
    """Writes its Date with an offset instead of GMT."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        return head if b"1994" in head else head.replace(b" GMT\r\n", b" +0000\r\n")


@bad_twin("headers-not-duplicated")
class AlwaysAddsServer(Connection):
    """Adds a Server header of its own to one of the application's."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        if any(name == b"Server" for name, _ in fields):
            fields = [*fields, (b"Server", b"wsgi-conformance-reference")]
        super().send_head(status, reason, fields)


@bad_twin("headers-case-insensitive")
class SeesOneSpelling(Connection):
    """Knows a Server header by its usual spelling alone."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        names = {name for name, _ in fields}
        if b"SERVER" in names:
            fields = [*fields, (b"Server", b"wsgi-conformance-reference")]
        super().send_head(status, reason, fields)


@good_twin("headers-not-duplicated", "headers-case-insensitive", "headers-passed-through")
class SendsLowerCase(Connection):
    """Sends the names of all headers in lower case."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        super().send_head(status, reason, [(name.lower(), value) for name, value in fields])


@bad_twin("headers-precede-body", also=("headers-response-well-formed",))
class WritesAhead(Gateway):
    """write() sends its data before the head, for the path /head-first alone."""

    def write(self, data: bytes) -> None:
        if self.request.target == b"/head-first":
            self.transport.sock.sendall(data)  # type: ignore[attr-defined]
        super().write(data)


@bad_twin("headers-response-well-formed")
class EndsLinesInLineFeed(RewritesHead):
    """Ends the lines of a 404's head in LF alone."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        return head.replace(b"\r\n", b"\n") if event.status_code == 404 else head


@bad_twin("headers-response-well-formed")
class FramesTwice(RewritesHead):
    """Adds a Content-Length to a chunked 404."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        if event.status_code != 404 or b"chunked" not in head:
            return head
        return head.removesuffix(b"\r\n") + b"Content-Length: 17\r\n\r\n"


@bad_twin("headers-response-well-formed", also=("headers-required-added",))
class ChunksForEverybody(RewritesHead):
    """Tells a client of HTTP/1.0 that a body is chunked."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        if self.http.their_http_version != b"1.0" or b"ontent-" in head:
            return head
        return head.removesuffix(b"\r\n") + b"Transfer-Encoding: chunked\r\n\r\n"


@good_twin(
    "headers-response-well-formed",
    "headers-required-added",
    "http-hop-headers-server-owned",
    "http-close-announced",
)
class ClosesAlways(Connection):
    """Answers one request on each connection and says so."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        super().send_head(status, reason, [*fields, (b"Connection", b"close")])
