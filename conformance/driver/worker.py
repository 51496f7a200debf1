"""The process that imports and runs the user's application, and reports job by job.

Each message is one line of JSON on a descriptor of its own: the application may print what it
likes, end the process or never come back.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field
from typing import Any

from conformance.driver.check import Application, Found, Played, parse_target, readable
from conformance.driver.watch import Watch
from conformance.reference.loading import LoadError, load_application

__all__ = ["HUNG", "TRAPPED", "Order", "known_as", "run_worker"]

HUNG = 70
"""Exit status of a worker that gave up on a request."""
# Imports are let take longer than a request.
IMPORT_FACTOR = 6
TRAPPED = "errors-trapped-by-application"


@dataclass
class Order:
    """What a worker has to do, as it is told it: plain data.

    Attributes:
        spec: ``MODULE:ATTR``. targets: as the user wrote them. body, content_type: for the methods
            that have one.
        jobs: number of the target and name of the scenario, in order.
        limit: seconds for one request.
        fuzz, seed, known: number of requests to make up, and the seed; rules found broken before.
        replay: a stored request to send, or None.
    """

    spec: str
    targets: list[str]
    body: str = ""
    content_type: str = "application/x-www-form-urlencoded"
    jobs: list[tuple[int, str]] = field(default_factory=list)
    limit: float = 10.0
    fuzz: int = 0
    seed: int = 0
    known: list[str] = field(default_factory=list)
    replay: str | None = None


class Reporter:
    """Writes messages, each whole."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._lock = threading.Lock()

    def tell(self, kind: str, **data: Any) -> None:
        """Write one message."""
        line = json.dumps({"kind": kind, **data}).encode("ascii") + b"\n"
        with self._lock:
            while line:
                line = line[os.write(self.descriptor, line) :]


def run_worker(order: Order, descriptor: int) -> None:
    """Do what was ordered and report.

    Args:
        descriptor: where messages go.
    """
    reporter = Reporter(descriptor)
    doing: dict[str, Any] = {}

    def late(where: str, stack: str) -> None:
        reporter.tell("hang", where=where, stack=stack, **doing)
        os._exit(HUNG)

    importing = Watch(order.limit * IMPORT_FACTOR, late)
    importing.begin()
    try:
        application = load_application(order.spec)
    except LoadError as error:
        reporter.tell("not-loaded", problem=str(error))
        return
    importing.end()
    reporter.tell("loaded")
    watch = Watch(order.limit, late)

    def timed() -> None:
        reporter.tell("tick", request=doing.get("request", ""))
        watch.begin()

    body, kind = order.body.encode("latin-1"), order.content_type.encode("latin-1")
    targets = [parse_target(text, body, kind) for text in order.targets]
    subject = Application(application, targets, timed)
    for number, scenario in order.jobs:
        doing.update(scenario=scenario, url=order.targets[number])
        reporter.tell("begun", **doing)
        try:
            played = subject.play(number, scenario)
        except Exception as error:
            played = of_our_own(error, doing)
        watch.end()
        reporter.tell("played", **played.to_json())
        if played.gone:
            return
        known = {
            known_as(found.rule, found.location or found.observed)
            for found in played.found
            if found.outcome != "pass"
        }
        order.known = sorted({*order.known, *known})
    if order.fuzz or order.replay is not None:
        from conformance.driver import fuzz

        doing.update(scenario="fuzz", url="")
        reporter.tell("begun", **doing)
        for played in fuzz.run(subject.driver, order, targets, doing):
            reporter.tell("played", **played.to_json())
            if played.gone:
                return
    watch.end()
    reporter.tell("end")


def known_as(rule: str, location: str) -> str:
    """Return what makes a finding a known one: the rule, of an escaped error its place too."""
    return f"{rule} {readable(location)}" if rule == TRAPPED else rule


def of_our_own(error: Exception, doing: dict[str, Any]) -> Played:
    """Return what is said where the driver itself failed."""
    played = Played(doing["scenario"], doing["url"])
    # A rule is needed to hang it on; every scenario calls the application more than once.
    played.found.append(
        Found(
            "app-reinvocable",
            "MUST",
            "application",
            "error",
            "a driver that works",
            f"{type(error).__name__}: {error}"[:300],
        )
    )
    return played
