"""Parses the command line and calls the command; all the work is elsewhere."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from conformance import __version__
from conformance.cli import (
    app,
    attach,
    bridges,
    diff,
    frameworks,
    grid,
    listings,
    middleware,
    replay,
    report,
    run,
    selftest,
    serve,
)
from conformance.cli.exits import CLEAN, UNJUDGED, WRONG_USE, UsageError
from conformance.harness.payload import PayloadError
from conformance.probing import ProbeError
from conformance.reference.twins import TwinError
from conformance.results import ResultsError
from conformance.roster import RosterError
from conformance.rules import RuleError, UnknownEdition, UnknownRule

__all__ = ["main"]

DESCRIPTION = """\
Says, with evidence, whether a WSGI server follows PEP 3333.

Real servers are started in real processes; a raw client sends the bytes and an application inside
the server reports what it was told, so every verdict comes with both sides of its exchange.
"""
EPILOG = """\
exit codes:
  0  nothing unexpected
  1  findings: a rule is broken (see run --fail-on)
  2  wrong use: a bad name, file or option; the message says what to change
  3  could not judge: a server did not start, the harness failed, or the run was interrupted

start here:
  wsgi-conformance run                        the servers installed here
  wsgi-conformance run --isolated             all servers known, each in an environment of its own
  wsgi-conformance run ./my-server.toml       your own server; see README for the file
  wsgi-conformance payload DIR                what a server that you start yourself has to serve
  wsgi-conformance app myproject.wsgi:app     your own application, in memory
  wsgi-conformance middleware myproject:wrap  your own middleware, between two validators
  wsgi-conformance frameworks                 the same site in many frameworks, driven in process
  wsgi-conformance grid --servers waitress    every framework on a server, asked over HTTP
  wsgi-conformance rules close-on-normal-end  what a rule says and how it is probed
"""
EXPECTED_ERRORS = (
    UsageError,
    PayloadError,
    RosterError,
    ResultsError,
    ProbeError,
    TwinError,
    RuleError,
    UnknownRule,
    UnknownEdition,
)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with all commands."""
    parser = argparse.ArgumentParser(
        prog="wsgi-conformance",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in (
        *(run, attach, app, middleware, bridges, frameworks, grid),
        *(listings, report, diff, replay, selftest, serve),
    ):
        module.add_commands(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    options = build_parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        code: int = options.command(options)
        sys.stdout.flush()
        return code
    except EXPECTED_ERRORS as error:
        text = error.args[0] if error.args else error
        print(f"wsgi-conformance: {text}", file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        print("wsgi-conformance: interrupted; every server was stopped", file=sys.stderr)
        return UNJUDGED
    except BrokenPipeError:
        # The reader of a pipe has seen enough. Python would complain once more while exiting.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLEAN


def _as_interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt
