"""Middlewares at fault, or not, in how they end, and in when they start."""

from __future__ import annotations

import sys

from conformance.driver.middleware_twins import bad_middleware, good_middleware


@bad_middleware("middleware-closes-inner-iterable")
def plain_generator(app):
    """Is a generator: closed before its first step, it never comes to its finally."""

    def middleware(environ, start_response):
        def items(result):
            try:
                yield from result
            finally:
                close = getattr(result, "close", None)
                if close is not None:
                    close()

        return items(app(environ, start_response))

    return middleware


@bad_middleware("middleware-closes-inner-iterable")
def never_closes(app):
    """Passes each value on in a generator and never closes."""

    def middleware(environ, start_response):
        return (item for item in app(environ, start_response))

    return middleware


@bad_middleware("middleware-closes-inner-iterable")
def closes_iterator_alone(app):
    """Closes the iterator it made, and not the object that the application returned."""

    class Wrapped:
        def __init__(self, result):
            self.items = map(bytes, result)

        def __iter__(self):
            return self.items

        def close(self):
            close = getattr(self.items, "close", None)
            if close is not None:
                close()

    return lambda environ, start_response: Wrapped(app(environ, start_response))


@bad_middleware("middleware-closes-inner-iterable", level="SHOULD")
def closes_twice(app):
    """Closes at the end of the iteration and again in close()."""

    class Wrapped:
        def __init__(self, result):
            self.close = getattr(result, "close", lambda: None)
            self.result = result

        def __iter__(self):
            yield from self.result
            self.close()

    return lambda environ, start_response: Wrapped(app(environ, start_response))


@bad_middleware("middleware-closes-inner-iterable")
def drops_error_pages(app):
    """Replaces responses with status 404 and forgets the application's iterable."""

    def middleware(environ, start_response):
        seen = []

        def start(status, headers, *error):
            seen[:] = [status]
            return start_response(status, headers, *error)

        result = app(environ, start)
        if seen and seen[0].startswith("404"):
            return [b"not found, as a page"]
        return result

    return middleware


@good_middleware("middleware-closes-inner-iterable")
def replaces_error_pages(app):
    """Replaces responses with status 404 and closes what the application returned."""

    def middleware(environ, start_response):
        seen = []

        def start(status, headers, *error):
            seen[:] = [status]
            return start_response(status, headers, *error)

        result = app(environ, start)
        if seen and seen[0].startswith("404"):
            close = getattr(result, "close", None)
            if close is not None:
                close()
            return [b"not found, as a page"]
        return result

    return middleware


@bad_middleware("middleware-accepts-deferred-start", also=["middleware-closes-inner-iterable"])
def reads_status_at_once(app):
    """Takes the status for granted when the application has returned."""

    def middleware(environ, start_response):
        seen = {}

        def start(status, headers, *error):
            seen["status"] = status
            return start_response(status, headers, *error)

        result = app(environ, start)
        environ["wsgi.errors"].write(seen["status"] + "\n")
        return result

    return middleware


@bad_middleware("middleware-accepts-deferred-start")
def starts_too_early(app):
    """Starts the response itself as soon as the application has returned, with what it then has."""

    def middleware(environ, start_response):
        seen = []

        def start(status, headers, exc_info=None):
            seen.append((status, headers))
            return lambda data: None

        result = app(environ, start)
        if not seen:
            raise RuntimeError("the application did not start its response")
        start_response(*seen[-1])
        return result

    return middleware


starts_too_early._middleware_twin["also"] = (
    "middleware-returns-write",
    "middleware-second-call-raises",
    "middleware-swallow-keeps-arguments",
    "middleware-transform-decided-late",
    "middleware-closes-inner-iterable",
    "middleware-conforms-both-sides",
)


@good_middleware("middleware-accepts-deferred-start")
def logs_at_the_end(app):
    """Logs the status when the response is over, whenever that became known."""

    def middleware(environ, start_response):
        seen = {}

        def start(status, headers, *error):
            seen["status"] = status
            return start_response(status, headers, *error)

        class Logged:
            def __init__(self, result):
                self.result = result

            def __iter__(self):
                return iter(self.result)

            def close(self):
                environ["wsgi.errors"].write(seen.get("status", "no status") + "\n")
                close = getattr(self.result, "close", None)
                if close is not None:
                    close()

        return Logged(app(environ, start))

    return middleware


@good_middleware("middleware-closes-inner-iterable", "middleware-accepts-deferred-start")
def catches_errors(app):
    """Makes a response of its own where the application raises, with exc_info, as it has to be."""

    class Catching:
        def __init__(self, environ, start_response):
            self.start_response = start_response
            self.result = None
            self.iterator = None
            try:
                self.result = app(environ, start_response)
            except Exception:
                self.iterator = iter([self.page()])

        def page(self):
            self.start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
            return b"an error page"

        def __iter__(self):
            return self

        def __next__(self):
            try:
                if self.iterator is None:
                    self.iterator = iter(self.result)
                return next(self.iterator)
            except StopIteration:
                raise
            except Exception:
                self.iterator = iter(())
                return self.page()

        def close(self):
            close = getattr(self.result, "close", None)
            if close is not None:
                close()

    return Catching
