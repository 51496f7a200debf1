"""The evidence inside the HTML report: small enough to travel with it, and read on demand.

Events stand once for all subjects in a pool, without what differs from run to run
(``conformance.report.normal``); a trace is a sequence of numbers in it, and sequences stand once as
well. Times are a column of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.report.normal import ROOMY, TIGHT, Bounds, Home, Normal, is_number
from conformance.report.pack import to_json, varints, zigzag
from conformance.results import Results, SubjectResult

__all__ = ["EXACT", "FINDINGS", "Detail", "Evidence", "Stored", "collect"]

FINDINGS = frozenset({"fail", "warn", "hang", "crash", "error"})
# What the suite tells itself, what a pass can be understood without, and what goes without saying.
BOOKKEEPING = frozenset({"mark", "gone", "opened-gate"})
INCIDENTAL = frozenset({"mark", "scene", "log"})
FORMAL = frozenset(
    {"open", "closed", "returned", "iterable", "start_response-returned", "write-returned"}
)
# The first of each of these is the question and the answer.
ASKED = frozenset({"sent", "called", "received"})
# Where there is room for no more events of a pass than these, none of them is a formal one.
FEW_EVENTS = 8
# With more traces than this, of many bytes only a little can be shown.
FEW = 3000


@dataclass(frozen=True, slots=True)
class Detail:
    """How much of the evidence a page holds.

    Attributes:
        exact: whether with object addresses, ports of the client, and times to the microsecond.
        passes: of a pass, so many of the events that matter; None for all there are.
    """

    exact: bool
    passes: int | None


EXACT = Detail(True, None)


@dataclass(slots=True)
class Stored:
    """One trace, its events as numbers.

    Attributes:
        subject: number of the subject; at: of its marker and port in the subject's home.
        finding: whether a verdict rests on it that is held against somebody.
        bodies: numbers of its events in the pool; of: of each, the connection or the call.
        micros: of each, microseconds from the first event.
        weight: of each, 0 where it is what the suite only told itself, 1 where a pass can be
            understood without it, 2 where it goes without saying, 3 where it says what was asked
            and what came of it, 4 where it does so first.
        clocks, elided: of each, what was taken out.
    """

    subject: int
    at: tuple[int, int]
    finding: bool
    bodies: list[int] = field(default_factory=list)
    of: list[int] = field(default_factory=list)
    micros: list[int] = field(default_factory=list)
    weight: list[int] = field(default_factory=list)
    clocks: list[tuple[int, ...]] = field(default_factory=list)
    elided: list[tuple[str, ...]] = field(default_factory=list)

    def kept(self, detail: Detail) -> Sequence[int]:
        """Return which of its events a page of some detail has."""
        everything = range(len(self.bodies))
        if detail.exact:
            return everything
        if self.finding or detail.passes is None:
            return [at for at in everything if self.weight[at]]
        if detail.passes > FEW_EVENTS:
            return [at for at in everything if self.weight[at] >= 2][: detail.passes]
        # The sort is stable: what weighs the same stays in its order.
        told = sorted((at for at in everything if self.weight[at] > 2), key=self._lightness)
        return sorted(told[: detail.passes])

    def _lightness(self, at: int) -> int:
        return -self.weight[at]


@dataclass(slots=True)
class Evidence:
    """All traces of a page, and the pools that they share.

    Attributes:
        homes: one for each subject; bounds: how many bytes of an event are shown.
        traces: in the order of the probes, and in each of the subjects.
        numbers: place in ``traces`` of each subject's traces, by subject and key.
        items, bodies: texts and their numbers.
    """

    homes: list[Home]
    bounds: Bounds
    traces: list[Stored] = field(default_factory=list)
    numbers: dict[tuple[int, str], int] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    bodies: dict[str, int] = field(default_factory=dict)

    def add(self, stored: Stored, key: str, events: Iterable[Any]) -> None:
        """Take in the events of a trace."""
        normal = Normal(self.homes[stored.subject], stored.at, self.bounds)
        fences: set[str] = set()
        asked: set[str] = set()
        for event in events:
            if not isinstance(event, dict):
                continue
            at = len(normal.clocks), len(normal.elided)
            text, items = normal.body(event)
            for name in items:
                self.items.setdefault(name, len(self.items))
            if items:
                text += "\t" + ",".join(str(self.items[name]) for name in items)
            stored.bodies.append(self.bodies.setdefault(text, len(self.bodies)))
            of = event.get("of", 0)
            stored.of.append(of if is_number(of) else 0)
            stored.micros.append(_micros(event.get("ms")))
            stored.weight.append(_weight(event, fences, asked))
            stored.clocks.append(tuple(normal.clocks[at[0] :]))
            stored.elided.append(tuple(normal.elided[at[1] :]))
        self.numbers[stored.subject, key] = len(self.traces)
        self.traces.append(stored)

    def encoded(self, detail: Detail) -> tuple[bytes, bytes]:
        """Return the pools, and the traces, of a page of some detail."""
        bodies: dict[int, int] = {}
        sequences: dict[tuple[tuple[int, int], ...], int] = {}
        rows = []
        for trace in self.traces:
            kept = trace.kept(detail)
            of = [0, *(trace.of[at] for at in kept)]
            sequence = tuple(
                (bodies.setdefault(trace.bodies[at], len(bodies)), zigzag(here - before))
                for at, before, here in zip(kept, of, of[1:], strict=False)
            )
            rows.append((trace, kept, sequences.setdefault(sequence, len(sequences))))
        texts = list(self.bodies)
        pools = "\n".join(self.items) + "\x00" + "\n".join(texts[number] for number in bodies)
        columns = [
            varints(map(len, sequences)),
            varints(body for sequence in sequences for body, _ in sequence),
            varints(of for sequence in sequences for _, of in sequence),
            varints(number for _, _, number in rows),
            varints(_about(rows)),
            varints(len(trace.bodies) - len(kept) for trace, kept, _ in rows),
            varints(_clocks(rows)),
            varints(_times(rows, detail)),
        ]
        sizes = varints([len(sequences), len(rows), *map(len, columns)])
        values = to_json(_values(rows)) if detail.exact else b"[]"
        return pools.encode("ascii"), sizes + b"".join(columns) + values


Row = tuple[Stored, Sequence[int], int]


def _about(rows: Iterable[Row]) -> Iterator[int]:
    """For each trace its subject, after the one before, its marker and port, and its weight."""
    before = 0
    for trace, _, _ in rows:
        yield zigzag(trace.subject - before)
        yield from (*trace.at, int(trace.finding))
        before = trace.subject


def _clocks(rows: Iterable[Row]) -> Iterator[int]:
    """For each trace the number of its times of day, then each after the last of its subject.

    Where all are the same there is one.
    """
    last: dict[int, int] = {}
    for trace, kept, _ in rows:
        clocks = [clock for at in kept for clock in trace.clocks[at]]
        if len(set(clocks)) == 1:
            del clocks[1:]
        yield len(clocks)
        for clock in clocks:
            yield zigzag(clock - last.get(trace.subject, 0))
            last[trace.subject] = clock


STEPS = {True: 2, False: 1}
"""Steps in which times double where they are not exact: in a finding, and in a pass."""


def _times(rows: Iterable[Row], detail: Detail) -> Iterator[int]:
    """For each event the time since the one before: microseconds, or steps on a scale of powers."""
    for trace, kept, _ in rows:
        clock = 0.0
        for at in kept:
            passed = trace.micros[at] - clock
            if detail.exact:
                yield zigzag(round(passed))
                clock += passed
                continue
            steps = STEPS[trace.finding]
            step = round(steps * math.log2(1 + abs(passed)))
            yield zigzag(step if passed >= 0 else -step)
            clock += math.copysign(2 ** (step / steps) - 1, passed)


def _values(rows: Iterable[Row]) -> list[list[str]]:
    return [[value for at in kept for value in trace.elided[at]] for trace, kept, _ in rows]


def _micros(ms: Any) -> int:
    fine = isinstance(ms, (int, float)) and abs(ms) < 1e12
    return round(ms * 1000) if fine else 0


def _weight(event: Mapping[str, Any], fences: set[str], asked: set[str]) -> int:
    """How much an event tells of what a probe asks.

    Remembers the calls that are fences, and what of the first question and answer has been told.
    """
    kind, of = str(event.get("kind")), str(event.get("of"))
    if event.get("eye") == "app" and kind == "called" and "says" in event:
        fences.add(of)
    if kind in BOOKKEEPING and event.get("met") is not False:
        return 0
    if kind in INCIDENTAL or (event.get("eye") == "app" and of in fences):
        return 1
    if kind in ASKED and kind not in asked:
        asked.add(kind)
        return 4
    return 2 if kind in FORMAL else 3


def collect(results: Results) -> Evidence:
    """Return all the evidence that verdicts and facts point to."""
    found: dict[str, dict[tuple[int, str], bool]] = {}
    for number, subject in enumerate(results.subjects):
        for key, finding in _findings(subject).items():
            trace = results.traces.get(key)
            if isinstance(trace, dict) and isinstance(trace.get("events"), list):
                found.setdefault(str(trace.get("probe")), {})[number, key] = finding
    few = sum(map(len, found.values())) <= FEW
    evidence = Evidence([Home() for _ in results.subjects], ROOMY if few else TIGHT)
    for by_subject in found.values():
        for (number, key), finding in by_subject.items():
            trace = results.traces[key]
            stored = Stored(number, evidence.homes[number].of(trace), finding)
            evidence.add(stored, key, trace["events"])
    return evidence


def _findings(subject: SubjectResult) -> dict[str, bool]:
    """Keys of a subject's traces, and whether a finding rests on each."""
    findings: dict[str, bool] = {}
    for verdict in subject.verdicts:
        if verdict.trace is not None:
            grave = verdict.outcome in FINDINGS or verdict.broken
            findings[verdict.trace] = findings.get(verdict.trace, False) or grave
    for fact in subject.facts:
        if fact.trace is not None:
            findings.setdefault(fact.trace, False)
    return findings
