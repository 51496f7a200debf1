"""Twins of the rules about wsgi.input, read to its end and beyond."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import h11

from conformance.reference import Connection, Gateway
from conformance.reference.streams import Input
from conformance.reference.twins import bad_twin, good_twin


class NoReadlinesInput(Input):
    def readlines(self, hint: int | None = -1) -> list[bytes]:
        raise io.UnsupportedOperation("readlines")


@bad_twin(
    "input-readlines-supported",
    also=("input-eof-at-content-length", "input-empty-when-exhausted"),
)
class CannotReadlines(Gateway):
    """readlines() raises io.UnsupportedOperation."""

    input_class = NoReadlinesInput


class NoHintInput(Input):
    def readlines(self) -> list[bytes]:  # type: ignore[override]
        return super().readlines()


@bad_twin("input-readlines-supported")
class RefusesHint(Gateway):
    """readlines() takes no hint."""

    input_class = NoHintInput


class HintWantedInput(Input):
    def readlines(self, hint: int) -> list[bytes]:  # type: ignore[override]
        return super().readlines(hint)


@bad_twin("input-readlines-hint-omittable")
class WantsHint(Gateway):
    """readlines() cannot be called without a hint."""

    input_class = HintWantedInput


class IgnoredHintInput(Input):
    def readlines(self, hint: int | None = -1) -> list[bytes]:
        return super().readlines()


@good_twin("input-readlines-supported", "input-readlines-semantics", "input-readlines-hint-ignored")
class IgnoresHint(Gateway):
    """readlines(hint) always returns all lines."""

    input_class = IgnoredHintInput


class StrippedInput(Input):
    def readlines(self, hint: int | None = -1) -> list[bytes]:
        return [line.rstrip(b"\n") for line in super().readlines(hint)]


@bad_twin("input-readlines-semantics")
class StripsLines(Gateway):
    """readlines() drops the newlines."""

    input_class = StrippedInput


class NotIterableInput(Input):
    def __iter__(self) -> Iterator[bytes]:
        raise io.UnsupportedOperation("iteration")

    def readlines(self, hint: int | None = -1) -> list[bytes]:
        return list(iter(self.readline, b""))


@bad_twin(
    "input-iteration-supported",
    also=("input-eof-at-content-length", "input-empty-when-exhausted"),
)
class CannotIterate(Gateway):
    """Iterating over the input raises io.UnsupportedOperation."""

    input_class = NotIterableInput


class BlockInput(NotIterableInput):
    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(8192), b"")


@bad_twin("input-iteration-semantics")
class IteratesBlocks(Gateway):
    """Iterating over the input gives blocks, not lines."""

    input_class = BlockInput


class ReadingOn(Connection):
    draining = False

    def drained(self) -> bool:
        self.draining = True
        try:
            return super().drained()
        finally:
            self.draining = False


class NoEndConnection(ReadingOn):
    beyond: bytes | None = None

    def describe(self, event: h11.Request) -> Any:
        self.beyond = None
        return super().describe(event)

    def receive(self) -> bytes:
        part = super().receive()
        if part or self.draining:
            return part
        if self.beyond is None:
            self.beyond = self.http.trailing_data[0]
            if self.beyond:
                return self.beyond
        return self.sock.recv(65536)


@bad_twin(
    "input-eof-at-content-length",
    "input-empty-when-exhausted",
    # Where no length is announced, only the server knows where the body ends.
    also=(
        "http-chunked-request-decoded",
        "http-chunk-size-forms",
        "http-chunk-extension-ignored",
        "http-chunk-bare-cr",
        "http-body-absent-empty",
        "http-coding-overrides-length",
        "http-coding-name-forms",
        "http-continue-or-final",
        "http-continue-once",
    ),
)
class ReadsFromTheSocket(NoEndConnection):
    """Reads past the body go on with whatever the connection brings."""


class SizeWantedInput(Input):
    def read(self, size: int) -> bytes:  # type: ignore[override]
        return super().read(size)


@bad_twin("input-read-without-size")
class WantsSize(Gateway):
    """read() cannot be called without a size."""

    input_class = SizeWantedInput


class BlockingWhenEmpty(ReadingOn):
    def receive(self) -> bytes:
        fields = {name.lower() for name, _ in self.fields}
        if not self.draining and not fields & {b"content-length", b"transfer-encoding"}:
            return self.sock.recv(65536)
        return super().receive()

    def describe(self, event: h11.Request) -> Any:
        self.fields = list(event.headers)
        return super().describe(event)


@bad_twin("input-empty-when-exhausted")
class WaitsForABodyThatIsNone(BlockingWhenEmpty):
    """Reading the input of a request without a body blocks."""


class TextAtTheEndInput(Input):
    def read(self, size: int | None = -1) -> Any:
        return super().read(size) or ("" if size else b"")


@bad_twin("input-returns-bytes", also=("input-empty-when-exhausted",))
class EndsInText(Gateway):
    """The end of the input is a str."""

    input_class = TextAtTheEndInput


@bad_twin(
    "app-called-once-per-request",
    also=(
        "http-chunked-request-decoded",
        "http-body-read-or-closed",
        "http-close-announced",
        "http-pipelining-in-order",
        "http-connection-isolated",
    ),
)
class ServesTheUnreadBody(Connection):
    """What the application left unread of a body is taken for the next request."""

    def run(self) -> None:
        """Serve on with a parser that knows nothing of the unread body."""
        with contextlib.closing(self.sock), contextlib.suppress(OSError, h11.LocalProtocolError):
            while self.serve_one():
                rest = self.http.trailing_data[0]
                self.http = h11.Connection(h11.SERVER)
                self.http.receive_data(rest)
            self.linger()

    def drained(self) -> bool:
        """Go on whatever is left."""
        return self.http.our_state is h11.DONE
