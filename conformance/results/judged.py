"""What came of each rule on a subject, and how many rules it passed: what reports count."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.results.model import Results, SubjectResult, Verdict

__all__ = [
    "BROKEN",
    "GATEWAY",
    "HTTP",
    "SEVERITY",
    "Judged",
    "Score",
    "by_rule",
    "chosen",
    "score",
    "selection",
    "word_of",
]

# From best to worst. The worst of several verdicts is the rule's, so that no pass ever hides a
# failure; that the suite could not judge comes last, as then nothing else can be relied on.
SEVERITY = ("info", "pass", "unsupported", "warn", "fail", "hang", "crash", "error")
BROKEN = frozenset({"fail", "warn", "hang", "crash"})
"""Outcomes that say that a rule was broken."""

GATEWAY, HTTP = "PEP 3333", "HTTP"


def word_of(level: str) -> str:
    """Return ``MUST`` or ``SHOULD`` of a level, or "" for what is never counted."""
    word = level.split(" ")[0]
    return word if word in ("MUST", "SHOULD") else ""


@dataclass(frozen=True, slots=True)
class Judged:
    """One rule on one subject.

    Attributes:
        verdicts: worst first, never empty.
    """

    verdicts: tuple[Verdict, ...]

    @property
    def worst(self) -> Verdict:
        """The verdict that decides."""
        return self.verdicts[0]

    @property
    def rule(self) -> str:
        """Id of the rule."""
        return self.worst.rule

    @property
    def outcome(self) -> str:
        """Of the worst verdict."""
        return self.worst.outcome

    @property
    def conclusive(self) -> bool:
        """Whether every check of the rule came to an end that says something about it."""
        return all(each.outcome not in ("unsupported", "error") for each in self.verdicts)


def by_rule(subject: SubjectResult) -> dict[str, Judged]:
    """Return what came of each rule, in the order of the verdicts."""
    found: dict[str, list[Verdict]] = {}
    for verdict in subject.verdicts:
        found.setdefault(verdict.rule, []).append(verdict)
    return {
        rule: Judged(tuple(sorted(made, key=lambda each: -SEVERITY.index(each.outcome))))
        for rule, made in found.items()
    }


@dataclass(frozen=True, slots=True)
class Score:
    """Rules passed of rules judged; a rule that ended in ``info`` is in neither."""

    passed: int = 0
    judged: int = 0

    def __str__(self) -> str:
        return f"{self.passed}/{self.judged}"


def score(subject: SubjectResult, family: str, word: str) -> Score:
    """Return the score of a subject in one family and one level; families are never added up."""
    counted = [
        judged.outcome
        for judged in by_rule(subject).values()
        if (judged.worst.family, word_of(judged.worst.level)) == (family, word)
        and judged.outcome != "info"
    ]
    return Score(counted.count("pass"), len(counted))


def chosen(results: Results, key: str) -> list[str]:
    """Return the globs that a run was limited to, of ``rules`` or of ``probes``."""
    globs = results.run.get(key)
    return [str(glob) for glob in globs] if isinstance(globs, list) else []


def selection(results: Results) -> str:
    """Return what of the edition was asked for, in words; "" where it was all of it."""
    rules = [f"--rule {glob}" for glob in chosen(results, "rules")]
    return ", ".join([*rules, *(f"--probe {glob}" for glob in chosen(results, "probes"))])
