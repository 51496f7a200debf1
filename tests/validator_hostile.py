"""Objects that do not behave, and a server that lets an application and them do as they like."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SPECIAL = (
    "bool bytes call contains dir enter eq exit fspath ge getattribute getitem gt hash index int "
    "iter le len length_hint lt ne next repr setattr str sizeof format reversed await instancecheck"
)
# What a subclass of a builtin type needs to be made at all.
KEPT = ("getattribute", "setattr")
METHODS = (
    "append", "casefold", "copy", "count", "decode", "encode", "endswith", "find", "get", "index",
    "isascii", "isdecimal", "isdigit", "isprintable", "items", "join", "keys", "lower", "lstrip",
    "partition", "replace", "rstrip", "split", "startswith", "strip", "translate", "upper",
)  # fmt: skip


def failing(error: type[Exception]) -> Callable[..., Any]:
    def fail(*arguments: Any, **keywords: Any) -> Any:
        raise error("hostile")

    return fail


def hostile_type(error: type[Exception], *bases: type) -> type:
    """Return a type all of whose operations fail; of a builtin type, all that can."""
    fail = failing(error)
    names = [f"__{name}__" for name in SPECIAL.split() if not bases or name not in KEPT]
    if bases:
        names += METHODS
    return type("Hostile", bases, dict.fromkeys(names, fail))


class FailingMeta(type):
    """The type of types that do not even tell their name."""

    error: type[Exception] = ValueError

    def __getattribute__(cls, name: str) -> Any:
        raise FailingMeta.error("hostile")


def nameless(error: type[Exception]) -> Any:
    FailingMeta.error = error
    return FailingMeta("Nameless", (), {})


class Liar:
    """An object that says it is a str, and longer than anything."""

    __class__ = str  # type: ignore[assignment]

    def __len__(self) -> int:
        return 1 << 62

    def __repr__(self) -> str:
        return "liar"

    def __iter__(self) -> Any:
        return 5

    def __hash__(self) -> int:
        return 1 << 62

    def __eq__(self, other: object) -> Any:
        return self


class Wide:
    """An object whose repr is no str, whose length is none, and which has any attribute."""

    def __repr__(self) -> Any:
        return b"wide"

    def __len__(self) -> int:
        return -1

    def __getattr__(self, name: str) -> Any:
        return Wide()


def deep() -> Any:
    """Return a list nested far deeper than anything can recurse."""
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


def own() -> Any:
    """Return a list that holds itself."""
    value: list[Any] = []
    value.append(value)
    return value


DEEP = deep()
Kind = Callable[[type[Exception]], Any]
KINDS: dict[str, Kind] = {
    "failing": lambda error: hostile_type(error)(),
    "type": lambda error: hostile_type(error),
    "nameless": lambda error: nameless(error)(),
    "nameless type": nameless,
    "str": lambda error: hostile_type(error, str)("200 OK"),
    "bytes": lambda error: hostile_type(error, bytes)(b"data"),
    "bytearray": lambda error: hostile_type(error, bytearray)(b"data"),
    "list": lambda error: hostile_type(error, list)([("X", "1")]),
    "tuple": lambda error: hostile_type(error, tuple)(("X", "1")),
    "dict": lambda error: hostile_type(error, dict)({"X": "1"}),
    "int": lambda error: hostile_type(error, int)(200),
    "exception": lambda error: hostile_type(error, error)("hostile"),
    "generator": lambda error: (failing(error)() for _ in [1]),
    "function": failing,
    "liar": lambda error: Liar(),
    "wide": lambda error: Wide(),
    "deep": lambda error: DEEP,
    "own": lambda error: own(),
    "huge": lambda error: 10**5000,
    "surrogate": lambda error: "\udcff\ud800",
    "lines": lambda error: "one\r\ntwo \x1b[1m",
    "none": lambda error: None,
    "nan": lambda error: float("nan"),
    "long": lambda error: "9" * 5000,
    "true": lambda error: True,
}
ENVIRON = (
    "REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH",
    "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "HTTP_HOST", "HTTP_X", "HTTPS", "REMOTE_USER",
    "wsgi.version", "wsgi.url_scheme", "wsgi.input", "wsgi.errors", "wsgi.multithread",
    "wsgi.multiprocess", "wsgi.run_once", "wsgi.file_wrapper", "own.key", "OWN_KEY",
)  # fmt: skip
OTHERS = (
    "key", "environ", "start_response", "write", "status", "headers", "header", "name", "value",
    "length", "exc_info", "exc_type", "exc_value", "exc_traceback", "data", "result", "block",
    "read", "size", "line", "log", "wrapped", "raised", "application", "callable",
)  # fmt: skip
PLACES = {*ENVIRON, *OTHERS}


@dataclass(frozen=True)
class Hostility:
    """Which kinds of objects stand at which places."""

    chosen: dict[str, str]

    def at(self, place: str, error: type[Exception], default: Any) -> Any:
        """Return what stands at a place."""
        kind = self.chosen.get(place)
        return default if kind is None else KINDS[kind](error)


@dataclass
class Played:
    """What came of a request: each step and the name of what it raised, or ``""``."""

    steps: list[tuple[str, str]] = field(default_factory=list)

    def step(self, name: str, call: Callable[[], Any]) -> Any:
        """Do something, and remember how it ended."""
        try:
            result = call()
        except Exception as error:
            self.steps.append((name, type(error).__name__))
            return None
        self.steps.append((name, ""))
        return result


def play(hostility: Hostility, error: type[Exception], wrap: Callable[[Any], Any]) -> Played:
    """Run one request through an application, with hostile objects on both sides.

    Args:
        wrap: what is put around the application.
    """
    played = Played()
    scene = Scene(hostility, error, played)
    application = scene.at("callable", scene.application)
    environ, start_response = scene.environ(), scene.at("start_response", scene.start_response)
    result = played.step("call", lambda: wrap(application)(environ, start_response))
    if result is not None:
        # A loop does not tell whether it is iter() or the first next() that fails.
        iterator = Begun(result)
        for _ in range(4):
            played.step("next", lambda: next(iterator))
            if played.steps[-1][1]:
                break
        if played.step("has close", lambda: hasattr(result, "close")):
            played.step("close", lambda: result.close())
    return played


class Begun:
    """An iterator that asks for the iterator of a result when it is first asked itself."""

    def __init__(self, result: Any) -> None:
        self.result = result
        self.iterator: Any = None

    def __next__(self) -> Any:
        if self.iterator is None:
            self.iterator = iter(self.result)
        return next(self.iterator)


class Scene:
    """The server and the application of one request."""

    def __init__(self, hostility: Hostility, error: type[Exception], played: Played) -> None:
        self.hostility = hostility
        self.error = error
        self.played = played

    def at(self, place: str, default: Any = None) -> Any:
        return self.hostility.at(place, self.error, default)

    def has(self, place: str) -> bool:
        return place in self.hostility.chosen

    # The server

    def environ(self) -> Any:
        environ: dict[Any, Any] = {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/",
            "SERVER_NAME": "conformance.test",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_LENGTH": "9",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": self.stream() if self.has("line") else io.BytesIO(b"body\nbody"),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": lambda filelike, size=0: self.at("wrapped", [b"file"]),
        }
        for key in ENVIRON:
            if self.has(key):
                environ[key] = self.at(key)
        if self.has("key"):
            self.add_key(environ)
        return self.at("environ", environ)

    def add_key(self, environ: dict[Any, Any]) -> None:
        try:
            environ[self.at("key")] = "1"
        except Exception:
            environ[HashedOnce(self.error)] = "1"

    def stream(self) -> Any:
        stream = io.BytesIO()
        line = self.at("line")
        names = ("read", "readline", "readlines")
        methods = {name: lambda *arguments: line for name in names}
        return type("Stream", (), {**methods, "__iter__": lambda self: iter([line])})() or stream

    def start_response(self, status: Any, headers: Any, exc_info: Any = None) -> Any:
        if self.has("raised"):
            raised = self.at("raised")
            raise raised if issubclass(type(raised), BaseException) else self.error("raised")
        return self.at("write", lambda data: None)

    # The application

    def application(self, environ: Any, start_response: Any) -> Any:
        step = self.played.step
        if self.has("application"):
            return self.at("application")(environ, start_response)
        step("read", lambda: environ["wsgi.input"].read(self.at("size", 2)))
        step("line", lambda: environ["wsgi.input"].readline(self.at("size", 2)))
        step("lines", lambda: environ["wsgi.input"].readlines(self.at("size", 2)))
        step("all lines", lambda: list(environ["wsgi.input"]))
        step("log", lambda: environ["wsgi.errors"].write(self.at("log", "text")))
        step("logs", lambda: environ["wsgi.errors"].writelines([self.at("log", "text")]))
        step("all logs", lambda: environ["wsgi.errors"].writelines(self.at("log", ["text"])))
        step("wrap", lambda: environ["wsgi.file_wrapper"](self.at("read", io.BytesIO()), 9))
        write = step("start", lambda: start_response(*self.arguments()))
        step("again", lambda: start_response(*self.arguments(), self.exc_info()))
        step("write", lambda: write(self.at("data", b"data")))
        return self.at("result", [b"block", self.at("block", b"block")])

    def arguments(self) -> tuple[Any, Any]:
        header = (self.at("name", "X-Name"), self.at("value", "value"))
        headers = [("Content-Length", self.at("length", "99")), self.at("header", header)]
        return self.at("status", "200 OK"), self.at("headers", headers)

    def exc_info(self) -> Any:
        try:
            raise LookupError("trapped")
        except LookupError as error:
            parts = (LookupError, error, error.__traceback__)
        names = ("exc_type", "exc_value", "exc_traceback")
        return self.at(
            "exc_info", tuple(self.at(name, part) for name, part in zip(names, parts, strict=True))
        )


class HashedOnce:
    """A key that can be put into a dict and does not bear being looked at after that."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error
        self.hashed = False

    def __hash__(self) -> int:
        if self.hashed:
            raise self.error("hostile")
        self.hashed = True
        return hash("REQUEST_METHOD") + 1

    def __eq__(self, other: object) -> bool:
        raise self.error("hostile")
