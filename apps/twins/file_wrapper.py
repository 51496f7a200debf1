"""Applications and wsgi.file_wrapper."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path

from conformance.driver.memory import ABSENT
from conformance.driver.twins import bad_app, good_app
from conformance.reference.streams import FileWrapper

HERE = Path(__file__)


class Unreadable:
    """A file that can only be iterated."""

    def __iter__(self):
        yield b"x"


class ReadIsData:
    """Something whose ``read`` is not a method."""

    read = b"x"


class ReadsAlone:
    """A file with read() and nothing else, not even close()."""

    def __init__(self) -> None:
        self.left = b"xyz"

    def read(self, size=-1):
        data, self.left = self.left, b""
        return data


def wrap_bytes(filelike, block_size=8192):
    """A file wrapper that is a function."""
    return FileWrapper(filelike, block_size)


# The call


@bad_app("file-wrapper-called-positionally")
def wraps_with_keyword_block_size(environ, start_response):
    """The block size is given by keyword, under the name one server gave it."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"x"), block_size=4096)


@bad_app("file-wrapper-called-positionally")
def wraps_with_keyword_file(environ, start_response):
    """The file is given by keyword."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](filelike=io.BytesIO(b"x"))


@bad_app("file-wrapper-called-positionally")
def wraps_nothing(environ, start_response):
    """The wrapper is called without a file."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"]()


@bad_app("file-wrapper-called-positionally")
def wraps_with_three(environ, start_response):
    """The wrapper gets an argument too many."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"x"), 4096, True)


# The file


@bad_app("file-wrapper-object-has-read")
def wraps_unreadable(environ, start_response):
    """What is wrapped has no read()."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](Unreadable())


@bad_app("file-wrapper-object-has-read")
def wraps_bytes_itself(environ, start_response):
    """What is wrapped is the data."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](b"x")


@bad_app("file-wrapper-object-has-read")
def wraps_what_cannot_be_called(environ, start_response):
    """What is wrapped has a read that is no method."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](ReadIsData())


@bad_app("file-wrapper-object-binary", also=("iterable-yields-bytes",))
def wraps_text(environ, start_response):
    """What is wrapped gives text."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](io.StringIO("x"))


@bad_app("file-wrapper-object-binary", also=("iterable-yields-bytes",))
def wraps_text_file(environ, start_response):
    """What is wrapped is a file opened in text mode, which has a descriptor all the same."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](HERE.open(encoding="utf-8"))


@good_app(
    "file-wrapper-called-positionally",
    "file-wrapper-object-has-read",
    "file-wrapper-object-binary",
    "iterable-no-bare-file",
    "app-returns-iterable",
)
def wraps_file(environ, start_response):
    """A file goes out by the wrapper."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](HERE.open("rb"))


@good_app("file-wrapper-called-positionally", "iterable-no-bare-file")
def wraps_file_with_block_size(environ, start_response):
    """A file in memory goes out by the wrapper, in blocks of a size."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"xyz"), 1)


@good_app("file-wrapper-object-has-read", "file-wrapper-object-binary")
def wraps_readable_alone(environ, start_response):
    """What is wrapped has read() and nothing else."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](ReadsAlone())


@good_app("file-wrapper-called-positionally", "file-wrapper-presence-checked")
def looks_what_it_wrapped_by(environ, start_response):
    """The wrapper is a class, and what it makes is an instance of it."""
    wrapper = environ["wsgi.file_wrapper"]
    wrapped = wrapper(io.BytesIO(b"x"))
    assert isinstance(wrapped, wrapper)
    assert type(wrapped) is FileWrapper
    assert not isinstance([b"x"], wrapper)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return wrapped


@good_app("file-wrapper-called-positionally", changes={"wsgi.file_wrapper": wrap_bytes})
def wraps_by_function(environ, start_response):
    """The wrapper is a function."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"x"), 10)


@good_app("file-wrapper-presence-checked", changes={"wsgi.file_wrapper": ABSENT})
def wraps_where_it_can(environ, start_response):
    """Where there is no wrapper, the file is read by blocks."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    file = io.BytesIO(b"xyz")
    if "wsgi.file_wrapper" in environ:
        return environ["wsgi.file_wrapper"](file)
    return iter(partial(file.read, 2), b"")


@good_app("file-wrapper-called-positionally", "app-returns-iterable")
def wraps_and_returns_other(environ, start_response):
    """What the wrapper made is not returned, and the file closed by the application."""
    file = io.BytesIO(b"x")
    environ["wsgi.file_wrapper"](file)
    file.close()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"y"]


@good_app("iterable-yields-bytes", "app-returns-iterable")
def wraps_inside_own_iterable(environ, start_response):
    """What the wrapper made is a part of the application's own iterable."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"a"
    yield from environ["wsgi.file_wrapper"](io.BytesIO(b"x"))
    yield b"z"
