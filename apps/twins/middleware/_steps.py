"""What the middlewares here share: an iterator over an application's iterable."""

from __future__ import annotations


class Steps:
    """Base: an iterator over an application's iterable, with close()."""

    def __init__(self, result):
        self.result = result
        self.items = iter(result)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.items)

    def close(self):
        close = getattr(self.result, "close", None)
        if close is not None:
            close()


def around(steps):
    """Return a middleware that wraps the application's iterable."""

    def wrap(app):
        return lambda environ, start_response: steps(app(environ, start_response))

    return wrap
