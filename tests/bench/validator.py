"""What the validator costs: the CPU time it adds to a request, as a share of wsgiref.validate's.

Every layer of every workload takes a short turn in each round, in an order drawn anew, so that a
machine whose speed drifts drifts for all. What a layer adds is its time less that of the bare
application in the same round. Prints medians and says which goals hold; a layer that finds fault
with a workload ends the run with status 1, because it would not be timing a clean request.

    python tests/bench/validator.py [--rounds N] [--json FILE] [--python PYTHON ...]

Runs on Python 3.8 and later. With --python it runs itself on each of those interpreters, in a
virtual environment made for the run. Otherwise flask, webtest, werkzeug and the project must be
importable.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import operator
import os
import platform
import random
import statistics
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workloads import (
    BARE,
    COLLECT,
    GROWN,
    GROWTH_GOAL,
    RAISE,
    WSGIREF,
    Errors,
    Workload,
    layers,
    workloads,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Figures = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("flask", "webtest", "werkzeug")
# Rounds that are played and forgotten: interpreters specialise code, layers fill their caches.
WARM_UP = 10
RESAMPLES = 2000
MICROSECOND = 1000


def write(data: bytes) -> None:
    """Take what an application writes; none of the workloads does."""


def start_response(status: str, headers: object, exc_info: object = None) -> Any:
    """Answer as a server does that has nothing else to do."""
    return write


def batch_time(application: Any, environs: list[dict[str, Any]]) -> int:
    """Return the nanoseconds of CPU that a server's part of each request takes, together."""
    begun = time.thread_time_ns()
    for environ in environs:
        result = application(environ, start_response)
        try:
            for _ in result:
                pass
        finally:
            if hasattr(result, "close"):
                result.close()
    return time.thread_time_ns() - begun


def complaint(workload: Workload, application: Any) -> str:
    """Return what a layer has to say against a workload: "" when it is content."""
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # wsgiref.validate reports a missing close() on standard error, from __del__.
        with contextlib.redirect_stderr(io.StringIO()) as err:
            for _ in range(3):
                try:
                    result = application(workload.environ(), start_response)
                    body = b"".join(result)
                    if hasattr(result, "close"):
                        result.close()
                    if body != workload.body:
                        said.append(f"the body is {body[:80]!r}")
                except Exception as error:
                    said.append(f"{type(error).__name__}: {error}")
            result = None
            gc.collect()
    said.extend(f"{seen.category.__name__}: {seen.message}" for seen in caught)
    said.extend(Errors.written)
    Errors.written.clear()
    said.append(err.getvalue())
    said.extend(map(str, getattr(application, "findings", ())))
    # A check of the validator's own that breaks down costs less than one that is made.
    said.extend(map(repr, getattr(application, "failures", ())))
    return "; ".join(part for part in said if part)


class Turn(NamedTuple):
    """A layer around a workload, to be timed once in each round."""

    workload: Workload
    layer: str
    application: Any
    spent: list[float]
    """Microseconds per request, round by round."""


def prepare() -> list[Turn]:
    """Return all turns, each of which has been seen to find nothing; else end the run."""
    known = layers()
    turns = [
        Turn(workload, name, layer(workload.application), [])
        for workload in workloads()
        for name, layer in known.items()
    ]
    content(turns)
    return turns


def content(turns: Iterable[Turn]) -> None:
    """End the run when a layer finds fault: its time would not be that of a clean request."""
    faults = []
    for turn in turns:
        said = complaint(turn.workload, turn.application)
        if said:
            faults.append(f"{turn.layer} on workload {turn.workload.name}: {said}")
    if faults:
        raise SystemExit("\n".join(faults))


def play(turns: list[Turn], rounds: int) -> None:
    """Time every turn once in each round."""
    order = list(turns)
    # What exists now is no work for the garbage collector later, whichever layer it would hit.
    gc.collect()
    gc.freeze()
    for number in range(-WARM_UP, rounds):
        random.shuffle(order)
        for turn in order:
            workload = turn.workload
            environs = [workload.environ() for _ in range(workload.batch)]
            spent = batch_time(turn.application, environs)
            if number >= 0:
                turn.spent.append(spent / workload.batch / MICROSECOND)


def quartiles(values: list[float]) -> list[float]:
    """Return the first and the third quartile."""
    first, _, third = statistics.quantiles(values, n=4)
    return [first, third]


