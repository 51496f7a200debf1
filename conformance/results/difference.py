"""What changed from one run to another, by subject and rule: sums would let changes cancel out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from conformance.results.judged import BROKEN, Judged, by_rule, selection
from conformance.results.model import Results, ResultsError, SubjectResult, counts

__all__ = ["KINDS", "Change", "Difference", "compare"]

KINDS = ("newly failing", "newly passing", "changed", "added", "removed")


@dataclass(frozen=True, slots=True)
class Change:
    """One rule that came out differently on one subject.

    Attributes:
        kind: one of ``KINDS``.
        before, after: what came of it; None where it was not judged.
        counts: whether it newly fails at the level that counts; a rule that was added does, too,
            where the old run would have judged it, had there been anything to judge.
    """

    kind: str
    subject: str
    rule: str
    before: Judged | None
    after: Judged | None
    counts: bool = False

    @property
    def outcomes(self) -> tuple[str, str]:
        """The outcomes before and after, "" where there was none."""
        return (
            self.before.outcome if self.before else "",
            self.after.outcome if self.after else "",
        )


@dataclass(slots=True)
class Difference:
    """All that changed.

    Attributes:
        old, new: what was compared.
        changes: in the order of the new results, what was removed last.
        subjects_added, subjects_removed: names; their rules are not among the changes.
        lost: subjects that were judged and are there, but of which nothing is judged any more.
        same: how many rules came out as before, over all subjects.
    """

    old: Results
    new: Results
    changes: list[Change] = field(default_factory=list)
    subjects_added: list[str] = field(default_factory=list)
    subjects_removed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    same: int = 0

    def of(self, kind: str) -> list[Change]:
        """Return the changes of a kind."""
        return [change for change in self.changes if change.kind == kind]

    @property
    def regressed(self) -> bool:
        """Whether something newly fails at the level that counts."""
        return any(change.counts for change in self.changes)

    @property
    def unjudged(self) -> bool:
        """Whether something that was judged no longer could be."""
        errors = any(change.outcomes[1] == "error" for change in self.changes)
        return errors or bool(self.lost)


def compare(old: Results, new: Results, fail_on: str = "must", mixed: bool = False) -> Difference:
    """Return what changed.

    Args:
        fail_on: what counts as failing, as for a run.
        mixed: whether they may be of different editions.

    Errors:
        ResultsError: they are, and may not.
    """
    if old.edition != new.edition and not mixed:
        raise ResultsError(
            f"edition {old.edition} against {new.edition}: rules that only one of them has would "
            "show as added or removed; judge both by one with run --edition, or say "
            "--mixed-editions"
        )
    found = Difference(old, new)
    before = {subject.name: subject for subject in old.subjects}
    after = {subject.name: subject for subject in new.subjects}
    found.subjects_added = [name for name in after if name not in before]
    found.subjects_removed = [name for name in before if name not in after]
    for name in after:
        if name not in before:
            continue
        if before[name].verdicts and not after[name].verdicts:
            found.lost.append(name)
            continue
        _one(found, before[name], after[name], fail_on)
    if old.edition != new.edition or selection(old):
        found.changes = [
            replace(change, counts=False) if change.kind == "added" else change
            for change in found.changes
        ]
    return found


def _one(found: Difference, old: SubjectResult, new: SubjectResult, fail_on: str) -> None:
    before, after = by_rule(old), by_rule(new)
    for rule in [*after, *(rule for rule in before if rule not in after)]:
        change = _change(new.name, rule, before.get(rule), after.get(rule), fail_on)
        if change is None:
            found.same += 1
        else:
            found.changes.append(change)


def _change(
    subject: str, rule: str, before: Judged | None, after: Judged | None, fail_on: str
) -> Change | None:
    if before is None:
        failing = after is not None and any(_counting(after, fail_on))
        return Change("added", subject, rule, before, after, failing)
    if after is None:
        return Change("removed", subject, rule, before, after)
    if before.outcome == after.outcome:
        return None
    was, now = before.outcome in BROKEN, after.outcome in BROKEN
    worse = any(_counting(after, fail_on)) and not any(_counting(before, fail_on))
    if worse or (now and not was):
        return Change("newly failing", subject, rule, before, after, worse)
    if was and after.outcome in ("pass", "info"):
        return Change("newly passing", subject, rule, before, after)
    return Change("changed", subject, rule, before, after)


def _counting(judged: Judged, fail_on: str) -> Iterator[bool]:
    return (counts(verdict, fail_on) for verdict in judged.verdicts)
