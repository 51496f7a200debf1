"""Twins of the rules in PEP 3333, HTTP 1.1 Expect/Continue."""

from __future__ import annotations

from typing import Any

import h11

from conformance.reference import Connection
from conformance.reference.twins import bad_twin, good_twin


class RefusesExpectations(Connection):
    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request) and self.refuses(dict(event.headers).get(b"expect")):
            self.send_head(417, b"Expectation Failed", [(b"Content-Length", b"0")])
            self.finish()
            return h11.ConnectionClosed()
        return event

    def refuses(self, expectation: bytes | None) -> bool:
        return expectation is not None


@bad_twin(
    "http-expect-handled",
    also=("http-expect-transparent", "http-expect-read-blocks"),
)
class AnswersWith417(RefusesExpectations):
    """Every expectation is refused with 417."""


@bad_twin("http-expect-transparent")
class ComparesExactly(RefusesExpectations):
    """100-continue is taken in lower case alone, anything else refused with 417."""

    def refuses(self, expectation: bytes | None) -> bool:
        """Whether the expectation is not exactly the known one."""
        return expectation not in (None, b"100-continue")


@bad_twin(
    "http-expect-read-blocks",
    also=("http-expect-handled", "http-expect-transparent"),
)
class ReadsNothingAfter100(Connection):
    """The read that sends 100 Continue returns b'' instead of waiting for the body."""

    def receive(self) -> bytes:
        """Prompt and do not wait."""
        if self.http.they_are_waiting_for_100_continue:
            self.send(h11.InformationalResponse(status_code=100, headers=[]))
            return b""
        return super().receive()


@good_twin(
    "http-expect-handled",
    "http-expect-transparent",
    "http-expect-read-blocks",
    "http-expect-immediate",
)
class Sends100AtOnce(Connection):
    """100 Continue is sent before the application is called."""

    def describe(self, event: h11.Request) -> Any:
        """Prompt."""
        if self.http.they_are_waiting_for_100_continue:
            self.send(h11.InformationalResponse(status_code=100, headers=[]))
        return super().describe(event)


@bad_twin("http-expect-waiting-discouraged", "http-continue-or-final")
class WaitsForTheClient(Connection):
    """No 100 Continue is ever sent; the client sends its body when it has waited enough."""

    def next_event(self) -> Any:
        """Read on without prompting."""
        while (event := self.http.next_event()) is h11.NEED_DATA:
            self.http.receive_data(self.read())
        return event


@good_twin(
    "http-expect-handled",
    "http-expect-transparent",
    "http-expect-read-blocks",
    "http-expect-http10-exempt",
)
class SpeaksHttp10(Connection):
    """Only HTTP/1.0 is spoken, and nothing known of Expect."""

    def next_event(self) -> Any:
        """Read on without prompting, and take every client for an old one."""
        while (event := self.http.next_event()) is h11.NEED_DATA:
            self.http.receive_data(self.read())
        self.http.their_http_version = b"1.0"
        return event

    def send(self, event: Any) -> None:
        """Send an event, the older version in its head."""
        data = self.http.send(event)
        if isinstance(event, h11.Response):
            data = data.replace(b"HTTP/1.1", b"HTTP/1.0", 1)
        if data:
            self.sock.sendall(data)
