"""Makes environments and installs into them: one tool at a time, to its end or to ours."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from conformance.harness.loop import Loop

__all__ = ["InstallFailure", "Said", "install_into", "locked"]

INSTALL_LIMIT = 900.0
# Nobody tells when another run lets go of a lock; it is asked for again after so many seconds.
LOCK_PAUSE = 0.1
READ_SIZE = 1 << 16
SHOWN_LINES = 3
SHOWN_LENGTH = 600

Said = Callable[[str, str], None]
"""Called with what is being done and with the tool's latest line about it."""


class InstallFailure(Exception):
    """A tool failed, was not there, or took too long; one line that ends in its own last lines."""


@contextlib.contextmanager
def locked(path: Path, loop: Loop, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of a file, which ends with the process that has it.

    Args:
        waiting: called once where somebody else has it.

    Errors:
        Interrupted: the loop was interrupted before it could be had.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        told = False
        while not _try_lock(file.fileno()):
            if not told:
                told = True
                waiting()
            loop.until(lambda: False, LOCK_PAUSE)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def install_into(
    home: Path, base: str, requirements: tuple[str, ...], loop: Loop, said: Said
) -> None:
    """Make a virtual environment with some requirements; what was there before goes.

    Args:
        home: the directory to make; base: the interpreter to make it with.

    Errors:
        InstallFailure: it cannot be made, or a requirement cannot be installed.
        Interrupted: the loop was interrupted; the tool and all it started have ended.
    """
    inner = str(home / "bin" / "python")
    by_pip = (
        [base, "-m", "venv", str(home)],
        [inner, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"],
    )
    uv = shutil.which("uv")
    if uv:
        make = [uv, "venv", "--quiet", "--python", base, str(home)]
        by_uv = (make, [uv, "pip", "install", "--python", inner])
        try:
            _install_by(by_uv, home, requirements, loop, said)
            return
        except InstallFailure as failure:
            # It takes no archive whose name does not follow today's rules; old releases have such.
            if "non-PEP 625" not in str(failure):
                raise
    _install_by(by_pip, home, requirements, loop, said)


def _install_by(
    tools: tuple[list[str], list[str]],
    home: Path,
    requirements: tuple[str, ...],
    loop: Loop,
    said: Said,
) -> None:
    make, install = tools
    wanted = " ".join(requirements)
    shutil.rmtree(home, ignore_errors=True)
    _Tool("cannot make an environment", loop, lambda line: None).run(make)
    doing = f"installing {wanted}"
    said(doing, "")
    _Tool(f"cannot install {wanted}", loop, lambda line: said(doing, line)).run(
        [*install, *requirements]
    )


class _Tool:
    """One run of a tool, in a session of its own that ends with it."""

    def __init__(self, failing: str, loop: Loop, line: Callable[[str], None]) -> None:
        self.failing = failing
        self.loop = loop
        self.line = line
        self.output = b""
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, words: list[str]) -> None:
        """Run to the end.

        Errors:
            InstallFailure: it cannot be run, its status is not 0, or it took too long.
        """
        try:
            self.process = process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise InstallFailure(f"{self.failing}: {words[0]}: {error.strerror}") from error
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        pidfd = os.pidfd_open(process.pid)
        self.loop.watch(process.stdout, self._read)
        self.loop.watch(pidfd, lambda: self.loop.unwatch(pidfd))
        try:
            ended = self.loop.until(lambda: process.poll() is not None, INSTALL_LIMIT)
            self._read()
        finally:
            self.loop.unwatch(process.stdout)
            self.loop.unwatch(pidfd)
            os.close(pidfd)
            # A compiler that it started may be at work still, whatever ended the tool itself.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
        if not ended:
            raise InstallFailure(f"{self.failing}: not done after {INSTALL_LIMIT:g} s")
        if process.returncode:
            name = Path(words[0]).name
            raise InstallFailure(f"{self.failing}: {name} said: {self._last_lines()}")

    def _read(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        try:
            data = os.read(self.process.stdout.fileno(), READ_SIZE)
        except BlockingIOError:
            return
        if not data:
            self.loop.unwatch(self.process.stdout)
            return
        self.output = (self.output + data)[-READ_SIZE:]
        lines = self._lines()
        if lines:
            self.line(lines[-1])

    def _lines(self) -> list[str]:
        text = self.output.decode("utf-8", "backslashreplace")
        return [line.strip() for line in text.splitlines() if line.strip()]

    def _last_lines(self) -> str:
        said = " / ".join(self._lines()[-SHOWN_LINES:])
        return said[-SHOWN_LENGTH:] or "nothing"
