"""Frameworks on servers: the same small site in each, asked over the wire by an ordinary client.

A cell is one framework on one server, in an environment that has the requirements of both and
nothing of this suite. ``requests`` asks, as people's programs do; what it gets is compared with the
contract of the site, the one that the frameworks are held to in process.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from conformance.frameworks import PREFIX, SITE, Case, Framework
from conformance.harness.control import Control
from conformance.harness.environment import (
    Environment,
    EnvironmentFailure,
    interpreter,
    isolated,
    obstacle,
)
from conformance.harness.grid_client import KEPT, ask, expectation, shown_log
from conformance.harness.launcher import Launcher, StartFailure
from conformance.harness.loop import Interrupted, Loop
from conformance.harness.readiness import fetch
from conformance.harness.runner import run_directory
from conformance.harness.sites import shorten
from conformance.paths import FRAMEWORKS, PACKAGE
from conformance.results.model import Behaviour, GridCell
from conformance.roster import Subject

__all__ = ["Grid", "Pair", "SiteLauncher"]

# What a server says while it is not there yet, or what is behind it.
NOT_YET = (502, 503, 504)
# Seconds in which a process that has ended is known to have ended.
GRACE = 0.25
APPLICATION = """\
import os, site

# Where a server brings its own interpreter, which knows nothing of the environment.
site.addsitedir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "packages"))

from {module} import app
"""
# The reference server is part of this suite, so that is what it needs.
OWN = "reference"
OWN_NEEDS = ("h11>=0.14",)


@dataclass(frozen=True, slots=True)
class Pair:
    """One framework on one server, before it is known what comes of it."""

    server: Subject
    framework: Framework

    @property
    def name(self) -> str:
        """Both names, for people."""
        return f"{self.framework.name} on {self.server.name}"

    @property
    def install(self) -> tuple[str, ...]:
        """Requirements of the framework, and of the server."""
        own = OWN_NEEDS if self.server.name == OWN else self.server.install
        return tuple(dict.fromkeys([*self.framework.install, *own]))


@dataclass(frozen=True, slots=True)
class Requirements:
    """What one environment is made for; servers with the same requirements share it."""

    name: str
    install: tuple[str, ...]


class SiteLauncher(Launcher):
    """Starts a server with a site in place of the suite's own application."""

    def _await_answer(self, port: int, deadline: float) -> None:
        """Wait until the site, or the server in its place, has said something of its own."""
        for _ in self._attempts(deadline, "it answered"):
            response = None
            with contextlib.suppress(OSError):
                address = (self.host, port)
                response = fetch(self.loop, address, "/text", deadline, self.process_runs)
            if response is not None and response.status not in NOT_YET:
                return
        raise StartFailure(f"no answer on port {port} in time")


