"""Applications and their use of wsgi.input."""

from __future__ import annotations

import io
from contextlib import closing

from conformance.driver.memory import Request
from conformance.driver.twins import bad_app, good_app

from ._gateways import FileStreams

POST = Request(method=b"POST", body=b"one\ntwo\nthree")
UNKNOWN_LENGTH = Request(
    method=b"POST", body=b"one\ntwo\n", fields=[(b"Transfer-Encoding", b"chunked")]
)


# How much is read


@bad_app("input-no-overread", request=POST)
def reads_too_much(environ, start_response):
    """More is asked for than there is."""
    body = environ["wsgi.input"].read(1000)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


@bad_app("input-no-overread", request=POST)
def reads_until_empty(environ, start_response):
    """A loop reads blocks until one is empty."""
    blocks = []
    while block := environ["wsgi.input"].read(8):
        blocks.append(block)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return blocks


@bad_app("input-no-overread", request=Request(fields=[(b"Content-Length", b"0")]))
def reads_of_nothing(environ, start_response):
    """A byte is asked for of a body of no length."""
    body = environ["wsgi.input"].read(1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x" + body]


@good_app("input-no-overread", "input-listed-methods-only", request=POST)
def reads_all_without_size(environ, start_response):
    """read() without a size is sanctioned."""
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


@good_app("input-no-overread", "input-listed-methods-only", request=POST)
def reads_announced_length(environ, start_response):
    """Just the announced length is read, in two parts and nothing."""
    length = int(environ["CONTENT_LENGTH"])
    stream = environ["wsgi.input"]
    body = stream.read(2) + stream.read(0) + stream.read(length - 2)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


@good_app("input-no-overread", "input-listed-methods-only", request=POST)
def reads_lines(environ, start_response):
    """Lines are read with and without a size, and beyond the end."""
    stream = environ["wsgi.input"]
    body = stream.readline() + stream.readline(2) + stream.readline(1000) + stream.readline()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body, stream.readline()]


@good_app("input-no-overread", "input-listed-methods-only", request=POST)
def reads_all_lines(environ, start_response):
    """All lines are read at once, and then there are none."""
    lines = environ["wsgi.input"].readlines()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return lines + environ["wsgi.input"].readlines(100)


@good_app("input-no-overread", "input-listed-methods-only", request=POST)
def iterates_over_input(environ, start_response):
    """The input is iterated."""
    lines = list(environ["wsgi.input"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return lines


@good_app("input-no-overread", "input-listed-methods-only", request=POST)
def reads_with_no_limit(environ, start_response):
    """A size of -1 or None stands for all there is."""
    stream = environ["wsgi.input"]
    body = stream.readline(-1) + stream.readline(None) + stream.read(-1) + stream.read(None)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


@good_app("input-no-overread", notes=("input-listed-methods-only",), request=POST)
def reads_by_keyword(environ, start_response):
    """The size is given by keyword: whether that is allowed nobody says."""
    body = environ["wsgi.input"].read(size=3)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


@good_app("input-no-overread", "input-listed-methods-only", request=POST)
def reads_from_copy_of_environ(environ, start_response):
    """The streams of a copy of environ are used, in the iteration."""
    copy = {**environ}
    environ.clear()

    def blocks():
        yield from copy["wsgi.input"]
        copy["wsgi.errors"].write("done\n")
        copy["wsgi.errors"].flush()

    start_response("200 OK", [("Content-Type", "text/plain")])
    return blocks()


@good_app("input-no-overread", request=UNKNOWN_LENGTH)
def reads_body_of_unknown_length(environ, start_response):
    """Without CONTENT_LENGTH no limit is specified."""
    stream = environ["wsgi.input"]
    blocks = list(iter(lambda: stream.read(5), b""))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return blocks


@good_app("input-no-overread", request=POST, changes={"CONTENT_LENGTH": ""})
def reads_body_of_empty_length(environ, start_response):
    """An empty CONTENT_LENGTH is as good as none."""
    body = environ["wsgi.input"].read(1000)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


@good_app("input-no-overread", "input-not-closed", request=POST)
def reads_nothing(environ, start_response):
    """The body is left alone."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


# How it is used


@bad_app("input-listed-methods-only", request=POST, gateway=FileStreams)
def rewinds_input(environ, start_response):
    """seek() is called, where the server's stream has it."""
    stream = environ["wsgi.input"]
    stream.read()
    stream.seek(0)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [stream.read()]


@bad_app("input-listed-methods-only", request=POST, gateway=FileStreams)
def reads_into_buffer(environ, start_response):
    """readinto() is called, where the server's stream has it."""
    buffer = bytearray(5)
    environ["wsgi.input"].readinto(buffer)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [bytes(buffer)]


@bad_app(
    "input-listed-methods-only",
    also=("input-listed-methods-only", "input-not-closed"),
    request=POST,
    gateway=FileStreams,
    located=False,
)
def wraps_input_in_text(environ, start_response):
    """The input is wrapped for decoding, and the wrapper asks for more than is listed."""
    wrapper = io.TextIOWrapper(environ["wsgi.input"], encoding="utf-8")
    wrapper.detach()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("input-listed-methods-only", level="SHOULD", request=POST, gateway=FileStreams)
def asks_whether_input_can_seek(environ, start_response):
    """seek is looked up and not called."""
    can_seek = hasattr(environ["wsgi.input"], "seek")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x" if can_seek else b"y"]


@bad_app("input-listed-methods-only", level="SHOULD", request=POST, gateway=FileStreams)
def asks_whether_input_is_closed(environ, start_response):
    """The attribute closed is looked at."""
    closed = environ["wsgi.input"].closed
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x" if closed else b"y"]


@bad_app("input-not-closed", request=POST, gateway=FileStreams)
def closes_input(environ, start_response):
    """The input is closed after use."""
    body = environ["wsgi.input"].read()
    environ["wsgi.input"].close()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


@bad_app("input-not-closed", request=POST, gateway=FileStreams)
def closes_input_by_with(environ, start_response):
    """A with statement closes the input."""
    with environ["wsgi.input"] as stream:
        body = stream.read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


@bad_app("input-not-closed", request=POST, gateway=FileStreams, located=False)
def closes_input_by_context(environ, start_response):
    """contextlib.closing closes the input."""
    with closing(environ["wsgi.input"]) as stream:
        body = stream.read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


@bad_app(
    "input-not-closed",
    also=("input-listed-methods-only",),
    request=POST,
    gateway=FileStreams,
    located=False,
)
def closes_input_by_wrapper(environ, start_response):
    """A wrapper that is thrown away closes what it wrapped."""
    wrapper = io.BufferedReader(environ["wsgi.input"])
    del wrapper
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("input-listed-methods-only", "input-not-closed", request=POST, gateway=FileStreams)
def uses_listed_methods(environ, start_response):
    """All that is listed is used, of a stream that has more."""
    stream = environ["wsgi.input"]
    body = stream.read(1) + stream.readline() + next(iter(stream)) + b"".join(stream.readlines())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]
