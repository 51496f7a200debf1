"""A limit for each request: where an application stays beyond it, and no waiting for ever."""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType

__all__ = ["Watch", "where_it_stays"]

OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
LIBRARY = os.path.abspath(sysconfig.get_path("stdlib")) + os.sep
PACKAGES = ("site-packages", "dist-packages")


class Watch:
    """Calls a function once if something takes longer than a limit.

    Args:
        limit: seconds that a watched stretch may take.
        late: called from another thread with where the application is and its whole stack.
    """

    def __init__(self, limit: float, late: Callable[[str, str], None]) -> None:
        self.limit = limit
        self.late = late
        self._due: float | None = None
        self._changed = threading.Condition()
        threading.Thread(target=self._wait, name="watch", daemon=True).start()

    def begin(self) -> None:
        """Begin a stretch; the one before ends."""
        with self._changed:
            self._due = time.monotonic() + self.limit
            self._changed.notify()

    def end(self) -> None:
        """End the stretch."""
        with self._changed:
            self._due = None
            self._changed.notify()

    def _wait(self) -> None:
        with self._changed:
            while True:
                if self._due is None:
                    self._changed.wait()
                    continue
                left = self._due - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
        self.late(*where_it_stays())


def where_it_stays() -> tuple[str, str]:
    """Return where the application is now, and the stack of the thread that it is in.

    Where it is, is the innermost line that belongs to neither us nor a library.
    """
    own = threading.get_ident()
    frames = {ident: frame for ident, frame in sys._current_frames().items() if ident != own}
    stacks = [stack_of(frame) for frame in frames.values()]
    # The threads of a scenario are inside our gateway; of them, the one that is deepest in.
    stacks.sort(key=lambda stack: (any(is_gateway(each) for each in stack), len(stack)))
    stack = stacks[-1] if stacks else []
    last_of_ours = max(
        (number for number, each in enumerate(stack) if each.filename.startswith(OURS)), default=-1
    )
    inside = stack[last_of_ours + 1 :] or stack
    theirs = [each for each in inside if is_users(each)] or inside
    if not theirs:
        return "an unknown place", ""
    at = theirs[-1]
    return f"{at.filename}:{at.lineno} in {at.name}", "".join(traceback.format_list(inside))


def stack_of(frame: FrameType) -> list[traceback.FrameSummary]:
    """Return the stack of a frame, outermost first."""
    return list(traceback.extract_stack(frame))


def is_gateway(frame: traceback.FrameSummary) -> bool:
    """Whether a frame is of the gateway that runs the application."""
    return frame.filename.startswith(os.path.join(OURS, "reference", "gateway"))


def is_users(frame: traceback.FrameSummary) -> bool:
    """Whether a frame is of the user's own code."""
    name = frame.filename
    if name.startswith((OURS, "<")) or any(part in name.split(os.sep) for part in PACKAGES):
        return False
    return not name.startswith(LIBRARY)
