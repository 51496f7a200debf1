"""The sample site in Flask."""

from collections.abc import Iterator
from pathlib import Path

from flask import Flask, Response, jsonify, make_response, redirect, request, send_file, url_for

CLEANED: list[str] = []
SQUARES = Path(__file__).with_name("squares.csv")
PLAIN = {"Content-Type": "text/plain; charset=utf-8"}

app = Flask(__name__)


@app.get("/text")
def text() -> tuple[str, dict[str, str]]:
    return "Hello from a WSGI application.\n", PLAIN


@app.get("/json")
def json() -> Response:
    return jsonify(ok=True, name="café")


@app.get("/stream")
def stream() -> Response:
    def lines() -> Iterator[str]:
        try:
            for word in ("one", "two", "three"):
                yield word + "\n"
        finally:
            CLEANED.append("stream")

    return Response(lines(), mimetype="text/plain")


@app.post("/upload")
def upload() -> Response:
    return Response(request.get_data(), mimetype="application/octet-stream")


@app.get("/download")
def download() -> Response:
    return send_file(SQUARES, mimetype="text/csv")


@app.get("/redirect")
def elsewhere() -> object:
    return redirect(url_for("text"))


@app.get("/cookies")
def cookies() -> Response:
    response = make_response(request.cookies.get("fruit", "none") + "\n", PLAIN)
    response.set_cookie("fruit", "apple")
    response.set_cookie("colour", "red")
    return response


@app.get("/café")
def cafe() -> tuple[str, dict[str, str]]:
    return "café\n", PLAIN


@app.get("/empty")
def empty() -> tuple[str, int]:
    return "", 204


@app.get("/error")
def error() -> str:
    raise RuntimeError("as asked for")


@app.post("/form")
def form() -> tuple[str, dict[str, str]]:
    return request.form["name"] + "\n", PLAIN
