"""The sample site in web.py: a class for each path, a method for each HTTP method."""

import json
from collections.abc import Iterator
from pathlib import Path

import web

CLEANED: list[str] = []
SQUARES = Path(__file__).with_name("squares.csv")

web.config.debug = False


def plain() -> None:
    web.header("Content-Type", "text/plain; charset=utf-8")


class Text:
    def GET(self) -> str:
        plain()
        return "Hello from a WSGI application.\n"


class Json:
    def GET(self) -> str:
        web.header("Content-Type", "application/json")
        return json.dumps({"ok": True, "name": "café"})


class Stream:
    def GET(self) -> Iterator[bytes]:
        plain()
        try:
            for word in (b"one", b"two", b"three"):
                yield word + b"\n"
        finally:
            CLEANED.append("stream")


class Upload:
    def POST(self) -> bytes:
        web.header("Content-Type", "application/octet-stream")
        return web.data()


class Download:
    def GET(self) -> Iterator[bytes]:
        web.header("Content-Type", "text/csv")
        with SQUARES.open("rb") as file:
            while block := file.read(8192):
                yield block


class Elsewhere:
    def GET(self) -> None:
        raise web.seeother("/text")


class Cookies:
    def GET(self) -> str:
        plain()
        web.setcookie("fruit", "apple")
        web.setcookie("colour", "red")
        return web.cookies(fruit="none").fruit + "\n"


class Cafe:
    def GET(self) -> str:
        plain()
        return "café\n"


class Empty:
    def GET(self) -> str:
        web.ctx.status = "204 No Content"
        return ""


class Error:
    def GET(self) -> str:
        raise RuntimeError("as asked for")


class Form:
    def POST(self) -> str:
        plain()
        return web.input().name + "\n"


URLS = (
    *("/text", "Text"),
    *("/json", "Json"),
    *("/stream", "Stream"),
    *("/upload", "Upload"),
    *("/download", "Download"),
    *("/redirect", "Elsewhere"),
    *("/cookies", "Cookies"),
    *("/café", "Cafe"),
    *("/empty", "Empty"),
    *("/error", "Error"),
    *("/form", "Form"),
)

app = web.application(URLS, globals()).wsgifunc()
