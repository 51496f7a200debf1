"""What stands in for ``wsgi.input``, ``wsgi.errors`` and ``wsgi.file_wrapper`` during a request.

Each hands on whatever the server's own object has, checks what the PEP names, and says which other
names were used (PEP 3333, Input and Error Streams; Optional Platform-Specific File Handling).
"""

from __future__ import annotations

import io
import sys
from typing import Any, Iterable, Iterator

from conformance.validation.findings import caller, show

__all__ = [
    "UNLIMITED",
    "Errors",
    "FileWrapper",
    "Input",
    "errors_classes",
    "input_classes",
    "make_errors_class",
    "make_input_class",
    "put_exchange",
    "put_stream",
]

UNLIMITED = sys.maxsize
BOUND = 64
SIZE_RULES = {
    ("read", False): "input-read-without-size",
    ("readline", True): "input-readline-size",
    ("readlines", False): "input-readlines-hint-omittable",
}
ABSENT = object()
# What says that something is not there, rather than that it went wrong.
UNSUPPORTED = (NotImplementedError, io.UnsupportedOperation, TypeError)


class Stream:
    """What both streams have in common: any other attribute is the server's own."""

    __slots__ = ("_exchange", "_stream")
    _key = _rule = ""

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._stream, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._stream, name)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._stream, name)
        if name[:2] == "__":
            return found
        if name == "close":
            return self._refuse_to_close
        exchange = self._exchange
        said = f"{self._key}.{name}"
        if exchange.once((self._rule, said)):
            if exchange.lookups is None:
                exchange.lookups = {}
            exchange.lookups[self._rule, said] = caller()
        if not callable(found):
            return found

        def recorded(*args: Any, **kwargs: Any) -> Any:
            self._used(said)
            return found(*args, **kwargs)

        return recorded

    def _used(self, said: str) -> None:
        exchange = self._exchange
        if exchange.lookups is not None:
            exchange.lookups.pop((self._rule, said), None)
        if exchange.once((self._rule, said, "called")):
            expected = "the methods that PEP 3333 lists, and no others"
            exchange.record(self._rule, expected, f"{said}() called", where=caller())

    def _refuse_to_close(self) -> None:
        rule = self._key[5:] + "-not-closed"
        if self._exchange.once((rule, "")):
            expected = f"{self._key} left open for the server to close"
            self._exchange.record(rule, expected, "close() called", where=caller())

    def _raised(self, name: str, args: Any, error: BaseException) -> None:
        """Look at what a method of the server's raised when it was called as the PEP has it."""
        self._exchange.servers_error = error
        if isinstance(error, UNSUPPORTED):
            rule = f"{self._key[5:]}-{name}-supported".replace("__iter__", "iteration")
            level = None
            if isinstance(error, TypeError) and self._key == "wsgi.input":
                # Whether the argument can be left out, or given, is a rule of its own.
                rule = SIZE_RULES.get((name, bool(args)), rule)
                level = "SHOULD" if name == "readlines" and args else None
            if self._exchange.once((rule, "raised")):
                expected = f"{self._key}.{name}({'size' if args else ''}) to work"
                self._exchange.record(rule, expected, show(error), level)


# An attribute that is set on a stand-in is the stream's, but for these two.
put_exchange = vars(Stream)["_exchange"].__set__
put_stream = vars(Stream)["_stream"].__set__


