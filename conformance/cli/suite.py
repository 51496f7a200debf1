"""What the commands share: the rules, probes and twins of this suite and of the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from conformance import rules
from conformance.cli.exits import UsageError
from conformance.driver.selftest import MemoryTwin, load_memory_twins
from conformance.harness.general import GENERAL_RULES
from conformance.paths import APPS, PROBES, TWINS
from conformance.probing import Probe, ProbeError, load_probes
from conformance.reference.twins import Twin, load_twins
from conformance.report.traceability import TraceRow, trace_rows
from conformance.rules import Rule

__all__ = ["Suite", "load_suite", "writable"]


@dataclass(frozen=True, slots=True)
class Suite:
    """Rules, probes and twins.

    Attributes:
        rules: by id; probes: by name; folders: where the probes came from.
        twins: by name, those that are started as servers.
    """

    rules: Mapping[str, Rule]
    probes: Mapping[str, Probe]
    folders: tuple[Path, ...]
    twins: Mapping[str, Twin]

    def all_twins(self) -> list[Twin | MemoryTwin]:
        """Return the twins that are started as servers, then those that are judged in memory."""
        return [*self.twins.values(), *load_memory_twins(APPS / "twins")]

    def traceability(self) -> list[TraceRow]:
        """Return for every rule its probes and twins, what else judges it, or why nothing does."""
        return trace_rows(self.rules, self.probes, self.twins, GENERAL_RULES)


def load_suite(extra: Sequence[Path] = (), globs: Sequence[str] = ()) -> Suite:
    """Load everything.

    Args:
        extra: directories of the user's own probes.
        globs: names of the probes to keep; all where empty.

    Errors:
        UsageError: a directory or a probe that is not there, or a rule that a probe made up.
    """
    known = rules.load()
    probes: dict[str, Probe] = {}
    for folder in (PROBES, *extra):
        if not folder.is_dir():
            raise UsageError(f"{folder}: no such directory of probes")
        probes.update(load_probes(str(folder)))
    for probe in probes.values():
        for rule in probe.rules:
            if rule not in known:
                raise ProbeError(f"{probe.name}: {rule}: no such rule; see wsgi-conformance rules")
    if globs:
        chosen = {
            name: probe
            for name, probe in probes.items()
            if any(fnmatchcase(name, glob) or fnmatchcase(name, f"*.{glob}") for glob in globs)
        }
        if not chosen:
            raise UsageError(f"no probe is named like {' or '.join(globs)}")
        probes = chosen
    return Suite(known, probes, (PROBES, *extra), load_twins(TWINS))


def writable(path: Path) -> Path:
    """Return a path after making sure that a file can be written there, before the long work.

    Errors:
        UsageError: it cannot.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a directory; name a file")
    existed = path.exists()
    try:
        path.open("a").close()
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    if not existed:
        path.unlink()
    return path
