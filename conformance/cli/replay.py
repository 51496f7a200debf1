"""``wsgi-conformance replay``: a stored verdict, tried again on a fresh server, or as a script."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.cli.exits import CLEAN, FINDINGS, UNJUDGED, UsageError
from conformance.cli.run import environment_of
from conformance.cli.suite import Suite, load_suite, writable
from conformance.harness.again import Again, play_again
from conformance.harness.environment import EnvironmentFailure
from conformance.harness.loop import Loop
from conformance.harness.script import write_script
from conformance.probing import Probe
from conformance.report.sidebyside import side_by_side
from conformance.report.terminal import PIPE_WIDTH
from conformance.report.text import visible
from conformance.results import Results, SubjectResult, Verdict, load_results
from conformance.results.traces import Event, events_of, find_subject, find_verdict
from conformance.roster import Subject, load_roster, load_subject, select
from conformance.trace import from_json

__all__ = ["add_commands"]

EPILOG = """\
The probe is played again with the very bytes, and both traces are shown beside each other.

  wsgi-conformance replay results.json waitress input-read-semantics
  wsgi-conformance replay results.json my-server close-on-normal-end --server my-server.toml
  wsgi-conformance replay results.json waitress http-te-and-cl --script again.py

The script needs Python's standard library and nothing else: it can go into a bug report.

