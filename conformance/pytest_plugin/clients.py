"""Where the test clients call an application, and how to put a validator there.

A client is looked for among the modules that are imported already, so none is imported for it. Its
own attributes stay as they are: users take ``client.application`` or ``app.app`` for their own.
"""

from __future__ import annotations

import functools
import sys
from types import SimpleNamespace
from typing import Any, Callable

__all__ = ["Clients"]

Wrapper = Callable[[Any], Any]


class Clients:
    """Puts a wrapper around the application of every request that a known test client makes.

    Args:
        wrap: given an application, returns what is to be called instead of it.
    """

    def __init__(self, wrap: Wrapper) -> None:
        self.wrap = wrap
        self._waiting = dict(PATCHES)
        self._undo: list[tuple[Any, str, Any]] = []

    def patch(self) -> None:
        """Change the clients that were imported since the last time."""
        for name in [name for name in self._waiting if name in sys.modules]:
            self._waiting.pop(name)(self, sys.modules[name])

    def restore(self) -> None:
        """Make all clients as they were."""
        while self._undo:
            holder, name, old = self._undo.pop()
            if old is _ABSENT:
                delattr(holder, name)
            else:
                setattr(holder, name, old)
        self._waiting = dict(PATCHES)

    def replace(self, holder: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Replace a function of a module or a class by what ``make`` makes of it.

        A release of the client that has no such function is left alone: its requests are not
        counted then, and the summary says that there were none.
        """
        found = getattr(holder, name, None)
        if found is not None:
            self.put(holder, name, functools.wraps(found)(make(found)))

    def put(self, holder: Any, name: str, value: Any) -> None:
        """Set an attribute until ``restore`` is called."""
        self._undo.append((holder, name, vars(holder).get(name, _ABSENT)))
        setattr(holder, name, value)


_ABSENT = object()


def _shadow(thing: Any, **changes: Any) -> Any:
    """Return an object of the same class with the same attributes, but for some.

    For the time of one call: to change the object itself would be seen by other threads.
    """
    shadow = object.__new__(type(thing))
    vars(shadow).update(vars(thing))
    vars(shadow).update(changes)
    return shadow


def _werkzeug(clients: Clients, module: Any) -> None:
    """``werkzeug.test.Client``, and with it Flask's."""

    def make(run: Any) -> Any:
        def run_wsgi_app(self: Any, *args: Any, **kwargs: Any) -> Any:
            checked = clients.wrap(self.application)
            return run(_shadow(self, application=checked), *args, **kwargs)

        return run_wsgi_app

    clients.replace(module.Client, "run_wsgi_app", make)


def _httpx(clients: Clients, module: Any) -> None:
    """``httpx.WSGITransport``."""

    def make(handle: Any) -> Any:
        def handle_request(self: Any, *args: Any, **kwargs: Any) -> Any:
            return handle(_shadow(self, app=clients.wrap(self.app)), *args, **kwargs)

        return handle_request

    clients.replace(module.WSGITransport, "handle_request", make)


def _webtest(clients: Clients, module: Any) -> None:
    """``webtest.TestApp``, within its lint where that is on."""

    def make_lint(middleware: Any) -> Any:
        def checked(application: Any, *args: Any, **kwargs: Any) -> Any:
            inner = clients.wrap(application)
            linted = middleware(inner, *args, **kwargs)
            if inner is not application:
                linted.wsgi_conformance_within = True
            return linted

        return checked

    def make_call(call: Any) -> Any:
        def call_application(self: Any, application: Any, *args: Any, **kwargs: Any) -> Any:
            if not hasattr(application, "wsgi_conformance_within"):
                application = clients.wrap(application)
            return call(self, application, *args, **kwargs)

        return call_application

    clients.replace(module.lint, "middleware", make_lint)
    clients.replace(module.TestRequest, "call_application", make_call)


def _falcon(clients: Clients, module: Any) -> None:
    """``falcon.testing``, within the ``wsgiref.validate`` that it calls every application by."""
    found = getattr(module, "wsgiref", None)
    if found is None:
        return

    def validator(application: Any) -> Any:
        return found.validate.validator(clients.wrap(application))

    inner = SimpleNamespace(validate=SimpleNamespace(validator=validator))
    clients.put(module, "wsgiref", inner)


PATCHES: dict[str, Callable[[Clients, Any], None]] = {
    "werkzeug.test": _werkzeug,
    "webtest.app": _webtest,
    "httpx": _httpx,
    "falcon.testing.client": _falcon,
}