class Share(NamedTuple):
    """How many times one median is another, with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:6.3f} [{self.low:.3f}-{self.high:.3f}]"


def share(part: list[float], whole: list[float], draws: Sequence[Sequence[int]]) -> Share:
    """Return the share of two medians; the rounds of a draw are the same for both of them."""
    median = statistics.median
    drawn = sorted(
        median([part[i] for i in draw]) / median([whole[i] for i in draw]) for draw in draws
    )
    tail = len(drawn) // 40
    return Share(median(part) / median(whole), drawn[tail], drawn[-tail - 1])


def summary(turns: list[Turn], rounds: int) -> Figures:
    """Return all figures as they are printed and written."""
    bare = {turn.workload.name: turn.spent for turn in turns if turn.layer == BARE}
    added = {
        (turn.workload.name, turn.layer): list(
            map(operator.sub, turn.spent, bare[turn.workload.name])
        )
        for turn in turns
    }
    draws = [random.choices(range(rounds), k=rounds) for _ in range(RESAMPLES)]
    rows, growth = [], []
    for turn in turns:
        workload, layer = turn.workload, turn.layer
        mine = added[workload.name, layer]
        if layer == BARE:
            continue
        if workload.name == GROWN:
            grown = share(mine, added["a", layer], draws)
            goal = GROWTH_GOAL if layer in (RAISE, COLLECT) else None
            growth.append(figures(layer, mine, grown, goal))
            continue
        goal = workload.goal if layer in (RAISE, COLLECT) else None
        of_wsgiref = share(mine, added[workload.name, WSGIREF], draws)
        rows.append({"workload": workload.name, **figures(layer, mine, of_wsgiref, goal)})
    return {
        "python": platform.python_version(),
        "build": " ".join([platform.python_implementation(), *platform.python_build()]),
        "rounds": rounds,
        "load": os.getloadavg()[0],
        "workloads": [
            {
                "name": turn.workload.name,
                "title": turn.workload.title,
                "bare_us": statistics.median(turn.spent),
            }
            for turn in turns
            if turn.layer == BARE and turn.workload.goal is not None
        ],
        "rows": rows,
        "growth": growth,
    }


def figures(layer: str, added: list[float], ratio: Share, goal: float | None) -> Figures:
    """Return one layer's line."""
    return {
        "layer": layer,
        "added_us": statistics.median(added),
        "quartiles_us": quartiles(added),
        "ratio": ratio._asdict(),
        "goal": goal,
        "holds": None if goal is None else ratio.value <= goal,
    }


def show(report: Figures) -> None:
    """Print a table for each workload, then what grows with the environ."""
    print(
        f"Python {report['python']} ({report['build']}), {report['rounds']} rounds, "
        f"load {report['load']:.1f}"
    )
    print("microseconds of CPU added to a request: median [quartiles]; ratio [95 % interval]")
    for workload in report["workloads"]:
        print(f"\n{workload['name']}: {workload['title']}; bare {workload['bare_us']:.2f}")
        head("of wsgiref's")
        for row in report["rows"]:
            if row["workload"] == workload["name"]:
                line(row)
    print("\ngrowth: the first workload with 1,000 items more in environ")
    head("of it without")
    for row in report["growth"]:
        line(row)
    print(flush=True)


def head(ratio: str) -> None:
    """Print the head of a table."""
    print(f"  {'layer':32} {'added':>22} {ratio:>22}   goal")


def line(row: Figures) -> None:
    """Print one layer; a goal that lies in the interval could be told otherwise by another run."""
    low, high = row["quartiles_us"]
    ratio = Share(**row["ratio"])
    verdict = ""
    if row["goal"] is not None:
        verdict = f"{row['goal']:.2f} {'holds' if row['holds'] else 'MISSED'}"
        if ratio.low <= row["goal"] < ratio.high:
            verdict += ", by less than the interval"
    added = f"{row['added_us']:.2f} [{low:.2f}-{high:.2f}]"
    print(f"  {row['layer']:32} {added:>22} {ratio!s:>22}   {verdict}".rstrip())


def measure(rounds: int) -> Figures:
    """Measure on this interpreter."""
    turns = prepare()
    play(turns, rounds)
    # Caches and counters have filled since: still content?
    content(turns)
    for turn in turns:
        seen = getattr(turn.application, "requests", None)
        wanted = (rounds + WARM_UP) * turn.workload.batch
        if seen is not None and seen < wanted:
            raise SystemExit(f"{turn.layer}: judged {seen} of {wanted} requests")
    return summary(turns, rounds)


def measure_on(python: str, rounds: int) -> Figures:
    """Run this file on another interpreter, in an environment made for it."""
    with tempfile.TemporaryDirectory() as directory:
        inside = Path(directory) / "venv" / "bin" / "python"
        written = Path(directory) / "figures.json"
        try:
            subprocess.run([python, "-m", "venv", str(inside.parents[1])], check=True)
            subprocess.run([str(inside), "-m", "pip", "install", "--quiet", *NEEDED], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit(f"{python}: no environment: {error}") from error
        command = [str(inside), __file__, "--rounds", str(rounds), "--json", str(written)]
        ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
        if ended.returncode:
            raise SystemExit(f"{python}: the benchmark ended with status {ended.returncode}")
        report: Figures = json.loads(written.read_text(encoding="utf-8"))[0]
        return report


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument(
        "--python", action="append", default=[], help="measure on this one; may be repeated"
    )
    settings = parser.parse_args()
    if settings.rounds < 2:
        parser.error("--rounds: two at least, for a spread")
    if settings.python:
        reports = [measure_on(python, settings.rounds) for python in settings.python]
    else:
        reports = [measure(settings.rounds)]
        show(reports[0])
    if settings.json is not None:
        settings.json.write_text(json.dumps(reports, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
