"""Twins of the rules about the chunked coding: RFC 9112 sections 2.2, 7.1 and 8."""

from __future__ import annotations

import re
from typing import Any

import h11

from conformance.reference import Connection
from conformance.reference.gateway import ClientGone
from conformance.reference.twins import bad_twin, good_twin

from ._rewriting import Rewrites

CODED = b"\r\nTransfer-Encoding: chunked"
SIZE = rb"^([^\r\n;]*)(?=[;\r\n])"


class RewritesChunks(Rewrites):
    wanted = CODED


@bad_twin("http-chunk-size-forms")
class WantsLowerCaseDigits(RewritesChunks):
    """A chunk size in upper case is an error."""

    body = ((rb"^A\r\n", b"upper\r\n"),)


def as_int(match: re.Match[bytes]) -> bytes:
    try:
        return b"%x" % max(0, int(match[1], 16))
    except ValueError:
        return match[0]


@bad_twin("http-chunk-size-hex")
class ReadsSizesWithInt(RewritesChunks):
    """A chunk size is whatever int() makes of it."""

    body = ((SIZE, as_int),)


@bad_twin("http-chunk-size-hex")
class ReadsTheLongestPrefix(RewritesChunks):
    """A chunk size ends at the first character that is no digit, as strtol() has it."""

    body = ((rb"^(5)[g.][^\r]*", lambda match: match[1]),)


@bad_twin("http-chunk-size-overflow-safe")
class KeepsSizesIn32Bits(RewritesChunks):
    """A chunk size is kept in 32 bits."""

    body = ((rb"^[0-9a-f]{9,}", lambda match: b"%x" % (int(match[0], 16) % 2**32)),)


@good_twin("http-chunk-size-overflow-safe")
class RefusesLongSizes(RewritesChunks):
    """A chunk size of more than eight digits is an error."""

    body = ((rb"^[0-9a-f]{9,}", b"too long"),)


@bad_twin("http-chunk-line-crlf")
class TakesLfForALineEnd(RewritesChunks):
    """The lines of the chunked coding may end in LF alone."""

    def take(self) -> bytes:
        """Complete them, in the small bodies of the probes that hold none."""
        data = super().take()
        head, end, body = data.partition(b"\r\n\r\n")
        if CODED in head and len(body) < 40:
            body = re.sub(rb"(?<!\r)\n", b"\r\n", body)
        return head + end + body


@bad_twin("http-chunk-data-delimited")
class SkipsTwoBytes(RewritesChunks):
    """The two bytes behind a chunk are skipped without a look."""

    body = ((rb"^(5\r\nhello)(?!\r\n)..", lambda match: match[1] + b"\r\n"),)


@bad_twin("http-chunk-data-delimited")
class SkipsEmptyLines(RewritesChunks):
    """Empty lines between chunks are skipped."""

    body = ((rb"^(5\r\nhello\r\n)(?:\r\n)+", lambda match: match[1]),)


@bad_twin("http-framing-error-closes", also=("http-target-too-long",))
class GoesOnAfterABadChunk(Connection):
    """Behind a chunk that is wrong, the next request is looked for."""

    def run(self) -> None:
        """Begin anew with a new parser."""
        try:
            while self.serve_one() or self.http.their_state is h11.ERROR:
                if self.http.their_state is h11.ERROR:
                    rest = bytes(self.http.trailing_data[0])
                    if b"GET /?" not in rest:
                        break
                    self.http = h11.Connection(h11.SERVER)
                    self.http.receive_data(rest[rest.index(b"GET /?") :])
                else:
                    self.http.start_next_cycle()
            self.linger()
        except (ClientGone, OSError):
            pass
        self.sock.close()

    def send_head(self, status: int, reason: bytes, fields: list[tuple[bytes, bytes]]) -> None:
        """Leave out that the connection ends."""
        if self.http.their_state is h11.ERROR:
            self.sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            raise ClientGone
        super().send_head(status, reason, fields)


@bad_twin("http-chunk-extension-ignored")
class RefusesExtensions(RewritesChunks):
    """A chunk extension is an error."""

    body = ((rb"^5;", b"no extensions;"),)


@bad_twin("http-chunk-bare-cr")
class TakesCrForALineEnd(RewritesChunks):
    """A CR ends a chunk size line, whatever follows it."""

    body = ((rb"^([^\r\n]*)\r(?!\n)", lambda match: match[1] + b"\r\n"),)


@bad_twin("http-chunk-bare-cr")
class SkipsAByteBehindCr(RewritesChunks):
    """The byte behind a CR is taken for LF without a look."""

    body = ((rb"^([^\r\n]*)\r[^\n]", lambda match: match[1] + b"\r\n"),)


@good_twin("http-chunk-bare-cr")
class TurnsCrIntoSpace(RewritesChunks):
    """A lone CR in a chunk size line is read as a space."""

    body = ((rb"^([^\r\n]*)\r(?!\n)", lambda match: match[1] + b" "),)


@bad_twin("http-chunk-incomplete-told", also=("http-length-incomplete-told",))
class TakesTheEndForAnEnd(Connection):
    """Where the client breaks off, a body ends."""

    def receive(self) -> bytes:
        """Return nothing in place of an error."""
        try:
            return super().receive()
        except ClientGone as error:
            if "peer closed" in str(error):
                return b""
            raise


class BuffersChunks(Connection):
    body = b""
    trailers: tuple[tuple[bytes, bytes], ...] = ()

    def describe(self, event: h11.Request) -> Any:
        request = super().describe(event)
        self.body, self.trailers = b"", ()
        names = {name for name, _ in event.headers}
        if b"transfer-encoding" in names and not self.http.they_are_waiting_for_100_continue:
            self.body = b"".join(iter(super().receive, b""))
            request.fields = self.merged(request.fields)
        return request

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.EndOfMessage):
            self.trailers = tuple((name, value) for name, value in event.headers)
        return event

    def receive(self) -> bytes:
        body, self.body = self.body, b""
        return body or super().receive()

    def merged(self, fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        raise NotImplementedError


@bad_twin("http-trailer-not-merged")
class MergesTrailers(BuffersChunks):
    """Trailer fields are added to the header fields of a body that is taken in first."""

    def merged(self, fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return all of them."""
        return [*fields, *self.trailers]


@good_twin("http-trailer-not-merged")
class KeepsTrailersApart(BuffersChunks):
    """Trailer fields of a body that is taken in first are dropped."""

    def merged(self, fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return the header fields."""
        return fields


@good_twin("http-trailer-not-merged")
class RefusesTrailers(RewritesChunks):
    """A trailer field that must not be one is an error."""

    body = ((rb"\r\n0\r\nHost: ", b"\r\n0\r\nno colon"),)
