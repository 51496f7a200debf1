"""A small site for real servers: ``bare``, and ``checked``, with the validator around it.

Below ``/own/`` it tells of itself. Its file is ``file.bin`` in the working directory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from validator_server import Closed, Sized

from conformance import Validator

Application = Callable[..., Any]
FILE = os.path.abspath("file.bin")
TEXT = ("Content-Type", "text/plain")
counts = {"sendfile": 0}
sendfile = os.sendfile


def counted(*arguments: Any, **keywords: Any) -> int:
    """Be ``os.sendfile``, and count."""
    counts["sendfile"] += 1
    return sendfile(*arguments, **keywords)


os.sendfile = counted


def generator(environ: Any, start_response: Any) -> Iterator[bytes]:
    yield b""
    start_response("200 OK", [TEXT])
    yield b"one "
    yield b""
    yield b"two"


def wrap(environ: Any, file: Any, *size: int) -> Iterable[bytes]:
    """Return the server's wrapper around a file, or one of our own."""
    if "wsgi.file_wrapper" in environ:
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file, *size)
        return wrapped
    return file_blocks(file)


def file_blocks(file: Any) -> Iterator[bytes]:
    with file:
        while block := file.read(8192):
            yield block


def whole_file(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return wrap(environ, open(FILE, "rb"))


def part_of_file(environ: Any, start_response: Any) -> Iterable[bytes]:
    file = open(FILE, "rb")  # noqa: SIM115 - closed by the server
    file.seek(100)
    length = os.path.getsize(FILE) - 100
    start_response("200 OK", [TEXT, ("Content-Length", str(length))])
    return wrap(environ, file, 4096)


def no_content(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("204 No Content", [])
    return []


def writes(environ: Any, start_response: Any) -> Iterable[bytes]:
    write = start_response("200 OK", [TEXT])
    write(b"written ")
    write(b"and ")
    return [b"returned"]


def echo(environ: Any, start_response: Any) -> Iterable[bytes]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.errors"].write("echo\n")
    start_response("200 OK", [TEXT, ("Content-Length", str(len(body)))])
    return [body]


def fails(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    raise LookupError("the application's own")


def answer(make: Callable[[], Any]) -> Application:
    """Return an application that answers with what is made."""

    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [TEXT, ("X-Name", "one"), ("X-Name", "two")])
        return make()

    return application


SITE: dict[str, Application] = {
    "/": answer(lambda: [b"a page"]),
    "/empty": answer(list),
    "/list": answer(lambda: [b"one ", b"two ", b"three"]),
    "/tuple": answer(lambda: (b"one",)),
    "/closed": answer(lambda: Closed(b"one ", b"two")),
    "/sized": answer(lambda: Sized(b"one item")),
    "/sized-more": answer(lambda: Sized(b"one ", b"two")),
    "/iterator": answer(lambda: iter([b"one ", b"two"])),
    "/generator": generator,
    "/file": whole_file,
    "/file-length": part_of_file,
    "/no-content": no_content,
    "/write": writes,
    "/echo": echo,
    "/error": fails,
}


def site(environ: Any, start_response: Any) -> Any:
    """Be the site; a WSGI application."""
    return SITE[environ["PATH_INFO"]](environ, start_response)


validator = Validator(site, report="collect")


def around(inner: Application) -> Application:
    """Return an application that tells of itself, and is another one for the rest."""

    def application(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/own/sendfile":
            text = str(counts["sendfile"])
        elif environ["PATH_INFO"] == "/own/findings":
            found = [finding for finding in validator.findings if finding.counted]
            text = "\n".join(map(str, [validator.requests, *found, *validator.failures]))
        else:
            return inner(environ, start_response)
        start_response("200 OK", [TEXT])
        return [text.encode("latin-1", "replace")]

    return application


bare, checked = around(site), around(validator)
