"""A middleware between two sides that keep to every rule and write down what it does to them.

From top to bottom: ``Above`` plays the server and takes one step at a time; a ``Validator``; the
middleware; a ``Validator``; ``Below`` plays the application. What the upper validator says of its
application, and the lower one of its server, is said of the middleware.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.driver.exchange import sent
from conformance.driver.memory import MemoryGateway, MemoryTransport, Request, Seen
from conformance.driver.sandwich_below import (
    UPPER,
    Behaviour,
    Below,
    Start,
    recorded_start,
    shown,
)
from conformance.driver.watched import described, sample
from conformance.inside.snapshot import encode
from conformance.trace import Event, Timeline, to_json
from conformance.validation import Finding, Validator

__all__ = ["Played", "Step", "Wrap", "decoded", "listed", "play"]

Wrap = Callable[[Any], Any]
"""A middleware: takes an application and returns one."""

# The server above takes no more values than this.
LONGEST = 2000


@dataclass
class Step:
    """One ``next()`` by the server, and what the middleware did for it.

    Attributes:
        item: what it gave; values: how many values it took from the application in this thread.
    """

    item: Any
    values: int


@dataclass
class Played:
    """What came of one request through the middleware.

    Attributes:
        label: what is special about it. request: what was asked.
        below: the application's side. upper_starts: calls of start_response at the server.
        steps: of the server's iteration. chunks: all blocks that reached the server, however;
            writes: how many of them through write().
        ended: whether the middleware's iterable came to its end.
        values_at_return: how many values the middleware had taken when its call returned.
        error: what it raised; where: ``call``, ``iteration`` or ``close``.
        upper_environ, lower_environ: copies of what the middleware was called with, and of what it
            passed on; lower_type: the type of the latter.
        own_start: whether the application got another start_response than the middleware.
        upper, lower: findings about the middleware, of the validators above and below it.
        foreign: findings about the two sides themselves.
        result: what the middleware returned.
    """

    label: str
    request: Request
    below: Below
    upper_starts: list[Start] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    chunks: list[Any] = field(default_factory=list)
    writes: int = 0
    ended: bool = False
    values_at_return: int = 0
    error: BaseException | None = None
    where: str = ""
    upper_environ: dict[Any, Any] = field(default_factory=dict)
    lower_environ: dict[Any, Any] = field(default_factory=dict)
    own_start: bool = False
    upper: list[Finding] = field(default_factory=list)
    lower: list[Finding] = field(default_factory=list)
    foreign: list[Finding] = field(default_factory=list)
    result: Any = None

    @property
    def items(self) -> list[Any]:
        """What the middleware's iterable gave."""
        return [step.item for step in self.steps]

    @property
    def body(self) -> bytes:
        """All bytes that reached the server, in order."""
        return b"".join(chunk for chunk in self.chunks if isinstance(chunk, bytes))

    @property
    def status(self) -> str:
        """The status that counts: the last one that was given, or an empty string."""
        return str(self.upper_starts[-1].status) if self.upper_starts else ""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers that count, names in lower case; those that are not well-formed left out."""
        found = []
        for item in listed(self.upper_starts[-1].headers if self.upper_starts else []):
            if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str):
                found.append((item[0].lower(), item[1]))
        return found

    def values_of(self, name: str) -> list[Any]:
        """Return all values of a header, by its name in lower case."""
        return [value for each, value in self.headers if each == name]

    @property
    def used(self) -> bool:
        """Whether the application's response is what the middleware worked on."""
        return self.below.calls > 0 and (self.below.given > 0 or self.below.exhausted > 0)

    @property
    def whole(self) -> bool:
        """Whether a whole response came, and nothing went wrong."""
        return self.ended and self.error is None and bool(self.upper_starts)

    def outcome(self) -> str:
        """Return in a few words how it ended."""
        if self.error is not None:
            return f"{described(self.error)} in its {self.where}"
        return f"{self.status or 'no start_response'}, {len(self.body)} bytes"

    def trace(self) -> list[dict[str, Any]]:
        """Return the events in the form that results hold."""
        timeline = Timeline()
        events = self.below.events
        start = events[0].time if events else 0.0
        timeline.append(Event(start, "client", "open", 1))
        timeline.append(Event(start, "client", "sent", 1, {"bytes": sent(self.request)}))
        for event in events:
            timeline.append(event)
        return to_json(timeline)


def listed(headers: Any) -> list[Any]:
    """Return what can be had of headers, whatever they are."""
    try:
        return list(headers)
    except Exception:
        return []


class Above(MemoryGateway):
    """The server above the middleware; takes no more than it is told to.

    It refuses a second plain start_response, and raises ``exc_info`` once data has come. All other
    judging is the validator's, so that one mistake does not end in another.
    """

    played: Played

    def start_response(self, *arguments: Any, **keywords: Any) -> Any:
        """Take a call, however it is made."""
        names = ("status", "response_headers", "exc_info")
        given = (*arguments, *keywords.values(), None, None, None)
        status, headers, exc_info = given[:3]
        played = self.played
        start = Start(status, headers, bool(exc_info), sum(1 for x in played.chunks if x))
        played.upper_starts.append(start)
        shown = [encode(status), encode(headers)]
        played.below.tell(UPPER, "start_response", arguments=shown, exc_info=bool(exc_info))
        first, self.started = not self.started, True
        try:
            if exc_info and start.items:
                raise exc_info[1].with_traceback(exc_info[2])
            if not exc_info and not first:
                raise AssertionError("start_response called again without exc_info")
        finally:
            # Or the traceback would keep this frame alive, and it the traceback.
            del exc_info, given, arguments, keywords, names
        return self.write

    def write(self, data: bytes) -> None:
        """Take data."""
        self.played.writes += 1
        self.played.chunks.append(data)
        self.played.below.tell(UPPER, "write", value=sample(data))


