"""Middlewares at fault, or not, in how they call what is below and above them."""

from __future__ import annotations

import io
import sys

from conformance.driver.middleware_twins import bad_middleware, good_middleware


class Environ(dict):
    """A dictionary of another type."""


@good_middleware(
    "middleware-conforms-both-sides",
    "middleware-calls-positionally",
    "middleware-environ-builtin-dict",
    "middleware-response-well-formed",
    "middleware-closes-inner-iterable",
    "middleware-accepts-deferred-start",
    "middleware-one-value-per-value",
    exempt=("middleware-transform-fixes-length", "middleware-swallow-keeps-arguments"),
)
def passes_through(app):
    """Calls the application and nothing else."""
    return lambda environ, start_response: app(environ, start_response)


@good_middleware(
    "middleware-environ-builtin-dict", "middleware-strings-native", "middleware-calls-positionally"
)
def copies_environ(app):
    """Passes on a copy of environ, with a string and an object of its own in it."""

    def middleware(environ, start_response):
        copy = dict(environ)
        copy["twin.name"] = "caf\xe9"
        copy["twin.number"] = 17
        copy["REMOTE_USER"] = "someone"
        return app(copy, start_response)

    return middleware


@bad_middleware("middleware-calls-positionally", also=["middleware-closes-inner-iterable"])
def calls_application_by_keyword(app):
    """Calls the application with keywords."""
    return lambda environ, start_response: app(environ=environ, start_response=start_response)


@bad_middleware("middleware-calls-positionally")
def starts_by_keyword(app):
    """Calls the server's start_response with keywords."""

    def middleware(environ, start_response):
        def start(status, headers, exc_info=None):
            if exc_info:
                return start_response(status, headers, exc_info=exc_info)
            return start_response(status=status, response_headers=headers)

        return app(environ, start)

    return middleware


@bad_middleware("middleware-calls-positionally")
def calls_write_by_keyword(app):
    """Calls the server's write() with a keyword."""

    def middleware(environ, start_response):
        def start(*arguments):
            write = start_response(*arguments)
            return lambda data: write(data=data)

        return app(environ, start)

    return middleware


@bad_middleware("middleware-environ-builtin-dict")
def passes_dict_subclass(app):
    """Passes on an environ of a subclass of dict."""
    return lambda environ, start_response: app(Environ(environ), start_response)


@bad_middleware("middleware-strings-native")
def adds_bytes(app):
    """Sets a CGI variable to bytes."""

    def middleware(environ, start_response):
        environ["REMOTE_USER"] = b"someone"
        return app(environ, start_response)

    return middleware


@bad_middleware("middleware-strings-native")
def adds_beyond_latin1(app):
    """Sets a CGI variable to a str beyond Latin-1."""

    def middleware(environ, start_response):
        environ["REMOTE_USER"] = "\u0417"
        return app(environ, start_response)

    return middleware


@bad_middleware("middleware-strings-native")
def adds_key_of_bytes(app):
    """Sets a key that is not a str."""

    def middleware(environ, start_response):
        environ[b"twin.key"] = "value"
        return app(environ, start_response)

    return middleware


@bad_middleware("middleware-strings-native")
def adds_header_of_bytes(app):
    """Adds a header whose value is bytes."""

    def middleware(environ, start_response):
        def start(status, headers, *error):
            return start_response(status, [*headers, ("X-Twin", b"bytes")], *error)

        return app(environ, start)

    return middleware


@bad_middleware("middleware-conforms-both-sides")
def removes_version(app):
    """Takes wsgi.version out of environ."""

    def middleware(environ, start_response):
        environ.pop("wsgi.version", None)
        return app(environ, start_response)

    return middleware


@bad_middleware("middleware-conforms-both-sides", level="SHOULD")
def needs_script_name(app):
    """Takes SCRIPT_NAME to be always there."""

    def middleware(environ, start_response):
        environ["twin.root"] = environ["SCRIPT_NAME"] + "/"
        return app(environ, start_response)

    return middleware


@bad_middleware("middleware-conforms-both-sides", also=["middleware-closes-inner-iterable"])
def needs_close(app):
    """Takes close() to be always there."""

    def middleware(environ, start_response):
        result = app(environ, start_response)

        def items():
            yield from result
            result.close()

        return items()

    return middleware


@bad_middleware("middleware-router-shifts-path", prefix="/a")
def routes_without_shift(app):
    """Chooses by a prefix of the path and leaves the path as it was."""

    def middleware(environ, start_response):
        assert environ["PATH_INFO"].startswith("/a")
        return app(environ, start_response)

    return middleware


@bad_middleware("middleware-router-shifts-path", prefix="/a")
def routes_and_forgets(app):
    """Takes the prefix off the path and puts it nowhere."""

    def middleware(environ, start_response):
        environ["PATH_INFO"] = environ["PATH_INFO"][2:]
        return app(environ, start_response)

    return middleware


@good_middleware("middleware-router-shifts-path", "middleware-strings-native", prefix="/a")
def routes(app):
    """Chooses by a prefix of the path and moves it to SCRIPT_NAME; others get a 404."""

    def middleware(environ, start_response):
        path = environ.get("PATH_INFO", "")
        if path != "/a" and not path.startswith("/a/"):
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"nothing here"]
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + "/a"
        environ["PATH_INFO"] = path[2:]
        return app(environ, start_response)

    return middleware


@good_middleware(exempt=["middleware-router-shifts-path"])
def rewrites(app):
    """Rewrites URLs within the site: no router, so the sum of the two may change."""

    def middleware(environ, start_response):
        environ["PATH_INFO"] = "/index" + environ.get("PATH_INFO", "")
        return app(environ, start_response)

    return middleware


@bad_middleware("middleware-extensions-are-functions", level="undefined")
def stores_values(app):
    """Parses cookies for every request and stores what it found."""

    def middleware(environ, start_response):
        environ["twin.cookies"] = dict.fromkeys(environ.get("HTTP_COOKIE", "").split(";"))
        return app(environ, start_response)

    return middleware


@good_middleware("middleware-extensions-are-functions")
def stores_function(app):
    """Offers a function of environ that parses cookies."""

    def middleware(environ, start_response):
        environ["twin.cookies"] = lambda environ: environ.get("HTTP_COOKIE", "").split(";")
        return app(environ, start_response)

    return middleware


class OnlyRead:
    """An input with read() alone."""

    def __init__(self, stream):
        self.stream = stream

    def read(self, size=-1):
        return self.stream.read(size)


@bad_middleware("middleware-replaced-streams-complete")
def replaces_input_by_read_alone(app):
    """Puts an input in place of the server's that can do nothing but read()."""

    def middleware(environ, start_response):
        environ["wsgi.input"] = OnlyRead(environ["wsgi.input"])
        return app(environ, start_response)

    return middleware


class Upper(OnlyRead):
    """An input whose read() gives another body than its other methods."""

    def read(self, size=-1):
        return self.stream.read(size).upper()

    def readline(self, size=-1):
        return self.stream.readline(size)

    def readlines(self, hint=-1):
        return self.stream.readlines()

    def __iter__(self):
        return iter(self.stream)


@bad_middleware("middleware-replaced-streams-complete")
def replaces_input_in_part(app):
    """Puts an input in place of the server's that changes what read() gives alone."""

    def middleware(environ, start_response):
        environ["wsgi.input"] = Upper(environ["wsgi.input"])
        return app(environ, start_response)

    return middleware


class OnlyWrite:
    """An error stream with write() alone."""

    def __init__(self, stream):
        self.stream = stream

    def write(self, text):
        self.stream.write(text)


@bad_middleware("middleware-replaced-streams-complete")
def replaces_errors(app):
    """Puts an error stream in place of the server's that can do nothing but write()."""

    def middleware(environ, start_response):
        environ["wsgi.errors"] = OnlyWrite(environ["wsgi.errors"])
        return app(environ, start_response)

    return middleware


@good_middleware("middleware-replaced-streams-complete")
def buffers_input(app):
    """Reads the body and puts it, in capitals, into a stream of its own; logs to stderr."""

    def middleware(environ, start_response):
        length = environ.get("CONTENT_LENGTH")
        body = environ["wsgi.input"].read(int(length)) if length else b""
        environ["wsgi.input"] = io.BytesIO(body.upper())
        environ["wsgi.errors"] = sys.stderr
        return app(environ, start_response)

    return middleware