exit codes: 0 the same verdict, 1 another one, 2 wrong use, 3 it could not be tried
"""


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "replay",
        help="try a stored verdict again, or make a script of it",
        description="Send the bytes of a stored verdict again, to a server started for it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("results", type=Path, metavar="RESULTS.json")
    parser.add_argument("subject", metavar="SUBJECT", help="its name in the results")
    parser.add_argument("rule", metavar="RULE", help="id of the rule")
    parser.add_argument("--probe", metavar="NAME", help="of several that judged it, this one")
    parser.add_argument(
        "--probes",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="where it is, if it is not one of this suite",
    )
    parser.add_argument(
        "--server", type=Path, metavar="FILE.toml", help="start this one (the roster's)"
    )
    parser.add_argument("--isolated", action="store_true", help="as for run")
    parser.add_argument("--python", metavar="P", help="as for run")
    parser.add_argument("--timeout-scale", type=float, default=1.0, metavar="X", help="as for run")
    parser.add_argument(
        "--script", metavar="F", help="write a script that does it, - for standard output, and end"
    )
    parser.set_defaults(command=replay)


def replay(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    results = load_results(options.results)
    subject = find_subject(results, options.subject)
    verdict = find_verdict(subject, options.rule, options.probe)
    events = events_of(results, verdict)
    trace = results.traces[str(verdict.trace)]
    if "marker" not in trace:
        raise UsageError(
            f"{subject.name} was judged in memory and no bytes were sent; for an application, see "
            "wsgi-conformance app --replay"
        )
    if options.script:
        return script(options.script, results, subject, verdict, events)
    again = try_again(options, subject, verdict, trace)
    return show(subject, verdict, events, again)


def script(
    target: str, results: Results, subject: SubjectResult, verdict: Verdict, events: list[Event]
) -> int:
    """Write the script.

    Errors:
        UsageError: there is nothing to send, or the file cannot be written.
    """
    trace = results.traces[str(verdict.trace)]
    about = [
        ("rule", f"{verdict.rule} ({verdict.level}, binds the {verdict.party})"),
        ("subject", f"{subject.title or subject.name} {subject.version}, {subject.python}"),
        ("outcome", verdict.outcome),
        ("expected", verdict.expected),
        ("observed", verdict.observed),
        ("edition", f"{results.edition}, wsgi-conformance {results.suite}"),
    ]
    try:
        text = write_script(events, str(trace["marker"]), about)
    except ValueError as error:
        raise UsageError(f"{verdict.trace}: {error}") from error
    if target == "-":
        sys.stdout.write(text)
        return CLEAN
    path = writable(Path(target))
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    print(f"written: {path}")
    return CLEAN


def try_again(
    options: argparse.Namespace, subject: SubjectResult, verdict: Verdict, trace: dict[str, Any]
) -> Again:
    """Start the server and play the probe.

    Errors:
        UsageError: the probe or the server is not there.
    """
    suite = load_suite(options.probes)
    probe = suite.probes.get(str(trace.get("probe")))
    if probe is None:
        raise UsageError(
            f"{trace.get('probe')}: no such probe in this release; if it is one of yours, name its "
            "directory with --probes; --script works without it"
        )
    server = server_of(options.server, subject.name)
    loop = Loop()
    try:
        return played(options, server, loop, suite, probe, verdict, trace)
    except EnvironmentFailure as failure:
        return Again(None, {"events": []}, "", str(failure))
    finally:
        loop.close()


def played(
    options: argparse.Namespace,
    server: Subject,
    loop: Loop,
    suite: Suite,
    probe: Probe,
    verdict: Verdict,
    trace: dict[str, Any],
) -> Again:
    """Find or make the server's environment, and play the probe in it.

    Errors:
        EnvironmentFailure: there is none.
    """
    environment = environment_of(server, options, loop, lambda name, what, line: None)
    if environment.missing:
        why = f"not installed here; pip install {' '.join(environment.missing)}, or --isolated"
        return Again(None, {"events": []}, "", why)
    scale = options.timeout_scale
    return play_again(
        server, environment, loop, probe, verdict, trace, suite.rules, suite.folders, scale
    )


def server_of(file: Path | None, name: str) -> Subject:
    """Return the server to start.

    Errors:
        RosterError: a file that cannot be used. UsageError: nothing in the roster is named so.
    """
    if file is not None:
        return load_subject(file)
    roster = load_roster()
    if name not in roster:
        raise UsageError(f"{name}: not in the roster; name its file with --server FILE.toml")
    (server,) = select([name], roster)
    return server


def show(subject: SubjectResult, stored: Verdict, events: list[Event], again: Again) -> int:
    """Print both traces and both verdicts, and return the exit code."""
    out = Console(highlight=False, emoji=False, markup=False, soft_wrap=True)
    if not out.is_terminal:
        out = Console(highlight=False, emoji=False, markup=False, soft_wrap=True, width=PIPE_WIDTH)
    if again.failure:
        out.print(f"not tried: {visible(again.failure)}")
        return UNJUDGED
    then = f"then ({subject.version or 'no version'})"
    now = f"now ({again.version or 'no version'})"
    table = Table(box=SIMPLE_HEAD, pad_edge=False, width=out.width, show_lines=False)
    table.add_column("ms", justify="right", no_wrap=True, width=7)
    table.add_column(visible(then), ratio=1, overflow="fold")
    table.add_column("", width=1)
    table.add_column("ms", justify="right", no_wrap=True, width=7)
    table.add_column(visible(now), ratio=1, overflow="fold")
    for line in side_by_side(events, from_json(again.trace["events"])):
        table.add_row(
            f"{line.then_ms:.1f}" if line.then else "",
            Text(line.then),
            "" if line.same else "!",
            f"{line.now_ms:.1f}" if line.now else "",
            Text(line.now),
        )
    out.print(table)
    if again.otherwise:
        out.print(f"what was sent differs {again.otherwise}: the probe or the server has changed")
    out.print(f"then: {told(stored)}")
    out.print(f"now:  {told(again.verdict)}")
    same = again.verdict is not None and again.verdict.outcome == stored.outcome
    out.print(f"the verdict is {'the same' if same else 'another one'}")
    return CLEAN if same else FINDINGS


def told(verdict: Verdict | None) -> str:
    """Return a verdict in one line."""
    if verdict is None:
        return "the exchange said nothing about the rule"
    return visible(f"{verdict.outcome}: expected {verdict.expected}; observed {verdict.observed}")
