"""``start_response`` and ``write`` as the application gets them.

Each looks, and then calls the server's own with just the same arguments
(PEP 3333, The start_response() Callable; The write() Callable; Error Handling).
"""

from __future__ import annotations

import sys
from types import FunctionType, MethodType
from typing import Any

from conformance.validation.body import body_on_stack
from conformance.validation.exchange import Exchange
from conformance.validation.findings import caller, show
from conformance.validation.response import (
    BODILESS,
    declared_length,
    exc_info_problems,
    head_problems,
    kinds_of,
    read_head,
)
from conformance.validation.streams import ABSENT, UNLIMITED

__all__ = ["ABSENT", "Starting"]

HOP_RULES = (
    "http-hop-headers-not-sent",
    "http-http10-equivalents-not-used",
    "http-persistence-headers-not-sent",
)
REFERENCES_COUNT = (
    sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()
)


class Starting(Exchange):
    """An exchange with the callables that it lends to the application."""

    __slots__ = ()

    def start_response(
        self, status: Any = ABSENT, headers: Any = ABSENT, /, *more: Any, **kwargs: Any
    ) -> Any:
        """Stand in for the server's ``start_response``."""
        again = self.calls
        self.calls = again + 1
        if more or kwargs or headers is ABSENT or again:
            given = (each for each in (status, headers) if each is not ABSENT)
            return self.unusual_start(again, (*given, *more), kwargs)
        try:
            code, length, self.kinds, good = read_head(status, headers)
        except Exception:
            good = False
        if not good or self.validator.notes:
            self.guarded(self.look_closely, status, headers)
        else:
            self.plain = True
            self.code = code
            if length >= 0 and not self.is_head():
                self.limit = length
        forward = self.forward
        try:
            write = forward(status, headers)
        except BaseException as error:
            self.servers_error = error
            raise
        if self.hop:
            self.hop_passed()
        kind = type(write)
        if kind is MethodType or (kind is FunctionType and not write.__dict__):
            self.write_to = write
            return self.write
        return self.stand_in(write, "start-response-returns-write")

    def look_closely(self, status: Any, headers: Any) -> None:
        """Say what is wrong with a head, and take from it what can be taken."""
        problems = head_problems(status, headers, self.get("SERVER_PROTOCOL"))
        where = caller() if problems else ""
        self.record_all(problems, where)
        code = status[:3] if isinstance(status, str) else ""
        self.code = int(code) if code.isascii() and code.isdecimal() else 0
        self.kinds = kinds_of(headers)
        self.no_content = self.code in BODILESS or 100 <= self.code < 200
        self.hop = any(
            problem.rule in HOP_RULES and "proxy-connection" not in problem.observed.lower()
            for problem in problems
        )
        if self.validator.notes and self.code >= 500 and self.calls == 1:
            self.note_error(where or caller())
        self.limit = UNLIMITED
        length = declared_length(headers)
        if length >= 0 and not self.no_content and not self.is_head():
            self.limit = length

    def note_error(self, where: str) -> None:
        """Note an error response from where an exception is being handled, without exc_info."""
        error = sys.exc_info()[1]
        if error is None or error.__traceback__ is None or self.with_exc_info:
            return
        # That the application handles it shows in its frames: one of them caught it.
        caught_in = error.__traceback__.tb_frame
        frame: Any = sys._getframe(1)
        while frame is not None and frame.f_code is not self.validator.entrance:
            if frame is caught_in:
                expected = "exc_info, as an error is being handled"
                rule = "start-response-exc-info-supplied"
                self.record(rule, expected, show(error), "undefined", where)
                return
            frame = frame.f_back

    def hop_passed(self) -> None:
        """Say that the server let a header pass that it should have refused."""
        expected = "an exception from start_response for a hop-by-hop header"
        self.record("http-hop-by-hop-raises", expected, "it returned")

    def unusual_start(self, again: int, args: Any, kwargs: Any) -> Any:
        """Stand in for a call that is not the first one with two arguments by position."""
        self.plain = False
        where = caller()
        if kwargs or not 2 <= len(args) <= 3:
            expected = "status, headers and perhaps exc_info, by position"
            observed = f"{len(args)} by position, keywords {sorted(map(str, kwargs))}"
            rule = "start-response-called-positionally"
            self.record(rule, expected, observed, where=where)
        exc_info = args[2] if len(args) > 2 else kwargs.get("exc_info")
        problems: Any = ()
        if exc_info is not None:
            problems = self.guarded(exc_info_problems, exc_info)
            self.record_all(problems, where)
        elif again:
            refused = self.servers_error is not None and not self.head_out
            rule = "start-response-no-plain-retry" if refused else "start-response-no-second-call"
            self.record(rule, "exc_info with any further call", "none", where=where)
        self.with_exc_info = exc_info is not None
        if len(args) > 1:
            self.guarded(self.look_closely, args[0], args[1])
        genuine = exc_info is not None and problems == [] and not kwargs and len(args) == 3
        before = _references(exc_info) if genuine else ()
        try:
            write = self.forward(*args, **kwargs)
        except BaseException as error:
            self.servers_error = error
            if genuine:
                self.guarded(self.start_raised, args, error)
            raise
        if genuine and before and any(map(int.__gt__, _references(exc_info), before)):
            expected = "exc_info let go of when start_response returns"
            self.record("start-response-drops-exc-info", expected, "another reference to it")
        if again and exc_info is None:
            expected = "an exception from a second call without exc_info"
            self.record("start-response-second-call-raises", expected, "it returned")
        if self.hop:
            self.hop_passed()
        early = exc_info is not None and not self.head_out
        return self.stand_in(
            write,
            "start-response-error-returns-write" if early else "start-response-returns-write",
        )

    def start_raised(self, args: Any, error: BaseException) -> None:
        """Look at what the server raised when it was called with exc_info."""
        if self.head_out:
            self.late = error
            frame = body_on_stack(self)
            self.late_item = frame.f_locals.get("item") if frame is not None else None
            if error is not args[2][1]:
                # Middleware may raise an exception of its own, and cannot be told from a server.
                rule = "start-response-reraises-given-error"
                expected = "the exception that was passed in"
                self.record(rule, expected, show(error), "undefined")
        elif not head_problems(args[0], args[1], self.get("SERVER_PROTOCOL")):
            expected = "a write callable, as nothing has been output yet"
            self.record("start-response-error-returns-write", expected, show(error))

    def stand_in(self, write: Any, rule: str) -> Any:
        """Return what the application gets for the server's ``write``."""
        if not callable(write):
            expected = "a callable from start_response"
            self.record(rule, expected, show(write))
            return write
        return Write(self, write)

    def write(self, *args: Any, **kwargs: Any) -> Any:
        """Stand in for the server's ``write`` that the first call returned."""
        return self.write_by(self.write_to, args, kwargs)

    def write_by(self, write: Any, args: Any, kwargs: Any) -> Any:
        """Look at a call of ``write``, and hand it on."""
        where = caller()
        if kwargs or len(args) != 1:
            expected = "one argument, by position"
            observed = f"{len(args)} by position, keywords {sorted(map(str, kwargs))}"
            self.record("write-called-positionally", expected, observed, where=where)
        data = args[0] if args else b""
        over = self.guarded(self.look_at_data, data, where)
        try:
            result = write(*args, **kwargs)
        except BaseException as error:
            self.servers_error = error
            raise
        if over:
            expected = "an exception from write() beyond the Content-Length"
            self.record("content-length-excess-write-raises", expected, "it returned")
        return result

    def look_at_data(self, data: Any, where: str) -> bool:
        """Look at what is written; return whether it exceeds the Content-Length."""
        self.writes += 1
        if type(data) is not bytes:
            level = "SHOULD" if isinstance(data, bytes) else None
            expected = "bytes" + (", and no subclass" if level else "")
            self.record("write-argument-bytes", expected, show(data), level, where)
        if body_on_stack(self) is not None:
            expected = "no write() from within the iterable"
            self.record("write-not-from-iterable", expected, "a call while it runs", None, where)
        elif self.closing or self.environ is None:
            expected = "no write() when the iterable is done"
            observed = "a call in close() or after it"
            self.record("write-not-from-iterable", expected, observed, "SHOULD", where)
        if not isinstance(data, (bytes, bytearray)) or not data:
            return False
        if not self.head_out:
            self.data_begins(where)
        if self.late is not None:
            self.record("app-no-late-error-page", "no further data", "write()", None, where)
        self.written += len(data)
        if self.written <= self.limit:
            return False
        self.exceeded(self.written, where)
        return True


class Write:
    """A ``write`` that has attributes, or is one of several."""

    __slots__ = ("_exchange", "_write")

    def __init__(self, exchange: Starting, write: Any) -> None:
        self._exchange = exchange
        self._write = write

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._exchange.write_by(self._write, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._write, name)


def _references(exc_info: Any) -> tuple[int, ...]:
    """Return how often exception and traceback are referred to, where that can be known."""
    if not REFERENCES_COUNT:
        return ()
    return sys.getrefcount(exc_info[1]), sys.getrefcount(exc_info[2])
