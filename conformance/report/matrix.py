"""The matrix as data: rules by subjects, and the worst that each subject did with each rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from conformance.report.text import visible
from conformance.results import Results, SubjectResult, Verdict
from conformance.rules import Rule

__all__ = [
    "FAMILIES",
    "MEANING",
    "SEVERITY",
    "Block",
    "Cell",
    "Column",
    "Group",
    "Matrix",
    "Row",
    "level_class",
    "make_matrix",
    "worst_outcome",
]

# From best to worst. A cell shows the worst, so that no pass ever hides a failure; a permitted
# choice in one check takes nothing from a pass in another. That the harness could not judge comes
# last, as then nothing else in the cell can be relied on.
SEVERITY = ("info", "pass", "unsupported", "warn", "fail", "hang", "crash", "error")

MEANING: Mapping[str, str] = {
    "pass": "Did what the rule asks, in every check of it.",
    "fail": "Broke a MUST: an application that relies on the PEP can go wrong here.",
    "warn": "Broke a SHOULD, or a MUST in a way that the text leaves some room for.",
    "info": "A permitted choice, or a point the PEP leaves open: shown, never judged.",
    "hang": "Something that had to happen did not happen within the limit.",
    "crash": "The server's process ended in the middle of a check.",
    "unsupported": "Refused the precondition, so the rule could not be checked; not a pass.",
    "error": "The suite itself could not judge; the fault is on our side until shown otherwise.",
}
"""One sentence for each outcome, in the order of the legend."""

FAMILIES = GATEWAY, HTTP = ("PEP 3333", "HTTP")
"""The specifications that rules are of, in the order they are shown; never added together."""

FAILURES = frozenset({"fail", "hang", "crash"})
FINDINGS = frozenset(SEVERITY) - {"pass", "info"}
LEVELS = ("MUST", "SHOULD", "information")


def worst_outcome(outcomes: Iterable[str]) -> str | None:
    """Return the worst of some outcomes, or None where there are none."""
    return max(outcomes, key=SEVERITY.index, default=None)


def level_class(level: str) -> str:
    """Return ``MUST``, ``SHOULD`` or, for what is never counted, ``information``."""
    word = level.split(" ")[0]
    return word if word in LEVELS else "information"


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of one rule on one subject.

    Attributes:
        verdicts: worst first; empty where nothing was judged.
        outcome: of the first of them, or None.
    """

    verdicts: tuple[Verdict, ...] = ()
    outcome: str | None = None

    @property
    def passed(self) -> int:
        """How many of the verdicts are passes."""
        return sum(verdict.outcome == "pass" for verdict in self.verdicts)


@dataclass(frozen=True, slots=True)
class Row:
    """One rule that was judged on at least one subject.

    Attributes:
        rule: its id; level, party, family, section, summary, url: of the rule, or as far as the
            verdicts tell where the rules do not know it.
        cells: one for each column.
    """

    rule: str
    level: str
    party: str
    family: str
    section: str
    summary: str
    url: str
    cells: tuple[Cell, ...]

    @property
    def outcomes(self) -> list[str]:
        """The outcomes of the cells that have one."""
        return [cell.outcome for cell in self.cells if cell.outcome is not None]

    @property
    def level_class(self) -> str:
        """``MUST``, ``SHOULD`` or ``information``."""
        return level_class(self.level)

    @property
    def passing(self) -> int:
        """How many subjects pass."""
        return self.outcomes.count("pass")

    @property
    def differs(self) -> bool:
        """Whether two subjects that were judged came to different outcomes."""
        return len(set(self.outcomes)) > 1

    @property
    def failing(self) -> int:
        """How many subjects failed, hung or crashed."""
        return sum(outcome in FAILURES for outcome in self.outcomes)

    @property
    def shown(self) -> int:
        """How many subjects did what is shown and never judged: did not keep a rule of HTTP."""
        return sum(any(verdict.broken for verdict in cell.verdicts) for cell in self.cells)

    @property
    def broken(self) -> int:
        """How many subjects did anything but pass or make a permitted choice."""
        return sum(outcome in FINDINGS for outcome in self.outcomes)


@dataclass(frozen=True, slots=True)
class Count:
    """Rules passed of rules judged; a rule that ended in ``info`` is in neither."""

    passed: int = 0
    judged: int = 0


@dataclass(slots=True)
class Column:
    """One subject.

    Attributes:
        key: its name, made visible, and unique where results of several runs hold the same one.
        subject: the result it stands for.
        counts: by family and class of level.
        outcomes: how many rules of each family ended in each outcome.
    """

    key: str
    subject: SubjectResult
    counts: dict[tuple[str, str], Count] = field(default_factory=dict)
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)

    def count(self, family: str, level: str) -> Count:
        """Return the count of a family and a class of level."""
        return self.counts.get((family, level), Count())


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the matrix: rules of one family.

    Attributes:
        family: whose rules they are; families are shown apart.
        name: ``findings``, where somebody falls short; ``information``, where somebody made a
            permitted choice, or did what is shown and never judged; ``passing``, the rest.
        groups: of rows, in the order they are shown.
    """

    family: str
    name: str
    groups: tuple[Group, ...]

    @property
    def size(self) -> int:
        """How many rules are in it."""
        return sum(len(group.rows) for group in self.groups)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Columns, and blocks of rows in the order they are shown."""

    columns: tuple[Column, ...]
    blocks: tuple[Block, ...]

    @property
    def rows(self) -> list[Row]:
        """All rows in the order they are shown."""
        return [row for block in self.blocks for group in block.groups for row in group.rows]

    def block(self, family: str, name: str) -> Block:
        """Return a block, which may be empty."""
        found = (each for each in self.blocks if (each.family, each.name) == (family, name))
        return next(found, Block(family, name, ()))

    def judged(self, family: str) -> int:
        """Return how many rules of a family were judged."""
        return sum(row.family == family for row in self.rows)

    @property
    def counted(self) -> list[tuple[str, str]]:
        """The families and classes of level that some subject has a count for."""
        found = {key for column in self.columns for key in column.counts}
        order = [(family, level) for family in FAMILIES for level in LEVELS[:2]]
        return [key for key in order if key in found]

    @property
    def families(self) -> list[str]:
        """The families that have rows; never added into one count."""
        return sorted({row.family for row in self.rows}, key=FAMILIES.index)


