"""What is judged of every exchange, whatever its probe was about.

All of it is a pure function of a trace. The runner keeps, for each rule, the worst of what the
whole run showed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import Any

from conformance.checks import (
    ENVIRON_RULES,
    Problem,
    check_environ,
    check_headers,
    check_status,
)
from conformance.harness.response import ResponseReader
from conformance.harness.verify import Verify
from conformance.inside.snapshot import decode
from conformance.trace import Call, Timeline

__all__ = ["GENERAL_RULES", "judge_every_exchange"]

GENERAL_RULES = (
    *ENVIRON_RULES,
    "app-called-positionally",
    "app-called-with-two-args",
    "close-exactly-once",
    "close-not-too-early",
    "environ-builtin-dict",
    "headers-response-well-formed",
    "start-response-returns-write",
    "start-response-two-args",
)

REQUEST_LINE = re.compile(rb"([A-Z]+) \S+ HTTP/1\.[01]\r\n")

# The rules that a call says something about, and what it has against them.
Examined = tuple[Collection[str], list[Problem]]


def judge_every_exchange(timeline: Timeline, verify: Verify) -> None:
    """Judge all calls of a trace, and the responses that came of them, by the general rules.

    Args:
        timeline: the trace.
        verify: declared with ``GENERAL_RULES``.
    """
    looked_at: Counter[str] = Counter()
    broken: set[str] = set()
    examined = [examine(call) for call in timeline.played() for examine in EXAMINE]
    for rules, problems in [*examined, *examine_responses(timeline)]:
        looked_at.update(rules)
        for rule, expected, observed, level in problems:
            verify(rule, level).true(False, expected, observed)
            broken.add(rule)
    for rule, count in looked_at.items():
        if rule not in broken:
            observed = f"nothing against it in {count} call{'s' if count > 1 else ''}"
            verify(rule).true(True, "every call of the application keeps it", observed)


def examine_responses(timeline: Timeline) -> Iterator[Examined]:
    """The first response of each connection: a head that HTTP allows, with one kind of framing.

    Only where it is certain which call it came of, and that call gave a status and headers that
    are right: what a server makes of wrong ones is judged by the probes that give them.
    """
    for number, call in calls_by_connection(timeline).items():
        connection = timeline.connections[number]
        asked = REQUEST_LINE.match(connection.sent)
        if asked is None or not started_well(call):
            continue
        reader = ResponseReader(asked[1].decode("ascii"))
        response = reader.read(connection.received, connection.ended is not None)
        if response is not None:
            yield (
                ("headers-response-well-formed",),
                [
                    Problem(
                        "headers-response-well-formed",
                        "a well-formed head with one framing, for a status and headers that are",
                        defect.text,
                    )
                    for defect in response.defects
                    if defect.part in ("head", "framing")
                ],
            )


def calls_by_connection(timeline: Timeline) -> dict[int, Call]:
    """Return the call of each connection that had one, no other being open meanwhile."""
    is_open: set[int] = set()
    found: dict[int, list[Call]] = {}
    for event in timeline.events:
        if event.eye == "client" and event.kind == "open":
            is_open.add(event.subject)
        elif event.eye == "client" and event.kind in ("closed", "aborted", "reset", "refused"):
            is_open.discard(event.subject)
        elif event.eye == "app" and event.kind == "called" and "says" not in event.data:
            for number in is_open:
                # More than one: any of them may be the call's, so it counts against each.
                calls = found.setdefault(number, [])
                calls += [timeline.calls[event.subject]] * len(is_open)
    return {number: calls[0] for number, calls in found.items() if len(calls) == 1}


def started_well(call: Call) -> bool:
    """Whether a call started its response once, with nothing against status and headers.

    Started by the callable itself: of one that starts later, what is sent may be earlier still.
    And not in a probe that says it is doing something outlandish: one finding a cause will do.
    """
    kinds = [event.kind for event in call.events]
    if "probe-outlandish" in kinds:
        return False
    before = kinds[: kinds.index("returned")] if "returned" in kinds else kinds
    if before.count("start_response") != kinds.count("start_response"):
        return False
    starts = [event.data for event in call.events if event.kind == "start_response"]
    if len(starts) != 1 or starts[0]["exc_info"] or len(starts[0]["arguments"]) != 2:
        return False
    status, fields = (decode(argument) for argument in starts[0]["arguments"])
    if check_status(status) or check_headers(fields):
        return False
    lengths = [value for name, value in fields if name.lower() == "content-length"]
    return len(lengths) < 2 and all(value.isascii() and value.isdecimal() for value in lengths)


def examine_arguments(call: Call) -> Examined:
    """Two arguments, by position, the second of them callable."""
    count, keywords = call.called["count"], call.called["keywords"]
    rules = ["app-called-with-two-args", "app-called-positionally"]
    problems: list[Problem] = []
    if count + len(keywords) != 2:
        observed = f"{count + len(keywords)} arguments"
        problems.append(Problem("app-called-with-two-args", "two arguments", observed))
    if keywords:
        expected = "no argument by keyword"
        problems.append(Problem("app-called-positionally", expected, f"keywords {keywords}"))
    if count > 1:
        rules.append("start-response-two-args")
        second = call.called["arguments"][0]
        if not is_callable(second):
            expected = "a callable as second argument"
            problems.append(Problem("start-response-two-args", expected, repr(decode(second))))
    return rules, problems


def is_callable(snapshot: Any) -> bool:
    """Whether an object of the server's process could be called."""
    return isinstance(snapshot, dict) and "__call__" in snapshot.get("m", ())


def examine_environ(call: Call) -> Examined:
    """The environ: exactly a dict, the required keys, types and names."""
    problems = check_environ(call.environ, call.called.get("inherited", ()))
    kind = call.called["environ"]["type"]
    if kind != "builtins.dict":
        expected = "an instance of dict itself"
        problems.append(Problem("environ-builtin-dict", expected, f"a {kind}"))
    return (*ENVIRON_RULES, "environ-builtin-dict"), problems


def examine_start_response(call: Call) -> Examined:
    """What start_response returns, whenever it returns at all.

    With exc_info that is a rule of its own (``start-response-error-returns-write``).
    """
    rules: list[str] = []
    problems: list[Problem] = []
    with_error = False
    for event in call.events:
        if event.kind == "start_response":
            with_error = event.data["exc_info"]
        elif event.kind == "start_response-returned" and not with_error:
            rules.append("start-response-returns-write")
            if not is_callable(event.data["value"]):
                observed = repr(decode(event.data["value"]))
                problems.append(Problem(rules[-1], "a callable that writes", observed))
    return rules, problems


def examine_close(call: Call) -> Examined:
    """close() of a recorded iterable: at most once, and not before the last step."""
    kinds = [event.kind for event in call.events]
    if "close" not in kinds:
        return (), []
    problems: list[Problem] = []
    if kinds.count("close") > 1:
        observed = f"{kinds.count('close')} calls of close()"
        problems.append(Problem("close-exactly-once", "one call of close()", observed))
    late = kinds[kinds.index("close") :].count("next")
    if late:
        observed = f"{late} block(s) asked for after close()"
        problems.append(Problem("close-not-too-early", "no next() after close()", observed))
    return ("close-exactly-once", "close-not-too-early"), problems


EXAMINE: tuple[Callable[[Call], Examined], ...] = (
    examine_arguments,
    examine_environ,
    examine_start_response,
    examine_close,
)
