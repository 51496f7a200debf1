"""The rules as pages of Markdown: what each says, how it is judged, what checks the check.

Generated whenever it is wanted, from the data, so that it is never out of date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from conformance.report.traceability import EVERY_EXCHANGE, TraceRow
from conformance.rules import Rule, ambiguities

__all__ = ["rules_markdown"]

# What Markdown would take for its own. A backslash before it is understood by all of them.
SPECIAL = re.compile(r"[\\`*_{}\[\]#|~]")
HEAD = """\
# {title}

An id, once in an edition, is never used for anything else. `wsgi-conformance rules ID` says the
same in a terminal.

"""


def rules_markdown(
    rules: Iterable[Rule],
    rows: Mapping[str, TraceRow],
    summaries: Mapping[str, str],
    twins: Mapping[str, Sequence[tuple[bool, str, str]]],
    title: str = "Rules",
) -> str:
    """Return one page.

    Args:
        rules: in the order in which they are told.
        rows: how each is covered, by id. summaries: of the probes, by name.
        twins: of each rule: whether it breaks it, its name, its summary. title: of the page.
    """
    chosen = [*rules]
    parts = [HEAD.format(title=title), *_contents(chosen, rows)]
    family = section = ""
    for rule in chosen:
        if rule.family != family:
            family, section = rule.family, ""
            parts.append(f"\n## {_plain(family)}\n")
        if rule.section != section:
            section = rule.section
            parts.append(f"\n### {_plain(section)}\n")
        parts.append("\n" + "\n".join(_rule(rule, rows[rule.id], summaries, twins)) + "\n")
    return "".join(parts)


def _contents(rules: Sequence[Rule], rows: Mapping[str, TraceRow]) -> Iterator[str]:
    yield "| family | rules | judged by probes | by the validator | by nothing, for a reason |\n"
    yield "| --- | --: | --: | --: | --: |\n"
    for family in dict.fromkeys(rule.family for rule in rules):
        mine = [rows[rule.id] for rule in rules if rule.family == family]
        numbers = (
            len(mine),
            sum(bool(row.probes) for row in mine),
            sum(bool(row.judged_by) for row in mine),
            sum(bool(row.untested) for row in mine),
        )
        yield f"| {family} | {' | '.join(map(str, numbers))} |\n"


def _rule(
    rule: Rule,
    row: TraceRow,
    summaries: Mapping[str, str],
    twins: Mapping[str, Sequence[tuple[bool, str, str]]],
) -> Iterator[str]:
    yield f"#### {rule.id}\n"
    yield f"**{rule.level}**, binds the {rule.party}. {_plain(rule.summary)}\n"
    yield f"[{_plain(rule.source)}]({rule.url})\n"
    if rule.effective_level != rule.level:
        yield f"- Reported as: {_plain(rule.effective_level)}"
    yield f"- How it shows: {_plain(rule.how)}"
    if rule.pitfalls:
        yield f"- Beware: {_plain(rule.pitfalls)}"
    for number in rule.ambiguity:
        unclear = ambiguities()[number]
        yield f"- Unclear, {_plain(unclear.title)}: {_plain(unclear.reading)}"
    for name in row.probes:
        told = "checked in every exchange" if name == EVERY_EXCHANGE else summaries.get(name, "")
        yield f"- Probe `{name}`: {_plain(told)}"
    if row.judged_by:
        yield f"- Judged by: {_plain(row.judged_by)}"
    if row.untested:
        yield f"- Not judged: {_plain(row.untested)}"
    for bad, name, summary in twins.get(rule.id, ()):
        yield f"- {'Bad' if bad else 'Good'} twin `{name}`: {_plain(summary)}"


def _plain(text: str) -> str:
    """A text that Markdown shows as it is."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return SPECIAL.sub(r"\\\g<0>", " ".join(escaped.split()))
