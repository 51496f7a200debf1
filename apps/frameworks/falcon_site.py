"""The sample site in Falcon: a resource for each path, a responder for each method."""

from collections.abc import Iterator
from pathlib import Path

import falcon
from falcon import Request, Response

CLEANED: list[str] = []
SQUARES = Path(__file__).with_name("squares.csv")
PLAIN = "text/plain; charset=utf-8"


class Text:
    def on_get(self, request: Request, response: Response) -> None:
        response.content_type = PLAIN
        response.text = "Hello from a WSGI application.\n"

    on_head = on_get


class Json:
    def on_get(self, request: Request, response: Response) -> None:
        response.media = {"ok": True, "name": "café"}


class Stream:
    def on_get(self, request: Request, response: Response) -> None:
        response.content_type = PLAIN
        response.stream = self.lines()

    on_head = on_get

    def lines(self) -> Iterator[bytes]:
        try:
            for word in (b"one", b"two", b"three"):
                yield word + b"\n"
        finally:
            CLEANED.append("stream")


class Upload:
    def on_post(self, request: Request, response: Response) -> None:
        response.content_type = "application/octet-stream"
        response.data = request.bounded_stream.read()


class Download:
    def on_get(self, request: Request, response: Response) -> None:
        response.content_type = "text/csv"
        response.set_stream(SQUARES.open("rb"), SQUARES.stat().st_size)

    on_head = on_get


class Elsewhere:
    def on_get(self, request: Request, response: Response) -> None:
        raise falcon.HTTPFound(request.prefix + "/text")


class Cookies:
    def on_get(self, request: Request, response: Response) -> None:
        response.content_type = PLAIN
        response.text = request.cookies.get("fruit", "none") + "\n"
        response.set_cookie("fruit", "apple")
        response.set_cookie("colour", "red")


class Cafe:
    def on_get(self, request: Request, response: Response) -> None:
        response.content_type = PLAIN
        response.text = "café\n"


class Empty:
    def on_get(self, request: Request, response: Response) -> None:
        response.status = falcon.HTTP_204


class Error:
    def on_get(self, request: Request, response: Response) -> None:
        raise RuntimeError("as asked for")


class Form:
    def on_post(self, request: Request, response: Response) -> None:
        response.content_type = PLAIN
        response.text = request.get_media()["name"] + "\n"


app = falcon.App()
app.add_route("/text", Text())
app.add_route("/json", Json())
app.add_route("/stream", Stream())
app.add_route("/upload", Upload())
app.add_route("/download", Download())
app.add_route("/redirect", Elsewhere())
app.add_route("/cookies", Cookies())
app.add_route("/café", Cafe())
app.add_route("/empty", Empty())
app.add_route("/error", Error())
app.add_route("/form", Form())
