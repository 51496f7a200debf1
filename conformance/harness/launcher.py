"""Starts a real server in a process group of its own, knows when it answers, and ends it surely."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from conformance.harness.control import Control
from conformance.harness.environment import Environment
from conformance.harness.loop import Loop
from conformance.harness.processes import (
    MARK,
    at_rest,
    children_of,
    end_all,
    exit_status,
    left_behind,
    of_session,
)
from conformance.harness.response import Response, ResponseReader
from conformance.probing import request
from conformance.roster import Subject, fill
from conformance.trace import Event

__all__ = ["APPLICATION", "Launcher", "StartFailure", "is_port_free"]

# Below the range that outgoing connections are given, or one of ours could take the port.
PORTS = range(20000, 32768)
START_LIMIT = 20.0
APPLICATION = "app"
STOP_LIMIT = 5.0
# Seconds for a server that hangs to begin to tell where its threads stand.
STACKS_LIMIT = 1.0
TRIES = 3
# So many bytes of the log are kept: of its beginning in each probe's trace, and of its end.
KEPT_LOG = 64 * 1024
TAIL = 2000
# As much as a pipe can be made to hold, so that one read takes all that a dead process left in it.
READ_SIZE = 1 << 20
# Whatever answers the question whether the server is ready with more than this is not it.
MOST_READ = 1 << 16
# How often to look again for processes that started while others were being killed.
ROUNDS = 5
# What of our own environment a server gets. Not all: some servers copy theirs into environ, and so
# into evidence that people publish.
INHERITED = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER")
PLANTED = {
    # A server that copies its environment must not make a request header of this one ...
    "HTTP_X_CONFORMANCE_PLANTED": "from the process environment",
    # ... and not pass on this one as anything but bytes in Latin-1 clothing.
    "CONFORMANCE_PLANTED": "caf\u00e9 \u20ac",
}


class StartFailure(Exception):
    """The server did not come up with our application; the message ends with its log's tail."""


