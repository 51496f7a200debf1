"""Judges a bridge or a test client by the rules that bind servers, as far as a callable is bound.

What is of the wire, of processes or of several requests at once is not asked of it; nor is trapping
exceptions, since a test client shows them to its user on purpose and a bridge leaves them to the
server that it runs in.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.driver import bridge_endings as endings
from conformance.driver import bridge_responses as responses
from conformance.driver.bridge_bench import Desk
from conformance.driver.bridges import Bridge
from conformance.results.model import SubjectResult
from conformance.rules import Rule
from conformance.validation import Finding

__all__ = ["JudgedBridge", "judge_bridge"]

SCENES: tuple[Callable[[Desk], None], ...] = (
    responses.head,
    responses.environ,
    responses.input_stream,
    responses.kinds,
    responses.empty,
    responses.late_start,
    responses.written,
    responses.mutation,
    endings.closing,
    endings.error_calls,
    endings.late_error,
    endings.second_call,
)


@dataclass
class JudgedBridge:
    """What came of a bridge.

    Attributes:
        result: its verdicts. traces: their evidence, by key.
        foreign: findings about the applications it ran; there should be none.
    """

    result: SubjectResult
    traces: dict[str, Any]
    foreign: list[Finding]


def judge_bridge(
    bridge: Bridge,
    rules: Mapping[str, Rule],
    *,
    wanted: Callable[[str], bool] = lambda rule: True,
    timed: Callable[[], None] | None = None,
) -> JudgedBridge:
    """Judge one bridge.

    Args:
        bridge: its package has to be installed.
        rules: all rules by id.
        wanted: which rules are reported.
        timed: called before every request, so that a watch can be set.
    """
    desk = Desk(rules=rules, bridge=bridge, timed=timed)
    result = SubjectResult(
        bridge.name,
        title=bridge.title,
        kind="bridge",
        version=bridge.version or "",
        python=platform.python_version(),
        homepage=bridge.homepage,
        started=True,
    )
    begun = time.monotonic()
    for play in SCENES:
        play(desk)
    desk.add_passive()
    result.duration = round(time.monotonic() - begun, 3)
    result.exchanges = desk.requests
    traces = desk.close(result, wanted)
    return JudgedBridge(result, traces, desk.foreign)
