"""Runs the worker, again where it has ended too soon, and gathers its report as results.

An application that never answers, or that ends its process, costs the rest of that URL and no more.
"""

from __future__ import annotations

import json
import os
import platform
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from conformance import rules
from conformance.driver.case import SCENARIOS
from conformance.driver.check import Found, Played, parse_target
from conformance.driver.worker import IMPORT_FACTOR, Order
from conformance.reference.loading import LoadError
from conformance.results.model import SubjectResult, Verdict
from conformance.validation.catalogue import RULES

__all__ = ["Checked", "Supervisor", "make_jobs"]

# What escapes a hang or an exit is what is asked of every call.
ANSWERS = "app-returns-iterable"
SURVIVES = "app-reinvocable"
# An application that hangs or dies on this many URLs will do so on the others.
ENDINGS = 3
LOG_KEPT = 20_000


def make_jobs(targets: Sequence[str], globs: Sequence[str] = ()) -> list[tuple[int, str]]:
    """Return all jobs: every scenario, or those named like this, for each target in turn.

    Scenarios that an application may not survive come last, when all targets had the others.
    """
    chosen = [
        each
        for each in SCENARIOS.values()
        if not globs or any(fnmatchcase(each.name, glob) for glob in globs)
    ]
    return [
        (number, each.name)
        for last in (False, True)
        for number in range(len(targets))
        for each in chosen
        if each.last is last
    ]


@dataclass
class Checked:
    """All that came of a check.

    Attributes:
        result: the verdicts. traces: evidence by key. found: what the verdicts were made of, each
            with its scenario. scenarios: those that were played. made_up: number of
            requests of --fuzz.
    """

    result: SubjectResult
    traces: dict[str, Any] = field(default_factory=dict)
    found: list[tuple[str, Found]] = field(default_factory=list)
    scenarios: set[str] = field(default_factory=set)
    made_up: int = 0


class Supervisor:
    """Checks one application.

    Args:
        order: what to do.
        progress: called with the number of jobs done and of all.
        output: called with what the application wrote to its standard streams, line by line; they
            go to our own standard error where it is None.
        wanted: whether something is to be reported.
        name: of the subject in the results; the specification where it is None.
    """

    def __init__(
        self,
        order: Order,
        progress: Callable[[int, int], None] = lambda done, total: None,
        output: Callable[[str], None] | None = None,
        wanted: Callable[[Found], bool] = lambda found: True,
        name: str | None = None,
    ) -> None:
        self.order = order
        self.name = name or order.spec
        self.progress = progress
        self.output = output
        self.wanted = wanted
        self.total = len(order.jobs) + order.fuzz
        self.done = 0
        self.endings = 0
        self.loaded = False
        self.log: list[str] = []
        self.played: list[Played] = []
        self.failures: list[str] = []

    def run(self) -> Checked:
        """Check, to the end.

        Errors:
            LoadError: there is no such application. TargetError: a target is none.
        """
        begun = time.monotonic()
        for text in self.order.targets:
            parse_target(text)
        order: Order | None = self.order
        while order is not None:
            order = self.once(order)
        result = SubjectResult(
            self.name,
            self.order.spec,
            "application",
            python=f"{platform.python_implementation()} {platform.python_version()}",
            started=self.loaded,
            failure="\n".join(self.failures),
            command=["python", "-m", "conformance.driver", self.order.spec],
            duration=round(time.monotonic() - begun, 3),
            exchanges=sum(played.requests for played in self.played),
            log="".join(self.log)[-LOG_KEPT:],
        )
        return gather(result, self.played, self.wanted)

    def once(self, order: Order) -> Order | None:
        """Run one worker; return what is left to do, or None."""
        reading, writing = os.pipe()
        command = [sys.executable, "-m", "conformance.driver", "--worker", str(writing)]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if self.output else 2,
            stderr=subprocess.STDOUT if self.output else None,
            pass_fds=[writing],
        )
        os.close(writing)
        reader = threading.Thread(target=self.copy, args=(process.stdout,), daemon=True)
        reader.start()
        try:
            assert process.stdin is not None
            try:
                process.stdin.write(json.dumps(asdict(order)).encode())
                process.stdin.close()
            except BrokenPipeError:
                pass  # it is told below how the worker ended
            return self.follow(process, Messages(reading), order)
        finally:
            process.kill()
            process.wait()
            os.close(reading)
            if process.stdout is not None:
                reader.join(1)

    def copy(self, stream: Any) -> None:
        """Pass on what the application prints."""
        if stream is None or self.output is None:
            return
        with stream:
            for line in stream:
                text = line.decode("utf-8", "backslashreplace")
                self.log.append(text)
                del self.log[:-1000]
                self.output(text.rstrip("\n"))

    def follow(
        self, process: subprocess.Popen[bytes], messages: Messages, order: Order
    ) -> Order | None:
        """Take a worker's messages until its end; return what is left to do, or None."""
        doing: dict[str, Any] = {}
        limit = order.limit * IMPORT_FACTOR
        while True:
            message = messages.next(limit * 1.2 + 5)
            if message is None:
                break
            limit = order.limit
            kind = message.pop("kind")
            if kind == "not-loaded":
                raise LoadError(message["problem"])
            if kind == "loaded":
                self.loaded = True
            elif kind == "tick" and doing.get("scenario") == "fuzz":
                doing["request"] = message["request"]
                self.done = min(self.done + 1, self.total)
                self.progress(self.done, self.total)
            elif kind == "begun":
                doing = message
            elif kind == "played":
                played = Played.from_json(message)
                self.played.append(played)
                if played.gone:
                    return self.ended(order, doing, "raised " + played.gone["error"])
                self.done += played.scenario != "fuzz"
                self.progress(self.done, self.total)
            elif kind == "hang":
                return self.hung(order, doing, message)
            elif kind == "end":
                self.progress(self.total, self.total)
                return None
        if messages.late:
            where = "a place that cannot be told: it holds the interpreter"
            return self.hung(order, doing, {"where": where, "stack": ""})
        status = process.wait()
        told = f"exit status {status}" if status >= 0 else f"signal {-status}"
        return self.ended(order, doing, f"ended its process, {told}")

    def hung(self, order: Order, doing: dict[str, Any], message: dict[str, Any]) -> Order | None:
        """Note that the application does not come back."""
        where = shorter(message["where"])
        if not doing:
            raise LoadError(f"{order.spec}: the import does not end; it stays at {where}")
        observed = f"still at {where} after {order.limit:g} s"
        self.note(doing, ANSWERS, "hang", "an answer", observed)
        self.failures.append(
            f"{doing['scenario']} on {doing['url'] or 'a made-up request'}: {observed}\n"
            + message["stack"].rstrip()
        )
        return self.left(order, doing)

    def ended(self, order: Order, doing: dict[str, Any], observed: str) -> Order | None:
        """Note that the application has ended its process, or tried to."""
        if not doing:
            raise LoadError(f"{order.spec}: the import {observed}")
        self.note(doing, SURVIVES, "crash", "to be called again", "the application " + observed)
        url = doing["url"] or "a made-up request"
        self.failures.append(f"{doing['scenario']} on {url}: the application {observed}")
        return self.left(order, doing)

    def note(
        self, doing: dict[str, Any], rule: str, outcome: str, expected: str, observed: str
    ) -> None:
        """Add a verdict on what was being done."""
        level, party, _ = RULES[rule]
        replay = doing.get("request", "")
        found = Found(
            rule, level, party, outcome, expected, observed, request=doing["url"], replay=replay
        )
        if not (self.played and self.played[-1].gone):
            self.played.append(Played(doing["scenario"], doing["url"], requests=1))
        self.played[-1].found.append(found)

    def left(self, order: Order, doing: dict[str, Any]) -> Order | None:
        """Return what can still be done, with another process."""
        self.endings += 1
        if doing["scenario"] == "fuzz" or self.endings >= ENDINGS:
            return None
        number = order.targets.index(doing["url"])
        now = order.jobs.index((number, doing["scenario"]))
        jobs = [job for job in order.jobs[now + 1 :] if job[0] != number]
        self.done = len(self.order.jobs) - len(jobs)
        return replace(order, jobs=jobs) if jobs or order.fuzz else None


