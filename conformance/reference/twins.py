"""Twins: the reference server with one thing changed, to check the checks with.

A bad twin breaks one rule and must be caught for it; a good twin does something unusual that is
allowed and must stay clean. A twin is a subclass of ``Gateway`` or ``Connection`` (or a middleware
function) with a line of docstring, in a file under ``servers/twins/``; being there is all it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from conformance.probing import ProbeError, load_module
from conformance.reference.gateway import Gateway
from conformance.reference.server import Connection

__all__ = ["Twin", "TwinError", "bad_twin", "good_twin", "load_twin", "load_twins"]

Changed = TypeVar("Changed", bound=type[Gateway] | type[Connection])


class TwinError(Exception):
    """A twin that cannot be had; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Twin:
    """One twin.

    Attributes:
        name: of its class.
        bad: whether it breaks its rules, or sits at their border and is clean.
        rules: ids; a bad twin breaks each of them.
        also: ids that cannot but break along with them, and may be reported too.
        summary: its docstring: what it does.
        file: where it is.
        changed: the class to serve with.
    """

    name: str
    bad: bool
    rules: tuple[str, ...]
    also: tuple[str, ...]
    summary: str
    file: Path
    changed: type[Gateway] | type[Connection]

    def classes(self) -> dict[str, Any]:
        """Return the keyword arguments that make a ``Server`` this twin."""
        key = "gateway_class" if issubclass(self.changed, Gateway) else "connection_class"
        return {key: self.changed}


def _declare(bad: bool, rules: tuple[str, ...], also: tuple[str, ...]) -> Callable[[Any], Any]:
    def decorate(changed: Any) -> Any:
        changed._twin = (bad, rules, also)
        return changed

    return decorate


def bad_twin(*rules: str, also: tuple[str, ...] = ()) -> Callable[[Changed], Changed]:
    """Declare a subclass of ``Gateway`` or ``Connection`` that breaks rules.

    Args:
        rules: ids of the rules it breaks, best one.
        also: ids of rules that break along with them, with no way to keep them.
    """
    return _declare(True, rules, also)


def good_twin(*rules: str) -> Callable[[Changed], Changed]:
    """Declare a subclass of ``Gateway`` or ``Connection`` at the legal border of rules."""
    return _declare(False, rules, ())


def load_twins(directory: Path) -> dict[str, Twin]:
    """Return all twins of a directory by name.

    Errors:
        TwinError: a file cannot be imported, a twin has no docstring, or a name stands twice.
    """
    twins: dict[str, Twin] = {}
    for path in sorted(directory.glob("[!_]*.py")):
        for twin in twins_of(path):
            if twin.name in twins:
                raise TwinError(f"{path}: {twin.name} is also in {twins[twin.name].file.name}")
            twins[twin.name] = twin
    return twins


def twins_of(path: Path) -> list[Twin]:
    """Return the twins of one file, in their order there."""
    try:
        module = load_module(str(path), "conformance_twins")
    except ProbeError as error:
        raise TwinError(str(error)) from error
    found = []
    for value in vars(module).values():
        if isinstance(value, type) and "_twin" in vars(value):
            bad, rules, also = vars(value)["_twin"]
            if not value.__doc__:
                raise TwinError(f"{path}: {value.__name__} has no docstring saying what it does")
            summary = value.__doc__.strip().partition("\n")[0]
            found.append(Twin(value.__name__, bad, rules, also, summary, path, value))
    return found


def load_twin(spec: str) -> Twin:
    """Return the twin that ``FILE:NAME`` names.

    Errors:
        TwinError: no such file, or no such twin in it.
    """
    file, _, name = spec.rpartition(":")
    for twin in twins_of(Path(file)):
        if twin.name == name:
            return twin
    raise TwinError(f"{file}: no twin {name!r}")
