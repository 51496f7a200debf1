"""Twins of the rules about transfer codings: RFC 9112 sections 6.1, 6.3 and 7."""

from __future__ import annotations

import re
from typing import Any

import h11

from conformance.reference import Connection
from conformance.reference.twins import bad_twin, good_twin

from ._rewriting import Rewrites

CODING = rb"\r\nTransfer-Encoding:[ \t]*([^\r\n]*)"
CHUNKED = b"\r\nTransfer-Encoding: chunked"


@bad_twin(
    "http-coding-overrides-length",
    also=("http-coding-with-length-closes", "cgi-content-length-decoded"),
)
class PrefersTheLength(Rewrites):
    """Where both are there, Content-Length counts and Transfer-Encoding is ignored."""

    head = (
        (CHUNKED + rb"(?=.*\r\nContent-Length)", b""),
        (rb"(\r\nContent-Length: [^\r]*)" + CHUNKED, lambda match: match[1]),
    )


@good_twin("http-coding-overrides-length", "http-coding-with-length-closes")
class RefusesBoth(Connection):
    """A request with both Transfer-Encoding and Content-Length is refused."""

    def next_event(self) -> Any:
        """Refuse it."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            names = {name for name, _ in event.headers}
            if {b"content-length", b"transfer-encoding"} <= names:
                self.send_head(400, b"Bad Request", [(b"Content-Length", b"0")])
                self.finish()
                return h11.ConnectionClosed()
        return event


@bad_twin("http-coding-with-length-closes")
class GoesOnAfterBoth(Connection):
    """A request with both fields is served by its coding, and the connection goes on."""

    def describe(self, event: h11.Request) -> Any:
        """Make nothing of it."""
        request = super().describe(event)
        self.is_ambiguous = False
        return request


@bad_twin("cgi-content-length-decoded")
class TellsTheLengthToo(Connection):
    """CONTENT_LENGTH is what the client said, though the body comes in chunks."""

    def describe(self, event: h11.Request) -> Any:
        """Tell it."""
        request = super().describe(event)
        request.fields = [(name, value) for name, value in event.headers]
        return request


@good_twin("cgi-content-length-decoded")
class CountsTheContent(Connection):
    """A chunked body is taken in first, and CONTENT_LENGTH is the length of what it held."""

    body = b""

    def describe(self, event: h11.Request) -> Any:
        """Take it in, if the client does not wait to be asked for it."""
        request = super().describe(event)
        self.body = b""
        names = {name for name, _ in event.headers}
        if b"transfer-encoding" in names and not self.http.they_are_waiting_for_100_continue:
            self.body = b"".join(iter(super().receive, b""))
            request.fields = [
                field for field in request.fields if field[0] != b"transfer-encoding"
            ] + [(b"content-length", b"%d" % len(self.body))]
        return request

    def receive(self) -> bytes:
        """Return what was taken in."""
        body, self.body = self.body, b""
        return body or super().receive()


def unless_last(match: re.Match[bytes]) -> bytes:
    last = match[1].lower().rstrip(b" \t,").rpartition(b",")[2].strip(b" \t")
    return match[0] if last.startswith(b"chunked") and last != b"chunkedx" else b""


@bad_twin("http-coding-not-final-refused", also=("http-coding-exact-token",))
class IgnoresUnknownCodings(Rewrites):
    """A request whose last coding is not known is taken for one without a body."""

    head = ((CODING + rb"(?!\r\n )", unless_last),)


@bad_twin("http-coding-not-final-refused", also=("http-coding-exact-token",))
class LooksForTheWord(Rewrites):
    """Whatever begins or ends with chunked is chunked."""

    head = ((rb"(?i)\r\nTransfer-Encoding:[^\r\n,]*chunked[a-z]*(?=\r|$)", CHUNKED),)


@bad_twin("http-coding-unknown-refused")
class LeavesTheRestEncoded(Rewrites):
    """Of a list of codings only chunked is decoded, and the application gets the rest as it is."""

    head = ((rb"\r\nTransfer-Encoding: [a-z, ]*(?:gzip|trick), chunked", CHUNKED),)


@bad_twin("http-coding-repeated-safe")
class IgnoresWhatIsRepeated(Rewrites):
    """A request that names chunked twice is taken for one without a body."""

    head = (
        (rb"\r\nTransfer-Encoding: chunked, chunked", b""),
        (CHUNKED + CHUNKED, b""),
    )


@good_twin("http-coding-repeated-safe")
class DecodesOnce(Rewrites):
    """Several codings that are all chunked are decoded as one."""

    head = ((rb"chunked, chunked", b"chunked"), (CHUNKED + CHUNKED, CHUNKED))


@bad_twin("http-coding-http10-closes")
class KeepsOldConnections(Rewrites):
    """A client of HTTP/1.0 that sends chunks is treated as one of HTTP/1.1."""

    wanted = b" HTTP/1.0\r\n"
    head = ((rb"HTTP/1\.0(?=.*\r\nTransfer-Encoding)", b"HTTP/1.1"),)


@bad_twin("http-coding-name-forms")
class ComparesTheCase(Rewrites):
    """Chunked in other than lower case is not known, and ignored."""

    head = ((rb"\r\nTransfer-Encoding: (?:Chunked|CHUNKED)", b""),)


@good_twin("http-coding-name-forms")
class WantsLowerCase(Rewrites):
    """Chunked in other than lower case is refused."""

    head = ((rb"\r\nTransfer-Encoding: (?:Chunked|CHUNKED)", b"\r\nTransfer-Encoding: other"),)


def stripped(match: re.Match[bytes]) -> bytes:
    return b"\r\nTransfer-Encoding: " + match[1].decode("latin-1").strip().encode("latin-1")


@bad_twin("http-coding-exact-token")
class StripsAllBlanks(Rewrites):
    """What str.strip() takes for blanks around a coding is none of it."""

    head = ((CODING, stripped),)


@good_twin("http-coding-exact-token")
class TurnsNulIntoSpace(Rewrites):
    """A NUL in a field is read as a space."""

    head = ((rb"\0", b" "),)


@bad_twin("http-coding-parameter-refused")
class IgnoresParameters(Rewrites):
    """What stands behind a semicolon in Transfer-Encoding is ignored."""

    head = ((rb"(\r\nTransfer-Encoding: chunked);[^\r\n]*", lambda match: match[1]),)
