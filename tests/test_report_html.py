"""The HTML report: whole in one file, readable without a script, safe with hostile bytes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from test_results import sample, trace, verdict

from conformance.probing import Probe
from conformance.reference import Gateway
from conformance.reference.twins import Twin
from conformance.report import evidence, html
from conformance.report.html import render_html
from conformance.report.matrix import MEANING, SEVERITY, make_matrix
from conformance.report.text import cut, visible
from conformance.report.traceability import TraceRow, trace_rows
from conformance.results import Results, SubjectResult, load_results, save_results
from conformance.results.model import OUTCOMES
from conformance.rules import load

RULES = load()
HOSTILE = (
    "</script><script>x()</script>--><img src=x onerror='x()'>\"'`{{7*7}}\u202e\x00\x1b\ud800\n"
)


class Page(HTMLParser):
    """What a browser would make of a page: its elements and its text, scripts and style apart."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.code: dict[str, list[str]] = {"style": [], "script": []}
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag if tag in self.code else ""
        if self._inside:
            self.code[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.code[self._inside][-1] += data
        else:
            self.text += data

    @property
    def evidence(self) -> dict[str, Any]:
        """What is packed into the page."""
        packed = json.loads(self.code["script"][0])
        return {
            "every": packed["every"],
            "index": evidence.inflate(packed["index"]),
            "traces": [evidence.inflate(part) for part in packed["traces"]],
        }

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.elements if name == tag)


def filled(text: str) -> Results:
    """The sample with a text wherever a server, or who ran it, can put some."""
    results = sample()
    results.run = {"command": text}
    results.traces = {key: trace(key, text.encode("utf-8", "replace")) for key in results.traces}
    results.traces["odd:t1"]["probe"] = text
    for subject in results.subjects:
        subject.name += text
        subject.title = subject.version = subject.python = subject.log = text
        subject.failure = "" if subject.started else text
        subject.command = [text]
        subject.verdicts = [
            replace(one, probe=text, expected=text, observed=text) for one in subject.verdicts
        ]
    return results


def test_nothing_is_loaded_from_elsewhere() -> None:
    page = render_html(sample(), RULES, rows())
    parsed = Page(page)
    assert {"link", "img", "iframe", "object", "embed", "base"}.isdisjoint(dict(parsed.elements))
    for tag, attributes in parsed.elements:
        assert "src" not in attributes
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert "href" not in attributes or tag == "a"
    for code in ("style", "script"):
        assert not re.search(
            r"url\(|@import|https?://|fetch\(|innerHTML|eval\(", "".join(parsed.code[code])
        )


