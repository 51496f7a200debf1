"""Plays scenarios on an application and says what came of each rule, one job at a time.

A job is one scenario on one URL. What comes of it is plain data, since it travels from the process
that runs the application to the one that reports.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote

from conformance.driver import scenarios_asked, scenarios_called, scenarios_ended
from conformance.driver.case import SCENARIOS, Case, Site
from conformance.driver.exchange import Driver, Exchange, Gone
from conformance.driver.exercised import exercised
from conformance.driver.memory import Request
from conformance.validation import Finding
from conformance.validation.catalogue import RULES

__all__ = ["Application", "Found", "Played", "Target", "TargetError", "parse_target"]

# In the order in which they are played.
_LOADED = (scenarios_asked, scenarios_called, scenarios_ended)
OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
UNRESERVED = "/?#[]@!$&'()*+,;=:%~-._"
METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FORM = b"application/x-www-form-urlencoded"
# Findings of one rule in one scenario that are kept, each at another place or of another kind.
KEPT = 5


class TargetError(ValueError):
    """Not a path, nor a method and a path."""


@dataclass(frozen=True)
class Target:
    """A URL to ask for.

    Attributes:
        text: as the user wrote it. request: what is sent.
        chosen: whether the user chose the method too.
    """

    text: str
    request: Request
    chosen: bool = False


def parse_target(text: str, body: bytes = b"", content_type: bytes = FORM) -> Target:
    """Return the target that ``PATH`` or ``METHOD PATH`` names.

    Args:
        text: the path may have a query; characters beyond ASCII are percent-encoded as UTF-8.
        body, content_type: for a method other than GET and HEAD.

    Errors:
        TargetError: it does not begin with a slash, or the method is none.
    """
    method, space, path = text.strip().partition(" ")
    if not space:
        method, path = "GET", method
    path = path.strip()
    if not path.startswith("/"):
        raise TargetError(f"{text!r}: write a path that begins with a slash, or METHOD /path")
    if not METHOD.fullmatch(method):
        raise TargetError(f"{text!r}: {method!r} is not a method")
    target = quote(path.partition("#")[0], safe=UNRESERVED).encode("ascii")
    sent = b"" if method in ("GET", "HEAD") else body
    fields = [(b"Content-Type", content_type)] if sent else []
    request = Request(method.encode("ascii"), target, fields=fields, body=sent)
    return Target(text, request, chosen=bool(space))


@dataclass(frozen=True)
class Found:
    """One rule that one job found broken, or put to the test and found kept.

    Attributes:
        rule, level, party, expected, observed: as in a verdict.
        outcome: ``pass``, ``fail``, ``warn``, ``info`` or ``error``.
        location: ``file.py:12``, or empty; request: method and target, with what was special.
        trace: number of the exchange in ``Played.traces``, or None.
        replay: the line that makes a made-up request again, or empty.
    """

    rule: str
    level: str
    party: str
    outcome: str
    expected: str
    observed: str
    location: str = ""
    request: str = ""
    trace: int | None = None
    replay: str = ""


@dataclass
class Played:
    """What came of one job; ``to_json`` makes plain data of it.

    Attributes:
        scenario, url: which job. requests: how many were sent.
        found: rule by rule. traces: events of the exchanges that matter, by number.
        gone: what the application raised to end the interpreter, and in which request, or None.
    """

    scenario: str
    url: str
    requests: int = 0
    found: list[Found] = field(default_factory=list)
    traces: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    gone: dict[str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Played:
        """Undo ``to_json``."""
        data = dict(data)
        data["found"] = [Found(**each) for each in data["found"]]
        return cls(**data)


class Application:
    """An application under examination.

    Args:
        application: the object to call.
        targets: what to ask for.
        timed: called before every request.
    """

    def __init__(
        self,
        application: Any,
        targets: Sequence[Target],
        timed: Callable[[], None] | None = None,
    ) -> None:
        self.driver = Driver(application, timed)
        self.targets = list(targets)
        self._sites: dict[int, Site] = {}

    def play(self, number: int, scenario: str) -> Played:
        """Play a scenario on the target of that number."""
        target = self.targets[number]
        if number not in self._sites:
            self._sites[number] = Site(self.driver, target.request, target.chosen)
        case = Case(self._sites[number])
        played = Played(scenario, target.text)
        before = self.driver.requests
        try:
            SCENARIOS[scenario].play(case)
        except Gone as error:
            case.exchanges.append(error.exchange)
            played.gone = {
                "error": f"{type(error.error).__name__}: {error.error}",
                "request": request_line(error.exchange),
            }
        played.requests = self.driver.requests - before
        judge(case, played)
        return played


def judge(case: Case, played: Played) -> None:
    """Turn what a case saw into what was found, with the traces that show it."""
    shown = Traces(case.exchanges)
    broken: dict[tuple[str, str], Found] = {}
    for exchange in case.exchanges:
        for finding in exchange.findings:
            found = of_finding(finding, exchange, shown)
            if found is not None:
                add(broken, found)
    passed: dict[str, Exchange] = {}
    for judgement in case.judgements:
        if not judgement.broken:
            passed.setdefault(judgement.rule, judgement.exchange)
            continue
        level, party, _ = RULES[judgement.rule]
        level = judgement.level or level
        where = judgement.exchange
        found = Found(
            judgement.rule,
            level,
            party,
            outcome_at(level),
            judgement.expected,
            judgement.observed,
            request=request_line(where),
            trace=shown.number(where),
        )
        add(broken, found)
    for exchange in case.exchanges:
        for rule in sorted(exercised(exchange)):
            if rule in RULES:
                passed.setdefault(rule, exchange)
    kept = [*broken.values()]
    rules = {found.rule for found in kept}
    for rule, exchange in passed.items():
        if rule not in rules:
            kept.append(a_pass(rule, exchange, shown))
    played.found = kept
    played.traces = shown.rows


def add(broken: dict[tuple[str, str], Found], found: Found) -> None:
    """Keep a finding, if it is not there already and the rule has not had its share."""
    key = (found.rule, found.location or found.observed)
    if key not in broken and sum(rule == found.rule for rule, _ in broken) < KEPT:
        broken[key] = found


def of_finding(finding: Finding, exchange: Exchange, shown: Traces) -> Found | None:
    """Return what the validator found; None where it found our gateway to do what it may not.

    A gateway that is sparse on purpose leaves out what a server should give; no more than that.
    """
    outcome = outcome_at(finding.level)
    if finding.party == "server":
        if not finding.level.startswith("MUST"):
            return None
        outcome = "error"
    return Found(
        finding.rule,
        finding.level,
        finding.party,
        outcome,
        finding.expected,
        finding.observed,
        readable(finding.location),
        request_line(exchange),
        shown.number(exchange),
    )


def a_pass(rule: str, exchange: Exchange, shown: Traces) -> Found:
    """Return what is said of a rule that was put to the test and held."""
    level, party, _ = RULES[rule]
    return Found(
        rule,
        level,
        party,
        "pass",
        "the rule to hold",
        "nothing amiss",
        request=request_line(exchange),
        trace=shown.number(exchange),
    )


class Traces:
    """The exchanges that are shown as evidence."""

    def __init__(self, exchanges: Iterable[Exchange]) -> None:
        self.places = {id(exchange): number for number, exchange in enumerate(exchanges)}
        self.rows: dict[int, list[dict[str, Any]]] = {}

    def number(self, exchange: Exchange) -> int:
        """Return the number of an exchange, whose trace is then kept."""
        number = self.places.setdefault(id(exchange), len(self.places))
        if number not in self.rows:
            self.rows[number] = exchange.trace()
        return number


def outcome_at(level: str) -> str:
    """Return the outcome of a finding of some level."""
    word = level.partition(" ")[0]
    return {"MUST": "fail", "SHOULD": "warn"}.get(word, "info")


def request_line(exchange: Exchange) -> str:
    """Return method, target and what was special."""
    return f"{exchange.line} ({exchange.label})" if exchange.label else exchange.line


def readable(location: str) -> str:
    """Return a location without the part that leads to the working directory."""
    if not location or location.startswith(OURS):
        return ""
    here = os.getcwd() + os.sep
    return location[len(here) :] if location.startswith(here) else location
