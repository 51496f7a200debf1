"""JUnit, GitHub's commands, Markdown and badges, each read back by somebody else's parser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import junitparser
import pytest
from gate_samples import HOSTILE, MUST, RULES, SHOULD, results, subject, verdict
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from conformance.report.badge import badge_json, badge_svg, badge_words
from conformance.report.github import MOST, commands
from conformance.report.junit import render_junit
from conformance.report.markdown import COMMENT, Table, fit, render_markdown
from conformance.report.text import cut, visible
from conformance.results import Baseline, Entry, Results, judge

A, B, C, D, E, F, G, H = MUST[:8]
S, T = SHOULD[:2]
KNOWN = Entry("one", B, "until 2.0", "https://example.org/7", line=12)
STALE = Entry("one", C, "was so", line=20)
BASELINE = Baseline("b.toml", (KNOWN, STALE))


def every_kind() -> Results:
    """One of everything that there is."""
    return results(
        subject(
            "one",
            [
                verdict(A, "fail", expected="b'a'", observed="b'b'"),
                verdict(A, "pass", "other.probe"),
                verdict(B, "fail"),
                verdict(C, "pass"),
                verdict(D, "hang"),
                verdict(E, "crash"),
                verdict(F, "unsupported", observed="501"),
                verdict(G, "error"),
                verdict(H, "info"),
                verdict(S, "warn"),
                verdict(T, "pass"),
            ],
            log="it began\nit ended",
        ),
        subject("two", [], failure="exited with status 1\nits log ends:\nno module"),
    )


def hostile(text: str) -> Results:
    """Results in which everything that a server or its author says is the same text."""
    name = text or "x"
    found = [verdict(A, "fail", expected=text, observed=text), verdict(S, "warn", observed=text)]
    found += [verdict(B, "unsupported", observed=text), verdict(C, "crash", observed=text)]
    return results(
        subject(name, found, version=text, title=text, failure=text, log=text), started=text
    )


# --- JUnit


def cases(data: bytes) -> dict[tuple[str, str], junitparser.TestCase]:
    found = {}
    for suite in junitparser.JUnitXml.fromstring(data):
        for case in suite:
            found[suite.name, case.name] = case
    return found


def test_junit_tells_failures_errors_and_skips_apart() -> None:
    data = render_junit(every_kind(), judge(every_kind(), "must", BASELINE))
    read = cases(data)
    outcome = {
        rule: [type(each) for each in read["one", rule].result] for rule in (*MUST[:8], S, T)
    }
    assert outcome == {
        A: [junitparser.Failure],
        B: [junitparser.Skipped],
        C: [junitparser.Failure],
        D: [junitparser.Error],
        E: [junitparser.Error],
        F: [junitparser.Skipped],
        G: [junitparser.Error],
        H: [],
        S: [],
        T: [],
    }
    assert read["one", A].result[0].message == "expected b'a'; observed b'b'"
    assert read["one", B].result[0].message == "expected failure: until 2.0 https://example.org/7"
    assert read["one", C].result[0].type == "stale"
    assert read["one", F].result[0].message == "501"
    assert "warn (SHOULD" in (read["one", S].system_out or "")
    assert read["one", "started"].is_passed
    assert read["two", "started"].result[0].message == "exited with status 1"
    assert read["two", "started"].result[0].text.endswith("no module")


def test_who_cannot_be_judged_here_and_was_not_asked_for_is_skipped() -> None:
    found = every_kind()
    gate = judge(found, "must", BASELINE, excused=["two"])
    assert gate.unjudged == []
    case = cases(render_junit(found, gate))["two", "started"]
    assert isinstance(case.result[0], junitparser.Skipped)
    assert not any("two" in line for line in commands(gate, {}))


def test_junit_counts_what_it_holds() -> None:
    data = render_junit(every_kind(), judge(every_kind(), "must", BASELINE))
    whole = junitparser.JUnitXml.fromstring(data)
    told = (whole.tests, whole.failures, whole.errors, whole.skipped)
    whole.update_statistics()  # type: ignore[no-untyped-call]
    assert told == (whole.tests, whole.failures, whole.errors, whole.skipped) == (12, 2, 4, 2)
    suite = ET.fromstring(data).find("testsuite")
    assert suite is not None
    assert suite.get("timestamp") == "2026-11-21T02:00:00"
    assert suite.findtext("system-out") == "it began\nit ended"
    properties = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert properties["edition"] == "2026.1"


def test_a_should_that_counts_is_a_failure() -> None:
    read = cases(render_junit(every_kind(), judge(every_kind(), "should", BASELINE)))
    assert [type(each) for each in read["one", S].result] == [junitparser.Failure]


@given(st.one_of(st.sampled_from(HOSTILE), st.text()))
def test_junit_is_well_formed_whatever_a_server_says(text: str) -> None:
    found = hostile(text)
    data = render_junit(found, judge(found, "must"))
    root = ET.fromstring(data)
    junitparser.JUnitXml.fromstring(data)
    # Not only what this parser takes: the characters that XML 1.0 allows, and no others.
    assert not re.search(
        "[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", data.decode("utf-8")
    )
    shown = visible(text).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
    failure = root.find(f".//testcase[@name='{A}']/failure")
    assert failure is not None
    assert failure.get("message") == f"expected {shown}; observed {shown}"
    version = root.find(".//property[@name='version']")
    assert version is not None
    assert version.get("value") == shown


# --- GitHub


COMMAND = re.compile(r"::([a-z-]+)(?: ([^:\n\r]*))?::([^\n\r]*)")


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """A command as the runner reads it, written down from its documentation."""
    match = COMMAND.fullmatch(line)
    assert match, line
    pairs = [pair.partition("=") for pair in (match[2] or "").split(",") if pair]
    properties = {name: undone(value, "%3A:", "%2C,") for name, _, value in pairs}
    return match[1], properties, undone(match[3])


def undone(text: str, *more: str) -> str:
    for escape, char in [("%0D", "\r"), ("%0A", "\n"), *((m[:3], m[3:]) for m in more)]:
        text = text.replace(escape, char)
    return text.replace("%25", "%")


def test_annotations() -> None:
    gate = judge(every_kind(), "must", BASELINE)
    read = [parsed(line) for line in commands(gate, {"one": "my.toml", "": "b.toml"})]
    assert [kind for kind, _, _ in read] == ["error"] * 5
    assert read[0] == ("error", {"title": "two"}, read[0][2])
    assert read[0][2].startswith("not judged: exited with status 1\nits log ends:")
    assert read[1] == (
        "error",
        {"file": "my.toml", "title": f"one: {A} (MUST)"},
        "fail in section.probe\nexpected b'a'\nobserved b'b'",
    )
    assert read[-1][1] == {"file": "b.toml", "line": "20", "title": f"one: {C} passes"}


def test_annotations_are_warnings_where_nothing_fails_for_them() -> None:
    lines = commands(judge(every_kind(), "never", BASELINE), {}, fails=False)
    assert {parsed(line)[0] for line in lines} == {"warning"}


def test_annotations_are_capped_and_say_so() -> None:
    found = results(subject("one", [verdict(rule, "fail") for rule in MUST[:37]]))
    lines = commands(judge(found, "must"), {})
    assert len(lines) == MOST + 1
    kind, _, message = parsed(lines[-1])
    assert (kind, message) == ("notice", "27 more were left out here: the step's summary has them")
    ten = results(subject("one", [verdict(rule, "fail") for rule in MUST[:10]]))
    assert len(commands(judge(ten, "must"), {})) == 10


@given(st.one_of(st.sampled_from(HOSTILE), st.text()))
def test_no_server_can_say_a_command(text: str) -> None:
    found = hostile(text)
    lines = commands(judge(found, "must", Baseline("b", (Entry(text, B, text),))), {text: text})
    assert len(lines) == 2
    for line in lines:
        kind, properties, message = parsed(line)
        assert kind == "error"
        assert set(properties) <= {"file", "title"}
        assert message.isprintable() or set(message) - {"\n"} == {
            char for char in message if char != "\n"
        }
    told = parsed(lines[0])[1]["title"]
    assert told == f"{visible(text or 'x')}: {A} (MUST)"


# --- Markdown


class Page(HTMLParser):
    """The cells of all tables, and every tag that there is."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        self.heads: list[str] = []
        self.texts: list[str] = []
        self.inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = "cell"
        elif tag in ("h2", "h3"):
            self.heads.append("")
            self.inside = "head"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "h2", "h3"):
            self.inside = ""

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self.inside == "cell":
            self.rows[-1][-1] += data
        elif self.inside == "head":
            self.heads[-1] += data


