"""``wsgi-conformance app``: an application in, findings out."""

from __future__ import annotations

import argparse
import platform
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from random import SystemRandom
from typing import Any

from conformance import __version__, rules
from conformance.cli.app_terminal import ApplicationTerminal
from conformance.cli.exits import CLEAN, FINDINGS, UNJUDGED, UsageError
from conformance.cli.suite import load_suite, writable
from conformance.driver.case import SCENARIOS
from conformance.driver.check import Found, TargetError, parse_target
from conformance.driver.fuzz import ReplayError, read_replay
from conformance.driver.supervise import Checked, Supervisor, make_jobs
from conformance.driver.worker import Order
from conformance.reference.loading import LoadError
from conformance.report.html import render_html
from conformance.results import Results, counts, save_results

__all__ = ["add_commands"]

EPILOG = """\
Nothing is started and no port is used: the application is imported, in a process of its own, and
called by a strict server in memory. Each URL is asked for in about sixty different legal ways.

  wsgi-conformance app myproject.wsgi:application
  wsgi-conformance app flaskr:app --url / --url /hello?name=x --url "POST /upload" --body name=x
  wsgi-conformance app flaskr:app --fuzz 500
"""
# What --ignore calls the levels, and what they begin with.
LEVELS = {"MUST": "MUST", "SHOULD": "SHOULD", "note": "undefined"}


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "app",
        help="check an application",
        description="Check a WSGI application by the rules of PEP 3333.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("application", metavar="MODULE:ATTR", help="as for any WSGI server")
    what = parser.add_argument_group("what is asked for")
    what.add_argument(
        "--url",
        action="append",
        default=[],
        metavar="[METHOD ]PATH",
        help='a path, or "POST /path"; may be given several times (default: /)',
    )
    what.add_argument(
        "--body", default="", metavar="TEXT", help="body for the URLs with a method that has one"
    )
    what.add_argument(
        "--content-type",
        default="application/x-www-form-urlencoded",
        metavar="TYPE",
        help="of that body (a form)",
    )
    what.add_argument(
        "--scenario",
        action="append",
        default=[],
        metavar="GLOB",
        help=f"only scenarios named like this, of: {', '.join(SCENARIOS)}",
    )
    what.add_argument(
        "--limit", type=_seconds, default=10.0, metavar="S", help="seconds for one request (10)"
    )
    made = parser.add_argument_group("made-up requests")
    made.add_argument(
        "--fuzz", type=_number, default=0, metavar="N", help="also make up N legal requests"
    )
    made.add_argument("--seed", type=_number, metavar="S", help="make up the same ones again")
    made.add_argument(
        "--replay", metavar="LINE", help="send one request that --fuzz found, and nothing else"
    )
    told = parser.add_argument_group("what is reported")
    told.add_argument(
        "--rule", action="append", default=[], metavar="GLOB", help="only rules named like this"
    )
    told.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="GLOB",
        help="not the rules named like this; or a level: MUST, SHOULD, note",
    )
    told.add_argument("--notes", action="store_true", help="also advice, which never counts")
    told.add_argument("--json", type=Path, metavar="F", help="all verdicts with their evidence")
    told.add_argument("--html", type=Path, metavar="F", help="the same, one self-contained page")
    told.add_argument(
        "--fail-on",
        choices=("must", "should", "never"),
        default="must",
        help="what makes the exit code 1: a broken MUST (the default), a broken SHOULD too, or "
        "nothing",
    )
    parser.set_defaults(command=check)


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number <= 3600:
        raise argparse.ArgumentTypeError("more than 0 and at most 3600")
    return number