@dataclass
class Work:
    """One cell while it is asked.

    Attributes:
        cell: what has come of it so far; directory: a new one, for all that the servers write.
    """

    pair: Pair
    environment: Environment
    loop: Loop
    scale: float
    cell: GridCell
    directory: Path = field(default_factory=Path)
    launchers: list[Launcher] = field(default_factory=list)

    def ask_all(self) -> None:
        """Start the server, and once more where the site is to be mounted, and ask everything."""
        server = self.pair.server
        at_root = [case for case in SITE if not case.mounted]
        below = [case for case in SITE if case.mounted]
        payload = write_site(self.directory / "payload", self.pair, self.environment)
        self._ask_of(server, payload, at_root)
        if not self.cell.started:
            return
        if server.mounted:
            mounted = replace(server, command=tuple(_at_prefix(server.mounted)))
            self._ask_of(mounted, payload, below)
        else:
            why = "nothing is known that mounts an application with this server"
            self.cell.behaviours += [
                Behaviour(case.name, "unsupported", expectation(case), why) for case in below
            ]

    def end(self) -> None:
        """Stop the servers, with all that they started."""
        self.loop.forgive()
        for launcher in self.launchers:
            launcher.stop()
            launcher.control.close()

    def kill(self) -> None:
        """End what the client may be waiting for; may be called from any thread."""
        self.loop.interrupt()
        for child in (child for launcher in self.launchers for child in launcher.processes()):
            if child.runs():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, signal.SIGKILL)

    def _ask_of(self, server: Subject, payload: Path, cases: Sequence[Case]) -> None:
        rundir = self.directory / ("mounted" if cases[0].mounted else "run")
        rundir.mkdir(mode=0o755)
        # Nobody calls it: it is where a launcher puts what a server writes and how it ends.
        control = Control(self.loop, "", "")
        launcher = SiteLauncher(
            server, self.environment, self.loop, control, payload, rundir, self.scale
        )
        self.launchers.append(launcher)
        refused = ""
        for case in cases:
            # Also where the server has died of the case before.
            if not refused and not launcher.process_runs():
                refused = self._start(launcher)
            if refused and not self.cell.started:
                self.cell.failure = refused
                return
            self.cell.behaviours.append(self._behaviour(case, launcher, refused))

    def _start(self, launcher: Launcher) -> str:
        """Start a server, whatever is left of it; return why it did not start, or nothing."""
        launcher.stop()
        try:
            launcher.start()
        except StartFailure as failure:
            return shorten(str(failure), self.environment, launcher.payload)
        self.cell.started = True
        return ""

    def _behaviour(self, case: Case, launcher: Launcher, refused: str) -> Behaviour:
        """Ask for one case, of a server that runs or has refused to start."""
        expected = expectation(case)
        if refused:
            first = refused.partition("\n")[0]
            return Behaviour(case.name, "error", expected, f"not started: {first}", refused[:KEPT])
        self.loop.until(lambda: True, 0)  # or the run was told to stop
        base = "http://{}:{}".format(*launcher.address)
        logged = launcher.logged
        outcome, observed, exchange = ask(case, base, self.scale)
        if outcome == "error":
            # A dying process closes its connections first; that it has died shows a little later.
            self.loop.until(lambda: not launcher.process_runs(), GRACE)
        self.loop.drain()
        said = launcher.tail[max(0, len(launcher.tail) - launcher.logged + logged) :]
        exchange += shorten(shown_log(said), self.environment, launcher.payload)
        lacking = self.pair.framework.lacks.get(case.name)
        if lacking and outcome == "fail":
            outcome, observed = "unsupported", f"{observed} ({lacking})"
        kept = None if outcome == "pass" else exchange
        return Behaviour(case.name, outcome, expected, observed, kept)


def _at_prefix(words: Iterable[str]) -> list[str]:
    return [word.replace("{prefix}", PREFIX) for word in words]


def write_site(directory: Path, pair: Pair, environment: Environment) -> Path:
    """Make the directory that a server finds ``probe:app`` in: the sites, and which one it is.

    A server of the system's gets the environment's packages as well: it may have an interpreter of
    its own, and an account that cannot look into where environments are kept.
    """
    directory.mkdir()
    if pair.server.system:
        for packages in Path(environment.bin).parent.glob("lib/*/site-packages"):
            shutil.copytree(packages, directory / "packages", dirs_exist_ok=True)
    for path in FRAMEWORKS.iterdir():
        if path.is_file() and path.suffix != ".toml":
            shutil.copy2(path, directory / path.name)
    if pair.server.name == OWN:
        ignored = shutil.ignore_patterns("_data", "__pycache__")
        shutil.copytree(PACKAGE, directory / "conformance", ignore=ignored)
    text = APPLICATION.format(module=pair.framework.module)
    (directory / "probe.py").write_text(text, encoding="ascii")
    for path in (directory, *directory.rglob("*")):
        # Servers that drop privileges read it, too.
        path.chmod(0o755 if path.is_dir() else 0o644)
    return directory


