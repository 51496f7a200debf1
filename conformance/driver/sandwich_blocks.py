"""Scenes of block boundaries: one value up for each value from below, and none of them held back.

What breaks several of these rules at once has one cause, and is one finding: of the rule that names
the cause best. The others are shown with a hint to it and do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from conformance.driver.sandwich import Played
from conformance.driver.sandwich_below import Below
from conformance.driver.sandwich_bench import HTML, LATE, PLAIN, Bench, is_nothing, scene

__all__ = ["late_start", "ten_blocks", "works_on", "written"]

PROMPT = "middleware-returns-iterable-promptly"
DELAYED = "middleware-block-not-delayed"
ONE_PULL = "middleware-one-pull-per-step"
TRANSMIT = "middleware-transmit-guarantee"
ONE_VALUE = "middleware-one-value-per-value"
EMPTY = "middleware-yields-empty-meanwhile"
NOTHING = "no value at all meanwhile"
BLOCKS = [
    b"<p>Paragraph number %d of a page that grows.</p>\n" % number * 20 for number in range(10)
]
WANTED = {
    PROMPT: "the middleware's call returns without taking values from the application's iterable",
    DELAYED: "something for the first block before the application is asked for another one",
    ONE_PULL: "each step takes one value at most from the application",
    TRANSMIT: "something for the first block while the application works on its second",
    ONE_VALUE: "one value or more for each value of the application",
    EMPTY: "b'' where there is no output yet",
}


def streams(
    fields: Iterable[tuple[str, str]], blocks: list[bytes], late: bool = False, parks: bool = False
) -> Any:
    """Return an application's behaviour: a response in blocks."""

    def behave(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        below.notes["body"] = b"".join(blocks)

        def lazily() -> Iterator[bytes]:
            start_response("200 OK", list(fields))
            yield from blocks

        if late:
            return below.blocks(lazily(), parks)
        start_response("200 OK", list(fields))
        return below.blocks(blocks, parks)

    return behave


@scene("ten blocks")
def ten_blocks(bench: Bench) -> None:
    """An application yields ten blocks, one by one."""
    for fields in ([HTML], [PLAIN], [("Content-Type", "application/octet-stream")]):
        for gzip in (False, True):
            what = f"{fields[0][1].partition(';')[0]}{', gzip accepted' if gzip else ''}"
            request = bench.request(gzip=gzip)
            played = bench.play(streams(fields, BLOCKS), what, request=request)
            if not bench.fine(played, what="an iterator of ten blocks") or not played.used:
                continue
            judge_blocks(bench, played)


@scene("the application works on")
def works_on(bench: Bench) -> None:
    """The application stands still before its second block until the first one is through."""
    for fields in ([HTML], [PLAIN]):
        played = bench.play(streams(fields, BLOCKS[:3], parks=True), fields[0][1])
        below = played.below
        if played.error is not None or not played.used or played.values_at_return > 0:
            continue
        if played.steps and played.steps[0].values > 1:
            continue  # it did so itself, which the scene before has told
        out = not below.notes.get("forced before output", below.forced)
        seen = "it came" if out else "nothing before the application was let go on"
        if not bench.claim(TRANSMIT, out, WANTED[TRANSMIT], seen, played):
            return
        bench.claim(DELAYED, True, WANTED[DELAYED], seen, played)


def judge_blocks(bench: Bench, played: Played) -> None:
    """Make one finding of whatever is wrong with the steps, and passes of the rest."""
    broken = broken_rules(played)
    for number, (rule, seen) in enumerate(broken.items()):
        if not number:
            cause, told = rule, seen
            bench.claim(rule, False, WANTED[rule], seen, played)
        elif rule == EMPTY and seen != NOTHING:
            bench.claim(rule, False, WANTED[rule], seen, played)
        else:
            hint = f"part of the finding {cause}: {told}"
            bench.advise(rule, WANTED[rule], hint, played, broken=True)
    seen = f"{len(played.steps)} values for {played.below.given}"
    for rule in (PROMPT, DELAYED, ONE_PULL, ONE_VALUE):
        if rule not in broken:
            bench.claim(rule, True, WANTED[rule], seen, played)
    waits = [
        step for step in played.steps if type(step.item) is bytes and not step.item and step.values
    ]
    if waits and EMPTY not in broken:
        bench.claim(EMPTY, True, WANTED[EMPTY], f"b'' {len(waits)} times", played)


def broken_rules(played: Played) -> dict[str, str]:
    """Return the broken rules with what was observed, that of the cause first."""
    broken: dict[str, str] = {}
    early, given = played.values_at_return, played.below.given
    if early:
        broken[PROMPT] = (
            "one value was taken within the call, to peek at it"
            if early == 1
            else f"{early} values were taken within the call"
        )
    if early > 1:
        broken[DELAYED] = f"all of {early} values were taken before the first was handed up"
        broken[ONE_PULL] = broken[PROMPT]
    greedy = [step for step in played.steps if step.values > 1]
    if greedy and not early:
        first = greedy[0].values
        if first >= given:
            broken[DELAYED] = f"all {first} values were taken before the first step gave something"
        broken[ONE_PULL] = f"{first} values were taken within one step"
    elif not early and not played.steps and played.below.notes.get("taken at the end", 0) > 1:
        broken[DELAYED] = "all values were taken within one step, which gave nothing"
    up = len(played.steps) + played.writes
    if up < given and played.ended:
        broken[ONE_VALUE] = f"{up} values for {given}"
    elif not broken:
        taken = 0
        for number, step in enumerate(played.steps, 1):
            taken += step.values
            if taken > number:
                broken[ONE_VALUE] = f"{taken} values taken by step {number}"
                break
    nothing = [item for item in played.items if is_nothing(item)]
    if nothing:
        broken[EMPTY] = f"{nothing[0]!r} in place of b''"
    elif broken.keys() & {DELAYED, ONE_PULL}:
        broken[EMPTY] = NOTHING
    if DELAYED in broken:
        broken[TRANSMIT] = broken[DELAYED]
    return broken


@scene("written data")
def written(bench: Bench) -> None:
    """An application calls write() and then returns a block."""

    def writes(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        below.notes["body"] = b"written, yielded"
        write = start_response("200 OK", [PLAIN])
        below.notes["write"] = write
        below.write(write, b"written, ")
        return below.blocks([b"yielded"])

    played = bench.play(writes, "write() and a block")
    rule = "middleware-returns-write"
    notes = played.below.notes
    if "write" in notes:
        usable = callable(notes["write"])
        wanted = "start_response returns a write()"
        seen = f"{type(notes['write']).__name__}"
        own = played.own_start
        bench.claim(rule, usable, wanted, seen, played, exercised=False)
        if usable and played.used:
            bench.fine(played, rule, "write()")
            body = played.body
            if bench.changes or not played.whole:
                arrived = any(played.chunks)
            else:
                arrived = 0 <= body.find(b"written, ") < body.find(b"yielded")
            wanted = "written data arrives, before what is yielded"
            bench.claim(rule, arrived, wanted, f"{body!r:.120}", played, exercised=own)
            early = notes.get("sent before write()", 0)
            wanted = "nothing through the server's write() that the application has not written"
            relayed = played.writes > 0
            seen = f"{early} calls before the application's first"
            bench.claim(
                "middleware-write-relay-only", not early, wanted, seen, played, exercised=relayed
            )
    only_yields(bench)


def only_yields(bench: Bench) -> None:
    """Play applications that never call write(): nor may the middleware."""
    for label, blocks in (("blocks alone", [b"one, ", b"two, ", b"three"]), ("no blocks", [])):
        for late in (False, True):
            played = bench.play(streams([PLAIN], blocks, late), label)
            if not played.below.calls or played.error is not None:
                continue
            if blocks:
                rule, wanted = (
                    "middleware-write-not-for-yields",
                    "yielded data is handed up as such",
                )
            else:
                rule, wanted = "middleware-write-relay-only", "the server's write() is not called"
            seen = f"{played.writes} calls of the server's write()"
            bench.claim(rule, not played.writes, wanted, seen, played, exercised=played.used)


@scene("late start")
def late_start(bench: Bench) -> None:
    """start_response is called only when iteration has begun."""
    rule = "middleware-accepts-deferred-start"
    for label, blocks in (
        ("with data", BLOCKS[:2]),
        ("with an empty block", [b"", b"x"]),
        ("", []),
    ):
        played = bench.play(
            streams([HTML], blocks, late=True), label or "without data", judged=False
        )
        if not played.below.calls:
            return
        first = next((start for start in played.upper_starts), None)
        if bench.fine(played, rule, LATE):
            timely = first is not None and first.items == 0
            wanted = "the status is known to the server before the first data and before the end"
            seen = "it was" if timely else "no start_response" if first is None else "data first"
            bench.claim(rule, timely, wanted, seen, played)