class Messages:
    """The lines of JSON that a worker writes."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.late = False
        self._lines = self._read()
        self._limit = 0.0
        self._selector = selectors.DefaultSelector()
        self._selector.register(descriptor, selectors.EVENT_READ)

    def next(self, limit: float) -> dict[str, Any] | None:
        """Return the next message; None at the end, or where none came in so many seconds."""
        self._limit = limit
        line = next(self._lines, None)
        if line is None:
            self._selector.close()
            return None
        message: dict[str, Any] = json.loads(line)
        return message

    def _read(self) -> Iterator[bytes]:
        rest = b""
        while True:
            while b"\n" not in rest:
                if not self._selector.select(self._limit):
                    self.late = True
                    return
                more = os.read(self.descriptor, 1 << 16)
                if not more:
                    return
                rest += more
            line, _, rest = rest.partition(b"\n")
            yield line


def gather(
    result: SubjectResult, played: Sequence[Played], wanted: Callable[[Found], bool]
) -> Checked:
    """Make verdicts: for each scenario every rule once if it held, else every finding once."""
    checked = Checked(result)
    broken: dict[tuple[str, str, str], tuple[Found, str | None]] = {}
    held: dict[tuple[str, str], tuple[Found, str | None]] = {}
    for number, one in enumerate(played):
        checked.scenarios.add(one.scenario)
        checked.made_up += one.requests if one.scenario == "fuzz" else 0
        for found in one.found:
            if not wanted(found):
                continue
            trace = None
            if found.trace is not None:
                trace = f"{result.name}/{one.scenario}/{number}.{found.trace}"
            if found.outcome == "pass":
                held.setdefault((found.rule, one.scenario), (found, trace))
            else:
                key = (found.rule, one.scenario, found.location or found.observed)
                broken.setdefault(key, (found, trace))
    failed = {(rule, scenario) for rule, scenario, _ in broken}
    told = [(scenario, *value) for (_, scenario, _), value in broken.items()]
    told += [(key[1], *value) for key, value in held.items() if key not in failed]
    for scenario, found, trace in told:
        checked.found.append((scenario, found))
        result.verdicts.append(verdict(scenario, found, trace))
    needed = {verdict.trace for verdict in result.verdicts}
    for number, one in enumerate(played):
        for place, events in one.traces.items():
            name = f"{result.name}/{one.scenario}/{number}.{place}"
            if name in needed:
                about = {"probe": one.scenario, "subject": result.name}
                checked.traces[name] = {**about, "events": events}
    return checked


def verdict(scenario: str, found: Found, trace: str | None) -> Verdict:
    """Return what is found as a verdict, which has one line for all that was observed."""
    observed = found.observed
    if found.outcome != "pass":
        observed += f", at {found.location}" if found.location else ""
        observed += f", in {found.request}" if found.request else ""
    return Verdict(
        found.rule,
        scenario,
        found.level,
        found.party,
        found.outcome,
        found.expected,
        observed,
        found.outcome != "pass",
        trace,
        rules.load()[found.rule].family,
    )


def shorter(where: str) -> str:
    """Return a place without the part that leads to the working directory."""
    return where.replace(os.getcwd() + os.sep, "")
