"""Conformance suite for PEP 3333, the Python Web Server Gateway Interface v1.0.1.

``Validator``, ``validator``, ``Finding``, ``ConformanceError`` and ``ConformanceWarning`` are those
of ``conformance.validation``; they are imported when they are first asked for, as what runs inside
a server under test has no use for them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.validation import (
        ConformanceError,
        ConformanceWarning,
        Finding,
        Validator,
        validator,
    )

__version__ = "0.1.0"
__all__ = [
    "ConformanceError",
    "ConformanceWarning",
    "Finding",
    "Validator",
    "__version__",
    "validator",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from conformance import validation

        return getattr(validation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
