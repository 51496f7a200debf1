"""What the validator's benchmark runs: the four workloads, their environ, and the layers compared.

Runs on Python 3.8 and later: standard library, the layers, and conformance.Validator.
"""

from __future__ import annotations

import io
import itertools
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple
from wsgiref import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Environ = dict[str, Any]
    Layer = Callable[[Any], Any]

GREETING = b"Hello, World!"
CHUNKS = (b"x" * 64,) * 100
UPLOAD = b"u" * 65536
READ = 8192
PATH = "/account/orders/2024"
SESSION_ITEMS = 1000

BARE = "bare"
FLOOR = "do-nothing, streams wrapped"
WSGIREF = "wsgiref.validate"
RAISE = "conformance.Validator, raise"
COLLECT = "conformance.Validator, collect"


class Errors:
    """A wsgi.errors that remembers what is written to it; nothing should be."""

    written: list[str] = []  # noqa: RUF012 - one for all, so that nothing is lost

    def write(self, text: str) -> int:
        """Remember a text."""
        self.written.append(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Remember some texts."""
        self.written.extend(lines)

    def flush(self) -> None:
        """Do nothing: there is no buffer."""


class FileWrapper:
    """The server's wsgi.file_wrapper; no workload uses it."""

    def __init__(self, file: Any, size: int = READ) -> None:
        self.file, self.size = file, size


def early_hints(headers: object) -> None:
    """Stand in for what gunicorn offers as wsgi.early_hints; no workload uses it."""


# The keys and their order as gunicorn 27 makes them for a browser's GET. Its socket is a plain
# object here: a real one asks the system for its addresses at each repr(), which would make
# wsgiref.validate slower than its own work is.
OBJECTS = {
    "wsgi.errors": Errors(),
    "wsgi.version": (1, 0),
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "wsgi.file_wrapper": FileWrapper,
    "wsgi.input_terminated": True,
    "wsgi.early_hints": early_hints,
    "gunicorn.socket": object(),
}
TEXTS = {
    "SERVER_SOFTWARE": b"gunicorn/27.0.1",
    "REQUEST_METHOD": b"GET",
    "SERVER_PROTOCOL": b"HTTP/1.1",
    "wsgi.url_scheme": b"http",
    "REMOTE_ADDR": b"127.0.0.1",
    "SERVER_NAME": b"127.0.0.1",
    "SERVER_PORT": b"8000",
    "PATH_INFO": PATH.encode(),
    "SCRIPT_NAME": b"",
}
HEADERS = {
    b"HTTP_HOST": b"shop.example.org",
    b"HTTP_CONNECTION": b"keep-alive",
    b"HTTP_SEC_CH_UA": b'"Chromium";v="124", "Google Chrome";v="124"',
    b"HTTP_SEC_CH_UA_MOBILE": b"?0",
    b"HTTP_SEC_CH_UA_PLATFORM": b'"Linux"',
    b"HTTP_UPGRADE_INSECURE_REQUESTS": b"1",
    b"HTTP_USER_AGENT": b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    b"Chrome/124.0.0.0 Safari/537.36",
    b"HTTP_ACCEPT": b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    b"HTTP_SEC_FETCH_SITE": b"same-origin",
    b"HTTP_SEC_FETCH_MODE": b"navigate",
    b"HTTP_SEC_FETCH_DEST": b"document",
    b"HTTP_ACCEPT_ENCODING": b"gzip, deflate, br, zstd",
    b"HTTP_ACCEPT_LANGUAGE": b"en-GB,en;q=0.9",
    b"HTTP_COOKIE": b"session=5f2c0c1d9c6e; theme=dark",
}
KEYS = 36

requests = itertools.count()


def browser(body: bytes = b"") -> Environ:
    """Return an environ of 36 keys: its own dict, input and strings, three of them unlike the last.

    A str made by decode() has no cached hash, as one that a server's parser has just made; with
    a body the environ is that of a script's POST, which has no upgrade and no cookie.
    """
    number = next(requests)
    environ: Environ = dict(OBJECTS)
    for key, value in TEXTS.items():
        environ[key] = value.decode("latin-1")
    query = b"page=%d&sort=date" % (number % 997)
    environ["QUERY_STRING"] = query.decode("latin-1")
    environ["RAW_URI"] = (PATH.encode() + b"?" + query).decode("latin-1")
    environ["REMOTE_PORT"] = (b"%d" % (20000 + number % 40000)).decode("latin-1")
    for name, value in HEADERS.items():
        environ[name.decode("latin-1")] = value.decode("latin-1")
    environ["wsgi.input"] = io.BytesIO(body)
    if body:
        del environ["HTTP_UPGRADE_INSECURE_REQUESTS"], environ["HTTP_COOKIE"]
        environ["REQUEST_METHOD"] = b"POST".decode("latin-1")
        environ["CONTENT_TYPE"] = b"application/octet-stream".decode("latin-1")
        environ["CONTENT_LENGTH"] = (b"%d" % len(body)).decode("latin-1")
    if len(environ) != KEYS:
        raise AssertionError(f"an environ of {len(environ)} keys")
    return environ


def upload() -> Environ:
    """Return the environ of a POST with a 64 KiB body."""
    return browser(UPLOAD)


SESSION = {f"item {number}": f"value {number}" for number in range(SESSION_ITEMS)}


def with_session() -> Environ:
    """Return a browser's environ to which a session middleware has added its 1,000 items."""
    environ = browser()
    environ["example.session"] = SESSION
    return environ


def greet(environ: Environ, start_response: Any) -> list[bytes]:
    """Answer with one chunk in a list, described by two headers."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [GREETING]


def stream(environ: Environ, start_response: Any) -> Iterator[bytes]:
    """Answer with a C iterator of 100 chunks and 8 headers, three of them unlike the last."""
    number = next(requests) % 3600
    headers = [
        ("Date", f"Thu, 21 Nov 2024 10:{number // 60:02}:{number % 60:02} GMT"),
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", "6400"),
        ("Cache-Control", "no-cache, private"),
        ("ETag", f'"{number:08x}"'),
        ("Vary", "Accept-Encoding, Cookie"),
        ("X-Frame-Options", "DENY"),
        ("Set-Cookie", f"session={number:012x}; Path=/; HttpOnly; SameSite=Lax"),
    ]
    start_response("200 OK", headers)
    return iter(CHUNKS)


def receive(environ: Environ, start_response: Any) -> list[bytes]:
    """Read the body in eight pieces, then answer with one chunk."""
    read = environ["wsgi.input"].read
    for _ in range(len(UPLOAD) // READ):
        read(READ)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [GREETING]


def flask_hello() -> Any:
    """Return a Flask application of one view."""
    site = import_module("flask").Flask("hello")

    @site.route(PATH)  # type: ignore[untyped-decorator]
    def hello() -> str:
        return GREETING.decode("latin-1")

    return site


class Workload(NamedTuple):
    """An application, the requests it gets, and how many of them are timed together."""

    name: str
    title: str
    application: Any
    environ: Callable[[], Environ]
    batch: int
    goal: float | None
    """The most that Validator may add, as a share of what wsgiref.validate adds."""
    body: bytes = GREETING


GROWN = "a + session"
GROWTH_GOAL = 1.05


def workloads() -> list[Workload]:
    """Return the four workloads, and the first one again with a session in its environ."""
    return [
        Workload("a", "list of one 13-byte chunk, 2 headers", greet, browser, 64, 0.15),
        Workload(
            *("b", "iterator of 100 64-byte chunks, 8 headers that change", stream, browser),
            *(32, 0.19, b"".join(CHUNKS)),
        ),
        Workload("c", "64 KiB body in 8 KiB reads", receive, upload, 32, 0.18),
        Workload("d", "Flask hello", flask_hello(), browser, 32, 0.27),
        Workload(GROWN, "the first, with 1,000 items in environ", greet, with_session, 64, None),
    ]


class Write:
    """A write() that only passes on."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self.write = write

    def __call__(self, data: bytes) -> None:
        self.write(data)


class Input:
    """A wsgi.input that only passes on."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def read(self, *args: int) -> Any:
        """Pass on."""
        return self.stream.read(*args)

    def readline(self, *args: int) -> Any:
        """Pass on."""
        return self.stream.readline(*args)

    def readlines(self, *args: int) -> Any:
        """Pass on."""
        return self.stream.readlines(*args)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.stream)


class Log:
    """A wsgi.errors that only passes on."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        """Pass on."""
        self.stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Pass on."""
        self.stream.writelines(lines)

    def flush(self) -> None:
        """Pass on."""
        self.stream.flush()


class Body:
    """A response iterable that only passes on."""

    def __init__(self, iterable: Any) -> None:
        self.iterable = iterable

    def __iter__(self) -> Iterator[bytes]:
        yield from self.iterable

    def close(self) -> None:
        """Pass on."""
        if hasattr(self.iterable, "close"):
            self.iterable.close()


def do_nothing(application: Any) -> Any:
    """Wrap all that a validator wraps and check nothing: no validator can cost less."""

    def wrapped(environ: Environ, start_response: Any) -> Body:
        def start(*args: Any) -> Write:
            return Write(start_response(*args))

        environ["wsgi.input"] = Input(environ["wsgi.input"])
        environ["wsgi.errors"] = Log(environ["wsgi.errors"])
        return Body(application(environ, start))

    return wrapped


def layers() -> dict[str, Layer]:
    """Return what is compared: name, and the middleware that it is."""
    # Imported here, so that an interpreter without them can still start the others.
    from conformance import Validator

    return {
        BARE: lambda application: application,
        FLOOR: do_nothing,
        WSGIREF: validate.validator,
        "WebTest lint": import_module("webtest.lint").middleware,
        "Werkzeug LintMiddleware": import_module("werkzeug.middleware.lint").LintMiddleware,
        RAISE: Validator,
        COLLECT: lambda application: Validator(application, report="collect"),
    }
