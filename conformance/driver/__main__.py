"""``python -m conformance.driver MODULE:ATTR``: check an application with no library installed.

For environments that hold a framework and nothing of ours: a copy of this package on PYTHONPATH is
enough, its reference server left out. Writes a results file; ``wsgi-conformance app`` does the same
and tells more.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance import __version__
from conformance.driver.check import TargetError
from conformance.driver.supervise import Supervisor, make_jobs
from conformance.driver.worker import Order, run_worker
from conformance.reference.loading import LoadError
from conformance.results.model import Results, ResultsError, save_results
from conformance.rules import EDITION

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and check; return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--worker"]:
        work(int(given[1]))
    parser = argparse.ArgumentParser(
        prog="python -m conformance.driver",
        description="Check a WSGI application in memory and write a results file.",
    )
    parser.add_argument("application", metavar="MODULE:ATTR")
    parser.add_argument("--url", action="append", default=[], metavar="[METHOD ]PATH")
    parser.add_argument(
        "--body", default="", help="sent with each URL that has a method of its own"
    )
    parser.add_argument("--content-type", default="application/x-www-form-urlencoded")
    parser.add_argument("--limit", type=float, default=10.0, help="seconds for a request (10)")
    parser.add_argument("--kind", default="application", choices=("application", "framework"))
    parser.add_argument("--name", help="of the subject, in the results")
    parser.add_argument("--json", required=True, type=Path, metavar="F")
    options = parser.parse_args(given)
    targets = options.url or ["/"]
    order = Order(
        options.application,
        targets,
        options.body,
        options.content_type,
        make_jobs(targets),
        options.limit,
    )
    try:
        checked = Supervisor(order, name=options.name).run()
        checked.result.kind = options.kind
        results = Results(EDITION, __version__, subjects=[checked.result], traces=checked.traces)
        save_results(results, options.json)
    except (LoadError, TargetError, ResultsError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


def work(descriptor: int) -> None:
    """Be the worker, and end whatever threads the application has left."""
    order = Order(**json.load(sys.stdin))
    sys.argv = [order.spec]
    code = 0
    try:
        run_worker(order, descriptor)
    except KeyboardInterrupt:
        code = 130
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