def test_policy_allows_the_one_style_and_the_one_script() -> None:
    parsed = Page(render_html(sample(), RULES))
    policy = next(
        str(meta["content"])
        for meta in parsed.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    assert [script.get("type") for script in parsed.all("script")] == ["application/json", None]
    for name, code in (("style", parsed.code["style"][0]), ("script", parsed.code["script"][1])):
        digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    save_results(sample(), path)
    page = render_html(sample(), RULES, rows())
    assert page == render_html(sample(), RULES, rows())
    assert page == render_html(load_results(path), RULES, rows())


def test_static_part_has_every_subject_rule_and_outcome() -> None:
    parsed = Page(render_html(sample(), RULES, rows()))
    for subject in sample().subjects:
        assert subject.name in parsed.text
        assert subject.version in parsed.text
        for one in subject.verdicts:
            assert one.rule in parsed.text
    for outcome in OUTCOMES:
        assert MEANING[outcome] in parsed.text
        assert parsed.text.count(outcome) >= 2
    assert "compliant" not in parsed.text


def test_cells_say_more_than_a_colour() -> None:
    cells = list(Page(render_html(sample(), RULES)).all("td"))
    titles = [cell["title"] for cell in cells if "title" in cell]
    results = sample()
    assert len(titles) == len(results.subjects) * len(results.subjects[0].verdicts)
    assert "fail 1/1: expected b'hello'; observed b'hell'" in titles


def test_counts_leave_information_out_and_nothing_else() -> None:
    must = [rule for rule in RULES.values() if rule.level == "MUST"][:8]
    verdicts = [verdict(rule, outcome) for rule, outcome in zip(must, OUTCOMES, strict=True)]
    results = Results("1", "1", {}, [SubjectResult("one", started=True, verdicts=verdicts)])
    count = make_matrix(results, RULES).columns[0].count("PEP 3333", "MUST")
    assert (count.passed, count.judged) == (1, 7)
    assert "MUST 1/7" in Page(render_html(results, RULES)).text


def test_the_worst_verdict_is_the_cell() -> None:
    rule = RULES["input-read-semantics"]
    for number, worse in enumerate(SEVERITY):
        verdicts = [verdict(rule, outcome) for outcome in SEVERITY[: number + 1]]
        results = Results("1", "1", {}, [SubjectResult("one", started=True, verdicts=verdicts)])
        [row] = make_matrix(results, RULES).rows
        assert row.cells[0].outcome == worse
        assert row.cells[0].verdicts[0].outcome == worse


def test_differences_come_first_and_what_all_pass_is_folded() -> None:
    results = sample()
    results.subjects[1].verdicts[-1:] = []
    passing = results.subjects[0].verdicts[-1].rule
    page = render_html(results, RULES)
    folded = page[page.index("<details>") :]
    assert passing in folded
    assert passing not in page[: page.index("<details>")]
    findings, information, all_pass, http = make_matrix(results, RULES).blocks
    assert [group.title for group in findings.groups] == ["PEP 3333 · MUST", "PEP 3333 · SHOULD"]
    assert (information.size, all_pass.size, http.size) == (1, 3, 0)


def test_families_are_counted_apart() -> None:
    own, kept, broken, hung = (
        RULES[rule]
        for rule in (
            *("input-read-semantics", "cgi-path-info-form", "http-etag-valid"),
            "http-host-valid",
        )
    )
    verdicts = [verdict(rule, "pass") for rule in (own, kept)]
    verdicts += [replace(verdict(broken, "info"), broken=True), verdict(hung, "hang")]
    results = Results("1", "1", {}, [SubjectResult("one", started=True, verdicts=verdicts)])
    matrix = make_matrix(results, RULES)
    assert matrix.families == ["PEP 3333", "HTTP"]
    assert matrix.columns[0].count("PEP 3333", "MUST").judged == 1
    assert matrix.columns[0].outcomes == {"pass": 1}
    assert matrix.counted == [("PEP 3333", "MUST")]
    assert (matrix.judged("PEP 3333"), matrix.judged("HTTP")) == (1, 3)
    findings, information, passing, http = matrix.blocks
    assert [group.title for group in findings.groups] == ["HTTP · information"]
    assert information.size == 0
    assert [row.rule for row in passing.groups[0].rows] == [own.id]
    assert [(row.rule, row.shown) for row in http.groups[0].rows] == [(broken.id, 1), (kept.id, 0)]
    text = Page(render_html(results, RULES)).text
    assert "1 rule judged" in text
    assert "2 rules of HTTP and CGI" in text
    assert "1 not kept by all" in text


def test_a_rule_of_the_pep_stays_one_whatever_it_is_shown_as() -> None:
    rule = RULES["http-chunked-abort-unterminated"]
    assert rule.effective_level == "undefined (HTTP)"
    subject = SubjectResult("one", started=True, verdicts=[verdict(rule, "pass")])
    subject.verdicts.append(replace(verdict(rule, "pass"), rule="http-from-later"))
    matrix = make_matrix(Results("1", "1", {}, [subject]), RULES)
    assert {row.rule: row.family for row in matrix.rows} == {
        rule.id: "PEP 3333",
        "http-from-later": "HTTP",
    }


def test_rules_of_http_follow_those_of_the_pep() -> None:
    names = ["http-host-valid", "file-wrapper-one-argument", "http-etag-valid", "later", "close-*"]
    subject = SubjectResult("one", started=True)
    subject.verdicts += [
        replace(verdict(RULES["input-read-semantics"], "fail"), rule=name) for name in names
    ]
    subject.verdicts.append(verdict(RULES["environ-builtin-dict"], "fail"))
    rows = [row.rule for row in make_matrix(Results("1", "1", {}, [subject]), RULES).rows]
    places = [rows.index(name) for name in ("environ-builtin-dict", "file-wrapper-one-argument")]
    assert places == sorted(places)
    assert rows.index("http-etag-valid") < rows.index("http-host-valid")


def test_subject_that_did_not_start_says_why() -> None:
    parsed = Page(render_html(sample(), RULES))
    assert "did not start: exited with status 1\\x0ano module" in parsed.text
    assert parsed.text.count("did not start") > len(sample().subjects[0].verdicts)


def test_nothing_judged_is_no_success() -> None:
    results = Results("2026.1", "0.1.0", {}, [SubjectResult("absent", failure="no such file")])
    assert "No rule was judged. That is no success" in render_html(results, RULES)
    assert "falls short of any" not in render_html(results, RULES)


def test_two_of_one_name_stay_apart_and_unknown_rules_are_kept() -> None:
    results = sample()
    results.subjects.append(replace(results.subjects[0]))
    results.subjects[0].verdicts[0] = replace(results.subjects[0].verdicts[0], rule="from-later")
    matrix = make_matrix(results, RULES)
    assert [column.key for column in matrix.columns] == ["good", "odd", "absent", "good~2"]
    assert "from-later" in {row.rule for row in matrix.rows}
    assert "from-later" in render_html(results, RULES)


def test_hostile_text_is_escaped_only() -> None:
    page = render_html(filled(HOSTILE), RULES, rows())
    assert page.encode("utf-8")
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x09\x0b-\x1f\x7f-\x9f]", page)
    assert "<img" not in page
    assert "<script>x()" not in page
    shown = HOSTILE.replace("\u202e", "\\u202e").replace("\x00", "\\x00").replace("\x1b", "\\x1b")
    shown = shown.replace("\ud800", "\\ud800").replace("\n", "\\x0a")
    assert page.count("&lt;/script&gt;") > 50
    assert shown in Page(page).text


