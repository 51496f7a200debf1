"""Applications that only a driver finds out: it has to call them more than once, or oddly.

Bad ones break their rule in a scenario of the application check; good ones come close to it.
"""

from __future__ import annotations

import gzip
import io
import itertools
import tempfile
from functools import partial, wraps

from conformance.driver.memory import Request
from conformance.driver.twins import bad_app, good_app

TEXT = [("Content-Type", "text/plain")]
UPLOAD = Request(b"POST", fields=[(b"Content-Type", b"text/plain")], body=b"some text to read")


def answer(start_response):
    """Give a plain answer."""
    start_response("200 OK", list(TEXT))
    return [b"x"]


# Called more than once


@bad_app("app-reinvocable", also=("app-returns-iterable",), made=True)
def used_up():
    """What it yields is one iterator, which is used up by the first call."""
    pages = iter([[b"first"]])

    def application(environ, start_response):
        body = next(pages, None)
        start_response("200 OK", list(TEXT))
        return body

    return application


@bad_app("app-reinvocable", also=("start-response-before-body",), made=True)
def never_starts_again():
    """It tells of its response once and thinks that this is enough."""
    started = []

    def application(environ, start_response):
        if not started:
            started.append(start_response("200 OK", list(TEXT)))
        return [b"x"]

    return application


@good_app("app-reinvocable", "environ-run-once-not-trusted", made=True)
def counts_its_visitors():
    """Every response is another one."""
    visits = itertools.count()

    def application(environ, start_response):
        number = next(visits)
        start_response("429 Too Many Requests" if number > 2 else "200 OK", list(TEXT))
        return [b"visitor %d" % number]

    return application


@bad_app("environ-run-once-not-trusted", made=True)
def cleans_up_for_good():
    """It throws its settings away after the one call it was promised."""
    settings = {"title": b"x"}

    def application(environ, start_response):
        body = settings["title"]
        if environ["wsgi.run_once"]:
            settings.clear()
        start_response("200 OK", list(TEXT))
        return [body]

    return application


# Callables


@bad_app("start-response-kind-irrelevant")
def refuses_partial(environ, start_response):
    """It refuses a start_response that is a functools.partial."""
    if isinstance(start_response, partial):
        raise TypeError("start_response is no function")
    return answer(start_response)


@bad_app("start-response-not-introspected")
def asks_for_headers_set(environ, start_response):
    """It looks for an attribute that one server's start_response had."""
    getattr(start_response, "headers_set", None)
    return answer(start_response)


@bad_app("start-response-not-introspected")
def asks_write_for_its_owner(environ, start_response):
    """It looks for what the write() of one server belonged to."""
    write = start_response("200 OK", list(TEXT))
    getattr(write, "transport", None)
    return [b"x"]


@good_app(notes=("start-response-not-introspected",))
def wraps_start_response(environ, start_response):
    """functools.wraps copies what a function has, and start_response need not have it."""

    @wraps(start_response)
    def start(status, headers):
        return start_response(status, headers)

    start("200 OK", list(TEXT))
    return [b"x"]


# What may be absent


@bad_app("environ-empty-variables-tolerated")
def needs_a_query(environ, start_response):
    """It takes QUERY_STRING to be there always."""
    environ["QUERY_STRING"].split("&")
    return answer(start_response)


@bad_app("environ-empty-variables-tolerated")
def absent_length_is_an_error(environ, start_response):
    """To it, no CONTENT_LENGTH is another thing than an empty one."""
    if environ.get("CONTENT_LENGTH") is None:
        start_response("411 Length Required", list(TEXT))
        return [b"how long is it?"]
    return answer(start_response)


@bad_app("environ-presence-checked")
def needs_an_address(environ, start_response):
    """It takes REMOTE_ADDR to be there always."""
    environ["REMOTE_ADDR"].split(".")
    return answer(start_response)


@bad_app("environ-presence-checked")
def needs_a_header(environ, start_response):
    """It takes every client to say who it is."""
    environ["HTTP_USER_AGENT"].lower()
    return answer(start_response)


@bad_app("environ-fallback-provided")
def address_of_none(environ, start_response):
    """It looks for REMOTE_ADDR, and does not think of not finding it."""
    environ.get("REMOTE_ADDR").split(".")
    return answer(start_response)


@good_app(
    "environ-presence-checked", "environ-fallback-provided", "environ-empty-variables-tolerated"
)
def refuses_without_a_header(environ, start_response):
    """It says politely that it wants a header."""
    if "HTTP_USER_AGENT" not in environ:
        start_response("403 Forbidden", list(TEXT))
        return [b"who are you?"]
    return answer(start_response)


# Headers

SHARED = [("Content-Type", "text/plain"), ("X-Shared", "yes")]


@bad_app("headers-list-not-reused")
def one_list_for_all(environ, start_response):
    """It gives the same list to every response."""
    start_response("200 OK", SHARED)
    return [b"x"]


REFILLED: list[tuple[str, str]] = []


@good_app("headers-list-not-reused")
def one_list_refilled(environ, start_response):
    """It gives the same list every time, and fills it anew."""
    REFILLED[:] = [("Content-Type", "text/plain")]
    start_response("200 OK", REFILLED)
    return [b"x"]


# Endings


@bad_app("iterable-full-consumption-not-assumed")
class ClosesBadly:
    """Its close() needs what only the last item sets."""

    def __init__(self, environ, start_response) -> None:
        answer(start_response)
        self.items = iter([b"x", b"y"])

    def __iter__(self):
        return self

    def __next__(self):
        for item in self.items:
            return item
        self.done = True
        raise StopIteration

    def close(self) -> None:
        if not self.done:
            raise RuntimeError("not done")


