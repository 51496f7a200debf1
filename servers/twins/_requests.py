"""What the twins of requests share: ways past h11, which refuses nearly all that is wrong."""

from __future__ import annotations

import re
from typing import Any

import h11

from conformance.reference import Connection

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
HIDDEN = re.compile(rb"~~([0-9a-f]{2})~~")


def hide(data: bytes, octets: bytes) -> bytes:
    """Write octets, given as a set of a regular expression, so that h11 takes them for others."""
    return re.sub(b"[" + octets + b"]", lambda found: b"~~%02x~~" % found[0][0], data)


def bring_back(data: bytes) -> bytes:
    """Undo ``hide``."""
    return HIDDEN.sub(lambda found: bytes([int(found[1], 16)]), data)


class Rewrites(Connection):
    """Rewrites a head into one that h11 takes, and means the one that came."""

    def read(self) -> bytes:
        data = super().read()
        if self.http.their_state is not h11.IDLE or self.http.trailing_data[0]:
            return data
        while data and b"\r\n\r\n" not in data and (more := self.sock.recv(65536)):
            data += more
        head, end, rest = data.partition(b"\r\n\r\n")
        return self.rewrite(head + end[:2]) + end[2:] + rest

    def rewrite(self, head: bytes) -> bytes:
        """Return another head for one, both with the CRLF of their last line."""
        line, end, fields = head.partition(b"\r\n")
        return self.rewrite_line(line) + end + self.rewrite_fields(fields)

    def rewrite_line(self, line: bytes) -> bytes:
        """Return another request line for one."""
        return line

    def rewrite_fields(self, fields: bytes) -> bytes:
        """Return other field lines for some, each with its CRLF."""
        return fields

    def describe(self, event: h11.Request) -> Any:
        """Describe what came."""
        request = super().describe(event)
        request.method, request.target = bring_back(request.method), bring_back(request.target)
        request.fields = [(bring_back(name), bring_back(value)) for name, value in request.fields]
        return request


def refuse(status: int = 400) -> Any:
    """Return an exception that makes the reference server refuse a request."""
    return h11.RemoteProtocolError("refused by a twin", status)
