"""Two results compared by rule, and many merged into one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gate_samples import HOSTILE, MUST, RULES, SHOULD, results, subject, verdict
from hypothesis import given
from hypothesis import strategies as st
from test_cli import cli
from test_gate_reports import OURS, page

from conformance.report.diff import diff_json, diff_lines, diff_markdown
from conformance.results import GridCell, Results, ResultsError, save_results
from conformance.results.difference import KINDS, compare
from conformance.results.merge import merge

A, B, C, D = MUST[:4]
S = SHOULD[0]


def one(*outcomes: tuple[str, str], edition: str = "2026.1", **run: object) -> Results:
    judged = subject("one", [verdict(rule, way) for rule, way in outcomes])
    return results(judged, edition=edition, **run)


@pytest.mark.parametrize(
    ("before", "after", "kind", "counts"),
    [
        ("pass", "fail", "newly failing", True),
        ("info", "hang", "newly failing", True),
        ("unsupported", "fail", "newly failing", True),
        ("error", "crash", "newly failing", True),
        # Broken before, in a way that did not count.
        ("warn", "fail", "newly failing", True),
        # Broken now, in a way that does not count.
        ("pass", "warn", "newly failing", False),
        ("fail", "pass", "newly passing", False),
        ("hang", "info", "newly passing", False),
        ("warn", "pass", "newly passing", False),
        ("fail", "hang", "changed", False),
        ("hang", "fail", "changed", False),
        ("fail", "warn", "changed", False),
        ("fail", "unsupported", "changed", False),
        ("pass", "unsupported", "changed", False),
        ("pass", "error", "changed", False),
        ("pass", "info", "changed", False),
        ("", "pass", "added", False),
        ("", "fail", "added", True),
        ("", "warn", "added", False),
        ("fail", "", "removed", False),
        ("pass", "", "removed", False),
    ],
)
def test_kinds(before: str, after: str, kind: str, counts: bool) -> None:
    old, new = (one((B, "pass"), *([(A, way)] if way else [])) for way in (before, after))
    found = compare(old, new)
    (change,) = found.changes
    assert (change.kind, change.counts) == (kind, counts)
    assert found.regressed is counts
    assert found.unjudged is (after == "error")
    assert found.same == 1


def test_changes_do_not_cancel_out() -> None:
    found = compare(one((A, "pass"), (B, "fail")), one((A, "fail"), (B, "pass")))
    assert [(change.rule, change.kind) for change in found.changes] == [
        (A, "newly failing"),
        (B, "newly passing"),
    ]
    assert found.regressed


def test_a_should_counts_where_it_is_asked_to() -> None:
    old, new = one((S, "pass")), one((S, "warn"))
    assert not compare(old, new).regressed
    assert compare(old, new, "should").regressed
    assert not compare(one((A, "pass")), one((A, "fail")), "never").regressed


def test_what_a_selection_left_out_is_added_and_no_regression() -> None:
    old, new = one((A, "pass"), rules=["app-*"]), one((A, "pass"), (B, "fail"))
    found = compare(old, new)
    assert [(change.kind, change.counts) for change in found.changes] == [("added", False)]
    assert "the old run was of a selection: --rule app-*" in [*diff_lines(found)]


def test_editions_are_not_mixed_unasked() -> None:
    old, new = one((A, "pass")), one((A, "pass"), (B, "fail"), edition="2026.2")
    with pytest.raises(ResultsError, match=r"edition 2026\.1 against 2026\.2: .*--mixed-editions"):
        compare(old, new)
    found = compare(old, new, mixed=True)
    assert not found.regressed
    assert [change.kind for change in found.changes] == ["added"]


def test_subjects_come_go_and_are_lost() -> None:
    old = results(*(subject(name, [verdict(A)]) for name in ("one", "two", "three")))
    new = results(subject("one", [verdict(A)]), subject("four", [verdict(A, "fail")]))
    new.subjects.append(subject("two", [], failure="it did not start"))
    found = compare(old, new)
    assert (found.subjects_added, found.subjects_removed) == (["four"], ["three"])
    assert found.lost == ["two"]
    assert (found.changes, found.regressed, found.unjudged) == ([], False, True)
    assert "no longer judged at all: two" in [*diff_lines(found)]


def test_json_and_markdown_say_the_same() -> None:
    old = one((A, "pass"), (B, "fail"), (C, "fail"), (D, "pass"))
    new = one((A, "fail"), (B, "pass"), (C, "hang"), (S, "pass"))
    found = compare(old, new)
    data = json.loads(json.dumps(diff_json(found)))
    assert data["counts"] == {**dict.fromkeys(KINDS, 1), "same": 0}
    assert data["regressed"] is True
    read = page(diff_markdown(found, RULES))
    rows = [row for row in read.rows if row[0] != "subject"]
    assert rows == [
        [
            change["subject"],
            change["rule"],
            (change["after"] or change["before"])["level"],
            change["before"]["outcome"] if change["before"] else "not judged",
            change["after"]["outcome"] if change["after"] else "not judged",
            change["after"]["observed"] if change["after"] else "",
        ]
        for kind in KINDS
        for change in data["changes"]
        if change["kind"] == kind
    ]


@given(st.one_of(st.sampled_from(HOSTILE), st.text()))
def test_hostile_results(text: str) -> None:
    old = results(subject(text, [verdict(A)], version=text), rules=[text])
    new = results(subject(text, [verdict(A, "fail", observed=text, expected=text)]))
    found = compare(old, new)
    read = page(diff_markdown(found, RULES))
    assert read.tags <= OURS | {"ul", "li"}
    lines = [*diff_lines(found)]
    assert all(line.isprintable() for line in lines if not set(line) - set(map(chr, range(127))))
    assert not any("\x1b" in line or "\n" in line for line in lines)
    json.dumps(diff_json(found))


def test_markdown_of_many_changes_is_bounded() -> None:
    old, new = (
        results(*(subject(f"s{n}", [verdict(r, way) for r in MUST[:100]]) for n in range(20)))
        for way in ("pass", "fail")
    )
    text = diff_markdown(compare(old, new), RULES)
    assert len(text) <= 65_536
    assert "more rows are left out" in text


# --- merging


def files(*parts: Results) -> list[tuple[Path, Results]]:
    return [(Path(f"{number}.json"), part) for number, part in enumerate(parts, 1)]


def with_trace(name: str, outcome: str, mark: str) -> Results:
    found = results(subject(name, [verdict(A, outcome)]), duration=2.0, command=mark)
    found.traces = {f"{name}:t1": {"probe": "p", "subject": name, "events": [], "mark": mark}}
    return found


def test_the_later_one_wins_and_it_is_said() -> None:
    first, second = with_trace("one", "fail", "first"), with_trace("one", "pass", "second")
    first.traces["one:t2"] = {"probe": "q", "subject": "one", "events": []}
    other = with_trace("two", "pass", "other")
    merged, replaced = merge(files(first, other, second))
    assert [each.name for each in merged.subjects] == ["two", "one"]
    assert [each.verdicts[0].outcome for each in merged.subjects] == ["pass", "pass"]
    # No evidence is left of what is gone, or a verdict would be told with another one's trace.
    assert {key: trace["mark"] for key, trace in merged.traces.items()} == {
        "two:t1": "other",
        "one:t1": "second",
    }
    assert replaced == [("one", Path("1.json"), Path("3.json"))]
    assert [run["command"] for run in merged.run["merged"]] == ["first", "other", "second"]
    assert merged.run["duration"] == 6.0


def test_merging_twice_is_merging_once() -> None:
    parts = files(*(with_trace(name, "pass", name) for name in ("a", "b", "c")))
    whole, _ = merge(parts)
    half, _ = merge(parts[:2])
    again, _ = merge([(Path("half.json"), half), parts[2]])
    assert again.to_json() == whole.to_json()


def test_one_alone_is_what_it_was() -> None:
    part = with_trace("one", "pass", "x")
    merged, replaced = merge(files(part))
    assert (merged.to_json(), replaced) == (part.to_json(), [])


def test_a_selection_makes_the_whole_a_selection() -> None:
    merged, _ = merge(files(with_trace("one", "pass", "x"), one((A, "pass"), rules=["close-*"])))
    assert merged.run["rules"] == ["close-*"]


def test_other_lists_are_carried_and_the_later_item_wins() -> None:
    cells = [GridCell("wsgiref", "flask", failure=text) for text in ("old", "new")]
    parts = [Results("2026.1", "0.1.0", grid=[cell]) for cell in cells]
    merged, replaced = merge(files(*parts))
    assert merged.grid == [cells[1]]
    assert replaced == [("flask on wsgiref", Path("1.json"), Path("2.json"))]


def test_a_run_that_says_odd_things_of_itself_is_read() -> None:
    odd = one((A, "pass"), rules=7, probes={"x": 1}, merged="x", duration=[])
    merged, _ = merge(files(odd, one((A, "fail"))))
    compare(odd, merged)
    assert merged.run["duration"] == 1.5


def test_editions_are_never_merged() -> None:
    with pytest.raises(ResultsError, match=r"2\.json: edition 2026\.2, but 1\.json has 2026\.1"):
        merge(files(one((A, "pass")), one((A, "pass"), edition="2026.2")))


# --- as a user meets them


def stored(path: Path, found: Results) -> Path:
    save_results(found, path)
    return path


def test_exit_codes_of_diff(tmp_path: Path) -> None:
    good = stored(tmp_path / "good.json", one((A, "pass"), (B, "fail")))
    bad = stored(tmp_path / "bad.json", one((A, "fail"), (B, "fail")))
    later = stored(tmp_path / "later.json", one((A, "pass"), edition="2026.2"))
    lost = stored(tmp_path / "lost.json", results(subject("one", [], failure="no")))
    assert cli("diff", good, good).returncode == 0
    assert cli("diff", bad, good).returncode == 0
    worse = cli("diff", good, bad, "--markdown", tmp_path / "d.md")
    assert worse.returncode == 1
    assert f"newly failing: one {A} (pass -> fail)" in worse.stdout
    assert A in (tmp_path / "d.md").read_text()
    assert cli("diff", good, bad, "--fail-on", "never").returncode == 0
    assert cli("diff", good, lost).returncode == 3
    for wrong in ([good, later], [good, tmp_path / "none.json"], [good, Path(__file__)]):
        done = cli("diff", *wrong)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1
    assert cli("diff", good, later, "--mixed-editions").returncode == 0
    data = json.loads(cli("diff", good, bad, "--json").stdout)
    assert data["counts"]["newly failing"] == 1


def test_report_is_the_gate_of_many_jobs(tmp_path: Path) -> None:
    parts = [
        stored(tmp_path / f"{name}.json", results(subject(name, [verdict(A, way)])))
        for name, way in (("one", "pass"), ("two", "fail"))
    ]
    whole, junit = tmp_path / "all.json", tmp_path / "j.xml"
    assert cli("report", *parts, "--json", whole, "--junit", junit).returncode == 0
    assert [each["name"] for each in json.loads(whole.read_text())["subjects"]] == ["one", "two"]
    assert cli("report", whole, "--fail-on", "must").returncode == 1
    base = tmp_path / "b.toml"
    words = (whole, "--baseline", base, "--fail-on", "must")
    assert cli("report", *words, "--update-baseline").returncode == 0
    assert cli("report", *words).returncode == 0
    mended = stored(tmp_path / "two.json", results(subject("two", [verdict(A)])))
    assert cli("report", parts[0], mended, *words[1:]).returncode == 1


def test_report_without_anything_to_write_is_refused(tmp_path: Path) -> None:
    path = stored(tmp_path / "one.json", one((A, "pass")))
    done = cli("report", path)
    assert done.returncode == 2
    assert "--html report.html" in done.stderr


def test_badges_of_several_need_a_name_for_each(tmp_path: Path) -> None:
    path = stored(
        tmp_path / "r.json", results(subject("a/b", [verdict(A)]), subject("c", [verdict(A)]))
    )
    done = cli("report", path, "--badge", tmp_path / "badge.svg")
    assert done.returncode == 2
    assert "badge-{subject}.svg for one of each" in done.stderr
    assert cli("report", path, "--badge", tmp_path / "badge.png").returncode == 2
    assert cli("report", path, "--badge", tmp_path / "badge-{subject}.json").returncode == 0
    assert sorted(each.name for each in tmp_path.glob("badge*")) == [
        "badge-a_b.json",
        "badge-c.json",
    ]
