"""Applications and what they return."""

from __future__ import annotations

from pathlib import Path

from conformance.driver.memory import Request
from conformance.driver.twins import bad_app, good_app

from ._gateways import NeverIterates

HERE = Path(__file__)


class Bytes(bytes):
    """A subclass of bytes."""


# The type of what is returned


@bad_app("app-returns-iterable")
def returns_none(environ, start_response):
    """write did it all, and nothing is returned."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"x")


@bad_app("app-returns-iterable")
def returns_number(environ, start_response):
    """The number of bytes written is returned."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"x")
    return 1


@bad_app("app-returns-iterable")
def returns_false(environ, start_response):
    """False is returned."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return False


@bad_app("app-returns-iterable")
def returns_function(environ, start_response):
    """A generator function is returned and not called."""
    start_response("200 OK", [("Content-Type", "text/plain")])

    def blocks():
        yield b"x"

    return blocks


@bad_app("app-returns-iterable")
def returns_object(environ, start_response):
    """An object that cannot be iterated is returned."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return object()


@bad_app("app-returns-iterable", gateway=NeverIterates, request=Request(method=b"HEAD"))
def returns_none_for_head(environ, start_response):
    """None is returned to a server that would not have looked at it."""
    start_response("200 OK", [("Content-Type", "text/plain")])


@bad_app("app-returns-iterable")
def returns_async_generator(environ, start_response):
    """An asynchronous generator is returned."""
    start_response("200 OK", [("Content-Type", "text/plain")])

    async def blocks():
        yield b"x"

    return blocks()


@bad_app("app-returns-iterable")
class IterWithoutNext:
    """__iter__ returns the object itself, which has no __next__."""

    def __init__(self, environ, start_response) -> None:
        start_response("200 OK", [("Content-Type", "text/plain")])

    def __iter__(self):
        return self


@bad_app("app-returns-iterable")
class IterIsNone:
    """__iter__ is None, which says that it cannot be iterated."""

    __iter__ = None

    def __init__(self, environ, start_response) -> None:
        start_response("200 OK", [("Content-Type", "text/plain")])


@good_app("app-returns-iterable", "iterable-yields-bytes")
class ItemsByNumber:
    """What is returned has only __getitem__, and is iterable by that."""

    def __init__(self, environ, start_response) -> None:
        start_response("200 OK", [("Content-Type", "text/plain")])

    def __getitem__(self, number):
        return [b"x", b"y"][number]


@good_app("app-returns-iterable", "iterable-yields-bytes")
def returns_keys(environ, start_response):
    """The items are the keys of a dict."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return {b"x": 1, b"y": 2}


@good_app("app-returns-iterable", "iterable-yields-bytes")
def returns_iterator_of_builtin(environ, start_response):
    """What is returned is a map object."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return map(str.encode, ["x", "y"])


# The items


@bad_app("iterable-yields-bytes")
def returns_bare_str(environ, start_response):
    """A str is returned, which yields its characters."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return "xyz"


@bad_app("iterable-yields-bytes")
def returns_bare_bytes(environ, start_response):
    """A bytes object is returned, which yields numbers."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return b"xyz"


@good_app(notes=("iterable-yields-bytes",))
def returns_empty_str(environ, start_response):
    """An empty str is returned: the wrong type, but nothing of it is ever yielded."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ""


@bad_app("iterable-yields-bytes")
def returns_list_of_str(environ, start_response):
    """A list of str, as in the PEP's sample of error handling."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["xyz"]


@bad_app("iterable-yields-bytes")
def returns_tuple_of_str(environ, start_response):
    """A tuple of a block and a str."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return (b"x", "y")


@bad_app("iterable-yields-bytes")
def returns_dict_of_str(environ, start_response):
    """A dict is returned, as if it would become JSON."""
    start_response("200 OK", [("Content-Type", "application/json")])
    return {"message": "x"}


@bad_app("iterable-yields-bytes")
def returns_list_of_lists(environ, start_response):
    """The blocks are one list too deep."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [[b"x"]]


@bad_app(
    "iterable-yields-bytes", also=("start-response-before-body", "start-response-always-called")
)
def returns_status_headers_and_body(environ, start_response):
    """The whole response is returned, as in Ruby's and Perl's interfaces."""
    return "200 OK", [("Content-Type", "text/plain")], [b"x"]


@bad_app("iterable-yields-bytes")
def yields_str(environ, start_response):
    """A generator yields a str after its first block."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"x"
    yield "y"


@bad_app("iterable-yields-bytes")
def yields_empty_str(environ, start_response):
    """A generator yields '' where it has nothing to say yet."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield ""
    yield b"x"


@bad_app("iterable-yields-bytes")
def yields_number(environ, start_response):
    """A generator yields an int."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield 120


@bad_app("iterable-yields-bytes")
def yields_none(environ, start_response):
    """A generator yields None."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield None


@bad_app("iterable-yields-bytes")
def yields_bytearray(environ, start_response):
    """A generator yields a bytearray."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield bytearray(b"x")


@bad_app("iterable-yields-bytes")
def returns_list_of_memoryview(environ, start_response):
    """A list of a memoryview."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [memoryview(b"x")]


@bad_app("iterable-yields-bytes", also=("iterable-no-bare-file",))
def returns_text_file(environ, start_response):
    """A file opened in text mode is returned."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return HERE.open(encoding="utf-8")


@bad_app("iterable-yields-bytes", level="SHOULD")
def yields_subclass_of_bytes(environ, start_response):
    """A generator yields an instance of a subclass of bytes."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield Bytes(b"x")


@bad_app("iterable-yields-bytes", level="SHOULD")
def returns_list_of_subclass_of_bytes(environ, start_response):
    """A list holds an instance of a subclass of bytes."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [Bytes(b"x")]


CACHED = [b"x", b"y"]


@good_app("iterable-yields-bytes", "app-returns-iterable", times=3)
def returns_one_list_for_all(environ, start_response):
    """Every request gets the same list of blocks."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return CACHED


@good_app("iterable-yields-bytes", "app-returns-iterable", "http-content-type-present")
def returns_empty_blocks(environ, start_response):
    """All blocks are empty."""
    start_response("200 OK", [])
    return (b"", b"")
