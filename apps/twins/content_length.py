"""Applications and the Content-Length that they announce."""

from __future__ import annotations

from pathlib import Path

from conformance.driver.memory import Request
from conformance.driver.twins import bad_app, good_app

from ._gateways import TakesAll

HERE = Path(__file__)
HEAD = Request(method=b"HEAD")


@bad_app("content-length-not-exceeded")
def length_one_too_small(environ, start_response):
    """A list holds a byte more than announced."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"xyz"]


@bad_app("content-length-not-exceeded")
def length_of_characters(environ, start_response):
    """The length counts characters, and the body is UTF-8."""
    text = "na\u00efve caf\u00e9"
    start_response(
        "200 OK",
        [("Content-Type", "text/plain; charset=utf-8"), ("content-length", str(len(text)))],
    )
    return [text.encode()]


@bad_app("content-length-not-exceeded")
def length_exceeded_by_second_block(environ, start_response):
    """The second block of a generator goes beyond the announced length."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    yield b"xy"
    yield b"xy"


@bad_app("content-length-not-exceeded", also=("content-length-stops-iterating",), gateway=TakesAll)
def length_exceeded_after_its_end(environ, start_response):
    """A server that asks on gets another block after the announced length."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    yield b"xy"
    yield b"z"


@bad_app("content-length-not-exceeded")
def length_exceeded_by_write(environ, start_response):
    """write alone goes beyond the announced length."""
    write = start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    write(b"xy")
    write(b"xy")
    return []


@bad_app("content-length-not-exceeded")
def length_exceeded_by_write_and_yield(environ, start_response):
    """What is written and what is yielded are too much together."""
    write = start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    write(b"xy")
    return [b"xy"]


@bad_app("content-length-not-exceeded")
def length_nought_with_body(environ, start_response):
    """A length of nought is announced, and a body follows."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return [b"x"]


@bad_app("content-length-delivered-in-full")
def length_one_too_big(environ, start_response):
    """A list holds a byte less than announced."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"xyz"]


@bad_app("content-length-delivered-in-full")
def length_without_body(environ, start_response):
    """The list is empty, and a length was announced."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return []


@bad_app("content-length-delivered-in-full")
def length_not_reached_by_generator(environ, start_response):
    """A generator ends early."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("CONTENT-LENGTH", "4")])
    yield b"x"
    yield b"y"


@bad_app("content-length-delivered-in-full")
def length_not_reached_by_write(environ, start_response):
    """What is written and what is yielded are too little together."""
    write = start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    write(b"x")
    return [b"y"]


@bad_app("content-length-delivered-in-full")
def length_with_line_ends_translated(environ, start_response):
    """The length of the file counts CR LF, and the body has lost its CRs."""
    body = b"x\r\ny\r\n"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [line + b"\n" for line in body.splitlines()]


# Where the length says nothing of the bytes


@good_app(
    "content-length-delivered-in-full",
    "content-length-not-exceeded",
    "http-head-empty",
    request=HEAD,
)
def head_with_length(environ, start_response):
    """The answer to HEAD has the length of the body that is not there."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1000")])
    return []


@bad_app("http-head-empty", request=HEAD)
def head_like_get(environ, start_response):
    """HEAD is treated as GET, body and all."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1")])
    return [b"x"]


@bad_app("http-head-empty", request=HEAD)
def head_written(environ, start_response):
    """For HEAD the body is written."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"x")
    return []


