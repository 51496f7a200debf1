"""Twins of the rules in PEP 3333, The start_response() Callable: arguments, checks, timing."""

from __future__ import annotations

import contextlib
from typing import Any

from conformance.reference import Gateway
from conformance.reference.twins import bad_twin, good_twin


@bad_twin("start-response-two-args")
class WantsThreeArguments(Gateway):
    """start_response insists on a third argument, for the path /two-arguments alone."""

    def start_response(self, *arguments: Any) -> Any:
        if len(arguments) < 3 and self.request.target == b"/two-arguments":
            raise TypeError("start_response takes three arguments")
        return super().start_response(*arguments)


@bad_twin("start-response-returns-write")
class ReturnsNothing(Gateway):
    """start_response returns None, for the path /returned-write alone."""

    def start_response(self, *arguments: Any) -> Any:
        write = super().start_response(*arguments)
        return None if self.request.target == b"/returned-write" else write


@bad_twin("start-response-returns-write")
class ReturnsStub(Gateway):
    """What start_response returns raises NotImplementedError, for /returned-write alone."""

    def write(self, data: bytes) -> None:
        if self.request.target == b"/returned-write":
            raise NotImplementedError("write() is not supported")
        super().write(data)


@bad_twin("start-response-none-as-omitted")
class CountsArguments(Gateway):
    """Takes any third argument for exc_info, None as well, and so allows a second call."""

    def start_response(self, *arguments: Any) -> Any:
        if len(arguments) > 2:
            self.started = False
        return super().start_response(*arguments)


@bad_twin("start-response-deferral-accepted")
class ExpectsStartedLists(Gateway):
    """Wants start_response to have been called where the iterable has a length above zero."""

    def call(self) -> Any:
        result = super().call()
        with contextlib.suppress(TypeError, AttributeError):
            if len(result) and not self.started:
                raise AssertionError("start_response was not called")
        return result


@bad_twin("start-response-deferral-accepted")
class StrictAboutEmptyBlocks(Gateway):
    """Takes an empty block before start_response for body data."""

    def send_block(self, block: bytes) -> None:
        if not self.started:
            raise AssertionError("body data before start_response was called")
        super().send_block(block)


@bad_twin("start-response-missing-detected")
class StartsForTheApplication(Gateway):
    """Answers 200 OK where start_response was never called."""

    def send_block(self, block: bytes) -> None:
        if block and not self.started:
            self.start_response("200 OK", [])
        super().send_block(block)

    def finish(self) -> None:
        if not self.started:
            self.start_response("200 OK", [])
        super().finish()


class Nowhere:
    """Where an answer goes that is never sent."""

    def sendall(self, data: bytes) -> None:
        """Drop data."""


@bad_twin("start-response-missing-detected")
class LeavesUnanswered(Gateway):
    """Waits for the next request where nothing is yielded and start_response was not called."""

    def finish(self) -> None:
        if self.started:
            super().finish()
            return
        connection: Any = self.transport
        sock, connection.sock = connection.sock, Nowhere()
        self.fail()
        connection.sock = sock


@good_twin("start-response-missing-detected")
class ClosesWithoutAnswer(Gateway):
    """Closes the connection where start_response was never called."""

    def fail(self) -> None:
        self.head_sent = self.head_sent or not self.started
        super().fail()


@bad_twin("start-response-checks-headers", also=("http-hop-by-hop-raises",))
class ChecksWhenSending(Gateway):
    """Any status and any headers pass start_response; wrong ones fail when they are to be sent."""

    def check(self, status: Any, fields: Any) -> None:
        self.unchecked = (status, fields)

    def declared_length(self) -> int | None:
        try:
            return super().declared_length()
        except Exception:
            return None

    def send_head(self, first_block: bytes) -> None:
        super().check(*self.unchecked)
        super().send_head(first_block)


@bad_twin(
    "start-response-checks-headers",
    also=("start-response-failed-call-counts", "http-value-no-crlf-nul"),
)
class SplitsValues(Gateway):
    """A line end in a value begins a header line of its own."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        split = []
        for name, value in fields:
            value, *lines = value.split("\r\n") if isinstance(value, str) else (value,)
            split.append((name, value))
            split.extend(tuple(line.split(": ", 1)) for line in lines)
        return super().start_response(status, split, exc_info)


@bad_twin("start-response-sends-nothing")
class SendsHeadOfHead(Gateway):
    """In answer to HEAD, start_response sends the headers at once: no body will come."""

    def start_response(self, *arguments: Any) -> Any:
        write = super().start_response(*arguments)
        if self.request.method == b"HEAD" and not self.head_sent:
            self.send_head(b"")
        return write


@good_twin("start-response-sends-nothing", "headers-deferred-until-body")
class SendsHeadOfNothing(Gateway):
    """With Content-Length: 0 the headers go out at once."""

    def start_response(self, *arguments: Any) -> Any:
        write = super().start_response(*arguments)
        if self.length == 0 and not self.head_sent:
            self.send_head(b"")
        return write


@bad_twin("headers-deferred-until-body")
class SendsHeadForEmptyBlock(Gateway):
    """An empty block makes the headers go out."""

    def send_block(self, block: bytes) -> None:
        if self.started and not block and not self.head_sent:
            self.wrote = True  # or the length of the body would be taken for zero
            self.send_head(block)
        super().send_block(block)


@bad_twin("headers-sent-at-exhaustion")
class ClosesBeforeItsHead(Gateway):
    """Calls close() of a result without a body before it sends the headers."""

    def finish(self) -> None:
        if self.started and not self.head_sent:
            self.close_result()
        super().finish()


@bad_twin("headers-sent-at-exhaustion")
class HeadOnlyWithBody(Gateway):
    """Closes without sending the headers of a 203 that has no body."""

    def finish(self) -> None:
        if self.status == "203 Exhausted" and not self.head_sent:
            self.head_sent = True
            raise AssertionError("no body")
        super().finish()
