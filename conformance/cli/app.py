"""``wsgi-conformance app``: an application in, findings out."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from random import SystemRandom
from typing import Any

from conformance import rules
from conformance.cli.app_terminal import ApplicationTerminal
from conformance.cli.exits import UsageError
from conformance.cli.gate import Gatekeeper, add_edition, add_gate, add_outputs, wanted_rules
from conformance.cli.run import gather, page
from conformance.cli.suite import load_suite
from conformance.driver.case import SCENARIOS
from conformance.driver.check import Found, TargetError, parse_target
from conformance.driver.fuzz import ReplayError, read_replay
from conformance.driver.supervise import Checked, Supervisor, make_jobs
from conformance.driver.worker import Order
from conformance.harness.runner import Run
from conformance.reference.loading import LoadError
from conformance.results import Gate

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
    add_edition(told)
    told.add_argument("--notes", action="store_true", help="also advice, which never counts")
    add_outputs(parser.add_argument_group("what is written"))
    add_gate(parser)
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
    wanted = chosen(options.rule, options.ignore, options.edition)
    keeper = Gatekeeper(options, [options.application])
    order = make_order(options)
    terminal = ApplicationTerminal(order.spec, options.notes)
    begun = time.time()
    with keeper.watching():
        try:
            with terminal:
                checked = Supervisor(order, terminal.progress, terminal.output, wanted).run()
        except LoadError as error:
            raise UsageError(str(error)) from error
        results = gather([Run(checked.result, checked.traces)], begun, options)
        gate = keeper.conclude(results)
        suite = load_suite()
        written = keeper.write(results, gate, lambda: page(results, suite), suite.rules)
        fuzzed = f"{checked.made_up} requests made up, --seed {order.seed}" if order.fuzz else ""
        terminal.summary(checked, written, fuzzed)
    keeper.tell(results, gate)
    return keeper.exit_code(gate, unjudged(checked, gate, options.fail_on), findings_first=True)


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


def chosen(
    only: Sequence[str], ignore: Sequence[str], edition: str | None = None
) -> Callable[[Found], bool]:
    """Return what says whether something is reported.

    Errors:
        UnknownRule, UnknownEdition: there is none of that name. UsageError: nothing is left.
    """
    names = {*wanted_rules(only, edition)}
    names -= {rule.id for rule in rules.matching([each for each in ignore if each not in LEVELS])}
    levels = tuple(LEVELS[each] for each in ignore if each in LEVELS)
    if not names or len(levels) == len(LEVELS):
        raise UsageError("--rule and --ignore leave nothing to report")
    # What counts is the level of a finding, which may be weaker than its rule's.
    return lambda found: found.rule in names and not found.level.startswith(levels)


def unjudged(checked: Checked, gate: Gate, fail_on: str) -> bool:
    """Whether something could not be judged; what stopped it counts too, unless it was expected."""
    result = checked.result
    if not (result.started and result.exchanges and result.verdicts) or result.failure:
        return True
    return fail_on != "never" and any(
        verdict.outcome in ("error", "hang", "crash") and not gate.covered(result.name, verdict)
        for verdict in result.verdicts
    )
