"""Results made by hand for what reads them: gate, reports, diff."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.results import Results, SubjectResult, Verdict
from conformance.rules import load

RULES = load()
MUST = [rule.id for rule in RULES.values() if rule.effective_level == "MUST"]
SHOULD = [rule.id for rule in RULES.values() if rule.effective_level == "SHOULD"]

# What a server can make its verdicts, versions and logs say, and what its author can name it.
HOSTILE = (
    "\x00\x07\x1b[31m\x7f\x85",
    "a|b\\|c`d``e",
    "</code></td><script>alert(1)</script>&amp;&#124;",
    "]]><!-- <!DOCTYPE x [<!ENTITY y 'z'>]>",
    "first\nsecond\r\nthird\u2028fourth",
    "\u202e\u2066right to left\u200b",
    "\ud800lone\udfff \ufffe\uffff \U0001f600",
    "::error file=x,line=1::injected\n::stop-commands::x",
    "%0A%25 100% a:b,c",
    "**bold** _it_ ~~no~~ [x](http://evil.example) ![y](z) https://evil.example www.evil.example",
    "@somebody #1 GH-2 :smile: $x$ <b>",
    "| --- | --- |\n| x | y |",
    "\t leading and trailing \t",
    "x" * 5000,
    "",
)


def verdict(rule: str, outcome: str = "pass", probe: str = "section.probe", **more: str) -> Verdict:
    """A verdict as a run makes it."""
    known = RULES[rule]
    return Verdict(
        rule,
        probe,
        known.effective_level,
        known.party,
        outcome,
        more.get("expected", "this"),
        more.get("observed", "that"),
        broken=outcome in ("fail", "warn", "hang", "crash"),
        family=known.family,
    )


def subject(name: str, verdicts: Iterable[Verdict], **more: str) -> SubjectResult:
    """A subject that was judged."""
    return SubjectResult(
        name,
        title=more.get("title", name.title()),
        version=more.get("version", "1.0"),
        python="CPython 3.11.7",
        started=True,
        duration=1.5,
        exchanges=3,
        verdicts=list(verdicts),
        failure=more.get("failure", ""),
        log=more.get("log", ""),
    )


def results(*subjects: SubjectResult, edition: str = "2026.1", **run: object) -> Results:
    """Results of one run."""
    about = {"started": "2026-11-21T02:00:00Z", "duration": 1.5, **run}
    return Results(edition, "0.1.0", about, list(subjects))
