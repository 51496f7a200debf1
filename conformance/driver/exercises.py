"""Small applications and the requests for them, which together make a server use all of WSGI."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from conformance.driver.exercise import (
    BODY,
    EURO,
    EXERCISES,
    MEETING,
    TEXT,
    Blocks,
    Exercise,
    OwnIterator,
    Shorter,
    Sized,
    WithFileno,
    exercise,
    post,
)

__all__ = ["BODY", "EXERCISES"]

# What is asked for


@exercise(
    {},
    {"method": b"HEAD"},
    {"method": b"PROPFIND", "target": b"/a/b/"},
    {"method": b"OPTIONS", "target": b"*"},
    {"target": b"/caf%c3%a9?q=%c3%a9&r=a+b"},
    {"target": b"http://conformance.test:8080/mount/x?y"},
    {"target": b"/two-arguments"},
    {"target": b"/returned-write"},
    {"target": b"/%e2%82%ac", "fields": [(b"Cookie", EURO), (b"X-Mixed-Case", b"1")]},
    {"version": b"1.0", "fields": [(b"Accept", b"text/html")]},
    post(),
    post(body=b""),
)
def page(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    write = start_response("200 OK", [TEXT, ("Content-Length", "4")])
    assert callable(write)
    return [b"page"]


# Kinds of results


@exercise({}, {"method": b"HEAD"}, {"gone_after": 1}, {"gone_after": 0})
def separate_iterator(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return Blocks(b"one", b"", b"two", b"three")


@exercise({}, {"method": b"HEAD"}, {"gone_after": 1})
def own_iterator(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return OwnIterator(b"one", b"", b"two", b"three")


@exercise({}, {"method": b"HEAD"}, {"gone_after": 1})
def generator(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    yield b""
    yield b"one"
    yield b"two"


@exercise({}, {"method": b"HEAD"})
def sized(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return Sized(b"one", b"two")


@exercise({}, {"method": b"HEAD"})
def pair(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return (b"one", b"two")


@exercise()
def no_content(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("204 No Content", [])
    return Blocks()


@exercise()
def not_modified(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("304 Not Modified", [("ETag", '"1"')])
    return Blocks()


@exercise()
def enough(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "3")])
    return OwnIterator(b"one", *[b"more"] * 9)


@exercise()
def foreign_attribute(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return WithFileno(b"one", b"two")


# Failures


@exercise()
def fails_before_start(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    return OwnIterator(None)


@exercise()
def fails_before_data(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return OwnIterator(None)


@exercise()
def fails_after_data(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return OwnIterator(b"one", None)


# start_response and write


@exercise({}, {"target": b"/returned-write"})
def writes(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    write = start_response("200 OK", [TEXT])
    with contextlib.suppress(Exception):
        write(b"one")
        write(b"two")
    return [b"three"]


@exercise()
def writes_too_much(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    write = start_response("200 OK", [TEXT, ("Content-Length", "3")])
    with contextlib.suppress(Exception):
        write(b"one")
        write(b"two")
    return []


@exercise({}, {"target": b"/third-argument"})
def error_before_output(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    try:
        start_response("200 OK", [TEXT])
        raise LookupError("trapped")
    except LookupError:
        with contextlib.suppress(TypeError):
            start_response("500 Sorry", [TEXT], sys.exc_info())
    return [b"sorry"]


@exercise()
def error_before_output_writes(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    try:
        start_response("200 OK", [TEXT])
        raise LookupError("trapped")
    except LookupError:
        write = start_response("500 Sorry", [TEXT], sys.exc_info())
    if callable(write):
        write(b"sorry")
    return []


@exercise()
def error_after_output(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    write = start_response("200 OK", [TEXT])
    try:
        write(b"one")
        raise LookupError("trapped")
    except LookupError:
        start_response("500 Sorry", [TEXT], sys.exc_info())
    return []


@exercise()
def older_error_after_output(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    write = start_response("200 OK", [TEXT])
    write(b"one")
    try:
        raise LookupError("first")
    except LookupError:
        first = sys.exc_info()
    try:
        raise KeyError("second")
    except KeyError:
        start_response("500 Sorry", [TEXT], first)
    finally:
        del first
    return []


@exercise()
def starts_twice(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    with contextlib.suppress(Exception):
        start_response("200 OK", [TEXT])
    return []


@exercise()
def starts_twice_with_headers(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    with contextlib.suppress(Exception):
        start_response("200 OK", [TEXT])
    return []


@exercise()
def hop_by_hop(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    with contextlib.suppress(Exception):
        start_response("200 OK", [TEXT, ("Keep-Alive", "timeout=5")])
    return []


@exercise()
def close_header(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    with contextlib.suppress(Exception):
        start_response("200 OK", [TEXT, ("Connection", "close")])
    return []


# The streams


def read_by_size(stream: Any) -> None:
    stream.read(0)
    while stream.read(5):
        pass


def reading(name: str, how: Callable[[Any], Any]) -> None:
    """Add an exercise that reads the request's body in one way."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with contextlib.suppress(Exception):
            how(environ["wsgi.input"])
        start_response("200 OK", [TEXT])
        return [b"read"]

    application.__name__ = name
    exercise(post(), post(parts=3))(application)


