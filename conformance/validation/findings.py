"""What the validator found: findings, how one is put into words, and where in the code it arose."""

from __future__ import annotations

import os
import reprlib
import sys
from functools import partial
from types import FunctionType, GeneratorType, MethodType
from typing import Any, NamedTuple

__all__ = ["ConformanceError", "ConformanceWarning", "Finding", "caller", "defined_at", "show"]

HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Finding(NamedTuple):
    """One rule, broken once.

    Attributes:
        rule: its id.
        level: ``MUST``, ``MUST NOT``, ``SHOULD``, ``SHOULD NOT``, or, for what is never counted,
            ``undefined`` (advice) and ``undefined (HTTP)`` (another specification's duty).
        party: the side at fault: ``server``, ``application``, ``middleware`` or ``framework``.
        expected, observed: one bounded line each.
        location: ``file:line`` of the call at fault, or an empty string where it cannot be had.
        url: the rule's source.
        request: method and path of the request.
    """

    rule: str
    level: str
    party: str
    expected: str
    observed: str
    location: str
    url: str
    request: str

    @property
    def must(self) -> bool:
        """Whether a MUST or MUST NOT is broken."""
        return self.level.startswith("MUST")

    @property
    def counted(self) -> bool:
        """Whether it is a finding of PEP 3333, and no advice."""
        return not self.level.startswith("undefined")

    def __str__(self) -> str:
        where = f" at {self.location}" if self.location else ""
        return (
            f"{self.level} {self.rule} ({self.party}): expected {self.expected}, "
            f"observed {self.observed}{where} in {self.request}; {self.url}"
        )


class ConformanceError(AssertionError):
    """A MUST was broken; an ``AssertionError``, as users of ``wsgiref.validate`` expect.

    Attributes:
        findings: what was found, in order.
    """

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        super().__init__("\n".join(map(str, findings)))


class ConformanceWarning(UserWarning):
    """A SHOULD was broken, or, with ``report="warn"``, anything at all."""


class _Bounded(reprlib.Repr):
    """``repr`` that stops early, and does not fail whatever the object is."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 100
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = 5

    def repr_instance(self, x: Any, level: int) -> str:
        if isinstance(x, (bytes, bytearray)):
            text = repr(x[:80])
            return text if len(x) <= 80 else f"{text}... ({len(x)} bytes)"
        return super().repr_instance(x, level)

    repr_bytes = repr_bytearray = repr_instance


_bounded = _Bounded()


def show(value: Any) -> str:
    """Return a bounded repr that does not fail, whatever the object is."""
    try:
        text = _bounded.repr(value)
    except Exception:
        text = f"<{_type_name(type(value))} without a usable repr>"
    return text if len(text) <= 160 else text[:157] + "..."


# Asked of the type's type, a name cannot be refused.
_type_name = type.__dict__["__name__"].__get__


def caller() -> str:
    """Return ``file:line`` of the nearest frame outside this package, or an empty string."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(HERE):
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def defined_at(thing: Any) -> str:
    """Return ``file:line`` of where a callable or a generator is, or an empty string.

    Of a generator that is suspended it is the line it stands at.
    """
    # Types are asked, not attributes: to look one up on somebody's object is to use it.
    if isinstance(thing, GeneratorType):
        frame = thing.gi_frame
        code, line = thing.gi_code, frame.f_lineno if frame is not None else 0
        return f"{code.co_filename}:{line or code.co_firstlineno}"
    if isinstance(thing, partial):
        return defined_at(thing.func)
    if isinstance(thing, MethodType):
        thing = thing.__func__
    elif isinstance(thing, type):
        thing = vars(thing).get("__init__")
    elif not isinstance(thing, FunctionType):
        thing = next((vars(k)["__call__"] for k in type(thing).__mro__ if "__call__" in vars(k)), 0)
    if not isinstance(thing, FunctionType):
        return ""
    return f"{thing.__code__.co_filename}:{thing.__code__.co_firstlineno}"
