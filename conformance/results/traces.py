"""The evidence of a verdict, found in results."""

from __future__ import annotations

from conformance.results.judged import by_rule
from conformance.results.model import Results, ResultsError, SubjectResult, Verdict
from conformance.trace import Event, TraceError, from_json

__all__ = ["Event", "events_of", "find_subject", "find_verdict"]


def find_subject(results: Results, name: str) -> SubjectResult:
    """Return the subject of a name.

    Errors:
        ResultsError: there is none.
    """
    for subject in results.subjects:
        if subject.name == name:
            return subject
    names = ", ".join(subject.name for subject in results.subjects) or "none"
    raise ResultsError(f"{name}: no subject of that name in the results; there are: {names}")


def find_verdict(subject: SubjectResult, rule: str, probe: str | None = None) -> Verdict:
    """Return the worst verdict of a rule that has evidence.

    Args:
        probe: the probe that it has to be of, or None.

    Errors:
        ResultsError: there is none.
    """
    judged = by_rule(subject).get(rule)
    if judged is None:
        raise ResultsError(f"{subject.name}: {rule} was not judged")
    for verdict in judged.verdicts:
        if probe in (None, verdict.probe) and verdict.trace is not None:
            return verdict
    probes = ", ".join(verdict.probe for verdict in judged.verdicts if verdict.trace is not None)
    if not probes:
        raise ResultsError(f"{subject.name}: no evidence is stored for {rule}")
    raise ResultsError(f"{subject.name}: {rule} was judged by {probes}, not by {probe}")


def events_of(results: Results, verdict: Verdict) -> list[Event]:
    """Return the events that a verdict was judged from.

    Errors:
        ResultsError: they are not there, or not whole.
    """
    trace = results.traces.get(verdict.trace or "")
    if not isinstance(trace, dict) or not isinstance(trace.get("events"), list):
        raise ResultsError(f"{verdict.trace}: no such trace in the results")
    try:
        return from_json(trace["events"])
    except TraceError as error:
        raise ResultsError(f"{verdict.trace}: {error}") from error