reading("reads_by_size", read_by_size)
reading("reads_length", lambda stream: stream.read(len(BODY)))
reading("reads_line", lambda stream: stream.readline())
reading("reads_line_by_size", lambda stream: stream.readline(4))
reading("reads_lines", lambda stream: stream.readlines())
reading("reads_lines_by_hint", lambda stream: stream.readlines(5))
reading("reads_by_iteration", lambda stream: [line for line in stream])  # noqa: C416


@exercise({}, {"method": b"HEAD"})
def logs(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    errors = environ["wsgi.errors"]
    lines = ["one\n", "two\n"]
    for name, *arguments in (
        ("write", "caf\u00e9 \u20ac\n"),
        ("writelines", lines),
        ("writelines", deque(lines)),
        ("flush",),
    ):
        with contextlib.suppress(Exception):
            getattr(errors, name)(*arguments)
    start_response("200 OK", [TEXT])
    return [b"logged"]


# The file wrapper


def wrapping(name: str, make: Callable[[], Any], *arguments: int) -> None:
    """Add an exercise that returns a wrapped file."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [TEXT])
        wrap = environ.get("wsgi.file_wrapper")
        result: Iterable[bytes] = wrap(make(), *arguments) if wrap else [make().read(99)]
        return result

    application.__name__ = name
    exercise({}, {"method": b"HEAD"}, {"gone_after": 1})(application)


def real_file() -> Any:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the wrapper closes it
    file.write(b"Z" * 20000)
    file.seek(0)
    return file


class Endless:
    """A file-like object without close()."""

    def __init__(self) -> None:
        self.data = io.BytesIO(b"file")

    def read(self, size: int = -1) -> bytes:
        """Read."""
        return self.data.read(size)


wrapping("wraps_real_file", real_file)
wrapping("wraps_real_file_in_blocks", real_file, 8192)
wrapping("wraps_object", lambda: Shorter(b"file in memory"))
wrapping("wraps_object_in_blocks", lambda: Shorter(b"file in memory"), 5)
wrapping("wraps_bytes", lambda: io.BytesIO(b"file in memory"))
wrapping("wraps_unclosable", Endless)


@exercise()
def wraps_and_uses(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    wrap = environ.get("wsgi.file_wrapper")
    if not wrap:
        return []
    wrapped = wrap(Shorter(b"file in memory"))
    try:
        return [b"".join(wrapped)]
    finally:
        if hasattr(wrapped, "close"):
            wrapped.close()


# Several at a time


class Meeting:
    """An application whose calls wait for each other, two at a time."""

    def __init__(self) -> None:
        self.barrier = threading.Barrier(2)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with contextlib.suppress(threading.BrokenBarrierError):
            self.barrier.wait(MEETING)
        start_response("200 OK", [TEXT])
        return [b"met"]


MEET = Meeting()
EXERCISES["meeting"] = Exercise("meeting", MEET, ({}, {}), True, MEET.barrier.reset)