def is_port_free(host: str, port: int) -> bool:
    """Whether nobody listens on a port, as far as binding it tells."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


class Launcher:
    """One subject's process, from start to certain end; it can be started again.

    Args:
        subject: what to start; environment: where its Python is.
        loop, control: of this subject's run.
        payload: directory that holds the application.
        rundir: an existing empty directory for the server to run in.
        scale: multiplies all limits.

    Attributes:
        address: where the server listens, once it does.
        command: the words it was started with.
        started_in: seconds the last start took.
        tail: the end of all that was written to the log so far.
        status: exit status of the process, None while it runs.
        attribute: name of the application in the payload's module, from the next start on.
    """

    def __init__(
        self,
        subject: Subject,
        environment: Environment,
        loop: Loop,
        control: Control,
        payload: Path,
        rundir: Path,
        scale: float = 1.0,
    ) -> None:
        self.subject = subject
        self.environment = environment
        self.loop = loop
        self.control = control
        self.payload = payload
        self.rundir = rundir
        self.scale = scale
        self.host = "127.0.0.1"
        self.address = (self.host, 0)
        self.command: list[str] = []
        self.process: subprocess.Popen[bytes] | None = None
        self.mark = secrets.token_hex(12)
        self.started_in = 0.0
        self.status: int | None = None
        self.family: list[psutil.Process] = []
        self.elsewhere: list[int] = []
        self.attribute = APPLICATION
        self.pidfd = -1
        self.reading = -1
        self.tail = b""
        self.logged = 0
        self.room = KEPT_LOG

    def start(self) -> tuple[str, int]:
        """Start the server and wait until it has called our application.

        Returns:
            Host and port.

        Errors:
            StartFailure: it did not, for whatever reason.
        """
        for _ in range(TRIES):
            port = self._choose_port()
            begun = time.monotonic()
            try:
                self._spawn(port)
                self._await_answer(port)
            except StartFailure as failure:
                reason = f"{failure}{self._log_end()}"
                self.stop()
                if is_port_free(self.host, port):
                    break  # nobody else has taken the port: another one would not help
                continue
            self.started_in = time.monotonic() - begun
            self.address = (self.host, port)
            return self.address
        raise StartFailure(reason)

    def _choose_port(self) -> int:
        for port in random.sample(PORTS, 200):
            if is_port_free(self.host, port):
                return port
        raise StartFailure("no free port between 20000 and 32767")

    def _values(self, port: int) -> dict[str, str]:
        return {
            "host": self.host,
            "port": str(port),
            "app": f"probe:{self.attribute}",
            "module": "probe",
            "attr": self.attribute,
            "rundir": str(self.rundir),
            "python": self.environment.python,
            "bin": self.environment.bin,
        }

    def _surroundings(self, values: Mapping[str, str]) -> dict[str, str]:
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment.update(PLANTED)
        environment[MARK] = self.mark
        environment["PATH"] = os.pathsep.join(
            [self.environment.bin, environment.get("PATH", os.defpath)]
        )
        environment["PYTHONPATH"] = str(self.payload)
        environment["PYTHONUNBUFFERED"] = "1"
        for name, value in self.subject.environment.items():
            environment[name] = fill(value, values)
        return environment

    def _spawn(self, port: int) -> None:
        self.status = None
        self.elsewhere = []
        self.logged = 0
        self.room = KEPT_LOG
        values = self._values(port)
        for name, text in self.subject.files.items():
            (self.rundir / name).write_text(fill(text, values), encoding="utf-8")
        self.command = [fill(word, values) for word in self.subject.command]
        program = self.environment.find(self.command[0])
        if program is None:
            raise StartFailure(f"{self.command[0]}: no such program")
        reading, writing = os.pipe()
        try:
            self.process = subprocess.Popen(
                self.command,
                executable=program,
                cwd=self.rundir,
                env=self._surroundings(values),
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL in a word or a variable
            os.close(reading)
            why = error.strerror if isinstance(error, OSError) else error
            raise StartFailure(f"{self.command[0]}: {why}") from error
        finally:
            os.close(writing)
        os.set_blocking(reading, False)
        self.reading = reading
        self.loop.watch(reading, self._read_log)
        self.pidfd = os.pidfd_open(self.process.pid)
        self.loop.watch(self.pidfd, self._ended)

    def _read_log(self) -> None:
        try:
            data = os.read(self.reading, READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close_log()
            return
        self.logged += len(data)
        self.tail = (self.tail + data)[-TAIL:]
        kept = data[: self.room]
        if kept:
            self.room -= len(kept)
            self.control.timeline.append(
                Event(time.monotonic(), "server", "log", 0, {"bytes": kept})
            )

    def rotate_log(self) -> None:
        """Begin a new probe's share of the log: the bound is one for each probe."""
        self.room = KEPT_LOG

    def _close_log(self) -> None:
        if self.reading >= 0:
            self.loop.unwatch(self.reading)
            os.close(self.reading)
            self.reading = -1

    def _ended(self) -> None:
        """Take in that the process has ended."""
        assert self.process is not None
        self._close_pidfd()
        # Left to be reaped when all is over: until then its number, which is also that of its
        # group, cannot become anybody else's.
        self.status = exit_status(self.process.pid)
        if self.reading >= 0:
            self._read_log()
        self.control.timeline.append(
            Event(time.monotonic(), "server", "exited", 0, {"status": self.status})
        )

    def _close_pidfd(self) -> None:
        if self.pidfd >= 0:
            self.loop.unwatch(self.pidfd)
            os.close(self.pidfd)
            self.pidfd = -1

    def process_runs(self) -> bool:
        """Whether the process that was started is there."""
        return self.pidfd >= 0

    def activity(self, others: Iterable[int] = ()) -> tuple[str, ...] | None:
        """How often each thread of the server has run; None while one of them runs.

        Args:
            others: numbers of processes that are known to belong to it.
        """
        if self.process is None:
            return None
        if not self.elsewhere:
            # Those that made a session of their own; they are few, and looking for them is slow.
            found = left_behind(self.mark, self.process.pid)
            self.elsewhere = [process.pid for process in found]
        return at_rest([*self.elsewhere, *of_session(self.process.pid), *others])

    def ask_for_stacks(self) -> None:
        """Have the processes of the server tell the control channel where their threads stand."""
        standing = dict(self.control.standing)
        if self.process is None or not standing:
            return
        own = {process.pid for process in left_behind(self.mark, self.process.pid)}
        before = len(self.control.timeline.stacks)
        for process, number in standing.items():
            # Only those of this run: a number may have become a stranger's meanwhile.
            if process in own:
                with contextlib.suppress(OSError):
                    os.kill(process, number)
        if own & standing.keys():
            self.loop.until(lambda: len(self.control.timeline.stacks) > before, STACKS_LIMIT)
            # They come in many small writes, and nothing says which is the last one.
            self.loop.until(lambda: False, STACKS_LIMIT / 10)

    def log_tail(self) -> str:
        """Return the end of all that was written to the log, over all starts."""
        return self.tail.decode("utf-8", "backslashreplace").strip()

    def _log_end(self) -> str:
        """Return the end of the log since the last start, to be put behind a message."""
        text = self.tail[-self.logged :] if self.logged else b""
        shown = text.decode("utf-8", "backslashreplace").strip()
        return f"; its log ends:\n{shown}" if shown else "; it wrote nothing to its log"

    def _await_answer(self, port: int) -> None:
        """Wait until a request of ours has come through to our application.

        A port that listens proves nothing: somebody else may. The answer has to hold a word that
        the application was told over the control channel.
        """
        limit = START_LIMIT * self.scale
        deadline = time.monotonic() + limit
        stranger: Response | None = None
        pause = 0.001
        while time.monotonic() < deadline:
            word = "ready" + secrets.token_hex(8)
            response = self._ask(port, word, deadline)
            if word in self.control.heard:
                self.control.heard.clear()
                if response is not None and word.encode() in response.body:
                    return
                raise StartFailure(
                    f"it called the application, and then {self._what_it_did(response)}"
                )
            stranger = response or stranger
            # There is no event for a port that begins to listen; the end of the process is one.
            if self.loop.until(lambda: not self.process_runs(), pause):
                raise StartFailure(f"it ended with status {self.status} before it answered")
            pause = min(pause * 1.5, 0.02)
        if stranger is not None:
            raise StartFailure(
                f"port {port} was answered by something that did not call the application: "
                f"{stranger}"
            )
        raise StartFailure(f"no answer on port {port} within {limit:g} s")

    def _what_it_did(self, response: Response | None) -> str:
        if not self.process_runs():
            return f"ended with status {self.status}"
        return "gave no answer" if response is None else f"answered {response}"

    def _ask(self, port: int, word: str, deadline: float) -> Response | None:
        with socket.socket() as asking:
            asking.settimeout(1.0)
            try:
                asking.connect((self.host, port))
                target = f"/?{self.control.marker}{word}."
                asking.sendall(request(target=target, headers=[("Connection", "close")]))
            except OSError:
                return None
            asking.setblocking(False)
            return self._read_answer(asking, deadline)

    def _read_answer(self, asking: socket.socket, deadline: float) -> Response | None:
        reader = ResponseReader("GET")
        buffer = bytearray()
        ended = False
        response: Response | None = None

        def readable() -> None:
            nonlocal ended, response
            try:
                data = asking.recv(65536)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            buffer.extend(data)
            ended = ended or not data
            response = reader.read(buffer, ended)

        self.loop.watch(asking, readable)
        try:
            self.loop.until(
                lambda: (
                    ended
                    or response is not None
                    or len(buffer) > MOST_READ
                    or not self.process_runs()
                ),
                max(0.0, deadline - time.monotonic()),
            )
        finally:
            self.loop.unwatch(asking)
        return response

    def stop(self) -> None:
        """End the process, its children, and whatever they started; return when all are gone."""
        if self.process is None:
            return
        self.family += children_of(self.process.pid)
        self._signal_group(getattr(signal, self.subject.stop_signal))
        self.loop.until(lambda: not self.process_runs(), STOP_LIMIT * self.scale)
        self._signal_group(signal.SIGKILL)
        self.loop.until(lambda: not self.process_runs(), STOP_LIMIT)
        for _ in range(ROUNDS):
            left = [*self.family, *left_behind(self.mark, self.process.pid)]
            if not left:
                break
            end_all(self.loop, left, STOP_LIMIT)
            self.family = []
        self._close_log()
        self._close_pidfd()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_LIMIT)
        self.process = None

    def _signal_group(self, number: int) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)
