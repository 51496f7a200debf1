"""The baseline: read with clear errors, compared, and updated without losing what people wrote."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from gate_samples import HOSTILE, MUST, SHOULD, results, subject, verdict
from hypothesis import given
from hypothesis import strategies as st

from conformance.results import (
    Baseline,
    BaselineError,
    Entry,
    Verdict,
    judge,
    load_baseline,
)
from conformance.results.baseline import UNWRITTEN, read_baseline
from conformance.results.baseline_edit import check_editable, update

A, B, C = MUST[:3]
S = SHOULD[0]


def entry(name: str = "one", rule: str = A, *more: str) -> str:
    return "\n".join(
        ["[[expected]]", f'subject = "{name}"', f'rule = "{rule}"', 'reason = "known"', *more, ""]
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[expected]", r"not TOML: .*line 1"),
        ("expected = 3", r"expected: must be tables; begin each with \[\[expected\]\]"),
        ("[expected]\nx = 1", r"must be tables"),
        ("[[known]]", r"known: unknown; a baseline has \[\[expected\]\] tables alone"),
        (entry().replace("reason", "reasons"), rf"entry 1 \(one, {A}\): reasons: .*mean reason\?"),
        (entry().replace('reason = "known"', ""), r"entry 1 .*: reason: missing; say why"),
        (entry().replace('"known"', '" "'), r"reason: missing; say why"),
        (entry().replace('"known"', "3"), r"reason: expected text, got 3"),
        (entry().replace('subject = "one"', ""), rf"entry 1 \({A}\): subject: missing; the name"),
        (entry().replace(f'rule = "{A}"', ""), r"entry 1 \(one\): rule: missing; an id"),
        (entry(rule="close-on-normal-ends"), r"rule: no such rule; .*close-on-normal-end\?"),
        (entry(rule="@"), r"rule: no such rule; see wsgi-conformance rules"),
        (entry("one", A, 'link = "see #12"'), r"link: 'see #12' is no http\(s\) address"),
        (entry("one", A, 'outcome = "pass"'), r"outcome: 'pass' is none that fails; they are fail"),
        (entry() + entry("two") + entry(), rf"entry 3 \(one, {A}\): the same as entry 1"),
    ],
)
def test_errors_name_file_entry_key_and_fix(text: str, said: str) -> None:
    with pytest.raises(BaselineError, match=rf"^b\.toml: .*{said}"):
        read_baseline(text, "b.toml")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    with pytest.raises(BaselineError, match=r"b\.toml: no such baseline; --update-baseline"):
        load_baseline(path)
    assert load_baseline(path, new=True).entries == ()
    path.write_bytes(b"# \xff")
    with pytest.raises(BaselineError, match="not UTF-8 text \\(byte 2\\)"):
        load_baseline(path)
    with pytest.raises(BaselineError, match="cannot be read"):
        load_baseline(tmp_path)


def test_entries_know_their_line() -> None:
    text = "# head\n\n" + entry() + "\n  [[ expected ]] # here\n" + entry("two", B)[13:]
    assert [each.line for each in read_baseline(text, "b").entries] == [3, 8]


def baseline(*entries: Entry) -> Baseline:
    return Baseline("b.toml", entries)


def test_listed_and_failing_is_fine_unlisted_is_not() -> None:
    found = results(subject("one", [verdict(A, "fail"), verdict(B, "fail"), verdict(C)]))
    gate = judge(found, "must", baseline(Entry("one", A, "known")))
    assert [finding.rule for finding in gate.unexpected] == [B]
    assert [finding.rule for finding in gate.expected] == [A]
    assert gate.stale == []
    assert gate.red


def test_listed_and_passing_is_stale() -> None:
    known = Entry("one", A, "known")
    gate = judge(results(subject("one", [verdict(A)])), "must", baseline(known))
    assert gate.stale == [known]
    assert gate.red


@pytest.mark.parametrize(
    "verdicts",
    [
        [verdict(B)],
        [verdict(A), verdict(A, "unsupported", "other.probe")],
        [verdict(A), verdict(A, "error", "other.probe")],
        # Broken, though at a level that does not count.
        [verdict(A, "warn")],
    ],
)
def test_not_judged_in_full_or_still_broken_is_not_stale(verdicts: list[Verdict]) -> None:
    found = results(subject("one", verdicts))
    gate = judge(found, "must", baseline(Entry("one", A, "known")))
    assert gate.stale == []
    assert not gate.red


def test_entries_of_subjects_that_were_not_run_are_told_and_not_stale() -> None:
    known = Entry("two", A, "known")
    gate = judge(results(subject("one", [verdict(A)])), "must", baseline(known))
    assert (gate.stale, gate.absent, gate.red) == ([], [known], False)


def test_a_part_of_the_checks_makes_nothing_stale() -> None:
    known = Entry("one", A, "known")
    gate = judge(results(subject("one", [verdict(A)])), "must", baseline(known), partial=True)
    assert gate.stale == []


def test_an_outcome_that_is_named_does_not_hide_another() -> None:
    known = baseline(Entry("one", A, "known", outcome="fail"))
    failing, hanging = (results(subject("one", [verdict(A, way)])) for way in ("fail", "hang"))
    assert not judge(failing, "must", known).red
    gate = judge(hanging, "must", known)
    assert [finding.worst.outcome for finding in gate.unexpected] == ["hang"]
    assert gate.stale == []
    # Some of its checks as expected, one in another way.
    both = results(subject("one", [verdict(A, "fail"), verdict(A, "crash", "other.probe")]))
    gate = judge(both, "must", known)
    assert [finding.worst.outcome for finding in gate.unexpected] == ["crash"]
    assert gate.covered("one", both.subjects[0].verdicts[0])
    assert not gate.covered("one", both.subjects[0].verdicts[1])


@pytest.mark.parametrize(("fail_on", "rules"), [("must", [A]), ("should", [A, S]), ("never", [A])])
def test_levels(fail_on: str, rules: list[str]) -> None:
    found = results(subject("one", [verdict(A, "fail"), verdict(S, "warn")]))
    assert [finding.rule for finding in judge(found, fail_on).unexpected] == rules


def test_nothing_judged_is_told() -> None:
    absent = subject("one", [], failure="it exited")
    gate = judge(results(absent), "must")
    assert gate.unjudged == [(absent, "it exited")]


WRITTEN = f"""\
# Ours, and why.
# More of it.

