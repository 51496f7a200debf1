"""Applications and their calls of write."""

from __future__ import annotations

import threading

from conformance.driver.memory import Request
from conformance.driver.twins import bad_app, good_app


class Bytes(bytes):
    """A subclass of bytes."""


@bad_app("write-called-positionally")
def writes_by_keyword(environ, start_response):
    """The data is given by keyword."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(data=b"x")
    return []


@bad_app("write-called-positionally")
def writes_nothing_at_all(environ, start_response):
    """write is called without an argument, as if to flush."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write()
    return []


@bad_app("write-called-positionally")
def writes_two_at_once(environ, start_response):
    """write gets two blocks in one call."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"x", b"y")
    return []


@bad_app("write-argument-bytes")
def writes_str(environ, start_response):
    """write gets text."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write("x")
    return []


@bad_app("write-argument-bytes")
def writes_bytearray(environ, start_response):
    """write gets a bytearray."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(bytearray(b"x"))
    return []


@bad_app("write-argument-bytes")
def writes_memoryview(environ, start_response):
    """write gets a memoryview."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(memoryview(b"x"))
    return []


@bad_app("write-argument-bytes")
def writes_number(environ, start_response):
    """write gets an int."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(120)
    return []


@bad_app("write-argument-bytes")
def writes_none(environ, start_response):
    """write gets None."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(None)
    return []


@bad_app("write-argument-bytes")
def writes_list_of_bytes(environ, start_response):
    """write gets a list of blocks."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write([b"x"])
    return []


@bad_app("write-argument-bytes", level="SHOULD")
def writes_subclass_of_bytes(environ, start_response):
    """write gets an instance of a subclass of bytes."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(Bytes(b"x"))
    return []


@good_app("write-argument-bytes", "write-called-positionally", "start-response-before-body")
def writes_empty_block(environ, start_response):
    """An empty block is bytes too."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"")
    return [b"x"]


@bad_app("write-not-from-iterable")
def writes_in_generator(environ, start_response):
    """A generator writes: all of it runs while it is iterated."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"x")
    yield b"y"


@bad_app("write-not-from-iterable")
def writes_between_blocks(environ, start_response):
    """An iterable of the application's writes between its blocks."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])

    def blocks():
        yield b"x"
        write(b"y")
        yield b"z"

    return blocks()


@bad_app("write-not-from-iterable")
class WritesInNext:
    """The application's own iterator writes in __next__."""

    def __init__(self, environ, start_response) -> None:
        self.write = start_response("200 OK", [("Content-Type", "text/plain")])
        self.left = 2

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        self.left -= 1
        self.write(b"x")
        return b"y"


@bad_app("write-not-from-iterable", level="SHOULD")
class WritesInClose:
    """close() writes, after the end of the iteration."""

    def __init__(self, environ, start_response) -> None:
        self.write = start_response("200 OK", [("Content-Type", "text/plain")])

    def __iter__(self):
        yield b"x"

    def close(self) -> None:
        self.write(b"y")


@good_app(notes=("write-not-from-iterable", "write-avoided"))
def writes_from_another_thread(environ, start_response):
    """Another thread writes while the first one is iterated; it is waited for."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])

    def blocks():
        thread = threading.Thread(target=write, args=(b"x",))
        thread.start()
        thread.join()
        yield b"y"

    return blocks()


@good_app(
    "write-not-from-iterable",
    "app-returns-iterable",
    "start-response-before-body",
    notes=("write-avoided",),
)
def writes_then_nothing(environ, start_response):
    """write does it all, and the iterable is empty."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"x")
    return []


@good_app("content-length-not-exceeded", "content-length-delivered-in-full")
def writes_and_yields_announced_length(environ, start_response):
    """What is written and what is yielded make up the announced length."""
    write = start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    write(b"abc")
    return [b"d", b"", b"ef"]


@bad_app("write-avoided", "write-avoided-by-frameworks", level="undefined")
def writes_its_page(environ, start_response):
    """An ordinary page goes out by write."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"Hello, ")
    write(b"world\n")
    return [b""]


@good_app("write-avoided", "write-avoided-by-frameworks", "write-not-from-iterable")
def ignores_write(environ, start_response):
    """write is taken and not used."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    assert callable(write)
    return [b"x"]


@good_app(
    "errors-trapped-by-application",
    "content-length-delivered-in-full",
    request=Request(gone_after=0),
)
def writes_to_client_gone(environ, start_response):
    """The client is gone, and what the server's write raises ends the application."""
    write = start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    write(b"x")
    return [b"y"]
