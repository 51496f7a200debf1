"""One selector for everything a run of one server waits for, in one thread.

Both eyes, the server's log and the end of its process are file descriptors here, so that every
wait ends on an event and the order of events is one order.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from typing import Any

__all__ = ["Interrupted", "Loop"]

# A wait without a limit of its own still wakes up, so that a lost event cannot hang a run.
LONGEST_SELECT = 60.0


class Interrupted(Exception):
    """The run was told to stop."""


class Loop:
    """Calls back when file descriptors are ready, until what was waited for has come true.

    Attributes:
        waited: seconds spent in the selector so far.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        self._interrupted = False
        self._forgiving = False
        self.waited = 0.0
        self.watch(self._woken, self._interrupt)

    def watch(
        self, file: Any, callback: Callable[[], None], events: int = selectors.EVENT_READ
    ) -> None:
        """Call back whenever a file object or descriptor is ready."""
        self._selector.register(file, events, callback)

    def unwatch(self, file: Any) -> None:
        """Stop watching; nothing happens if it is not watched."""
        try:
            self._selector.unregister(file)
        except (KeyError, ValueError):
            return

    def until(self, condition: Callable[[], bool], limit: float) -> bool:
        """Handle events until a condition holds.

        Args:
            condition: asked before the first wait and after each batch of events.
            limit: seconds after which to give up.

        Returns:
            Whether the condition came true.

        Errors:
            Interrupted: ``interrupt`` was called.
        """
        deadline: float | None = None
        while True:
            if self._interrupted and not self._forgiving:
                raise Interrupted
            if condition():
                return True
            now = time.monotonic()
            if deadline is None:
                deadline = now + limit
            if now >= deadline:
                return False
            self._turn(min(deadline - now, LONGEST_SELECT), now)

    def drain(self) -> None:
        """Handle what is ready now, without waiting."""
        self._turn(0, time.monotonic())

    def _turn(self, timeout: float, before: float) -> None:
        ready = self._selector.select(timeout)
        self.waited += time.monotonic() - before
        for key, _ in ready:
            # An earlier callback of this batch may have stopped watching it, and another may even
            # be watching a new file of the same number.
            if self._selector.get_map().get(key.fd) is key:
                key.data()

    def interrupt(self) -> None:
        """Make every wait, now and later, end in ``Interrupted``; may be called from any thread."""
        self._interrupted = True
        try:
            self._wake.send(b"!")
        except OSError:  # woken up often enough already, or closed
            return

    def forgive(self) -> None:
        """Allow waits from now on, whoever interrupts, for the time it takes to clean up."""
        self._forgiving = True

    def _interrupt(self) -> None:
        self._woken.recv(4096)

    def close(self) -> None:
        """Release the loop's own descriptors; a second time does nothing."""
        self._selector.close()
        self._wake.close()
        self._woken.close()
