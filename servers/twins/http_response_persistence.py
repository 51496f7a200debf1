"""Twins of the rules of HTTP about the connection after a response."""

from __future__ import annotations

import h11

from conformance.reference import Connection
from conformance.reference.twins import bad_twin

from ._raw import Fields


@bad_twin("http-close-announced")
class LeavesAfter404(Connection):
    """Closes after a 404 without a word."""

    last = 0

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        self.last = status
        super().send_head(status, reason, fields)

    def drained(self) -> bool:
        return super().drained() and self.last != 404


class Revives(Connection):
    """Goes on where it should have ended."""

    revived = False

    def revive(self, data: bytes) -> None:
        """Forget how far the connection was."""
        self.http = h11.Connection(h11.SERVER)
        if data:  # nothing would mean the end
            self.http.receive_data(data)
        self.revived = True

    def serve_one(self) -> bool:
        while True:
            again = super().serve_one()
            if not self.revived:
                return again
            self.revived = False


@bad_twin("http-close-sent-ends", also=("http-close-ends-processing",))
class ServesAfterClose(Revives):
    """Serves the request that stands behind one with Connection: close."""

    def drained(self) -> bool:
        again = super().drained()
        waiting, _ = self.http.trailing_data
        if not again and waiting and self.http.our_state is h11.MUST_CLOSE:
            self.revive(waiting)
        return again


@bad_twin("http-cut-body-ends-connection")
class GoesOnAfterFailure(Revives):
    """Serves the next request in the middle of a body that failed, for the path /midway alone."""

    midway = False

    def describe(self, event: h11.Request) -> object:  # type: ignore[override]
        self.midway = event.target == b"/midway"
        return super().describe(event)

    def abort(self) -> None:
        if self.midway:
            self.revive(b"")
        else:
            super().abort()
