"""A server that is kept running, and plays what it is asked for, when it is asked for."""

from __future__ import annotations

from pathlib import Path

from conformance.harness.environment import Environment
from conformance.harness.general import GENERAL_RULES
from conformance.harness.loop import Loop
from conformance.harness.runner import Options, Performance, Run, run_directory
from conformance.results.model import Verdict
from conformance.roster import Subject

__all__ = ["KeptServer"]


class KeptServer:
    """A server whose run goes on rule by rule, as they are asked for.

    Args:
        options: every rule that verdicts are wanted of; which probes are played follows from the
            rules that are asked for.
        loop: a new one; it is closed with the server.
    """

    def __init__(
        self, subject: Subject, environment: Environment, options: Options, loop: Loop
    ) -> None:
        self.options = options
        self.loop = loop
        self.performance = Performance(subject, environment, options, loop)
        self.directory = run_directory()
        self.played: set[str] = set()
        self.said = False

    @property
    def run(self) -> Run:
        """What has come of it so far."""
        return self.performance.run

    def open(self) -> None:
        """Start the server; ``run.result`` says whether it did, and else why not."""
        self.performance.open(Path(self.directory.name))

    def why_not(self) -> str:
        """Return, for a server that did not start, why; in full only the first time."""
        said, self.said = self.said, True
        return ", see above" if said else f": {self.run.result.failure}"

    def verdicts(self, rule: str) -> list[Verdict]:
        """Return all verdicts of a rule, after playing what has not been played of its probes.

        A rule that every exchange says something about takes every probe, so that its verdict does
        not depend on what else was asked for.
        """
        for probe in self.options.probes.values():
            wanted = rule in probe.rules or rule in GENERAL_RULES
            if wanted and probe.name not in self.played:
                self.played.add(probe.name)
                self.performance.play(probe)
        self.performance.judge_generally(rule)
        return [verdict for verdict in self.run.result.verdicts if verdict.rule == rule]

    def close(self) -> None:
        """Stop the server and remove its files."""
        try:
            self.performance.close()
        finally:
            self.loop.close()
            self.directory.cleanup()
