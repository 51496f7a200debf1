"""``wsgi-conformance run``: servers in, verdicts out."""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from conformance import __version__, rules
from conformance.cli import attach
from conformance.cli.exits import UsageError
from conformance.cli.gate import Gatekeeper, add_edition, add_gate, add_outputs, wanted_rules
from conformance.cli.suite import Suite, load_suite
from conformance.harness import environment
from conformance.harness.environment import Environment, interpreter
from conformance.harness.loop import Loop
from conformance.harness.runner import Options, Run, rules_of
from conformance.harness.session import Session
from conformance.paths import SERVERS
from conformance.report.html import render_html
from conformance.report.terminal import Terminal
from conformance.results import Results, SubjectResult
from conformance.roster import Subject, load_roster, select

__all__ = ["add_commands", "gather", "positive", "unjudged"]

ALWAYS = ("reference", "wsgiref")


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "run",
        help="judge servers",
        description="Start servers and judge them by the rules of PEP 3333. Without a name: the "
        "reference server, wsgiref, and every server of the roster that is installed here; with "
        "--isolated, the whole roster. Servers that cannot run on this machine are listed with the "
        "reason; only where they were asked for by name is that an error.",
    )
    parser.add_argument(
        "servers",
        nargs="*",
        metavar="NAME|FILE.toml",
        help="a server of the roster, or a TOML file of your own",
    )
    what = parser.add_argument_group("what is judged")
    what.add_argument(
        "--rule", action="append", default=[], metavar="GLOB", help="only rules named like this"
    )
    what.add_argument(
        "--probe", action="append", default=[], metavar="GLOB", help="only probes named like this"
    )
    add_edition(what)
    what.add_argument(
        "--probes",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="also the probes of this directory",
    )
    how = parser.add_argument_group("how it is run")
    how.add_argument(
        "--isolated",
        action="store_true",
        help="make and keep an environment for each server, with its requirements alone",
    )
    how.add_argument(
        "--python", metavar="P", help="interpreter to run the servers with (or to isolate with)"
    )
    how.add_argument(
        "--jobs", type=positive, metavar="N", help="servers at a time (one for each processor)"
    )
    how.add_argument(
        "--timeout-scale",
        type=_factor,
        default=1.0,
        metavar="X",
        help="multiply all limits, on a slow machine",
    )
    attach.add_options(parser)
    add_outputs(parser.add_argument_group("what is written"))
    add_gate(parser)
    parser.set_defaults(command=run)


def positive(text: str) -> int:
    """Return a number from the command line that is at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _factor(text: str) -> float:
    number = float(text)
    if not 0 < number <= 1000:
        raise argparse.ArgumentTypeError("more than 0 and at most 1000")
    return number


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    suite = load_suite(options.probes, options.probe)
    wanted = wanted_rules(options.rule, options.edition)
    attachment = attach.attachment_of(options, suite.folders)
    subjects = choose(options) if attachment is None else [attach.subject_of(options)]
    own = {each.name: each.file for each in subjects if each.file and each.file.parent != SERVERS}
    keeper = Gatekeeper(options, [subject.name for subject in subjects], own)
    settings = replace(make_options(suite, wanted, options), attachment=attachment)
    terminal = Terminal([subject.name for subject in subjects])
    settings = replace(settings, progress=terminal.progress, said=terminal.note)
    session = Session(
        settings,
        lambda subject, loop: environment_of(subject, options, loop, terminal.said),
        options.jobs or min(len(subjects), os.cpu_count() or 1),
        lambda one: terminal.finished(one.result),
    )
    begun = time.time()
    with keeper.watching():
        with attach.claim(attachment), terminal:
            runs = session.run(subjects)
        results = gather(runs, begun, options)
        able = expected(results.subjects, options)
        keeper.excused = {each.name for each in results.subjects if each not in able}
        gate = keeper.conclude(results)
        written = keeper.write(results, gate, lambda: page(results, suite), suite.rules)
        terminal.summary(results, written, gate)
    keeper.tell(results, gate)
    return keeper.exit_code(gate, unjudged(able))


def expected(
    subjects: Sequence[SubjectResult], options: argparse.Namespace
) -> Sequence[SubjectResult]:
    """Return the servers that the exit code speaks of: those of the roster that can run here.

    Those that were asked for by name are all expected to run.
    """
    able = [subject for subject in subjects if not subject.unavailable]
    return subjects if options.servers else able


def choose(options: argparse.Namespace) -> list[Subject]:
    """Return the servers to run: the ones named, or those that there are.

    Errors:
        RosterError: an unknown name or a bad file. UsageError: an interpreter that is none.
    """
    roster = load_roster()
    if options.python and not os.access(options.python, os.X_OK):
        raise UsageError(f"--python {options.python}: not a program that can be run")
    if options.servers:
        return select(options.servers, roster)
    if options.isolated:
        return [roster["reference"], *(s for s in roster.values() if s.name != "reference")]
    found = environment.survey(roster.values(), options.python or sys.executable)
    installed = [s for s in roster.values() if _is_here(found[s.name])]
    return [*(roster[name] for name in ALWAYS), *(s for s in installed if s.name not in ALWAYS)]


def _is_here(found: Environment | str) -> bool:
    return isinstance(found, Environment) and not found.missing


def environment_of(
    subject: Subject, options: argparse.Namespace, loop: Loop, said: Callable[[str, str, str], None]
) -> Environment:
    """Return the environment that the options ask for; a server's own interpreter comes first.

    Args:
        said: called with the subject's name, what is being done, and a tool's latest line.

    Errors:
        EnvironmentFailure: it cannot be had. Interrupted: the loop was interrupted.
    """
    if options.attach:
        return environment.unknown()
    chosen = None if subject.name == "reference" else options.python
    python = interpreter(subject, chosen or sys.executable)
    if not options.isolated or subject.name == "reference":
        return environment.given(python, subject)
    return environment.isolated(
        subject, python, loop=loop, said=lambda doing, line: said(subject.name, doing, line)
    )


def make_options(suite: Suite, wanted: frozenset[str], options: argparse.Namespace) -> Options:
    """Return the runner's options.

    Errors:
        UsageError: no probe judges any of the rules.
    """
    if not wanted & rules_of(suite.probes.values()):
        asked = " or ".join(options.rule)
        raise UsageError(f"no probe judges {asked}; wsgi-conformance rules ID says why")
    everything = not options.rule
    return Options(
        suite.probes, suite.rules, wanted, suite.folders, options.timeout_scale, facts=everything
    )


def gather(runs: Sequence[Run], begun: float, options: argparse.Namespace) -> Results:
    """Return the results of all runs, with what people want to know of the run itself."""
    about: dict[str, Any] = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begun)),
        "duration": round(time.time() - begun, 3),
        "command": shlex.join(["wsgi-conformance", *sys.argv[1:]]),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
    }
    for key, globs in (("rules", options.rule), ("probes", getattr(options, "probe", []))):
        if globs:
            about[key] = list(globs)
    results = Results(options.edition or rules.EDITION, __version__, about)
    for one in runs:
        results.subjects.append(one.result)
        results.traces.update(one.traces)
    return results


def page(results: Results, suite: Suite) -> str:
    """Return the HTML."""
    return render_html(results, suite.rules, suite.traceability())


def unjudged(subjects: Sequence[SubjectResult]) -> bool:
    """Whether something of the subjects could not be judged."""
    errors = any(verdict.outcome == "error" for each in subjects for verdict in each.verdicts)
    return errors or not subjects or not all(each.started and each.verdicts for each in subjects)
