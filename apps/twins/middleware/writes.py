"""Middlewares at fault, or not, in what they do with write()."""

from __future__ import annotations

from conformance.driver.middleware_twins import bad_middleware, good_middleware

from ._steps import Steps


@good_middleware("middleware-write-relay-only", "middleware-returns-write")
def relays_write(app):
    """Hands written data on, in a function of its own."""

    def middleware(environ, start_response):
        def start(*arguments):
            write = start_response(*arguments)
            return lambda data: write(data)

        return app(environ, start)

    return middleware


@good_middleware("middleware-returns-write", "middleware-write-not-for-yields")
def yields_written(app):
    """Holds written data back and gives it before the application's blocks."""

    def middleware(environ, start_response):
        held = []

        def start(*arguments):
            start_response(*arguments)
            return held.append

        class Before(Steps):
            def __next__(self):
                return held.pop(0) if held else super().__next__()

        return Before(app(environ, start))

    return middleware


@bad_middleware("middleware-returns-write")
def returns_no_write(app):
    """Its start_response returns nothing."""

    def middleware(environ, start_response):
        def start(*arguments):
            start_response(*arguments)

        return app(environ, start)

    return middleware


@bad_middleware("middleware-returns-write")
def loses_written(app):
    """Its write() takes data and throws them away."""

    def middleware(environ, start_response):
        def start(*arguments):
            start_response(*arguments)
            return lambda data: None

        return app(environ, start)

    return middleware


@bad_middleware("middleware-write-not-for-yields", also=["middleware-conforms-both-sides"])
def writes_yields(app):
    """Pushes what the application yields through the server's write()."""

    def middleware(environ, start_response):
        writes = []

        def start(*arguments):
            writes.append(start_response(*arguments))
            return writes[-1]

        class Writing(Steps):
            def __next__(self):
                item = super().__next__()
                if item and writes:
                    writes[-1](item)
                return b""

        return Writing(app(environ, start))

    return middleware


@bad_middleware(
    "middleware-write-relay-only",
    also=[
        "middleware-accepts-third-argument",
        "middleware-conforms-both-sides",
        "middleware-write-not-for-yields",
        "middleware-transform-checks-encoding",
        "middleware-transform-decided-late",
    ],
)
def writes_banner(app):
    """Writes something of its own before anything else."""

    def middleware(environ, start_response):
        def start(status, headers, *error):
            headers = [item for item in headers if item[0].lower() != "content-length"]
            write = start_response(status, headers, *error)
            if status.startswith("200") and environ["REQUEST_METHOD"] != "HEAD" and not error:
                write(b"A word from our sponsor. ")
            return write

        return app(environ, start)

    return middleware
