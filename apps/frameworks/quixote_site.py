"""The sample site in Quixote: a directory object that exports its pages."""

import json as json_format
import threading
from collections.abc import Iterator
from pathlib import Path

from quixote import get_cookie, get_field, get_request, get_response, redirect
from quixote.directory import Directory
from quixote.errors import TraversalError
from quixote.http_request import HTTPRequest
from quixote.http_response import Stream
from quixote.publish import Publisher
from quixote.util import StaticFile
from quixote.wsgi import QWIP

CLEANED: list[str] = []
SQUARES = Path(__file__).with_name("squares.csv")


class Site(Directory):
    _q_exports = (
        "text",
        "json",
        "stream",
        "upload",
        "download",
        ("redirect", "elsewhere"),
        "cookies",
        # Quixote leaves the path as WSGI has it: bytes, shown as Latin-1.
        ("café".encode().decode("latin-1"), "cafe"),
        "empty",
        "error",
        "form",
    )

    download = StaticFile(str(SQUARES), mime_type="text/csv")

    def text(self) -> str:
        get_response().set_content_type("text/plain", "utf-8")
        return "Hello from a WSGI application.\n"

    def json(self) -> str:
        get_response().set_content_type("application/json", "utf-8")
        return json_format.dumps({"ok": True, "name": "café"})

    def stream(self) -> Stream:
        def lines() -> Iterator[bytes]:
            try:
                for word in (b"one", b"two", b"three"):
                    yield word + b"\n"
            finally:
                CLEANED.append("stream")

        get_response().set_content_type("text/plain", "utf-8")
        return Stream(lines())

    def upload(self) -> bytes:
        get_response().set_content_type("application/octet-stream")
        request = get_request()
        return request.stdin.read(int(request.get_environ("CONTENT_LENGTH") or 0))

    def elsewhere(self) -> str:
        return redirect("text")

    def cookies(self) -> str:
        response = get_response()
        response.set_content_type("text/plain", "utf-8")
        response.set_cookie("fruit", "apple")
        response.set_cookie("colour", "red")
        return get_cookie("fruit", "none") + "\n"

    def cafe(self) -> str:
        get_response().set_content_type("text/plain", "utf-8")
        return "café\n"

    def empty(self) -> str:
        get_response().set_status(204)
        return ""

    def error(self) -> str:
        raise RuntimeError("as asked for")

    def form(self) -> str:
        get_response().set_content_type("text/plain", "utf-8")
        return get_field("name") + "\n"

    def _q_lookup(self, component: str) -> None:
        raise TraversalError(f"no page {component}")


class ThreadedPublisher(Publisher):
    """Keeps a request for each thread: what Quixote asks of those who use threaded servers."""

    is_thread_safe = True

    def __init__(self, *arguments: object, **settings: object) -> None:
        self._local = threading.local()
        super().__init__(*arguments, **settings)

    def _set_request(self, request: HTTPRequest) -> None:
        self._local.request = request

    def _clear_request(self) -> None:
        self._local.request = None

    def get_request(self) -> HTTPRequest | None:
        return getattr(self._local, "request", None)


app = QWIP(ThreadedPublisher(Site(), display_exceptions=None))
