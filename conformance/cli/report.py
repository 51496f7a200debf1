"""``wsgi-conformance report``: stored results as a page."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conformance.cli.exits import CLEAN, UsageError
from conformance.cli.suite import load_suite, writable
from conformance.report.html import render_html
from conformance.results import Results, load_results

__all__ = ["add_commands", "merge"]


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "report",
        help="make a page of stored results",
        description="Make one HTML matrix of one or several results files.",
    )
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULTS.json")
    parser.add_argument("--html", required=True, type=Path, metavar="F", help="the page to write")
    parser.set_defaults(command=report)


def report(options: argparse.Namespace) -> int:
    """Read, merge, write."""
    results = merge([(path, load_results(path)) for path in options.results])
    suite = load_suite()
    writable(options.html).write_text(
        render_html(results, suite.rules, suite.traceability()), encoding="utf-8"
    )
    print(f"written: {options.html}")
    return CLEAN


def merge(parts: Sequence[tuple[Path, Results]]) -> Results:
    """Return several results as one.

    Errors:
        UsageError: they are of different editions, or a subject or a cell of the grid is in two of
            them.
    """
    first_path, first = parts[0]
    merged = Results(first.edition, first.suite, dict(first.run))
    seen: dict[str, Path] = {}
    for path, results in parts:
        if results.edition != first.edition:
            raise UsageError(
                f"{path}: edition {results.edition}, but {first_path} has {first.edition}; "
                "results of different editions do not compare"
            )
        for subject in results.subjects:
            if subject.name in seen:
                raise UsageError(f"{path}: {subject.name} is in {seen[subject.name]} too")
            seen[subject.name] = path
            merged.subjects.append(subject)
        for cell in results.grid:
            pair = f"{cell.framework} on {cell.server}"
            if pair in seen:
                raise UsageError(f"{path}: {pair} is in {seen[pair]} too")
            seen[pair] = path
            merged.grid.append(cell)
        merged.traces.update(results.traces)
    return merged
