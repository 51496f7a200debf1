"""Reading the data files: every entry is checked, and what is wrong is said in place."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn, get_args

from conformance.rules.model import Ambiguity, Level, Observable, Party, Report, Rule, RuleError

__all__ = ["read_ambiguities", "read_editions", "read_rules"]

_PEP_LINES: Final = 1779


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


def _edge_slug(value: object) -> str | None:
    fine = _slug(value) is None and str(value).startswith(("http-", "cgi-"))
    return None if fine else f"{_slug(None)}; 'http-' or 'cgi-' comes first"


def _source(value: object) -> str | None:
    fine = isinstance(value, str) and re.fullmatch(
        r"RFC (9110|9112|3875|3986|6265) section [1-9][0-9]*(\.[1-9][0-9]*)*", value
    )
    known = "9110, 9112, 3875, 3986 or 6265"
    return None if fine else f"write such as 'RFC 9110 section 8.6'; of RFC {known}"


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
    "proxied": _one_of(("SHOULD", "undefined")),
    "ambiguity": _list_of(_number),
    "untested": _text,
}
_RULE_OPTIONAL: Final = frozenset({"report", "proxied", "ambiguity", "untested"})
# What an application or a validator's server is told of HTTP never counts as a finding of WSGI, and
# says so in ``report``; what is judged on the wire counts in its own family, at its own level.
_HTTP_RULE: Final[Mapping[str, _Check]] = {
    "id": _edge_slug,
    "level": _one_of(tuple(level for level in get_args(Level) if level != "MAY")),
    "implicit": _flag,
    "party": _one_of(get_args(Party)),
    "source": _source,
    "summary": _text,
    "observable": _one_of(("validator", "wire", "both")),
    "how": _text,
    "pitfalls": _any_text,
    "report": _one_of(("undefined", "undefined (HTTP)")),
    "proxied": _one_of(("SHOULD", "undefined")),
    "ambiguity": _list_of(_number),
    "untested": _text,
}
_AMBIGUITY: Final[Mapping[str, _Check]] = {
    "number": _number,
    "title": _text,
    "pep": _text,
    "reading": _text,
    "report": _text,
    "rules": _list_of(_slug),
}
_EDITION: Final[Mapping[str, _Check]] = {
    "name": _text,
    "extends": _text,
    "rules": _list_of(_slug),
}

_PEP_FILES: Final = ("server.toml", "application.toml", "middleware.toml", "permissions.toml")


def read_rules(folder: Path) -> dict[str, Rule]:
    """The rules in the files of a folder; `load` is this for the data of the package.

    Raises RuleError for a missing or malformed file, an unknown, missing or wrong key, an id used
    twice, and a rule in the wrong file.
    """
    rules: dict[str, Rule] = {}
    for file in _PEP_FILES:
        for where, values in _tables(folder / file, "rule", _RULE, _RULE_OPTIONAL):
            _add(file, where, _rule(values), rules)
    for file in ("http.toml", *sorted(path.name for path in folder.glob("http_*.toml"))):
        for where, values in _tables(folder / file, "rule", _HTTP_RULE, _RULE_OPTIONAL):
            if values["observable"] != "wire" and "report" not in values:
                _wrong(file, where, "report", "missing; write 'undefined (HTTP)'")
            source = values.pop("source")
            place = {
                "section": source,
                "anchor": f"section-{source.split()[-1]}",
                "lines": "",
            }
            _add(file, where, _rule({**values, **place, "family": "HTTP"}), rules)
    return rules


def _rule(values: Mapping[str, Any]) -> Rule:
    return Rule(**{**values, "ambiguity": tuple(values.get("ambiguity", ()))})


def _add(file: str, where: str, rule: Rule, rules: dict[str, Rule]) -> None:
    if rule.id in rules:
        _wrong(file, where, "id", f"used in {rules[rule.id].file} before; choose another")
    if rule.file not in (None, file):
        _wrong(file, where, "party", f"{rule.level} of {rule.party}: move to {rule.file}")
    rules[rule.id] = rule


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
    for where, values in _tables(path, "edition", _EDITION, frozenset({"extends"})):
        if values["name"] in found:
            _wrong(path.name, where, "name", "used before; an edition is frozen: name a new one")
        base: tuple[str, ...] = ()
        if "extends" in values:
            if values["extends"] not in found:
                known = " or ".join(found) or "none yet"
                _wrong(path.name, where, "extends", f"name an edition above it: {known}")
            base = found[values["extends"]]
        if again := next((rule for rule in values["rules"] if rule in base), None):
            _wrong(path.name, where, "rules", f"{again} is in {values['extends']} already")
        found[values["name"]] = (*base, *values["rules"])
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
