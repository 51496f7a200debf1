"""The sample site in CherryPy: an object whose exposed methods are the pages."""

import logging
from collections.abc import Iterator
from pathlib import Path

import cherrypy
from cherrypy.lib.static import serve_file

CLEANED: list[str] = []
SQUARES = Path(__file__).with_name("squares.csv")
PLAIN = cherrypy.tools.response_headers(headers=[("Content-Type", "text/plain; charset=utf-8")])

cherrypy.config.update({"environment": "embedded", "log.screen": False})
logging.getLogger("cherrypy").setLevel(logging.CRITICAL)


class Site:
    @cherrypy.expose
    @PLAIN
    def text(self) -> str:
        return "Hello from a WSGI application.\n"

    @cherrypy.expose
    @cherrypy.tools.json_out()
    def json(self) -> dict[str, object]:
        return {"ok": True, "name": "café"}

    @cherrypy.expose
    @PLAIN
    @cherrypy.config(**{"response.stream": True})
    def stream(self) -> Iterator[str]:
        def lines() -> Iterator[str]:
            try:
                for word in ("one", "two", "three"):
                    yield word + "\n"
            finally:
                CLEANED.append("stream")

        return lines()

    @cherrypy.expose
    @cherrypy.tools.allow(methods=["POST"])
    def upload(self) -> bytes:
        cherrypy.response.headers["Content-Type"] = "application/octet-stream"
        return cherrypy.request.body.read()

    @cherrypy.expose
    def download(self) -> object:
        return serve_file(str(SQUARES), content_type="text/csv")

    @cherrypy.expose
    def redirect(self) -> None:
        raise cherrypy.HTTPRedirect(cherrypy.url("/text"))

    @cherrypy.expose
    @PLAIN
    def cookies(self) -> str:
        cherrypy.response.cookie["fruit"] = "apple"
        cherrypy.response.cookie["colour"] = "red"
        sent = cherrypy.request.cookie.get("fruit")
        return (sent.value if sent else "none") + "\n"

    @cherrypy.expose
    @PLAIN
    def café(self) -> str:
        return "café\n"

    @cherrypy.expose
    def empty(self) -> None:
        cherrypy.response.status = 204

    @cherrypy.expose
    def error(self) -> str:
        raise RuntimeError("as asked for")

    @cherrypy.expose
    @cherrypy.tools.allow(methods=["POST"])
    @PLAIN
    def form(self, name: str, **others: str) -> str:
        return name + "\n"


# Without a name of its own it is wherever the server says: SCRIPT_NAME.
app = cherrypy.Application(Site(), script_name=None)
