"""A server that hangs tells where its threads stand, and is otherwise none the worse for it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from conformance import rules
from conformance.harness.control import Caller
from conformance.harness.environment import current
from conformance.harness.loop import Loop
from conformance.harness.runner import Options, Run, judge_again, run_subject, standing
from conformance.harness.selftest import twin_subject
from conformance.inside import stacks
from conformance.probing import load_probes
from conformance.reference.twins import load_twin
from conformance.trace import from_json

TWIN = '''
import threading

from conformance.reference import Gateway
from conformance.reference.twins import bad_twin

NEVER = threading.Lock()
NEVER.acquire()


@bad_twin("iterable-len-optional")
class WaitsForever(Gateway):
    """Waits for a lock that nobody lets go, in the middle of a response."""

    def send_result(self) -> None:
        if self.request.target == b"/hang":
            self.wait_for_what_never_comes()
        super().send_result()

    def wait_for_what_never_comes(self) -> None:
        with NEVER:
            pass
'''
PROBES = '''
from conformance.probing import probe, request


@probe("iterable-len-optional")
def hangs(environ, start_response):
    """The server answers."""
    start_response("200 OK", [("Content-Length", "4")])
    return [b"well"]


@hangs.client
def _(client, verify):
    client.exchange(request(target="/hang"))


@probe("iterable-len-counts-items")
def serves(environ, start_response):
    """The server answers."""
    start_response("200 OK", [("Content-Length", "4")])
    return [b"well"]


@serves.client
def _(client, verify):
    seen = client.exchange(request())
    verify("iterable-len-counts-items").equal(seen.answered.body, b"well")
'''


def run_hanging(tmp_path: Path) -> tuple[Run, Options]:
    (tmp_path / "twin.py").write_text(TWIN, encoding="ascii")
    folder = tmp_path / "probes"
    folder.mkdir()
    (folder / "hanging.py").write_text(PROBES, encoding="ascii")
    probes = load_probes(str(folder))
    options = Options(probes, rules.load(), frozenset(rules.load()), (folder,), 0.2)
    subject = twin_subject(load_twin(f"{tmp_path / 'twin.py'}:WaitsForever"))
    loop = Loop()
    try:
        return run_subject(subject, current(subject), options, loop), options
    finally:
        loop.close()


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="faulthandler of CPython")
def test_verdict_of_a_hang_says_where_the_threads_stand(tmp_path: Path) -> None:
    run, options = run_hanging(tmp_path)
    verdicts = {verdict.rule: verdict for verdict in run.result.verdicts}
    hang = verdicts["iterable-len-optional"]
    assert hang.outcome == "hang"
    assert "wait_for_what_never_comes (twin.py:" in hang.observed
    # The run goes on with a process that serves.
    assert verdicts["iterable-len-counts-items"].outcome == "pass"
    assert hang.trace is not None
    trace = run.traces[hang.trace]
    told = [event for event in trace["events"] if event["kind"] == "stacks"]
    assert told
    assert all(event["process"] > 1 for event in told)
    assert "Traceback" not in run.result.log
    assert "hread 0x" not in run.result.log
    # And the stored trace is judged the same.
    probe = options.probes["hanging.hangs"]
    again, _ = judge_again(probe, options.rules, from_json(trace["events"]), trace["marker"])
    assert [judgement.observed for judgement in again] == [hang.observed]


def test_places_are_the_innermost_ones() -> None:
    text = (
        b'Thread 0x00007f (most recent call first):\n  File "/a/b.py", line 3 in inner\n'
        b'  File "/a/b.py", line 9 in outer\n\n'
        b'Current thread 0x00007e (most recent call first):\n  File "/a/c.py", line 1 in <module>\n'
    )
    assert standing(text) == "inner (b.py:3), <module> (c.py:1)"
    assert standing(b"") == ""
    assert standing(b"\xff\xfe") == ""


def test_a_signal_with_a_handler_is_left_alone() -> None:
    free = stacks._free_signal()
    if free is None:
        pytest.skip("no free signal here")
    before = signal.signal(free, lambda number, frame: None)
    try:
        assert stacks._free_signal() != free
    finally:
        signal.signal(free, before)
    assert stacks._free_signal() == free


@pytest.mark.parametrize("name", ["uwsgi", "mod_wsgi"])
def test_embedded_interpreters_are_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, sys)
    assert stacks._free_signal() is None


def test_another_interpreter_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.implementation, "name", "pypy")
    assert stacks._free_signal() is None


def test_without_a_harness_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "_standing", {})
    stacks.stand_by({"host": "127.0.0.1", "port": 1, "token": "x"})
    assert stacks._standing == {os.getpid(): -1}


@pytest.mark.parametrize(
    "data",
    [
        {"token": "wrong", "process": 99, "signal": int(signal.SIGRTMAX) - 1},
        {"token": "right", "process": 1, "signal": int(signal.SIGRTMAX) - 1},
        {"token": "right", "process": 99, "signal": 9},
        {"token": "right", "process": -5, "signal": int(signal.SIGRTMAX)},
    ],
)
def test_nobody_is_asked_by_order_of_a_stranger(data: dict[str, Any]) -> None:
    class Control:
        token = "right"
        timeline = None
        standing: ClassVar[dict[int, int]] = {}

    caller = Caller(Control(), None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not a process"):
        caller._stand_by(data)
    assert Control.standing == {}