def test_hostile_text_makes_no_element() -> None:
    def shape(results: Results) -> list[tuple[str, list[str]]]:
        parsed = Page(render_html(results, RULES, rows()))
        return [(tag, sorted(attributes)) for tag, attributes in parsed.elements]

    assert shape(filled(HOSTILE)) == shape(filled("harmless"))


def test_hostile_text_in_the_evidence_stays_data() -> None:
    page = render_html(filled(HOSTILE), RULES)
    assert re.fullmatch(r'[A-Za-z0-9+/=":{},\[\]]*', Page(page).code["script"][0])
    index = Page(page).evidence["index"]
    assert HOSTILE in index["texts"]
    assert index["subjects"][0]["log"] == HOSTILE


@pytest.mark.parametrize("url", ["javascript:x()", "data:text/html,x", " https://x.example", "//x"])
def test_only_web_addresses_are_linked(url: str) -> None:
    results = sample()
    results.subjects[0].homepage = url
    links = [link.get("href") for link in Page(render_html(results, RULES)).all("a")]
    assert url not in links
    assert "https://good.example/" in [
        link.get("href") for link in Page(render_html(sample(), RULES)).all("a")
    ]


def test_evidence_round_trips() -> None:
    results = sample()
    found = Page(render_html(results, RULES)).evidence
    assert found["every"] is True
    good, odd, absent = (evidence.unpack_subject(part) for part in found["traces"])
    assert good == {"good:t1": results.traces["good:t1"]["events"]}
    assert absent == {}
    for stored, shown in zip(results.traces["odd:t1"]["events"], odd["odd:t1"], strict=True):
        assert {**stored, "bytes": 0} == {**shown, "bytes": 0}


def test_index_holds_every_verdict() -> None:
    results = sample()
    index = Page(render_html(results, RULES)).evidence["index"]
    for subject, shown in zip(results.subjects, index["subjects"], strict=True):
        assert shown["key"] == subject.name
        assert [
            [*(index["texts"][number] for number in numbers), *rest]
            for *numbers, key, broken in shown["verdicts"]
            for rest in [(key, bool(broken))]
        ] == [
            [one.rule, one.probe, one.outcome, one.expected, one.observed, one.trace, one.broken]
            for one in subject.verdicts
        ]


def test_many_bytes_are_shown_by_their_ends() -> None:
    body = bytes(range(256)) * 40
    results = sample()
    results.traces["good:t1"] = trace("good", body)
    [part] = Page(render_html(results, RULES)).evidence["traces"][:1]
    [sent] = [e for e in evidence.unpack_subject(part)["good:t1"] if e["kind"] == "sent"]
    whole = b"POST / HTTP/1.1\r\n\r\n" + body
    assert sent["bytes"]["length"] == len(whole)
    assert whole.startswith(sent["bytes"]["latin1"].encode("latin-1"))
    assert whole.endswith(sent["bytes"]["tail"].encode("latin-1"))


