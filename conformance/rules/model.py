"""What a rule is, and what goes wrong with rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "Ambiguity",
    "Family",
    "Level",
    "Observable",
    "Party",
    "Report",
    "Rule",
    "RuleError",
    "UnknownEdition",
    "UnknownRule",
]

Level = Literal["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"]
"""What the PEP, or the RFC, says of the duty (the words of RFC 2119)."""

Report = Literal["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "undefined", "undefined (HTTP)"]
"""What a finding is shown as: a level; ``undefined``, a note that never counts; or
``undefined (HTTP)``, a finding of HTTP conformance that is no finding of WSGI."""

Party = Literal["server", "application", "middleware", "framework"]
"""Who is bound, or free, by a rule."""

Observable = Literal["validator", "wire", "both", "static", "untestable"]
"""Where a violation shows."""

Family = Literal["PEP 3333", "HTTP"]
"""Which specification lays a rule down; ``HTTP`` is that of RFC 9110, RFC 9112 and RFC 3875 (CGI).
Results of the two are shown apart and never added."""

_PAGE: Final = "https://peps.python.org/pep-3333/"
_RFCS: Final = "https://www.rfc-editor.org/rfc/"


class RuleError(ValueError):
    """The data are wrong: says in which file, at which rule and key, and what to do about it.

    ``rule`` is the rule's id, what stands for it (``rule #3`` without an id, ``ambiguity 3``), or
    None if the file as a whole is wrong; ``key`` is None where no single key is.
    """

    def __init__(self, file: str, rule: str | None, key: str | None, problem: str) -> None:
        self.file = file
        self.rule = rule
        self.key = key
        self.problem = problem
        place = file + (f", {rule}" if rule else "") + (f", key {key!r}" if key else "")
        super().__init__(f"{place}: {problem}")


class UnknownRule(LookupError):
    """A glob that no rule's id matches; ``close`` holds the ids that look most like it."""

    def __init__(self, glob: str, close: tuple[str, ...]) -> None:
        self.glob = glob
        self.close = close
        hint = f"did you mean {' or '.join(close)}?" if close else "see `wsgi-conformance rules`"
        super().__init__(f"no rule matches {glob!r}; {hint}")


class UnknownEdition(LookupError):
    """An edition that this release does not know."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        super().__init__(f"no edition {name!r}; this release knows {', '.join(known)}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One obligation or permission; the package's docstring explains the fields.

    Of a rule of HTTP, ``section`` is the RFC and its section, and ``lines`` is empty.
    """

    id: str
    level: Level
    implicit: bool
    party: Party
    section: str
    anchor: str
    lines: str
    summary: str
    observable: Observable
    how: str
    pitfalls: str
    report: Report | None = None
    proxied: Report | None = None
    ambiguity: tuple[int, ...] = ()
    untested: str | None = None
    family: Family = "PEP 3333"

    @property
    def source(self) -> str:
        """Document and section that the rule comes from, for people."""
        return self.section if self.family == "HTTP" else f"PEP 3333, {self.section}"

    @property
    def url(self) -> str:
        """The section of the published document that the rule comes from."""
        if self.family == "HTTP":
            number = self.section.split()[1]
            return f"{_RFCS}rfc{number}#{self.anchor}"
        return f"{_PAGE}#{self.anchor}"

    @property
    def effective_level(self) -> Report:
        """The level findings are shown at: ``report`` where there is one, else ``level``.

        A rule with ``ambiguity`` numbers may need a weaker level for a single case.
        """
        return self.report or self.level

    def level_at(self, proxied: bool) -> Report:
        """The level findings are shown at, where something may stand between client and server."""
        return self.proxied if proxied and self.proxied else self.effective_level

    @property
    def file(self) -> str | None:
        """Name of the data file the rule belongs in; it follows from level and party.

        None for a rule of HTTP: those stand in several files, by subject.
        """
        if self.family == "HTTP":
            return None
        if self.level == "MAY":
            return "permissions.toml"
        return "middleware.toml" if self.party == "framework" else f"{self.party}.toml"


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """A point the PEP leaves open: its text, our reading, the level to report at, case by case."""

    number: int
    title: str
    pep: str
    reading: str
    report: str
    rules: tuple[str, ...]
