"""Finding and ending every process that a server started, wherever it has gone since."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path

import psutil

from conformance.harness.loop import Loop

__all__ = ["MARK", "at_rest", "children_of", "end_all", "exit_status", "left_behind", "of_session"]

# Lines of /proc/PID/task/TID/status: how often a thread was put off a processor, by itself or not.
RUNS = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")

MARK = "WSGI_CONFORMANCE_RUN"
"""The environment variable by which a run's processes are known."""


def exit_status(pid: int) -> int:
    """Return the status of a child that has ended, negative for a signal, without reaping it."""
    ending = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ending is not None
    return ending.si_status if ending.si_code == os.CLD_EXITED else -ending.si_status


def children_of(pid: int) -> list[psutil.Process]:
    """Return the children of a process, and theirs."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def left_behind(mark: str, *sessions: int) -> list[psutil.Process]:
    """Return the processes that carry a mark or belong to one of some sessions.

    The mark finds those that made a session of their own; the sessions those that wrote over their
    environment, as servers do that show their state in the list of processes.
    """
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if os.getsid(process.pid) in sessions or process.environ().get(MARK) == mark:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def of_session(session: int) -> list[int]:
    """Return the numbers of the processes of a session; cheap enough to ask again and again."""
    found = []
    for pid in psutil.pids():
        with contextlib.suppress(OSError):
            if os.getsid(pid) == session:
                found.append(pid)
    return found


def at_rest(pids: Iterable[int]) -> tuple[str, ...] | None:
    """Return how often each thread of some processes has run, if all of them sleep now.

    Two equal answers mean that nothing ran in between: whatever woke none of the threads is not
    being worked on. Known from Linux's ``/proc``; elsewhere the answer is None.

    Returns:
        None where a thread runs, is ready to run, or waits for a disk, and where nothing is told.
    """
    counts = []
    for pid in sorted({*pids}):
        for status in sorted(Path(f"/proc/{pid}/task").glob("*/status")):
            try:
                lines = status.read_text(encoding="ascii", errors="replace").splitlines()
            except OSError:  # ended meanwhile
                continue
            told = dict(line.split(":", 1) for line in lines if ":" in line)
            if told.get("State", "").split()[:1] not in (["S"], ["I"], ["Z"], ["X"]):
                return None
            runs = [told.get(name, "").strip() for name in ("Pid", *RUNS)]
            counts.append(" ".join(runs))
    return tuple(counts) or None


def end_all(loop: Loop, processes: Iterable[psutil.Process], limit: float) -> None:
    """Kill processes and wait until each has ended, whether or not somebody has reaped it."""
    alive: set[int] = set()

    def bury(pidfd: int) -> None:
        alive.discard(pidfd)
        loop.unwatch(pidfd)
        os.close(pidfd)

    def watch(pidfd: int) -> None:
        alive.add(pidfd)
        loop.watch(pidfd, lambda: bury(pidfd))

    try:
        for process in processes:
            try:
                pidfd = os.pidfd_open(process.pid)
            except OSError:
                continue
            watch(pidfd)
            # Asked after the descriptor was opened: the number was not yet another's by then.
            if process.is_running():
                with contextlib.suppress(OSError):
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            else:
                bury(pidfd)
        loop.until(lambda: not alive, limit)
    finally:
        for pidfd in list(alive):
            bury(pidfd)
