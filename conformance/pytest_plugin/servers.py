"""The server's side of the plugin: every judged rule is an item of its own.

A server is started when its first item runs and stays until the session ends. An item plays the
probes of its rule, each probe once in a process; so a run of everything costs what the command line
takes, and ``-k`` or a share of the items costs only what they need.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from conformance import rules
from conformance.harness.environment import EnvironmentFailure, current, obstacle
from conformance.harness.general import GENERAL_RULES
from conformance.harness.loop import Loop
from conformance.harness.runner import Options, rules_of
from conformance.paths import PROBES
from conformance.probing import load_probes
from conformance.pytest_plugin.exchange import told
from conformance.pytest_plugin.kept import KeptServer
from conformance.pytest_plugin.warned import REFUSED, warned
from conformance.results.model import Verdict, counts
from conformance.roster import RosterError, Subject, load_roster, select
from conformance.rules import Rule

__all__ = ["RuleItem", "ServerCollector", "Servers", "register"]

PREFIX = "wsgi-server/"
# Worst first.
OUTCOMES = ("error", "crash", "hang", "fail", "warn", "unsupported", "info", "pass")


def register(config: pytest.Config) -> None:
    """Register what ``--wsgi-server`` asks for.

    Errors:
        pytest.UsageError: a server that is unknown, badly described or not installed.
    """
    scale = config.getoption("wsgi_timeout_scale")
    if not 0 < scale <= 1000:
        raise pytest.UsageError("--wsgi-timeout-scale: more than 0 and at most 1000")
    try:
        subjects = select(config.getoption("wsgi_server"), load_roster())
    except RosterError as error:
        raise pytest.UsageError(f"--wsgi-server: {error}") from error
    config.pluginmanager.register(Servers(config, subjects, scale), "wsgi-conformance-servers")


class Servers:
    """The servers of a session.

    Attributes:
        options: for the runner; every rule is wanted of whatever is played.
        ordered: the rules that are judged, those last that take every probe.
    """

    def __init__(self, config: pytest.Config, subjects: list[Subject], scale: float) -> None:
        self.config = config
        self.subjects = subjects
        known = rules.load()
        probes = load_probes(str(PROBES))
        self.options = Options(probes, known, frozenset(known), scale=scale)
        judged = rules_of(probes.values())
        self.ordered = sorted(
            (rule for rule in known.values() if rule.id in judged),
            key=lambda rule: rule.id in GENERAL_RULES,
        )
        self.fail_on: str = config.getoption("wsgi_fail_on")
        self.only: list[str] | None = None
        self.kept: dict[str, KeptServer] = {}
        self.handles_terminate = False

    def pytest_report_header(self) -> str:
        """Name the servers."""
        return f"wsgi-servers: {', '.join(subject.name for subject in self.subjects)}"

    def pytest_sessionstart(self) -> None:
        """Make SIGTERM an interrupt, as a CI that cancels a job must leave no server either."""
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            self.handles_terminate = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Take the ids of our items from the arguments: pytest would look for files of the name."""
        arguments = session.config.args
        ours = [argument for argument in arguments if argument.startswith(PREFIX)]
        if ours:
            self.only = ours
            session.config.args = [each for each in arguments if not each.startswith(PREFIX)]

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> None:
        """Add an item for every server and rule, before ``-k`` and others choose among them.

        Errors:
            pytest.UsageError: an id that was asked for is none.
        """
        added: list[pytest.Item] = []
        for subject in self.subjects:
            collector = ServerCollector.from_parent(
                session, name=f"{PREFIX}{subject.name}", servers=self, subject=subject
            )
            added += session.genitems(collector)
        items += added if self.only is None else self._chosen(added, self.only)

    def _chosen(self, items: list[pytest.Item], wanted: list[str]) -> list[pytest.Item]:
        def means(argument: str, item: pytest.Item) -> bool:
            return argument in (item.nodeid, item.nodeid.partition("::")[0])

        for argument in wanted:
            if not any(means(argument, item) for item in items):
                raise pytest.UsageError(f"not found: {argument}; pytest --collect-only lists them")
        return [item for item in items if any(means(argument, item) for argument in wanted)]

    def of(self, subject: Subject) -> KeptServer:
        """Return a server that runs, started when it is first asked for.

        Errors:
            pytest.fail.Exception: it cannot be started.
        """
        known = self.kept.get(subject.name)
        if known is None:
            reason = obstacle(subject)
            if reason:
                pytest.fail(f"{subject.name}: {reason}", pytrace=False)
            try:
                environment = current(subject)
            except EnvironmentFailure as failure:
                pytest.fail(f"{subject.name}: {failure}", pytrace=False)
            if environment.missing:
                wanted = " ".join(environment.missing)
                pytest.fail(
                    f"{subject.name}: not installed here; pip install {wanted}", pytrace=False
                )
            known = KeptServer(subject, environment, self.options, Loop())
            self.kept[subject.name] = known
            known.open()
        if not known.run.result.started:
            pytest.fail(f"{subject.name} did not start{known.why_not()}", pytrace=False)
        return known

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Stop all servers, however the session ends."""
        self.stop()

    def pytest_unconfigure(self) -> None:
        """Stop what an interrupt may have left."""
        self.stop()
        if self.handles_terminate:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def stop(self) -> None:
        """Stop all servers; a second time does nothing."""
        while self.kept:
            _, server = self.kept.popitem()
            server.close()


class ServerCollector(pytest.Collector):
    """One server: ``wsgi-server/NAME``."""

    def __init__(self, *, servers: Servers, subject: Subject, name: str, **kwargs: Any) -> None:
        super().__init__(name=name, nodeid=name, **kwargs)
        self.servers = servers
        self.subject = subject

    def collect(self) -> Iterator[RuleItem]:
        """Yield an item for each judged rule."""
        for rule in self.servers.ordered:
            item = RuleItem.from_parent(self, name=rule.id, rule=rule)
            if self.config.pluginmanager.hasplugin("xdist"):
                # With --dist loadgroup each server is started once for all workers together.
                item.add_marker(pytest.mark.xdist_group(self.name))
            yield item


class RuleItem(pytest.Item):
    """One rule judged on one server: ``wsgi-server/NAME::RULE``."""

    parent: ServerCollector

    def __init__(self, *, rule: Rule, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rule = rule
        self.user_properties += [("wsgi_rule", rule.id), ("wsgi_level", rule.effective_level)]

    def setup(self) -> None:
        """Make sure that the server runs."""
        self.parent.servers.of(self.parent.subject)

    def runtest(self) -> None:
        """Play the rule's probes and let the worst verdict decide.

        Errors:
            pytest.fail.Exception: the rule is broken, or could not be judged.
            pytest.skip.Exception: the server refuses what the probes need.
        """
        servers = self.parent.servers
        server = servers.of(self.parent.subject)
        verdicts = sorted(server.verdicts(self.rule.id), key=lambda v: OUTCOMES.index(v.outcome))
        worst = verdicts[0].outcome if verdicts else "error"
        self.user_properties.append(("wsgi_outcome", worst))
        if not verdicts:
            pytest.fail(f"{self.rule.id}: no probe judged it", pytrace=False)
        failing = [verdict for verdict in verdicts if fails(verdict, servers.fail_on)]
        if failing:
            text = told(self.rule, failing, server.run.traces, server.run.result.log)
            pytest.fail(text, pytrace=False)
        self._pass_on(verdicts, server.run.traces)

    def _pass_on(self, verdicts: list[Verdict], traces: Mapping[str, Any]) -> None:
        """Tell of what fails nobody."""
        for verdict in verdicts:
            if verdict.outcome in ("warn", "hang", "crash", "error", "fail"):
                self._warn(verdict, traces)
            elif verdict.outcome == "info":
                line = f"{verdict.probe}: expected {verdict.expected}; observed {verdict.observed}"
                self.add_report_section("call", "wsgi-conformance", line)
        for verdict in verdicts:
            if verdict.outcome == "unsupported":
                pytest.skip(f"unsupported: {verdict.observed}")

    def _warn(self, verdict: Verdict, traces: Mapping[str, Any]) -> None:
        text = (
            f"{verdict.level} {verdict.rule}: expected {verdict.expected}, "
            f"observed {verdict.observed} ({verdict.outcome} in {verdict.probe}); {self.rule.url}"
        )
        if not warned(self, text):
            shown = told(self.rule, [verdict], traces, "")
            pytest.fail(f"{REFUSED}\n\n{shown}", pytrace=False)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Return where the item is from, in place of a line in a file."""
        file = self.parent.subject.file or Path(self.parent.name)
        return file, None, f"{self.parent.name}::{self.name}"


def fails(verdict: Verdict, fail_on: str) -> bool:
    """Whether a verdict fails its item.

    A rule that could not be judged fails whatever is asked for: silence would look like a pass.
    """
    return verdict.outcome == "error" or counts(verdict, fail_on)
