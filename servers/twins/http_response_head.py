"""Twins of the rules of HTTP about what an application may not get onto the wire."""

from __future__ import annotations

from typing import Any

import h11

from conformance.reference import Connection, Gateway
from conformance.reference.twins import bad_twin, good_twin

from ._raw import Fields, Lenient, RewritesHead, SendsAnything

Strings = list[tuple[str, str]]


def values(fields: Strings) -> str:
    """Return the values of some headers in one."""
    return "".join(value for _, value in fields if isinstance(value, str))


@bad_twin("http-value-no-crlf-nul")
class LetsNulThrough(SendsAnything):
    """Sends a NUL in a value."""

    class gateway(Lenient):
        def lets_through(self, status: str, fields: Strings) -> bool:
            return "\0" in values(fields)


@bad_twin("http-value-no-crlf-nul")
class LetsEscapesThrough(SendsAnything):
    """Sends an escape character in a value: only a warning."""

    class gateway(Lenient):
        def lets_through(self, status: str, fields: Strings) -> bool:
            return "\x1b" in values(fields)


@bad_twin("http-value-no-crlf-nul")
class LetsEmptyLinesThrough(SendsAnything):
    """Sends two line breaks in a value, so that what follows looks like a body."""

    class gateway(Lenient):
        def lets_through(self, status: str, fields: Strings) -> bool:
            return "\r\n\r\n" in values(fields)


@good_twin("http-value-no-crlf-nul", "http-line-folding-not-sent", "http-bare-cr-not-sent")
class BlanksControls(Gateway):
    """Puts a blank in place of each control character of a value."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        if type(fields) is list and all(isinstance(field, tuple) for field in fields):
            fields = [
                (name, "".join(" " if each < " " or each == "\x7f" else each for each in value))
                if isinstance(value, str) and isinstance(name, str)
                else (name, value)
                for name, value in fields
            ]
        return super().start_response(status, fields, exc_info)


@bad_twin("http-name-is-token")
class LetsSlashesThrough(SendsAnything):
    """Sends a name with a slash in it."""

    class gateway(Lenient):
        def lets_through(self, status: str, fields: Strings) -> bool:
            return any("/" in name for name, _ in fields if isinstance(name, str))


@good_twin("http-name-is-token")
class DropsNamesThatAreNone(Gateway):
    """Leaves out a field whose name has a slash, a blank or nothing in it, and goes on."""

    def check(self, status: Any, fields: Any) -> None:
        if type(fields) is list and all(isinstance(field, tuple) for field in fields):
            fields[:] = [field for field in fields if field[0] and not {*"/ \0"} & {*field[0]}]
        super().check(status, fields)


@bad_twin("http-bare-cr-not-sent")
class LetsCarriageReturnThrough(SendsAnything):
    """Sends a CR in a value."""

    class gateway(Lenient):
        def lets_through(self, status: str, fields: Strings) -> bool:
            return "\r" in values(fields) and "\n" not in values(fields)


@bad_twin("http-line-folding-not-sent")
class FoldsValues(SendsAnything):
    """Sends a value with a line break and a blank in it as two lines."""

    class gateway(Lenient):
        def lets_through(self, status: str, fields: Strings) -> bool:
            return "\r\n " in values(fields)


@bad_twin("http-status-line-clean")
class LetsNulIntoTheStatus(SendsAnything):
    """Sends a NUL in the reason."""

    class gateway(Lenient):
        def lets_through(self, status: str, fields: Strings) -> bool:
            return isinstance(status, str) and "\0" in status


@bad_twin("http-status-line-space")
class EndsAfterTheCode(RewritesHead):
    """Leaves out the blank behind the code where there is no reason."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        return head.replace(b" \r\n", b"\r\n", 1) if not event.reason else head


@good_twin("http-status-line-space")
class HasAReason(Connection):
    """Has a reason of its own where the application has none."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        super().send_head(status, reason or b"No Reason", fields)


@bad_twin("http-length-valid")
class ReadsLengthsLoosely(SendsAnything):
    """Takes a Content-Length with a sign, and sends it."""

    class gateway(Lenient):
        def lets_through(self, status: str, fields: Strings) -> bool:
            return any(value == "+4" for _, value in fields)

        def declared_length(self) -> int | None:
            if self.lets_through("", self.fields):  # type: ignore[attr-defined]
                return 4
            return super().declared_length()  # type: ignore[misc,no-any-return]


@good_twin("http-length-valid")
class MendsLengths(Gateway):
    """Leaves out a Content-Length that is no number."""

    def declared_length(self) -> int | None:
        self.fields = [
            (name, value)
            for name, value in self.fields
            if name.lower() != "content-length" or value.isdigit()
        ]
        return super().declared_length()


@bad_twin("http-101-not-unasked")
class SwitchesUnasked(Connection):
    """Sends the 101 of an application, whatever the client asked for."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        if status == 101:
            self.sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: probe\r\n\r\n")
            status = 200
            self.http.send = lambda event: b""  # type: ignore[method-assign,assignment]
        super().send_head(status, reason, fields)
