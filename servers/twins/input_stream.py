"""Twins of the rules about wsgi.input, read inside the body."""

from __future__ import annotations

import io
from collections.abc import Iterator

from conformance.reference import Gateway
from conformance.reference.streams import Input
from conformance.reference.twins import bad_twin, good_twin


class LongInput(Input):
    def read(self, size: int | None = -1) -> bytes:
        return super().read(size if size is None or size < 0 else size + 1)


@bad_twin("input-read-semantics")
class ReadsTooMuch(Gateway):
    """read(n) returns one byte more than it was asked for."""

    input_class = LongInput


class EagerlyEmptyInput(Input):
    def read(self, size: int | None = -1) -> bytes:
        if size is not None and 0 <= len(self._buffer) < size and self._buffer:
            self._buffer, taken = b"", self._buffer
            return taken
        return super().read(size)


@good_twin("input-read-semantics")
class ReadsWhatIsThere(Gateway):
    """read(n) returns what is buffered, be it less than n, as raw streams do."""

    input_class = EagerlyEmptyInput


class UnreadableInput(Input):
    def read(self, size: int | None = -1) -> bytes:
        raise io.UnsupportedOperation("read")


@bad_twin(
    "input-read-supported",
    also=(
        "environ-input-present",
        "input-read-without-size",
        "input-eof-at-content-length",
        "input-empty-when-exhausted",
        "http-transfer-coding-decoded",
        "http-chunked-request-decoded",
        "http-expect-handled",
        "http-expect-transparent",
        "http-expect-read-blocks",
    ),
)
class CannotRead(Gateway):
    """read() raises io.UnsupportedOperation."""

    input_class = UnreadableInput


class NoReadlineInput(Input):
    def readline(self, size: int | None = -1) -> bytes:
        raise io.UnsupportedOperation("readline")

    def __iter__(self) -> Iterator[bytes]:
        return iter(super().readline, b"")


@bad_twin(
    "input-readline-supported",
    also=("input-readline-size", "input-eof-at-content-length", "input-empty-when-exhausted"),
)
class CannotReadline(Gateway):
    """readline() raises io.UnsupportedOperation."""

    input_class = NoReadlineInput


class UniversalInput(Input):
    def readline(self, size: int | None = -1) -> bytes:
        return super().readline(size).replace(b"\r\n", b"\n")

    def __iter__(self) -> Iterator[bytes]:
        return iter(super().readline, b"")


@bad_twin("input-readline-semantics")
class TranslatesLineEnds(Gateway):
    """readline() turns CRLF into LF, as a text stream would."""

    input_class = UniversalInput


class LastLineOfAPage(Input):
    def readline(self, size: int | None = -1) -> bytes:
        line = super().readline(size)
        if line and not line.endswith(b"\n") and (size is None or size < 0):
            line = line.ljust(4096, b"\0")
        return line

    def __iter__(self) -> Iterator[bytes]:
        return iter(super().readline, b"")


@bad_twin("input-readline-semantics")
class FillsTheLastLine(Gateway):
    """readline() of a line that nothing ends gives what else is in its buffer."""

    input_class = LastLineOfAPage


class NoSizeInput(Input):
    def readline(self) -> bytes:  # type: ignore[override]
        return super().readline()


@bad_twin("input-readline-size")
class RefusesReadlineSize(Gateway):
    """readline() takes no size."""

    input_class = NoSizeInput


class IgnoredSizeInput(Input):
    def readline(self, size: int | None = -1) -> bytes:
        return super().readline()


@good_twin("input-readline-size")
class IgnoresReadlineSize(Gateway):
    """readline(size) accepts the size and returns the whole line."""

    input_class = IgnoredSizeInput


class TextualInput(Input):
    def read(self, size: int | None = -1) -> bytes:
        return super().read(size).decode("utf-8", "replace").encode("utf-8")


@bad_twin("input-bytes-unchanged", also=("environ-input-present",))
class DecodesTheBody(Gateway):
    """read() gives what is left of the bytes after decoding and encoding as UTF-8."""

    input_class = TextualInput
