"""Real servers that misbehave: each run ends, with a verdict or a reason, and leaves nothing."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from conformance import rules
from conformance.harness import launcher
from conformance.harness.environment import current
from conformance.harness.loop import Interrupted, Loop
from conformance.harness.runner import PATIENCE, Options, Run, rules_of, run_subject
from conformance.paths import SERVERS
from conformance.probing import load_probes
from conformance.results import SubjectResult
from conformance.roster import Subject

PROBES = """
from conformance.probing import probe, request


def play(client, verify):
    seen = client.exchange(request("POST", body=b"hello"), fence=False)
    verify("iterable-len-optional").equal(seen.answered.body, b"well")
    verify("iterable-len-optional").true(seen.call, "a call", "none")
"""
PROBE = '''

@probe("iterable-len-optional")
def probe_{number}(environ, start_response):
    """The server answers what the application says."""
    start_response("200 OK", [("Content-Length", "4")])
    return [b"well"]


probe_{number}.client(play)
'''
RULE = "iterable-len-optional"


class Stage:
    """Runs hostile servers from a copy of their file that no other test's processes know."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.script = folder / "hostile.py"
        shutil.copy(SERVERS / "hostile" / "hostile.py", self.script)
        self.loop = Loop()
        self.count = 1
        self.progress: Any = lambda name, done, total: None

    def options(self, scale: float) -> Options:
        probes = self.folder / "probes"
        probes.mkdir()
        text = PROBES + "".join(PROBE.format(number=n) for n in range(self.count))
        (probes / "hostility.py").write_text(text)
        loaded = load_probes(str(probes))
        return Options(
            loaded, rules.load(), rules_of(loaded.values()), (probes,), scale, self.progress
        )

    def run(self, mode: str, scale: float = 0.1) -> Run:
        words = ("{python}", str(self.script), mode, "{host}", "{port}", "{app}")
        subject = Subject(name="hostile", command=words)
        try:
            return run_subject(subject, current(subject), self.options(scale), self.loop)
        finally:
            self.loop.close()

    def result(self, mode: str, scale: float = 0.1) -> SubjectResult:
        return self.run(mode, scale).result

    def left(self) -> list[psutil.Process]:
        """Return what still lives of the servers."""
        return [process for process in psutil.process_iter() if self.is_ours(process)]

    def is_ours(self, process: psutil.Process) -> bool:
        try:
            return str(self.script) in process.cmdline()
        except psutil.Error:  # gone, or a zombie that nobody has reaped yet
            return False


def open_files() -> list[str]:
    """Return what this process has open."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{number}").partition(":")[0])
        except OSError:  # the descriptor of the listing itself
            continue
    return sorted(found)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage that insists that nothing is left when the test is over."""
    before = open_files()
    made = Stage(tmp_path)
    yield made
    made.loop.close()
    left = made.left()
    for process in left:
        process.kill()
    assert left == []
    assert open_files() == before


def outcomes(result: SubjectResult) -> list[str]:
    """Return the outcomes of the probes, the general rules left out."""
    return [verdict.outcome for verdict in result.verdicts if verdict.rule == RULE]


def observed(result: SubjectResult) -> str:
    return next(verdict.observed for verdict in result.verdicts if verdict.rule == RULE)


def logged(run: Run) -> int:
    """Return how many bytes of the log the traces hold."""
    events = [event for trace in run.traces.values() for event in trace["events"]]
    return sum(
        event["bytes"].get("length") or len(event["bytes"]["latin1"])
        for event in events
        if event["kind"] == "log"
    )


def test_well_behaved(stage: Stage) -> None:
    """The base of all the others is no reason for what they are blamed for."""
    result = stage.result("well-behaved", 1.0)
    assert result.started, result.failure
    assert outcomes(result) == ["pass"]


# Servers that never come up


def test_never_starts(stage: Stage) -> None:
    result = stage.result("never-starts", 0.05)
    assert not result.started
    assert "within 1 s; it wrote nothing to its log" in result.failure
    assert result.verdicts == []


def test_exits_at_once(stage: Stage) -> None:
    result = stage.result("exits-at-once", 1.0)
    assert not result.started
    assert "it ended with status 7 before it answered; its log ends:" in result.failure
    assert result.failure.endswith("cannot find the flux capacitor")
    assert result.log == "hostile: cannot find the flux capacitor"


def test_no_such_program(stage: Stage) -> None:
    subject = Subject(name="absent", command=("no-such-server", "{port}"))
    result = run_subject(subject, current(subject), stage.options(1.0), stage.loop).result
    assert result.failure.startswith("no-such-server: no such program")


@pytest.mark.parametrize("word", ["with\0nul", "x" * (1 << 20)])
def test_cannot_be_executed(stage: Stage, word: str) -> None:
    subject = Subject(name="absurd", command=("{python}", word, "{port}"))
    result = run_subject(subject, current(subject), stage.options(1.0), stage.loop).result
    assert not result.started
    assert result.failure.startswith(current(subject).python)


