"""Applications and the exc_info that they pass to start_response."""

from __future__ import annotations

import sys

from conformance.driver.twins import bad_app, good_app


@bad_app("start-response-exc-info-tuple")
def exc_info_is_exception(environ, start_response):
    """exc_info is the exception alone."""
    try:
        raise LookupError("nothing here")
    except LookupError as error:
        start_response("500 Internal Server Error", [("Content-Type", "text/plain")], error)
    return [b"x"]


@bad_app("start-response-exc-info-tuple")
def exc_info_is_true(environ, start_response):
    """exc_info is True, as in a logging call."""
    try:
        raise LookupError("nothing here")
    except LookupError:
        start_response("500 Internal Server Error", [("Content-Type", "text/plain")], True)
    return [b"x"]


@bad_app("start-response-exc-info-tuple")
def exc_info_is_pair(environ, start_response):
    """exc_info lacks the traceback."""
    try:
        raise LookupError("nothing here")
    except LookupError:
        start_response(
            "500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info()[:2]
        )
    return [b"x"]


@bad_app("start-response-exc-info-tuple")
def exc_info_is_list(environ, start_response):
    """exc_info is a list of the right things."""
    try:
        raise LookupError("nothing here")
    except LookupError:
        start_response(
            "500 Internal Server Error", [("Content-Type", "text/plain")], list(sys.exc_info())
        )
    return [b"x"]


@bad_app("start-response-exc-info-tuple")
def exc_info_is_of_other_class(environ, start_response):
    """The class in exc_info is not that of the exception."""
    try:
        raise LookupError("nothing here")
    except LookupError as error:
        start_response(
            "500 Internal Server Error",
            [("Content-Type", "text/plain")],
            (OSError, error, error.__traceback__),
        )
    return [b"x"]


@bad_app("start-response-exc-info-tuple")
def exc_info_with_formatted_traceback(environ, start_response):
    """The traceback in exc_info is text."""
    try:
        raise LookupError("nothing here")
    except LookupError as error:
        start_response(
            "500 Internal Server Error",
            [("Content-Type", "text/plain")],
            (LookupError, error, "Traceback"),
        )
    return [b"x"]


@bad_app("start-response-exc-info-tuple")
def exc_info_is_empty_tuple(environ, start_response):
    """exc_info is an empty tuple, which servers take for none."""
    start_response("500 Internal Server Error", [("Content-Type", "text/plain")], ())
    return [b"x"]


@bad_app("start-response-exc-info-genuine", also=("start-response-exc-info-supplied",))
def exc_info_outside_handler(environ, start_response):
    """sys.exc_info() with no exception in hand gives three times None."""
    start_response("500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"x"]


@good_app("start-response-exc-info-tuple", notes=("start-response-exc-info-genuine",))
def exc_info_saved_for_later(environ, start_response):
    """The handler runs after the except block that saved exc_info."""
    try:
        raise LookupError("nothing here")
    except LookupError:
        saved = sys.exc_info()
    start_response("500 Internal Server Error", [("Content-Type", "text/plain")], saved)
    return [b"x"]


@good_app("start-response-exc-info-tuple", "start-response-exc-info-genuine")
def exc_info_without_traceback(environ, start_response):
    """The traceback was taken off the exception, and its class is a base of the real one."""
    try:
        raise KeyError("nothing here")
    except LookupError as error:
        bare = error.with_traceback(None)
        start_response(
            "500 Internal Server Error", [("Content-Type", "text/plain")], (KeyError, bare, None)
        )
    return [b"x"]


@good_app(
    "start-response-no-second-call",
    "start-response-exc-info-tuple",
    "start-response-exc-info-genuine",
    "content-length-delivered-in-full",
    "content-length-not-exceeded",
)
def starts_again_with_exc_info(environ, start_response):
    """Before any output, an error page replaces the response, twice, and its length with it."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    try:
        raise LookupError("nothing here")
    except LookupError:
        start_response(
            "404 Not Found",
            [("Content-Type", "text/plain"), ("Content-Length", "3")],
            sys.exc_info(),
        )
        start_response(
            "500 Internal Server Error",
            [("Content-Type", "text/plain"), ("Content-Length", "10")],
            sys.exc_info(),
        )
    return [b"0123456789"]


@good_app("start-response-no-second-call", "start-response-error-not-trapped")
def starts_again_while_iterated(environ, start_response):
    """A generator replaces its response after an empty block."""
    start_response("200 OK", [("Content-Type", "text/html")])
    yield b""
    try:
        raise LookupError("nothing here")
    except LookupError:
        start_response(
            "500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info()
        )
    yield b"x"


@good_app("start-response-no-second-call", "start-response-exc-info-genuine")
def starts_first_with_exc_info(environ, start_response):
    """The only call is that of an error handler."""
    try:
        raise LookupError("nothing here")
    except LookupError:
        start_response(
            "500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info()
        )
    return [b"x"]
