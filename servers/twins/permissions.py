"""Good twins that make use of what PEP 3333 permits a server: none of it may be flagged.

Most permissions are made use of by a twin at the border of some rule; these are the others.
"""

from __future__ import annotations

import gzip
import io
import re
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import h11

from conformance.reference import Connection, Gateway
from conformance.reference.streams import Errors, Input
from conformance.reference.twins import good_twin

from ._raw import Fields


class Starter:
    """Calls a method of a gateway, and is none."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def __call__(self, *anything: Any) -> Any:
        return Starter(self.call(*anything))


@good_twin("start-response-any-callable", "start-response-parameter-names-free")
class StartsByAnObject(Gateway):
    """start_response and write are instances with __call__, of parameters without names."""

    def call(self) -> Any:
        return self.application(self.environ(), Starter(self.start_response))


@good_twin("iterable-len-trusted")
class CountsOnTheLength(Gateway):
    """Asks a result with a length for as many items as that says, and not once more."""

    def blocks(self) -> Iterable[bytes]:
        try:
            count = len(self.result)
        except Exception:  # it has none that can be had
            return super().blocks()
        return self.some(count)

    def some(self, count: int) -> Iterator[bytes]:
        """Yield so many items."""
        iterator = iter(self.result)
        for _ in range(count):
            try:
                yield next(iterator)
            except StopIteration:
                return


@good_twin("input-buffering-free")
class ReadsTheBodyFirst(Gateway):
    """The application is called when all of the request's body is there."""

    def environ(self) -> dict[str, Any]:
        parts = []
        while part := self.transport.receive():
            parts.append(part)
        body = io.BytesIO(b"".join(parts))
        return {**super().environ(), "wsgi.input": Input(lambda: body.read(65536))}


@good_twin("input-server-stops-reading")
class LeavesTheRestUnread(Connection):
    """Reads no more of a request's body than the application has asked for, and closes."""

    def drained(self) -> bool:
        # The end of a body that there is not has to be taken in all the same.
        if self.http.their_state is h11.SEND_BODY and self.http.next_event() is h11.NEED_DATA:
            return False
        return super().drained()


class Unbuffered(Errors):
    def write(self, text: str) -> int:
        length = super().write(text)
        super().flush()
        return length

    def flush(self) -> None:
        return


@good_twin("errors-unbuffered-allowed", "errors-flush-noop-allowed")
class FlushesByItself(Gateway):
    """What is written to wsgi.errors goes out at once, so that flush() has nothing to do."""

    errors_class = Unbuffered


class ErrorsOfOneCall(Errors):
    pass


@good_twin("errors-stream-per-application")
class HasAStreamForEachCall(Gateway):
    """Each call has a class of error streams to itself."""

    def __init__(self, *arguments: Any) -> None:
        self.errors_class = type("ErrorsOfOneCall", (Errors,), {})
        super().__init__(*arguments)


@good_twin("environ-run-once-repeated")
class SaysOnceAndGoesOn(Gateway):
    """wsgi.run_once is true, and the application is called again all the same."""

    run_once = True


@good_twin("headers-server-may-mutate")
class EmptiesTheList(Gateway):
    """The list of headers is empty when start_response has returned."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        write = super().start_response(status, fields, exc_info)
        del fields[:]
        return write


@good_twin("content-length-zero-early-headers")
class SendsEmptyResponsesAtOnce(Gateway):
    """With Content-Length: 0 the head goes out with the call of start_response."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        write = super().start_response(status, fields, exc_info)
        if self.length == 0 and not self.head_sent:
            self.send_head(b"")
        return write


@good_twin("http-chunk-per-block")
class HalvesBlocks(Gateway):
    """A block is sent in two parts, so that there are two chunks for it."""

    def send_data(self, data: bytes) -> None:
        middle = len(data) // 2
        super().send_data(data[:middle])
        super().send_data(data[middle:])


@good_twin("unicode-wrong-type-undefined")
class TakesText(Gateway):
    """A block of text is sent as Latin-1."""

    def blocks(self) -> Iterable[bytes]:
        for block in self.result:
            yield block.encode("latin-1", "replace") if isinstance(block, str) else block


