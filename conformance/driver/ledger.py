"""Keeps what a judge in memory has to say of one subject: verdicts, and the evidence for them."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from conformance.harness.verify import failing
from conformance.results.model import SubjectResult, Verdict
from conformance.rules import Rule

__all__ = ["Evidence", "Ledger"]

STRENGTH = {"MUST": 2, "SHOULD": 1}
LONGEST = 400


class Evidence(Protocol):
    """One request, as far as a verdict is concerned."""

    label: str

    def trace(self) -> list[dict[str, Any]]:
        """Return what happened, in the form that results hold."""


def strength(level: str) -> int:
    """Return how strong a level is, NOT or no NOT: 2, 1 or 0."""
    return STRENGTH.get(level.removesuffix(" NOT"), 0)


@dataclass(kw_only=True)
class Ledger:
    """All that was found so far.

    Attributes:
        rules: all rules by id.
        verdicts: those that are broken, and advice. passes: the first pass of each rule.
    """

    rules: Mapping[str, Rule]
    verdicts: list[Verdict] = field(default_factory=list)
    passes: dict[str, Verdict] = field(default_factory=dict)
    _evidence: list[Evidence] = field(default_factory=list)

    def claim(
        self,
        rule: str,
        holds: bool,
        expected: str,
        observed: str,
        played: Evidence,
        level: str | None = None,
        exercised: bool = True,
    ) -> bool:
        """Say what came of a rule; a first pass and all different findings are kept.

        Args:
            level: a weaker level than the rule's for this observation; a stronger is not taken.
            exercised: whether holding it means a pass, as the subject did such a thing at all.
        """
        own: str = self.rules[rule].effective_level
        if level is not None and strength(level) < strength(own):
            own = level
        if holds:
            if exercised and rule not in self.passes:
                self.passes[rule] = self._verdict(rule, own, "pass", expected, observed, played)
        elif self._new(rule, expected):
            outcome = failing(own)
            self.verdicts.append(
                self._verdict(rule, own, outcome, expected, observed, played, True)
            )
        return holds

    def advise(
        self, rule: str, expected: str, observed: str, played: Evidence, broken: bool = False
    ) -> None:
        """Show something that is not judged, or that was already judged under another rule."""
        if self._new(rule, expected):
            own = self.rules[rule].effective_level
            verdict = self._verdict(rule, own, "info", expected, observed, played, broken)
            self.verdicts.append(verdict)

    def fault(self, rule: str, error: Exception, played: Evidence) -> None:
        """Say that the judging itself went wrong, of which a subject is never at fault."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__}: {error} at {last.filename}:{last.lineno}"
        own = self.rules[rule].effective_level
        wanted = "a judgement: please report that there was none"
        self.verdicts.append(self._verdict(rule, own, "error", wanted, where, played))

    def _new(self, rule: str, expected: str) -> bool:
        return all((old.rule, old.expected) != (rule, expected) for old in self.verdicts)

    def _verdict(
        self,
        rule: str,
        level: str,
        outcome: str,
        expected: str,
        observed: str,
        played: Evidence,
        broken: bool = False,
    ) -> Verdict:
        if not any(each is played for each in self._evidence):
            self._evidence.append(played)
        number = next(n for n, each in enumerate(self._evidence, 1) if each is played)
        scene, _, case = played.label.partition(": ")
        told = f"{observed} ({case})" if case else observed
        party, family = self.rules[rule].party, self.rules[rule].family
        return Verdict(
            rule, scene, level, party, outcome, expected[:LONGEST], told[:LONGEST], broken,
            str(number), family,
        )  # fmt: skip

    def close(self, result: SubjectResult, wanted: Callable[[str], bool]) -> dict[str, Any]:
        """Give a subject its verdicts, in the order of the rules; return their evidence by key.

        Args:
            wanted: which rules are reported.
        """
        broken = {verdict.rule for verdict in self.verdicts if verdict.broken}
        held = [verdict for rule, verdict in self.passes.items() if rule not in broken]
        order = {rule: number for number, rule in enumerate(self.rules)}
        found = [verdict for verdict in [*self.verdicts, *held] if wanted(verdict.rule)]
        found.sort(key=lambda verdict: order[verdict.rule])
        traces: dict[str, Any] = {}
        for number, verdict in enumerate(found):
            key = f"{result.name}/{verdict.trace}"
            if key not in traces:
                events = self._evidence[int(verdict.trace or 0) - 1].trace()
                traces[key] = {"probe": verdict.probe, "subject": result.name, "events": events}
            found[number] = replace(verdict, trace=key)
        result.verdicts = found
        return traces
