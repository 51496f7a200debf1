"""The rules: every duty and freedom that PEP 3333 lays down, one entry each, as data.

``server.toml``, ``application.toml`` and ``middleware.toml`` (middleware and frameworks) hold the
duties, by who is bound; ``permissions.toml`` holds every MAY. Rules stand in the order of their
governing passage. ``ambiguities.toml`` says how unclear points are read and at which level they are
reported; ``editions.toml`` freezes lists of ids. An id, once in an edition, is never used again.

Keys of a rule:

========== =========================================================================================
id         stable name; its prefix is the topic, not the party (``errors-``: stream and handling)
level      MUST, MUST NOT, SHOULD, SHOULD NOT or MAY; if negative, the summary says what is not done
implicit   true where plain wording, a definition or a sample implies the duty without a keyword
party      server, application, middleware or framework
section    heading of the governing passage; ``anchor`` is its slug on the rendered page
lines      line ranges of pep-3333.rst (1779 lines): the governing passage, then supporting ones
summary    the duty, in other words than the PEP's
observable validator (middleware inside the process), wire (raw-socket client and probe), both
           (either one), static (needs source or documents) or untestable
how        how to see a violation; of a permission: what checks must not flag
pitfalls   false alarms, level conflicts, known differences; may be empty
report     optional: the level findings are shown at, where an ambiguity overrides the whole rule
ambiguity  optional: numbers of the ambiguities that concern the rule, to be looked at case by case
untested   optional: why no check exists
========== =========================================================================================

Bare numbers in ``how`` and ``pitfalls`` are lines of the PEP. Words used there: *probe*, a
cooperating application on the server under test; *client*, a raw-socket client; *validator*,
checking middleware; *harness*, a reference server that drives the application or middleware under
test; *sandwich*, a validator above and one below a middleware; *gate*, a file or socket outside the
server that a probe waits on; *log*, what a probe records outside the response; *server profile*,
what the suite knows of a server's options and log files.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, NoReturn, get_args

__all__ = [
    "EDITION",
    "Ambiguity",
    "Level",
    "Observable",
    "Party",
    "Report",
    "Rule",
    "RuleError",
    "UnknownEdition",
    "UnknownRule",
    "ambiguities",
    "default_untested",
    "edition",
    "load",
    "matching",
    "read_ambiguities",
    "read_editions",
    "read_rules",
]

EDITION: Final = "2026.1"
"""The edition that runs use unless told otherwise."""

Level = Literal["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"]
"""What the PEP says of the duty (the words of RFC 2119)."""

Report = Literal["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "undefined", "undefined (HTTP)"]
"""What a finding is shown as: a level; ``undefined``, a note that never counts; or
``undefined (HTTP)``, a finding of HTTP conformance that is no finding of WSGI."""

Party = Literal["server", "application", "middleware", "framework"]
"""Who is bound, or free, by a rule."""

Observable = Literal["validator", "wire", "both", "static", "untestable"]
"""Where a violation shows."""

_PAGE: Final = "https://peps.python.org/pep-3333/"
_PEP_LINES: Final = 1779
_FOLDER: Final = Path(__file__).parent
_FILES: Final = ("server.toml", "application.toml", "middleware.toml", "permissions.toml")


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
    """One obligation or permission; the module's docstring explains the fields."""

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
    ambiguity: tuple[int, ...] = ()
    untested: str | None = None

    @property
    def url(self) -> str:
        """The section of the published PEP that the rule comes from."""
        return f"{_PAGE}#{self.anchor}"

    @property
    def effective_level(self) -> Report:
        """The level findings are shown at: ``report`` where an ambiguity sets one, else ``level``.

        A rule with ``ambiguity`` numbers may need a weaker level for a single case.
        """
        return self.report or self.level

    @property
    def file(self) -> str:
        """Name of the data file the rule belongs in; it follows from level and party."""
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


@cache
def load() -> Mapping[str, Rule]:
    """All rules by id, in the order of the files. Read once; read-only.

    Raises RuleError if the data are wrong.
    """
    return MappingProxyType(read_rules(_FOLDER))


