"""Starts a real server in a process group of its own, knows when it answers, and ends it surely."""

from __future__ import annotations

import os
import random
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from conformance.harness.control import Control
from conformance.harness.environment import Environment
from conformance.harness.loop import Loop
from conformance.harness.response import Response, ResponseReader
from conformance.probing import request
from conformance.roster import Subject, fill
from conformance.trace import Event

__all__ = ["Launcher", "StartFailure", "is_port_free"]

# Below the range that outgoing connections are given, or one of ours could take the port.
PORTS = range(20000, 32768)
START_LIMIT = 20.0
STOP_LIMIT = 5.0
TRIES = 3
KEPT_LOG = 64 * 1024
TAIL = 2000
# What of our own environment a server gets. Not all: some servers copy theirs into environ, and so
# into evidence that people publish.
INHERITED = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER")
MARK = "WSGI_CONFORMANCE_RUN"
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
        self.log = bytearray()
        self.log_dropped = 0
        self.started_in = 0.0
        self.pidfd: int | None = None

    def start(self) -> tuple[str, int]:
        """Start the server and wait until it has called our application.

        Returns:
            Host and port.

        Errors:
            StartFailure: it did not, for whatever reason.
        """
        reasons: list[str] = []
        for _ in range(TRIES):
            port = self._choose_port()
            begun = time.monotonic()
            try:
                self._spawn(port)
                self._await_answer(port)
            except StartFailure as failure:
                reasons.append(str(failure))
                still_free = is_port_free(self.host, port) or self.process_runs()
                self.stop()
                if still_free and "answered by" not in str(failure):
                    break  # not a quarrel about the port: another one would not help
                continue
            self.started_in = time.monotonic() - begun
            self.address = (self.host, port)
            return self.address
        raise StartFailure(reasons[-1] + self.log_tail())

    def _choose_port(self) -> int:
        for port in random.sample(PORTS, 200):
            if is_port_free(self.host, port):
                return port
        raise StartFailure("no free port between 20000 and 32767")

    def _values(self, port: int) -> dict[str, str]:
        return {
            "host": self.host,
            "port": str(port),
            "app": "probe:app",
            "module": "probe",
            "attr": "app",
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
        except OSError as error:
            os.close(reading)
            raise StartFailure(f"{self.command[0]}: {error.strerror}") from error
        finally:
            os.close(writing)
        self.log.clear()
        self.log_dropped = 0
        os.set_blocking(reading, False)
        self.loop.watch(reading, lambda: self._read_log(reading))
        self.reading = reading
        self.pidfd = os.pidfd_open(self.process.pid)
        self.loop.watch(self.pidfd, self._ended)

    def _read_log(self, reading: int) -> None:
        try:
            data = os.read(reading, 65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close_log()
            return
        room = KEPT_LOG - len(self.log)
        if room > 0:
            event = Event(time.monotonic(), "server", "log", 0, {"bytes": data[:room]})
            self.control.timeline.append(event)
            self.log += data[:room]
        self.log_dropped += max(0, len(data) - room)

    def rotate_log(self) -> None:
        """Begin a new probe's share of the log: the bound is one for each probe."""
        self.log.clear()

    def _close_log(self) -> None:
        if self.reading >= 0:
            self.loop.unwatch(self.reading)
            os.close(self.reading)
            self.reading = -1

    reading = -1

    def _ended(self) -> None:
        """Take in that the process has ended."""
        assert self.process is not None
        assert self.pidfd is not None
        self.loop.unwatch(self.pidfd)
        os.close(self.pidfd)
        self.pidfd = None
        status = self.process.wait()
        while self.reading >= 0 and self._has_log():
            self._read_log(self.reading)
        self.control.timeline.append(
            Event(time.monotonic(), "server", "exited", 0, {"status": status})
        )

    def _has_log(self) -> bool:
        try:
            data = os.read(self.reading, 65536)
        except OSError:
            return False
        room = max(0, KEPT_LOG - len(self.log))
        if data and room:
            event = Event(time.monotonic(), "server", "log", 0, {"bytes": data[:room]})
            self.control.timeline.append(event)
            self.log += data[:room]
        return bool(data)

    def process_runs(self) -> bool:
        """Whether the process that was started is there."""
        return self.process is not None and self.pidfd is not None

    def log_tail(self) -> str:
        """Return the end of the log for a message, or nothing where it is empty."""
        text = self.log[-TAIL:].decode("utf-8", "backslashreplace").strip()
        return f"; its log ends:\n{text}" if text else "; it wrote nothing to its log"

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
                raise StartFailure(f"it called the application and answered {response}")
            stranger = response or stranger
            # There is no event for a port that begins to listen; the end of the process is one.
            if self.loop.until(lambda: not self.process_runs(), pause):
                assert self.process is not None
                status = self.process.returncode
                raise StartFailure(f"it ended with status {status} before it answered")
            pause = min(pause * 1.5, 0.02)
        if stranger is not None:
            raise StartFailure(
                f"port {port} was answered by something that did not call the application: "
                f"{stranger}"
            )
        raise StartFailure(f"no answer on port {port} within {limit:g} s")

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
        self.loop.until(
            lambda: (
                response is not None or ended or len(buffer) > KEPT_LOG or not self.process_runs()
            ),
            max(0.0, deadline - time.monotonic()),
        )
        self.loop.unwatch(asking)
        return response

    def stop(self) -> None:
        """End the process, its children, and whatever they started; return when all are gone."""
        if self.process is None:
            return
        family = self._family()
        self._signal_group(getattr(signal, self.subject.stop_signal))
        self.loop.until(lambda: not self.process_runs(), STOP_LIMIT * self.scale)
        self._signal_group(signal.SIGKILL)
        self.loop.until(lambda: not self.process_runs(), STOP_LIMIT)
        family += [process for process in self._marked() if process not in family]
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(family, STOP_LIMIT)
        self._close_log()
        self.process = None

    def _family(self) -> list[psutil.Process]:
        assert self.process is not None
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _marked(self) -> list[psutil.Process]:
        """Return processes that left the family but still carry the run's mark."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def _signal_group(self, number: int) -> None:
        assert self.process is not None
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            return
