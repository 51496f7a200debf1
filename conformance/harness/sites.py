"""Sample sites in the environments of their frameworks: asked for their contract, then judged.

What judges them runs there too, in a process of its own, from a payload: a copy of the packages
that need the standard library alone, beside the sites.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from conformance.frameworks import SITE, Case, Framework, needs, unmet
from conformance.harness.environment import Environment, EnvironmentFailure, isolated
from conformance.harness.loop import Interrupted, Loop
from conformance.harness.processes import MARK, end_all, left_behind
from conformance.harness.runner import Run
from conformance.paths import FRAMEWORKS, PACKAGE
from conformance.results.model import ResultsError, SubjectResult, load_results

__all__ = ["STEPS", "SiteFailure", "Sites", "shorten", "write_site_payload"]

# Seconds for one process; the largest framework needs a twentieth of it on a small machine.
LIMIT = 300.0
# Seconds for processes that were killed to be gone.
END_LIMIT = 5.0
STEPS = 3
"""Environment, contract, verdicts: what ``Sites`` reports progress in."""
TAIL = 2000
OLDEST = ">=3.11"
"""The Python that the judging itself needs."""

FORM = next(case.body for case in SITE if case.name == "form").decode("ascii")
URLS = tuple(
    dict.fromkeys(
        case.target if case.method == "GET" else f"{case.method} {case.target}"
        for case in SITE
        if case.method in ("GET", "POST") and not case.mounted
    )
)
"""What is asked of each site by the driver, which adds mounting and HEAD itself."""


class SiteFailure(Exception):
    """A site that could not be asked or judged; the message says why."""


def write_site_payload(directory: Path, sites: Path = FRAMEWORKS) -> Path:
    """Make a directory with the package and the sites, to be all of ``PYTHONPATH``.

    Args:
        directory: to make; its parent exists.
        sites: directory of the sites, whose files go along.

    Returns:
        The directory.
    """
    directory.mkdir()
    ignored = shutil.ignore_patterns("_data", "__pycache__")
    shutil.copytree(PACKAGE, directory / "conformance", ignore=ignored)
    for path in sites.iterdir():
        if path.is_file() and path.suffix != ".toml":
            shutil.copy2(path, directory / path.name)
    return directory


class Sites:
    """Judges frameworks, several at a time.

    Args:
        python: interpreter to make the environments with; the current one where None.
        limit: seconds that a process may take.
        progress: called with a framework's name, steps done and ``STEPS``, from its thread.
        directory: of the sites.
        said: called with a framework's name, what is done to its environment, and the tool's
            latest line, from its thread.
    """

    def __init__(
        self,
        python: str | None = None,
        limit: float = LIMIT,
        progress: Callable[[str, int, int], None] = lambda name, done, total: None,
        directory: Path = FRAMEWORKS,
        said: Callable[[str, str, str], None] = lambda name, doing, line: None,
    ) -> None:
        self.said = said
        self.python = python
        self.limit = limit
        self.progress = progress
        self.directory = directory
        self._groups: set[int] = set()
        self._loops: set[Loop] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def run(
        self,
        frameworks: Sequence[Framework],
        jobs: int,
        finished: Callable[[Run], None] = lambda run: None,
    ) -> list[Run]:
        """Judge all frameworks and return what came of it in the given order.

        Args:
            jobs: how many at a time.
            finished: called with each as it ends, from the calling thread.

        Errors:
            KeyboardInterrupt: passed on once every process has been stopped.
        """
        with ThreadPoolExecutor(jobs) as pool:
            futures = [pool.submit(self.one, framework) for framework in frameworks]
            try:
                for future in as_completed(futures):
                    finished(future.result())
            except BaseException:
                self.stop()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return [future.result() for future in futures]

    def one(self, framework: Framework) -> Run:
        """Judge one framework; whatever prevents that stands in its result."""
        begun = time.monotonic()
        run = Run(
            SubjectResult(framework.name, framework.title, "framework", homepage=framework.homepage)
        )
        try:
            self._judge(framework, run)
        except (EnvironmentFailure, SiteFailure, ResultsError) as failure:
            run.result.failure = str(failure)
        except Exception:
            # A mistake of ours must not take the other frameworks' verdicts with it.
            run.result.failure = (
                f"the harness failed, please report it:\n{traceback.format_exc(limit=-4)}"
            )
        run.result.duration = round(time.monotonic() - begun, 4)
        return run

    def _judge(self, framework: Framework, run: Run) -> None:
        result = run.result
        environment = self.environment(framework)
        result.python = f"{environment.implementation} {environment.version}"
        result.version = environment.versions[framework.install[0]] or ""
        self.progress(framework.name, 1, STEPS)
        with tempfile.TemporaryDirectory(prefix="wsgi-conformance-") as scratch:
            payload = write_site_payload(Path(scratch) / "payload", self.directory)
            lacks = [
                f"{name}: {problem}"
                for name, problem in self.ask(framework, environment, payload).items()
                if problem
            ]
            self.progress(framework.name, 2, STEPS)
            self._work(framework, environment, payload, run)
            self.progress(framework.name, 3, STEPS)
        if lacks and not result.failure:
            result.failure = "its sample site answers otherwise than it must:\n" + "\n".join(lacks)

    def environment(self, framework: Framework) -> Environment:
        """Return the framework's own environment, made where it is not there yet.

        Errors:
            EnvironmentFailure: the framework does not install, or not on this Python.
        """
        environment = self._isolated(framework)
        refused = framework.refuses(environment.version) or needs(OLDEST, environment.version)
        if refused:
            raise EnvironmentFailure(refused)
        if environment.missing:
            raise EnvironmentFailure(f"installed, and yet not there: {environment.missing[0]}")
        return environment

    def _isolated(self, framework: Framework) -> Environment:
        loop = Loop()
        with self._lock:
            if self._stopping:
                loop.interrupt()
            self._loops.add(loop)
        try:
            return isolated(
                framework,
                self.python,
                loop=loop,
                said=lambda doing, line: self.said(framework.name, doing, line),
            )
        except Interrupted as interrupted:
            raise SiteFailure("interrupted") from interrupted
        finally:
            with self._lock:
                self._loops.discard(loop)
            loop.close()

    def ask(
        self,
        framework: Framework,
        environment: Environment,
        payload: Path,
        cases: Iterable[Case] = SITE,
    ) -> dict[str, str]:
        """Ask a site and return, for the name of each case, what its answer lacks.

        Errors:
            SiteFailure: the site cannot be imported, or its process did not come to its end.
        """
        asked, answered = payload.with_name("cases.json"), payload.with_name("answers.json")
        cases = list(cases)
        asked.write_text(
            json.dumps(
                [
                    {
                        "method": case.method,
                        "target": case.target,
                        "prefix": case.prefix,
                        "fields": dict(case.fields),
                        "body": base64.b64encode(case.body).decode("ascii"),
                    }
                    for case in cases
                ]
            ),
            encoding="utf-8",
        )
        words = ["conformance.driver.site", framework.module, str(asked), str(answered)]
        self.process(framework, environment, payload, words, answered)
        found: dict[str, str] = {}
        for case, answer in zip(cases, json.loads(answered.read_bytes()), strict=True):
            body = base64.b64decode(answer["body"])
            problem = unmet(case, answer["status"], answer["fields"], body)
            if not problem and case.cleaned and answer["cleaned"] != 1:
                problem = f"expected its generator to end once, ended {answer['cleaned']} times"
            log = answer["log"].strip().rpartition("\n")[2]
            if case.name in framework.lacks:
                stale = f"answered as it must; take it out of lacks in {framework.name}.toml"
                found[case.name] = "" if problem else stale
            else:
                found[case.name] = f"{problem} ({log})" if problem and log else problem
        return found

    def _work(
        self, framework: Framework, environment: Environment, payload: Path, run: Run
    ) -> None:
        """Run the worker and take over its verdicts and traces."""
        written = payload.with_name("results.json")
        words = ["conformance.driver", f"{framework.module}:app", "--kind", "framework"]
        words += ["--name", framework.name, "--json", str(written), "--body", FORM]
        for url in URLS:
            words += ["--url", url]
        log = self.process(framework, environment, payload, words, written)
        told = shorten(written.read_text(encoding="utf-8"), environment, payload)
        written.write_text(told, encoding="utf-8")
        results = load_results(written)
        theirs, ours = results.subjects[0], run.result
        ours.started, ours.failure = theirs.started, theirs.failure
        ours.command = ["python", "-m", *words[:2]]
        ours.exchanges, ours.verdicts = theirs.exchanges, theirs.verdicts
        ours.log = theirs.log or log
        run.traces = results.traces

    def process(
        self,
        framework: Framework,
        environment: Environment,
        payload: Path,
        words: Sequence[str],
        written: Path,
    ) -> str:
        """Run a module of the payload in the framework's environment, to its end.

        Args:
            words: module and arguments.
            written: file that the process must leave.

        Returns:
            The end of what it wrote to its standard streams.

        Errors:
            SiteFailure: it took too long, or ended without the file.
        """
        mark = secrets.token_hex(8)
        log = payload.with_name("log.txt")
        settings = {
            **{key: os.environ[key] for key in ("PATH", "LANG", "TZ") if key in os.environ},
            "HOME": str(payload.parent),
            "TMPDIR": str(payload.parent),
            "PYTHONPATH": str(payload),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUTF8": "1",
            MARK: mark,
        }
        command = [environment.python, "-m", *words]
        with log.open("wb") as output, self._lock:
            if self._stopping:
                raise SiteFailure("interrupted")
            process = subprocess.Popen(
                command,
                cwd=payload,
                env=settings,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._groups.add(process.pid)
        try:
            code: int | None = process.wait(self.limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            with self._lock:
                self._groups.discard(process.pid)
            _end(process, mark)
        said = log.read_bytes()[-TAIL:].decode("utf-8", "replace").strip()
        said = shorten(said, environment, payload)
        if code is None:
            raise SiteFailure(f"{words[0]} took more than {self.limit:g} s\n{said}")
        if not written.exists():
            rest, _, last = said.rpartition("\n")
            raise SiteFailure(f"{words[0]} ended with code {code}: {last}\n{rest}".rstrip())
        return said

    def stop(self) -> None:
        """End every process, and let none begin."""
        with self._lock:
            self._stopping = True
            for loop in self._loops:
                loop.interrupt()
            for group in self._groups:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)


def shorten(text: str, environment: Environment, payload: Path) -> str:
    """Return text with paths as they are below the site's directory or a directory of packages.

    Where an environment is kept says nothing of a framework, and would be new on every machine.
    """
    packages = Path(environment.bin).parent.glob("lib*/python*/site-packages")
    library = Path(environment.python).resolve().parent.parent.glob("lib*/python3*")
    for directory in (payload, *packages, *library):
        text = text.replace(f"{directory}{os.sep}", "")
    return text


def _end(process: subprocess.Popen[bytes], mark: str) -> None:
    """Kill a process and whatever it left behind, and wait for their end."""
    rest = left_behind(mark, process.pid)
    if rest:
        loop = Loop()
        try:
            end_all(loop, rest, END_LIMIT)
        finally:
            loop.close()
    process.wait()
