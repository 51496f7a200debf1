"""The application that the tests of the Node.js front let it serve; standard library alone."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

BLOCK = bytes(range(256)) * 256
TEXT = [("Content-Type", "text/plain")]


class Watched:
    """An iterable whose close() leaves a file, for who cannot see into this process."""

    def __init__(self, blocks: Iterator[bytes], name: str) -> None:
        self.blocks = blocks
        self.name = name

    def __iter__(self) -> Iterator[bytes]:
        return self.blocks

    def close(self) -> None:
        Path(self.name).write_text(str(os.getpid()))


def echo(environ: dict[str, Any]) -> Iterator[bytes]:
    """Each line of the request as soon as it is there."""
    yield b"begun\n"
    yield from environ["wsgi.input"]


def blocks(environ: dict[str, Any]) -> Iterator[bytes]:
    """As many blocks as are asked for; how many have been taken stands in a file."""
    with open("taken", "w") as file:
        for number in range(int(environ["QUERY_STRING"])):
            yield BLOCK
            os.pwrite(file.fileno(), b"%09d" % (number + 1), 0)


def endless(environ: dict[str, Any]) -> Iterator[bytes]:
    while True:
        yield b"on and on\n"


def crash(environ: dict[str, Any]) -> Iterator[bytes]:
    yield b"first\n"
    os._exit(3)


def sum_up(environ: dict[str, Any]) -> Iterator[bytes]:
    """Digest and length of the request body."""
    digest, length = hashlib.sha256(), 0
    while part := environ["wsgi.input"].read(65536):
        digest.update(part)
        length += len(part)
    yield f"{length} {digest.hexdigest()}\n".encode()


def slowly(environ: dict[str, Any]) -> Iterator[bytes]:
    """Read a block only where the file says so: until then the body has to wait."""
    yield b"waiting\n"
    while not os.path.exists("go"):
        time.sleep(0.01)
    yield from sum_up(environ)


STREAMS = {
    "/echo": echo,
    "/blocks": blocks,
    "/endless": endless,
    "/crash": crash,
    "/sum": sum_up,
    "/slowly": slowly,
}


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path in STREAMS:
        start_response("200 OK", TEXT)
        return Watched(STREAMS[path](environ), "closed" + path.replace("/", "-"))
    if path == "/die":
        os._exit(4)
    if path == "/empty":
        start_response("204 Nothing Here", [])
        return []
    if path == "/unread":
        start_response("413 Too Much", [("Content-Length", "0")])
        return []
    shown = {
        name: environ.get(name)
        for name in ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "HTTP_X_TWO")
    }
    shown.update(pid=os.getpid(), multiprocess=environ["wsgi.multiprocess"])
    body = ascii(shown).encode()
    fields = [("Set-Cookie", "a=1, b"), ("Set-Cookie", "c=2"), ("X-Text", "caf\xe9")]
    start_response("299 Caf\xe9 open", [*TEXT, *fields, ("Content-Length", str(len(body)))])
    return [body]
