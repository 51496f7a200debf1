"""Whatever stands in results, a report of them is made, and runs and breaks nothing."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from report_hostile import HOSTILE, filled
from report_reading import Page

from conformance.report.html import render_html
from conformance.results import (
    OUTCOMES,
    Behaviour,
    GridCell,
    Results,
    SubjectResult,
    Verdict,
)
from conformance.results.model import BEHAVIOUR_OUTCOMES, Fact

UNSEEN = re.compile(
    "[\u202a-\u202e\u2066-\u2069\u2028\u2029\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]"
)

# Every kind of character, and often those that end, begin, hide or reorder something.
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=20),
    st.lists(
        st.sampled_from(
            (
                *("</script>", "<!--", "]]>", "\u202e", "\u2028", "\x00", "\x1b[31m", "\ud800"),
                *('"', "'", "&", "{{7*7}}", "{% if x %}", "\x01", "\x04", "\t", "\n", "\ue004"),
                *("@", "#", "%"),
            )
        ),
        max_size=6,
    ).map("".join),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
BYTES = st.one_of(
    TEXTS.map(lambda text: {"latin1": text}),
    st.fixed_dictionaries({"deflate": TEXTS, "length": st.integers()}),
    VALUES,
)
EVENTS = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {"ms": st.floats(0, 1e6) | VALUES},
        optional={
            "eye": st.sampled_from(["client", "app", "server", "harness"]) | TEXTS,
            "kind": st.sampled_from(["open", "sent", "received", "called", "note", "log"]) | VALUES,
            "of": st.integers(0, 3) | VALUES,
            "bytes": BYTES,
            "address": st.just(["127.0.0.1", 8000]) | VALUES,
            "environ": st.fixed_dictionaries({"items": st.lists(VALUES, max_size=3)}) | VALUES,
            "values": VALUES,
            "says": TEXTS,
        },
    ),
)
KEYS = st.sampled_from(["a", "b", "absent"])
VERDICTS = st.builds(
    Verdict,
    rule=TEXTS,
    probe=TEXTS,
    level=st.sampled_from(["MUST", "SHOULD", "MAY"]) | TEXTS,
    party=TEXTS,
    outcome=st.sampled_from(OUTCOMES),
    expected=TEXTS,
    observed=TEXTS,
    broken=st.booleans(),
    trace=st.none() | KEYS,
    family=st.sampled_from(["PEP 3333", "HTTP"]) | TEXTS,
)
SUBJECTS = st.builds(
    SubjectResult,
    name=TEXTS,
    title=TEXTS,
    kind=TEXTS,
    family=TEXTS,
    unavailable=st.booleans(),
    version=TEXTS,
    python=TEXTS,
    homepage=TEXTS,
    started=st.booleans(),
    failure=TEXTS,
    command=st.lists(TEXTS, max_size=2),
    verdicts=st.lists(VERDICTS, max_size=4),
    facts=st.lists(st.builds(Fact, TEXTS, TEXTS, TEXTS, st.none() | KEYS), max_size=2),
    log=TEXTS,
)
BEHAVIOURS = st.builds(
    Behaviour, TEXTS, st.sampled_from(BEHAVIOUR_OUTCOMES), TEXTS, TEXTS, st.none() | TEXTS
)
GRIDS = st.builds(
    GridCell,
    *[TEXTS] * 5,
    started=st.booleans(),
    failure=TEXTS,
    behaviours=st.lists(BEHAVIOURS, max_size=2),
)
TRACES = st.one_of(
    VALUES, st.fixed_dictionaries({"probe": TEXTS, "marker": TEXTS, "events": st.lists(EVENTS)})
)
RESULTS = st.builds(
    Results,
    edition=TEXTS,
    suite=TEXTS,
    run=st.dictionaries(st.sampled_from(["rules", "command"]) | TEXTS, VALUES, max_size=2),
    subjects=st.lists(SUBJECTS, max_size=3),
    traces=st.fixed_dictionaries({}, optional={"a": TRACES, "b": TRACES}),
    grid=st.lists(GRIDS, max_size=2),
)


# Not shrunk: what is found is small, and each try takes its time.
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(results=RESULTS)
def test_any_results_make_a_page_of_known_elements(results: Results) -> None:
    page = render_html(results, {})
    assert page.encode("utf-8")
    assert not UNSEEN.search(page)
    parsed = Page(page)
    assert len(parsed.code["script"]) == 5
    assert len(parsed.code["style"]) == 1
    for tag, attributes in parsed.elements:
        assert tag not in {"img", "iframe", "object", "base", "link", "embed"}
        assert not {name for name in attributes if name.startswith("on") or name == "style"}
    stored = sum(len(subject.verdicts) for subject in results.subjects)
    assert len(parsed.verdicts) == stored
    assert all(isinstance(event, dict) for events in parsed.traces for event in events)


def test_every_text_of_results_is_hostile_once() -> None:
    page = render_html(filled(HOSTILE), {})
    assert not UNSEEN.search(page)
    assert len(Page(page).code["script"]) == 5
