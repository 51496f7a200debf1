"""``wsgi-conformance grid``: any framework on any server, asked by an ordinary client."""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shlex
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from conformance import __version__, rules
from conformance.cli.exits import CLEAN, FINDINGS, UNJUDGED, UsageError
from conformance.cli.run import positive
from conformance.cli.suite import writable
from conformance.frameworks import Framework, load_frameworks
from conformance.harness.environment import obstacle
from conformance.harness.grid import Grid, Pair
from conformance.report.grid_terminal import GridTerminal
from conformance.results import GridCell, Results, save_results
from conformance.roster import RosterError, Subject, load_roster, load_subject

__all__ = ["add_commands"]

Thing = TypeVar("Thing", Subject, Framework)

# Asked with every framework where none is named: one of each kind, by what people use and by what
# differs. All other servers are asked with Flask.
USUAL = (
    *("reference", "wsgiref", "werkzeug", "flask-run", "waitress", "cheroot", "cherrypy"),
    *("gunicorn-sync", "gunicorn-gthread", "gunicorn-gevent", "gevent", "eventlet", "tornado"),
    *("twisted-web", "bjoern", "uwsgi-http", "apache-mod-wsgi", "nginx-uwsgi", "nginx-unit"),
    "node-fastcgi",
)
EVERYWHERE = "flask"


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "grid",
        help="ask frameworks on servers",
        description="Start the same small site, written in each framework, on each server, and ask "
        "it by requests, as any program does: text, JSON, streaming, upload, download, redirect, "
        "cookies, paths beyond ASCII, HEAD, an error page, mounted under a prefix. Each pair gets "
        "an environment with the requirements of both and nothing else, made once and kept. "
        "Without names: the usual servers with every framework, and all others with Flask; with "
        "names of one side only, the other side is everything.",
    )
    parser.add_argument(
        "--servers",
        nargs="+",
        default=[],
        metavar="NAME|GLOB|FILE.toml",
        help="servers of the roster, or TOML files of your own",
    )
    parser.add_argument(
        "--frameworks", nargs="+", default=[], metavar="NAME|GLOB", help="such as flask django"
    )
    parser.add_argument(
        "--python", metavar="P", help="interpreter to make the environments with (this one)"
    )
    parser.add_argument("--jobs", type=positive, default=2, metavar="N", help="pairs at a time (2)")
    parser.add_argument("--json", type=Path, metavar="F", help="all cells with what went wrong")
    parser.add_argument(
        "--fail-on",
        choices=("fail", "never"),
        default="fail",
        help="what makes the exit code 1, or 3 where a server did not start: anything that does "
        "not hold (the default), or nothing",
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    if importlib.util.find_spec("requests") is None:
        raise UsageError("grid: needs requests; pip install 'wsgi-conformance[grid]'")
    if options.python and not os.access(options.python, os.X_OK):
        raise UsageError(f"--python {options.python}: not a program that can be run")
    pairs = choose(options.servers, options.frameworks)
    if options.json:
        writable(options.json)
    terminal = GridTerminal(len(pairs))
    grid = Grid(options.python, begun=lambda pair: terminal.begun(pair.name))
    begun = time.time()
    with terminal:
        cells = grid.run(pairs, min(options.jobs, len(pairs)), terminal.finished)
    results = gather(cells, begun)
    if options.json:
        save_results(results, options.json)
    terminal.summary(results, options.json)
    return exit_code(cells, options.fail_on)


def choose(servers: Sequence[str], frameworks: Sequence[str]) -> list[Pair]:
    """Return the pairs to ask, by server, then by framework.

    Errors:
        RosterError: a name that is nobody's, or a bad file.
    """
    roster, known = load_roster(), load_frameworks()
    chosen_frameworks = list(_named(frameworks, known, "framework"))
    if servers:
        files = [load_subject(Path(each)) for each in servers if _is_file(each)]
        names = [each for each in servers if not _is_file(each)]
        subjects = [*_named(names, roster, "server"), *files]
        return [Pair(each, one) for each in subjects for one in chosen_frameworks or known.values()]
    here = [subject for subject in roster.values() if not obstacle(subject)]
    if frameworks:
        return [Pair(each, one) for each in here for one in chosen_frameworks]
    return [
        Pair(each, one)
        for each in here
        for one in known.values()
        if each.name in USUAL or one.name == EVERYWHERE
    ]


def _is_file(name: str) -> bool:
    return name.endswith(".toml") or "/" in name


def _named(globs: Iterable[str], known: Mapping[str, Thing], kind: str) -> Iterable[Thing]:
    found: dict[str, Thing] = {}
    for glob in globs:
        fitting = {name: each for name, each in known.items() if fnmatchcase(name, glob)}
        if not fitting:
            raise RosterError(f"{glob}: no such {kind}; there are {', '.join(known)}")
        found.update(fitting)
    return found.values()


def gather(cells: list[GridCell], begun: float) -> Results:
    """Return the cells as results, with what people want to know of the run itself."""
    about = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begun)),
        "duration": round(time.time() - begun, 3),
        "command": shlex.join(["wsgi-conformance", *sys.argv[1:]]),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
    }
    return Results(rules.EDITION, __version__, about, grid=cells)


def exit_code(cells: Iterable[GridCell], fail_on: str) -> int:
    """Return the exit code: 3 where a cell could not be asked in full, 1 where one failed."""
    if fail_on == "never":
        return CLEAN
    cells = list(cells)
    if any(not cell.started for cell in cells):
        return UNJUDGED
    outcomes = {behaviour.outcome for cell in cells for behaviour in cell.behaviours}
    return FINDINGS if outcomes & {"fail", "error"} else CLEAN
