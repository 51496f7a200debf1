"""Twins of the rules in PEP 3333, Unicode Issues: strings of the response."""

from __future__ import annotations

from typing import Any

from conformance.reference import Connection, Gateway
from conformance.reference.twins import bad_twin, good_twin

Fields = list[tuple[bytes, bytes]]


@bad_twin("unicode-headers-byte-preserving")
class ValuesInUtf8(Connection):
    """Sends the characters of header values in UTF-8."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        changed = [(name, value.decode("latin-1").encode()) for name, value in fields]
        super().send_head(status, reason, changed)


@bad_twin("unicode-headers-byte-preserving", also=("status-reason-as-given",))
class ReasonInUtf8(Connection):
    """Sends the characters of the reason phrase in UTF-8."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        super().send_head(status, reason.decode("latin-1").encode(), fields)


@good_twin("unicode-headers-byte-preserving")
class AsciiReason(Connection):
    """Has a reason phrase of its own for one that is not ASCII."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        super().send_head(status, reason if reason.isascii() else b"OK", fields)


def changed(fields: Any, change: Any) -> Any:
    """Return headers with every str in them changed."""
    return [
        tuple(change(part) if isinstance(part, str) else part for part in item) for item in fields
    ]


@bad_twin("unicode-non-latin1-refused")
class PutsQuestionMarks(Gateway):
    """Sends a question mark for a character beyond Latin-1."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        if type(fields) is list and isinstance(status, str):
            fields = changed(fields, question)
            status = question(status)
        return super().start_response(status, fields, exc_info)


def question(text: str) -> str:
    """Return a text with question marks for what is beyond Latin-1."""
    return text.encode("latin-1", "replace").decode("latin-1")


@bad_twin("unicode-non-latin1-refused")
class CutsToOctets(Gateway):
    """Sends the lowest eight bits of each character of a value; CR and LF apart."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        if type(fields) is list:
            fields = [
                (name, cut(value) if isinstance(value, str) else value) for name, value in fields
            ]
        return super().start_response(status, fields, exc_info)


def cut(text: str) -> str:
    """Return a text of octets; two that end a line begin the next header here."""
    return "".join(char if char < "\u0100" else chr(ord(char) & 0xFF) for char in text)


@good_twin("unicode-non-latin1-refused")
class RefusesCharactersLate(Gateway):
    """A character beyond Latin-1 passes start_response and makes the sending fail."""

    def check(self, status: Any, fields: Any) -> None:
        if type(fields) is list and isinstance(status, str):
            fields = changed(fields, question)
            status = question(status)
            # What a name may consist of is still checked at once.
        super().check(status, fields)
