"""What is judged of every exchange, whatever its probe was about.

Each function is a pure function of a trace. The runner keeps, for each rule, the worst of what the
whole run showed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from conformance.checks import ENVIRON_RULES, check_environ
from conformance.harness.verify import Verify
from conformance.trace import Call, Timeline

__all__ = ["GENERAL_RULES", "judge_every_exchange"]

GENERAL_RULES = (
    *ENVIRON_RULES,
    "app-called-positionally",
    "app-called-with-two-args",
    "close-exactly-once",
    "close-not-too-early",
    "environ-builtin-dict",
    "start-response-returns-write",
    "start-response-two-args",
)


def judge_every_exchange(timeline: Timeline, verify: Verify) -> None:
    """Judge all calls of a trace by the general rules.

    Args:
        timeline: the trace.
        verify: declared with ``GENERAL_RULES``.
    """
    for call in timeline.calls.values():
        for judge in JUDGES:
            judge(call, verify)


def judge_arguments(call: Call, verify: Verify) -> None:
    """Two arguments, by position, the second of them callable."""
    count, keywords = call.called["count"], call.called["keywords"]
    verify("app-called-with-two-args").equal(count + len(keywords), 2)
    verify("app-called-positionally").equal(keywords, [])
    if count > 1:
        second = call.called["arguments"][0]
        is_callable = isinstance(second, dict) and "__call__" in second.get("m", ())
        verify("start-response-two-args").true(
            is_callable, "a callable as second argument", str(second)
        )


def judge_environ(call: Call, verify: Verify) -> None:
    """The environ: exactly a dict, the required keys, types and names."""
    kind = call.called["environ"]["type"]
    verify("environ-builtin-dict").equal(kind, "builtins.dict")
    problems = check_environ(call.environ, call.called.get("inherited", ()))
    for problem in problems:
        verify(problem.rule, problem.level).true(False, problem.expected, problem.observed)
    for rule in set(ENVIRON_RULES) - {problem.rule for problem in problems}:
        verify(rule).true(True, "as the rule says", "so it was")


def judge_start_response(call: Call, verify: Verify) -> None:
    """What start_response returns, whenever it returns at all."""
    for event in call.events:
        if event.kind == "start_response-returned":
            value = event.data["value"]
            is_callable = isinstance(value, dict) and "__call__" in value.get("m", ())
            verify("start-response-returns-write").true(is_callable, "a callable", str(value))


def judge_close(call: Call, verify: Verify) -> None:
    """close() of a recorded iterable: at most once, and not before the last step."""
    kinds = [event.kind for event in call.events]
    if "close" not in kinds:
        return
    verify("close-exactly-once").equal(kinds.count("close"), 1)
    late = list(steps_after_close(kinds))
    verify("close-not-too-early").true(
        not late, "no next() after close()", f"{len(late)} next() after close()"
    )


def steps_after_close(kinds: list[str]) -> Iterator[str]:
    """Yield each request for a block that came after close()."""
    for kind in kinds[kinds.index("close") :]:
        if kind == "next":
            yield kind


JUDGES: tuple[Callable[[Call, Verify], None], ...] = (
    judge_arguments,
    judge_environ,
    judge_start_response,
    judge_close,
)