@good_app("content-length-delivered-in-full", "http-head-empty", request=HEAD)
def head_with_empty_blocks(environ, start_response):
    """For HEAD the blocks are empty."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    yield b""


@good_app(
    "content-length-delivered-in-full",
    "content-length-not-exceeded",
    "http-content-length-no-content",
    "http-not-modified-metadata",
    "http-no-content-empty",
    "http-content-type-present",
)
def not_modified_with_length(environ, start_response):
    """A 304 may say how long the body would have been."""
    start_response("304 Not Modified", [("Content-Length", "1000"), ("ETag", '"x"')])
    return []


@good_app("http-content-length-valid", "content-length-delivered-in-full")
def not_modified_with_enormous_length(environ, start_response):
    """A length may have more digits than int() takes."""
    start_response("304 Not Modified", [("Content-Length", "9" * 5000), ("ETag", '"x"')])
    return []


@good_app(
    "http-content-length-no-content",
    "http-content-type-present",
    "http-no-content-empty",
    "content-length-delivered-in-full",
)
def no_content(environ, start_response):
    """A 204 has neither length nor type."""
    start_response("204 No Content", [])
    return []


@good_app("content-length-delivered-in-full", "http-content-type-present")
def reset_content(environ, start_response):
    """A 205 says that its body is empty."""
    start_response("205 Reset Content", [("Content-Length", "0")])
    return []


@good_app("content-length-delivered-in-full", request=Request(gone_after=1))
def length_cut_short_by_client(environ, start_response):
    """The client goes away before all was sent."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    yield b"x"
    yield b"y"
    yield b"z"


@good_app("content-length-delivered-in-full", notes=("errors-trapped-by-application",))
def length_cut_short_by_error(environ, start_response):
    """An error ends the body early, which is a report of its own."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    yield b"x"
    raise LookupError("nothing here")


@good_app("content-length-delivered-in-full", "content-length-not-exceeded")
def length_of_file(environ, start_response):
    """A file goes out by the server's wrapper, with its length."""
    start_response(
        "200 OK",
        [("Content-Type", "text/plain"), ("Content-Length", str(HERE.stat().st_size))],
    )
    return environ["wsgi.file_wrapper"](HERE.open("rb"))


@good_app("content-length-delivered-in-full", "http-content-length-valid")
def length_with_leading_zeros(environ, start_response):
    """Leading zeros change nothing."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0002")])
    return [b"xy"]


@good_app(
    "content-length-not-exceeded", "content-length-delivered-in-full", "http-content-length-valid"
)
def length_twice_the_same(environ, start_response):
    """Two equal lengths are announced."""
    start_response(
        "200 OK",
        [("Content-Type", "text/plain"), ("Content-Length", "2"), ("content-length", "2")],
    )
    return [b"xy"]


@good_app("content-length-not-exceeded", "content-length-delivered-in-full")
def length_reached_in_many_blocks(environ, start_response):
    """Many blocks, empty ones between them, make up the length."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    yield from (b"", b"x", b"", b"y", b"z", b"")


# HTTP: the value and the place of the header


@bad_app("http-content-length-valid")
def length_of_letters(environ, start_response):
    """The length is a word."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "many")])
    return [b"x"]


@bad_app("http-content-length-valid")
def length_negative(environ, start_response):
    """The length is negative, for want of knowing it."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "-1")])
    return [b"x"]


@bad_app("http-content-length-valid")
def length_with_sign(environ, start_response):
    """The length has a sign, which int() takes."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "+1")])
    return [b"x"]


@bad_app("http-content-length-valid")
def length_with_underscore(environ, start_response):
    """The length has an underscore, which int() takes."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1_0")])
    return [b"0123456789"]


@bad_app("http-content-length-valid")
def length_in_superscript(environ, start_response):
    """The length is a superscript, which isdigit() takes."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "\xb9")])
    return [b"x"]


@bad_app("http-content-length-valid", also=("headers-latin1-only",))
def length_in_other_digits(environ, start_response):
    """The length is in Arabic-Indic digits, which int() takes."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "\u0661")])
    return [b"x"]


@bad_app("http-content-length-valid")
def length_empty(environ, start_response):
    """The length is an empty str."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "")])
    return [b"x"]


@bad_app("http-content-length-valid")
def length_twice_and_different(environ, start_response):
    """Two different lengths are announced."""
    start_response(
        "200 OK",
        [("Content-Type", "text/plain"), ("Content-Length", "1"), ("Content-Length", "2")],
    )
    return [b"x"]


@bad_app("http-content-length-no-content")
def no_content_with_length(environ, start_response):
    """A 204 has a length, of nought."""
    start_response("204 No Content", [("Content-Length", "0")])
    return []
