"""The replaying driver: gives a client half what a stored trace saw, in place of a server."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from conformance.harness.live import Died, Driver
from conformance.trace import Event, Timeline, TraceError

__all__ = ["Replay"]


class Replay(Driver):
    """Advances a timeline from mark to mark of a stored trace.

    Args:
        events: of the stored trace, as ``conformance.trace.from_json`` gives them.
    """

    def __init__(self, events: list[Event]) -> None:
        self.timeline = Timeline()
        self._ahead = deque(events)
        # What a server should say of its own address was true of the one that was talked to.
        for event in events:
            if event.kind == "open" and "address" in event.data:
                host, port = event.data["address"]
                self.address = (host, port)
                break
        self._opened = 0

    def until(
        self, condition: Callable[[], bool], limit: float | None = None, *, or_idle: bool = False
    ) -> bool:
        while self._ahead:
            event = self._take()
            if event.eye == "harness" and event.kind == "mark":
                self.rested = bool(event.data.get("rested"))
                if bool(condition()) != event.data["met"]:
                    raise TraceError("the probe has changed since the trace was stored")
                if not event.data["met"] and self.timeline.exited is not None:
                    raise Died(f"the server's process ended with status {self.timeline.exited}")
                return bool(event.data["met"])
        raise TraceError("the trace ends before the probe does")

    def rest(self) -> Timeline:
        """Take in what is left, and return the whole timeline."""
        while self._ahead:
            self._take()
        return self.timeline

    def _take(self) -> Event:
        event = self._ahead.popleft()
        try:
            self.timeline.append(event)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TraceError(f"a {event.kind} event that cannot be: {error!r}") from error
        return event

    def scene(self, module: str, probe: str, parameters: dict[str, Any]) -> None:
        return

    def open(self, receive_buffer: int | None = None, *, or_idle: bool = False) -> int:
        self._opened += 1
        return self._opened

    def send(self, connection: int, data: bytes) -> None:
        return

    def end(self, connection: int, how: str) -> None:
        return

    def pause(self, connection: int, paused: bool) -> None:
        return

    def open_gate(self, call: int, value: Any) -> None:
        return

    def look_inside(self) -> None:
        while self._ahead:
            if self._take().kind == "looked-inside":
                return

    def mount(self, attribute: str) -> str | None:
        while self._ahead:
            event = self._take()
            if event.eye == "harness" and event.kind == "mounted":
                failure: str | None = event.data["failure"]
                return failure
        raise TraceError("the trace ends before the probe does")
