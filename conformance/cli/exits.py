"""Exit codes, and the one way to end with an error: a clear line and no traceback."""

from __future__ import annotations

__all__ = ["CLEAN", "FINDINGS", "UNJUDGED", "WRONG_USE", "UsageError"]

CLEAN = 0
FINDINGS = 1
WRONG_USE = 2
UNJUDGED = 3


class UsageError(Exception):
    """Wrong use or configuration: its message is printed and the exit code is 2."""