class Grid:
    """Asks many cells, several at a time.

    Args:
        python: interpreter to make the environments with; the current one where None.
        scale: multiplies all limits.
        begun: called with a pair as it begins, from its thread.
    """

    def __init__(
        self,
        python: str | None = None,
        scale: float = 1.0,
        begun: Callable[[Pair], None] = lambda pair: None,
    ) -> None:
        self.python = python or sys.executable
        self.scale = scale
        self.begun = begun
        self._works: list[Work] = []
        self._lock = threading.Lock()
        self._stopping = False

    def run(
        self,
        pairs: Sequence[Pair],
        jobs: int,
        finished: Callable[[GridCell, float], None] = lambda cell, seconds: None,
    ) -> list[GridCell]:
        """Ask all cells and return what came of it in the given order.

        Args:
            jobs: how many at a time.
            finished: called with each cell and its seconds as it ends, from the calling thread.

        Errors:
            KeyboardInterrupt: passed on once every server has been stopped.
        """
        with ThreadPoolExecutor(jobs) as pool:
            futures = [pool.submit(self._timed, pair) for pair in pairs]
            try:
                for future in as_completed(futures):
                    finished(*future.result())
            except BaseException:
                self._stop()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return [future.result()[0] for future in futures]

    def _timed(self, pair: Pair) -> tuple[GridCell, float]:
        self.begun(pair)
        begun = time.monotonic()
        return self.one(pair), time.monotonic() - begun

    def one(self, pair: Pair) -> GridCell:
        """Ask one cell; whatever prevents that stands in it.

        Errors:
            Interrupted: the run was told to stop; nothing of the server is left.
        """
        cell = GridCell(pair.server.name, pair.framework.name)
        try:
            environment = self.environment(pair)
        except EnvironmentFailure as failure:
            cell.failure = str(failure)
            return cell
        cell.python = f"{environment.implementation} {environment.version}"
        cell.framework_version = environment.versions[pair.framework.install[0]] or ""
        cell.server_version = server_version(pair, environment)
        with run_directory() as directory:
            work = Work(pair, environment, Loop(), self.scale, cell, Path(directory))
            self._begin(work)
            try:
                work.ask_all()
            except Interrupted:
                raise
            except Exception:
                # A mistake of ours must not take the other cells with it.
                why = f"the harness failed, please report it:\n{traceback.format_exc(limit=-4)}"
                cell.started, cell.failure, cell.behaviours = False, why, []
            finally:
                work.end()
                with self._lock:
                    self._works.remove(work)
                work.loop.close()
        return cell

    def environment(self, pair: Pair) -> Environment:
        """Return the environment of a pair, made where it is not there yet.

        Errors:
            EnvironmentFailure: the server cannot run here, the framework does not run on its
                Python, or their requirements cannot be installed together.
        """
        why = obstacle(pair.server)
        if why:
            raise EnvironmentFailure(why)
        python = interpreter(pair.server, self.python)
        own = pair.install[len(pair.framework.install) :]
        name = "+".join([pair.framework.name, *(each.split("[")[0] for each in own[:1])])
        found = isolated(Requirements(_plain(name), pair.install), python)
        refused = pair.framework.refuses(found.version)
        if refused:
            raise EnvironmentFailure(refused)
        if found.missing:
            raise EnvironmentFailure(f"installed, and yet not there: {found.missing[0]}")
        return found

    def _begin(self, work: Work) -> None:
        with self._lock:
            if self._stopping:
                work.loop.close()
                raise Interrupted
            self._works.append(work)

    def _stop(self) -> None:
        with self._lock:
            self._stopping = True
            for work in self._works:
                work.kill()


def _plain(name: str) -> str:
    """Return what a directory may be called, of a name that may hold a requirement's version."""
    return "".join(each if each.isalnum() or each in "+-._" else "-" for each in name)


def server_version(pair: Pair, environment: Environment) -> str:
    """Return the version of the server, which stands beside those of the framework."""
    server: Any = pair.server
    own = {name: environment.versions.get(name) for name in server.install}
    alone = replace(environment, versions=own)
    values = {"python": environment.python, "bin": environment.bin}
    return "" if server.name == OWN else alone.subject_version(server, values)
