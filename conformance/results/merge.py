"""Many results as one: with a job for each subject, this is how one run spreads over machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from conformance.results.judged import chosen
from conformance.results.model import Results, ResultsError

__all__ = ["Replaced", "merge"]

Replaced = tuple[str, Path, Path]
"""What stands in two files, the earlier file and the later, which counts."""


def merge(parts: Sequence[tuple[Path, Results]]) -> tuple[Results, list[Replaced]]:
    """Return several results as one, and what of them a later one replaced.

    A subject that is in two of them is taken from the later; so is an item of any other list that
    results hold.

    Args:
        parts: at least one, each with the file it is from.

    Errors:
        ResultsError: they are of different editions.
    """
    first_path, first = parts[0]
    merged = Results(first.edition, first.suite, _about([results for _, results in parts]))
    where: dict[tuple[str, ...], Path] = {}
    replaced: list[Replaced] = []
    for path, results in parts:
        if results.edition != first.edition:
            raise ResultsError(
                f"{path}: edition {results.edition}, but {first_path} has {first.edition}; "
                "results of different editions do not compare: judge both by one, "
                f"with --edition {min(first.edition, results.edition)}"
            )
        for name in _lists():
            taken: list[Any] = getattr(merged, name)
            for item in getattr(results, name):
                key = (name, *identity(item))
                if key in where:
                    replaced.append((" on ".join(reversed(key[1:])), where[key], path))
                    taken[:] = [each for each in taken if identity(each) != key[1:]]
                where[key] = path
                taken.append(item)
        renewed = {subject.name for subject in results.subjects}
        merged.traces = {
            key: trace for key, trace in merged.traces.items() if _subject(trace) not in renewed
        }
        merged.traces.update(results.traces)
    return merged, replaced


def _lists() -> list[str]:
    """The fields of results that are lists, whatever is in them."""
    return [each.name for each in fields(Results) if str(each.type).startswith("list[")]


def identity(item: Any) -> tuple[str, ...]:
    """What tells an item from others of its list: the fields that it cannot do without."""
    return tuple(
        str(getattr(item, each.name))
        for each in fields(item)
        if each.default is MISSING and each.default_factory is MISSING
    )


def _subject(trace: Any) -> Any:
    return trace.get("subject") if isinstance(trace, dict) else None


def _about(parts: Sequence[Results]) -> dict[str, Any]:
    """What is told of the runs: the first one's words, and all of them in ``merged``."""
    if len(parts) == 1:
        return dict(parts[0].run)
    about = dict(parts[0].run)
    for key in ("rules", "probes"):
        # As soon as one of them is of a part of the rules, the whole is.
        globs = [glob for results in parts for glob in chosen(results, key)]
        if globs:
            about[key] = list(dict.fromkeys(globs))
    about["merged"] = [run for results in parts for run in _runs(results)]
    about["duration"] = round(sum(_seconds(run) for run in about["merged"]), 3)
    return about


def _runs(results: Results) -> list[dict[str, Any]]:
    earlier = results.run.get("merged")
    return list(earlier) if isinstance(earlier, list) else [dict(results.run)]


def _seconds(run: Any) -> float:
    value = run.get("duration") if isinstance(run, dict) else None
    return value if isinstance(value, (int, float)) else 0.0
