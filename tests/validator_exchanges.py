"""Valid exchanges, made by Hypothesis: a request, and an application that answers it properly."""

from __future__ import annotations

import string
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_from_bytes

from hypothesis import strategies as st

from conformance.checks import HOP_BY_HOP
from conformance.driver.memory import ABSENT, Request

Start = Callable[..., Any]


class Separate:
    """An iterable that is no iterator."""

    def __init__(self, blocks: list[Any]) -> None:
        self.blocks = blocks

    def __iter__(self) -> Iterator[Any]:
        return (block for block in self.blocks)


class Sized(Separate):
    """An iterable with a length."""

    def __len__(self) -> int:
        return len(self.blocks)


class Closed(Separate):
    """An iterable with close()."""

    def close(self) -> None:
        """Have nothing to close."""


class SizedClosed(Sized, Closed):
    """An iterable with both."""


class Indexed:
    """An iterable by the protocol of Python before 2.2."""

    def __init__(self, blocks: list[Any]) -> None:
        self.blocks = blocks

    def __getitem__(self, index: int) -> Any:
        return self.blocks[index]


class OwnList(list[Any]):
    """A list of another type."""


class OwnIterator:
    """An iterator with close()."""

    def __init__(self, blocks: list[Any]) -> None:
        self.blocks = iter(blocks)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self.blocks)

    def close(self) -> None:
        """Have nothing to close."""


def generate(blocks: list[Any]) -> Iterator[Any]:
    yield from blocks


SHAPES: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "generator": generate,
    "iterator": iter,
    "map": lambda blocks: map(bytes, blocks),
    "deque": deque,
    "separate": Separate,
    "sized": Sized,
    "closed": Closed,
    "sized and closed": SizedClosed,
    "indexed": Indexed,
    "own list": OwnList,
    "own iterator": OwnIterator,
}


@dataclass
class Exchange:
    """A request and what the application does about it.

    Attributes:
        request: keyword arguments of a ``Request``.
        changes: to environ, as ``drive`` takes them.
        status, headers: as passed to start_response.
        blocks: of the result, in the ``shape`` it has; ``writes`` go through write() before.
        reads: what is done with wsgi.input: a method and a size, or None for no argument.
        logged: text for wsgi.errors.
        restart: whether start_response is called again for an error, before any output.
        deferred: whether start_response is called by the iterable; then it is a generator.
        edits: whether the application changes environ, as it may.
        start: calls start_response; ``before`` is called first and ``result`` makes what is
            returned: for mutations.
    """

    request: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    status: Any = "200 OK"
    headers: Any = field(default_factory=list)
    blocks: list[Any] = field(default_factory=list)
    shape: str = "list"
    writes: list[Any] = field(default_factory=list)
    reads: list[tuple[str, int | None]] = field(default_factory=list)
    logged: str = ""
    restart: bool = False
    deferred: bool = False
    edits: bool = False
    start: Callable[[Exchange, Start], Any] | None = None
    before: Callable[[dict[str, Any]], Any] = bool
    result: Callable[[dict[str, Any], Any], Any] | None = None

    def made_request(self) -> Request:
        """Return the request, a new one each time."""
        return Request(**{**self.request, "fields": list(self.request.get("fields", ()))})

    def application(self, environ: dict[str, Any], start_response: Start) -> Any:
        """Answer; a WSGI application."""
        self.before(environ)
        if self.logged:
            environ["wsgi.errors"].write(self.logged)
        for name, size in self.reads:
            read(environ, name, size)
        if self.edits:
            environ["application.key"] = environ.pop("PATH_INFO", None)
        if self.deferred:
            return self.generator(start_response)
        write = self.started(start_response)
        for data in self.writes:
            write(data)
        result = SHAPES[self.shape](self.blocks)
        return self.result(environ, result) if self.result else result

    def started(self, start_response: Start) -> Any:
        """Call start_response, and once more where that is wanted."""
        if self.start:
            return self.start(self, start_response)
        if self.restart:
            start_response("200 First", [("X-First", "1")])
            try:
                raise LookupError("trapped")
            except LookupError:
                return start_response(self.status, self.headers, sys.exc_info())
        return start_response(self.status, self.headers)

    def generator(self, start_response: Start) -> Iterator[Any]:
        """Yield nothing, start, and yield the blocks."""
        yield b""
        self.started(start_response)
        yield from self.blocks


def read(environ: dict[str, Any], name: str, size: int | None) -> None:
    """Read from wsgi.input, not beyond the body's length."""
    stream = environ["wsgi.input"]
    left = environ.get("test.left", int(environ.get("CONTENT_LENGTH") or 0))
    if size is not None:
        size = min(size, left)
    if name == "iterate":
        data = b"".join(stream)
    else:
        data = getattr(stream, name)(*(() if size is None else (size,)))
    environ["test.left"] = left - sum(map(len, data) if isinstance(data, list) else [len(data)])


# Parts of an exchange

