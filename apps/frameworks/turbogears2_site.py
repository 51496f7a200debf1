"""The sample site in TurboGears2: a root controller in a minimal application."""

from collections.abc import Iterator
from pathlib import Path

import tg
from tg import MinimalApplicationConfigurator, TGController, expose, request, response
from webob.static import FileApp

CLEANED: list[str] = []
SQUARES = Path(__file__).with_name("squares.csv")


class Site(TGController):
    @expose(content_type="text/plain")
    def text(self) -> str:
        return "Hello from a WSGI application.\n"

    @expose("json")
    def json(self) -> dict[str, object]:
        return {"ok": True, "name": "café"}

    @expose(content_type="text/plain")
    def stream(self) -> Iterator[bytes]:
        def lines() -> Iterator[bytes]:
            try:
                for word in (b"one", b"two", b"three"):
                    yield word + b"\n"
            finally:
                CLEANED.append("stream")

        return lines()

    @expose(content_type="application/octet-stream")
    def upload(self) -> bytes:
        return request.body

    @expose()
    def download(self) -> object:
        return tg.use_wsgi_app(FileApp(str(SQUARES), content_type="text/csv"))

    @expose()
    def redirect(self) -> None:
        tg.redirect("/text")

    @expose(content_type="text/plain")
    def cookies(self) -> str:
        response.set_cookie("fruit", "apple")
        response.set_cookie("colour", "red")
        return request.cookies.get("fruit", "none") + "\n"

    @expose()
    def empty(self) -> str:
        response.status = 204
        return ""

    @expose()
    def error(self) -> str:
        raise RuntimeError("as asked for")

    @expose(content_type="text/plain")
    def form(self, name: str, **others: str) -> str:
        return name + "\n"

    @expose(content_type="text/plain")
    def _default(self, *path: str) -> str:
        # Names are looked up as they are quoted, so no method could be called like this page.
        if path != ("café",):
            tg.abort(404)
        return "café\n"


configurator = MinimalApplicationConfigurator()
configurator.update_blueprint({"root_controller": Site()})
app = configurator.make_wsgi_app()
