"""Servers whose streams or file wrapper are wrong, or only look odd, for the validator."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

from conformance.reference.gateway import Gateway
from conformance.reference.streams import Input
from conformance.reference.twins import bad_twin, good_twin

# wsgi.input


class MutableInput(Input):
    def read(self, size: int | None = -1) -> Any:
        return bytearray(super().read(size))


@bad_twin("input-returns-bytes")
class ReadsBytearrays(Gateway):
    """read() gives a bytearray."""

    input_class = MutableInput


class TextInput(Input):
    def readline(self, size: int | None = -1) -> Any:
        return super().readline(size).decode("latin-1")

    def readlines(self, hint: int | None = -1) -> list[bytes]:
        return list(iter(super().readline, b""))

    def __iter__(self) -> Iterator[bytes]:
        return iter(super().readline, b"")


@bad_twin("input-returns-bytes")
class ReadsTextLines(Gateway):
    """readline() gives a str."""

    input_class = TextInput


class TextLinesInput(Input):
    def readlines(self, hint: int | None = -1) -> Any:
        return [line.decode("latin-1") for line in super().readlines(hint)]


@bad_twin("input-returns-bytes")
class ListsTextLines(Gateway):
    """readlines() gives a list of str."""

    input_class = TextLinesInput


class TextIterationInput(Input):
    def readlines(self, hint: int | None = -1) -> list[bytes]:
        return list(iter(self.readline, b""))

    def __iter__(self) -> Iterator[Any]:
        return (line.decode("latin-1") for line in iter(self.readline, b""))


@bad_twin("input-returns-bytes")
class IteratesTextLines(Gateway):
    """Iterating over the input gives str."""

    input_class = TextIterationInput


class Without(Gateway):
    """Base: wsgi.input lacks one of its methods."""

    absent: str

    def environ(self) -> dict[str, Any]:
        environ = super().environ()
        stream = environ["wsgi.input"]
        methods = {
            name: getattr(stream, name)
            for name in ("read", "readline", "readlines", "__iter__")
            if name != self.absent
        }
        # Looked up on the type, where special methods have to be.
        kind = type("Input", (), {name: staticmethod(method) for name, method in methods.items()})
        return {**environ, "wsgi.input": kind()}


@bad_twin("input-read-supported")
class InputWithoutRead(Without):
    """wsgi.input has no read()."""

    absent = "read"


@bad_twin("input-readline-supported")
class InputWithoutReadline(Without):
    """wsgi.input has no readline()."""

    absent = "readline"


@bad_twin("input-readlines-supported")
class InputWithoutReadlines(Without):
    """wsgi.input has no readlines()."""

    absent = "readlines"


@bad_twin("input-iteration-supported")
class InputWithoutIteration(Without):
    """wsgi.input has no __iter__()."""

    absent = "__iter__"


@good_twin("input-returns-bytes", "input-read-supported", "input-iteration-supported")
class InputInMemory(Gateway):
    """wsgi.input is an io.BytesIO, with all that it has beyond the four methods."""

    def environ(self) -> dict[str, Any]:
        environ = super().environ()
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read())
        return environ


# wsgi.errors


@bad_twin("errors-write-supported", "errors-writelines-supported", "errors-flush-supported")
class ErrorsIsNoStream(Gateway):
    """wsgi.errors has no methods."""

    def environ(self) -> dict[str, Any]:
        return {**super().environ(), "wsgi.errors": object()}


@bad_twin("errors-write-supported", "errors-writelines-supported")
class ErrorsIsBinary(Gateway):
    """wsgi.errors is a stream of bytes."""

    def environ(self) -> dict[str, Any]:
        return {**super().environ(), "wsgi.errors": io.BytesIO()}


# wsgi.file_wrapper


@bad_twin("file-wrapper-is-iterable", also=("file-wrapper-close-present",))
class WrapsInNothing(Gateway):
    """wsgi.file_wrapper returns None."""

    def environ(self) -> dict[str, Any]:
        return {**super().environ(), "wsgi.file_wrapper": lambda filelike, block_size=8192: None}


@good_twin("file-wrapper-is-iterable", "file-wrapper-block-size-accepted")
class WrapsByFunction(Gateway):
    """wsgi.file_wrapper is a function that makes a generator, the block size optional."""

    def environ(self) -> dict[str, Any]:
        return {**super().environ(), "wsgi.file_wrapper": self.wrap}

    def wrap(self, filelike: Any, *block_size: int) -> Iterable[bytes]:
        """Be ``wsgi.file_wrapper``."""
        try:
            while block := filelike.read(*(block_size or (8192,))):
                yield block
        finally:
            getattr(filelike, "close", bool)()
