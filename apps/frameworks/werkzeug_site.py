"""The sample site in Werkzeug: a map of URLs, request and response objects, and no more."""

import json as json_format
from collections.abc import Callable, Iterator
from pathlib import Path

from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.routing import Map, MapAdapter, Rule
from werkzeug.utils import redirect, send_file
from werkzeug.wrappers import Request, Response

CLEANED: list[str] = []
SQUARES = Path(__file__).with_name("squares.csv")


def text(request: Request, urls: MapAdapter) -> Response:
    return Response("Hello from a WSGI application.\n")


def json(request: Request, urls: MapAdapter) -> Response:
    value = {"ok": True, "name": "café"}
    return Response(json_format.dumps(value), mimetype="application/json")


def stream(request: Request, urls: MapAdapter) -> Response:
    def lines() -> Iterator[str]:
        try:
            for word in ("one", "two", "three"):
                yield word + "\n"
        finally:
            CLEANED.append("stream")

    return Response(lines())


def upload(request: Request, urls: MapAdapter) -> Response:
    return Response(request.get_data(), mimetype="application/octet-stream")


def download(request: Request, urls: MapAdapter) -> Response:
    return send_file(SQUARES, request.environ, mimetype="text/csv")


def elsewhere(request: Request, urls: MapAdapter) -> Response:
    return redirect(urls.build("text"))


def cookies(request: Request, urls: MapAdapter) -> Response:
    response = Response(request.cookies.get("fruit", "none") + "\n")
    response.set_cookie("fruit", "apple")
    response.set_cookie("colour", "red")
    return response


def cafe(request: Request, urls: MapAdapter) -> Response:
    return Response("café\n")


def empty(request: Request, urls: MapAdapter) -> Response:
    return Response(status=204)


def error(request: Request, urls: MapAdapter) -> Response:
    raise RuntimeError("as asked for")


def form(request: Request, urls: MapAdapter) -> Response:
    return Response(request.form["name"] + "\n")


VIEWS: dict[str, Callable[[Request, MapAdapter], Response]] = {
    "text": text,
    "json": json,
    "stream": stream,
    "upload": upload,
    "download": download,
    "redirect": elsewhere,
    "cookies": cookies,
    "café": cafe,
    "empty": empty,
    "error": error,
    "form": form,
}
URLS = Map(
    [
        Rule(f"/{name}", endpoint=name, methods=["POST" if name in ("upload", "form") else "GET"])
        for name in VIEWS
    ]
)


@Request.application
def app(request: Request) -> Response | HTTPException:
    urls = URLS.bind_to_environ(request.environ)
    try:
        name, _ = urls.match()
        return VIEWS[name](request, urls)
    except HTTPException as response:
        return response
    except Exception as error:
        return InternalServerError(original_exception=error)
