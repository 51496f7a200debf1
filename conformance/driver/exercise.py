"""An exercise: an application and the requests for it, to see a server at work."""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from conformance.driver.memory import MemoryGateway, Request, drive
from conformance.reference.gateway import Gateway

Application = Callable[..., Any]
BODY = b"first line\r\nsecond\nlast"
EURO = "k=\u20ac".encode()
TEXT = ("Content-Type", "text/plain")
# Longer than any of these exercises takes; only a server that has no threads waits for it.
MEETING = 0.25


@dataclass(frozen=True)
class Exercise:
    """An application and what to ask it for.

    Attributes:
        name: of the application's function.
        application: a WSGI application that survives what a bad server does to it.
        requests: keyword arguments of the requests, one after the other.
        together: whether they are sent at the same time, each from a thread of its own.
        prepare: called before each run.
    """

    name: str
    application: Application
    requests: tuple[dict[str, Any], ...] = field(default=({},))
    together: bool = False
    prepare: Callable[[], Any] = bool

    def run(self, application: Application, gateway: type[Gateway] = MemoryGateway) -> None:
        """Send the requests to an application, through a gateway, and let go of all of it."""
        self.prepare()
        if self.together:
            self.run_together(application, gateway)
        else:
            for request in self.requests:
                drive(application, Request(**request), gateway)

    def run_together(self, application: Application, gateway: type[Gateway]) -> None:
        threads = [
            threading.Thread(target=drive, args=(application, Request(**request), gateway))
            for request in self.requests
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


EXERCISES: dict[str, Exercise] = {}


def exercise(*requests: dict[str, Any]) -> Callable[[Any], Any]:
    """Make an exercise of an application; without requests it is asked once for ``/``."""

    def decorate(application: Any) -> Any:
        name = application.__name__
        EXERCISES[name] = Exercise(name, application, requests or ({},))
        return application

    return decorate


def post(**more: Any) -> dict[str, Any]:
    """Return the keyword arguments of a POST."""
    fields = [(b"Content-Type", b"text/plain; charset=utf-8")]
    return {"method": b"POST", "target": b"/post", "fields": fields, "body": BODY, **more}


class Blocks:
    """An iterable with close(), which is no iterator itself."""

    def __init__(self, *blocks: bytes) -> None:
        self.blocks = blocks
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return (block for block in self.blocks)

    def close(self) -> None:
        """Count."""
        self.closed += 1


class Sized(Blocks):
    """An iterable with a length and close()."""

    def __len__(self) -> int:
        return len(self.blocks)


class OwnIterator:
    """An iterator with close(); it fails where a block is None."""

    def __init__(self, *blocks: bytes | None) -> None:
        self.blocks = iter(blocks)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block = next(self.blocks)
        if block is None:
            raise LookupError("the application's own")
        return block

    def close(self) -> None:
        """Have nothing to close."""


class WithFileno(OwnIterator):
    """An iterator with an attribute that is the business of nobody."""

    def fileno(self) -> int:
        """Return the descriptor of something else."""
        number: int = self.other.fileno()
        return number

    def __init__(self, *blocks: bytes | None) -> None:
        super().__init__(*blocks)
        self.other: Any = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the iterator

    def close(self) -> None:
        """Close the other file."""
        self.other.close()


class Shorter:
    """A file-like object without a descriptor, whose reads give less than asked for."""

    def __init__(self, data: bytes) -> None:
        self.data = io.BytesIO(data)
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        """Return at most five bytes."""
        return self.data.read(5 if size < 0 else min(size, 5))

    def close(self) -> None:
        """Remember it."""
        self.closed = True