def make_matrix(results: Results, rules: Mapping[str, Rule]) -> Matrix:
    """Return the matrix of some results.

    Args:
        results: of one run or several.
        rules: what is known of the rules; a verdict of a rule that is not among them is kept.
    """
    columns = tuple(_columns(results.subjects))
    found: dict[str, list[list[Verdict]]] = {}
    for number, column in enumerate(columns):
        for verdict in column.subject.verdicts:
            cells = found.setdefault(verdict.rule, [[] for _ in columns])
            cells[number].append(verdict)
    place = {rule: number for number, rule in enumerate(_in_order(found, rules))}
    rows = sorted(
        (_row(rule, cells, rules.get(rule)) for rule, cells in found.items()),
        key=lambda row: place[row.rule],
    )
    for number, column in enumerate(columns):
        _tally(column, [(row, row.cells[number]) for row in rows])
    return Matrix(columns, tuple(_blocks(rows)))


def _columns(subjects: Iterable[SubjectResult]) -> Iterable[Column]:
    seen: set[str] = set()
    for subject in subjects:
        # It is in addresses and attributes, which not every text comes through unchanged.
        name = visible(subject.name)
        key, number = name, 1
        while key in seen:
            number += 1
            key = f"{name}~{number}"
        seen.add(key)
        yield Column(key, subject)


def _in_order(found: Iterable[str], rules: Mapping[str, Rule]) -> list[str]:
    """The ids in the order of the PEP's text, then those of HTTP, ids that are not known last."""

    number = {rule: position for position, rule in enumerate(rules)}

    def place(rule: str) -> tuple[int, int, str]:
        known = rules.get(rule)
        if known is None:
            return (2, 0, rule)
        if not known.lines:
            return (1, number[rule], rule)
        return (0, int(known.lines.replace(",", "-").split("-")[0]), rule)

    return sorted(found, key=place)


def _row(rule: str, cells: list[list[Verdict]], known: Rule | None) -> Row:
    first = next(verdict for cell in cells for verdict in cell)
    level = known.effective_level if known else first.level
    return Row(
        rule,
        level,
        known.party if known else first.party,
        known.family if known else _family(first),
        known.section if known else "Rules this release does not know",
        known.summary if known else "",
        known.url if known else "",
        tuple(_cell(verdicts) for verdicts in cells),
    )


def _family(verdict: Verdict) -> str:
    """The family that a verdict itself says; GATEWAY where that is none that there is."""
    return verdict.family if verdict.family in FAMILIES else GATEWAY


def _cell(verdicts: list[Verdict]) -> Cell:
    if not verdicts:
        return Cell()
    ordered = sorted(verdicts, key=lambda verdict: -SEVERITY.index(verdict.outcome))
    return Cell(tuple(ordered), ordered[0].outcome)


def _tally(column: Column, cells: Iterable[tuple[Row, Cell]]) -> None:
    for row, cell in cells:
        if cell.outcome is None:
            continue
        column.outcomes.setdefault(row.family, Counter())[cell.outcome] += 1
        if cell.outcome != "info":
            key = (row.family, row.level_class)
            old = column.counts.get(key, Count())
            column.counts[key] = Count(old.passed + (cell.outcome == "pass"), old.judged + 1)


def _blocks(rows: list[Row]) -> Iterable[Block]:
    for family in FAMILIES:
        mine = [row for row in rows if row.family == family]
        findings = [row for row in mine if row.broken]
        rest = [row for row in mine if not row.broken]
        information = [row for row in rest if "info" in row.outcomes]
        passing = [row for row in rest if "info" not in row.outcomes]
        if mine:
            information.sort(key=lambda row: -row.shown)
            yield Block(family, "findings", tuple(_by_level(findings)))
            yield Block(family, "information", tuple(_by_section(information)))
            yield Block(family, "passing", tuple(_by_section(passing)))


def _by_level(rows: list[Row]) -> Iterable[Group]:
    """Groups by level; the rule that most subjects fail comes first."""
    for level in LEVELS:
        mine = [row for row in rows if row.level_class == level]
        if mine:
            mine.sort(key=lambda row: (-row.failing, -row.broken))
            yield Group(level, tuple(mine))


def _by_section(rows: list[Row]) -> Iterable[Group]:
    """Groups by section, MUST before SHOULD."""
    sections: dict[str, list[Row]] = {}
    for row in rows:
        sections.setdefault(row.section, []).append(row)
    for section, mine in sections.items():
        mine.sort(key=lambda row: LEVELS.index(row.level_class))
        yield Group(section, tuple(mine))
