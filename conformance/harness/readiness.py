"""Whether a server is there with our application: asked over the wire, proven by a word.

A port that listens proves nothing: somebody else may. The answer has to hold a word that the
application was told over the control channel.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from conformance.harness.control import Control
from conformance.harness.loop import Loop
from conformance.harness.response import Response, ResponseReader
from conformance.probing import request

__all__ = ["Answer", "ask", "fetch"]

# Whatever answers the question whether the server is ready with more than this is not it.
MOST_READ = 1 << 16
CONNECT_LIMIT = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking once.

    Attributes:
        called: whether our application was called.
        response: what came back, None where nothing readable did.
        refused: why there was no connection, "" where there was one.
    """

    called: bool
    response: Response | None
    refused: str = ""
    word: str = ""

    @property
    def ready(self) -> bool:
        """Whether the answer is that of our application."""
        return (
            self.called
            and self.response is not None
            and self.word.encode("ascii") in self.response.body
        )


def ask(
    loop: Loop,
    control: Control,
    address: tuple[str, int],
    deadline: float,
    alive: Callable[[], bool] = lambda: True,
) -> Answer:
    """Send one request of the harness's own and wait for its answer.

    Args:
        deadline: on the monotonic clock.
        alive: asked after every event; False ends the wait.
    """
    word = "ready" + secrets.token_hex(8)
    try:
        response = fetch(loop, address, f"/?{control.marker}{word}.", deadline, alive)
    except OSError as error:
        return Answer(False, None, error.strerror or str(error))
    called = word in control.heard
    control.heard.clear()
    return Answer(called, response, word=word)


def fetch(
    loop: Loop,
    address: tuple[str, int],
    target: str,
    deadline: float,
    alive: Callable[[], bool] = lambda: True,
) -> Response | None:
    """Ask for a request-target and return the response, whole or cut short.

    Args:
        deadline, alive: as for ``ask``.

    Returns:
        None where not a byte of one came.

    Errors:
        OSError: nothing took the request.
    """
    with socket.socket() as asking:
        asking.settimeout(CONNECT_LIMIT)
        asking.connect(address)
        asking.sendall(request(target=target, headers=[("Connection", "close")]))
        asking.setblocking(False)
        return _read(loop, asking, deadline, alive)


def _read(
    loop: Loop, asking: socket.socket, deadline: float, alive: Callable[[], bool]
) -> Response | None:
    reader = ResponseReader("GET")
    buffer = bytearray()
    ended = False
    response: Response | None = None

    def readable() -> None:
        nonlocal ended, response
        try:
            data = asking.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        buffer.extend(data)
        ended = ended or not data
        response = reader.read(buffer, ended)

    loop.watch(asking, readable)
    try:
        loop.until(
            lambda: ended or response is not None or len(buffer) > MOST_READ or not alive(),
            max(0.0, deadline - time.monotonic()),
        )
    finally:
        loop.unwatch(asking)
    return response