@good_twin("errors-response-aborted")
class ResetsOnError(Connection):
    """A response that failed midway, and of which something is lacking, ends in a reset."""

    lacking: int | None = None

    def send_head(self, status: int, reason: bytes, fields: list[tuple[bytes, bytes]]) -> None:
        length = value_of(fields, "content-length")
        self.lacking = None if length is None else int(length)
        super().send_head(status, reason, fields)

    def send_body(self, data: bytes) -> None:
        if self.lacking is not None:
            self.lacking -= len(data)
        super().send_body(data)

    def abort(self) -> None:
        super().abort()
        # What has been sent and not yet taken is lost in a reset.
        if self.lacking != 0:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def linger(self) -> None:
        if self.http.our_state is not h11.ERROR:
            super().linger()


@good_twin("http-expect-wait-for-client")
class LeavesItToTheClient(Connection):
    """No 100 Continue is sent; a body that comes unasked is taken."""

    def next_event(self) -> Any:
        while (event := self.http.next_event()) is h11.NEED_DATA:
            self.http.receive_data(self.read())
        return event


def value_of(fields: Any, name: str) -> str | None:
    """Return the value of a field among pairs of texts or of bytes, or None."""
    for key, value in fields:
        text = key.decode("latin-1") if isinstance(key, bytes) else key
        if text.lower() == name:
            return value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return None


class KnowsWholeBody(Gateway):
    """Does something with a response whose body is one block, before it is sent."""

    def change(self, body: bytes) -> bytes:
        """Return the body to send; status and headers may be changed."""
        raise NotImplementedError

    def send_result(self) -> None:
        single = type(self.result) is list and len(self.result) == 1 and not self.wrote
        if single and self.started and self.has_body() and isinstance(self.result[0], bytes):
            body = self.result[0]
            if body and self.length in (None, len(body)):
                self.result = [self.change(body)]
        super().send_result()

    def set_field(self, name: str, value: str) -> None:
        """Replace a header, or add it."""
        kept = [field for field in self.fields if field[0].lower() != name.lower()]
        self.fields = [*kept, (name, value)]


@good_twin("http-ranges-allowed")
class AnswersRanges(KnowsWholeBody):
    """A 200 becomes a 206 where the request asks for one range of its body."""

    def change(self, body: bytes) -> bytes:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", value_of(self.request.fields, "range") or "")
        if wanted is None or self.status != "200 OK":
            return body
        if value_of(self.fields, "content-range") is not None:
            return body
        first, last = int(wanted[1]), min(int(wanted[2]), len(body) - 1)
        if first > last:
            return body
        self.status = "206 Partial Content"
        self.set_field("Content-Range", f"bytes {first}-{last}/{len(body)}")
        self.set_field("Content-Length", str(last - first + 1))
        self.length = last - first + 1
        return body[first : last + 1]


@good_twin("http-content-encoding-allowed")
class Compresses(KnowsWholeBody):
    """Text is compressed for a client that says it takes that."""

    def change(self, body: bytes) -> bytes:
        willing = "gzip" in (value_of(self.request.fields, "accept-encoding") or "")
        text = (value_of(self.fields, "content-type") or "").startswith("text/")
        if not willing or not text or value_of(self.fields, "content-encoding") is not None:
            return body
        packed = gzip.compress(body)
        self.set_field("Content-Encoding", "gzip")
        self.set_field("Vary", "Accept-Encoding")
        self.set_field("Content-Length", str(len(packed)))
        self.length = len(packed)
        return packed


@good_twin("http-cache-validation-allowed")
class Validates(Connection):
    """A 200 becomes a 304 where the client has it already."""

    tags = b""

    def describe(self, event: h11.Request) -> Any:
        self.tags = (value_of(event.headers, "if-none-match") or "").encode("latin-1")
        return super().describe(event)

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        tag = value_of(fields, "etag")
        self.matched = status == 200 and bool(tag) and tag.encode("latin-1") in self.tags
        if self.matched:
            fields = [field for field in fields if field[0].lower() != b"content-type"]
            super().send_head(304, b"Not Modified", fields)
        else:
            super().send_head(status, reason, fields)

    def send_body(self, data: bytes) -> None:
        if not self.matched:
            super().send_body(data)
