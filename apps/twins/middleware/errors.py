"""Middlewares at fault, or not, in the calls of start_response that tell of an error."""

from __future__ import annotations

from conformance.driver.middleware_twins import bad_middleware, good_middleware

KEPT = []


@bad_middleware("middleware-accepts-third-argument")
def takes_two_arguments(app):
    """Its start_response takes status and headers and nothing else."""

    def middleware(environ, start_response):
        return app(environ, lambda status, headers: start_response(status, headers))

    return middleware


@bad_middleware("middleware-accepts-third-argument")
def drops_third_argument(app):
    """Its start_response passes every call on without exc_info."""

    def middleware(environ, start_response):
        def start(status, headers, exc_info=None):
            return start_response(status, headers)

        return app(environ, start)

    return middleware


drops_third_argument._middleware_twin["also"] = (
    "middleware-transform-decided-late",
    "middleware-conforms-both-sides",
)


@good_middleware(
    "middleware-accepts-third-argument",
    "middleware-second-call-raises",
    "middleware-drops-exc-info",
    exempt=["middleware-swallow-keeps-arguments"],
)
def passes_third_argument(app):
    """Its start_response adds a header and passes all it is given on."""

    def middleware(environ, start_response):
        def start(status, headers, exc_info=None):
            try:
                headers = [*headers, ("X-Twin", "1")]
                if exc_info:
                    return start_response(status, headers, exc_info)
                return start_response(status, headers)
            finally:
                exc_info = None

        return app(environ, start)

    return middleware


class Deferred:
    """Base: keeps the application's call, and makes it when the first data are there."""

    swallow = False
    strict = True

    def __init__(self, app, environ, start_response):
        self.start_response = start_response
        self.kept = None
        self.writes = None
        self.written = []
        self.result = app(environ, self.start)
        self.items = None

    def start(self, status, headers, exc_info=None):
        try:
            if self.writes is not None and exc_info and not self.swallow:
                return self.start_response(status, headers, exc_info)
            if self.kept is not None and not exc_info and self.strict:
                raise AssertionError("start_response was called before")
            self.kept = (status, headers)
        finally:
            exc_info = None
        return self.written.append

    def begin(self):
        if self.writes is None and self.kept is not None:
            self.writes = self.start_response(*self.kept)

    def __iter__(self):
        return self

    def __next__(self):
        if self.written:
            self.begin()
            return self.written.pop(0)
        if self.items is None:
            self.items = iter(self.result)
        try:
            item = next(self.items)
        except StopIteration:
            self.begin()
            raise
        if item:
            self.begin()
        return item

    def close(self):
        close = getattr(self.result, "close", None)
        if close is not None:
            close()


@good_middleware(
    "middleware-second-call-raises",
    "middleware-accepts-third-argument",
    "middleware-drops-exc-info",
    "middleware-returns-write",
)
def starts_late(app):
    """Makes the application's call with the first data, so that it can be replaced until then."""
    return lambda environ, start_response: Deferred(app, environ, start_response)


@bad_middleware("middleware-second-call-raises")
def takes_second_call(app):
    """Keeps the last call, however many there are."""

    class Lenient(Deferred):
        strict = False

    return lambda environ, start_response: Lenient(app, environ, start_response)


@good_middleware(
    "middleware-swallow-keeps-arguments",
    "middleware-accepts-third-argument",
    exempt=["middleware-drops-exc-info"],
)
def swallows_error_calls(app):
    """Lets a late call with exc_info return, and keeps its arguments, the exception among them."""

    class Swallowing(Deferred):
        swallow = True

        def start(self, status, headers, exc_info=None):
            self.error = exc_info
            return super().start(status, headers, exc_info)

    return lambda environ, start_response: Swallowing(app, environ, start_response)


@bad_middleware("middleware-swallow-keeps-arguments", also=["middleware-returns-write"])
def swallows_and_gives_none(app):
    """Lets a late call with exc_info return, and returns no write()."""

    class Swallowing(Deferred):
        swallow = True

        def start(self, status, headers, exc_info=None):
            late = self.writes is not None
            write = super().start(status, headers, exc_info)
            return None if late else write

    return lambda environ, start_response: Swallowing(app, environ, start_response)


@bad_middleware("middleware-drops-exc-info")
def keeps_exc_info(app):
    """Keeps exc_info, say, for a log."""

    def middleware(environ, start_response):
        def start(status, headers, exc_info=None):
            if exc_info:
                KEPT[:] = [exc_info]
                return start_response(status, headers, exc_info)
            return start_response(status, headers)

        return app(environ, start)

    return middleware