TOKEN = string.ascii_letters + string.digits + "!#$%&'*+-.^|~"
LATIN1 = st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc", "Cf"])
NOT_FREE = HOP_BY_HOP | {
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "host",
    "proxy-connection",
    "server",
    "set-cookie",
    "status",
}


def is_free(name: str) -> bool:
    return name.lower() not in NOT_FREE


words = st.text(LATIN1.filter(lambda char: not char.isspace()), min_size=1, max_size=8)
names = st.builds(
    lambda text, end: text + end,
    st.text(TOKEN, max_size=8),
    st.sampled_from(string.ascii_letters + string.digits),
).filter(is_free)
values = st.lists(words, max_size=3).map(" ".join)
reasons = st.lists(words, min_size=1, max_size=3).map(" ".join)
codes = st.sampled_from(
    ["200", "201", "203", "206", "301", "303", "400", "401", "404", "418", "500", "503", "599"]
)
methods = st.one_of(
    st.sampled_from([b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"QUERY"]),
    st.text(TOKEN, min_size=1, max_size=9)
    .filter(lambda text: text not in ("HEAD", "CONNECT"))
    .map(str.encode),
)
paths = st.lists(st.binary(max_size=4), max_size=3).map(
    lambda parts: b"/" + b"/".join(quote_from_bytes(part).encode() for part in parts)
)
queries = st.text(string.ascii_letters + "=&%+?/", max_size=9).map(str.encode)
blocks = st.lists(st.binary(max_size=12), max_size=4)
sizes = st.one_of(st.none(), st.integers(0, 12))
reads = st.lists(
    st.tuples(st.sampled_from(["read", "readline", "readlines", "iterate"]), sizes), max_size=4
)
# What a server may leave out, add, or say otherwise.
environs = st.fixed_dictionaries(
    {},
    optional={
        "REMOTE_PORT": st.just(ABSENT),
        "GATEWAY_INTERFACE": st.just(ABSENT),
        "SERVER_PROTOCOL": st.sampled_from(["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"]),
        "SERVER_NAME": st.sampled_from(["localhost", "127.0.0.1", "::1", "a_b.example"]),
        "SERVER_PORT": st.integers(0, 65535).map(str),
        # A hyphen alone stands for no user, and then there would be no such key.
        "REMOTE_USER": words.filter(lambda text: text != "-"),
        "REQUEST_URI": values,
        "HTTP_X_EMPTY": st.just(""),
        "wsgi.url_scheme": st.sampled_from(["http", "https"]),
        "wsgi.multithread": st.sampled_from([True, 1, "yes"]),
        "wsgi.multiprocess": st.sampled_from([True, False, 0, None]),
        "wsgi.run_once": st.booleans(),
        "wsgi.file_wrapper": st.just(ABSENT),
        "wsgi.input_terminated": st.just(ABSENT),
        "test.object": st.builds(object),
    },
)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a request, with a body or without."""
    fields = draw(st.lists(st.tuples(names, values), max_size=4))
    target = draw(paths)
    if query := draw(queries):
        target += b"?" + query
    return {
        "method": draw(methods),
        "target": target,
        "version": draw(st.sampled_from([b"1.0", b"1.1"])),
        "fields": [(name.encode(), value.encode("latin-1")) for name, value in fields],
        "body": draw(st.one_of(st.just(b""), st.binary(max_size=20))),
        "parts": draw(st.integers(1, 3)),
        "gone_after": draw(st.sampled_from([None, None, None, 0, 1])),
    }


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    """Draw a valid exchange."""
    made = Exchange(
        request=draw(requests()),
        changes=draw(environs),
        headers=draw(st.lists(st.tuples(names, values), max_size=4)),
        reads=draw(reads),
        logged=draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=9)),
        restart=draw(st.booleans()),
        edits=draw(st.booleans()),
    )
    if draw(st.sampled_from([True, False, False])):
        no_body(draw, made)
    else:
        body(draw, made)
    return made


def no_body(draw: st.DrawFn, made: Exchange) -> None:
    """Draw a response that has no body."""
    made.status = draw(st.sampled_from(["204 No Content", "304 Not Modified"]))
    made.shape = draw(st.sampled_from(sorted(SHAPES)))
    if made.status.startswith("304") and draw(st.booleans()):
        made.headers.append(("Content-Length", "5"))


def body(draw: st.DrawFn, made: Exchange) -> None:
    """Draw a response with a body, and with its length or without."""
    made.status = f"{draw(codes)} {draw(reasons)}"
    made.blocks = draw(blocks)
    made.deferred = draw(st.sampled_from([True, False, False]))
    if not made.deferred:
        made.shape = draw(st.sampled_from(sorted(SHAPES)))
        made.writes = draw(st.one_of(st.just([]), blocks))
    if draw(st.booleans()):
        total = sum(map(len, made.blocks + made.writes))
        made.headers.append(("Content-Length", str(total)))
        # The answer to HEAD may do without the body that its length is of.
        if made.request["method"] == b"HEAD" and draw(st.booleans()):
            made.blocks, made.writes = [], []
    if draw(st.booleans()):
        made.headers.append(("Content-Type", "text/plain"))
