"""The verbs that do all the judging; a probe states, it never decides an outcome itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.rules import Rule

__all__ = ["Claim", "Judgement", "ProbeMistake", "Verify", "failing", "worst"]

# From best to worst; several judgements of one rule in one probe make the worst of them.
ORDER = ("pass", "info", "unsupported", "warn", "fail", "hang", "crash", "error")
LONGEST_TEXT = 400


class ProbeMistake(Exception):
    """A probe that judges what it did not declare, or forgot to judge what it did."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One rule, one outcome, and the two lines that explain it.

    ``broken`` is set wherever a claim did not hold, also where that is only shown, as ``info``.
    """

    rule: str
    outcome: str
    expected: str
    observed: str
    broken: bool = False


def failing(level: str) -> str:
    """Return the outcome of a broken rule of a level: only a MUST fails."""
    if level in ("MUST", "MUST NOT"):
        return "fail"
    return "warn" if level in ("SHOULD", "SHOULD NOT") else "info"


def worst(judgements: Collection[Judgement]) -> Judgement:
    """Return the first of the worst judgements."""
    return max(judgements, key=lambda each: (ORDER.index(each.outcome), each.broken))


def show(value: Any) -> str:
    """Return a bounded text of a value."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 3] + "..."


class Verify:
    """Makes claims about rules, and keeps what came of them.

    Args:
        rules: all rules by id.
        declared: ids that the probe said it would judge.
        facts: names of the facts that the probe said it would find out.
        proxied: whether something stands between the client and the WSGI side.

    Attributes:
        judgements: in the order they were made.
        facts: what was found out, by name.
    """

    def __init__(
        self,
        rules: Mapping[str, Rule],
        declared: Collection[str],
        facts: Collection[str] = (),
        proxied: bool = False,
    ) -> None:
        self._rules = rules
        self._declared = declared
        self._facts = facts
        self._proxied = proxied
        self.judgements: list[Judgement] = []
        self.facts: dict[str, str] = {}

    def fact(self, name: str, value: Any) -> None:
        """Keep something worth knowing that no rule speaks of; the last value counts.

        Args:
            name: one of those declared.
            value: shown as it is where it is a text, else by its repr.
        """
        if name not in self._facts:
            raise ProbeMistake(f"finds out {name}, which it does not declare")
        self.facts[name] = show(value)

    def __call__(self, rule: str, level: str | None = None) -> Claim:
        """Begin a claim about a rule.

        Args:
            rule: its id, one of those declared.
            level: a weaker level than the rule's own where this one observation leaves room for
                another reading: ``SHOULD`` or ``undefined``. A stronger one is not taken.
        """
        if rule not in self._declared:
            raise ProbeMistake(f"judges {rule}, which it does not declare")
        own = failing(self._rules[rule].level_at(self._proxied))
        broken = own if level is None else min(own, failing(level), key=ORDER.index)
        return Claim(self, rule, broken)


class Claim:
    """The verbs. Each compares what was observed with what was expected and records it."""

    def __init__(self, verify: Verify, rule: str, broken: str) -> None:
        self._verify = verify
        self._rule = rule
        self._broken = broken

    def _record(self, outcome: str, expected: str, observed: str, broken: bool = False) -> None:
        judgement = Judgement(self._rule, outcome, show(expected), show(observed), broken)
        self._verify.judgements.append(judgement)

    def _decide(self, holds: bool, expected: Any, observed: Any) -> bool:
        outcome = "pass" if holds else self._broken
        self._record(outcome, show(expected), show(observed), not holds)
        return holds

    def true(self, condition: object, expected: str, observed: Any) -> bool:
        """Claim that a condition holds; both texts are shown whatever comes of it."""
        return self._decide(bool(condition), expected, observed)

    def equal(self, observed: Any, expected: Any) -> bool:
        """Claim that two values are equal and of the same type."""
        same = type(observed) is type(expected) and observed == expected
        return self._decide(same, repr(expected), repr(observed))

    def one_of(self, observed: Any, accepted: Collection[Any]) -> bool:
        """Claim that a value is among those the text allows."""
        expected = " or ".join(repr(value) for value in accepted)
        return self._decide(observed in accepted, expected, repr(observed))

    def contains(self, observed: Any, part: Any) -> bool:
        """Claim that a part is in something."""
        return self._decide(part in observed, f"{part!r} in it", repr(observed))

    def lacks(self, observed: Any, part: Any) -> bool:
        """Claim that a part is not in something."""
        return self._decide(part not in observed, f"no {part!r} in it", repr(observed))

    def info(self, observed: Any, expected: str = "either is permitted") -> None:
        """Show what was observed; it is a permitted choice or left undefined."""
        self._record("info", expected, show(observed))

    def unsupported(self, observed: Any, expected: str = "the precondition of this check") -> None:
        """Say that the subject refused the precondition, so that there is nothing to judge."""
        self._record("unsupported", expected, show(observed))