@pytest.mark.parametrize(
    "stored",
    [
        {"deflate": "!", "length": 3},
        {"deflate": "eJw=", "length": 1 << 60},
        {"latin1": 5},
        {"deflate": 5},
        {"latin1": "\u20ac" * 9000},
    ],
)
def test_damaged_evidence_is_no_obstacle(stored: dict[str, Any]) -> None:
    results = sample()
    results.traces["odd:t1"]["events"][2]["bytes"] = stored
    results.traces["odd:t1"]["events"][3]["environ"] = {"items": 7}
    results.traces["odd:t1"]["events"].append("not an event")
    results.traces["good:t1"] = ["not a trace"]
    assert render_html(results, RULES)


def test_evidence_of_passes_is_left_out_of_a_page_too_large(monkeypatch: Any) -> None:
    whole = render_html(sample(), RULES)
    assert "holds the evidence of every cell" in whole
    monkeypatch.setattr(html, "BUDGET", len(whole.encode()) - 1)
    page = render_html(sample(), RULES)
    assert "holds the evidence of cells that did not pass" in page
    found = Page(page).evidence
    assert found["every"] is False
    assert [list(part["traces"]) for part in found["traces"]] == [[], ["odd:t1"], []]


def test_traceability_covers_every_rule_with_what_was_seen() -> None:
    parsed = Page(render_html(sample(), RULES, rows()))
    anchors = [row["id"] for row in parsed.all("tr") if str(row.get("id")).startswith("rule-")]
    assert sorted(str(anchor) for anchor in anchors) == sorted(f"rule-{rule}" for rule in RULES)
    assert "the validator and `wsgi-conformance app`: it binds the application" in parsed.text
    parts = re.findall(r"(\d+) (rules of .+)", parsed.text)
    assert [title for _, title in parts] == [
        "rules of PEP 3333 with probes",
        "rules of PEP 3333 judged by the validator",
        "rules of PEP 3333 without a check, and why",
        "rules of HTTP and CGI judged by the validator",
        # Those that show on the wire: the one probe of this sample judges none of them.
        "rules of HTTP and CGI without a check, and why",
    ]
    assert sum(int(number) for number, _ in parts[:3]) == 388
    assert "ReadsTooMuch" in parsed.text
    targets = {str(link.get("href")) for link in parsed.all("a")}
    assert {target for target in targets if target.startswith("#rule-")} <= {
        f"#rule-{rule}" for rule in RULES
    }


def rows() -> list[TraceRow]:
    """Traceability with one probe, one bad and one good twin, and one general rule."""

    def application(environ: Any, start_response: Any) -> Any:
        """Reads."""

    probe = Probe(application, ("input-read-semantics",))
    probe.name = "section.probe"
    twins = {
        name: Twin(name, bad, ("input-read-semantics",), (), "", Path("x"), Gateway)
        for name, bad in (("ReadsTooMuch", True), ("ReadsSlowly", False))
    }
    return trace_rows(RULES, {probe.name: probe}, twins, ["environ-builtin-dict"])


def test_trace_rows() -> None:
    by_rule = {row.rule: row for row in rows()}
    assert list(by_rule) == list(RULES)
    assert by_rule["input-read-semantics"] == TraceRow(
        "input-read-semantics", ("section.probe",), ("ReadsTooMuch",), None, ("ReadsSlowly",)
    )
    assert by_rule["environ-builtin-dict"].probes == ("every-exchange",)
    for row in by_rule.values():
        assert [bool(x) for x in (row.probes, row.judged_by, row.untested)].count(True) == 1
    assert str(by_rule["http-host-valid"].judged_by).startswith("the validator, ")
    assert "app" in str(by_rule["app-callable"].judged_by)
    assert "documentation" in str(by_rule["errors-documented"].untested)
    assert "permission" in str(by_rule["environ-run-once-tuning"].untested)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢 …", "plain é 漢 …"),
        ("a\r\n\tb\x7f\x85", "a\\x0d\\x0a\\x09b\\x7f\\x85"),
        ("\u202e\u2066\u200b\ufeff\u2028", "\\u202e\\u2066\\u200b\\ufeff\\u2028"),
        ("\ud800\U000e0041", "\\ud800\\U000e0041"),
    ],
)
def test_what_cannot_be_seen_is_named(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_cut() -> None:
    assert (cut("abcd", 4), cut("abcde", 4)) == ("abcd", "abc…")


def test_legend_and_order_know_every_outcome() -> None:
    assert set(MEANING) == set(SEVERITY) == set(OUTCOMES)
