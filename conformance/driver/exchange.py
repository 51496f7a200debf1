"""One request through the validator and a watched gateway, and all that came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.driver.memory import Request, Seen, drive
from conformance.driver.watched import Facts, WatchedGateway
from conformance.trace import Event, Timeline, to_json
from conformance.validation import Finding, Validator

__all__ = ["Driver", "Exchange", "Gone", "answer", "same_status"]

# Of a body, this much is shown in a trace.
BODY_SHOWN = 600
Inner = Callable[[Any], Any]


class Gone(Exception):
    """The application ended the interpreter, or tried to; ``error`` is what it raised."""

    def __init__(self, error: BaseException, exchange: Exchange) -> None:
        super().__init__(str(error))
        self.error = error
        self.exchange = exchange


@dataclass
class Exchange:
    """What came of one request.

    Attributes:
        request, seen, facts: what was sent, what came back, what happened in between.
        findings: of the validator.
        label: what is special about it, in a few words.
    """

    request: Request
    label: str = ""
    seen: Seen = field(default_factory=Seen)
    facts: Facts = field(default_factory=Facts)
    findings: list[Finding] = field(default_factory=list)

    @property
    def valid(self) -> bool:
        """Whether a whole and well-formed response came back."""
        return self.seen.ended == "finished" and self.seen.error is None

    @property
    def line(self) -> str:
        """Method and target, as findings name a request."""
        return f"{self.request.method.decode('latin-1')} {self.request.target.decode('latin-1')}"

    @property
    def outcome(self) -> str:
        """What came back, in a few words."""
        if self.facts.escaped is not None:
            return f"{self.facts.escaped!r:.120}"
        if self.seen.error is not None:
            return f"{self.seen.error!r:.120}"
        return f"status {self.seen.status}"

    def trace(self) -> list[dict[str, Any]]:
        """Return the events in the form that results hold."""
        timeline = Timeline()
        events = self.facts.events
        start = events[0].time if events else 0.0
        timeline.append(Event(start, "client", "open", 1))
        timeline.append(Event(start, "client", "sent", 1, {"bytes": sent(self.request)}))
        for event in events:
            timeline.append(event)
        end = events[-1].time if events else start
        answer = received(self.seen)
        if answer:
            timeline.append(Event(end, "client", "received", 1, {"bytes": answer}))
        if self.seen.ended:
            kind = "eof" if self.seen.ended == "finished" else "reset"
            timeline.append(Event(end, "client", kind, 1))
        return to_json(timeline)


def sent(request: Request) -> bytes:
    """Return a request as it would travel."""
    lines = [b"%s %s HTTP/%s" % (request.method, request.target, request.version)]
    lines += [name + b": " + value for name, value in request.fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + request.body[:BODY_SHOWN]


def received(seen: Seen) -> bytes:
    """Return a response as it would travel, its body shortened."""
    if seen.status is None:
        return b""
    lines = [b"HTTP/1.1 %d %s" % (seen.status, seen.reason)]
    lines += [name + b": " + value for name, value in seen.fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + seen.body[:BODY_SHOWN]


class Driver:
    """Sends requests to one application.

    Args:
        application: as the user's server would have it.
        timed: called before every exchange, so that a watch can be set.

    Attributes:
        requests: how many were sent.
    """

    def __init__(self, application: Any, timed: Callable[[], None] | None = None) -> None:
        self.application = application
        self.timed = timed
        self.requests = 0

    def exchange(
        self,
        request: Request,
        label: str = "",
        *,
        gateway: type[WatchedGateway] = WatchedGateway,
        changes: Mapping[str, Any] | None = None,
        inner: Inner | None = None,
        outer: Inner | None = None,
        ignore: Collection[str] = (),
    ) -> Exchange:
        """Send one request.

        Args:
            request: a fresh copy of it is sent.
            gateway: the kind of gateway.
            changes: to environ.
            inner: what to put between the validator and the application.
            outer: what to put between the gateway and the validator.
            ignore: rules that this exchange bends on the gateway's side.

        Errors:
            Gone: the application raised SystemExit or KeyboardInterrupt.
            RuntimeError: the validator failed, which is no fault of the application.
        """
        self.requests += 1
        if self.timed:
            self.timed()
        done = Exchange(replace(request, fields=list(request.fields)), label)
        running = type(gateway.__name__, (gateway,), {"facts": done.facts})
        application = inner(self.application) if inner else self.application
        judge = Validator(application, report="collect", notes=True, ignore=tuple(ignore))
        called = outer(judge) if outer else judge
        try:
            done.seen = drive(called, done.request, running, changes)
        except (SystemExit, KeyboardInterrupt) as error:
            raise Gone(error, done) from error
        finally:
            done.findings = judge.findings
        for raised in (done.facts.escaped, done.seen.error):
            if is_validators(raised):
                raise RuntimeError(f"the validator failed: {raised!r}") from raised
        # Whatever the application keeps there may go now.
        done.seen.environ = {}
        done.facts.events.append(Event(time.monotonic(), "app", "gone", 1))
        return done


def is_validators(error: BaseException | None) -> bool:
    """Whether an error is a defect of the validator, as far as that can be told for certain."""
    if isinstance(error, AttributeError):
        return type(error.obj).__module__.startswith("conformance.validation")
    if not isinstance(error, NameError):
        return False
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = trace.tb_frame.f_globals.get("__name__", "") if trace is not None else ""
    return str(name).startswith("conformance.validation")


def same_status(first: Exchange, second: Exchange) -> bool:
    """Whether two exchanges came out alike: both whole with one status, or both not."""
    return (first.valid, first.seen.status) == (second.valid, second.seen.status)


def answer(exchange: Exchange) -> dict[str, Any]:
    """Return what can be compared of what the application answered, by name."""
    return {
        "outcome": exchange.outcome,
        "header names": sorted(name.lower() for name in exchange.facts.names),
        "body": exchange.seen.body,
    }
