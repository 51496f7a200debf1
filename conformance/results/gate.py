"""The gate: what of the findings was not expected, and what was expected and did not come.

Everything that turns a run red is decided here, once, so that the exit code, the JUnit file, the
annotations and the texts for people never disagree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from conformance.results.baseline import Baseline, Entry
from conformance.results.judged import BROKEN, by_rule
from conformance.results.model import Results, SubjectResult, Verdict, counts

__all__ = ["Finding", "Gate", "judge"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a subject broke, at a level that counts.

    Attributes:
        verdicts: those that count, worst first.
        entry: of the baseline that expects it, or None.
    """

    subject: SubjectResult
    rule: str
    verdicts: tuple[Verdict, ...]
    entry: Entry | None = None

    @property
    def worst(self) -> Verdict:
        """The verdict that is told first."""
        return self.verdicts[0]


@dataclass(slots=True)
class Gate:
    """What came of comparing results with what is expected of them.

    Attributes:
        fail_on: the level that counts, ``must`` or ``should``.
        unexpected: findings that no entry covers; expected: those that one does.
        stale: entries of what was judged and is not broken any more.
        absent: entries of subjects that are not in the results.
        unjudged: subjects of which nothing was judged, with the reason.
    """

    fail_on: str
    unexpected: list[Finding] = field(default_factory=list)
    expected: list[Finding] = field(default_factory=list)
    stale: list[Entry] = field(default_factory=list)
    absent: list[Entry] = field(default_factory=list)
    unjudged: list[tuple[SubjectResult, str]] = field(default_factory=list)

    @property
    def red(self) -> bool:
        """Whether there is a finding: something unexpected, or an entry that is stale."""
        return bool(self.unexpected or self.stale)

    def covered(self, subject: str, verdict: Verdict) -> bool:
        """Whether a verdict is among what was expected."""
        return any(
            finding.subject.name == subject and verdict in finding.verdicts
            for finding in self.expected
        )

    def finding(self, subject: str, rule: str) -> Finding | None:
        """Return the finding of a subject and a rule, expected or not, or None."""
        both = (*self.unexpected, *self.expected)
        return next((f for f in both if (f.subject.name, f.rule) == (subject, rule)), None)

    def stale_entry(self, subject: str, rule: str) -> Entry | None:
        """Return the stale entry of a subject and a rule, or None."""
        return next((e for e in self.stale if (e.subject, e.rule) == (subject, rule)), None)


def judge(
    results: Results,
    fail_on: str,
    baseline: Baseline | None = None,
    partial: bool = False,
    excused: Collection[str] = (),
) -> Gate:
    """Return what of some results is unexpected.

    Args:
        fail_on: ``must``, ``should`` or ``never``; with the last, what ``must`` would count is
            told all the same.
        baseline: what is expected, or None for nothing.
        partial: whether some checks of a rule were left out, so that a rule that seems to hold may
            be broken by another of its checks: no entry is stale then.
        excused: names of subjects that nobody expected to be judged here.
    """
    gate = Gate("must" if fail_on == "never" else fail_on)
    baseline = baseline or Baseline("")
    for subject in results.subjects:
        if not (subject.started and subject.verdicts) and subject.name not in excused:
            gate.unjudged.append((subject, subject.failure or "no rule was judged"))
        for finding in _findings(subject, gate.fail_on, baseline):
            (gate.expected if finding.entry else gate.unexpected).append(finding)
    present = {subject.name: subject for subject in results.subjects}
    for entry in baseline.entries:
        if entry.subject not in present:
            gate.absent.append(entry)
        elif not partial and _holds(present[entry.subject], entry.rule):
            gate.stale.append(entry)
    return gate


def _findings(subject: SubjectResult, fail_on: str, baseline: Baseline) -> Iterator[Finding]:
    for rule, judged in by_rule(subject).items():
        entry = baseline.find(subject.name, rule)
        failing = [each for each in judged.verdicts if counts(each, fail_on)]
        known = tuple(each for each in failing if entry is not None and entry.covers(each))
        new = tuple(each for each in failing if each not in known)
        if new:
            yield Finding(subject, rule, new)
        if known:
            yield Finding(subject, rule, known, entry)


def _holds(subject: SubjectResult, rule: str) -> bool:
    """Whether a rule was judged in full, and nothing is broken."""
    judged = by_rule(subject).get(rule)
    return (
        judged is not None
        and judged.conclusive
        and all(each.outcome not in BROKEN for each in judged.verdicts)
    )
