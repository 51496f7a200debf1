"""A wait for what will not come ends when the server is at rest, and not while it is at work."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from conformance.harness.control import Control
from conformance.harness.live import RESTING, Live
from conformance.harness.loop import Loop
from conformance.harness.processes import at_rest, of_session
from conformance.harness.replay import Replay
from conformance.trace import from_json, to_json

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="known from /proc")

ASLEEP = "import sys; print('up', flush=True); sys.stdin.read()"
BUSY = "print('up', flush=True)\nwhile True: pass"


def started(program: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def ended(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def is_asleep(process: subprocess.Popen[str]) -> bool:
    return at_rest([process.pid]) is not None


def until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
    return True


def test_a_process_that_sleeps_is_at_rest_and_one_that_woke_shows_it() -> None:
    process = started(
        "import sys; print('up', flush=True)\n"
        "for line in sys.stdin: print(line, end='', flush=True)"
    )
    try:
        assert until(lambda: is_asleep(process))
        before = at_rest([process.pid])
        assert before == at_rest([process.pid])
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("word\n")
        process.stdin.flush()
        assert process.stdout.readline() == "word\n"
        assert until(lambda: is_asleep(process))
        assert at_rest([process.pid]) != before
    finally:
        ended(process)


def test_a_process_that_works_is_not_at_rest() -> None:
    process = started(BUSY)
    try:
        assert not any(is_asleep(process) for _ in range(20))
    finally:
        ended(process)


def test_nothing_is_known_of_processes_that_are_gone() -> None:
    process = started(ASLEEP)
    assert process.pid in of_session(process.pid)
    ended(process)
    assert at_rest([process.pid]) is None
    assert of_session(process.pid) == []


def waited(activity: Callable[[], tuple[str, ...] | None], limit: float) -> Live:
    """Wait for what never comes, in vain; return the driver."""
    loop = Loop()
    control = Control(loop, "token", "marker-")
    try:
        driver = Live(loop, control, ("127.0.0.1", 1), 60)
        driver.activity = activity
        assert not driver.until(lambda: False, limit, or_idle=True)
        return driver
    finally:
        control.close()
        loop.close()


def test_the_wait_ends_at_rest() -> None:
    asked: list[int] = []

    def activity() -> tuple[str, ...]:
        asked.append(1)
        return ("1 5 5",)

    assert waited(activity, 60).rested
    assert len(asked) == RESTING + 1


def test_the_wait_goes_on_while_threads_run() -> None:
    counts = iter(range(10_000))
    driver = waited(lambda: (str(next(counts)),), 0.05)
    assert not driver.rested


def test_the_wait_goes_on_where_nothing_is_known() -> None:
    assert not waited(lambda: None, 0.05).rested


def test_what_ends_the_wait_comes_first() -> None:
    loop = Loop()
    control = Control(loop, "token", "marker-")
    try:
        driver = Live(loop, control, ("127.0.0.1", 1), 60)
        driver.activity = lambda: ("1 5 5",)
        assert driver.until(lambda: True, or_idle=True)
        assert not driver.rested
    finally:
        control.close()
        loop.close()


def test_a_replay_knows_why_the_wait_ended() -> None:
    driver = waited(lambda: ("1 5 5",), 60)
    replay = Replay(from_json(to_json(driver.timeline)))
    assert not replay.until(lambda: False, or_idle=True)
    assert replay.rested