def play(
    wrap: Wrap,
    behave: Behaviour,
    label: str,
    *,
    request: Request | None = None,
    steps: int | None = None,
    changes: Mapping[str, Any] | None = None,
    validators: bool = True,
) -> Played:
    """Send one request through a middleware.

    Args:
        wrap: the middleware.
        behave: the application under it.
        label: what is special about this request.
        request: GET / where absent.
        steps: how many values the server takes before it closes; all where None.
        changes: to environ, as for ``drive``.
        validators: whether a validator stands at either side.

    Returns:
        What happened; nothing that the middleware raises gets out.
    """
    below = Below(behave)
    played = Played(label, request or Request(), below)
    above = type("Above", (Above,), {"played": played, "changes": changes or {}})
    below.sent = lambda: played.writes
    lower: Any = Validator(below, report="collect", notes=True) if validators else below

    def beneath(*arguments: Any, **keywords: Any) -> Any:
        environ, start_response = (*arguments, *keywords.values(), None, None)[:2]
        if isinstance(environ, dict):
            played.lower_environ = dict(environ)
        played.own_start = start_response is not seen.get("start_response")
        if callable(start_response):
            given = recorded_start(start_response, below)
            arguments = tuple(given if each is start_response else each for each in arguments)
            keywords = {k: given if v is start_response else v for k, v in keywords.items()}
        return lower(*arguments, **keywords)

    seen: dict[str, Any] = {}
    middleware = wrap(beneath)

    def over(environ: Any, start_response: Any) -> Any:
        played.upper_environ = dict(environ)
        seen["start_response"] = start_response
        return middleware(environ, start_response)

    # The server here lets hop-by-hop headers pass: that the middleware sends one is enough.
    passed = ("http-hop-by-hop-raises",)
    upper: Any = (
        Validator(over, report="collect", notes=True, ignore=passed) if validators else over
    )
    server = above(upper, played.request, MemoryTransport(played.request, Seen()))
    _serve(played, server, steps)
    if validators:
        _share_blame(played, upper.findings, lower.findings)
    return played


def _share_blame(played: Played, upper: list[Finding], lower: list[Finding]) -> None:
    """Tell the middleware's findings from those that it only passes on."""
    servers = {each.rule for each in upper if each.party == "server"}
    applications = {each.rule for each in lower if each.party != "server"}
    for each in upper:
        own = each.party != "server" and each.rule not in applications
        (played.upper if own else played.foreign).append(each)
    for each in lower:
        own = each.party == "server" and each.rule not in servers
        (played.lower if own else played.foreign).append(each)


def _serve(played: Played, server: Above, steps: int | None) -> None:
    """Call, iterate and close, as a server does; keep what is raised."""
    below = played.below
    result = None
    try:
        played.where = "call"
        below.tell(UPPER, "called", environ=shown(server.environ()), count=2)
        result = played.result = server.call()
        below.tell(UPPER, "returned", value=type(result).__name__)
        played.values_at_return = below.taken()
        played.where = "iteration"
        _iterate(played, result, steps)
    except (Exception, SystemExit) as error:
        played.error = error
        below.tell(UPPER, "raised", error=described(error))
    below.opened.set()
    try:
        close = getattr(result, "close", None)
        if close is not None:
            below.tell(UPPER, "close")
            close()
    except (Exception, SystemExit) as error:
        if played.error is None:
            played.error, played.where = error, "close"
        below.tell(UPPER, "close-raised", error=described(error))


def _iterate(played: Played, result: Any, steps: int | None) -> None:
    below = played.below
    iterator = iter(result)
    while (steps is None or len(played.steps) < steps) and len(played.steps) < LONGEST:
        before = below.taken()
        below.tell(UPPER, "next")
        try:
            item = next(iterator)
        except StopIteration:
            played.ended = True
            # A value that was taken in vain counts.
            below.notes["taken at the end"] = below.taken() - before
            below.tell(UPPER, "exhausted", items=len(played.steps))
            return
        played.steps.append(Step(item, below.taken() - before))
        played.chunks.append(item)
        below.tell(UPPER, "block", value=sample(item))
        # The first value is out; whoever waits to go on may do so.
        below.notes.setdefault("forced before output", below.forced)
        below.opened.set()


def decoded(body: bytes, codings: Iterable[Any]) -> bytes | None:
    """Return a body without its content codings, or None where they do not fit it.

    Args:
        codings: values of Content-Encoding.
    """
    names = [name.strip().lower() for value in codings for name in str(value).split(",")]
    try:
        for name in reversed([name for name in names if name not in ("", "identity")]):
            if name in ("gzip", "x-gzip"):
                body = gzip.decompress(body)
            elif name == "deflate":
                body = zlib.decompress(body)
            else:
                return None
    except (OSError, EOFError, zlib.error):
        return None
    return body
