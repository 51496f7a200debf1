"""Scenes in which something ends early or goes wrong: close(), exc_info, a second start."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator
from typing import Any

from conformance.driver.sandwich_below import Below
from conformance.driver.sandwich_bench import HTML, PLAIN, TEXT, Bench, scene
from conformance.driver.sandwich_calls import answers

__all__ = ["closing", "let_go", "second_plain", "with_error"]

CLOSES = "middleware-closes-inner-iterable"
THIRD = "middleware-accepts-third-argument"


class Trapped(Exception):
    """What goes wrong inside these applications."""


class Container:
    """Is closed itself, and iterated through another object."""

    def __init__(self, below: Below) -> None:
        self.below = below
        below.iterables.append(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter([TEXT[:900], TEXT[900:]])

    def close(self) -> None:
        """Count."""
        self.below.closes += 1


def returns_container(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
    """Return an object that is no iterator."""
    start_response("200 OK", [HTML])
    return Container(below)


def fails(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
    """Give one block and raise."""
    start_response("200 OK", [HTML])

    def items() -> Iterator[bytes]:
        yield TEXT
        raise Trapped("raised by the application in its second step")

    return below.blocks(items())


def fails_at_once(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
    """Raise in the first step, before start_response."""

    def items() -> Iterator[bytes]:
        raise Trapped("raised by the application in its first step")
        yield TEXT

    return below.blocks(items())


@scene("close()")
def closing(bench: Bench) -> None:
    """Every way in which a request can end."""
    halves = [TEXT[:900], TEXT[900:]]
    started = answers("200 OK", [HTML], "blocks", halves)
    late = answers("200 OK", [HTML], "late", halves)
    cases: list[tuple[str, Any, int | None, bytes]] = [
        ("to the end", started, None, b"GET"),
        ("started late, to the end", late, None, b"GET"),
        ("closed before the first step", started, 0, b"GET"),
        ("started late, closed before the first step", late, 0, b"GET"),
        ("closed after one step", started, 1, b"GET"),
        ("started late, closed after one step", late, 1, b"GET"),
        ("another object iterates", returns_container, None, b"GET"),
        ("another object iterates, closed after one step", returns_container, 1, b"GET"),
        ("an error in the second step", fails, None, b"GET"),
        ("an error in the first step", fails_at_once, None, b"GET"),
        ("HEAD, closed before the first step", started, 0, b"HEAD"),
        ("no blocks", answers("200 OK", [HTML], "blocks", []), None, b"GET"),
        ("204", answers("204 No Content", [], "blocks", []), None, b"GET"),
        ("304", answers("304 Not Modified", [("ETag", '"1"')], "blocks", []), None, b"GET"),
        ("302", answers("302 Found", [HTML, ("Location", "/y")], "blocks", halves), None, b"GET"),
        ("401", answers("401 Unauthorized", [HTML], "blocks", halves), None, b"GET"),
        ("404", answers("404 Not Found", [HTML], "blocks", halves), None, b"GET"),
        ("500", answers("500 Oops", [HTML], "blocks", halves), None, b"GET"),
        ("the server's file wrapper", answers("200 OK", [HTML], "file", halves), None, b"GET"),
        ("file wrapper, closed before the first step", answers("200 OK", [HTML], "file", halves),
         0, b"GET"),
    ]  # fmt: skip
    missing, double = [], []
    for label, behave, steps, method in cases:
        for gzip in (False, True):
            request = bench.request(method, gzip=gzip)
            # What a validator puts around an iterable would be closed in its place.
            played = bench.play(
                behave, label, request=request, steps=steps, judged=False, validators=False
            )
            number = len(played.below.iterables)
            if played.below.closes < number:
                missing.append((label, played))
            elif played.below.closes > number:
                double.append((label, played))
            elif number:
                told = f"{played.below.closes} calls of close() for {number} object(s)"
                bench.claim(CLOSES, True, "close() below, once", told, played)
    once = "close() below no more than once"
    for cases_of, wanted, level in (
        (missing, "close() below by the time of the server's own, however the request ends", None),
        (double, once, "SHOULD"),
    ):
        if cases_of:
            labels = list(dict.fromkeys(label for label, _ in cases_of))
            played = cases_of[0][1]
            seen = f"{played.below.closes} calls: {'; '.join(labels)}"[:300]
            bench.claim(CLOSES, False, wanted, seen, played, level)


def first_call(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
    """Start an error response, with exc_info, as the only one."""
    try:
        raise Trapped("trapped by the application")
    except Trapped:
        start_response("500 Oops", [PLAIN], sys.exc_info())
    return [b"an error page"]


def second_call(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
    """Start a response, then another one in time."""
    start_response("200 OK", [PLAIN, ("X-First", "1")])
    return first_call(below, environ, start_response)


def after_output(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
    """Start an error response after data was given; go on where that is let pass."""

    def items() -> Iterator[bytes]:
        start_response("200 OK", [PLAIN])
        yield b"data, "
        try:
            raise Trapped("trapped by the application")
        except Trapped:
            # What it raises travels on, as the PEP wants it.
            below.notes["write"] = start_response("500 Oops", [PLAIN], sys.exc_info())
        yield b"an error page"

    return below.blocks(items())


@scene("exc_info")
def with_error(bench: Bench) -> None:
    """start_response with exc_info: as first call, as second, and after output."""
    for label, behave in (("only call", first_call), ("second call", second_call)):
        played = bench.play(behave, label)
        if not played.below.calls:
            return
        refused = [start.raised for start in played.below.starts if start.raised]
        seen = f"it raised {refused[0]!r:.100}" if refused else "it did"
        own = played.own_start
        given = [start.returned for start in played.below.starts if not start.raised]
        writes = all(callable(each) for each in given)
        names = ", ".join(type(each).__name__ for each in given)
        bench.claim(
            "middleware-returns-write", writes, "start_response returns a write()", names, played,
            exercised=False,
        )  # fmt: skip
        bare = [start for start in played.upper_starts[1:] if not start.with_error]
        wanted = "a further call above has exc_info too"
        told = f"{len(played.upper_starts)} calls, {len(bare)} further ones without it"
        if bench.claim(THIRD, not bare, wanted, told, played, exercised=own):
            wanted = "start_response(status, headers, exc_info) returns where no data was given"
            # A middleware may raise an error of its own from there, or the one it is given.
            level = None if any(isinstance(error, TypeError) for error in refused) else "undefined"
            bench.claim(THIRD, not refused, wanted, seen, played, level, exercised=own)
    played = bench.play(after_output, "after output", judged=False)
    started = [start for start in played.below.starts if start.with_error]
    kind = type(started[0].raised).__name__ if started else ""
    wanted = "start_response(status, headers, exc_info) can be called after output"
    bench.claim(THIRD, kind != "TypeError", wanted, f"it raised {kind}", played, exercised=False)
    if "write" not in played.below.notes:
        return
    bench.swallows = True
    rule = "middleware-swallow-keeps-arguments"
    write = played.below.notes["write"]
    wanted = "a call with exc_info that returns gives a write()"
    bench.claim(rule, callable(write), wanted, type(write).__name__, played)
    wanted = "the error page goes on after a call that returned"
    bench.claim(rule, played.error is None, wanted, played.outcome(), played)


@scene("second plain call")
def second_plain(bench: Bench) -> None:
    """start_response is called twice without exc_info."""

    def twice(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [PLAIN])
        start_response("200 OK", [PLAIN])
        return [b"a second call passed"]

    played = bench.play(twice, "", judged=False)
    if len(played.below.starts) > 1:
        refused = played.below.starts[1].raised is not None
        wanted = "a second call without exc_info raises"
        seen = "it raised" if refused else "it returned"
        rule = "middleware-second-call-raises"
        bench.claim(rule, refused, wanted, seen, played, exercised=played.own_start)


@scene("exc_info let go")
def let_go(bench: Bench) -> None:
    """An exception is given to start_response and dropped."""

    def drops(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        try:
            raise Trapped("to be let go")
        except Trapped as error:
            watched = weakref.ref(error)
            start_response("500 Oops", [PLAIN], sys.exc_info())
        # What the recorder of the calls holds would be the recorder's fault.
        below.starts.clear()
        if sys.implementation.name != "cpython":
            gc.collect()
        below.notes["kept"] = watched() is not None
        return [b"an error page"]

    enabled = gc.isenabled()
    gc.disable()
    try:
        played = bench.play(drops, "", validators=False, judged=False)
    finally:
        if enabled:
            gc.enable()
    # One that does not raise may keep what it was given (PEP 3333, Error Handling).
    if "kept" in played.below.notes and not bench.swallows:
        kept = played.below.notes["kept"]
        wanted = "the exception is gone when start_response has returned"
        seen = "something holds it still" if kept else "it is"
        rule = "middleware-drops-exc-info"
        bench.claim(rule, not kept, wanted, seen, played, exercised=played.own_start)
