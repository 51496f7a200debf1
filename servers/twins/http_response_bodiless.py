"""Twins of the rules of HTTP about responses that have no content."""

from __future__ import annotations

from typing import Any

import h11

from conformance.reference import Connection, Gateway
from conformance.reference.twins import bad_twin, good_twin

from ._raw import Fields, RewritesHead, SendsPast, with_line, without


@bad_twin(
    "http-head-no-content", also=("file-wrapper-same-as-reading", "http-chunked-rfc-conformant")
)
class AnswersHeadAsGet(SendsPast):
    """Sends HEAD the content of GET, where the application gives it."""

    def wanted(self) -> bool:
        return self.request.method == b"HEAD"


@bad_twin("http-error-answer-well-formed")
class HasAPageForHead(Gateway):
    """Sends its own error page to HEAD, too."""

    def fail(self) -> None:
        page = not self.head_sent and self.request.method == b"HEAD"
        super().fail()
        if page:
            self.transport.sock.sendall(b"The application failed.\n")  # type: ignore[attr-defined]


@bad_twin("http-head-length-as-get")
class CountsWhatHeadWasGiven(Gateway):
    """Makes a Content-Length for HEAD of the body that is there."""

    def send_head(self, first_block: bytes) -> None:
        if self.request.method == b"HEAD" and self.length is None:
            length = self.certain_length(first_block)
            if length is not None and self.status == "200 OK":
                self.fields = [*self.fields, ("Content-Length", str(length))]
        super().send_head(first_block)


@good_twin("http-head-length-as-get", "http-head-fields-as-get", "http-head-no-content")
class CountsOneBlockForHead(Gateway):
    """Makes a Content-Length for HEAD where there is one block that is not empty."""

    def send_head(self, first_block: bytes) -> None:
        if self.request.method == b"HEAD" and self.length is None and first_block:
            length = self.certain_length(first_block)
            if length is not None:
                self.fields = [*self.fields, ("Content-Length", str(length))]
        super().send_head(first_block)


@bad_twin("http-head-fields-as-get")
class DropsLengthForHead(Gateway):
    """Leaves the Content-Length of the application out for HEAD."""

    def send_head(self, first_block: bytes) -> None:
        if self.request.method == b"HEAD":
            kept = [field for field in self.fields if field[0].lower() != "content-length"]
            self.fields = kept
        super().send_head(first_block)


@bad_twin("http-204-no-content")
class SendsContentWith204(SendsPast):
    """Sends the body that an application yields with a 204."""

    def wanted(self) -> bool:
        return self.status is not None and self.status.startswith("204")


@bad_twin("http-304-no-content")
class SendsContentWith304(SendsPast):
    """Sends the body that an application yields with a 304."""

    def wanted(self) -> bool:
        return self.status is not None and self.status.startswith("304")


@good_twin("http-204-no-content", "http-304-no-content", "http-205-no-content")
class RefusesNeedlessContent(Gateway):
    """A body where none can be is an error of the application's."""

    def send_block(self, block: bytes) -> None:
        if block and self.status is not None and self.status[:3] in ("204", "205", "304"):
            raise ValueError("a body with a status that has none")
        super().send_block(block)


@bad_twin("http-205-no-content")
class ForgetsEndOf205(RewritesHead):
    """A 205 has neither a length nor chunks nor the end of the connection."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        return without((b"content-length",), head) if event.status_code == 205 else head


@good_twin("http-205-no-content")
class ClosesAfter205(Connection):
    """A 205 ends with the connection."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        if status == 205:
            self.http.their_http_version = b"1.0"
            fields = [(name, value) for name, value in fields if name != b"Content-Length"]
        super().send_head(status, reason, fields)


@bad_twin("http-no-length-in-1xx-204")
class CountsNothingIn204(RewritesHead):
    """Adds Content-Length: 0 to a 204."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        return with_line(head, b"Content-Length: 0") if event.status_code == 204 else head


@bad_twin("http-no-length-in-1xx-204")
class CountsNothingIn100(Connection):
    """100 Continue has Content-Length: 0."""

    def send(self, event: Any) -> None:
        if isinstance(event, h11.InformationalResponse):
            self.sock.sendall(with_line(self.http.send(event) or b"", b"Content-Length: 0"))
        else:
            super().send(event)


@bad_twin("http-304-length-as-200")
class CountsNothingIn304(RewritesHead):
    """Adds Content-Length: 0 to a 304."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        if event.status_code != 304 or b"ontent-" in head:
            return head
        return with_line(head, b"Content-Length: 0")


@bad_twin("http-304-metadata-not-added")
class Types304(RewritesHead):
    """Adds a Content-Type to every 304."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        return with_line(head, b"Content-Type: text/html") if event.status_code == 304 else head
