"""Twins of the rules about Expect: 100-continue in RFC 9110 section 10.1.1."""

from __future__ import annotations

from typing import Any

import h11

from conformance.reference import Connection
from conformance.reference.twins import bad_twin, good_twin

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@bad_twin("http-continue-once")
class Sends100Twice(Connection):
    """Each 100 Continue is sent twice."""

    def send(self, event: Any) -> None:
        """Send it, and again."""
        super().send(event)
        if isinstance(event, h11.InformationalResponse):
            self.sock.sendall(CONTINUE)


@bad_twin("http-continue-not-to-http10")
class Sends100ToAnybody(Connection):
    """100 Continue is sent to clients of HTTP/1.0 that expect it, too."""

    def describe(self, event: h11.Request) -> Any:
        """Send it."""
        if event.http_version == b"1.0" and b"expect" in dict(event.headers):
            self.sock.sendall(CONTINUE)
        return super().describe(event)


@good_twin("http-continue-or-final", "http-continue-once", "http-body-read-or-closed")
class AnswersExpectationsFinally(Connection):
    """A request that waits for 100 Continue gets 417 and the end of the connection."""

    def next_event(self) -> Any:
        """Answer it."""
        event = super().next_event()
        if isinstance(event, h11.Request) and self.http.they_are_waiting_for_100_continue:
            self.send_head(417, b"Expectation Failed", [(b"Content-Length", b"0")])
            self.finish()
            return h11.ConnectionClosed()
        return event