def test_impostor_is_not_taken_for_the_server(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = count_ports(monkeypatch, [])
    result = stage.result("impostor", 0.05)
    assert not result.started
    assert "did not call the application: HTTP/1.1 200 OK" in result.failure
    # It was the subject itself that answered: another port would not have helped.
    assert len(tried) == 1


def test_stolen_port_is_given_up_for_another(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as thief:
        tried = count_ports(monkeypatch, [thief.getsockname()[1]])
        result = stage.result("well-behaved", 1.0)
    assert result.started, result.failure
    assert len(tried) == 2
    assert outcomes(result) == ["pass"]


def count_ports(monkeypatch: pytest.MonkeyPatch, first: list[int]) -> list[int]:
    """Have these ports chosen first, and return the list of all that will have been chosen."""
    chosen: list[int] = []
    choose = launcher.Launcher._choose_port

    def choosing(self: launcher.Launcher) -> int:
        chosen.append(first.pop() if first else choose(self))
        return chosen[-1]

    monkeypatch.setattr(launcher.Launcher, "_choose_port", choosing)
    return chosen


# Servers that misbehave in a probe


@pytest.mark.parametrize(
    ("mode", "outcome", "why"),
    [
        ("dies-mid-probe", "crash", "the server's process ended with status 3"),
        ("hangs", "hang", "no complete response after 0 bytes"),
        ("hangs-after-head", "hang", "no complete response after 64 bytes"),
        ("drips", "hang", "no complete response after"),
        ("garbage", "unsupported", "no response came of it"),
        ("closes-immediately", "unsupported", "no response came of it"),
        ("gabbles", "unsupported", "no response came of it"),
    ],
)
def test_misbehaves_in_a_probe(stage: Stage, mode: str, outcome: str, why: str) -> None:
    stage.count = 2
    result = stage.result(mode)
    assert result.started, result.failure
    assert outcomes(result) == [outcome] * 2
    assert why in observed(result)
    assert result.failure == ""


def test_flood_is_cut_off(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.harness.live.MOST_RECEIVED", 1 << 20)
    run = stage.run("floods", 1.0)
    assert outcomes(run.result) == ["fail"]
    (trace,) = run.traces.values()
    resets = [event for event in trace["events"] if event["kind"] == "reset"]
    assert [event["error"] for event in resets] == ["flooded: cut off"]


def test_patience_ends(stage: Stage) -> None:
    """After so many crashes in a row the rest is not tried, and says so."""
    stage.count = PATIENCE + 2
    run = stage.run("dies-mid-probe")
    assert outcomes(run.result) == ["crash"] * PATIENCE + ["hang"] * 2
    assert run.result.verdicts[PATIENCE].observed.startswith("not tried: the last")
    assert len(run.traces) == PATIENCE


def test_no_second_start(stage: Stage) -> None:
    """A server that cannot be started again: what it was not asked is no silence."""
    stage.count = 3
    stage.progress = lambda name, done, total: stage.script.write_text("raise SystemExit(9)")
    result = stage.result("dies-mid-probe")
    assert result.started
    assert result.failure.startswith("did not start again: it ended with status 9")
    assert outcomes(result) == ["crash"] * 3
    assert "not tried" in result.verdicts[1].observed
    # What was seen before is still judged.
    assert result.verdicts[0].trace is not None


# Processes that stay


@pytest.mark.parametrize("mode", ["forks", "ignores-sigterm"])
def test_stays_on(stage: Stage, mode: str) -> None:
    result = stage.result(mode)
    assert outcomes(result) == ["pass"]
    assert stage.left() == []


def test_child_without_the_mark(stage: Stage) -> None:
    """The server has died, so its child is nobody's, and the child's environment is empty."""
    result = stage.result("strips", 1.0)
    assert outcomes(result) == ["crash"]
    assert stage.left() == []


# Logs


def test_long_log(stage: Stage) -> None:
    run = stage.run("logs-much", 1.0)
    assert outcomes(run.result) == ["pass"]
    assert run.result.log.endswith("hostile: enough")
    assert len(run.result.log) <= launcher.TAIL
    assert logged(run) == launcher.KEPT_LOG


def test_log_of_a_child_without_end(stage: Stage) -> None:
    run = stage.run("logs-forever", 1.0)
    assert outcomes(run.result) == ["crash"]
    assert len(run.result.log) <= launcher.TAIL
    assert logged(run) <= launcher.KEPT_LOG


# Interrupting


def test_interrupted_by_another_thread(stage: Stage) -> None:
    """Again and again, also while it cleans up."""
    playing, over = threading.Event(), threading.Event()
    stage.progress = lambda name, done, total: playing.set()

    def interrupt() -> None:
        playing.wait()
        while not over.is_set():
            stage.loop.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(Interrupted):
            stage.run("hangs", 1.0)
    finally:
        over.set()
        playing.set()
        thread.join()
    assert stage.left() == []


def test_interrupted_before_it_starts(stage: Stage) -> None:
    stage.loop.interrupt()
    with pytest.raises(Interrupted):
        stage.run("forks", 1.0)
    assert stage.left() == []


def test_interrupted_from_the_keyboard(stage: Stage) -> None:
    def progress(name: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    stage.progress = progress
    with pytest.raises(KeyboardInterrupt):
        stage.run("ignores-sigterm")
    assert stage.left() == []
