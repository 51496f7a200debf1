"""JUnit XML, which every CI reads: a suite for each subject, a case for each rule."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from conformance.report.text import visible
from conformance.results import Gate, Results, SubjectResult, Verdict
from conformance.results.judged import Judged, by_rule

__all__ = ["render_junit"]

# What XML 1.0 can not hold and ``visible`` leaves: it looks at what is drawn, not at what is legal.
ILLEGAL = re.compile("[\ufffe\uffff]")
START = "started"
"""The case of a subject that stands for its having been judged at all."""


def render_junit(results: Results, gate: Gate) -> bytes:
    """Return the file.

    A finding is a failure; a hang, a crash and what could not be judged are errors; what the
    subject does not support, and what the baseline expects, is skipped, each with the reason. A
    broken SHOULD that does not count is told in the output of a case that passes.
    """
    root = ET.Element("testsuites", name="wsgi-conformance")
    for subject in results.subjects:
        root.append(_suite(subject, results, gate))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _suite(subject: SubjectResult, results: Results, gate: Gate) -> ET.Element:
    suite = ET.Element("testsuite", name=_text(subject.name), time=f"{subject.duration:.3f}")
    begun = results.run.get("started")
    if isinstance(begun, str) and re.fullmatch(r"[0-9T:-]{19}Z", begun):
        suite.set("timestamp", begun.removesuffix("Z"))
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("version", subject.version),
        ("python", subject.python),
        ("edition", results.edition),
        ("suite", results.suite),
    ):
        ET.SubElement(properties, "property", name=name, value=_text(value))
    suite.append(_start(subject, gate))
    for judged in by_rule(subject).values():
        suite.append(_case(subject, judged, gate))
    for name, tag in (
        ("tests", "testcase"),
        ("failures", "failure"),
        ("errors", "error"),
        ("skipped", "skipped"),
    ):
        suite.set(name, str(sum(1 for _ in suite.iter(tag))))
    if subject.log:
        ET.SubElement(suite, "system-out").text = _lines(subject.log.splitlines())
    return suite


def _start(subject: SubjectResult, gate: Gate) -> ET.Element:
    case = ET.Element("testcase", classname=_text(subject.name), name=START)
    case.set("time", f"{subject.started_in:.3f}")
    judged = subject.started and bool(subject.verdicts)
    if not judged and subject.name not in {other.name for other, _ in gate.unjudged}:
        ET.SubElement(case, "skipped", type="not here", message=_text(subject.failure))
    elif subject.failure or not judged:
        why = subject.failure or "no rule was judged"
        first = why.splitlines()[0] if why.splitlines() else ""
        problem = ET.SubElement(case, "error", type="not judged", message=_text(first))
        problem.text = _lines(why.splitlines())
    return case


def _case(subject: SubjectResult, judged: Judged, gate: Gate) -> ET.Element:
    case = ET.Element("testcase", classname=_text(subject.name), name=_text(judged.rule))
    case.set("time", "0")
    finding = gate.finding(subject.name, judged.rule)
    stale = gate.stale_entry(subject.name, judged.rule)
    told = [each for each in judged.verdicts if each.outcome != "pass"]
    if stale is not None:
        message = "passes, but the baseline expects it to fail: take the entry out"
        ET.SubElement(case, "failure", type="stale", message=message).text = _text(stale.reason)
    elif judged.outcome == "error":
        _problem(case, "error", judged.verdicts)
    elif finding is not None and finding.entry is not None:
        reason = f"expected failure: {finding.entry.reason} {finding.entry.link}".strip()
        ET.SubElement(case, "skipped", type="expected failure", message=_text(reason))
    elif finding is not None:
        stopped = finding.worst.outcome in ("hang", "crash")
        _problem(case, "error" if stopped else "failure", finding.verdicts)
    elif judged.outcome == "unsupported":
        observed = judged.worst.observed
        ET.SubElement(case, "skipped", type="unsupported", message=_text(observed))
    if told and (finding is None or finding.entry is not None):
        ET.SubElement(case, "system-out").text = _lines(map(_told, told))
    return case


def _problem(case: ET.Element, tag: str, verdicts: tuple[Verdict, ...]) -> None:
    worst = verdicts[0]
    message = f"expected {worst.expected}; observed {worst.observed}"
    problem = ET.SubElement(case, tag, type=_text(worst.outcome), message=_text(message))
    problem.text = _lines(map(_told, verdicts))


def _told(verdict: Verdict) -> str:
    return (
        f"{verdict.outcome} ({verdict.level}, {verdict.party}) in {verdict.probe}: "
        f"expected {verdict.expected}; observed {verdict.observed}"
    )


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(map(_text, texts))


def _text(text: str) -> str:
    """A text with everything that XML cannot hold, or nobody can see, in place of itself."""
    return ILLEGAL.sub(lambda match: f"\\u{ord(match[0]):04x}", visible(text))
