"""``wsgi-conformance middleware``: a middleware in, findings out."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from conformance import rules
from conformance.cli.exits import UNJUDGED, UsageError
from conformance.cli.findings import Findings, add_output, concluded, exit_code
from conformance.cli.gate import Gatekeeper, wanted_rules
from conformance.cli.run import gather
from conformance.driver.middleware import judge_middleware, middleware_rules
from conformance.driver.watch import Watch
from conformance.harness.runner import Run
from conformance.reference.loading import LoadError, load_application
from conformance.report.terminal import printable

__all__ = ["add_commands", "watched"]

EPILOG = """\
MODULE:ATTR is what you wrap applications with: a callable that takes one and returns one. Where it
takes more than that, name a function or a lambda of your own that passes the rest. It is put
between two validators, over small applications that keep to every rule. Nothing is started and no
port is used.

  wsgi-conformance middleware myproject.compress:GzipMiddleware
  wsgi-conformance middleware myproject.mount:mounted_at_api --prefix /api
  wsgi-conformance middleware myproject.wsgi:with_login --url /public

What it does not do is not judged: --notes lists the rules that were not put to the test.
"""


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "middleware",
        help="check a middleware",
        description="Check a WSGI middleware, on both its sides, by the rules of PEP 3333.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "middleware", metavar="MODULE:ATTR", help="takes an application and returns one"
    )
    what = parser.add_argument_group("what is asked for")
    what.add_argument(
        "--url",
        default="/",
        type=_path,
        metavar="PATH",
        help="a path for which it calls the application (/, or one below the prefix)",
    )
    what.add_argument(
        "--prefix",
        default="/",
        type=_path,
        metavar="PATH",
        help="it is a router that calls the application for URLs below this",
    )
    what.add_argument(
        "--limit", type=_seconds, default=10.0, metavar="S", help="seconds for one request (10)"
    )
    add_output(parser)
    parser.set_defaults(command=check)


def _path(text: str) -> str:
    if not text.startswith("/") or not text.isascii() or not text.isprintable() or " " in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no path, percent-encoded, such as /a")
    return text


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number <= 3600:
        raise argparse.ArgumentTypeError("more than 0 and at most 3600")
    return number


def check(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    known = rules.load()
    wanted = chosen(options.rule, options.edition)
    keeper = Gatekeeper(options, [options.middleware])
    try:
        wrap = load_application(options.middleware)
    except LoadError as error:
        raise UsageError(str(error)) from error
    if not callable(wrap):
        raise UsageError(f"{options.middleware} is no callable that takes an application")
    begun = time.time()
    watch = watched(options.limit, options.middleware)
    findings = Findings(known, options.notes)
    with keeper.watching():
        judged = judge_middleware(
            wrap,
            known,
            name=options.middleware,
            target=options.url,
            prefix=options.prefix.rstrip("/"),
            wanted=wanted,
            timed=watch.begin,
        )
        watch.end()
        findings.show(judged.result, judged.untouched)
    results = gather([Run(judged.result, judged.traces)], begun, options)
    gate = concluded(keeper, results, findings)
    keeper.tell(results, gate)
    return exit_code(keeper, results, gate)


def chosen(globs: list[str], edition: str | None) -> Callable[[str], bool]:
    """Return what says of a rule whether it is reported.

    Errors:
        UnknownRule: a glob that matches none. UsageError: none of them binds middleware.
    """
    if not globs and edition is None:
        return lambda rule: True
    named = wanted_rules(globs, edition)
    if not named & {*middleware_rules(rules.load())}:
        raise UsageError(
            f"{' or '.join(globs)}: no rule for middleware; see wsgi-conformance rules"
        )
    return named.__contains__


def watched(limit: float, name: str) -> Watch:
    """Return a watch that ends the process: a thread that does not come back cannot end alone.

    Args:
        limit: seconds for one request. name: of what is judged.
    """

    def late(where: str, stack: str) -> None:
        print(
            f"wsgi-conformance: {printable(name)} did not come back within {limit:g} seconds: "
            f"{printable(where)}\n{printable(stack)}",
            file=sys.stderr,
            flush=True,
        )
        os._exit(UNJUDGED)

    return Watch(limit, late)
