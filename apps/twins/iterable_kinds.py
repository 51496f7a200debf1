"""Applications and the kinds of iterables that they return: with a length, files, small blocks."""

from __future__ import annotations

import io
import tempfile
from functools import partial
from pathlib import Path

from conformance.driver.memory import Request
from conformance.driver.twins import bad_app, good_app

HERE = Path(__file__)

# Length


@bad_app("iterable-len-accurate")
class ShorterThanItIs:
    """len() is one, and there are two blocks."""

    def __init__(self, environ, start_response) -> None:
        start_response("200 OK", [("Content-Type", "text/plain")])

    def __len__(self) -> int:
        return 1

    def __iter__(self):
        yield b"x"
        yield b"y"


@bad_app("iterable-len-accurate")
class LongerThanItIs:
    """len() is two, and there is one block."""

    def __init__(self, environ, start_response) -> None:
        start_response("200 OK", [("Content-Type", "text/plain")])

    def __len__(self) -> int:
        return 2

    def __iter__(self):
        yield b"x"


@bad_app("iterable-len-accurate")
class CountsBytes:
    """len() is the number of bytes, not of blocks."""

    def __init__(self, environ, start_response) -> None:
        start_response("200 OK", [("Content-Type", "text/plain")])
        self.body = b"Hello, world\n"

    def __len__(self) -> int:
        return len(self.body)

    def __iter__(self):
        return iter([self.body])


@good_app("iterable-len-accurate")
class KnowsItsLength:
    """len() is the number of blocks, and an empty block is one."""

    def __init__(self, environ, start_response) -> None:
        start_response("200 OK", [("Content-Type", "text/plain")])
        self.blocks = [b"x", b"", b"y"]

    def __len__(self) -> int:
        return len(self.blocks)

    def __iter__(self):
        return iter(self.blocks)


@good_app("iterable-len-accurate")
class RefusesItsLength:
    """len() raises: there is none."""

    def __init__(self, environ, start_response) -> None:
        start_response("200 OK", [("Content-Type", "text/plain")])

    def __len__(self) -> int:
        raise TypeError("not known yet")

    def __iter__(self):
        yield b"x"
        yield b"y"


@good_app("iterable-len-accurate", "close-on-normal-end", request=Request(gone_after=1))
class CutShortByClient:
    """len() is true, and the client goes away before the end."""

    def __init__(self, environ, start_response) -> None:
        start_response("200 OK", [("Content-Type", "text/plain")])

    def __len__(self) -> int:
        return 3

    def __iter__(self):
        yield from (b"x", b"y", b"z")


@good_app(
    "iterable-full-consumption-not-assumed",
    "errors-trapped-by-application",
    request=Request(gone_after=2),
)
def yields_for_ever(environ, start_response):
    """A generator without end is closed when the client goes away."""
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    while True:
        yield b"data: x\n\n"


# Blocks


@bad_app("buffering-done-by-application", level="undefined")
def yields_byte_by_byte(environ, start_response):
    """A page goes out in a thousand blocks of one byte."""
    start_response("200 OK", [("Content-Type", "text/html")])
    for _ in range(1000):
        yield b"x"


@bad_app("buffering-done-by-application", level="undefined")
def returns_byte_by_byte(environ, start_response):
    """A page is a list of a thousand blocks of one byte."""
    start_response("200 OK", [("Content-Type", "text/html")])
    return [b"x"] * 1000


@good_app("buffering-done-by-application")
def yields_some_small_blocks(environ, start_response):
    """A page goes out in some blocks as its parts become ready."""
    start_response("200 OK", [("Content-Type", "text/html")])
    for _ in range(20):
        yield b"<p>x"


@bad_app("iterable-no-bare-file")
def returns_file(environ, start_response):
    """An open file is returned, which is iterated by lines."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return HERE.open("rb")


@bad_app("iterable-no-bare-file")
def returns_unbuffered_file(environ, start_response):
    """An unbuffered open file is returned."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return HERE.open("rb", buffering=0)


@bad_app("iterable-no-bare-file")
def returns_bytes_file(environ, start_response):
    """A file in memory is returned."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return io.BytesIO(b"x\ny\n")


@bad_app("iterable-no-bare-file")
def returns_temporary_file(environ, start_response):
    """A temporary file is returned, which is a wrapper around a file."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115 - closed by the server
    file.write(b"x\ny\n")
    file.seek(0)
    return file


@bad_app("iterable-no-bare-file")
def returns_spooled_file(environ, start_response):
    """A temporary file that is kept in memory is returned."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115 - closed by the server
    file.write(b"x\ny\n")
    file.seek(0)
    return file


class Blocks(io.BytesIO):
    """A file that is iterated by blocks."""

    def __next__(self) -> bytes:
        data = self.read(8192)
        if not data:
            raise StopIteration
        return data


@good_app("iterable-no-bare-file")
def returns_file_of_blocks(environ, start_response):
    """The file's class iterates by blocks."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Blocks(b"x\ny\n")


@good_app("iterable-no-bare-file")
def yields_blocks_of_file(environ, start_response):
    """A generator reads a file by blocks."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    with HERE.open("rb") as file:
        yield from iter(partial(file.read, 8192), b"")


# Transfer coding


@bad_app("http-body-not-transfer-coded", level="SHOULD")
def yields_chunks(environ, start_response):
    """The body is framed in chunks."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"5\r\nhello\r\n"
    yield b"10\r\n0123456789abcdef\r\n"
    yield b"0\r\n\r\n"


@bad_app("http-body-not-transfer-coded", level="SHOULD")
def returns_chunks(environ, start_response):
    """The body is a list of chunks."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"5\r\nhello\r\n", b"0\r\n\r\n"]


@good_app("http-body-not-transfer-coded")
def yields_lines_of_digits(environ, start_response):
    """The body begins like chunks, and goes on unlike them."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"5\r\nhello\r\n"
    yield b"7\r\nworld\r\n"
    yield b"0\r\n\r\n"


@good_app("http-body-not-transfer-coded")
def yields_chunks_without_last(environ, start_response):
    """Blocks that look like chunks are followed by no last one."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"5\r\nhello\r\n"
    yield b"5\r\nworld\r\n"


@good_app("http-body-not-transfer-coded")
def returns_chunks_of_known_length(environ, start_response):
    """A document of chunked text, announced with its length."""
    start_response("200 OK", [("Content-Type", "message/http"), ("Content-Length", "15")])
    return [b"5\r\nhello\r\n", b"0\r\n\r\n"]
