"""One process of a subject: in a session of its own, its output read, its end known."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from conformance.harness.loop import Loop
from conformance.harness.processes import children_of, exit_status

__all__ = ["Child", "StartFailure"]

# As much as a pipe can be made to hold, so that one read takes all that a dead process left in it.
READ_SIZE = 1 << 20


class StartFailure(Exception):
    """The server did not come up with our application; the message ends with its log's tail."""


class Child:
    """A process from its start to its certain end.

    Args:
        loop: where its output and its end are watched.
        logged: called with what it writes to its standard streams.
        ended: called with its exit status, negative for a signal, once it has ended.

    Attributes:
        pid: its number, which is also that of its session; not another's before ``bury``.
        status: its exit status, None while it runs.
    """

    def __init__(
        self, loop: Loop, logged: Callable[[bytes], None], ended: Callable[[int], None]
    ) -> None:
        self.loop = loop
        self.logged = logged
        self.ended = ended
        self.status: int | None = None
        self._pidfd = -1
        self._reading = -1

    def spawn(
        self, command: Sequence[str], program: str, directory: Path, environment: Mapping[str, str]
    ) -> None:
        """Start it.

        Args:
            command: its words; program: the path of what is executed.

        Errors:
            StartFailure: the system does not want to.
        """
        reading, writing = os.pipe()
        try:
            self._process = subprocess.Popen(
                command,
                executable=program,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL in a word or a variable
            os.close(reading)
            why = error.strerror if isinstance(error, OSError) else error
            raise StartFailure(f"{command[0]}: {why}") from error
        finally:
            os.close(writing)
        self.pid = self._process.pid
        os.set_blocking(reading, False)
        self._reading = reading
        self.loop.watch(reading, self._read_log)
        self._pidfd = os.pidfd_open(self.pid)
        self.loop.watch(self._pidfd, self._ended)

    def _read_log(self) -> None:
        try:
            data = os.read(self._reading, READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.logged(data)
        else:
            self._close_log()

    def _close_log(self) -> None:
        if self._reading >= 0:
            self.loop.unwatch(self._reading)
            os.close(self._reading)
            self._reading = -1

    def _ended(self) -> None:
        """Take in that the process has ended."""
        self._close_pidfd()
        # Left to be reaped when all is over: until then its number, which is also that of its
        # group, cannot become anybody else's.
        self.status = exit_status(self.pid)
        if self._reading >= 0:
            self._read_log()
        self.ended(self.status)

    def _close_pidfd(self) -> None:
        if self._pidfd >= 0:
            self.loop.unwatch(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1

    def runs(self) -> bool:
        """Whether the process is there."""
        return self._pidfd >= 0

    def family(self) -> list[psutil.Process]:
        """Return its children, and theirs."""
        return children_of(self.pid)

    def end(self, number: int, polite: float, limit: float) -> None:
        """Ask its group to end with a signal, then make it; return when the process has ended.

        Args:
            number: the signal; polite: seconds that it is given; limit: seconds for the rest.
        """
        self._signal_group(number)
        self.loop.until(lambda: not self.runs(), polite)
        self._signal_group(signal.SIGKILL)
        self.loop.until(lambda: not self.runs(), limit)

    def bury(self, limit: float) -> None:
        """Reap it and let go of all that was watched, once nothing of it is left."""
        self._close_log()
        self._close_pidfd()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(limit)

    def _signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
