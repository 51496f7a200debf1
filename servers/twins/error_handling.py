"""Twins of the rules in PEP 3333, Error Handling."""

from __future__ import annotations

from typing import Any

from conformance.reference import Gateway
from conformance.reference.gateway import WrongLength
from conformance.reference.twins import bad_twin, good_twin


@bad_twin("errors-call-exception-trapped")
class InventsSuccess(Gateway):
    """An exception before start_response becomes an empty 200 response."""

    def call(self) -> Any:
        """Call, and hide what goes wrong."""
        try:
            return super().call()
        except Exception as error:
            if self.started:
                raise
            self.log(error)
            self.started = True
            self.status, self.fields, self.length = "200 OK", [], None
            return []


@bad_twin("errors-iteration-exception-trapped")
class EndsAsIfExhausted(Gateway):
    """An iterable that fails counts as one that has ended, be it before its first block."""

    def send_result(self) -> None:
        """Send what there is and end the response."""
        try:
            super().send_result()
        except Exception as error:
            self.log(error)
            if self.head_sent:
                raise
            self.finish()


@good_twin(
    "errors-call-exception-trapped", "errors-iteration-exception-trapped", "errors-response-aborted"
)
class ClosesOnError(Gateway):
    """After an exception the connection is closed, with no response at all."""

    def fail(self) -> None:
        """Close."""
        self.transport.abort()


class QuietAboutCalls(Gateway):
    quiet = False

    def call(self) -> Any:
        try:
            return super().call()
        except Exception:
            self.quiet = True
            raise

    def log(self, error: BaseException) -> None:
        if not self.quiet:
            super().log(error)


@bad_twin("errors-call-exception-logged")
class IgnoresCallErrors(QuietAboutCalls):
    """What the application raises is answered and not logged."""


@bad_twin("errors-iteration-exception-logged")
class IgnoresIterationErrors(Gateway):
    """What the iterable raises is answered and not logged."""

    def send_result(self) -> None:
        """Send, and forget how it ended."""
        try:
            super().send_result()
        except WrongLength:
            raise
        except Exception:
            self.fail()


def is_text(fields: list[tuple[str, str]]) -> bool:
    return any(
        name.lower() == "content-type" and value.startswith("text/") for name, value in fields
    ) and not any(name.lower() == "content-encoding" for name, _ in fields)


def is_binary(fields: list[tuple[str, str]]) -> bool:
    return ("Content-Type", "application/octet-stream") in fields


class AppendsMessage(Gateway):
    def fail(self) -> None:
        if self.head_sent and self.wanted():
            self.send_data(b"\nThe application failed.\n")
        super().fail()

    def wanted(self) -> bool:
        return True


@bad_twin("errors-message-only-into-text")
class AppendsMessageToAll(AppendsMessage):
    """A body cut by an exception gets an error message at its end, whatever its type."""


@good_twin("errors-message-only-into-text", "errors-message-appended")
class AppendsMessageToText(AppendsMessage):
    """A body cut by an exception gets an error message at its end if it is plain text."""

    def wanted(self) -> bool:
        """Tell text from anything else."""
        return is_text(self.fields)


@bad_twin("errors-message-only-into-text")
class SendsSecondHead(Gateway):
    """After an exception a second head follows inside a body that is no text."""

    def fail(self) -> None:
        """Send an error response on top, then close."""
        if self.head_sent and self.length is None and is_binary(self.fields):
            sock = self.transport.sock  # type: ignore[attr-defined]
            sock.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
        super().fail()
