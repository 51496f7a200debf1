"""Applications and their calls of start_response."""

from __future__ import annotations

import sys
from functools import partial

from conformance.driver.memory import Request
from conformance.driver.twins import bad_app, good_app

from ._gateways import NeverIterates, RefusesOnce

# Arguments


@bad_app("start-response-called-positionally")
def starts_with_keywords(environ, start_response):
    """Both arguments are given by keyword."""
    start_response(status="200 OK", response_headers=[("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("start-response-called-positionally")
def starts_with_keyword_exc_info(environ, start_response):
    """exc_info is given by keyword, under the name that most servers use."""
    try:
        raise LookupError("nothing here")
    except LookupError:
        start_response(
            "500 Internal Server Error", [("Content-Type", "text/plain")], exc_info=sys.exc_info()
        )
    return [b"x"]


@bad_app("start-response-called-positionally")
def starts_with_status_alone(environ, start_response):
    """start_response gets no headers."""
    start_response("200 OK")
    return [b"x"]


@bad_app("start-response-called-positionally")
def starts_with_nothing(environ, start_response):
    """start_response gets no arguments."""
    start_response()
    return [b"x"]


@bad_app("start-response-called-positionally")
def starts_with_four(environ, start_response):
    """start_response gets an argument too many."""
    start_response("200 OK", [("Content-Type", "text/plain")], None, True)
    return [b"x"]


@good_app("start-response-called-positionally", "start-response-exc-info-tuple")
def starts_with_none_for_exc_info(environ, start_response):
    """A third argument of None is no argument."""
    start_response("200 OK", [("Content-Type", "text/plain")], None)
    return [b"x"]


@good_app("start-response-called-positionally")
def starts_by_unpacking(environ, start_response):
    """The arguments come from a list and by a partial, in their positions."""
    arguments = ["200 OK", [("Content-Type", "text/plain")]]
    partial(start_response, arguments[0])(*arguments[1:])
    return [b"x"]


# Number of calls


@bad_app("start-response-no-second-call")
def starts_twice(environ, start_response):
    """start_response is called twice."""
    start_response("200 OK", [("Content-Type", "text/html")])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("start-response-no-second-call")
def starts_twice_with_none(environ, start_response):
    """The second call has None for exc_info."""
    start_response("200 OK", [("Content-Type", "text/html")])
    start_response("200 OK", [("Content-Type", "text/plain")], None)
    return [b"x"]


@bad_app("start-response-no-second-call")
def starts_twice_while_iterated(environ, start_response):
    """A generator calls start_response again after its first block."""
    start_response("200 OK", [("Content-Type", "text/html")])
    yield b"x"
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"x"


@bad_app("start-response-no-second-call")
def starts_plain_after_exc_info(environ, start_response):
    """A plain call follows one with exc_info."""
    try:
        raise LookupError("nothing here")
    except LookupError:
        start_response(
            "500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info()
        )
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("start-response-no-second-call", times=4)
def starts_once_for_each_request(environ, start_response):
    """One application object is called again and again."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app(
    "start-response-no-plain-retry", also=("start-response-no-second-call",), gateway=RefusesOnce
)
def retries_plainly(environ, start_response):
    """After start_response raised, it is called again without exc_info."""
    try:
        start_response("200 OK", [("Content-Type", "text/plain")])
    except OSError:
        start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app(
    "start-response-no-plain-retry",
    "start-response-no-second-call",
    "start-response-error-not-trapped",
    "start-response-before-body",
    gateway=RefusesOnce,
)
def retries_with_exc_info(environ, start_response):
    """What a plain start_response raised is trapped, and its exc_info given to the next call."""
    try:
        start_response("200 OK", [("Content-Type", "text/plain")])
    except OSError:
        start_response("503 Service Unavailable", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"x"]


@good_app(
    "start-response-before-body",
    "start-response-always-called",
    "errors-trapped-by-application",
    gateway=RefusesOnce,
)
def lets_refusal_through(environ, start_response):
    """What start_response raised ends the application, as it should."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


# Order


@bad_app("start-response-before-body", also=("start-response-always-called",))
def returns_body_without_start(environ, start_response):
    """A list with data is returned, and start_response never called."""
    return [b"x"]


@bad_app("start-response-before-body", also=("start-response-always-called",))
def yields_body_without_start(environ, start_response):
    """A generator yields data and never calls start_response."""
    yield b"x"


@bad_app("start-response-before-body")
def starts_after_first_block(environ, start_response):
    """A generator calls start_response after its first block."""
    yield b"x"
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"x"


@bad_app("start-response-always-called")
def returns_empty_without_start(environ, start_response):
    """An empty list is returned, and start_response never called."""
    return []


@bad_app("start-response-always-called")
def returns_empty_tuple_without_start(environ, start_response):
    """An empty tuple is returned, and start_response never called."""
    return ()


@bad_app("start-response-always-called")
def yields_nothing_without_start(environ, start_response):
    """A generator ends at once and never calls start_response."""
    yield from ()


@bad_app("start-response-always-called")
def yields_empty_without_start(environ, start_response):
    """A generator yields b"" and never calls start_response."""
    yield b""


@good_app("start-response-before-body", "start-response-always-called")
def starts_lazily(environ, start_response):
    """A generator calls start_response when it is asked for its first block."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"x"


@good_app("start-response-always-called")
def starts_lazily_without_body(environ, start_response):
    """A generator calls start_response and yields nothing."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield from ()


@good_app(notes=("start-response-before-body",))
def starts_after_empty_block(environ, start_response):
    """An empty block is no body."""
    yield b""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"x"


@good_app("start-response-always-called", "iterable-len-accurate")
def starts_and_returns_empty_list(environ, start_response):
    """start_response is called and the body has no items."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return []


@good_app(
    "start-response-always-called",
    "app-returns-iterable",
    gateway=NeverIterates,
    request=Request(method=b"HEAD"),
)
class NotAskedForItsBody:
    """start_response is called in an iteration that the server never starts."""

    def __init__(self, environ, start_response) -> None:
        self.start_response = start_response

    def __iter__(self):
        self.start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"x"


@good_app("start-response-always-called", "errors-trapped-by-application")
def ends_the_process(environ, start_response):
    """SystemExit leaves the application before start_response was called."""
    raise SystemExit(0)


@good_app("start-response-always-called", notes=("errors-trapped-by-application",))
def raises_before_start(environ, start_response):
    """An error leaves the application before start_response was called."""
    raise LookupError("nothing here")
