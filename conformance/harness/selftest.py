"""Checks the checks: every twin is served and judged like any other server."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.harness.environment import current
from conformance.harness.loop import Loop
from conformance.harness.runner import Options, Run, run_subject
from conformance.probing import Probe
from conformance.reference.twins import Twin
from conformance.results.model import Verdict
from conformance.roster import Subject
from conformance.rules import Rule

__all__ = ["TwinReport", "check_twin", "twin_subject"]

BROKEN = ("fail", "warn", "hang", "crash")


@dataclass(frozen=True, slots=True)
class TwinReport:
    """What came of one twin.

    Attributes:
        missed: rules a bad twin breaks without being caught, or the reason it could not be tried.
        unrelated: verdicts against rules that the twin has nothing to do with.
    """

    twin: Twin
    missed: tuple[str, ...]
    unrelated: tuple[Verdict, ...]

    @property
    def right(self) -> bool:
        """Whether the twin was judged as it should be."""
        return not self.missed and not self.unrelated


def twin_subject(twin: Twin) -> Subject:
    """Return the twin as a server that can be started."""
    return Subject(
        name=f"twin-{twin.name}",
        title=twin.summary,
        command=(
            *("{python}", "-m", "conformance.reference", "{app}"),
            *("--host", "{host}", "--port", "{port}", "--twin", f"{twin.file}:{twin.name}"),
        ),
    )


def check_twin(
    twin: Twin,
    probes: Mapping[str, Probe],
    rules: Mapping[str, Rule],
    folders: tuple[Path, ...],
    *,
    others: int = 0,
    scale: float = 0.2,
) -> TwinReport:
    """Serve a twin and judge it.

    Args:
        others: play one in so many of the probes that are about other rules too, to see whether the
            twin upsets any that it should not; 1 for all of them, 0 for none. Which ones it is
            depends on the twin, so that over many twins each probe has its turn.
        scale: multiplies all limits; a twin that hangs should not take long.
    """
    own = probes_of(twin, probes)
    played = {
        name: probe
        for name, probe in probes.items()
        # A new start for each kind of application takes long, and is about nothing else.
        if name in own or (others and not probe.starts_anew and _has_its_turn(twin, name, others))
    }

    def judged(played: Mapping[str, Probe], scale: float) -> TwinReport:
        options = Options(played, rules, frozenset(rules), folders, scale, evidence=False)
        subject = twin_subject(twin)
        loop = Loop()
        try:
            return report(twin, run_subject(subject, current(subject), options, loop))
        finally:
            loop.close()

    first = judged(played, scale)
    late = {verdict.probe for verdict in first.unrelated if verdict.outcome == "hang"} & {*played}
    if not late:
        return first
    # Under a short limit a busy machine looks like a hang; under the whole one it does not.
    again = judged({name: played[name] for name in late}, 1.0)
    timely = (verdict for verdict in first.unrelated if verdict.probe not in late)
    return TwinReport(twin, first.missed, (*timely, *again.unrelated))


def _has_its_turn(twin: Twin, probe: str, others: int) -> bool:
    return zlib.crc32(f"{twin.name} {probe}".encode()) % others == 0


def probes_of(twin: Twin, probes: Mapping[str, Probe]) -> Mapping[str, Probe]:
    """Return the probes that judge a twin's rules; all where only the general checks do."""
    own = {name: probe for name, probe in probes.items() if set(twin.rules) & set(probe.rules)}
    return own or probes


def report(twin: Twin, run: Run) -> TwinReport:
    """Compare a run with what the twin is for."""
    if not run.result.started:
        return TwinReport(twin, (f"did not start: {run.result.failure}",), ())
    broken = [verdict for verdict in run.result.verdicts if verdict.outcome in BROKEN]
    errors = [verdict for verdict in run.result.verdicts if verdict.outcome == "error"]
    # A rule that is reported as undefined shows its breach as ``info``, a twin's like any other.
    shown = [verdict for verdict in run.result.verdicts if verdict.broken]
    caught = {verdict.rule for verdict in broken + shown}
    expected = {*twin.rules, *twin.also} if twin.bad else set()
    missed = [rule for rule in twin.rules if twin.bad and rule not in caught]
    unrelated = [verdict for verdict in broken + errors if verdict.rule not in expected]
    return TwinReport(twin, tuple(missed), tuple(unrelated))
