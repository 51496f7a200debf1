"""Warnings in the name of a test."""

from __future__ import annotations

import warnings

import pytest

from conformance import ConformanceWarning

__all__ = ["REFUSED", "warned"]

REFUSED = "wsgi-conformance: a warning, which this suite's filters make an error"


def warned(item: pytest.Item, text: str) -> bool:
    """Warn in the name of a test; return whether its filters let that be a warning.

    Not by ``item.warn``, which needs a line, and an item from no Python file has none.
    """
    path, line, _ = item.reportinfo()
    try:
        warnings.warn_explicit(ConformanceWarning(text), None, str(path), (line or 0) + 1)
    except ConformanceWarning:
        return False
    return True
