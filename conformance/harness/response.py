"""A strict reader of HTTP/1.x responses (RFC 9112) that keeps every byte and forgives nothing.

Whatever is malformed is read on with the likeliest meaning and recorded as a defect, because a
probe wants to know both what a client would have made of it and that it was wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["Defect", "Response", "ResponseReader"]

END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
STATUS_LINE = re.compile(rb"HTTP/(\d)\.(\d) (\d{3}) ([\t\x20-\x7e\x80-\xff]*)")
LOOSE_STATUS_LINE = re.compile(rb"HTTP/(\d)\.(\d)[ \t]+(\d{3})(?:[ \t]+(.*))?$", re.DOTALL)
TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
QUOTED = rb'"(?:[\t\x20-\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"'
# Blanks around an extension's ";" and "=" may be read but not be sent (RFC 9112 section 7.1.1).
CHUNK_EXTENSION = rb"(?:;" + TOKEN.pattern + rb"(?:=(?:" + TOKEN.pattern + rb"|" + QUOTED + rb"))?)"
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})" + CHUNK_EXTENSION + rb"*")
LOOSE_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?", re.DOTALL)
DIGITS = re.compile(rb"[0-9]{1,18}")
LONGEST_HEAD = 1 << 20


@dataclass(frozen=True, slots=True)
class Defect:
    """Something malformed: ``part`` is ``head``, ``framing``, ``chunk`` or ``end``."""

    part: str
    text: str


@dataclass(slots=True)
class Response:
    """One final response, as its bytes stand.

    Attributes:
        status: status code; 0 where no status line could be read.
        reason: reason phrase, exact bytes.
        fields: field lines in order, names and values as sent, outer blanks of values stripped.
        framing: what delimits the body: ``none``, ``length``, ``chunked`` or ``close``.
        body: content with the transfer coding removed, as far as it came.
        complete: whether all of it came, by its own framing.
        length: value of Content-Length where it delimits the body, else None.
        interim: status codes of the 1xx responses before it.
        start, end: its place in what the connection received; interim responses included.
        chunks: sizes of the chunks, the last one left out.
        defects: what is malformed in it.
    """

    version: str = ""
    status: int = 0
    reason: bytes = b""
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    framing: str = "close"
    body: bytes = b""
    complete: bool = False
    length: int | None = None
    interim: list[int] = field(default_factory=list)
    start: int = 0
    end: int = 0
    head_end: int = 0
    chunks: list[int] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)

    def all(self, name: str) -> list[bytes]:
        """Return the values of all field lines of a name, in order."""
        wanted = name.lower().encode("latin-1")
        return [value for key, value in self.fields if key.lower() == wanted]

    def first(self, name: str) -> bytes | None:
        """Return the first value of a field, or None."""
        return next(iter(self.all(name)), None)

    def tokens(self, name: str) -> set[str]:
        """Return the members of a list-valued field, in lower case."""
        joined = b",".join(self.all(name)).decode("latin-1").lower()
        return {token.strip() for token in joined.split(",") if token.strip()}

    @property
    def keeps_open(self) -> bool:
        """Whether the connection may carry another request after it (RFC 9112 section 9.3)."""
        if not self.complete or self.framing == "close" or "close" in self.tokens("Connection"):
            return False
        return self.version == "1.1" or "keep-alive" in self.tokens("Connection")

    def __str__(self) -> str:
        if not self.status:
            return "no readable response"
        return f"HTTP/{self.version} {self.status} {self.reason.decode('latin-1')}".rstrip()


class ResponseReader:
    """Reads one response from a growing buffer, each byte once.

    Args:
        method: of the request that is answered; HEAD has a response without a body.
        start: where in the buffer the response begins.
    """

    def __init__(self, method: str, start: int = 0) -> None:
        self.method = method
        self.response = Response(start=start, end=start)
        self.position = start
        self.state = "head"
        self.body = bytearray()
        self.remaining = 0
        self.searched = start

    def read(self, buffer: bytearray, ended: bool) -> Response | None:
        """Read on.

        Args:
            buffer: all that the connection received.
            ended: whether nothing more will come.

        Returns:
            The response once it is complete, or, when the connection ended, whatever came;
            None when more is needed or when not a byte came.
        """
        while self.state != "done":
            if not getattr(self, "_" + self.state)(buffer):
                break
        if self.state != "done" and ended:
            self._cut_short(buffer)
        if self.state != "done":
            return None
        self.response.body = bytes(self.body)
        self.response.end = self.position
        return self.response

    def _wrong(self, part: str, text: str) -> None:
        self.response.defects.append(Defect(part, text))

    def _cut_short(self, buffer: bytearray) -> None:
        if self.state == "nothing":
            return
        if len(buffer) == self.response.start:
            self.state = "nothing"
            return
        if self.state == "garbage":
            # Only now, so that it does not depend on how the bytes came in.
            self._wrong("head", f"no status line, but {bytes(self.body[:40])!r}")
        elif self.state == "to_end":
            self.response.complete = self.response.status != 0 and self.response.framing == "close"
        else:
            self._wrong("end", f"connection ended in the {self.state.replace('_', ' ')}")
            if self.state == "head":
                self.response.framing = "close"
            self.position = len(buffer)
        self.state = "done"

    def _nothing(self, buffer: bytearray) -> bool:
        return False

    def _head(self, buffer: bytearray) -> bool:
        start = self.position
        first = bytes(buffer[start : start + len(b"HTTP/")])
        if first[:2] == b"\r\n":
            self._wrong("head", "empty line before the status line")
            self.position = self.searched = start + 2
            return True
        if first == b"\r":
            return False
        if not b"HTTP/".startswith(first):
            self.state = "garbage"
            return True
        match = END_OF_HEAD.search(buffer, self.searched, start + LONGEST_HEAD)
        if match is None:
            if len(buffer) - start >= LONGEST_HEAD:
                self._wrong("head", "a head of more than 1 MiB")
                self.state = "to_end"
                return True
            # The end may have come in part.
            self.searched = max(start, len(buffer) - 3)
            return False
        self.position = self.searched = match.end()
        self._parse_head(bytes(buffer[start : match.end()]))
        if 100 <= self.response.status <= 199 and self.response.status != 101:
            self._pass_interim()
            return True
        self.response.head_end = self.position
        self._choose_framing()
        return True

    def _pass_interim(self) -> None:
        """Count an interim response, and forget all else of it: the final one is still to come."""
        response = self.response
        response.interim.append(response.status)
        self._refuse_coding()
        response.version, response.status, response.reason, response.fields = "", 0, b"", []

    def _refuse_coding(self) -> None:
        """Note a transfer coding where there never is a body (RFC 9112 section 6.1)."""
        if self.response.all("Transfer-Encoding"):
            self._wrong("framing", f"Transfer-Encoding in a {self.response.status} response")

    def _parse_head(self, head: bytes) -> None:
        lines = head.split(b"\n")[:-1]
        for line in lines:
            if not line.endswith(b"\r"):
                self._wrong("head", f"a line that ends in LF alone: {line[:60]!r}")
        status_line, *field_lines, _ = (line.removesuffix(b"\r") for line in lines)
        self._parse_status_line(status_line)
        for line in field_lines:
            self._parse_field_line(line)

    def _parse_status_line(self, line: bytes) -> None:
        match = STATUS_LINE.fullmatch(line)
        if match is None:
            self._wrong("head", f"malformed status line {line[:80]!r}")
            match = LOOSE_STATUS_LINE.match(line)
            if match is None:
                return
        major, minor, code, reason = match.groups()
        self.response.version = f"{int(major)}.{int(minor)}"
        self.response.status = int(code)
        self.response.reason = reason or b""
        if self.response.version not in ("1.0", "1.1"):
            self._wrong("head", f"HTTP version {self.response.version} in an HTTP/1.x response")
        if not 100 <= self.response.status <= 599:
            self._wrong("head", f"status code {code.decode()}")

    def _parse_field_line(self, line: bytes) -> None:
        if line[:1] in (b" ", b"\t"):
            self._wrong("head", f"a folded line {line[:60]!r}")
            return
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.fullmatch(name):
            self._wrong("head", f"malformed field line {line[:60]!r}")
        if not VALUE.fullmatch(value):
            self._wrong("head", f"control characters in field line {line[:60]!r}")
        self.response.fields.append((name.strip(), value.strip(b" \t")))

    def _choose_framing(self) -> None:
        response = self.response
        codings = response.all("Transfer-Encoding")
        lengths = response.all("Content-Length")
        if codings and lengths:
            self._wrong("framing", "Content-Length together with Transfer-Encoding")
        if len(lengths) > 1:
            self._wrong("framing", f"{len(lengths)} Content-Length fields")
        if response.status == 204:
            self._refuse_coding()
        if self.method == "HEAD" or response.status in (204, 304):
            response.framing, response.complete, self.state = "none", True, "done"
        elif codings:
            if response.version == "1.0":
                self._wrong("framing", "Transfer-Encoding in an HTTP/1.0 response")
            chunked = b",".join(codings).strip().lower() == b"chunked"
            if not chunked:
                self._wrong("framing", f"Transfer-Encoding: {b', '.join(codings)!r}")
            response.framing = "chunked" if chunked else "close"
            self.state = "chunk_size" if chunked else "to_end"
        elif lengths and DIGITS.fullmatch(lengths[0]):
            response.framing, response.length = "length", int(lengths[0])
            self.remaining, self.state = response.length, "content"
        else:
            if lengths:
                self._wrong("framing", f"Content-Length: {lengths[0]!r}")
            response.framing, self.state = "close", "to_end"

    def _content(self, buffer: bytearray) -> bool:
        self._take(buffer)
        if self.remaining:
            return False
        self.response.complete, self.state = True, "done"
        return True

    def _to_end(self, buffer: bytearray) -> bool:
        self.body += buffer[self.position :]
        self.position = len(buffer)
        return False

    _garbage = _to_end

    def _take(self, buffer: bytearray) -> None:
        part = buffer[self.position : self.position + self.remaining]
        self.body += part
        self.position += len(part)
        self.remaining -= len(part)

    def _line(self, buffer: bytearray) -> bytes | None:
        end = buffer.find(b"\n", self.position)
        if end < 0:
            return None
        line = bytes(buffer[self.position : end])
        self.position = end + 1
        if not line.endswith(b"\r"):
            self._wrong("chunk", f"a line that ends in LF alone: {line[:60]!r}")
        return line.removesuffix(b"\r")

    def _chunk_size(self, buffer: bytearray) -> bool:
        line = self._line(buffer)
        if line is None:
            return False
        match = CHUNK_SIZE.fullmatch(line)
        if match is None:
            self._wrong("chunk", f"malformed chunk size {line[:60]!r}")
            match = LOOSE_CHUNK_SIZE.fullmatch(line)
        if match is None:
            self.state = "to_end"
            return True
        self.remaining = int(match[1], 16)
        if self.remaining:
            self.response.chunks.append(self.remaining)
        self.state = "chunk_data" if self.remaining else "trailers"
        return True

    def _chunk_data(self, buffer: bytearray) -> bool:
        self._take(buffer)
        if self.remaining or len(buffer) < self.position + 2:
            return False
        if buffer[self.position : self.position + 2] != b"\r\n":
            self._wrong("chunk", "chunk data not followed by CRLF")
            self.state = "to_end"
            return True
        self.position += 2
        self.state = "chunk_size"
        return True

    def _trailers(self, buffer: bytearray) -> bool:
        line = self._line(buffer)
        if line is None:
            return False
        if line:
            name, colon, value = line.partition(b":")
            if not colon or not TOKEN.fullmatch(name) or not VALUE.fullmatch(value):
                self._wrong("chunk", f"malformed trailer {line[:60]!r}")
            return True
        self.response.complete, self.state = True, "done"
        return True
