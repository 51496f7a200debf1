"""``wsgi-conformance frameworks``: the same small site in many frameworks, judged."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from conformance import rules
from conformance.cli.exits import UNJUDGED, UsageError
from conformance.cli.run import exit_code, gather, positive
from conformance.cli.suite import writable
from conformance.frameworks import choose, load_frameworks
from conformance.harness.runner import Run
from conformance.harness.sites import Sites
from conformance.report.html import render_html
from conformance.report.terminal import Terminal
from conformance.results import Results, save_results
from conformance.rules import Rule

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "frameworks",
        help="judge frameworks",
        description="Judge frameworks by the rules of PEP 3333 that bind an application: the same "
        "small site, written in each of them, is driven in process, in an environment that is made "
        "for the framework and kept. Without a name: all of them.",
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="such as flask; an unknown name is told which there are",
    )
    parser.add_argument(
        "--rule", action="append", default=[], metavar="GLOB", help="only rules named like this"
    )
    parser.add_argument(
        "--python", metavar="P", help="interpreter to make the environments with (this one)"
    )
    parser.add_argument(
        "--jobs", type=positive, metavar="N", help="frameworks at a time (one for each processor)"
    )
    parser.add_argument("--json", type=Path, metavar="F", help="all verdicts with their evidence")
    parser.add_argument(
        "--html", type=Path, metavar="F", help="rules x frameworks, one self-contained file"
    )
    parser.add_argument(
        "--fail-on",
        choices=("must", "should", "never"),
        default="must",
        help="what makes the exit code 1: a broken MUST (the default), a broken SHOULD too, or "
        "nothing",
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    chosen = choose(options.names, load_frameworks())
    wanted = rules.matching(options.rule or ["*"])
    if options.python and not os.access(options.python, os.X_OK):
        raise UsageError(f"--python {options.python}: not a program that can be run")
    written = [path for path in (options.json, options.html) if path is not None]
    for path in written:
        writable(path)
    terminal = Terminal([framework.name for framework in chosen])
    sites = Sites(options.python, progress=terminal.progress, said=terminal.said)
    jobs = options.jobs or min(len(chosen), os.cpu_count() or 1)
    begun = time.time()
    with terminal:
        runs = sites.run(chosen, jobs, lambda one: terminal.finished(one.result))
    results = gather([only(one, wanted) for one in runs], begun)
    write(results, options)
    terminal.summary(results, written)
    unsound = any(subject.failure for subject in results.subjects)
    return UNJUDGED if unsound else exit_code(results.subjects, options.fail_on)


def only(run: Run, wanted: Sequence[Rule]) -> Run:
    """Return a run with the verdicts of the wanted rules and their traces alone."""
    ids = {rule.id for rule in wanted}
    verdicts = [verdict for verdict in run.result.verdicts if verdict.rule in ids]
    kept = {verdict.trace for verdict in verdicts}
    traces = {key: trace for key, trace in run.traces.items() if key in kept}
    return Run(replace(run.result, verdicts=verdicts), traces)


def write(results: Results, options: argparse.Namespace) -> None:
    """Write the files that were asked for."""
    if options.json:
        save_results(results, options.json)
    if options.html:
        options.html.write_text(render_html(results, rules.load()), encoding="utf-8")
