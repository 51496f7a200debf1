"""One call of an application: what was asked of it, what it did, and what was found.

An exchange belongs to one request and is shared with none. What it holds it lets go of when the
request is over.
"""

from __future__ import annotations

import warnings
from typing import Any

from conformance.validation.findings import (
    ConformanceError,
    ConformanceWarning,
    Finding,
    defined_at,
    show,
)
from conformance.validation.response import TYPE
from conformance.validation.streams import (
    UNLIMITED,
    FileWrapper,
    errors_classes,
    input_classes,
    make_errors_class,
    make_input_class,
    put_exchange,
    put_stream,
)

__all__ = ["Exchange"]

new = object.__new__
# These end a request from outside, or are the validator's own.
NOT_THE_APPLICATIONS = (GeneratorExit, KeyboardInterrupt, SystemExit, ConformanceError)


class Exchange:
    """The state of one request.

    Attributes:
        calls: how often ``start_response`` was called, also where that raised.
        plain: whether there was one call so far, and nothing about it to be looked at again.
        code, kinds: of the last head (``response.read_head``); 0 before the first.
        remaining: how many bytes of the request's body CONTENT_LENGTH leaves to be read.
        unflushed: whether text was written to ``wsgi.errors`` after its last ``flush()``.
        limit: how many bytes the body may have, ``UNLIMITED`` where that is open.
        no_content: whether the status allows no content.
        hop: whether the last head had a header that the server should have refused.
        written, writes: bytes and calls of ``write()``.
        head_out: whether data was handed to the server.
        late, late_item: what ``start_response`` raised when it was called with exc_info after
            that, and the last item that had been yielded then.
        servers_error: what the server's own callables raised last.
        files: what ``wsgi.file_wrapper`` returned.
        lookups: names of stream attributes that were asked for and, so far, not called.
        state, closes: how far the iteration of the result is, and how often it was closed.
        closable: whether the server can close what it gets for the result.
        counted: whether the items of the result are counted.
        closing: whether the result's ``close()`` runs.
        with_exc_info: whether the last call of ``start_response`` had a third argument.
        pending: findings to be raised or warned of where only the server can see it.
        input, errors, wrapper: what stands in for the server's own.
        stream, errors_stream, wrapped: the server's own.
        result: what the application returned, where that is stood in for.
    """

    # Attributes in slots are read in half the time that defaults of a class take.
    __slots__ = (
        "calls",
        "closable",
        "closes",
        "closing",
        "code",
        "counted",
        "environ",
        "errors",
        "errors_stream",
        "files",
        "forward",
        "head_out",
        "hop",
        "input",
        "kinds",
        "late",
        "late_item",
        "limit",
        "lookups",
        "no_content",
        "pending",
        "plain",
        "remaining",
        "request",
        "result",
        "seen",
        "servers_error",
        "state",
        "stream",
        "unflushed",
        "validator",
        "with_exc_info",
        "wrapped",
        "wrapper",
        "write_to",
        "writes",
        "written",
    )

    def __init__(self, validator: Any, environ: Any, forward: Any) -> None:
        self.validator = validator
        self.environ = environ
        self.forward = forward
        self.calls = self.code = self.kinds = self.written = self.writes = self.closes = 0
        self.limit = self.remaining = UNLIMITED
        self.plain = self.head_out = self.no_content = self.hop = self.unflushed = False
        self.closing = self.closable = self.counted = self.with_exc_info = False
        self.late: BaseException | None = None
        self.servers_error: BaseException | None = None
        self.pending: list[Finding] | None = None
        self.files: list[Any] | None = None
        self.seen: set[Any] | None = None
        self.lookups: dict[Any, str] | None = None
        self.input: Any = None
        self.errors: Any = None
        self.wrapper: Any = None
        self.stream: Any = None
        self.errors_stream: Any = None
        self.wrapped: Any = None
        self.result: Any = None
        self.write_to: Any = None
        self.late_item: Any = None
        self.request = ""
        self.state = "not begun"

    def record(
        self,
        rule: str,
        expected: str,
        observed: str,
        level: str | None = None,
        where: Any = "",
    ) -> None:
        """Keep a finding, at the rule's own level where none is given.

        Args:
            where: ``file:line``, or a callable or generator whose place is to be named.
        """
        request = self.request or self.describe()
        if type(where) is not str:
            where = self.guarded(defined_at, where) or ""
        finding = self.validator.found(rule, level, expected, observed, where, request)
        if finding is not None:
            if self.pending is None:
                self.pending = []
            self.pending.append(finding)

    def record_all(self, problems: Any, where: Any = "") -> None:
        """Keep all of some problems."""
        for problem in problems or ():
            self.record(problem.rule, problem.expected, problem.observed, problem.level, where)

    def once(self, key: Any) -> bool:
        """Whether this is the first time in this request that a key is asked about."""
        if self.seen is None:
            self.seen = set()
        if key in self.seen:
            return False
        self.seen.add(key)
        return True

    def guarded(self, check: Any, *args: Any) -> Any:
        """Run a check; where that fails itself, it is kept apart and the request goes on."""
        try:
            return check(*args)
        except Exception as error:
            self.validator.failed(error)

    def get(self, key: str, otherwise: Any = None) -> Any:
        """Return a value of environ, whatever kind of thing that is."""
        try:
            return self.environ.get(key, otherwise)
        except Exception:
            return otherwise

    def is_head(self) -> bool:
        """Whether the request is for the head alone."""
        try:
            method = self.environ.get("REQUEST_METHOD")
        except Exception:
            return False
        return type(method) is str and method == "HEAD"

    def describe(self) -> str:
        """Return method and path of the request, for people."""
        if self.environ is None:
            return "a request that had ended"
        parts = []
        for key in ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO"):
            value = self.get(key, "")
            parts.append(value if type(value) is str else show(value))
        text = f"{parts[0]} {parts[1] + parts[2]}"[:200]
        # What a client sent goes into logs and terminals from here.
        self.request = text if text.isascii() and text.isprintable() else ascii(text)[1:-1]
        return self.request

    def deliver(self, cause: BaseException | None = None) -> None:
        """Warn of and raise what waits for that; called where only the server can see it.

        Errors:
            ConformanceError: a MUST was broken and ``report`` is ``"raise"``.
        """
        pending, self.pending = self.pending, None
        musts = []
        for finding in pending or ():
            if finding.must and self.validator.report == "raise":
                musts.append(finding)
            else:
                warnings.warn(str(finding), ConformanceWarning, stacklevel=3)
        if musts:
            raise ConformanceError(tuple(musts)) from cause

    def replace_streams(self, environ: Any) -> None:
        """Put the stand-ins into environ, for as long as the application may use them.

        Raises anything where environ is far from being one; what was replaced till then stays so.
        """
        length = environ.get("CONTENT_LENGTH")
        if length and length.isascii() and length.isdecimal() and len(length) <= 18:
            self.remaining = int(length)  # what else int() would take is found elsewhere
        stream = self.stream = environ["wsgi.input"]
        kind = input_classes.get(type(stream)) or make_input_class(type(stream))
        # Made without __init__(), whose call takes as long as all the rest.
        made: Any = new(kind)
        put_exchange(made, self)
        put_stream(made, stream)
        self.input = environ["wsgi.input"] = made
        stream = self.errors_stream = environ["wsgi.errors"]
        kind = errors_classes.get(type(stream)) or make_errors_class(type(stream))
        made = new(kind)
        put_exchange(made, self)
        put_stream(made, stream)
        self.errors = environ["wsgi.errors"] = made
        wrapper = environ.get("wsgi.file_wrapper")
        if wrapper is not None and callable(wrapper):
            made = new(FileWrapper)
            made._exchange = self
            made._wrapped = self.wrapped = wrapper
            self.wrapper = environ["wsgi.file_wrapper"] = made

    def finish(self) -> None:
        """End the request: put the streams back, and let go of all that was the request's."""
        environ = self.environ
        if environ is None:
            return
        validator = self.validator
        if self.lookups is not None:
            self.guarded(self.say_what_was_looked_up)
        if validator.notes:
            self.guarded(self.take_notes)
        if validator.active:
            validator.active.pop(id(self), None)
        try:
            # What the application put in their place is left there.
            made = self.input
            if made is not None and environ.get("wsgi.input") is made:
                environ["wsgi.input"] = self.stream
            made = self.errors
            if made is not None and environ.get("wsgi.errors") is made:
                environ["wsgi.errors"] = self.errors_stream
            made = self.wrapper
            if made is not None and environ.get("wsgi.file_wrapper") is made:
                environ["wsgi.file_wrapper"] = self.wrapped
        except Exception as error:
            if type(environ) is dict:
                validator.failed(error)
        self.environ = self.forward = self.write_to = self.result = None
        self.input = self.errors = self.wrapper = None
        self.stream = self.errors_stream = self.wrapped = None
        self.late = self.late_item = self.servers_error = self.files = None

    def say_what_was_looked_up(self) -> None:
        """Report what was looked up on a stream, and not called: that is the lesser thing."""
        lookups, self.lookups = self.lookups or {}, None
        for (rule, name), where in lookups.items():
            expected = "the methods that PEP 3333 lists, and no others"
            self.record(rule, expected, f"{name} looked up", "SHOULD NOT", where)

    def take_notes(self) -> None:
        """Note what is no finding."""
        if self.unflushed:
            expected = "flush() after the last write, where the text is needed"
            self.record("errors-flush-when-needed", expected, "none", "undefined")
        if self.writes:
            expected = "output by the iterable"
            observed = f"{self.writes} calls of write() for {self.written} bytes"
            for rule in ("write-avoided", "write-avoided-by-frameworks"):
                self.record(rule, expected, observed, "undefined")

    # What the application did

    def application_raised(self, error: BaseException) -> None:
        """Look at what left the application: its callable, its iterator or its ``close()``.

        Errors:
            ConformanceError: as ``deliver`` does, caused by the error.
        """
        late = self.late
        if isinstance(error, NOT_THE_APPLICATIONS):
            pass
        elif late is not None and error is not late:
            expected = f"the {type(late).__name__} that start_response raised"
            observed = f"a {type(error).__name__} in its place"
            self.record("start-response-error-propagates", expected, observed)
        elif error is not late and error is not self.servers_error and self.validator.notes:
            expected = "its own errors trapped by the application"
            observed = show(error)
            self.record("errors-trapped-by-application", expected, observed, "undefined")
        self.late = None
        if self.pending:
            self.deliver(error)

    def went_on(self, item: Any = None) -> None:
        """Look at an application that went on after ``start_response`` had raised with exc_info.

        Args:
            item: the last that its iterable has given.
        """
        late, self.late = self.late, None
        expected = f"the {type(late).__name__} from start_response left to end the request"
        self.record("start-response-error-not-trapped", expected, "it was trapped")
        if item and item is not self.late_item:
            expected = "no further data once the error could not be shown"
            self.record("app-no-late-error-page", expected, show(item))

    def data_begins(self, where: Any = "") -> None:
        """Look at the first data of a response, before the server gets it."""
        self.head_out = True
        if self.calls and self.kinds & TYPE and not (self.no_content or self.validator.notes):
            return
        if not self.calls:
            expected = "start_response called before the first data"
            self.record("start-response-before-body", expected, "not called yet", where=where)
        elif self.no_content:
            expected = f"no content with {self.code}"
            self.record("http-no-content-empty", expected, "data", where=where)
        elif self.is_head():
            self.record("http-head-empty", "no content for HEAD", "data", "undefined", where)
        elif not self.kinds & TYPE:
            expected = "a Content-Type, as there is content"
            self.record("http-content-type-present", expected, "none", None, where)

    def exceeded(self, total: int, where: Any = "") -> None:
        """Say, once, that there is more data than was announced."""
        if self.once("content-length-not-exceeded"):
            expected = f"the {self.limit} bytes that Content-Length announces"
            self.record(
                "content-length-not-exceeded", expected, f"{total} bytes or more", None, where
            )

    def odd_item(self, item: Any, where: Any = "") -> int:
        """Look at an item that is not exactly bytes; return how many bytes it stands for."""
        return self.guarded(self._look_at_item, item, where) or 0

    def _look_at_item(self, item: Any, where: Any) -> int:
        if isinstance(item, bytes):
            if self.once("a subclass of bytes"):
                expected = "bytes, and no subclass"
                observed = type(item).__name__
                self.record("iterable-yields-bytes", expected, observed, "SHOULD", where)
            return len(item)
        if self.once("iterable-yields-bytes"):
            observed = f"{type(item).__name__} {show(item)}"
            self.record("iterable-yields-bytes", "bytes", observed, None, where)
        return len(item) if isinstance(item, (bytearray, str)) else 0

    def body_ended(self, yielded: int, where: Any = "") -> None:
        """Look at a body that has come to its end by itself.

        After an error of the server's own, such as that of a client gone, it may be cut short.

        Args:
            yielded: bytes that the iterable gave, or 1 for any where there is no limit; those of
                ``write()`` are counted apart.
        """
        total = yielded + self.written
        if not self.calls:
            if not total:
                expected = "start_response called, also where there is no data"
                self.record("start-response-always-called", expected, "never", where=where)
        elif total < self.limit < UNLIMITED and self.servers_error is None:
            expected = f"the {self.limit} bytes that Content-Length announces"
            self.record("content-length-delivered-in-full", expected, f"{total} bytes", None, where)
