"""Plays the probe of a stored verdict again, on a server that has just been started."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.harness.environment import Environment
from conformance.harness.general import GENERAL_RULES
from conformance.harness.loop import Loop
from conformance.harness.runner import Options, Performance, run_directory
from conformance.probing import Probe
from conformance.results.model import Verdict
from conformance.roster import Subject
from conformance.rules import Rule
from conformance.trace import Event, from_json

__all__ = ["Again", "play_again", "sent_otherwise"]


@dataclass(frozen=True, slots=True)
class Again:
    """What came of it.

    Attributes:
        verdict: as it is now; None where the exchange said nothing about the rule.
        trace: as a results file holds it.
        version: of the subject. failure: why it was not played; "" where it was.
        otherwise: in what the bytes that were sent differ; "" where they are the same.
    """

    verdict: Verdict | None
    trace: dict[str, Any]
    version: str
    failure: str = ""
    otherwise: str = ""


def play_again(
    subject: Subject,
    environment: Environment,
    loop: Loop,
    probe: Probe,
    stored: Verdict,
    trace: Mapping[str, Any],
    rules: Mapping[str, Rule],
    folders: Sequence[Path],
    scale: float = 1.0,
) -> Again:
    """Start the subject, play the probe with the marker of the stored trace, stop it.

    The client half of a probe sends what it sent before, as long as nobody changed it; where the
    bytes differ it is said, and where.

    Args:
        loop: a new one. folders: where the probe came from. scale: multiplies all limits.

    Errors:
        KeyboardInterrupt: passed on once the server has been stopped.
    """
    options = Options({probe.name: probe}, rules, frozenset({stored.rule}), folders, scale)
    performance = Performance(subject, environment, options, loop)
    performance.marker = str(trace["marker"])
    with run_directory() as directory:
        try:
            performance.open(Path(directory))
            if performance.run.result.started:
                performance.play(probe)
                if stored.rule in GENERAL_RULES and stored.rule not in probe.rules:
                    performance.judge_generally(stored.rule)
        finally:
            performance.close()
    run = performance.run
    now: dict[str, Any] = next(iter(run.traces.values()), {"events": []})
    verdict = next((each for each in run.result.verdicts if each.rule == stored.rule), None)
    failure = "" if run.result.started else run.result.failure
    before, after = from_json(trace["events"]), from_json(now["events"])
    otherwise = "" if failure else sent_otherwise(before, after)
    return Again(verdict, now, run.result.version, failure, otherwise)


def sent_otherwise(before: Sequence[Event], after: Sequence[Event]) -> str:
    """Return in what the bytes differ that were sent in two traces; the ports may."""
    old, new = _sent(before), _sent(after)
    for number in sorted({*old, *new}):
        if number not in new or number not in old:
            return f"connection {number} was opened {'then' if number in old else 'now'} alone"
        if old[number] != new[number]:
            pairs = zip(old[number], new[number], strict=False)
            at = next((n for n, (a, b) in enumerate(pairs) if a != b), None)
            place = at if at is not None else min(len(old[number]), len(new[number]))
            return f"on connection {number} from byte {place} on"
    return ""


def _sent(events: Sequence[Event]) -> dict[int, bytes]:
    sent: dict[int, bytes] = {}
    port = b""
    for event in events:
        if event.kind == "open" and "address" in event.data:
            port = b":%d" % event.data["address"][1]
            sent.setdefault(event.subject, b"")
        elif event.kind == "sent":
            sent[event.subject] = sent.get(event.subject, b"") + event.data["bytes"]
    if not port:
        return sent
    return {number: re.sub(port + rb"(?!\d)", b":PORT", data) for number, data in sent.items()}
