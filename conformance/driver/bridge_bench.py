"""What the scenes of a bridge work with: they send requests and make claims about rules."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from conformance.driver.bridges import Bridge
from conformance.driver.exchange import received, sent
from conformance.driver.ledger import Ledger
from conformance.driver.memory import Request, Seen
from conformance.driver.sandwich_below import Behaviour, Below, recorded_start
from conformance.paths import PACKAGE
from conformance.trace import Event, Timeline, to_json
from conformance.validation import Finding, Validator

__all__ = ["PLAIN", "Crossing", "Desk", "returns"]

PLAIN = ("Content-Type", "text/plain")
# What a request over this side of a bridge cannot help.
IGNORED = ("environ-other-cgi-variables",)
# A finding of the validator, and the rules under which a scene may have told of it before.
SAME_CAUSE = {
    "start-response-error-returns-write": (
        "start-response-error-first-call",
        "start-response-returns-write",
    )
}


@dataclass
class Crossing:
    """What came of one request.

    Attributes:
        label: what is special about it. request: what was asked.
        below: the application's side. seen: the client's.
    """

    label: str
    request: Request
    below: Below
    seen: Seen = field(default_factory=Seen)

    @property
    def whole(self) -> bool:
        """Whether a whole response came, and nothing was raised."""
        return self.seen.ended == "finished" and self.seen.error is None

    @property
    def notes(self) -> dict[str, Any]:
        """What the application wrote down."""
        return self.below.notes

    def told(self) -> str:
        """Return in a few words what came back."""
        if self.seen.error is not None:
            return f"{type(self.seen.error).__name__}: {self.seen.error}"[:160]
        if self.seen.ended != "finished":
            return "no end of the response"
        return f"{self.seen.status}, body {self.seen.body[:60]!r}"

    def trace(self) -> list[dict[str, Any]]:
        """Return the events in the form that results hold."""
        timeline = Timeline()
        events = self.below.events
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


@dataclass(kw_only=True)
class Desk(Ledger):
    """The bridge, and all that was found so far.

    Attributes:
        bridge: the bridge. timed: called before every request, so that a watch can be set.
        scene: the one that is being played. requests: how many were sent.
        passive: what the validator found about the bridge, in traffic of any scene.
        foreign: findings about the applications of the scenes; there should be none.
    """

    bridge: Bridge
    timed: Callable[[], None] | None = None
    scene: str = ""
    requests: int = 0
    passive: list[tuple[Finding, Crossing]] = field(default_factory=list)
    foreign: list[Finding] = field(default_factory=list)

    def cross(
        self,
        behave: Behaviour,
        label: str = "",
        request: Request | None = None,
        clean: bool = True,
        validator: bool = True,
    ) -> Crossing:
        """Send a request to an application through the bridge.

        Args:
            behave: what the application does.
            clean: whether what it does keeps to every rule.
            validator: whether one stands before the application; it makes an iterable of its own
                of many that the application returns.
        """
        self.requests += 1
        if self.timed:
            self.timed()
        below = Below(behave)
        label = f"{self.scene}: {label}" if label else self.scene
        crossing = Crossing(label, request or Request(), below)
        judge = Validator(below, report="collect", notes=True, ignore=IGNORED)

        def application(*arguments: Any, **keywords: Any) -> Any:
            given = [
                recorded_start(each, below) if number == 1 and callable(each) else each
                for number, each in enumerate(arguments)
            ]
            return (judge if validator else below)(*given, **keywords)

        crossing.seen = self.bridge.perform(application, crossing.request)
        if below.calls:
            below.events.append(Event(time.monotonic(), "app", "gone", 2))
        for finding in judge.findings:
            if finding.party != "server":
                if clean:
                    self.foreign.append(finding)
                continue
            self.passive.append((finding, crossing))
        return crossing

    def add_passive(self) -> None:
        """Make claims of what the validator found, unless a scene has told of the same cause."""
        told = {verdict.rule for verdict in self.verdicts if verdict.broken}
        for finding, crossing in self.passive:
            known = {finding.rule, *SAME_CAUSE.get(finding.rule, ())} & told
            if known or finding.rule.startswith("close-"):
                continue
            ours = finding.location.startswith(str(PACKAGE))
            where = f" at {finding.location}" if finding.location and not ours else ""
            seen = f"{finding.observed}{where}"
            self.claim(finding.rule, False, finding.expected, seen, crossing, finding.level)


def returns(
    items: Any, status: str = "200 OK", fields: list[tuple[str, str]] | None = None
) -> Behaviour:
    """Return an application's behaviour: one response.

    Args:
        items: blocks for a watched iterator; or a function of ``Below`` that gives the iterable.
    """

    def behave(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        start_response(status, list([PLAIN] if fields is None else fields))
        return items(below) if callable(items) else below.blocks(items)

    return behave
