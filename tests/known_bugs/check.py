"""Real bugs of released servers, found again: flagged where they are, silent where they are mended.

``bugs.toml`` beside this file says what was reported, where, and which rule it breaks. Nothing here
looks for any of them: the suite's own probes for that rule are played on both releases, each in an
environment of its own. Run it with ``nox -s known_bugs``, and the names of bugs for some of them.
"""

from __future__ import annotations

import argparse
import glob
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conformance.cli.suite import load_suite
from conformance.harness import environment
from conformance.harness.environment import Environment, EnvironmentFailure
from conformance.harness.loop import Loop
from conformance.harness.runner import Options, Run
from conformance.harness.session import Session
from conformance.roster import Subject

BUGS = Path(__file__).with_name("bugs.toml")
LISTS = ("rules", "command", "extra")
BROKEN = ("fail", "warn", "hang", "crash")


@dataclass(frozen=True, slots=True)
class Bug:
    """One reported bug.

    Attributes:
        name: short; title: what goes wrong; reference: where it was reported.
        affected, fixed: requirement of the release that has it, and of one that does not;
            ``python==3.7.16`` is the standard library of that interpreter.
        python: version of the interpreter for both, where the release does not say.
        rules: ids of the rules it breaks, at least one of which has to show it.
        command: how the server is started; extra: what else it needs; fixed_command: of the fixed
            release, where it differs.
    """

    name: str
    title: str
    reference: str
    affected: str
    fixed: str
    python: str
    rules: tuple[str, ...]
    command: tuple[str, ...]
    extra: tuple[str, ...] = ()

    def subject(self, release: str) -> Subject:
        """Return the server of a release."""
        standard = release.startswith("python==")
        return Subject(
            name=f"{self.name}-{'affected' if release == self.affected else 'fixed'}",
            title=release,
            install=() if standard else (release, *self.extra),
            command=self.command,
        )

    def interpreter(self, release: str) -> str:
        """Return the path of the interpreter for a release.

        Errors:
            EnvironmentFailure: there is none here.
        """
        standard = re.fullmatch(r"python==([\d.]+)", release)
        version = standard[1] if standard else self.python
        root = os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv")
        kept = sorted(glob.glob(f"{root}/versions/{glob.escape(version)}*/bin/python"))
        found = kept[-1] if kept else shutil.which(f"python{version}")
        if not found:
            raise EnvironmentFailure(f"no Python {version} here, neither on PATH nor pyenv's")
        return found


def load_bugs() -> list[Bug]:
    """Return all bugs, in the order of the file."""
    entries = tomllib.loads(BUGS.read_text(encoding="utf-8"))["bug"]
    return [
        Bug(**{**entry, **{key: tuple(entry.get(key, ())) for key in LISTS}}) for entry in entries
    ]


def broken(run: Run, rules: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return what a run has against any of some rules: a line by rule and probe."""
    return {
        (verdict.rule, verdict.probe): f"{verdict.outcome}, {verdict.probe}: {verdict.observed}"
        for verdict in run.result.verdicts
        if verdict.rule in rules and (verdict.outcome in BROKEN or verdict.broken)
    }


def judge(bug: Bug, affected: Run, fixed: Run) -> tuple[bool | None, list[str]]:
    """Say whether a bug was found again and is gone in the fixed release.

    A release has more bugs than the one that it fixed, and some of them break the same rule: what
    counts is a probe that has something against the affected release alone.

    Returns:
        None where one of the releases did not run here; and lines that say why.
    """
    for run in (affected, fixed):
        if not run.result.started:
            return None, [f"{run.result.title}: {run.result.failure}"]
    before, after = broken(affected, bug.rules), broken(fixed, bug.rules)
    lines = [f"{bug.affected}: {rule}: {line}" for (rule, _), line in before.items()]
    lines += [f"{bug.fixed} too: {rule}: {line}" for (rule, _), line in after.items()]
    return bool(before.keys() - after.keys()), lines or [f"{bug.affected}: nothing against it"]


def runs_of(bugs: Sequence[Bug], jobs: int, scale: float) -> list[Run]:
    """Run both releases of each bug, one after the other in the list."""
    suite = load_suite()
    wanted = frozenset(rule for bug in bugs for rule in bug.rules)
    if unknown := sorted(wanted - suite.rules.keys()):
        sys.exit(f"{BUGS}: no such rule: {', '.join(unknown)}")
    options = Options(suite.probes, suite.rules, wanted, suite.folders, scale)
    releases = {
        bug.subject(release).name: (bug, release)
        for bug in bugs
        for release in (bug.affected, bug.fixed)
    }

    def environment_of(subject: Subject, loop: Loop) -> Environment:
        bug, release = releases[subject.name]
        return environment.isolated(subject, bug.interpreter(release), loop=loop)

    def finished(run: Run) -> None:
        state = "" if run.result.started else f": {run.result.failure.splitlines()[0]}"
        print(f"  {run.result.title} ran{state}", file=sys.stderr, flush=True)

    session = Session(options, environment_of, jobs, finished)
    subjects = [replace(bug.subject(release)) for bug, release in releases.values()]
    return session.run(subjects)


def main() -> int:
    """Print a line for each bug; 1 where one was missed, 3 where one did not run here."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="only bugs whose name begins so")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--timeout-scale", type=float, default=1.0)
    options = parser.parse_args()
    bugs = [
        bug
        for bug in load_bugs()
        if not options.names or any(bug.name.startswith(name) for name in options.names)
    ]
    runs = runs_of(bugs, options.jobs, options.timeout_scale)
    verdicts = []
    for bug, affected, fixed in zip(bugs, runs[::2], runs[1::2], strict=True):
        verdict, lines = judge(bug, affected, fixed)
        verdicts.append(verdict)
        word = {True: "found again", False: "MISSED", None: "did not run"}[verdict]
        print(f"{word:12} {bug.name} ({bug.affected}, fixed in {bug.fixed})")
        for line in lines:
            print(f"             {line}"[:300])
    found = verdicts.count(True)
    print(f"{found} of {len(bugs)} found again and silent on the fixed release")
    return 1 if False in verdicts else 3 if None in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
