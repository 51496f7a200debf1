"""Twins of the rules about bodies of a given length: RFC 9110 section 8.6, RFC 9112 section 6.3."""

from __future__ import annotations

import re
from typing import Any

import h11

from conformance.reference import Connection
from conformance.reference.gateway import ClientGone
from conformance.reference.twins import bad_twin, good_twin

from ._rewriting import Rewrites

LENGTH = rb"\r\nContent-Length:[ \t]*([^\r\n]*)"


def field(value: int) -> bytes:
    return b"\r\nContent-Length: %d" % value


@bad_twin("http-length-decimal")
class TakesZerosForOctal(Rewrites):
    """A Content-Length that begins with 0 is read as an octal number."""

    head = ((rb"\r\nContent-Length: 0([0-7]+)(?=\r|$)", lambda match: field(int(match[1], 8))),)


class RefusesLengths(Connection):
    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request) and self.is_odd(bytes(self.seen)):
            self.send_head(400, b"Bad Request", [(b"Content-Length", b"0")])
            self.finish()
            return h11.ConnectionClosed()
        return event

    def take(self) -> bytes:
        self.seen = super().take()
        return self.seen

    def is_odd(self, head: bytes) -> bool:
        raise NotImplementedError


@good_twin("http-length-decimal")
class WantsOneBlank(RefusesLengths):
    """A Content-Length with more than one blank before it, or any behind it, is refused."""

    def is_odd(self, head: bytes) -> bool:
        """Whether blanks stand around a length."""
        return bool(re.search(rb"Content-Length:(?:[ \t]{2}|\t|[^\r\n]*[ \t]\r)", head))


@good_twin("http-length-repeated-same")
class WantsOneLength(RefusesLengths):
    """A Content-Length that is repeated is refused, though always the same."""

    def is_odd(self, head: bytes) -> bool:
        """Whether there are several lengths."""
        start = head.partition(b"\r\n\r\n")[0]
        return start.count(b"Content-Length:") > 1 or bool(re.search(LENGTH + rb",", start))


def as_int(match: re.Match[bytes]) -> bytes:
    try:
        return field(max(0, int(match[1].decode("latin-1"))))
    except ValueError:
        return match[0]


@bad_twin("http-length-invalid-refused")
class ReadsLengthsWithInt(Rewrites):
    """A Content-Length is whatever int() makes of it; below 0 is 0."""

    head = ((LENGTH, as_int),)


@bad_twin("http-length-invalid-refused")
class TakesAnEmptyLengthForNone(Rewrites):
    """A Content-Length without a value is as good as none."""

    head = ((rb"\r\nContent-Length:[ \t]*(?=\r\n(?!Content-Length)|$)", b""),)


@bad_twin("http-length-overflow-safe")
class KeepsLengthsIn32Bits(Rewrites):
    """A Content-Length is kept in 32 bits."""

    head = ((rb"\r\nContent-Length: (\d{10,})", lambda match: field(int(match[1]) % 2**32)),)


@good_twin("http-length-overflow-safe")
class RefusesMuch(Rewrites):
    """A body of more than 4 GB is refused with 413."""

    def next_event(self) -> Any:
        """Refuse it."""
        event = super().next_event()
        length = dict(event.headers).get(b"content-length", b"0") if is_request(event) else b"0"
        if int(length) > 1 << 32:
            self.send_head(413, b"Content Too Large", [(b"Content-Length", b"0")])
            self.finish()
            return h11.ConnectionClosed()
        return event


def is_request(event: Any) -> bool:
    return isinstance(event, h11.Request)


@bad_twin("http-length-differing-refused")
class TakesTheFirstLength(Rewrites):
    """Of several Content-Length fields the first counts."""

    head = ((LENGTH + rb"(.*)" + LENGTH, lambda match: field(int(match[1] or 0)) + match[2]),)


@bad_twin("http-length-repeated-same")
class TellsAllLengths(Rewrites):
    """The application is told the list of lengths that the client sent."""

    several = False

    def take(self) -> bytes:
        """Look how many there are."""
        data = super().take()
        self.several = b"5, 5" in data
        return data

    def describe(self, event: h11.Request) -> Any:
        """Tell all."""
        request = super().describe(event)
        if self.several:
            request.fields = [
                (name, b"5, 5" if name == b"content-length" else value)
                for name, value in request.fields
            ]
        return request


@bad_twin("http-length-incomplete-told")
class CountsWhatCame(Connection):
    """The body is taken in first, and CONTENT_LENGTH set to what came of it."""

    body = b""

    def describe(self, event: h11.Request) -> Any:
        """Take the body in."""
        request = super().describe(event)
        self.body = b""
        lengths = [value for name, value in request.fields if name == b"content-length"]
        if not lengths or len(lengths[0]) > 6 or self.http.they_are_waiting_for_100_continue:
            return request
        try:
            while part := super().receive():
                self.body += part
        except ClientGone:
            request.fields = [
                (name, b"%d" % len(self.body) if name == b"content-length" else value)
                for name, value in request.fields
            ]
        return request

    def receive(self) -> bytes:
        """Return what was taken in."""
        body, self.body = self.body, b""
        return body or super().receive()


@bad_twin("http-body-absent-empty")
class TakesAllForTheBody(Rewrites):
    """What comes behind a POST without a length is its body."""

    def take(self) -> bytes:
        """Add a length."""
        data = super().take()
        head, end, body = data.partition(b"\r\n\r\n")
        if head.startswith(b"POST /m") and not re.search(rb"(?i)content-length|transfer-", head):
            head += field(len(body))
        return head + end + body


@good_twin("http-body-absent-empty")
class WantsALength(Connection):
    """A POST without a length is refused with 411."""

    def next_event(self) -> Any:
        """Refuse it."""
        event = super().next_event()
        if is_request(event) and event.method == b"POST":
            names = {name for name, _ in event.headers}
            if not names & {b"content-length", b"transfer-encoding"}:
                self.send_head(411, b"Length Required", [(b"Content-Length", b"0")])
                self.finish()
                return h11.ConnectionClosed()
        return event


@bad_twin("http-body-any-method", also=("http-body-read-or-closed",))
class KnowsNoBodyOfGet(Rewrites):
    """A GET has no body, whatever its Content-Length says."""

    wanted = b"GET /m"
    head = ((LENGTH, b""),)


@bad_twin("http-content-verbatim", also=("iterable-bytes-unchanged",))
class BlocksEndAtNul(Connection):
    """A block of the response ends at its first NUL; the rest is blanks."""

    def send_body(self, data: bytes) -> None:
        """Send what a string of C would hold."""
        super().send_body(data.partition(b"\0")[0].ljust(len(data)))


@bad_twin("http-content-verbatim")
class DropsAnEmptyLine(Connection):
    """An empty line in a body is lost on its way to the application."""

    def receive(self) -> bytes:
        """Drop it, where nothing but a probe of content will notice."""
        return super().receive().replace(b"\n\nlast", b"\nlast")


@bad_twin("http-framing-error-closes")
class GoesOnAfterARefusal(Connection):
    """A request with a Content-Length that is no number is refused, and the next one served."""

    def take(self) -> bytes:
        """Answer it before the parser sees it."""
        data = super().take()
        if re.search(rb"^[A-Z]+ /m\d+ .*\r\nContent-Length: five\r\n", data, re.DOTALL):
            self.sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return data[data.index(b"GET /?") :]
        return data
