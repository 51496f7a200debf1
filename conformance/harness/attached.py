"""A server that somebody else started: it is asked and judged, never started, stopped or killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from conformance.harness.child import Child, StartFailure
from conformance.harness.control import Control
from conformance.harness.loop import Loop
from conformance.harness.payload import PayloadError
from conformance.harness.readiness import Answer, ask
from conformance.trace import Event

__all__ = ["Attached", "Attachment", "claimed"]

START_LIMIT = 5.0
STOP_LIMIT = 5.0
KEPT_LOG = 64 * 1024
TAIL = 2000
LONGEST_PAUSE = 0.1
# So much of what a stranger answers is shown.
SHOWN = 200


@dataclass(frozen=True, slots=True)
class Attachment:
    """Where a running server is, and how it was made ours.

    Attributes:
        address: host and port that it listens at.
        payload: the directory that it has loaded the application from; digest: of what is in it.
        log: the file that its standard streams are written to, None where nobody knows.
        control: address of this machine that the server's application reaches us at.
    """

    address: tuple[str, int]
    payload: Path
    digest: str
    log: Path | None = None
    control: str = "127.0.0.1"

    @property
    def where(self) -> str:
        """Host and port as people write them."""
        return f"{self.address[0]}:{self.address[1]}"


@contextlib.contextmanager
def claimed(payload: Path) -> Iterator[None]:
    """Have a payload to ourselves; when done, no session of ours is left in it.

    Errors:
        PayloadError: another run is attached to it, or it cannot be written to.
    """
    descriptor = os.open(payload, os.O_RDONLY)
    try:
        try:
            # The lock is the directory's own, and ends with this process: nothing is left.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PayloadError(f"{payload}: another run is attached to it") from None
        if not os.access(payload, os.W_OK):
            raise PayloadError(f"{payload}: cannot be written to, and the run's address has to be")
        try:
            yield
        finally:
            (payload / "session.json").unlink(missing_ok=True)
    finally:
        os.close(descriptor)


class Attached:
    """Stands where the launcher stands for servers of our own.

    Args:
        loop, control: of this subject's run.
        scale: multiplies all limits.
        said: called with what a person should know of the server's state.

    Attributes:
        address: where the server listens.
        started_in: seconds until it had answered first.
        python: implementation and version of its interpreter, once it has answered.
    """

    def __init__(
        self,
        attachment: Attachment,
        loop: Loop,
        control: Control,
        scale: float,
        said: Callable[[str], None],
    ) -> None:
        self.attachment = attachment
        self.address = attachment.address
        self.loop = loop
        self.control = control
        self.scale = scale
        self.said = said
        self.started_in = 0.0
        self.python = ""
        self.tail = b""
        self.room = KEPT_LOG
        self._follower: Child | None = None
        self._answered = False

    def start(self) -> tuple[str, int]:
        """Find out whether the server answers with our application.

        Errors:
            StartFailure: it does not; the message says what does, and what to look at.
        """
        begun = time.monotonic()
        if self._answered:
            self.said("cannot be started anew, as somebody else started it; asking it again")
        else:
            self._follow_log()
        self._await_answer(begun + START_LIMIT * self.scale)
        if not self._answered:
            self.started_in = time.monotonic() - begun
        self._answered = True
        return self.address

    def _await_answer(self, deadline: float) -> None:
        pause = 0.01
        stranger: Answer | None = None
        while True:
            answer = ask(self.loop, self.control, self.address, deadline)
            if answer.called:
                self._check(answer)
                return
            if answer.response is not None:
                stranger = answer
            if time.monotonic() >= deadline:
                raise StartFailure(self._why_not(stranger or answer))
            # Nobody tells when a server of somebody else's begins to listen.
            self.loop.until(lambda: False, pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def _check(self, answer: Answer) -> None:
        loaded, wanted = self.control.payload, self.attachment.digest
        if loaded != wanted:
            raise StartFailure(
                f"the server at {self.attachment.where} has loaded an older payload than there is "
                f"in {self.attachment.payload}; start it anew"
            )
        if not answer.ready:
            came = "gave no answer" if answer.response is None else f"answered {answer.response}"
            raise StartFailure(f"it called the application, and then it {came}")
        called = next(reversed(self.control.timeline.calls.values()), None)
        self.python = str(called.called.get("python", "")) if called else ""

    def _why_not(self, answer: Answer) -> str:
        where, payload = self.attachment.where, self.attachment.payload
        if answer.refused:
            return f"nothing listens at {where}: {answer.refused}"
        if self._answered:
            return f"the server at {where} no longer answers"
        hint = (
            f"is it started with PYTHONPATH={payload}, to serve probe:app? "
            f"and does it reach this machine at {self.attachment.control}?"
        )
        response = answer.response
        if response is None:
            return f"something listens at {where} and gave no answer that can be read; {hint}"
        body = " ".join(response.body.decode("utf-8", "backslashreplace").split())[:SHOWN]
        return (
            f"{where} was answered by something that did not call the application in {payload}: "
            f"{response} {body!r}; {hint}"
        )

    def _follow_log(self) -> None:
        path = self.attachment.log
        if path is None:
            return
        try:
            begin = path.stat().st_size + 1
        except OSError as error:
            raise StartFailure(f"--log {path}: {error.strerror}") from error
        program = shutil.which("tail")
        if program is None:
            raise StartFailure("--log: there is no program tail here")
        # However we end, it ends as soon as nobody reads what it writes.
        command = ["tail", f"--bytes=+{begin}", "--follow=descriptor", "--quiet"]
        # On file systems that cannot tell when a file grows it looks again so often, in seconds.
        command += ["--sleep-interval=0.02", str(path.absolute())]
        self._follower = Child(self.loop, self._take_log, lambda status: None)
        self._follower.spawn(command, program, path.parent, dict(os.environ))

    def _take_log(self, data: bytes) -> None:
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

    def process_runs(self) -> bool:
        """Whether the current probe found the server there; its process cannot be watched."""
        connections = self.control.timeline.connections.values()
        return not any(connection.ended == "refused" for connection in connections)

    def log_tail(self) -> str:
        """Return the end of all that was written to the log."""
        return self.tail.decode("utf-8", "backslashreplace").strip()

    def stop(self) -> None:
        """Leave the server as it is; a second time does nothing."""

    def close(self) -> None:
        """Let go of the log."""
        if self._follower is not None:
            self._follower.end(signal.SIGTERM, STOP_LIMIT, STOP_LIMIT)
            self._follower.bury(STOP_LIMIT)
            self._follower = None
