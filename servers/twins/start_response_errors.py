"""Twins of the rules in PEP 3333 about exc_info, before and after the headers are sent."""

from __future__ import annotations

from typing import Any

from conformance.reference import Gateway
from conformance.reference.twins import bad_twin, good_twin


@bad_twin("start-response-third-arg", also=("start-response-error-first-call",))
class TakesTwoArguments(Gateway):
    """start_response takes just two arguments, for the path /third-argument alone."""

    def start_response(self, *arguments: Any) -> Any:
        if len(arguments) > 2 and self.request.target == b"/third-argument":
            raise TypeError("start_response takes two arguments")
        return super().start_response(*arguments)


@bad_twin("start-response-error-first-call", also=("start-response-error-returns-write",))
class RaisesOnFirstError(Gateway):
    """A first call with exc_info raises what it was given."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        if exc_info and not self.started:
            raise exc_info[1]
        return super().start_response(status, fields, exc_info)


@bad_twin("start-response-error-replaces-headers")
class MergesHeaders(Gateway):
    """A call with exc_info adds its headers to those of the first call, lengths apart."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        old = [field for field in self.fields if field[0].lower() != "content-length"]
        return super().start_response(status, [*old, *fields] if old else fields, exc_info)


@bad_twin("start-response-error-replaces-status", also=("start-response-error-body-sent",))
class KeepsStatus(Gateway):
    """A call with exc_info and an X-New header leaves the first call's status in place."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        old = self.status
        write = super().start_response(status, fields, exc_info)
        if old and ("X-New", "1") in fields:
            self.status = old
        return write


@bad_twin("start-response-error-body-sent")
class KeepsLength(Gateway):
    """The Content-Length of the first call limits the body of the second."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        old = self.length
        write = super().start_response(status, fields, exc_info)
        self.length = old if self.length is None else self.length
        return write


@bad_twin("start-response-late-error-raises", also=("start-response-reraises-given-error",))
class IgnoresLateError(Gateway):
    """A call with exc_info is ignored once the headers are out."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        if exc_info and self.head_sent:
            return self.write
        return super().start_response(status, fields, exc_info)


@bad_twin("start-response-reraises-given-error")
class RaisesItsOwn(Gateway):
    """A call with exc_info after the headers raises an error of the server's own."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        if exc_info and self.head_sent:
            raise RuntimeError("headers already sent")
        return super().start_response(status, fields, exc_info)


@bad_twin("start-response-reraises-given-error")
class ForgetsTraceback(Gateway):
    """A call with exc_info after the headers raises the given error without its traceback."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        if exc_info and self.head_sent:
            raise exc_info[1].with_traceback(None)
        return super().start_response(status, fields, exc_info)


@bad_twin("start-response-reraises-given-error")
class RaisesCurrentError(Gateway):
    """A call with exc_info after the headers raises what is being handled, not what was given."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        if exc_info and self.head_sent:
            raise
        return super().start_response(status, fields, exc_info)


@good_twin("start-response-late-error-raises", "start-response-reraises-given-error")
class RaisesWithoutWith(Gateway):
    """Raises the given error as it is; its traceback grows at the front."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        if exc_info and self.head_sent:
            raise exc_info[1]
        return super().start_response(status, fields, exc_info)


@bad_twin("start-response-error-returns-write")
class WriteThatDiscards(Gateway):
    """What a call with exc_info returns is callable and does nothing."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        write = super().start_response(status, fields, exc_info)
        return write if exc_info is None else len


@bad_twin("start-response-drops-exc-info")
class KeepsExcInfo(Gateway):
    """Keeps the last exc_info to be able to log it."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        self.kept = exc_info
        return super().start_response(status, fields, exc_info)


@bad_twin("start-response-drops-exc-info")
class KeepsException(Gateway):
    """Keeps the exception of the last exc_info, and so its traceback."""

    def start_response(self, status: Any, fields: Any, exc_info: Any = None, /) -> Any:
        self.kept = exc_info and exc_info[1]
        return super().start_response(status, fields, exc_info)
