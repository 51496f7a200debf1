"""The sample site in WebOb: request and response objects around a plain function."""

from collections.abc import Callable, Iterator
from pathlib import Path

from webob import Request, Response, exc
from webob.dec import wsgify
from webob.static import FileApp

CLEANED: list[str] = []
SQUARES = Path(__file__).with_name("squares.csv")


def plain(text: str) -> Response:
    return Response(text, content_type="text/plain", charset="utf-8")


def text(request: Request) -> Response:
    return plain("Hello from a WSGI application.\n")


def json(request: Request) -> Response:
    return Response(json={"ok": True, "name": "café"})


def stream(request: Request) -> Response:
    def lines() -> Iterator[bytes]:
        try:
            for word in (b"one", b"two", b"three"):
                yield word + b"\n"
        finally:
            CLEANED.append("stream")

    return Response(app_iter=lines(), content_type="text/plain")


def upload(request: Request) -> Response:
    return Response(request.body, content_type="application/octet-stream")


def elsewhere(request: Request) -> Response:
    return exc.HTTPFound(location=request.application_url + "/text")


def cookies(request: Request) -> Response:
    response = plain(request.cookies.get("fruit", "none") + "\n")
    response.set_cookie("fruit", "apple")
    response.set_cookie("colour", "red")
    return response


def cafe(request: Request) -> Response:
    return plain("café\n")


def empty(request: Request) -> Response:
    return exc.HTTPNoContent()


def error(request: Request) -> Response:
    raise RuntimeError("as asked for")


def form(request: Request) -> Response:
    return plain(request.POST["name"] + "\n")


VIEWS: dict[tuple[str, str], Callable[[Request], Response] | FileApp] = {
    ("GET", "/text"): text,
    ("GET", "/json"): json,
    ("GET", "/stream"): stream,
    ("POST", "/upload"): upload,
    ("GET", "/download"): FileApp(str(SQUARES), content_type="text/csv"),
    ("GET", "/redirect"): elsewhere,
    ("GET", "/cookies"): cookies,
    ("GET", "/café"): cafe,
    ("GET", "/empty"): empty,
    ("GET", "/error"): error,
    ("POST", "/form"): form,
}


@wsgify
def app(request: Request) -> Response | FileApp:
    method = "GET" if request.method == "HEAD" else request.method
    view = VIEWS.get((method, request.path_info))
    if view is None:
        known = any(path == request.path_info for _, path in VIEWS)
        raise exc.HTTPMethodNotAllowed() if known else exc.HTTPNotFound()
    return view if isinstance(view, FileApp) else view(request)