class Input(Stream):
    """``wsgi.input``, counted and typed; the exchange keeps the count."""

    __slots__ = ()
    _key = "wsgi.input"
    _rule = "input-listed-methods-only"

    def read(self, size: Any = ABSENT, /, *more: Any, **kwargs: Any) -> Any:
        """Read as the server's ``read()`` does."""
        exchange = self._exchange
        # Quicker to look up than this object's own, which any name may be an attribute of.
        stream = exchange.stream
        if (
            more
            or kwargs
            or type(size) is not int
            or not 0 <= size <= exchange.remaining
            or stream is None
        ):
            return self._read_otherwise(*(() if size is ABSENT else (size, *more)), **kwargs)
        try:
            data = stream.read(size)
        except BaseException as error:
            self._raised("read", (size,), error)
            raise
        if type(data) is bytes and len(data) <= size:
            exchange.remaining -= len(data)
        else:
            exchange.guarded(self._check, "read()", data, size)
        return data

    def _read_otherwise(self, *args: Any, **kwargs: Any) -> Any:
        exchange = self._exchange
        exchange.guarded(self._look_at_call, "read", args, kwargs)
        data = self._forward("read", args, kwargs)
        size = args[0] if args and type(args[0]) is int else -1
        exchange.guarded(self._check, "read()", data, size)
        return data

    def readline(self, *args: Any, **kwargs: Any) -> Any:
        """Read as the server's ``readline()`` does."""
        exchange = self._exchange
        exchange.guarded(self._look_at_call, "readline", args, kwargs)
        data = self._forward("readline", args, kwargs)
        exchange.guarded(self._check, "readline()", data)
        return data

    def readlines(self, *args: Any, **kwargs: Any) -> Any:
        """Read as the server's ``readlines()`` does."""
        exchange = self._exchange
        exchange.guarded(self._look_at_call, "readlines", args, kwargs)
        lines = self._forward("readlines", args, kwargs)
        exchange.guarded(self._check_lines, lines)
        return lines

    def _check_lines(self, lines: Any) -> None:
        if isinstance(lines, (list, tuple)):
            for line in lines:
                self._check("an item of readlines()", line)
        else:
            self._server("input-returns-bytes", "a list of bytes from readlines()", show(lines))

    def __iter__(self) -> Iterator[Any]:
        try:
            lines = iter(self._stream)
        except BaseException as error:
            self._raised("__iter__", (), error)
            raise
        while True:
            try:
                line = next(lines)
            except StopIteration:
                return
            except BaseException as error:
                self._raised("__iter__", (), error)
                raise
            self._exchange.guarded(self._check, "iteration", line)
            yield line

    def _forward(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return getattr(self._stream, name)(*args, **kwargs)
        except BaseException as error:
            if not kwargs and len(args) < 2:
                self._raised(name, args, error)
            self._exchange.servers_error = error
            raise

    def _look_at_call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Look at arguments that are not one plain number within the limit."""
        if kwargs or len(args) > 1 or (args and not isinstance(args[0], (int, type(None)))):
            if self._exchange.once(("arguments", name)):
                expected = f"wsgi.input.{name}() with at most a size, by position"
                observed = f"arguments {show(args)} {show(kwargs) if kwargs else ''}".rstrip()
                self._exchange.record(self._rule, expected, observed, "undefined", where=caller())
        elif (
            name == "read"
            and args
            and args[0] is not None
            and args[0] > self._exchange.remaining >= 0
        ):
            rule = "input-no-overread"
            if self._exchange.once((rule, "")):
                expected = "no more asked for than CONTENT_LENGTH leaves"
                observed = f"read({args[0]}) with {self._exchange.remaining} bytes left"
                self._exchange.record(rule, expected, observed, where=caller())

    def _check(self, what: str, data: Any, size: int = -1) -> None:
        if isinstance(data, bytes):
            self._exchange.remaining -= len(data)
            if len(data) > size >= 0:
                expected = f"at most the {size} bytes asked for"
                self._server("input-read-semantics", expected, f"{len(data)} bytes")
            if type(data) is not bytes:
                expected = f"bytes, and no subclass, from {what}"
                self._server("input-returns-bytes", expected, type(data).__name__, "SHOULD")
        else:
            self._server("input-returns-bytes", f"bytes from {what}", show(data))

    def _server(self, rule: str, expected: str, observed: str, level: str | None = None) -> None:
        if self._exchange.once((rule, expected)):
            self._exchange.record(rule, expected, observed, level)


class _Managed:
    """For streams that can stand in a ``with`` statement: its end closes them."""

    __slots__ = ()

    def __enter__(self: Any) -> Any:
        return self

    def __exit__(self: Any, *exception: Any) -> None:
        self._refuse_to_close()


class _Iterator:
    """For streams that are iterators of their own."""

    __slots__ = ()

    def __next__(self: Any) -> Any:
        self._used(f"{self._key}.__next__")
        line = next(self._stream)
        self._exchange.guarded(self._check, "next()", line)
        return line


class Errors(Stream):
    """``wsgi.errors``; what is written goes straight on."""

    __slots__ = ()
    _key = "wsgi.errors"
    _rule = "errors-listed-methods-only"

    def write(self, *args: Any, **kwargs: Any) -> Any:
        """Write as the server's ``write()`` does."""
        if args and (type(args[0]) is not str or args[0][-2:] == "\r\n"):
            self._exchange.guarded(self._check, args[0])
        self._exchange.unflushed = True
        return self._forward("write", args, kwargs)

    def writelines(self, *args: Any, **kwargs: Any) -> Any:
        """Write as the server's ``writelines()`` does."""
        self._exchange.unflushed = True
        if len(args) == 1 and not kwargs:
            texts = args[0]
            if type(texts) in (list, tuple):
                for text in texts:
                    self._exchange.guarded(self._check, text)
            elif type(texts) is not str:
                return self._forward("writelines", (self._checked(texts),), kwargs)
        return self._forward("writelines", args, kwargs)

    def flush(self, *args: Any, **kwargs: Any) -> Any:
        """Flush as the server's ``flush()`` does."""
        self._exchange.unflushed = False
        return self._forward("flush", args, kwargs)

    def _forward(self, name: str, args: Any, kwargs: Any) -> Any:
        try:
            return getattr(self._stream, name)(*args, **kwargs)
        except BaseException as error:
            # Of what is not text the server may say what it likes.
            if not kwargs and (name == "flush") == (not args):
                self._exchange.guarded(self._look_at_error, name, args, error)
            self._exchange.servers_error = error
            raise

    def _look_at_error(self, name: str, args: Any, error: BaseException) -> None:
        seen = self._exchange.seen or ()
        if ("errors-written-native-str", "") not in seen:
            self._raised(name, args, error)

    def _checked(self, texts: Iterable[Any]) -> Iterator[Any]:
        for text in texts:
            if type(text) is not str or text[-2:] == "\r\n":
                self._exchange.guarded(self._check, text)
            yield text

    def _check(self, text: Any) -> None:
        exchange = self._exchange
        if not isinstance(text, str):
            if exchange.once(("errors-written-native-str", "")):
                expected = "a str for wsgi.errors"
                exchange.record("errors-written-native-str", expected, show(text), where=caller())
        elif text[-2:] == "\r\n" and exchange.once(("errors-newline-plain", "")):
            expected = "a line that ends in a newline alone"
            exchange.record("errors-newline-plain", expected, show(text[-40:]), where=caller())


input_classes: dict[type, Any] = {}
errors_classes: dict[type, Any] = {}
"""Type of stream -> its stand-in, as far as it was asked for before."""


def make_input_class(kind: type) -> Any:
    """Return the stand-in for a type of ``wsgi.input``: with its special methods, and no others."""
    bases = (Input,) if not hasattr(kind, "__next__") else (_Iterator, Input)
    return _make(input_classes, kind, bases)


def make_errors_class(kind: type) -> Any:
    """Return the stand-in for a type of ``wsgi.errors``, likewise."""
    return _make(errors_classes, kind, (Errors,))


def _make(table: dict[type, Any], kind: type, bases: tuple[type, ...]) -> Any:
    managed = (_Managed,) if hasattr(kind, "__exit__") else ()
    if len(table) >= BOUND:
        table.clear()
    table[kind] = made = type(bases[-1].__name__, (*managed, *bases), {"__slots__": ()})
    return made


class FileWrapper:
    """``wsgi.file_wrapper``: calls the server's own and returns just what that returned."""

    __slots__ = ("_exchange", "_wrapped")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        exchange = self._exchange
        if kwargs or len(args) not in (1, 2):
            expected = "a file-like object and perhaps a block size, by position"
            observed = f"{len(args)} arguments and keywords {sorted(map(str, kwargs))}"
            rule = "file-wrapper-called-positionally"
            exchange.record(rule, expected, observed, where=caller())
        filelike = args[0] if args else None
        if args:
            exchange.guarded(self._check_argument, filelike)
        try:
            result = self._wrapped(*args, **kwargs)
        except TypeError as error:
            # Raised by the call itself, so the server's own takes other arguments.
            traceback = error.__traceback__
            if traceback is not None and traceback.tb_next is None and not kwargs:
                rule = "file-wrapper-" + (
                    "one-argument" if len(args) == 1 else "block-size-accepted"
                )
                if len(args) in (1, 2):
                    exchange.record(rule, f"a call with {len(args)} arguments", show(error))
            raise
        if exchange.files is None:
            exchange.files = []
        exchange.files.append(result)
        if args:
            exchange.guarded(self._check_result, filelike, result)
        return result

    def _check_argument(self, filelike: Any) -> None:
        if not callable(getattr(filelike, "read", None)):
            expected = "an object with read()"
            rule = "file-wrapper-object-has-read"
            self._exchange.record(rule, expected, show(filelike), where=caller())
        elif isinstance(filelike, io.TextIOBase):
            expected = "an object whose read() returns bytes"
            observed = f"a file in text mode, {show(filelike)}"
            rule = "file-wrapper-object-binary"
            self._exchange.record(rule, expected, observed, where=caller())

    def _check_result(self, filelike: Any, result: Any) -> None:
        exchange = self._exchange
        kind = type(result)
        if not hasattr(kind, "__iter__") and not hasattr(kind, "__getitem__"):
            exchange.record("file-wrapper-is-iterable", "an iterable", show(result))
        if callable(getattr(filelike, "close", None)) and not callable(
            getattr(result, "close", None)
        ):
            expected = "a close(), as the wrapped object has one"
            exchange.record("file-wrapper-close-present", expected, "none")

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, self._wrapped)

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, self._wrapped)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)
