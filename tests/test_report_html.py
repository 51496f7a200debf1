"""The HTML report: whole in one file, readable without a script, safe with hostile bytes."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_hostile import HOSTILE, filled
from report_reading import ELIDED, Page, Traces
from test_results import sample, trace, verdict

from conformance.probing import Probe
from conformance.reference import Gateway
from conformance.reference.twins import Twin
from conformance.report import html
from conformance.report.evidence import Detail, collect
from conformance.report.html import render_html
from conformance.report.matrix import MEANING, SEVERITY, make_matrix
from conformance.report.text import cut, visible
from conformance.report.traceability import TraceRow, trace_rows
from conformance.results import Results, SubjectResult, load_results, save_results
from conformance.results.model import OUTCOMES
from conformance.rules import load

RULES = load()


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
            r"url\(|@import|https?://(?!www\.w3\.org/2000/svg|\")|fetch\(|innerHTML|eval\(",
            parsed.code[code][-1],
        )


def test_policy_allows_the_one_style_and_the_one_script() -> None:
    parsed = Page(render_html(sample(), RULES))
    policy = next(
        str(meta["content"])
        for meta in parsed.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    data = ["text/plain"] * 3 + ["application/json"]
    assert [script.get("type") for script in parsed.all("script")] == [*data, None]
    for name, code in (("style", parsed.code["style"][0]), ("script", parsed.code["script"][4])):
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
    findings, information, all_pass = make_matrix(results, RULES).blocks
    assert [group.title for group in findings.groups] == ["MUST", "SHOULD"]
    assert (information.size, all_pass.size) == (1, 3)


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
    assert matrix.columns[0].outcomes == {
        "PEP 3333": {"pass": 1},
        "HTTP": {"pass": 1, "info": 1, "hang": 1},
    }
    assert matrix.counted == [("PEP 3333", "MUST")]
    assert (matrix.judged("PEP 3333"), matrix.judged("HTTP")) == (1, 3)
    names = [(block.family, block.name, block.size) for block in matrix.blocks]
    assert names == [
        *(("PEP 3333", "findings", 0), ("PEP 3333", "information", 0), ("PEP 3333", "passing", 1)),
        *(("HTTP", "findings", 1), ("HTTP", "information", 1), ("HTTP", "passing", 1)),
    ]
    [group] = matrix.block("HTTP", "information").groups
    assert [(row.rule, row.shown) for row in group.rows] == [(broken.id, 1)]
    parsed = Page(render_html(results, RULES))
    assert "1 rule of PEP 3333, 0 where somebody falls short" in parsed.text
    assert "3 rules of HTTP, 1 where somebody falls short" in parsed.text
    assert "1 that the text leaves open and not all keep" in parsed.text
    families = [part["data-family"] for part in parsed.all("section") if "data-family" in part]
    assert families == ["PEP 3333", "HTTP"]


def test_a_rule_that_is_not_known_is_of_the_family_its_verdict_says() -> None:
    verdicts = [
        replace(verdict(RULES["input-read-semantics"], "pass"), rule=name, family=family)
        for name, family in (("later", "HTTP"), ("gateway", "PEP 3333"), ("odd", "Gopher"))
    ]
    results = Results("1", "1", {}, [SubjectResult("one", started=True, verdicts=verdicts)])
    found = {row.rule: row.family for row in make_matrix(results, RULES).rows}
    assert found == {"later": "HTTP", "gateway": "PEP 3333", "odd": "PEP 3333"}


def test_a_rule_of_the_pep_stays_one_whatever_it_is_shown_as() -> None:
    rule = RULES["http-chunked-abort-unterminated"]
    assert rule.effective_level == "undefined (HTTP)"
    subject = SubjectResult("one", started=True, verdicts=[verdict(rule, "pass")])
    matrix = make_matrix(Results("1", "1", {}, [subject]), RULES)
    assert {row.rule: row.family for row in matrix.rows} == {rule.id: "PEP 3333"}


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
    assert "1 server did not start, and nothing is known of it: absent." in parsed.text
    assert "exited with status 1" in parsed.text
    assert parsed.text.count("n/a") > len(sample().subjects[0].verdicts)


def test_a_selection_and_what_cannot_run_are_told_on_top() -> None:
    results = sample()
    assert "A selection only" not in render_html(results, RULES)
    results.run["rules"] = ["close-*"]
    results.subjects[2].unavailable = True
    text = " ".join(Page(render_html(results, RULES)).text.split())
    assert "A selection only: this run was asked for --rule close-*" in text
    assert "1 server cannot run on the machine that this was made on" in text
    assert "did not start" not in text


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
    shown = shown.replace("\u2028", "\\u2028").replace("\ud800", "\\ud800").replace("\n", "\\x0a")
    assert page.count("&lt;/script&gt;") > 50
    assert shown in Page(page).text


def test_hostile_text_makes_no_element() -> None:
    def shape(results: Results) -> list[tuple[str, list[str]]]:
        parsed = Page(render_html(results, RULES, rows()))
        return [(tag, sorted(attributes)) for tag, attributes in parsed.elements]

    assert shape(filled(HOSTILE)) == shape(filled("harm\nless"))


def test_hostile_text_in_the_evidence_stays_data() -> None:
    parsed = Page(render_html(filled(HOSTILE), RULES))
    for packed in parsed.code["script"][:3]:
        assert re.fullmatch(r"[0-9A-Za-z!#$%&()*+\-;,=>?@^_`{|}~]*", packed)
    assert HOSTILE in parsed.index["texts"]
    assert parsed.index["subjects"][0]["log"] == HOSTILE


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
    parsed = Page(render_html(results, RULES))
    assert parsed.detail == {"exact": True, "passes": None}
    shown = dict(zip(("good:t1", "odd:t1"), parsed.traces, strict=True))
    for key, events in shown.items():
        for stored, found in zip(results.traces[key]["events"], events, strict=True):
            if "bytes" in stored and "deflate" in stored["bytes"]:
                stored, found = {**stored, "bytes": 0}, {**found, "bytes": 0}
            assert found == stored


def test_evidence_without_what_differs_from_run_to_run_says_the_same() -> None:
    results = sample()
    stored = results.traces["good:t1"]["events"]
    for name, value in (("wsgi.input", "<Input at 0x7fc974621240>"), ("REMOTE_PORT", 50123)):
        stored[3]["environ"]["items"].append([name, value])
    events = of_the_first(results, Detail(False, None))
    for before, after in zip(stored, events, strict=True):
        assert after["ms"] == pytest.approx(before["ms"], abs=3)
        assert {**after, "ms": 0, "environ": 0} == {**before, "ms": 0, "environ": 0}
    entries = dict(events[3]["environ"]["items"])
    assert entries["wsgi.input"] == f"<Input at {ELIDED}>"
    assert entries["REMOTE_PORT"] == ELIDED
    assert entries["PATH_INFO"] == "/caf\xc3\xa9"


def of_the_first(results: Results, detail: Detail) -> list[dict[str, Any]]:
    """The events of the first trace as a page of some detail has them."""
    found = collect(results)
    pools, traces = found.encoded(detail)
    subjects = [{"markers": home.markers, "ports": home.ports} for home in found.homes]
    return Traces({"subjects": subjects}, detail.exact, pools.decode("ascii"), traces).all()[0]


def test_index_holds_every_verdict() -> None:
    results = sample()
    parsed = Page(render_html(results, RULES))
    keys = ["good:t1", "odd:t1"]
    found: list[list[dict[str, Any]]] = [[] for _ in results.subjects]
    for one in parsed.verdicts:
        one["trace"] = keys[one["trace"]]
        found[one.pop("subject")].append(one)
    for subject, shown in zip(results.subjects, found, strict=True):
        stored = [
            {name: getattr(one, name) for name in one.__slots__ if name in shown[0]}
            for one in subject.verdicts
        ]
        assert sorted(shown, key=str) == sorted(
            ({name: each[name] for name in shown[0]} for each in stored), key=str
        )


def test_several_verdicts_of_one_probe_on_one_rule_stay_apart() -> None:
    results = sample()
    first = results.subjects[0].verdicts[0]
    results.subjects[0].verdicts += [replace(first, observed="b'he'"), replace(first, trace=None)]
    shown = [
        (one["observed"], one["trace"])
        for one in Page(render_html(results, RULES)).verdicts
        if (one["subject"], one["rule"]) == (0, first.rule)
    ]
    assert shown == [("b'hell'", 0), ("b'he'", 0), ("b'hell'", -1)]


def test_many_bytes_are_shown_by_their_ends() -> None:
    body = bytes(range(256)) * 40
    results = sample()
    results.traces["good:t1"] = trace("good", body)
    [events, _] = Page(render_html(results, RULES)).traces
    [sent] = [event for event in events if event["kind"] == "sent"]
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


def test_what_there_is_no_room_for_is_left_out_of_passes_first(monkeypatch: Any) -> None:
    whole = render_html(sample(), RULES)
    assert "holds the evidence of every cell" in whole
    monkeypatch.setattr(html, "BUDGET", 1)
    parsed = Page(render_html(sample(), RULES))
    assert parsed.detail == {"exact": False, "passes": 0}
    good, odd = parsed.traces
    assert good == []
    assert len(odd) == len(sample().traces["odd:t1"]["events"])
    assert (
        "1 traces behind findings, whole, and of the 1 behind passes and refused preconditions the"
        in (" ".join(parsed.text.split()))
    )


def test_a_pass_is_cut_to_what_matters() -> None:
    results = sample()
    events = of_the_first(results, Detail(False, 3))
    assert [event["kind"] for event in events] == ["sent", "called", "received"]
    events = of_the_first(results, Detail(False, 60))
    assert [event["kind"] for event in events] == [
        *("open", "sent", "called", "note", "start_response", "received", "eof")
    ]


def test_traceability_covers_every_rule_with_what_was_seen() -> None:
    parsed = Page(render_html(sample(), RULES, rows()))
    anchors = [part["id"] for part in parsed.all("article")]
    assert sorted(str(anchor) for anchor in anchors) == sorted(f"rule-{rule}" for rule in RULES)
    assert "the validator and `wsgi-conformance app`: it binds the application" in parsed.text
    parts = re.findall(r"(\d+) (rules of .+)", parsed.text.partition("how it is checked")[2])
    assert [title for _, title in parts] == [
        "rules of PEP 3333 with probes",
        "rules of PEP 3333 judged by the validator",
        "rules of PEP 3333 without a check, and why",
        "rules of HTTP and CGI judged by the validator",
        # Those that show on the wire: the one probe of this sample judges none of them.
        "rules of HTTP and CGI without a check, and why",
    ]
    total = sum(rule.family == "PEP 3333" for rule in RULES.values())
    assert sum(int(number) for number, _ in parts[:3]) == total
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
