"""Twins of the rules of HTTP about answers of the server's own, and about Date."""

from __future__ import annotations

import h11

from conformance.reference import Connection
from conformance.reference.twins import bad_twin, good_twin

from ._raw import Fields, RewritesHead, without


@bad_twin("http-error-answer-well-formed", also=("headers-response-well-formed",))
class RefusesInLineFeeds(RewritesHead):
    """Ends the lines of a 400 in LF alone."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        return head.replace(b"\r\n", b"\n") if event.status_code == 400 else head


# No answer is none that is malformed, without a date, or without the word close.
@bad_twin(
    "http-invalid-message-answered",
    also=(
        "http-space-before-colon",
        "http-target-too-long",
        "http-method-too-long",
        "http-fields-too-large",
        "http-host-required",
        "http-host-single",
        "http-host-invalid",
    ),
)
class HangsUpOnWhatIsWrong(Connection):
    """Closes the connection in place of an answer to what is no request."""

    def refuse(self, error: h11.RemoteProtocolError) -> None:
        return


@bad_twin("http-date-sent")
class RefusesWithoutDate(RewritesHead):
    """Has no Date in its own 400."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        return without((b"date",), head) if event.status_code == 400 else head


@bad_twin("http-date-sent")
class DatesNoRedirect(RewritesHead):
    """Adds no Date to a 301."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        return without((b"date",), head) if event.status_code == 301 else head


@bad_twin("http-date-imf-fixdate")
class HasAnOldDate(Connection):
    """Dates a 404 in the form of RFC 850."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        if status == 404 and not any(name.lower() == b"date" for name, _ in fields):
            fields = [*fields, (b"Date", b"Sunday, 06-Nov-94 08:49:37 GMT")]
        super().send_head(status, reason, fields)


@good_twin("http-date-sent")
class DatesNoServerError(RewritesHead):
    """Adds no Date to a 500, which need not have one."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        given = b" 1994 " in head
        return head if event.status_code < 500 or given else without((b"date",), head)


@bad_twin("http-close-announced")
class RefusesWithoutGoodbye(RewritesHead):
    """Does not say close in its own 400, and closes."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        return without((b"connection",), head) if event.status_code == 400 else head