def page(text: str) -> Page:
    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    return Page(html)


OURS = {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "a", "strong"}


def test_markdown_tells_numbers_findings_stale_and_expected() -> None:
    read = page(render_markdown(every_kind(), judge(every_kind(), "must", BASELINE), RULES))
    numbers = "3 unexpected findings, 1 stale entry of the baseline, 1 subject not judged"
    assert read.heads == [
        f"wsgi-conformance: {numbers}",
        *("Subjects", "Not judged", "Unexpected", "Stale", "Expected"),
    ]
    assert ["one", "1.0", "1/7", "1/2", "3", "1", "1"] in read.rows
    assert ["two", "1.0", "", "", "", "", ""] in read.rows
    assert ["one", A, "MUST", "fail (1 of 2 checks)", "b'a'", "b'b'"] in read.rows
    assert ["one", C, "was so"] in read.rows
    assert ["one", B, "fail", "until 2.0 (link)"] in read.rows
    assert RULES[A].url in read.links
    assert "https://example.org/7" in read.links
    assert read.tags <= OURS


def test_markdown_of_nothing_unexpected() -> None:
    found = results(subject("one", [verdict(A)]), edition="2026.1", rules=["close-*"])
    text = render_markdown(found, judge(found, "must"), RULES)
    assert text.startswith("## wsgi-conformance: nothing unexpected\n")
    assert "a selection: --rule close-*" in "".join(page(text).texts)


