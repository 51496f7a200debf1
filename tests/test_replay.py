"""Replay: a stored trace, judged again, gives the judgements it gave when it was taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conformance import rules
from conformance.harness.environment import current
from conformance.harness.loop import Loop
from conformance.harness.runner import (
    EVERY_EXCHANGE,
    Options,
    Run,
    judge_again,
    rules_of,
    run_subject,
)
from conformance.harness.verify import Judgement
from conformance.paths import PROBES
from conformance.probing import Probe, load_probes, request
from conformance.results import Verdict
from conformance.roster import load_roster
from conformance.trace import TraceError, from_json

RULES = rules.load()


@pytest.fixture(scope="module")
def probes() -> dict[str, Probe]:
    return load_probes(str(PROBES))


def perform(probes: dict[str, Probe], name: str) -> Run:
    subject = load_roster()[name]
    loop = Loop()
    try:
        options = Options(probes, RULES, rules_of(probes.values()))
        run = run_subject(subject, current(subject), options, loop)
    finally:
        loop.close()
    assert run.result.started, run.result.failure
    # As a results file holds it.
    run.traces = json.loads(json.dumps(run.traces))
    return run


@pytest.fixture(scope="module", params=["reference", "wsgiref"])
def run(probes: dict[str, Probe], request: pytest.FixtureRequest) -> Run:
    """A whole run; of a server that breaks rules, too."""
    return perform(probes, request.param)


def told(judgement: Judgement | Verdict) -> tuple[str, str, str, str]:
    return judgement.rule, judgement.outcome, judgement.expected, judgement.observed


def again(trace: dict[str, Any], probe: Probe) -> tuple[list[Judgement], list[Judgement]]:
    events = from_json(trace["events"])
    return judge_again(probe, RULES, events, trace["marker"], trace["proxied"])


def test_same_judgements(run: Run, probes: dict[str, Probe]) -> None:
    assert set(run.traces) >= {verdict.trace for verdict in run.result.verdicts}
    for key, trace in run.traces.items():
        own, general = again(trace, probes[trace["probe"]])
        verdicts = [verdict for verdict in run.result.verdicts if verdict.trace == key]
        assert [told(judgement) for judgement in own] == [
            told(verdict) for verdict in verdicts if verdict.probe != EVERY_EXCHANGE
        ]
        for verdict in verdicts:
            if verdict.probe == EVERY_EXCHANGE:
                assert told(verdict) in [told(judgement) for judgement in general]


def test_a_second_time(run: Run, probes: dict[str, Probe]) -> None:
    for trace in run.traces.values():
        probe = probes[trace["probe"]]
        assert again(trace, probe) == again(trace, probe)


PROBE = '''
from conformance.probing import probe, request

@probe("input-read-semantics")
def reads(environ, start_response):
    """Reads."""
    environ["conformance.inside"].note(body=environ["wsgi.input"].read(5))
    start_response("200 OK", [("Content-Length", "0")])
    return []

@reads.client
def _(client, verify):
    seen = client.exchange(request("POST", body=b"hello"))
    verify("input-read-semantics").equal(seen.notes["body"], b"hello")
'''


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Probe, dict[str, Any]]:
    """One probe and its stored trace."""
    (tmp_path / "one.py").write_text(PROBE)
    probes = load_probes(str(tmp_path))
    subject = load_roster()["reference"]
    loop = Loop()
    options = Options(probes, RULES, rules_of(probes.values()), (tmp_path,))
    run = run_subject(subject, current(subject), options, loop)
    loop.close()
    ((_, trace),) = run.traces.items()
    return probes["one.reads"], trace


def test_judged_anew_by_changed_claims(stored: tuple[Probe, dict[str, Any]]) -> None:
    """A claim that has changed is judged by what was seen then: that is what traces are for."""
    probe, trace = stored

    def conduct(client: Any, verify: Any) -> None:
        seen = client.exchange(request("POST", body=b"hello"))
        verify("input-read-semantics").equal(seen.notes["body"], b"other")

    assert [judgement.outcome for judgement in again(trace, probe)[0]] == ["pass"]
    probe.client(conduct)
    assert [told(judgement) for judgement in again(trace, probe)[0]] == [
        ("input-read-semantics", "fail", "b'other'", "b'hello'")
    ]


def test_another_exchange(stored: tuple[Probe, dict[str, Any]]) -> None:
    probe, trace = stored

    def conduct(client: Any, verify: Any) -> None:
        client.exchange()
        client.exchange()

    probe.client(conduct)
    with pytest.raises(TraceError, match="the trace ends before the probe does"):
        again(trace, probe)


def test_another_condition(stored: tuple[Probe, dict[str, Any]]) -> None:
    probe, trace = stored

    def conduct(client: Any, verify: Any) -> None:
        conversation = client.open()
        conversation.wait(lambda: b"no such bytes" in conversation.received, "anything")

    probe.client(conduct)
    with pytest.raises(TraceError, match="the probe has changed since the trace was stored"):
        again(trace, probe)


def test_damaged_trace(stored: tuple[Probe, dict[str, Any]]) -> None:
    probe, trace = stored
    del trace["events"][len(trace["events"]) // 2 :]
    with pytest.raises(TraceError):
        again(trace, probe)


def test_trace_without_its_call(stored: tuple[Probe, dict[str, Any]]) -> None:
    probe, trace = stored
    trace["events"] = [event for event in trace["events"] if event["kind"] != "called"]
    with pytest.raises(TraceError):
        again(trace, probe)
