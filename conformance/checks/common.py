"""What every check uses: a problem, and values put into bounded words."""

import re
from typing import Any, NamedTuple, Optional

__all__ = ["BEYOND_LATIN1", "Problem", "escaped", "show"]

BEYOND_LATIN1 = re.compile("[^\x00-\xff]")


class Problem(NamedTuple):
    """One broken rule.

    Attributes:
        rule: its id.
        expected, observed: one line each.
        level: a weaker level than the rule's own for this observation, or None.
    """

    rule: str
    expected: str
    observed: str
    level: Optional[str] = None


def show(value: Any, limit: int = 120) -> str:
    """Return a bounded repr that does not fail, whatever the object is."""
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__} without a usable repr>"
    return text if len(text) <= limit else text[: limit - 3] + "..."


def escaped(text: str) -> str:
    """Return a bounded repr of a str, in ASCII, whatever a subclass makes of it."""
    return ascii(str.__getitem__(text, slice(100)))
