"""A server that is kept running, and plays what it is asked for, when it is asked for."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

from conformance.harness.control import Control
from conformance.harness.environment import Environment
from conformance.harness.general import GENERAL_RULES
from conformance.harness.launcher import Launcher, StartFailure
from conformance.harness.live import Live
from conformance.harness.loop import Loop
from conformance.harness.payload import write_payload, write_session
from conformance.harness.runner import EVERY_EXCHANGE, LIMIT, PATIENCE, Options, Performance
from conformance.probing import Probe
from conformance.results.model import Verdict
from conformance.roster import Subject

__all__ = ["KeptServer"]


class KeptServer(Performance):
    """The run of one server, a rule at a time.

    Args:
        options: every rule that verdicts are wanted of; which probes are played follows from the
            rules that are asked for.
        loop: a new one; it is closed with the server.
    """

    def __init__(
        self, subject: Subject, environment: Environment, options: Options, loop: Loop
    ) -> None:
        super().__init__(subject, environment, options, loop)
        self.directory = tempfile.TemporaryDirectory(prefix="wsgi-conformance-")
        # Servers that drop privileges must get in.
        Path(self.directory.name).chmod(0o755)
        self.played: set[str] = set()
        self.in_a_row = 0
        self.said = False
        self.given_up: tuple[str, str] | None = None

    def open(self) -> None:
        """Start the server; ``run.result`` says whether it did, and else why not."""
        home = Path(self.directory.name)
        values = {"python": self.environment.python, "bin": self.environment.bin}
        self.run.result.version = self.environment.subject_version(self.subject, values)
        payload = write_payload(home / "payload", self.options.probe_folders)
        rundir = home / "run"
        rundir.mkdir(mode=0o755)
        scale = self.options.scale
        token = secrets.token_hex(16)
        self.control = Control(self.loop, token, self.marker)
        self.launcher = Launcher(
            self.subject, self.environment, self.loop, self.control, payload, rundir, scale
        )
        self.driver = Live(self.loop, self.control, self.launcher.address, LIMIT, scale)
        try:
            write_session(payload, self.control.address, token)
            self.driver.address = self.launcher.start()
            self.run.result.started = True
        except StartFailure as failure:
            self.run.result.failure = str(failure)

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
                self.play(probe)
        found = [verdict for verdict in self.run.result.verdicts if verdict.rule == rule]
        if rule in self.general:
            judgement, key = self.general[rule]
            before = len(self.run.result.verdicts)
            self._keep(EVERY_EXCHANGE, judgement, key)
            found += self.run.result.verdicts[before:]
        return found

    def play(self, probe: Probe) -> None:
        """Play a probe; after too many hangs and crashes in a row, only say that it was not."""
        if self.given_up is not None:
            self._skip(probe, *self.given_up)
            return
        if self.in_a_row and not self._restart():
            self.given_up = ("crash", "not tried: the server did not start again")
            self._skip(probe, *self.given_up)
            return
        self.in_a_row = self.in_a_row + 1 if self._play(probe) else 0
        if self.in_a_row >= PATIENCE:
            why = f"not tried: the last {PATIENCE} probes each hung or crashed"
            self.given_up = ("hang", why)

    def close(self) -> None:
        """Stop the server and remove its files."""
        self.loop.forgive()
        try:
            if hasattr(self, "driver"):
                self.driver.close()
                self.launcher.stop()
                self.control.close()
        finally:
            self.loop.close()
            self.directory.cleanup()