@bad_app("iterable-full-consumption-not-assumed")
def swallows_the_end(environ, start_response):
    """Its generator goes on after it was told to end."""
    start_response("200 OK", list(TEXT))
    try:
        yield b"x"
        yield b"y"
    except GeneratorExit:
        yield b"z"


@bad_app("iterable-full-consumption-not-assumed")
def leaves_a_file_open(environ, start_response):
    """It closes its file after the last item and at no other time."""
    start_response("200 OK", list(TEXT))
    file = open(__file__, "rb")  # noqa: SIM115
    yield file.read(1)
    yield file.read(1)
    file.close()


@good_app("iterable-full-consumption-not-assumed")
def closes_in_any_case(environ, start_response):
    """It closes its file however it ends."""
    start_response("200 OK", list(TEXT))
    with open(__file__, "rb") as file:
        yield file.read(1)
        yield file.read(1)


@bad_app("start-response-error-not-trapped", also=("app-no-late-error-page",), request=UPLOAD)
def carries_on(environ, start_response):
    """What start_response raises, it swallows."""
    start_response("200 OK", list(TEXT))
    yield b"reading: "
    try:
        for _ in range(8):
            environ["wsgi.input"].read(1)
            yield b"."
    except OSError:
        import sys

        try:
            start_response("500 Internal Server Error", list(TEXT), sys.exc_info())
        except OSError:
            yield b""


@bad_app("start-response-error-propagates", request=UPLOAD)
def raises_its_own(environ, start_response):
    """What start_response raises, it replaces."""
    start_response("200 OK", list(TEXT))
    yield b"reading: "
    try:
        for _ in range(8):
            environ["wsgi.input"].read(1)
            yield b"."
    except OSError:
        import sys

        try:
            start_response("500 Internal Server Error", list(TEXT), sys.exc_info())
        except OSError:
            raise RuntimeError("cannot say so") from None


@good_app("start-response-error-not-trapped", "start-response-error-propagates", request=UPLOAD)
def lets_it_through(environ, start_response):
    """What start_response raises goes on its way."""
    start_response("200 OK", list(TEXT))
    yield b"reading: "
    try:
        for _ in range(8):
            environ["wsgi.input"].read(1)
            yield b"."
    except OSError:
        import sys

        start_response("500 Internal Server Error", list(TEXT), sys.exc_info())
        yield b"sorry"


# The file wrapper


def wrap(environ, start_response, file):
    """Return a file by way of the wrapper, if there is one."""
    start_response("200 OK", list(TEXT))
    if "wsgi.file_wrapper" in environ:
        return environ["wsgi.file_wrapper"](file)
    return iter(lambda: file.read(8192), b"")


@bad_app("file-wrapper-presence-checked")
def needs_the_wrapper(environ, start_response):
    """It takes wsgi.file_wrapper to be there always."""
    start_response("200 OK", list(TEXT))
    return environ["wsgi.file_wrapper"](io.BytesIO(b"x"))


@bad_app("file-wrapper-honest-attributes")
def compressed_file(environ, start_response):
    """The descriptor of its file leads to compressed data, and read() gives the plain."""
    file = tempfile.TemporaryFile()  # noqa: SIM115
    with gzip.GzipFile(fileobj=file, mode="wb") as packed:
        packed.write(b"plain data")
    file.seek(0)
    plain = gzip.GzipFile(fileobj=file)
    plain.myfileobj = file
    return wrap(environ, start_response, plain)


class NoSize:
    """Its read() takes no size."""

    def read(self):
        """Return all."""
        return b"x"


@bad_app("file-wrapper-object-has-read")
def read_without_size(environ, start_response):
    """The read() of its file takes no size."""
    start_response("200 OK", list(TEXT))
    if "wsgi.file_wrapper" not in environ:
        return [b"x"]
    return environ["wsgi.file_wrapper"](NoSize())


class Texts:
    """Its read() gives text, and it is no text file to look at."""

    def __init__(self) -> None:
        self.left = ["x", ""]

    def read(self, size: int = -1):
        """Return a text."""
        return self.left.pop(0)


@bad_app("file-wrapper-object-binary", also=("iterable-yields-bytes",))
def read_gives_text(environ, start_response):
    """The read() of its file gives text."""
    start_response("200 OK", list(TEXT))
    if "wsgi.file_wrapper" not in environ:
        return [b"x"]
    return environ["wsgi.file_wrapper"](Texts())


@good_app(
    "file-wrapper-honest-attributes", "file-wrapper-object-has-read", "file-wrapper-object-binary"
)
def from_the_middle(environ, start_response):
    """It hands over a real file that does not stand at its beginning."""
    file = open(__file__, "rb")  # noqa: SIM115
    file.read(100)
    return wrap(environ, start_response, file)


# Middleware


@bad_app("middleware-transparent-to-application")
def wants_its_server(environ, start_response):
    """It gives another page where start_response has the name that a middleware gave it."""
    relayed = getattr(start_response, "__name__", "") == "start"
    start_response("200 OK", list(TEXT))
    return [b"another page" if relayed else b"a page"]


@good_app("middleware-transparent-to-application", made=True)
def never_the_same():
    """It says something else every time."""
    numbers = itertools.count()

    def application(environ, start_response):
        start_response("200 OK", [*TEXT, (f"X-{next(numbers)}", "y")])
        return [b"%d" % next(numbers)]

    return application