# the oldest
[[expected]]
subject = "one"   # as in servers/
rule = "{A}"
reason = '''
long ago'''

# gone soon
[[expected]]
subject = "one"
rule = "{B}"
reason = "flaky"


[[expected]]
rule = "{C}"
subject = "two"
reason = "another subject"
link = "https://example.org/1"
# the end
"""


def test_an_update_keeps_what_people_wrote() -> None:
    before = read_baseline(WRITTEN, "b.toml")
    failing = [verdict(A, "fail"), verdict(B), verdict(C, "fail"), verdict(S, "warn")]
    gate = judge(results(subject("one", failing)), "must", before)
    changed = update(before, gate)
    assert [each.rule for each in changed.added] == [C]
    assert [each.rule for each in changed.removed] == [B]
    assert changed.kept == 2
    head, _, tail = WRITTEN.partition("# gone soon\n")
    assert changed.text.startswith(head + tail.partition("\n\n\n")[2].rstrip("\n"))
    assert "gone soon" not in changed.text
    after = read_baseline(changed.text, "b.toml")
    assert [(each.subject, each.rule) for each in after.entries] == [
        ("one", A),
        ("two", C),
        ("one", C),
    ]
    assert after.entries[2].reason == UNWRITTEN
    assert not after.entries[2].written
    assert not judge(results(subject("one", failing)), "must", after).red


def test_an_update_of_nothing_changes_nothing() -> None:
    before = read_baseline(WRITTEN.replace("\n", "\r\n"), "b.toml")
    found = results(subject("one", [verdict(A, "fail"), verdict(B, "fail")]))
    assert update(before, judge(found, "must", before)).text == before.text


def test_the_text_at_the_top_outlives_the_first_entry() -> None:
    text = "# about this file\n" + entry()
    before = read_baseline(text, "b.toml")
    changed = update(before, judge(results(subject("one", [verdict(A)])), "must", before))
    assert changed.text == "# about this file\n"


@pytest.mark.parametrize(
    "text",
    [
        f'expected = [{{subject = "one", rule = "{A}", reason = "x"}}]',
        entry().replace('"known"', "'''\n[[expected]]\n'''"),
    ],
)
def test_what_cannot_be_edited_is_refused(text: str) -> None:
    before = read_baseline(text, "b.toml")
    with pytest.raises(BaselineError, match=r"b\.toml: cannot be updated line by line; write"):
        check_editable(before)


def test_an_entry_for_another_outcome_is_left_to_people() -> None:
    before = read_baseline(entry("one", A, 'outcome = "fail"'), "b.toml")
    gate = judge(results(subject("one", [verdict(A, "hang")])), "must", before)
    changed = update(before, gate)
    assert (changed.added, changed.removed, changed.text) == ((), (), before.text)


ANYTHING = st.one_of(st.sampled_from(HOSTILE), st.text())


@given(ANYTHING, ANYTHING)
def test_whatever_a_subject_is_called_and_says_the_file_can_be_read(name: str, said: str) -> None:
    if not name.strip():
        name += "x"
    found = results(subject(name, [verdict(A, "fail", observed=said)]))
    changed = update(Baseline("b.toml"), judge(found, "must"))
    text = changed.text.encode("utf-8").decode("utf-8")
    (table,) = tomllib.loads(text)["expected"]
    assert table["subject"] == name.encode("utf-8", "replace").decode("utf-8")
    assert table["rule"] == A
    after = read_baseline(text, "b.toml")
    check_editable(after)
