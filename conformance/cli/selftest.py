"""``wsgi-conformance selftest``: checks the checks, for a sceptic."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from typing import Any

from conformance.cli.exits import CLEAN, FINDINGS, UsageError
from conformance.cli.suite import Suite, load_suite
from conformance.harness.selftest import TwinReport, check_twin
from conformance.reference.twins import Twin

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "selftest",
        help="check the checks with servers that break one rule each",
        description="Serve twins, copies of the reference server with one thing changed: a bad "
        "twin must be caught for its rule, a good one must stay clean.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="RULE|TWIN", help="ids of rules or names of twins, or globs"
    )
    parser.add_argument(
        "--whole",
        action="store_true",
        help="play every probe on every twin, to see that no unrelated one is upset",
    )
    parser.set_defaults(command=selftest)


def choose(suite: Suite, names: Sequence[str]) -> list[Twin]:
    """Return the twins of the given rules and names; all where none is given.

    Errors:
        UsageError: nothing is named so.
    """
    chosen: dict[str, Twin] = {}
    for name in names or ["*"]:
        found = {
            twin.name: twin
            for twin in suite.twins.values()
            if any(fnmatchcase(text, name) for text in (twin.name, *twin.rules))
        }
        if not found:
            raise UsageError(f"{name}: no twin of that name or for that rule")
        chosen.update(found)
    return list(chosen.values())


def selftest(options: argparse.Namespace) -> int:
    """Serve and judge the twins, and say how each came out."""
    suite = load_suite()
    twins = choose(suite, options.names)

    def check(twin: Twin) -> TwinReport:
        return check_twin(twin, suite.probes, suite.rules, suite.folders, whole=options.whole)

    wrong = 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for report in pool.map(check, twins):
            wrong += not report.right
            show(report)
    print(f"{len(twins)} twins, {wrong} judged wrongly")
    return FINDINGS if wrong else CLEAN


def show(report: TwinReport) -> None:
    """Print a line for a twin, and more where it was judged wrongly."""
    twin = report.twin
    kind = "bad" if twin.bad else "good"
    verdict = ("caught" if twin.bad else "clean") if report.right else "JUDGED WRONGLY"
    print(f"{verdict:15} {kind:4} {twin.name}: {twin.summary} [{', '.join(twin.rules)}]")
    for rule in report.missed:
        print(f"{'':15} not caught: {rule}")
    for each in report.unrelated:
        print(f"{'':15} {each.outcome}: {each.rule} in {each.probe}: {each.observed}")