@given(st.one_of(st.sampled_from(HOSTILE), st.text()))
def test_markdown_shows_what_a_server_says_and_does_nothing_else(text: str) -> None:
    found = hostile(text)
    entries = (Entry(text or "x", C, text, "https://example.org/" + text[:50]),)
    rendered = render_markdown(found, judge(found, "must", Baseline("b", entries)), RULES)
    read = page(rendered)
    # A browser and a parser take white space at the ends of a cell, and runs of it, for less.
    shown = cut(visible(text), 300).strip()
    assert [shown if shown else "", shown] in [
        [cell.strip() for cell in row[4:6]] for row in read.rows
    ]
    assert read.tags <= OURS
    assert {link for link in read.links if not link.startswith("https://peps.python.org/")} == {
        link for link in read.links if link.startswith("https://example.org/")
    }
    assert rendered.isprintable() or "\x1b" not in rendered
    # What GitHub would make of it before Markdown is read at all, or where code is not looked at.
    for taken in ("@somebody", "www.evil", "https://evil", "`", "<b>"):
        assert taken not in rendered


def many(number: int, said: str = "x") -> Results:
    subjects = [
        subject(f"server-{count}", [verdict(rule, "fail", observed=said) for rule in MUST[:100]])
        for count in range(number)
    ]
    return results(*subjects)


@pytest.mark.parametrize("most", [COMMENT, 20_000, 5_000])
@pytest.mark.parametrize("said", ["x", "|" * 400, "\U0001f600" * 300])
def test_markdown_is_bounded_and_cut_between_rows(most: int, said: str) -> None:
    found = many(20, said)
    text = render_markdown(found, judge(found, "must"), RULES, most)
    assert len(text) <= len(text.encode()) <= most
    read = page(text)
    assert read.tags <= OURS
    widths = {len(row) for row in read.rows}
    # No row is cut in two, and those that are left out are counted.
    assert widths == {6}
    shown = sum(row[0] != "subject" for row in read.rows)
    (left,) = re.findall(r"(\d+) more rows are left out", "".join(read.texts))
    assert shown + int(left) == 20 + 2000
    assert shown > 5
    assert "edition 2026.1" in "".join(read.texts)


def test_markdown_fills_the_room_that_there_is() -> None:
    found = many(20)
    text = render_markdown(found, judge(found, "must"), RULES)
    assert len(text) > 0.95 * COMMENT


def test_a_table_without_room_is_counted_whole() -> None:
    table = Table("T", ["a"], [["x" * 3000]] * 4)
    text = fit("head\n", [table, table], "tail\n", 4200)
    assert "**7 more rows are left out" in text


# --- badges


SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> Iterator[str]:
    for each in ET.fromstring(svg).iter(f"{SVG}text"):
        yield each.text or ""


def test_badge_says_what_was_tested() -> None:
    found = results(subject("one", [verdict(A), verdict(B, "fail"), verdict(C, "info")]))
    assert [*texts(badge_svg(found, found.subjects[0]))] == ["PEP 3333", "MUST 1/2 \u00b7 2026.1"]
    fields = json.loads(badge_json(found, found.subjects[0]))
    assert fields["schemaVersion"] == 1
    assert fields["message"] == "MUST 1/2 \u00b7 2026.1"
    assert set(fields) == {"schemaVersion", "label", "message", "color"}


def test_badge_of_a_selection_and_of_nothing() -> None:
    part = results(subject("one", [verdict(A)]), rules=["close-*"])
    assert badge_words(part, part.subjects[0])[0] == "MUST 1/1 of a selection \u00b7 2026.1"
    none = results(subject("one", [], failure="no"))
    assert badge_words(none, none.subjects[0])[0] == "not judged"


def test_badge_colours_differ() -> None:
    def colour(passed: int, judged: int) -> str:
        made = [
            verdict(rule, "pass" if number < passed else "hang")
            for number, rule in enumerate(MUST[:judged])
        ]
        found = results(subject("one", made))
        return badge_words(found, found.subjects[0])[1]

    assert len({colour(40, 40), colour(39, 40), colour(20, 40)}) == 3


@given(st.one_of(st.sampled_from(HOSTILE), st.text()))
def test_badge_is_well_formed_and_claims_nothing(text: str) -> None:
    found = hostile(text)
    svg = badge_svg(found, found.subjects[0])
    assert {each.tag.removeprefix(SVG) for each in ET.fromstring(svg).iter()} == {
        *("svg", "title", "clipPath", "rect", "g", "text")
    }
    words = "".join(texts(svg)) + badge_json(found, found.subjects[0])
    assert not re.search("complian|conform(s|ing)", words, re.IGNORECASE)


def test_files_are_utf_8(tmp_path: Path) -> None:
    for text in HOSTILE:
        found = hostile(text)
        gate = judge(found, "must")
        (tmp_path / "x").write_text(render_markdown(found, gate, RULES), encoding="utf-8")
        (tmp_path / "x").write_text(badge_svg(found, found.subjects[0]), encoding="utf-8")
