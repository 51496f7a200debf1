"""``wsgi-conformance frameworks``: the same small site in many frameworks, judged."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from conformance import rules
from conformance.cli.exits import UsageError
from conformance.cli.gate import Gatekeeper, add_edition, add_gate, add_outputs, wanted_rules
from conformance.cli.run import gather, positive, unjudged
from conformance.frameworks import choose, load_frameworks
from conformance.harness.runner import Run
from conformance.harness.sites import Sites
from conformance.report.html import render_html
from conformance.report.terminal import Terminal

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
    add_edition(parser)
    parser.add_argument(
        "--python", metavar="P", help="interpreter to make the environments with (this one)"
    )
    parser.add_argument(
        "--jobs", type=positive, metavar="N", help="frameworks at a time (one for each processor)"
    )
    add_outputs(parser.add_argument_group("what is written"))
    add_gate(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    chosen = choose(options.names, load_frameworks())
    wanted = wanted_rules(options.rule, options.edition)
    if options.python and not os.access(options.python, os.X_OK):
        raise UsageError(f"--python {options.python}: not a program that can be run")
    keeper = Gatekeeper(options, [framework.name for framework in chosen])
    terminal = Terminal([framework.name for framework in chosen])
    sites = Sites(options.python, progress=terminal.progress, said=terminal.said)
    jobs = options.jobs or min(len(chosen), os.cpu_count() or 1)
    begun = time.time()
    with keeper.watching():
        with terminal:
            runs = sites.run(chosen, jobs, lambda one: terminal.finished(one.result))
        results = gather([only(one, wanted) for one in runs], begun, options)
        gate = keeper.conclude(results)
        known = rules.load()
        written = keeper.write(results, gate, lambda: render_html(results, known), known)
        terminal.summary(results, written, gate)
    keeper.tell(results, gate)
    unsound = any(subject.failure for subject in results.subjects)
    return keeper.exit_code(gate, unsound or unjudged(results.subjects))


def only(run: Run, wanted: Collection[str]) -> Run:
    """Return a run with the verdicts of the wanted rules and their traces alone."""
    verdicts = [verdict for verdict in run.result.verdicts if verdict.rule in wanted]
    kept = {verdict.trace for verdict in verdicts}
    traces = {key: trace for key, trace in run.traces.items() if key in kept}
    return Run(replace(run.result, verdicts=verdicts), traces)