def _number(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("at least 0")
    return number


def check(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    wanted = chosen(options.rule, options.ignore)
    for path in (options.json, options.html):
        if path is not None:
            writable(path)
    order = make_order(options)
    terminal = ApplicationTerminal(order.spec, options.notes)
    begun = time.time()
    try:
        with terminal:
            checked = Supervisor(order, terminal.progress, terminal.output, wanted).run()
    except LoadError as error:
        raise UsageError(str(error)) from error
    results = gathered(checked, begun)
    if options.json:
        save_results(results, options.json)
    if options.html:
        suite = load_suite()
        page = render_html(results, suite.rules, suite.traceability())
        options.html.write_text(page, encoding="utf-8")
    fuzzed = f"{checked.made_up} requests made up, --seed {order.seed}" if order.fuzz else ""
    terminal.summary(checked, [path for path in (options.json, options.html) if path], fuzzed)
    return exit_code(checked, options.fail_on)


def make_order(options: argparse.Namespace) -> Order:
    """Return what the worker has to do.

    Errors:
        UsageError: a URL that is none, a scenario that there is not, or no Hypothesis to fuzz with.
    """
    targets = options.url or ["/"]
    try:
        for text in targets:
            parse_target(text)
        options.body.encode("latin-1")
        options.content_type.encode("latin-1")
    except TargetError as error:
        raise UsageError(f"--url {error}") from error
    except UnicodeEncodeError:
        # What a shell hands over is UTF-8.
        options.body = options.body.encode("utf-8", "surrogateescape").decode("latin-1")
    for glob in options.scenario:
        if not any(fnmatchcase(name, glob) for name in SCENARIOS):
            raise UsageError(f"no scenario is named like {glob!r}; see app --help")
    if options.replay is not None:
        try:
            read_replay(options.replay)
        except ReplayError as error:
            raise UsageError(f"--replay: {error}") from error
    elif options.fuzz:
        need_hypothesis()
    seed = SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    return Order(
        options.application,
        list(dict.fromkeys(targets)),
        options.body,
        options.content_type,
        [] if options.replay is not None else make_jobs(targets, options.scenario),
        options.limit,
        options.fuzz,
        seed,
        replay=options.replay,
    )


def need_hypothesis() -> None:
    """Make sure that --fuzz can be used.

    Errors:
        UsageError: it cannot, and how it could.
    """
    try:
        import hypothesis  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "--fuzz needs Hypothesis: pip install 'wsgi-conformance[fuzz]', or pip install "
            "hypothesis"
        ) from error


def chosen(only: Sequence[str], ignore: Sequence[str]) -> Callable[[Found], bool]:
    """Return what says whether something is reported.

    Errors:
        UnknownRule: a glob that matches none. UsageError: nothing is left.
    """
    names = {rule.id for rule in rules.matching(only)} if only else {*rules.load()}
    names -= {rule.id for rule in rules.matching([each for each in ignore if each not in LEVELS])}
    levels = tuple(LEVELS[each] for each in ignore if each in LEVELS)
    if not names or len(levels) == len(LEVELS):
        raise UsageError("--rule and --ignore leave nothing to report")
    # What counts is the level of a finding, which may be weaker than its rule's.
    return lambda found: found.rule in names and not found.level.startswith(levels)


def gathered(checked: Checked, begun: float) -> Results:
    """Return the results, with what people want to know of the run itself."""
    about = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begun)),
        "duration": round(time.time() - begun, 3),
        "command": shlex.join(["wsgi-conformance", *sys.argv[1:]]),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
    }
    return Results(rules.EDITION, __version__, about, [checked.result], checked.traces)


def exit_code(checked: Checked, fail_on: str) -> int:
    """Return the exit code: what broke comes before what could not be judged."""
    verdicts = checked.result.verdicts
    if any(counts(verdict, fail_on) for verdict in verdicts):
        return FINDINGS
    unjudged = not (checked.result.started and checked.result.exchanges and verdicts)
    incomplete = any(verdict.outcome in ("error", "hang", "crash") for verdict in verdicts)
    if unjudged or (incomplete and fail_on != "never") or checked.result.failure:
        return UNJUDGED
    return CLEAN
