"""Applications and errors: their own, and those that the server raises."""

from __future__ import annotations

import sys

from conformance.driver.memory import MemoryGateway, Request
from conformance.driver.twins import bad_app, good_app


class BrokenInput:
    """An input whose client is gone."""

    def __init__(self, receive) -> None:
        pass

    def read(self, size=-1):
        raise OSError("the client is gone")

    readline = readlines = read

    def __iter__(self):
        return iter(self.readline, b"")


class BrokenBody(MemoryGateway):
    """The client goes away while it sends its body."""

    input_class = BrokenInput


# Errors that get out


@bad_app("errors-trapped-by-application", level="undefined")
def raises(environ, start_response):
    """An error leaves the call."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    raise LookupError("nothing here")


@bad_app("errors-trapped-by-application", level="undefined")
def raises_while_iterated(environ, start_response):
    """An error leaves the iteration."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"x"
    raise LookupError("nothing here")


@bad_app("errors-trapped-by-application", level="undefined")
class RaisesInClose:
    """An error leaves close()."""

    def __init__(self, environ, start_response) -> None:
        start_response("200 OK", [("Content-Type", "text/plain")])

    def __iter__(self):
        yield b"x"

    def close(self) -> None:
        raise LookupError("nothing here")


@good_app("errors-trapped-by-application", gateway=BrokenBody)
def lets_broken_body_through(environ, start_response):
    """What the server's stream raised ends the application."""
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


@good_app("errors-trapped-by-application", gateway=BrokenBody)
def lets_broken_lines_through(environ, start_response):
    """What iterating over the server's stream raised ends the application."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield from environ["wsgi.input"]


@good_app("errors-trapped-by-application")
def interrupted(environ, start_response):
    """SystemExit leaves the iteration."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"x"
    raise SystemExit(0)


@good_app("errors-trapped-by-application", request=Request(gone_after=1))
def closed_in_the_middle(environ, start_response):
    """A generator is closed, and cleans up."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        yield b"x"
        yield b"y"
    except GeneratorExit:
        environ["cleaned.up"] = True
        raise


# Errors after output: start_response raises what it was given


@bad_app("start-response-error-not-trapped")
def swallows_late_error(environ, start_response):
    """After output, start_response raises, and the application ends as though nothing were."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"x"
    try:
        try:
            raise LookupError("nothing here")
        except LookupError:
            start_response(
                "500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info()
            )
    except LookupError:
        pass


@bad_app("start-response-error-not-trapped")
def swallows_late_error_in_call(environ, start_response):
    """The same in the call, after write."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"x")
    try:
        try:
            raise LookupError("nothing here")
        except LookupError:
            start_response(
                "500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info()
            )
    except LookupError:
        return []
    return [b"y"]


@bad_app("app-no-late-error-page", also=("start-response-error-not-trapped",))
def yields_late_error_page(environ, start_response):
    """An error page follows the beginning of the response."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"x"
    try:
        try:
            raise LookupError("nothing here")
        except LookupError:
            start_response(
                "500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info()
            )
    except LookupError:
        yield b"Sorry, nothing here.\n"


@bad_app("app-no-late-error-page", also=("start-response-error-not-trapped",))
def returns_late_error_page(environ, start_response):
    """An error page is returned after data was written."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"x")
    try:
        try:
            raise LookupError("nothing here")
        except LookupError:
            start_response(
                "500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info()
            )
    except LookupError:
        return [b"Sorry, nothing here.\n"]
    return []


@bad_app("app-no-late-error-page", also=("start-response-error-not-trapped",))
def writes_late_error_page(environ, start_response):
    """An error page is written after data was written."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"x")
    try:
        try:
            raise LookupError("nothing here")
        except LookupError:
            start_response(
                "500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info()
            )
    except LookupError:
        write(b"Sorry, nothing here.\n")
    return []


@bad_app("start-response-error-propagates")
def replaces_late_error(environ, start_response):
    """What start_response raised is replaced by another error."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"x"
    try:
        try:
            raise LookupError("nothing here")
        except LookupError:
            start_response(
                "500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info()
            )
    except LookupError as error:
        raise RuntimeError("failed") from error


@good_app(
    "start-response-error-not-trapped",
    "start-response-error-propagates",
    "app-no-late-error-page",
    "start-response-no-second-call",
    "errors-trapped-by-application",
)
def lets_late_error_through(environ, start_response):
    """What start_response raised after output goes on to the server."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"x"
    try:
        raise LookupError("nothing here")
    except LookupError:
        start_response(
            "500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info()
        )
    yield b"Sorry, nothing here.\n"


@good_app(
    "start-response-error-not-trapped",
    "start-response-error-propagates",
    "errors-trapped-by-application",
)
def raises_late_error_again(environ, start_response):
    """What start_response raised is caught, noted, and raised again."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"x"
    try:
        raise LookupError("nothing here")
    except LookupError:
        try:
            start_response(
                "500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info()
            )
        except LookupError:
            environ["failed"] = True
            raise
        finally:
            environ["tried"] = True


@good_app("app-no-late-error-page", "http-content-type-present")
def marks_error_in_its_stream(environ, start_response):
    """A record at the end of a stream says that something failed: the application's own way."""
    start_response("200 OK", [("Content-Type", "application/x-ndjson")])
    yield b'{"a": 1}\n'
    try:
        raise LookupError("nothing here")
    except LookupError:
        yield b'{"error": "nothing here"}\n'


# Error responses without exc_info


@bad_app("start-response-exc-info-supplied", level="undefined")
def starts_error_without_exc_info(environ, start_response):
    """An except block starts an error response and leaves out exc_info."""
    try:
        raise LookupError("nothing here")
    except LookupError:
        start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("start-response-exc-info-supplied")
def is_unavailable_on_purpose(environ, start_response):
    """A 503 that no exception caused."""
    start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("start-response-exc-info-supplied")
def finds_nothing(environ, start_response):
    """A 404 out of a KeyError is no error of the application."""
    try:
        {}["x"]
    except KeyError:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("start-response-exc-info-supplied")
def starts_error_after_handler(environ, start_response):
    """An error response is started after the except block has ended."""
    try:
        raise LookupError("nothing here")
    except LookupError as error:
        page = str(error).encode()
    start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
    return [page]


class InHandler(MemoryGateway):
    """Calls the application from within an except block of its own."""

    def call(self):
        try:
            raise LookupError("the server's own business")
        except LookupError:
            return super().call()


@good_app("start-response-exc-info-supplied", gateway=InHandler)
def called_from_handler(environ, start_response):
    """A 503, while whoever called the application is handling an exception."""
    start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
    return [b"x"]
