"""The server's half of a request, step by step, and results that count what is done with them."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from conformance import Validator
from conformance.reference.streams import FileWrapper

Application = Callable[..., Any]
OK = ("200 OK", [("Content-Type", "text/plain")])


class Thing:
    """Something that a weak reference can be had to."""


class Stream(io.BytesIO):
    """An input with more than the PEP's methods."""

    name = "<stream>"
    mode = "rb"

    def fileno(self) -> int:
        """Have a number."""
        return 77


class Log(io.StringIO):
    """An error stream with more than the PEP's methods."""

    encoding = "koi8-r"
    errors = "backslashreplace"

    def isatty(self) -> bool:
        """Be a terminal."""
        return True


class Write:
    """A write() that is no function."""

    extra = "extra"

    def __init__(self) -> None:
        self.data: list[Any] = []

    def __call__(self, data: Any) -> Any:
        self.data.append(data)
        return self.data


class Server:
    """The server's half of one request, each step of it by hand."""

    def __init__(self, **changes: Any) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.write = Write()
        self.environ: dict[Any, Any] = {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/path",
            "QUERY_STRING": "",
            "SERVER_NAME": "conformance.test",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_LENGTH": "9",
            "GATEWAY_INTERFACE": "CGI/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": Stream(b"body\nbody"),
            "wsgi.errors": Log(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
            "test.thing": Thing(),
            **changes,
        }

    def start_response(self, *arguments: Any) -> Any:
        """Keep the arguments."""
        self.calls.append(arguments)
        return self.write

    def call(self, application: Application) -> Any:
        """Call an application through a validator that keeps what it finds."""
        self.validator = Validator(application, report="collect")
        return self.validator(self.environ, self.start_response)

    def clean(self) -> bool:
        """Whether nothing was found that counts."""
        return not [finding for finding in self.validator.findings if finding.counted]


def answering(result: Any) -> Application:
    """Return an application that returns an object."""

    def application(environ: Any, start_response: Any) -> Any:
        start_response(*OK)
        return result

    return application


class Blocks:
    """An iterable with an attribute of its own, which counts what is done with it."""

    own = "attribute"

    def __init__(self, *blocks: bytes) -> None:
        self.blocks = blocks
        self.counts: Counter[str] = Counter()

    def __iter__(self) -> Iterator[bytes]:
        self.counts["iter"] += 1
        for block in self.blocks:
            self.counts["next"] += 1
            yield block


class Sized(Blocks):
    """With a length."""

    def __len__(self) -> int:
        self.counts["len"] += 1
        return len(self.blocks)


class Closed(Blocks):
    """With close()."""

    def close(self) -> None:
        """Count."""
        self.counts["close"] += 1


class Failure(Exception):
    """The application's own."""


def generate(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response(*OK)
    environ["wsgi.input"].read(3)
    yield b"one"
    environ["wsgi.errors"].write("text\n")
    yield b"two"
