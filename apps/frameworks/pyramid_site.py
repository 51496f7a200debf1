"""The sample site in Pyramid: routes first, views found by a scan of the module."""

import sys
from collections.abc import Iterator
from pathlib import Path

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPFound, HTTPNoContent
from pyramid.request import Request
from pyramid.response import FileResponse, Response
from pyramid.view import view_config

CLEANED: list[str] = []
SQUARES = Path(__file__).with_name("squares.csv")


def plain(text: str) -> Response:
    return Response(text, content_type="text/plain", charset="utf-8")


@view_config(route_name="text", request_method="GET")
def text(request: Request) -> Response:
    return plain("Hello from a WSGI application.\n")


@view_config(route_name="json", request_method="GET", renderer="json")
def json(request: Request) -> dict[str, object]:
    return {"ok": True, "name": "café"}


@view_config(route_name="stream", request_method="GET")
def stream(request: Request) -> Response:
    def lines() -> Iterator[bytes]:
        try:
            for word in (b"one", b"two", b"three"):
                yield word + b"\n"
        finally:
            CLEANED.append("stream")

    return Response(app_iter=lines(), content_type="text/plain")


@view_config(route_name="upload", request_method="POST")
def upload(request: Request) -> Response:
    return Response(request.body, content_type="application/octet-stream")


@view_config(route_name="download", request_method="GET")
def download(request: Request) -> Response:
    return FileResponse(str(SQUARES), request, content_type="text/csv")


@view_config(route_name="redirect", request_method="GET")
def elsewhere(request: Request) -> Response:
    return HTTPFound(request.route_url("text"))


@view_config(route_name="cookies", request_method="GET")
def cookies(request: Request) -> Response:
    response = plain(request.cookies.get("fruit", "none") + "\n")
    response.set_cookie("fruit", "apple")
    response.set_cookie("colour", "red")
    return response


@view_config(route_name="café", request_method="GET")
def cafe(request: Request) -> Response:
    return plain("café\n")


@view_config(route_name="empty", request_method="GET")
def empty(request: Request) -> Response:
    return HTTPNoContent()


@view_config(route_name="error", request_method="GET")
def error(request: Request) -> Response:
    raise RuntimeError("as asked for")


@view_config(route_name="form", request_method="POST")
def form(request: Request) -> Response:
    return plain(request.POST["name"] + "\n")


ROUTES = "text json stream upload download redirect cookies café empty error form"

with Configurator() as config:
    for name in ROUTES.split():
        config.add_route(name, f"/{name}")
    config.scan(sys.modules[__name__])
    app = config.make_wsgi_app()
