"""The sample site in Pecan: a root controller with exposed methods."""

from collections.abc import Iterator
from pathlib import Path

import pecan
from pecan import Response, expose, make_app, request, response
from webob.static import FileApp

CLEANED: list[str] = []
SQUARES = Path(__file__).with_name("squares.csv")


class Site:
    @expose(content_type="text/plain")
    def text(self) -> str:
        return "Hello from a WSGI application.\n"

    @expose("json")
    def json(self) -> dict[str, object]:
        return {"ok": True, "name": "café"}

    @expose(content_type="text/plain")
    def stream(self) -> Response:
        def lines() -> Iterator[bytes]:
            try:
                for word in (b"one", b"two", b"three"):
                    yield word + b"\n"
            finally:
                CLEANED.append("stream")

        return Response(app_iter=lines(), content_type="text/plain")

    @expose(generic=True)
    def upload(self) -> None:
        pecan.abort(405)

    @upload.when(method="POST", content_type="application/octet-stream")
    def upload_post(self) -> bytes:
        return request.body

    @expose(content_type="text/csv")
    def download(self) -> Response:
        return request.get_response(FileApp(str(SQUARES), content_type="text/csv"))

    @expose()
    def redirect(self) -> None:
        pecan.redirect(request.application_url + "/text")

    @expose(content_type="text/plain")
    def cookies(self) -> str:
        response.set_cookie("fruit", "apple")
        response.set_cookie("colour", "red")
        return request.cookies.get("fruit", "none") + "\n"

    @expose(content_type="text/plain")
    def café(self) -> str:
        return "café\n"

    @expose()
    def empty(self) -> None:
        response.status = 204

    @expose()
    def error(self) -> str:
        raise RuntimeError("as asked for")

    @expose(generic=True)
    def form(self) -> None:
        pecan.abort(405)

    @form.when(method="POST", content_type="text/plain")
    def form_post(self, name: str, **others: str) -> str:
        return name + "\n"


app = make_app(Site(), debug=False)
