"""Twins of the rules in PEP 3333 about the application's control over its output."""

from __future__ import annotations

from typing import Any

from conformance.checks import HOP_BY_HOP
from conformance.reference import Connection, Gateway
from conformance.reference.twins import bad_twin, good_twin

Fields = list[tuple[bytes, bytes]]


@bad_twin("headers-passed-through")
class InsistsOnItsName(Connection):
    """Replaces the application's Server header by its own."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        super().send_head(
            status, reason, [field for field in fields if field[0].lower() != b"server"]
        )


@bad_twin("headers-passed-through")
class Unquotes(Connection):
    """Takes quotation marks out of the values of headers beginning with X-Probe."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        changed = [
            (name, value.replace(b'"', b"") if name == b"X-Probe" else value)
            for name, value in fields
        ]
        super().send_head(status, reason, changed)


@bad_twin("headers-duplicates-kept")
class FoldsCookies(Connection):
    """Joins several Set-Cookie headers with commas."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        cookies = [value for name, value in fields if name == b"Set-Cookie"]
        rest = [field for field in fields if field[0] != b"Set-Cookie"]
        folded = [(b"Set-Cookie", b", ".join(cookies))] if cookies else []
        super().send_head(status, reason, rest + folded)


@good_twin("headers-duplicates-kept", "headers-passed-through")
class JoinsLists(Connection):
    """Joins repeated headers other than Set-Cookie with commas."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        joined: dict[bytes, bytes] = {}
        for name, value in fields:
            if name != b"Set-Cookie":
                joined[name] = joined[name] + b", " + value if name in joined else value
        cookies = [field for field in fields if field[0] == b"Set-Cookie"]
        super().send_head(status, reason, [*joined.items(), *cookies])


@bad_twin("http-hop-by-hop-fatal", also=("http-hop-by-hop-raises",))
class DropsHopByHop(Gateway):
    """Takes hop-by-hop headers out and goes on."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        if type(fields) is list:
            fields = [
                item
                for item in fields
                if not (isinstance(item[0], str) and item[0].lower() in HOP_BY_HOP)
            ]
        return super().start_response(status, fields, exc_info)


@bad_twin("http-hop-by-hop-raises")
class RefusesHopByHopLate(Gateway):
    """Hop-by-hop headers fail when they are to be sent."""

    def check(self, status: Any, fields: Any) -> None:
        if type(fields) is list:
            fields = [
                item
                for item in fields
                if not (isinstance(item[0], str) and item[0].lower() in HOP_BY_HOP)
            ]
        super().check(status, fields)

    def send_head(self, first_block: bytes) -> None:
        super().check(self.status or "", self.fields)
        super().send_head(first_block)


@bad_twin("http-response-meaning-kept")
class MakesLocationAbsolute(Connection):
    """Makes a relative Location absolute."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        changed = [
            (name, b"http://conformance.test" + value if value.startswith(b"/") else value)
            if name == b"Location"
            else (name, value)
            for name, value in fields
        ]
        super().send_head(status, reason, changed)


@bad_twin("http-response-meaning-kept")
class HasItsOwnErrorPage(Gateway):
    """Sends a page of its own for a 503 without a body."""

    def finish(self) -> None:
        if self.started and not self.head_sent and self.status == "503 Sorry":
            self.fields = [*self.fields, ("Content-Length", "5")]
            self.length = 5
            self.send_block(b"Sorry")
        super().finish()
