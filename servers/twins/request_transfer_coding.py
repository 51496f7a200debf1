"""Twins of the rules about transfer codings in PEP 3333, Other HTTP Features."""

from __future__ import annotations

from typing import Any

import h11

from conformance.reference import Connection
from conformance.reference.twins import bad_twin, good_twin


def is_chunked(event: h11.Request) -> bool:
    return any(name == b"transfer-encoding" for name, _ in event.headers)


class KnowsChunks(Connection):
    chunked = False

    def describe(self, event: h11.Request) -> Any:
        self.chunked = is_chunked(event)
        return super().describe(event)


@bad_twin("http-transfer-coding-decoded", "http-chunked-request-decoded")
class PassesChunksOn(KnowsChunks):
    """The application reads the chunked coding as it came."""

    def receive(self) -> bytes:
        """Return a part in its coding."""
        if not self.chunked:
            return super().receive()
        part = super().receive()
        self.chunked = bool(part)
        return b"%x\r\n%s\r\n" % (len(part), part)


@bad_twin(
    "http-chunked-request-decoded",
    also=(
        "input-iteration-semantics",
        "input-readline-semantics",
        "http-chunk-line-crlf",
        "http-chunk-incomplete-told",
        "http-chunk-data-delimited",
        "http-chunk-size-forms",
        "http-chunk-extension-ignored",
    ),
)
class EndsWithTheFirstChunk(KnowsChunks):
    """Of a chunked body the application gets no more than the first chunk."""

    got = False

    def describe(self, event: h11.Request) -> Any:
        """Begin anew."""
        self.got = False
        return super().describe(event)

    def receive(self) -> bytes:
        """Return the first part, then nothing."""
        if not self.chunked:
            return super().receive()
        if self.got:
            return b""
        self.got = True
        return super().receive()


@bad_twin("http-transfer-coding-decoded", "http-chunked-request-decoded")
class DropsChunks(KnowsChunks):
    """A chunked body is silently left out."""

    def receive(self) -> bytes:
        """Return nothing."""
        return b"" if self.chunked else super().receive()


@good_twin("http-transfer-coding-decoded", "http-chunked-request-decoded")
class BuffersChunks(KnowsChunks):
    """A chunked body is taken in first and announced by CONTENT_LENGTH."""

    body = b""

    def describe(self, event: h11.Request) -> Any:
        """Take the body in."""
        request = super().describe(event)
        self.body = b""
        if self.chunked and not self.http.they_are_waiting_for_100_continue:
            self.body = b"".join(iter(super().receive, b""))
            request.fields = [
                field for field in request.fields if field[0] != b"transfer-encoding"
            ] + [(b"Content-Length", b"%d" % len(self.body))]
        return request

    def receive(self) -> bytes:
        """Return what was taken in."""
        body, self.body = self.body, b""
        return body or super().receive()


class RefusesChunks(Connection):
    status, reason = 501, b"Not Implemented"

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request) and is_chunked(event):
            fields = [(b"Content-Length", b"0"), (b"Connection", b"close")]
            self.send_head(self.status, self.reason, fields)
            self.finish()
            return h11.ConnectionClosed()
        return event


@good_twin("http-transfer-coding-decoded", "http-chunked-request-decoded")
class AnswersChunksWith501(RefusesChunks):
    """A chunked request is refused with 501."""


@good_twin("http-transfer-coding-decoded", "http-chunked-request-decoded")
class AnswersChunksWith411(RefusesChunks):
    """A chunked request is refused with 411."""

    status, reason = 411, b"Length Required"


@good_twin("http-transfer-coding-decoded", "http-chunked-request-decoded")
class HangsUpOnChunks(Connection):
    """A chunked request is answered with the end of the connection."""

    def next_event(self) -> Any:
        """Hang up."""
        event = super().next_event()
        return h11.ConnectionClosed() if self.is_unwanted(event) else event

    def is_unwanted(self, event: Any) -> bool:
        """Whether it is a chunked request."""
        return isinstance(event, h11.Request) and is_chunked(event)
