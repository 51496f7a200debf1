"""Judges a middleware: every rule that binds it, put to the test where it does such a thing.

The scenes are in the modules named ``sandwich_*``.
"""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.driver import sandwich_blocks as blocks
from conformance.driver import sandwich_calls as calls
from conformance.driver import sandwich_errors as errors
from conformance.driver import sandwich_transforms as transforms
from conformance.driver.sandwich import Wrap
from conformance.driver.sandwich_bench import ANY, Bench, Scene
from conformance.results.model import SubjectResult
from conformance.rules import Rule
from conformance.validation import Finding

__all__ = ["Judged", "judge_middleware", "middleware_rules"]

# In this order: the first says whether anything works, the next what is changed.
SCENES: tuple[Scene, ...] = (
    calls.ordinary,
    transforms.bodies,
    transforms.encoded,
    transforms.replaced,
    transforms.case,
    calls.sparse,
    calls.body,
    calls.router,
    blocks.ten_blocks,
    blocks.works_on,
    blocks.written,
    blocks.late_start,
    errors.closing,
    errors.with_error,
    errors.second_plain,
    errors.let_go,
)


@dataclass
class Judged:
    """What came of a middleware.

    Attributes:
        result: its verdicts. traces: their evidence, by key.
        untouched: ids of the rules that were not put to the test: the middleware does no such
            thing, or the application under it was not reached.
        foreign: findings about the two sides of the sandwich; there should be none.
    """

    result: SubjectResult
    traces: dict[str, Any]
    untouched: list[str]
    foreign: list[Finding]


def middleware_rules(rules: Mapping[str, Rule]) -> list[str]:
    """Return the ids of all rules that a middleware is judged by."""
    return [
        rule.id
        for rule in rules.values()
        if rule.party == "middleware" and rule.observable == "validator" and rule.level != "MAY"
    ]


def judge_middleware(
    wrap: Wrap,
    rules: Mapping[str, Rule],
    *,
    name: str = "middleware",
    target: str = "/",
    prefix: str = "",
    wanted: Callable[[str], bool] = lambda rule: True,
    timed: Callable[[], None] | None = None,
) -> Judged:
    """Judge one middleware.

    Args:
        wrap: takes an application and returns one; called anew for each request.
        rules: all rules by id.
        name: of the subject in the results.
        target: of most requests, percent-encoded.
        prefix: where it is a router that calls the application for URLs under a prefix, that.
        wanted: which rules are reported.
        timed: called before every request, so that a watch can be set.

    Returns:
        The verdicts: findings and advice, and one pass for each rule that was put to the test and
        held. Where the middleware raises for the most ordinary request, nothing can be judged: then
        ``result.failure`` says so.
    """
    if prefix and target == "/":
        target = prefix + "/page"
    at = target.encode("latin-1")
    bench = Bench(wrap=wrap, rules=rules, target=at, prefix=prefix, timed=timed)
    result = SubjectResult(name, title=name, kind="middleware", python=platform.python_version())
    begun = time.monotonic()
    result.failure = _play(bench)
    result.started = not result.failure
    result.duration = round(time.monotonic() - begun, 3)
    result.exchanges = bench.requests
    traces = bench.close(result, wanted)
    judged = {verdict.rule for verdict in result.verdicts}
    untouched = [rule for rule in middleware_rules(rules) if rule not in judged and wanted(rule)]
    return Judged(result, traces, untouched, bench.foreign)


def _play(bench: Bench) -> str:
    """Play all scenes; return why nothing can be judged, or an empty text."""
    for play in SCENES:
        bench.scene = getattr(play, "scene", "")
        try:
            play(bench)
        except Exception as error:
            # The recorders keep what the middleware raises when called; this is its making.
            if not bench.kept:
                return f"cannot be put around an application: {type(error).__name__}: {error}"
            bench.fault(ANY, error, bench.kept[-1])
        plain = bench.plain
        if plain is not None and plain.error is not None:
            last = traceback.extract_tb(plain.error.__traceback__)[-1]
            at = f"{last.filename}:{last.lineno}"
            return f"raises for the most ordinary request: {plain.outcome()}, at {at}"
    if not any(played.below.calls for played in bench.kept):
        target = bench.target.decode("latin-1")
        return f"never called the application for {target}; name a URL for which it does"
    return ""
