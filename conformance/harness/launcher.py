"""Starts a real server, its backend first, knows when it answers, and ends all of it surely."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from conformance.harness.child import Child, StartFailure
from conformance.harness.control import Control
from conformance.harness.environment import Environment
from conformance.harness.loop import Loop
from conformance.harness.processes import MARK, at_rest, end_all, left_behind, of_session
from conformance.harness.readiness import ask
from conformance.harness.response import Response
from conformance.roster import Subject, fill
from conformance.trace import Event

__all__ = ["APPLICATION", "PLANTED", "Launcher", "StartFailure", "is_port_free"]

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
# What the address of a unix socket can hold, less its final NUL: 104 on BSD and macOS.
LONGEST_SOCKET = 103
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
    """One subject's processes, from start to certain end; it can be started again.

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
        tail: the end of all that was written to the log so far, by the front and the backend.
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
        self.mark = secrets.token_hex(12)
        self.started_in = 0.0
        self.backend: Child | None = None
        self.front: Child | None = None
        self.elsewhere: list[int] = []
        self.attribute = APPLICATION
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
            ports = [self._choose_port()]
            if self.subject.backend is not None:
                ports.append(self._choose_port())
            begun = time.monotonic()
            try:
                self._start_on(*ports)
            except StartFailure as failure:
                reason = f"{failure}{self._log_end()}"
                self.stop()
                if all(is_port_free(self.host, port) for port in ports):
                    break  # nobody else has taken a port: another one would not help
                continue
            self.started_in = time.monotonic() - begun
            self.address = (self.host, ports[0])
            return self.address
        raise StartFailure(reason)

    def _choose_port(self) -> int:
        for port in random.sample(PORTS, 200):
            if is_port_free(self.host, port):
                return port
        raise StartFailure("no free port between 20000 and 32767")

    def _start_on(self, port: int, backend_port: int = 0) -> None:
        self.elsewhere = []
        self.logged = 0
        self.room = KEPT_LOG
        values = self._values(port, backend_port)
        self._write_files(values)
        deadline = time.monotonic() + START_LIMIT * self.scale
        backend = self.subject.backend
        if backend is not None:
            path = values["socket"]
            if len(os.fsencode(path)) > LONGEST_SOCKET:
                raise StartFailure(
                    f"{path}: too long for the path of a unix socket; set TMPDIR to a shorter one"
                )
            Path(path).unlink(missing_ok=True)
            self.backend = self._spawn(backend.command, values, backend.environment)
            self._await_backend(values, deadline)
        self.command = [fill(word, values) for word in self.subject.command]
        self.front = self._spawn(self.subject.command, values, {})
        self._await_answer(port, deadline)

    def _values(self, port: int, backend_port: int) -> dict[str, str]:
        return {
            "host": self.host,
            "port": str(port),
            "app": f"probe:{self.attribute}",
            "module": "probe",
            "attr": self.attribute,
            "payload": str(self.payload),
            "rundir": str(self.rundir),
            "python": self.environment.python,
            "bin": self.environment.bin,
            "here": str(self.subject.file.resolve().parent) if self.subject.file else "",
            "socket": str(self.rundir / "backend.sock"),
            "backend_port": str(backend_port),
        }

    def _write_files(self, values: Mapping[str, str]) -> None:
        """Write the subject's files, and give the directory to the account it changes to."""
        for name, text in self.subject.files.items():
            path = self.rundir / name
            path.write_text(fill(text, values), encoding="utf-8")
            # Whatever the umask says: who drops privileges must still read them.
            path.chmod(0o755 if text.startswith("#!") else 0o644)
        if self.subject.user and os.geteuid() == 0:
            try:
                shutil.chown(self.rundir, self.subject.user)
            except LookupError as error:
                raise StartFailure(f"user: no account named {self.subject.user}") from error

    def _surroundings(self, values: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment.update(PLANTED)
        environment[MARK] = self.mark
        environment["PATH"] = os.pathsep.join(
            [self.environment.bin, environment.get("PATH", os.defpath)]
        )
        environment["PYTHONPATH"] = str(self.payload)
        environment["PYTHONUNBUFFERED"] = "1"
        for name, value in {**self.subject.environment, **own}.items():
            environment[name] = fill(value, values)
        return environment

    def _spawn(
        self, command: Sequence[str], values: Mapping[str, str], own: Mapping[str, str]
    ) -> Child:
        words = [fill(word, values) for word in command]
        program = self.environment.find(words[0])
        if program is None:
            raise StartFailure(f"{words[0]}: no such program")
        child = Child(self.loop, self._take_log, self._take_end)
        child.spawn(words, program, self.rundir, self._surroundings(values, own))
        return child

    def _take_log(self, data: bytes) -> None:
        self.logged += len(data)
        self.tail = (self.tail + data)[-TAIL:]
        kept = data[: self.room]
        if kept:
            self.room -= len(kept)
            self.control.timeline.append(
                Event(time.monotonic(), "server", "log", 0, {"bytes": kept})
            )

    def _take_end(self, status: int) -> None:
        """Take in that a process has ended: without its backend a stack has ended as well."""
        self.control.timeline.append(
            Event(time.monotonic(), "server", "exited", 0, {"status": status})
        )

    def rotate_log(self) -> None:
        """Begin a new probe's share of the log: the bound is one for each probe."""
        self.room = KEPT_LOG

    def processes(self) -> list[Child]:
        """Return the processes that were started, the front first."""
        return [child for child in (self.front, self.backend) if child is not None]

    def process_runs(self) -> bool:
        """Whether what was started is there, all of it."""
        started = self.processes()
        return bool(started) and all(child.runs() for child in started)

    def _how_it_ended(self) -> str:
        child = next(child for child in self.processes() if not child.runs())
        who = "its backend" if child is self.backend else "it"
        return f"{who} ended with status {child.status}"

    def activity(self, others: Iterable[int] = ()) -> tuple[str, ...] | None:
        """How often each thread of the server has run; None while one of them runs.

        Args:
            others: numbers of processes that are known to belong to it.
        """
        pids = [child.pid for child in self.processes()]
        if not pids:
            return None
        if not self.elsewhere:
            # Those that made a session of their own; they are few, and looking for them is slow.
            self.elsewhere = [process.pid for process in left_behind(self.mark, *pids)]
        ours = [number for pid in pids for number in of_session(pid)]
        return at_rest([*self.elsewhere, *ours, *others])

    def ask_for_stacks(self) -> None:
        """Have the processes of the server tell the control channel where their threads stand."""
        standing = dict(self.control.standing)
        pids = [child.pid for child in self.processes()]
        if not pids or not standing:
            return
        own = {process.pid for process in left_behind(self.mark, *pids)}
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

    def _attempts(self, deadline: float, before: str) -> Iterator[None]:
        """Yield for each attempt until the deadline; there is no event for a port that listens.

        Errors:
            StartFailure: a process ended, which is an event, ``before`` saying what is missing.
        """
        pause = 0.001
        while time.monotonic() < deadline:
            yield
            if self.loop.until(lambda: not self.process_runs(), pause):
                raise StartFailure(f"{self._how_it_ended()} before {before}")
            pause = min(pause * 1.5, 0.02)

    def _await_backend(self, values: Mapping[str, str], deadline: float) -> None:
        """Wait until the backend takes connections: a front asked earlier would answer 502."""
        assert self.subject.backend is not None
        by_path = self.subject.backend.address == "socket"
        kind = socket.AF_UNIX if by_path else socket.AF_INET
        address = values["socket"] if by_path else (self.host, int(values["backend_port"]))
        for _ in self._attempts(deadline, "it took a connection"):
            with socket.socket(kind) as trying:
                trying.settimeout(1.0)
                if trying.connect_ex(address) == 0:
                    return
        where = "its socket" if by_path else f"port {values['backend_port']}"
        raise StartFailure(
            f"its backend took no connection on {where} within {START_LIMIT * self.scale:g} s"
        )

    def _await_answer(self, port: int, deadline: float) -> None:
        """Wait until a request of ours has come through to our application."""
        stranger: Response | None = None
        for _ in self._attempts(deadline, "it answered"):
            answer = ask(self.loop, self.control, (self.host, port), deadline, self.process_runs)
            if answer.ready:
                return
            if answer.called:
                raise StartFailure(
                    f"it called the application, and then {self._what_came(answer.response)}"
                )
            stranger = answer.response or stranger
        if stranger is not None:
            raise StartFailure(
                f"port {port} was answered by something that did not call the application: "
                f"{stranger}"
            )
        raise StartFailure(f"no answer on port {port} within {START_LIMIT * self.scale:g} s")

    def _what_came(self, response: Response | None) -> str:
        if not self.process_runs():
            return self._how_it_ended()
        return "it gave no answer" if response is None else f"it answered {response}"

    def stop(self) -> None:
        """End all processes and whatever they started, the front first; return when all are gone.

        A front that finds its backend gone would say so in the log, as if that were the trouble.
        """
        started = self.processes()
        if not started:
            return
        family = [process for child in started for process in child.family()]
        for child in started:
            backend = self.subject.backend if child is self.backend else None
            name = backend.stop_signal if backend else self.subject.stop_signal
            child.end(getattr(signal, name), STOP_LIMIT * self.scale, STOP_LIMIT)
        for _ in range(ROUNDS):
            left = [*family, *left_behind(self.mark, *(child.pid for child in started))]
            if not left:
                break
            end_all(self.loop, left, STOP_LIMIT)
            family = []
        for child in started:
            child.bury(STOP_LIMIT)
        self.front = self.backend = None
