"""Twins of the rules in RFC 9112 section 2.2, Message Parsing."""

from __future__ import annotations

import re
import select
import socket
import struct

import h11

from conformance.reference import Connection
from conformance.reference.twins import bad_twin, good_twin

from ._requests import Rewrites, hide, refuse


@bad_twin("http-leading-empty-line")
class RefusesEmptyLines(Connection):
    """An empty line before a request line is a malformed request."""

    def read(self) -> bytes:
        """Read, and leave nothing out."""
        return self.sock.recv(65536)


@bad_twin("http-leading-empty-line")
class TripsOverOldBrowsers(Connection):
    """An empty line between two requests is a malformed request."""

    def next_cycle(self) -> None:
        """Go on as h11 does."""
        self.http.start_next_cycle()

    def read(self) -> bytes:
        """Read, and leave nothing out but at the very beginning."""
        return self.sock.recv(65536) if self.http.their_http_version else super().read()


@good_twin("http-leading-empty-line", "http-close-honoured", "http-10-closes")
class SaysCloseEachTime(Connection):
    """Every response is the last one of its connection, and says so."""

    def send_head(self, status: int, reason: bytes, fields: list[tuple[bytes, bytes]]) -> None:
        """Add the connection option."""
        super().send_head(status, reason, [*fields, (b"Connection", b"close")])


@bad_twin("http-line-terminators")
class SplitsText(Rewrites):
    """Lines end where Python's text has the ends of lines."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return re.sub(b"[\x0b\x0c\x1c-\x1e\x85]", b"\r\n", fields)


@good_twin("http-line-terminators", "http-field-value-stripped", "http-field-value-nul")
class KeepsControlCharacters(Rewrites):
    """Control characters are kept in values, as HTTP allows of all but three."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        values = re.compile(rb"(?m)^(X-[A-Za-z]+:)([^\r\n]*)")
        return values.sub(lambda found: found[1] + hide(found[2], b"\x0b\x0c"), fields)


@bad_twin("http-bare-cr")
class EndsLinesAtCr(Rewrites):
    """A CR ends a line."""

    def rewrite(self, head: bytes) -> bytes:
        return re.sub(rb"\r(?!\n)", b"\r\n", head)


@bad_twin("http-bare-cr")
class KeepsCr(Rewrites):
    """A CR within a line is a character like any other."""

    def rewrite(self, head: bytes) -> bytes:
        return re.sub(rb"\r(?!\n)", b"~~0d~~", head)


@good_twin("http-bare-cr")
class MakesCrSpaces(Rewrites):
    """A CR within a line becomes a space."""

    def rewrite(self, head: bytes) -> bytes:
        return re.sub(rb"\r(?!\n)", b" ", head)


@bad_twin("http-bare-lf")
class KeepsLf(Rewrites):
    """An LF without a CR is a character like any other."""

    def rewrite(self, head: bytes) -> bytes:
        return re.sub(rb"(?<!\r)\n", b"~~0a~~", head)


@good_twin("http-bare-lf", "http-request-line-invalid")
class MakesLfSpaces(Rewrites):
    """An LF without a CR becomes a space."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return re.sub(rb"(?<!\r)\n", b" ", fields)


@good_twin("http-bare-lf", "http-request-line-invalid")
class RefusesLf(Rewrites):
    """A head with an LF that has no CR before it is refused."""

    def rewrite(self, head: bytes) -> bytes:
        if re.search(rb"(?<!\r)\n", head):
            raise refuse()
        return head


@bad_twin("http-whitespace-before-fields")
class ReadsIndentedFields(Rewrites):
    """A first field that begins with a blank is a field like any other."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return fields.lstrip(b" \t")


@good_twin("http-whitespace-before-fields")
class DropsIndentedLines(Rewrites):
    """Lines that begin with a blank, before any field, are left out."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return re.sub(rb"\A(?:[ \t][^\n]*\n)+", b"", fields)


@bad_twin("http-invalid-message-refused")
class TakesOneWord(Rewrites):
    """A line of one word is a request for a path of that name."""

    def rewrite(self, head: bytes) -> bytes:
        word = re.fullmatch(rb"([a-z]+)\r\n", head)
        return b"GET /%s HTTP/1.1\r\nHost: a\r\n" % word[1] if word else head


@bad_twin("http-invalid-message-answered")
class HangsUp(Connection):
    """A malformed request line is answered with the end of the connection."""

    def refuse(self, error: h11.RemoteProtocolError) -> None:
        """Say nothing."""
        if "illegal request line" not in str(error):
            super().refuse(error)


@bad_twin("http-invalid-message-answered")
class GoesOnAfterwards(Connection):
    """After a malformed request line and its 400 the connection goes on."""

    def serve_one(self) -> bool:
        """Serve on with a new parser."""
        going_on = super().serve_one()
        return going_on or self.malformed

    malformed = False

    def refuse(self, error: h11.RemoteProtocolError) -> None:
        """Refuse, and forget."""
        self.malformed = "illegal request line" in str(error)
        if not self.malformed:
            super().refuse(error)
            return
        self.sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        self.http = self.new_http()


@good_twin("http-invalid-message-answered", "http-version-invalid")
class AnswersWith505(Connection):
    """Whatever is wrong with a request line, the answer is 505."""

    def status_of(self, error: h11.RemoteProtocolError) -> int:
        """Return the status."""
        return 505 if "illegal request line" in str(error) else super().status_of(error)


# Where the kernel keeps count of the segments with data that came in (tcp_info of Linux).
SEGMENTS = 152


@bad_twin("http-split-delivery")
class MistrustsCrumbs(Connection):
    """A request that came in more than a dozen packets, and is small, is refused."""

    def check(self, event: h11.Request) -> None:
        """Count."""
        super().check(event)
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        if struct.unpack_from("I", info, SEGMENTS)[0] > 12 and len(event.target) < 100:
            raise refuse()


@bad_twin("http-unfinished-head")
class ServesWhatCame(Connection):
    """A head ends where the client stops sending."""

    def read(self) -> bytes:
        """Add the end that is missing."""
        data = super().read()
        missing = not data and self.http.their_state is h11.IDLE and self.http.trailing_data[0]
        return b"\r\n\r\n" if missing else data


@good_twin("http-unfinished-head")
class SaysNothingToCutHeads(Connection):
    """A head that was cut off is not answered."""

    def refuse(self, error: h11.RemoteProtocolError) -> None:
        """Say nothing to who cannot have meant it."""
        if not self.http.trailing_data[1]:
            super().refuse(error)


@bad_twin("http-half-close-answered")
class GoesWithTheClient(Connection):
    """A client that half-closes is taken for one that has gone."""

    def check(self, event: h11.Request) -> None:
        """Look for the end."""
        super().check(event)
        if event.target == b"/probe" and len(event.headers) == 1:
            ready, _, _ = select.select([self.sock], [], [], 0.1)
            if ready and not self.sock.recv(1, socket.MSG_PEEK):
                raise OSError("the client has gone")


@good_twin("http-split-delivery", "http-unfinished-head")
class ReadsInSmallPieces(Connection):
    """What comes in is read in pieces of seven bytes."""

    def read(self) -> bytes:
        """Read a piece, empty lines before a request left out."""
        data = self.sock.recv(7)
        while self.http.their_state is h11.IDLE and data and not self.http.trailing_data[0]:
            if rest := data.lstrip(b"\r\n"):
                return rest
            data = self.sock.recv(7)
        return data
