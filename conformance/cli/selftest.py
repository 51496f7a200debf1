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
from conformance.driver.selftest import MemoryTwin, check_memory_twin
from conformance.harness.selftest import TwinReport, check_twin
from conformance.reference.twins import Twin

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "selftest",
        help="check the checks with servers, applications and middlewares that break one rule each",
        description="Judge twins: copies of the reference server with one thing changed, which are "
        "served, and small applications, middlewares and servers, which are called in memory. A "
        "bad twin must be caught for its rule, a good one must stay clean.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="RULE|TWIN", help="ids of rules or names of twins, or globs"
    )
    parser.add_argument(
        "--whole",
        action="store_true",
        help="play every probe on every twin that is served, to see that no unrelated one is "
        "upset; what is judged in memory always is so by all there is",
    )
    parser.set_defaults(command=selftest)


def choose(suite: Suite, names: Sequence[str]) -> list[Twin | MemoryTwin]:
    """Return the twins of the given rules and names; all where none is given.

    Errors:
        UsageError: nothing is named so.
    """
    twins = suite.all_twins()
    chosen: dict[str, Twin | MemoryTwin] = {}
    for name in names or ["*"]:
        found = {
            twin.name: twin
            for twin in twins
            if any(fnmatchcase(text, name) for text in (twin.name, *twin.rules))
        }
        if not found:
            raise UsageError(f"{name}: no twin of that name or for that rule")
        chosen.update(found)
    return list(chosen.values())


def selftest(options: argparse.Namespace) -> int:
    """Serve and judge the twins, and say how each came out."""
    suite = load_suite()
    chosen = choose(suite, options.names)
    served = [twin for twin in chosen if isinstance(twin, Twin)]
    called = [twin for twin in chosen if isinstance(twin, MemoryTwin)]

    def check(twin: Twin) -> TwinReport:
        return check_twin(twin, suite.probes, suite.rules, suite.folders, others=int(options.whole))

    wrong = 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        # The others wait: what is called in memory may change what belongs to the whole process.
        for report in pool.map(check, served):
            wrong += not report.right
            show(report.twin, report.right, report.missed, told(report))
    for twin in called:
        judged = check_memory_twin(twin, suite.rules)
        wrong += not judged.right
        show(twin, judged.right, judged.missed, judged.unrelated)
    print(f"{len(chosen)} twins, {wrong} judged wrongly")
    return FINDINGS if wrong else CLEAN


def told(report: TwinReport) -> list[str]:
    """Return a line for each verdict that nothing in the twin justifies."""
    return [
        f"{each.outcome}: {each.rule} in {each.probe}: {each.observed}" for each in report.unrelated
    ]


def show(
    twin: Twin | MemoryTwin, right: bool, missed: Sequence[str], unrelated: Sequence[str]
) -> None:
    """Print a line for a twin, and more where it was judged wrongly."""
    kind = "bad" if twin.bad else "good"
    verdict = ("caught" if twin.bad else "clean") if right else "JUDGED WRONGLY"
    print(f"{verdict:15} {kind:4} {twin.name}: {twin.summary} [{', '.join(twin.rules)}]")
    for rule in missed:
        print(f"{'':15} not caught: {rule}")
    for line in unrelated:
        print(f"{'':15} {line}")
