"""Callables that play the server within a process: test clients, and bridges from ASGI.

Each is used as its own documentation says, and given a request as ``conformance.driver.memory``
has it. What comes back is told in the same terms as of any server.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import unquote_to_bytes

from conformance.driver.memory import Request, Seen

__all__ = ["BRIDGES", "Bridge", "Perform"]

Perform = Callable[[Any, Request], Seen]
"""Sends a request to a WSGI application; nothing that the application raises gets out."""

# A bridge that waits for what never comes is given up after so many seconds.
LONGEST_WAIT = 10.0


@dataclass(frozen=True, slots=True)
class Bridge:
    """A callable server.

    Attributes:
        name: of the package and of what of it is meant.
        title, homepage: for people. package: name of its distribution.
        perform: uses it; raises ImportError where the package is not there.
        threaded: whether it calls the application in a thread of its own.
    """

    name: str
    title: str
    homepage: str
    package: str
    perform: Perform
    threaded: bool = False

    @property
    def version(self) -> str | None:
        """The installed version, or None where the package is not installed."""
        with suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(self.package)
        return None


def text_fields(request: Request) -> list[tuple[str, str]]:
    """Return the header fields as text."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.fields]


def base(request: Request) -> str:
    """Return scheme, host and port of the URL."""
    host, port = request.server
    return f"{request.scheme}://{host}:{port}"


def set_head(seen: Seen, status: int, fields: Any, reason: str = "") -> None:
    """Take status and headers, whatever type of text they are."""
    seen.status, seen.reason = status, reason.encode("latin-1")
    seen.fields = [
        (
            name if isinstance(name, bytes) else str(name).encode("latin-1"),
            value if isinstance(value, bytes) else str(value).encode("latin-1"),
        )
        for name, value in fields
    ]


def by_werkzeug(application: Any, request: Request) -> Seen:
    """Use ``werkzeug.test.Client`` as a context, which closes the response."""
    from werkzeug.test import Client

    seen = Seen()
    try:
        response = Client(application, use_cookies=False).open(
            request.target.decode("latin-1"),
            base_url=base(request),
            method=request.method.decode("latin-1"),
            headers=text_fields(request),
            data=request.body or None,
        )
        try:
            reason = response.status.partition(" ")[2]
            set_head(seen, response.status_code, response.headers, reason)
            blocks: Any = response.response
            seen.parts += blocks
            seen.ended = "finished"
        finally:
            response.close()
    except Exception as error:
        seen.error = error
    return seen


def by_webtest(application: Any, request: Request) -> Seen:
    """Use ``webtest.TestApp``, its own lint turned off."""
    webtest: Any = import_module("webtest")  # has no types

    seen = Seen()
    try:
        response = webtest.TestApp(application, lint=False).request(
            request.target.decode("latin-1"),
            base_url=base(request),
            method=request.method.decode("latin-1"),
            headers=text_fields(request),
            body=request.body,
            status="*",
            expect_errors=True,
        )
        reason = response.status.partition(" ")[2]
        set_head(seen, response.status_code, response.headerlist, reason)
        seen.parts = [response.body]
        seen.log = str(response.errors or "")
        seen.ended = "finished"
    except Exception as error:
        seen.error = error
    return seen


def by_httpx(application: Any, request: Request) -> Seen:
    """Use ``httpx.WSGITransport`` with a streamed response, which is closed."""
    import httpx

    seen = Seen()
    try:
        with (
            httpx.Client(transport=httpx.WSGITransport(application)) as client,
            client.stream(
                request.method.decode("latin-1"),
                base(request) + request.target.decode("latin-1"),
                headers=text_fields(request),
                content=request.body,
            ) as response,
        ):
            set_head(seen, response.status_code, response.headers.raw, response.reason_phrase)
            seen.parts += response.iter_raw()
            seen.ended = "finished"
    except Exception as error:
        seen.error = error
    return seen


def by_asgiref(application: Any, request: Request) -> Seen:
    """Use ``asgiref.wsgi.WsgiToAsgi``."""
    wsgi: Any = import_module("asgiref.wsgi")  # has types, and this class none
    return by_asgi(wsgi.WsgiToAsgi(application), request)


def by_a2wsgi(application: Any, request: Request) -> Seen:
    """Use ``a2wsgi.WSGIMiddleware``."""
    from a2wsgi import WSGIMiddleware

    made = WSGIMiddleware(application)
    try:
        return by_asgi(made, request)
    finally:
        made.executor.shutdown()


def by_asgi(application: Any, request: Request) -> Seen:
    """Run an ASGI application for one request; its exceptions are kept."""
    seen = Seen()
    try:
        asyncio.run(asyncio.wait_for(_exchange(application, request, seen), LONGEST_WAIT))
    except Exception as error:
        seen.error = error
        seen.ended = seen.ended or "aborted"
    return seen


async def _exchange(application: Any, request: Request, seen: Seen) -> None:
    """Play the ASGI server: hand out the body, take the response (ASGI 3, HTTP 2.3)."""
    path, _, query = request.target.partition(b"?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": request.version.decode("latin-1"),
        "method": request.method.decode("latin-1"),
        "scheme": request.scheme,
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.fields],
        "client": request.client,
        "server": request.server,
    }
    bodies = [{"type": "http.request", "body": request.body, "more_body": False}]
    over = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if bodies:
            return bodies.pop()
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            if seen.status is not None:
                raise RuntimeError("the response was started twice")
            set_head(seen, message["status"], message.get("headers", ()))
        elif message["type"] == "http.response.body":
            if seen.status is None:
                raise RuntimeError("body before the response was started")
            if seen.ended is not None:
                raise RuntimeError("body after its end")
            if message.get("body"):
                seen.parts.append(message["body"])
            if not message.get("more_body", False):
                seen.ended = "finished"
                over.set()

    try:
        await application(scope, receive, send)
    finally:
        over.set()


BRIDGES: dict[str, Bridge] = {
    each.name: each
    for each in (
        Bridge(
            "werkzeug-client",
            "werkzeug.test.Client",
            "https://werkzeug.palletsprojects.com/en/stable/test/",
            "werkzeug",
            by_werkzeug,
        ),
        Bridge(
            "webtest",
            "webtest.TestApp",
            "https://docs.pylonsproject.org/projects/webtest/",
            "webtest",
            by_webtest,
        ),
        Bridge(
            "httpx",
            "httpx.WSGITransport",
            "https://www.python-httpx.org/advanced/transports/",
            "httpx",
            by_httpx,
        ),
        Bridge(
            "asgiref",
            "asgiref.wsgi.WsgiToAsgi",
            "https://github.com/django/asgiref",
            "asgiref",
            by_asgiref,
            threaded=True,
        ),
        Bridge(
            "a2wsgi",
            "a2wsgi.WSGIMiddleware",
            "https://github.com/abersheeran/a2wsgi",
            "a2wsgi",
            by_a2wsgi,
            threaded=True,
        ),
    )
}
"""The bridges that are known, by name."""
