"""Scenes of a bridge: how it ends, and what it does when start_response is called with exc_info."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator
from typing import Any

from conformance.driver.bridge_bench import PLAIN, Crossing, Desk, returns
from conformance.driver.memory import Request
from conformance.driver.sandwich_below import Below, Blocks

__all__ = ["closing", "error_calls", "late_error", "second_call"]


class Trapped(Exception):
    """What goes wrong inside these applications."""


class Container:
    """Is closed itself, and iterated through another object that can be closed too."""

    def __init__(self, below: Below) -> None:
        self.below = below
        self.inner = Blocks(Below(below.behave), [b"one, ", b"two"])
        below.iterables.append(self)

    def __iter__(self) -> Iterator[bytes]:
        return self.inner

    def close(self) -> None:
        """Count."""
        self.below.closes += 1


class Sized(list[bytes]):
    """A list with a close()."""

    def __init__(self, below: Below) -> None:
        super().__init__([b"one, ", b"two"])
        self.below = below
        below.iterables.append(self)

    def close(self) -> None:
        """Count."""
        self.below.closes += 1


def failing(point: str) -> Any:
    """Return an application's behaviour: its iterable raises."""

    def behave(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        def items() -> Iterator[bytes]:
            if point != "before start_response":
                start_response("200 OK", [PLAIN])
            if point == "after data":
                yield b"data"
            raise Trapped(f"raised by the application {point}")

        return below.blocks(items())

    return behave


def never_starts(items: list[bytes]) -> Any:
    """Return an application's behaviour: start_response is never called."""
    return lambda below, environ, start_response: below.blocks(items)


def closing(desk: Desk) -> None:
    """close(), however a request ends."""
    desk.scene = "close()"
    head, sized = Request(b"HEAD"), [PLAIN, ("Content-Length", "3")]
    normal, unread = "close-on-normal-end", "close-when-not-iterated"
    error, aborts = "close-on-iteration-error", "close-when-server-aborts"
    missing: dict[str, dict[str, Crossing]] = {}
    for rule, label, behave, request, clean in (
        ("close-on-returned-object", "another object iterates", returns(Container), None, True),
        (normal, "a list with close()", returns(Sized), None, True),
        (normal, "an iterator", returns([b"one, ", b"two"]), None, True),
        (normal, "no items", returns([]), None, True),
        (normal, "empty items", returns([b"", b""]), None, True),
        (normal, "length declared", returns([b"one"], fields=sized), None, True),
        (unread, "HEAD", returns([b"one"]), head, False),
        (unread, "HEAD, no items", returns([]), head, True),
        (unread, "204", returns([], "204 No Content", []), None, True),
        (unread, "304", returns([], "304 Not Modified", [("ETag", '"1"')]), None, True),
        (unread, "data beyond the length", returns([b"one", b"two"], fields=sized), None, False),
        (error, "before start_response", failing("before start_response"), None, False),
        (error, "before data", failing("before data"), None, False),
        (error, "after data", failing("after data"), None, False),
        (aborts, "data, and never started", never_starts([b"x"]), None, False),
        (aborts, "nothing, and never started", never_starts([]), None, False),
    ):
        crossing = desk.cross(behave, label, request, clean, validator=False)
        if crossing.below.iterables and not crossing.below.closes:
            missing.setdefault(rule, {})[label] = crossing
        judge_close(desk, crossing, rule)
    for rule, cases in missing.items():
        told = f"never: {'; '.join(cases)}"
        desk.claim(rule, False, "close() is called", told, next(iter(cases.values())))


def judge_close(desk: Desk, crossing: Crossing, rule: str) -> None:
    """Claim that close() came once, and last."""
    below = crossing.below
    told = f"{below.closes} calls of close(); {crossing.told()}"
    if below.closes and desk.claim(rule, True, "close() is called", told, crossing):
        once = below.closes == 1
        desk.claim("close-exactly-once", once, "close() is called once", told, crossing)
        kinds = [event.kind for event in below.events]
        late = "close" not in kinds or "next" not in kinds[kinds.index("close") :]
        told = "nothing was asked for after it" if late else "items were asked for after it"
        desk.claim("close-not-too-early", late, "close() after the last item", told, crossing)


def restart(start_response: Any, status: str, fields: list[tuple[str, str]]) -> Any:
    """Start an error response as an error handler does."""
    try:
        raise Trapped("trapped by the application")
    except Trapped:
        return start_response(status, fields, sys.exc_info())


def error_calls(desk: Desk) -> None:
    """start_response with exc_info in time: as the only call, as the second and the third one."""
    desk.scene = "exc_info"

    def starting(first: bool, again: bool, explicit: bool = False) -> Any:
        def behave(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
            if first:
                fields = [PLAIN, ("X-First", "1"), ("Content-Length", "3")]
                start_response("200 OK", fields, *([None] if explicit else []))
            if again:
                restart(start_response, "501 Once", [PLAIN, ("X-First", "2")])
            restart(start_response, "500 Oops", [PLAIN, ("X-Second", "1")])
            return below.blocks([b"an error page"])

        return behave

    for label, rule, behave in (
        ("as the only call", "start-response-error-first-call", starting(False, False)),
        ("as the second call", "start-response-error-body-sent", starting(True, False)),
        ("as second and third call", "start-response-repeats-accepted", starting(True, True)),
        ("after None", "start-response-none-as-omitted", starting(True, False, True)),
    ):
        crossing = desk.cross(behave, label)
        raised = [start.raised for start in crossing.below.starts if start.raised]
        # A bridge may raise the error once more when the response is through.
        through = crossing.seen.ended == "finished"
        arrived = through and crossing.seen.body == b"an error page" and not raised
        told = f"it raised {raised[0]!r:.90}; {crossing.told()}" if raised else crossing.told()
        wanted = f"exc_info {label}: it returns, and the error page arrives"
        if not desk.claim(rule, arrived, wanted, told, crossing):
            return  # the others have the same cause
        if label == "as the second call":
            status = crossing.seen.status == 500
            replaced = "start-response-error-replaces-status"
            told = f"status {crossing.seen.status}"
            desk.claim(replaced, status, "status 500", told, crossing)
            names = [name.decode("latin-1").lower() for name, _ in crossing.seen.fields]
            new = "x-second" in names and "x-first" not in names
            replaced = "start-response-error-replaces-headers"
            wanted = "the second call's headers alone"
            desk.claim(replaced, new, wanted, ", ".join(names), crossing)
    after_empty(desk)
    retention(desk)


def after_empty(desk: Desk) -> None:
    """Claim that an empty item leaves the response replaceable."""

    def behave(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        def items() -> Iterator[bytes]:
            start_response("200 OK", [PLAIN])
            yield b""
            restart(start_response, "500 Oops", [PLAIN])
            yield b"an error page"

        return below.blocks(items())

    crossing = desk.cross(behave, "after an empty item")
    arrived = crossing.seen.status == 500 and crossing.seen.body == b"an error page"
    wanted = "an empty item sends no headers: exc_info after it replaces them, status 500"
    desk.claim("headers-deferred-until-body", arrived, wanted, crossing.told(), crossing)


def retention(desk: Desk) -> None:
    """Claim that start_response lets go of the exception."""

    def behave(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        try:
            raise Trapped("to be let go")
        except Trapped as error:
            watched = weakref.ref(error)
            start_response("500 Oops", [PLAIN], sys.exc_info())
        below.starts.clear()
        if sys.implementation.name != "cpython":
            gc.collect()
        below.notes["kept"] = watched() is not None
        return below.blocks([b"an error page"])

    crossing = desk.cross(behave, "let go")
    if "kept" in crossing.notes:
        kept = crossing.notes["kept"]
        wanted = "the exception is gone when start_response has returned"
        told = "something holds it still" if kept else "it is"
        desk.claim("start-response-drops-exc-info", not kept, wanted, told, crossing)


def late_error(desk: Desk) -> None:
    """start_response with exc_info after data."""
    desk.scene = "exc_info after data"

    def behave(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        def items() -> Iterator[bytes]:
            start_response("200 OK", [PLAIN])
            yield b"data, "
            error = Trapped("trapped by the application")
            try:
                raise error
            except Trapped:
                try:
                    start_response("500 Oops", [PLAIN], sys.exc_info())
                except BaseException as raised:
                    below.notes["same"] = raised is error
                    raise
                below.notes["returned"] = True
            yield b"an error page"

        return below.blocks(items())

    crossing = desk.cross(behave, clean=False)
    rule = "start-response-late-error-raises"
    if "returned" in crossing.notes or "same" in crossing.notes:
        raised = "same" in crossing.notes
        told = "it raised" if raised else f"it returned; {crossing.told()}"
        wanted = "start_response with exc_info raises after data was yielded"
        desk.claim(rule, raised, wanted, told, crossing)
    if "same" in crossing.notes:
        same = crossing.notes["same"]
        told = "the very same" if same else "another one"
        rule = "start-response-reraises-given-error"
        desk.claim(rule, same, "the given exception is raised", told, crossing)


def second_call(desk: Desk) -> None:
    """start_response is called twice without exc_info."""
    desk.scene = "second plain call"

    def twice(*nothing: None) -> Any:
        def behave(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
            start_response("200 OK", [PLAIN], *nothing)
            start_response("200 OK", [PLAIN], *nothing)
            return below.blocks([b"a second call passed"])

        return behave

    for label, rule, behave in (
        ("", "start-response-second-call-raises", twice()),
        ("with None as third argument", "start-response-none-as-omitted", twice(None)),
    ):
        crossing = desk.cross(behave, label, clean=False)
        starts = crossing.below.starts
        if len(starts) < 2:
            return
        raised = starts[1].raised is not None
        told = "it raised" if raised else f"it returned; {crossing.told()}"
        if not desk.claim(
            rule, raised, f"a second call {label} raises".replace("  ", " "), told, crossing
        ):
            return
