"""Applications and their use of wsgi.errors."""

from __future__ import annotations

import logging
import traceback
from contextlib import redirect_stdout

from conformance.driver.twins import bad_app, good_app

from ._gateways import FileStreams


class Text(str):
    """A subclass of str."""

    __slots__ = ()


@bad_app("errors-newline-plain")
def writes_error_with_crlf(environ, start_response):
    """A line to the error stream ends in CR LF."""
    environ["wsgi.errors"].write("something happened\r\n")
    environ["wsgi.errors"].flush()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("errors-newline-plain")
def writes_error_lines_with_crlf(environ, start_response):
    """Lines to the error stream end in CR LF, but for the last."""
    environ["wsgi.errors"].writelines(["something\r\n", "happened\n"])
    environ["wsgi.errors"].flush()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("errors-newline-plain", "errors-flush-when-needed")
def writes_error_with_crlf_inside(environ, start_response):
    """A text quotes foreign data, and a progress display returns to its line's begin."""
    environ["wsgi.errors"].write("received 'a\r\nb\r\n\r\n'\n")
    environ["wsgi.errors"].write("50 %\r")
    environ["wsgi.errors"].write("a\r\nb\n")
    environ["wsgi.errors"].flush()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("errors-written-native-str")
def writes_error_in_bytes(environ, start_response):
    """Bytes are written to the error stream."""
    environ["wsgi.errors"].write(b"something happened\n")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("errors-written-native-str")
def writes_error_lines_in_bytes(environ, start_response):
    """An item of writelines() is bytes."""
    environ["wsgi.errors"].writelines(["something\n", b"happened\n"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("errors-written-native-str")
def writes_error_itself(environ, start_response):
    """An exception is written instead of its text."""
    try:
        raise LookupError("nothing here")
    except LookupError as error:
        environ["wsgi.errors"].write(error)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("errors-written-native-str", "unicode-encoding-by-application")
def writes_error_beyond_latin1(environ, start_response):
    """Any characters are welcome in the error stream, of a subclass of str too."""
    environ["wsgi.errors"].write("5 \u20ac, \U0001f40d, \udce9\n")
    environ["wsgi.errors"].write(Text("five\n"))
    environ["wsgi.errors"].flush()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("errors-written-native-str", "errors-newline-plain")
def writes_error_lines_once(environ, start_response):
    """writelines() gets an iterator that can be consumed once."""
    environ["wsgi.errors"].writelines(f"line {number}\n" for number in range(3))
    environ["wsgi.errors"].flush()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("errors-listed-methods-only", "errors-written-native-str", "errors-flush-when-needed")
def prints_error(environ, start_response):
    """print() and traceback write to the error stream."""
    print("something", "happened", file=environ["wsgi.errors"])
    try:
        raise LookupError("nothing here")
    except LookupError:
        traceback.print_exc(file=environ["wsgi.errors"])
    print(file=environ["wsgi.errors"], flush=True)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("errors-listed-methods-only", "errors-not-closed", "errors-flush-when-needed")
def logs_error(environ, start_response):
    """A logging handler writes to the error stream, and is closed."""
    handler = logging.StreamHandler(environ["wsgi.errors"])
    handler.emit(logging.makeLogRecord({"msg": "something happened"}))
    handler.close()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("errors-listed-methods-only", "errors-written-native-str")
def redirects_output_to_errors(environ, start_response):
    """What is printed goes to the error stream."""
    with redirect_stdout(environ["wsgi.errors"]):
        print("something happened")
    environ["wsgi.errors"].flush()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("errors-flush-when-needed", level="undefined")
def writes_error_and_forgets(environ, start_response):
    """An error is written and not flushed."""
    environ["wsgi.errors"].write("something happened\n")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("errors-listed-methods-only", gateway=FileStreams)
def asks_whether_errors_is_terminal(environ, start_response):
    """isatty() is called, to find out about colours."""
    colour = environ["wsgi.errors"].isatty()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x" if colour else b"y"]


@bad_app("errors-listed-methods-only", gateway=FileStreams)
def truncates_errors(environ, start_response):
    """The error stream is rewound and emptied."""
    environ["wsgi.errors"].seek(0)
    environ["wsgi.errors"].truncate()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("errors-listed-methods-only", level="SHOULD", gateway=FileStreams)
def asks_for_encoding_of_errors(environ, start_response):
    """The encoding of the error stream is looked at."""
    encoding = environ["wsgi.errors"].encoding
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [repr(encoding).encode()]


@bad_app("errors-not-closed", gateway=FileStreams)
def closes_errors(environ, start_response):
    """The error stream is closed."""
    environ["wsgi.errors"].close()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("errors-not-closed", gateway=FileStreams)
def closes_errors_by_with(environ, start_response):
    """A with statement closes the error stream."""
    with environ["wsgi.errors"] as stream:
        stream.write("something happened\n")
        stream.flush()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]
