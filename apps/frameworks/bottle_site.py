"""The sample site in Bottle."""

from collections.abc import Iterator
from pathlib import Path

from bottle import Bottle, HTTPResponse, redirect, request, response, static_file

CLEANED: list[str] = []
SQUARES = Path(__file__).with_name("squares.csv")
PLAIN = "text/plain; charset=utf-8"

app = Bottle()


@app.get("/text", name="text")
def text() -> str:
    response.content_type = PLAIN
    return "Hello from a WSGI application.\n"


@app.get("/json")
def json() -> dict[str, object]:
    return {"ok": True, "name": "café"}


@app.get("/stream")
def stream() -> Iterator[str]:
    response.content_type = PLAIN
    try:
        for word in ("one", "two", "three"):
            yield word + "\n"
    finally:
        CLEANED.append("stream")


@app.post("/upload")
def upload() -> bytes:
    response.content_type = "application/octet-stream"
    return request.body.read()


@app.get("/download")
def download() -> HTTPResponse:
    return static_file(SQUARES.name, root=SQUARES.parent, mimetype="text/csv")


@app.get("/redirect")
def elsewhere() -> None:
    redirect(app.get_url("text"))


@app.get("/cookies")
def cookies() -> str:
    response.content_type = PLAIN
    response.set_cookie("fruit", "apple")
    response.set_cookie("colour", "red")
    return request.get_cookie("fruit", "none") + "\n"


@app.get("/café")
def cafe() -> str:
    response.content_type = PLAIN
    return "café\n"


@app.get("/empty")
def empty() -> None:
    response.status = 204


@app.get("/error")
def error() -> str:
    raise RuntimeError("as asked for")


@app.post("/form")
def form() -> str:
    response.content_type = PLAIN
    return request.forms.name + "\n"
