"""The sample site in FastAPI, an ASGI framework, made a WSGI application by a2wsgi."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

from a2wsgi import ASGIMiddleware
from fastapi import Cookie, FastAPI, Form, Request
from fastapi.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

CLEANED: list[str] = []
SQUARES = Path(__file__).with_name("squares.csv")

api = FastAPI(default_response_class=PlainTextResponse)


@api.api_route("/text", methods=["GET", "HEAD"])
async def text() -> str:
    return "Hello from a WSGI application.\n"


@api.get("/json")
async def json() -> Response:
    return JSONResponse({"ok": True, "name": "café"})


@api.get("/stream")
async def stream() -> StreamingResponse:
    async def lines() -> AsyncIterator[bytes]:
        try:
            for word in (b"one", b"two", b"three"):
                yield word + b"\n"
        finally:
            CLEANED.append("stream")

    return StreamingResponse(lines(), media_type="text/plain")


@api.post("/upload")
async def upload(request: Request) -> Response:
    return Response(await request.body(), media_type="application/octet-stream")


@api.get("/download")
async def download() -> FileResponse:
    return FileResponse(SQUARES, media_type="text/csv")


@api.get("/redirect")
async def redirect(request: Request) -> RedirectResponse:
    return RedirectResponse(request.url_for("text"), 302)


@api.get("/cookies")
async def cookies(response: Response, fruit: Annotated[str, Cookie()] = "none") -> str:
    response.set_cookie("fruit", "apple")
    response.set_cookie("colour", "red")
    return fruit + "\n"


@api.get("/café")
async def cafe() -> str:
    return "café\n"


@api.get("/empty", status_code=204)
async def empty() -> None:
    return None


@api.get("/error")
async def error() -> str:
    raise RuntimeError("as asked for")


@api.post("/form")
async def form(name: Annotated[str, Form()]) -> str:
    return name + "\n"


app = ASGIMiddleware(api)