@cache
def ambiguities() -> Mapping[int, Ambiguity]:
    """All ambiguities by number, as `load` gives the rules."""
    return MappingProxyType(read_ambiguities(_FOLDER))


@cache
def edition(name: str = EDITION) -> tuple[str, ...]:
    """The ids that edition froze, in the order of the files.

    Raises UnknownEdition for a name this release does not know, RuleError if the data are wrong.
    """
    editions = read_editions(_FOLDER)
    if name not in editions:
        raise UnknownEdition(name, editions)
    return editions[name]


def matching(globs: Iterable[str]) -> list[Rule]:
    """The rules whose id matches at least one glob, each once, in the order of the files.

    Raises UnknownRule for a glob that matches nothing (a selection that silently checks less than
    was asked for would read as success), TypeError for one string in place of several.
    """
    if isinstance(globs, str):
        raise TypeError(f"matching() takes several globs; write matching([{globs!r}])")
    rules = load()
    wanted: set[str] = set()
    for glob in globs:
        found = [name for name in rules if fnmatchcase(name, glob)]
        if not found:
            plain = re.sub(r"[*?\[\]]+", "", glob)
            raise UnknownRule(glob, tuple(difflib.get_close_matches(plain, rules)))
        wanted.update(found)
    return [rule for name, rule in rules.items() if name in wanted]


def default_untested(rule: Rule) -> str:
    """Why a rule has no check, where the data give no reason of the rule's own (``untested``)."""
    if rule.level == "MAY":
        return "a permission: nothing to judge; checks must not flag it"
    if rule.party == "server":
        return "no probe judges it yet"
    bound = rule.party if rule.party == "middleware" else f"the {rule.party}"
    return f"binds {bound}: judged by the validator, which this release does not contain yet"


# A check says what is wrong with a value and how to put it right, or None.
_Check = Callable[[object], "str | None"]


def _text(value: object) -> str | None:
    return None if isinstance(value, str) and value.strip() else "write a non-empty string"


def _any_text(value: object) -> str | None:
    return None if isinstance(value, str) else "write a string; it may be empty"


def _flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "write true or false"


def _number(value: object) -> str | None:
    # bool is an int to Python, but "number = true" is no number to anybody else.
    fine = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return None if fine else "write a whole number above 0"


def _one_of(allowed: tuple[str, ...]) -> _Check:
    def check(value: object) -> str | None:
        return None if value in allowed else f"write one of {', '.join(allowed)}"

    return check


def _slug(value: object) -> str | None:
    fine = isinstance(value, str) and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", value)
    return None if fine else "write lower-case letters and digits, joined by single hyphens"


def _line_ranges(value: object) -> str | None:
    fix = f"write ranges such as '158-160,1257', each within 1-{_PEP_LINES} and not backwards"
    if not isinstance(value, str):
        return fix
    for part in value.split(","):
        match = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", part)
        if not match or not 1 <= int(match[1]) <= int(match[2] or match[1]) <= _PEP_LINES:
            return fix
    return None


def _list_of(check: _Check) -> _Check:
    def check_list(value: object) -> str | None:
        if not isinstance(value, list) or not value or any(map(check, value)):
            return "write a list of at least one value; of each: " + (check(None) or "")
        if len({*value}) < len(value):
            return "name each value once"
        return None

    return check_list


_RULE: Final[Mapping[str, _Check]] = {
    "id": _slug,
    "level": _one_of(get_args(Level)),
    "implicit": _flag,
    "party": _one_of(get_args(Party)),
    "section": _text,
    "anchor": _slug,
    "lines": _line_ranges,
    "summary": _text,
    "observable": _one_of(get_args(Observable)),
    "how": _text,
    "pitfalls": _any_text,
    "report": _one_of(get_args(Report)),
    "ambiguity": _list_of(_number),
    "untested": _text,
}
_RULE_OPTIONAL: Final = frozenset({"report", "ambiguity", "untested"})
_AMBIGUITY: Final[Mapping[str, _Check]] = {
    "number": _number,
    "title": _text,
    "pep": _text,
    "reading": _text,
    "report": _text,
    "rules": _list_of(_slug),
}
_EDITION: Final[Mapping[str, _Check]] = {"name": _text, "rules": _list_of(_slug)}


