"""``wsgi-conformance rules`` and ``wsgi-conformance servers``: what is known."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from conformance import rules
from conformance.cli.exits import CLEAN
from conformance.cli.suite import Suite, load_suite
from conformance.driver.selftest import MemoryTwin
from conformance.harness import environment
from conformance.harness.environment import Environment
from conformance.reference.twins import Twin
from conformance.report.reference import rules_markdown
from conformance.report.traceability import TraceRow
from conformance.results import load_results
from conformance.roster import RosterError, Subject, fill, load_roster
from conformance.rules import Rule

__all__ = ["add_commands", "reference"]

AnyTwin = Twin | MemoryTwin


def add_commands(commands: Any) -> None:
    """Add both commands to the parser."""
    parser = commands.add_parser(
        "rules",
        help="list the rules, or explain some",
        description="List every obligation of PEP 3333 that is known, and what HTTP and CGI say at "
        "a gateway's edge; or explain those named: what the rule says, how it is probed, which "
        "twins check the check, what else judges it, or why nothing does.",
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="ids or globs, such as 'close-*'")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON, on standard output")
    form.add_argument("--markdown", action="store_true", help="as a page of Markdown, likewise")
    parser.set_defaults(command=show_rules)
    parser = commands.add_parser(
        "servers",
        help="list the servers of the roster",
        description="List the servers that this suite knows how to start, whether they are "
        "installed here, and how each is started.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="names or globs, such as 'nginx-*'"
    )
    parser.add_argument(
        "--system",
        action="store_true",
        help="print the Debian packages that these servers need, for apt-get install",
    )
    parser.add_argument(
        "--results", type=Path, metavar="F", help="say in --json how long they took to start there"
    )
    parser.add_argument("--json", action="store_true", help="as JSON, on standard output")
    parser.set_defaults(command=show_servers)


def show_rules(options: argparse.Namespace) -> int:
    """List or explain rules."""
    suite = load_suite()
    chosen = rules.matching(options.ids or ["*"])
    rows = {row.rule: row for row in suite.traceability()}
    if options.json:
        twins = suite.all_twins()
        _dump([as_json(rule, rows[rule.id], of_rule(rule, twins)) for rule in chosen])
    elif options.markdown:
        sys.stdout.write(reference(suite, chosen))
    elif options.ids:
        twins = suite.all_twins()
        texts = [explain(rule, rows[rule.id], suite, of_rule(rule, twins)) for rule in chosen]
        print("\n\n".join(texts))
    else:
        for rule in chosen:
            row = rows[rule.id]
            state = "untested" if row.untested else "validator"
            if row.probes:
                state = f"{len(row.probes)} probe(s)"
            print(f"{rule.id:45} {rule.family:8} {rule.effective_level:16} {rule.party:11} {state}")
    return CLEAN


def reference(suite: Suite, chosen: Iterable[Rule], title: str = "Rules") -> str:
    """Return the reference of some rules as a page of Markdown."""
    listed = [*chosen]
    twins = suite.all_twins()
    return rules_markdown(
        listed,
        {row.rule: row for row in suite.traceability()},
        {name: probe.summary for name, probe in suite.probes.items()},
        {
            rule.id: [(twin.bad, twin.name, twin.summary) for twin in of_rule(rule, twins)]
            for rule in listed
        },
        title,
    )


def of_rule(rule: Rule, twins: Iterable[AnyTwin]) -> list[AnyTwin]:
    """Return the twins that are about a rule, the bad ones first."""
    mine = [twin for twin in twins if rule.id in twin.rules]
    return sorted(mine, key=lambda twin: (not twin.bad, twin.name))


def as_json(rule: Rule, row: TraceRow, twins: Iterable[AnyTwin]) -> dict[str, Any]:
    """Return what ``rules --json`` gives for a rule."""
    return {
        "id": rule.id,
        "family": rule.family,
        "level": rule.level,
        "party": rule.party,
        "section": rule.section,
        "anchor": rule.anchor,
        "observable": rule.observable,
        "probes": list(row.probes),
        "twins": [twin.name for twin in twins if twin.bad],
        "good_twins": [twin.name for twin in twins if not twin.bad],
        "judged_by": row.judged_by,
        "untested": row.untested,
        "reported_as": rule.effective_level,
        "summary": rule.summary,
        "url": rule.url,
    }


def explain(rule: Rule, row: TraceRow, suite: Suite, twins: Iterable[AnyTwin]) -> str:
    """Return a rule as a text for people."""
    parts = [
        f"{rule.id}\n{rule.level}, binds the {rule.party} - {rule.source}\n{rule.url}",
        _wrapped("", rule.summary),
    ]
    if rule.effective_level != rule.level:
        parts.append(_wrapped("Reported as: ", rule.effective_level))
    if rule.proxied:
        parts.append(_wrapped("Reported behind a proxy as: ", rule.proxied))
    parts.append(_wrapped("How: ", rule.how))
    if rule.pitfalls:
        parts.append(_wrapped("Beware: ", rule.pitfalls))
    for number in rule.ambiguity:
        ambiguity = rules.ambiguities()[number]
        parts.append(_wrapped(f"Unclear ({ambiguity.title}): ", ambiguity.reading))
        parts.append(_wrapped("  so reported: ", ambiguity.report))
    for name in row.probes:
        summary = suite.probes[name].summary if name in suite.probes else "checked in every probe"
        parts.append(_wrapped(f"Probe {name}: ", summary))
    for twin in twins:
        word = "Bad twin" if twin.bad else "Good twin"
        kind = twin.kind if isinstance(twin, MemoryTwin) else "server"
        parts.append(_wrapped(f"{word} {twin.name} ({kind}): ", twin.summary))
    if row.judged_by:
        parts.append(_wrapped("Judged by: ", row.judged_by))
    if row.untested:
        parts.append(_wrapped("Untested: ", row.untested))
    return "\n".join(parts)


def _wrapped(label: str, text: str) -> str:
    return textwrap.fill(label + text, 96, subsequent_indent="    ", break_on_hyphens=False)


def show_servers(options: argparse.Namespace) -> int:
    """List the roster, or the Debian packages that it needs."""
    subjects = _matching(options.names, load_roster())
    if options.system:
        print("\n".join(sorted({name for each in subjects for name in each.system})))
        return CLEAN
    known = load_results(options.results).subjects if options.results else []
    started_in = {each.name: each.started_in for each in known if each.started}
    found = environment.survey(subjects)
    with ThreadPoolExecutor() as pool:  # some are asked for their version by a command of their own
        rows = list(pool.map(lambda each: describe(each, found[each.name]), subjects))
    for row in rows:
        row["started_in"] = started_in.get(row["name"])
    if options.json:
        _dump(rows)
        return CLEAN
    for row in rows:
        state = row["version"] if row["installed"] else "-"
        print(f"{row['name']:20} {state:12} {' '.join(row['command'])}")
        if row["runs_here"] is not True:
            print(f"{'':20} {'':12} {row['runs_here']}")
    return CLEAN


def _matching(globs: Sequence[str], roster: Mapping[str, Subject]) -> list[Subject]:
    """Return the servers of some names.

    Errors:
        RosterError: a name or glob that is nobody's.
    """
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in roster):
            raise RosterError(f"{glob}: no such server; see wsgi-conformance servers")
    return [
        subject
        for name, subject in roster.items()
        if not globs or any(fnmatchcase(name, glob) for glob in globs)
    ]


def describe(subject: Subject, found: Environment | str) -> dict[str, Any]:
    """Return what ``servers --json`` gives for a server.

    Args:
        found: where it is, or why it cannot run here.
    """
    version, reason = _state(subject, found)
    return {
        "name": subject.name,
        "title": subject.title or subject.name,
        "family": subject.family or subject.name,
        "installed": not reason,
        "version": version,
        "command": list(subject.command),
        "runs_here": reason or True,
        "backend": list(subject.backend.command) if subject.backend else [],
        "install": list(subject.install),
        "system": list(subject.system),
        "homepage": subject.homepage,
        "notes": subject.notes,
    }


def _state(subject: Subject, found: Environment | str) -> tuple[str, str]:
    """Return a server's version and why it does not run here, one of them empty."""
    if isinstance(found, str):
        return "", found
    if found.missing:
        return "", f"not installed here: pip install {' '.join(found.missing)}, or run --isolated"
    values = {"python": found.python, "bin": found.bin}
    program = fill(subject.command[0], values)
    if found.find(program) is None:
        return "", f"not installed here: no program {program}"
    return found.subject_version(subject, values), ""


def _dump(value: Any) -> None:
    json.dump(value, sys.stdout, indent=1)
    print()
