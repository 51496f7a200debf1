"""``wsgi-conformance bridges``: bridges and test clients in, findings out."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

from conformance import rules
from conformance.cli.exits import CLEAN, UsageError
from conformance.cli.findings import Findings, add_output, concluded, exit_code
from conformance.cli.gate import Gatekeeper, wanted_rules
from conformance.cli.middleware import watched
from conformance.cli.run import gather
from conformance.driver.bridge import judge_bridge
from conformance.driver.bridges import BRIDGES, Bridge
from conformance.harness.runner import Run

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "bridges",
        help="judge test clients and bridges",
        description="Judge callables that play the server within a process, by the rules of PEP "
        "3333 that bind servers: test clients, and bridges from ASGI. Without a name: all that are "
        f"installed here, of {', '.join(BRIDGES)}.",
    )
    parser.add_argument("bridges", nargs="*", metavar="NAME", help="of the names above")
    parser.add_argument("--list", action="store_true", help="say which are installed, and end")
    add_output(parser)
    parser.set_defaults(command=judge)


def judge(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    known = rules.load()
    findings = Findings(known, options.notes)
    if options.list:
        for bridge in BRIDGES.values():
            state = bridge.version or f"not installed: pip install {bridge.package}"
            findings.out.print(f"{bridge.name:16} {bridge.title:26} {state}", markup=False)
        return CLEAN
    chosen = choose(options.bridges)
    named = wanted_rules(options.rule, options.edition)
    keeper = Gatekeeper(options, [bridge.name for bridge in chosen])
    begun = time.time()
    runs = []
    with keeper.watching():
        for bridge in chosen:
            watch = watched(10.0, bridge.title)
            judged = judge_bridge(bridge, known, wanted=named.__contains__, timed=watch.begin)
            watch.end()
            runs.append(Run(judged.result, judged.traces))
            findings.show(judged.result)
    absent = [bridge for bridge in BRIDGES.values() if not options.bridges and not bridge.version]
    if absent:
        names = ", ".join(bridge.package for bridge in absent)
        findings.out.print(f"not installed, not judged: {names}", markup=False)
    results = gather(runs, begun, options)
    gate = concluded(keeper, results, findings)
    keeper.tell(results, gate)
    return exit_code(keeper, results, gate)


def choose(names: Sequence[str]) -> list[Bridge]:
    """Return the bridges that were named, or all that are installed.

    Errors:
        UsageError: there is no such bridge, or it is not installed.
    """
    if not names:
        return [bridge for bridge in BRIDGES.values() if bridge.version]
    for name in names:
        if name not in BRIDGES:
            raise UsageError(f"{name}: no such bridge; there are {', '.join(BRIDGES)}")
        if not BRIDGES[name].version:
            raise UsageError(f"{name} is not installed: pip install {BRIDGES[name].package}")
    return [BRIDGES[name] for name in dict.fromkeys(names)]
