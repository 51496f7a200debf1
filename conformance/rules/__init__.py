"""The rules: every duty and freedom that PEP 3333 lays down, one entry each, as data.

``server.toml``, ``application.toml`` and ``middleware.toml`` (middleware and frameworks) hold the
duties, by who is bound; ``permissions.toml`` holds every MAY. Rules stand in the order of their
governing passage. ``ambiguities.toml`` says how unclear points are read and at which level they are
reported; ``editions.toml`` freezes lists of ids. An id, once in an edition, is never used again.

``http.toml`` and ``http_*.toml`` hold a second family: what HTTP or CGI says at the gateway's edge,
where the PEP says nothing. ``http.toml`` has what a validator can see, which never counts as a
finding of WSGI; the others have what shows on the wire: judged like any rule, and shown, counted
and scored apart from those of the PEP.

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
proxied    optional: the level, SHOULD or undefined, for a server with a proxy in front of it, where
           what that rightly does cannot be told apart from a breach
ambiguity  optional: numbers of the ambiguities that concern the rule, to be looked at case by case
untested   optional: why no check exists
========== =========================================================================================

In the files of HTTP the level is that of the RFC, and ``source`` (``RFC 9110 section 8.6``) stands
in place of section, anchor and lines. Where a validator can see a breach ``report`` is there too:
``undefined (HTTP)``, or ``undefined`` for what is advice.

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
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from conformance.rules.model import (
    Ambiguity,
    Family,
    Level,
    Observable,
    Party,
    Report,
    Rule,
    RuleError,
    UnknownEdition,
    UnknownRule,
)
from conformance.rules.reading import read_ambiguities, read_editions, read_rules

__all__ = [
    "EDITION",
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
    "ambiguities",
    "default_untested",
    "edition",
    "judged_by",
    "load",
    "matching",
    "read_ambiguities",
    "read_editions",
    "read_rules",
]

EDITION: Final = "2026.3"
"""The edition that runs use unless told otherwise."""

_FOLDER: Final = Path(__file__).parent


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


def judged_by(rule: Rule) -> str | None:
    """What judges a rule that no probe judges; None if nothing does, as `default_untested` says.

    A validator sees both sides of one call: a server's part too, as far as it shows there.
    """
    if rule.level == "MAY" or rule.observable not in ("validator", "both"):
        return None
    if rule.party == "server":
        return "the validator, wherever an application wrapped in it is called"
    if rule.party == "middleware":
        return "`wsgi-conformance middleware`: it binds middleware, not a server"
    return f"the validator and `wsgi-conformance app`: it binds the {rule.party}, not a server"


def default_untested(rule: Rule) -> str:
    """Why nothing judges a rule, where the data give no reason of the rule's own (``untested``)."""
    if rule.level == "MAY":
        return "a permission: nothing to judge; checks must not flag it"
    return "nothing judges it yet"