def read_rules(folder: Path) -> dict[str, Rule]:
    """The rules in the four files of a folder; `load` is this for the data of the package.

    Raises RuleError for a missing or malformed file, an unknown, missing or wrong key, an id used
    twice, and a rule in the wrong file.
    """
    rules: dict[str, Rule] = {}
    for file in _FILES:
        for where, values in _tables(folder / file, "rule", _RULE, _RULE_OPTIONAL):
            rule = Rule(**{**values, "ambiguity": tuple(values.get("ambiguity", ()))})
            if rule.id in rules:
                _wrong(file, where, "id", f"used in {rules[rule.id].file} before; choose another")
            if rule.file != file:
                _wrong(file, where, "party", f"{rule.level} of {rule.party}: move to {rule.file}")
            rules[rule.id] = rule
    return rules


def read_ambiguities(folder: Path) -> dict[int, Ambiguity]:
    """The ambiguities in ``ambiguities.toml`` of a folder. Raises as `read_rules` does."""
    found: dict[int, Ambiguity] = {}
    path = folder / "ambiguities.toml"
    for where, values in _tables(path, "ambiguity", _AMBIGUITY):
        entry = Ambiguity(**{**values, "rules": tuple(values["rules"])})
        if entry.number in found:
            _wrong(path.name, where, "number", "used before; choose the next free one")
        found[entry.number] = entry
    return found


def read_editions(folder: Path) -> dict[str, tuple[str, ...]]:
    """The editions in ``editions.toml`` of a folder. Raises as `read_rules` does."""
    found: dict[str, tuple[str, ...]] = {}
    path = folder / "editions.toml"
    for where, values in _tables(path, "edition", _EDITION):
        if values["name"] in found:
            _wrong(path.name, where, "name", "used before; an edition is frozen: name a new one")
        found[values["name"]] = tuple(values["rules"])
    return found


def _tables(
    path: Path, kind: str, checks: Mapping[str, _Check], optional: frozenset[str] = frozenset()
) -> Iterable[tuple[str, dict[str, Any]]]:
    """Each ``[[kind]]`` table of a file, checked, with the words that name it in an error.

    The first of the checks is that of the key which names an entry.
    """
    try:
        with path.open("rb") as stream:
            data = tomllib.load(stream)
    except OSError as error:
        _wrong(path.name, None, None, f"cannot be read ({error.strerror}): reinstall the suite")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        _wrong(path.name, None, None, f"not TOML: {error}")
    tables = data.pop(kind, None)
    for key in data:
        _wrong(path.name, None, key, f"unknown at the top; only [[{kind}]] tables belong there")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        _wrong(path.name, None, kind, f"write each entry as a [[{kind}]] table")
    named_by = next(iter(checks))
    for ordinal, values in enumerate(tables, start=1):
        name = values.get(named_by, f"#{ordinal}")
        where = name if isinstance(name, str) and named_by in values else f"{kind} {name}"
        for key in values:
            if key not in checks:
                _wrong(path.name, where, key, _unknown_key(key, checks))
        for key, check in checks.items():
            if key not in values:
                if key not in optional:
                    _wrong(path.name, where, key, f"missing; {check(None)}")
            elif (fix := check(values[key])) is not None:
                _wrong(path.name, where, key, f"{values[key]!r} will not do; {fix}")
        yield where, values


def _unknown_key(key: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"unknown; {f'did you mean {close[0]!r}?' if close else 'remove it'}"


def _wrong(file: str, rule: str | None, key: str | None, problem: str) -> NoReturn:
    raise RuleError(file, rule, key, problem) from None
