"""``wsgi-conformance report``: stored results, one or many, as everything that a run writes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conformance.cli.exits import UsageError
from conformance.cli.gate import Gatekeeper, add_gate, add_outputs
from conformance.cli.run import page, unjudged
from conformance.cli.suite import load_suite
from conformance.report.text import visible
from conformance.results import Results, load_results
from conformance.results.judged import chosen
from conformance.results.merge import merge

__all__ = ["add_commands"]

EPILOG = """\
With a job for each server, this is how one matrix, or one gate for all, is made of what they wrote:

  wsgi-conformance report results/*.json --html report.html
  wsgi-conformance report results/*.json --fail-on must --baseline expected.toml

A subject that is in two files is taken from the later one. Files of different editions are refused.
"""


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "report",
        help="make reports of stored results, or one of many",
        description="Make reports of one or several results files, merged into one.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULTS.json")
    add_outputs(parser.add_argument_group("what is written"))
    add_gate(parser, default="never")
    parser.set_defaults(command=report)


def report(options: argparse.Namespace) -> int:
    """Read, merge, write; judged by the gate only if a level was named."""
    outputs = ("json", "html", "markdown", "junit", "badge", "baseline", "github")
    asked = any(getattr(options, name) for name in outputs)
    if not asked and options.fail_on == "never":
        raise UsageError("report: name at least one file to write, such as --html report.html")
    results = merged(options.results)
    names = [subject.name for subject in results.subjects]
    keeper = Gatekeeper(options, names, partial=bool(chosen(results, "probes")))
    gate = keeper.conclude(results)
    suite = load_suite()
    for path in keeper.write(results, gate, lambda: page(results, suite), suite.rules):
        print(f"written: {path}")
    keeper.tell(results, gate)
    # Frameworks on servers are shown, and have no rules to be judged by.
    anything = bool(results.subjects) or not results.grid
    undecided = options.fail_on != "never" and anything and unjudged(results.subjects)
    return keeper.exit_code(gate, undecided)


def merged(paths: Sequence[Path]) -> Results:
    """Read all, and say what a later one replaced.

    Errors:
        ResultsError: one cannot be used, or they are of different editions.
    """
    results, replaced = merge([(path, load_results(path)) for path in paths])
    for name, earlier, later in replaced:
        print(visible(f"{name}: {later} replaces {earlier}"), file=sys.stderr)
    return results
