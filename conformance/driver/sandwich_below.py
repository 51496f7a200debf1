"""The application under a middleware or a bridge, and what it saw.

It keeps to every rule, unless its behaviour says otherwise, and writes down each step.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from conformance.driver.watched import described, sample
from conformance.inside.snapshot import encode
from conformance.trace import Event

__all__ = [
    "LOWER",
    "UPPER",
    "Behaviour",
    "Below",
    "Blocks",
    "Start",
    "recorded_start",
    "shown",
]

# Whoever waits for what may not be waited for is let go after so many seconds.
LONGEST_WAIT = 3.0
# Numbers of the two calls in a trace: of the middleware, and of the application under it.
UPPER, LOWER = 1, 2


@dataclass
class Start:
    """A call of start_response, as one of the two sides saw it.

    Attributes:
        status, headers: as passed. with_error: whether ``exc_info`` was.
        items: how many non-empty items and written blocks had reached the server before.
        returned: what the call gave; raised: what it raised.
    """

    status: Any
    headers: Any
    with_error: bool
    items: int = 0
    returned: Any = None
    raised: BaseException | None = None


class Below:
    """The application under the middleware, and what it saw.

    Attributes:
        calls: of the application. starts: calls of start_response, as they came out.
        values: how many values each thread has taken from its iterables; total of all threads in
            ``given``. exhausted, closes: of its iterables, together.
        iterables: all that were returned, held so that no finalizer closes one by accident.
        notes: what the behaviour wrote down. writes: how often it called write().
        parked, opened, forced: the gate before a second value, for threads other than the server's;
            whether somebody waits there, whether it is open, whether it was opened for want of
            progress.
    """

    def __init__(self, behave: Behaviour) -> None:
        self.behave = behave
        self.calls = self.closes = self.exhausted = self.writes = 0
        self.starts: list[Start] = []
        self.values: dict[int, int] = {}
        self.iterables: list[Any] = []
        self.notes: dict[str, Any] = {}
        self.parked = False
        self.opened = threading.Event()
        self.forced = False
        self.server = threading.get_ident()
        self.sent: Callable[[], int] = lambda: 0
        self.events: list[Event] = []

    @property
    def given(self) -> int:
        """How many values were taken from the iterables, by any thread."""
        return sum(self.values.values())

    def taken(self) -> int:
        """Return how many values the server's thread has taken."""
        return self.values.get(self.server, 0)

    def tell(self, side: int, kind: str, **data: Any) -> None:
        """Put an event into the trace: 1 is the upper side of the middleware, 2 the lower one."""
        self.events.append(Event(time.monotonic(), "app", kind, side, data))

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self.calls += 1
        self.tell(LOWER, "called", environ=shown(environ), count=2)
        try:
            result = self.behave(self, environ, start_response)
        except BaseException as error:
            self.tell(LOWER, "raised", error=described(error))
            raise
        self.tell(LOWER, "returned", value=encode(result))
        return result

    def blocks(self, source: Iterable[bytes], parks: bool = False) -> Blocks:
        """Return an iterable that is watched, for the application to return.

        Args:
            source: what it gives.
            parks: whether it waits before its second value, except in the server's own thread.
        """
        self.iterables.append(Blocks(self, source, parks))
        result: Blocks = self.iterables[-1]
        return result

    def write(self, write: Any, data: bytes) -> None:
        """Call what start_response returned, if it can be called."""
        self.notes.setdefault("sent before write()", self.sent())
        if callable(write):
            self.writes += 1
            self.tell(LOWER, "write", length=len(data))
            write(data)


Behaviour = Callable[[Below, dict[str, Any], Any], Any]


class Blocks:
    """An iterator with close() that tells of each step."""

    def __init__(self, below: Below, source: Iterable[bytes], parks: bool = False) -> None:
        self.below = below
        self.source = iter(source)
        self.parks = parks

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        below, thread = self.below, threading.get_ident()
        below.tell(LOWER, "next")
        if self.parks and below.given and thread != below.server:
            below.parked = True
            if not below.opened.wait(LONGEST_WAIT):
                below.forced = True
                below.opened.set()
        try:
            block = next(self.source)
        except StopIteration:
            below.exhausted += 1
            below.tell(LOWER, "exhausted")
            raise
        except BaseException as error:
            below.tell(LOWER, "iteration-raised", error=described(error))
            raise
        below.values[thread] = below.values.get(thread, 0) + 1
        below.tell(LOWER, "block", value=sample(block))
        return block

    def close(self) -> None:
        """Count."""
        self.below.closes += 1
        self.below.tell(LOWER, "close")


def recorded_start(start_response: Any, below: Below) -> Any:
    """Return a start_response that notes what comes of each call, and keeps nothing of it."""

    def start_response_seen(*arguments: Any, **keywords: Any) -> Any:
        status, headers, exc_info = (*arguments, None, None, None)[:3]
        start = Start(status, headers, bool(exc_info))
        del exc_info
        below.starts.append(start)
        shown = [encode(status), encode(headers)]
        below.tell(LOWER, "start_response", arguments=shown, exc_info=start.with_error)
        try:
            start.returned = start_response(*arguments, **keywords)
        except BaseException as error:
            start.raised = error
            below.tell(LOWER, "start_response-raised", error=described(error))
            raise
        finally:
            del arguments, keywords
        kind = type(start.returned).__name__
        below.tell(LOWER, "start_response-returned", value=kind)
        return start.returned

    return start_response_seen


def shown(environ: Any) -> dict[str, Any]:
    """Return what a trace shows of an environ, without looking anything up on its objects."""
    if not isinstance(environ, dict):
        return {"type": type(environ).__name__, "items": []}
    plain = (str, bytes, int, tuple)
    items = [
        [encode(key), encode(value if isinstance(value, plain) else f"<{type(value).__name__}>")]
        for key, value in environ.items()
    ]
    return {"type": f"{type(environ).__module__}.{type(environ).__qualname__}", "items": items}
