"""Plays probes on one subject and turns what was seen into verdicts."""

from __future__ import annotations

import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from conformance.harness.attached import Attached, Attachment
from conformance.harness.client import (
    Client,
    NotCalled,
    NotNoted,
    Unanswered,
    new_marker,
)
from conformance.harness.control import Control
from conformance.harness.environment import Environment
from conformance.harness.general import GENERAL_RULES, judge_every_exchange
from conformance.harness.lacking import excuse_lack_of_write, lost_behind
from conformance.harness.launcher import APPLICATION, Launcher, StartFailure
from conformance.harness.live import Died, Driver, Hang, Live
from conformance.harness.loop import Interrupted, Loop
from conformance.harness.payload import write_payload, write_session
from conformance.harness.replay import Replay
from conformance.harness.verify import Judgement, ProbeMistake, Verify, worst
from conformance.paths import PROBES
from conformance.probing import Probe
from conformance.results.model import Fact, SubjectResult, Verdict
from conformance.roster import Subject
from conformance.rules import Rule
from conformance.trace import Event, Timeline, TraceError, to_json

__all__ = [
    "EVERY_EXCHANGE",
    "Options",
    "Performance",
    "Run",
    "judge_again",
    "rules_of",
    "run_directory",
    "run_subject",
]

EVERY_EXCHANGE = "every-exchange"
# Seconds a single wait may take: for what a probe cannot go on without, and for what it can.
LIMIT = 5.0
# Seconds in which a process that has ended is known to have ended.
GRACE = 0.25
# After so many hangs and crashes in a row the rest of a file of probes is not tried, as they are
# about one thing; and after so many more nothing is: a subject has had its chance.
PATIENCE = 6
LAST_PATIENCE = 2 * PATIENCE
# The first line of each thread's stack, and how many of them a verdict names.
STACK = re.compile(r'hread 0x.*\n  File "(.*)", line (\d+) in (.*)')
MOST_PLACES = 6


@dataclass(frozen=True, slots=True)
class Options:
    """How to run.

    Attributes:
        probes: by name; rules: all rules by id; wanted: ids to judge.
        probe_folders: where the probes came from, for the payload.
        scale: multiplies all limits.
        progress: called with the number of probes done and of all.
        evidence: whether to keep the traces; where only the verdicts are looked at, it costs time.
        attachment: the running server that is judged in place of one that is started.
        said: called with a subject's name and what a person should know of it at once.
        facts: whether probes that judge nothing are played too, though not all rules are wanted.
    """

    probes: Mapping[str, Probe]
    rules: Mapping[str, Rule]
    wanted: frozenset[str]
    probe_folders: Sequence[Path] = (PROBES,)
    scale: float = 1.0
    progress: Callable[[str, int, int], None] = lambda name, done, total: None
    evidence: bool = True
    attachment: Attachment | None = None
    said: Callable[[str, str], None] = lambda name, text: None
    facts: bool = False

    def reporting(self, progress: Callable[[str, int, int], None]) -> Options:
        """Return the same options with somewhere to report progress to."""
        return replace(self, progress=progress)

    def chosen(self) -> list[Probe]:
        """Return the probes that judge a wanted rule; for general rules alone, every probe.

        Those that find out facts and judge nothing are played where all rules are wanted.
        """
        everything = self.facts or self.wanted >= self.rules.keys()
        # Last those that start the server anew: after them it would have to be started once more.
        direct = [
            probe
            for probe in sorted(self.probes.values(), key=lambda probe: probe.starts_anew)
            if self.wanted & set(probe.rules) or (everything and not probe.rules)
        ]
        return direct if direct or not self.wanted & set(GENERAL_RULES) else [*self.probes.values()]


@dataclass(slots=True)
class Run:
    """What running one subject gave: its result, and the traces by key."""

    result: SubjectResult
    traces: dict[str, Any] = field(default_factory=dict)


def conduct(
    driver: Driver, probe: Probe, rules: Mapping[str, Rule], marker: str
) -> tuple[list[Judgement], dict[str, str], bool]:
    """Play the client half of a probe against a driver.

    Returns:
        One judgement for each rule that the probe declares, the facts it found out, and whether the
        server needs a new start before the next probe.
    """
    module, _, name = probe.name.rpartition(".")
    verify = Verify(rules, probe.rules, probe.facts, driver.proxied)
    client = Client(driver, module, name, marker)
    assert probe.conduct is not None
    ending: tuple[str, str] | None = None
    unanswered = False
    try:
        probe.conduct(client, verify)
    except Hang as hang:
        driver.look_inside()
        where = standing(bytes(driver.timeline.stacks))
        ending = ("hang", f"{hang}; its threads stand at {where}" if where else str(hang))
    except Died as died:
        ending = ("crash", str(died))
    except NotCalled as refused:
        answered = refused.response is not None and refused.response.status >= 300
        if lost_behind(driver.timeline):
            ending = ("unsupported", "it answered the request behind this one, and never this one")
        else:
            ending = ("unsupported" if answered else "error", str(refused))
    except (NotNoted, Unanswered) as missing:
        ending = ("error", str(missing))
        unanswered = isinstance(missing, Unanswered)
    except ProbeMistake as mistake:
        ending = ("error", f"the probe itself is wrong: {mistake}")
    except (Interrupted, TraceError):
        raise
    except Exception as error:
        ending = ("error", f"the probe's client half raised {type(error).__name__}: {error}")
    if ending is not None and ending[0] == "error":
        # A dying process closes its connections first; that it has died shows a little later.
        timeline = driver.timeline
        if driver.until(lambda: timeline.exited is not None, GRACE):
            ending = ("crash", f"the server's process ended with status {timeline.exited}")
        elif unanswered and timeline.played():
            ending = ("unsupported", "the application was called, and no response came of it")
    outcome, why = ending or ("error", "the probe forgot to judge it")
    judgements = []
    for rule in probe.rules:
        made = [judgement for judgement in verify.judgements if judgement.rule == rule]
        if made and (ending is None or worst(made).outcome != "pass"):
            judgements.append(worst(made))
        else:
            judgements.append(Judgement(rule, outcome, probe.summary, why))
    for name in probe.facts:
        verify.facts.setdefault(name, f"not found out: {why}" if ending else "not found out")
    judgements = excuse_lack_of_write(driver.timeline, judgements)
    return judgements, verify.facts, outcome in ("hang", "crash") and ending is not None


def standing(stacks: bytes) -> str:
    """Return in short where threads stand, of what ``faulthandler`` writes of them."""
    innermost = STACK.findall(stacks.decode("utf-8", "replace"))
    places = [f"{name} ({file.rpartition('/')[2]}:{line})" for file, line, name in innermost]
    return ", ".join(dict.fromkeys(places[:MOST_PLACES]))


def judge_trace(
    timeline: Timeline, rules: Mapping[str, Rule], proxied: bool = False
) -> list[Judgement]:
    """Return the worst judgement of a trace for each general rule it says something about."""
    verify = Verify(rules, GENERAL_RULES, proxied=proxied)
    judge_every_exchange(timeline, verify)
    by_rule: dict[str, list[Judgement]] = {}
    for judgement in verify.judgements:
        by_rule.setdefault(judgement.rule, []).append(judgement)
    return [worst(made) for made in by_rule.values()]


def judge_again(
    probe: Probe, rules: Mapping[str, Rule], events: list[Event], marker: str, proxied: bool = False
) -> tuple[list[Judgement], list[Judgement]]:
    """Judge a stored trace: the same judgements as when it was taken, or the probe has changed.

    Args:
        marker, proxied: as stored beside the events.

    Returns:
        The judgements of the probe's rules, and those of the general ones.

    Errors:
        TraceError: the trace does not fit the probe.
    """
    replay = Replay(events)
    replay.proxied = proxied
    judgements, _, _ = conduct(replay, probe, rules, marker)
    return judgements, judge_trace(replay.rest(), rules, proxied)


class Performance:
    """The run of one subject: its process, its driver, and what they have shown so far."""

    def __init__(self, subject: Subject, environment: Environment, options: Options, loop: Loop):
        self.subject = subject
        self.environment = environment
        self.options = options
        self.loop = loop
        self.run = Run(
            SubjectResult(
                name=subject.name,
                title=subject.title or subject.name,
                family=subject.family or subject.name,
                homepage=subject.homepage,
                python=f"{environment.implementation} {environment.version}",
                command=list(subject.command),
            )
        )
        self.marker = new_marker()
        # The worst judgement of each general rule, with the key of its trace.
        self._general: dict[str, tuple[Judgement, str]] = {}
        self._opened = ExitStack()
        self.server: Launcher | Attached
        self._unhealthy = False
        self._file = ""
        # Hangs and crashes in a row: within the file of the current probe, and all together.
        self._in_file = self._in_a_row = 0
        self._given_up: tuple[str, str] | None = None

    def perform(self, directory: Path) -> None:
        """Start the subject, play every probe, stop it."""
        try:
            self.open(directory)
            if self.run.result.started:
                self._play_all()
        finally:
            self.close()

    def open(self, directory: Path) -> None:
        """Start the subject; ``run.result`` says whether it did, and else why not.

        Args:
            directory: a new one, for the payload and for what the subject writes.
        """
        scale = self.options.scale
        token = secrets.token_hex(16)
        attachment = self.options.attachment
        host = attachment.control if attachment else "127.0.0.1"
        try:
            control = Control(self.loop, token, self.marker, host)
        except OSError as error:
            self.run.result.failure = f"cannot listen at {host}: {error.strerror}"
            return
        self._opened.callback(control.close)
        if attachment is None:
            payload, self.server = self._launcher(directory, control)
        else:
            payload, self.server = attachment.payload, self._attached(attachment, control)
        self._opened.callback(self._stop)
        self.driver = Live(self.loop, control, self.server.address, LIMIT, scale)
        self.driver.proxied = self.subject.proxied
        self.driver.sees_log = attachment is None or attachment.log is not None
        self.driver.starter = self._start_with
        if isinstance(self.server, Launcher):
            self.driver.activity = self._activity
            self.driver.inspector = self.server.ask_for_stacks
        self._opened.callback(self.driver.close)
        try:
            write_session(payload, control.address, token)
            self.driver.address = self.server.start()
        except StartFailure as failure:
            self.run.result.failure = str(failure)
        else:
            self.run.result.started = True
            self.run.result.started_in = round(self.server.started_in, 4)
            if isinstance(self.server, Attached):
                self.run.result.python = self.server.python

    def _launcher(self, directory: Path, control: Control) -> tuple[Path, Launcher]:
        values = {"python": self.environment.python, "bin": self.environment.bin}
        self.run.result.version = self.environment.subject_version(self.subject, values)
        payload = write_payload(directory / "payload", self.options.probe_folders)
        rundir = directory / "run"
        rundir.mkdir(mode=0o755)
        launcher = Launcher(
            self.subject,
            self.environment,
            self.loop,
            control,
            payload,
            rundir,
            self.options.scale,
        )
        return payload, launcher

    def _attached(self, attachment: Attachment, control: Control) -> Attached:
        attached = Attached(
            attachment,
            self.loop,
            control,
            self.options.scale,
            lambda text: self.options.said(self.subject.name, text),
        )
        self._opened.callback(attached.close)
        return attached

    def play(self, probe: Probe) -> None:
        """Play a probe; after too many hangs and crashes in a row, only say that it was not."""
        file = probe.name.partition(".")[0]
        if file != self._file:
            self._file, self._in_file = file, 0
        remounted = isinstance(self.server, Launcher) and self.server.attribute != APPLICATION
        if (self._unhealthy or remounted) and self._given_up is None and not self._restart():
            why = "did not start again" if self.options.attachment is None else "is gone"
            self._given_up = ("crash", f"not tried: the server {why}")
        if self._given_up is not None or self._in_file >= PATIENCE:
            self._not_tried(probe)
            return
        self._unhealthy = self._play(probe)
        self._in_a_row = self._in_a_row + 1 if self._unhealthy else 0
        self._in_file = self._in_file + 1 if self._unhealthy else 0
        if self._in_a_row >= LAST_PATIENCE:
            why = f"not tried: the last {LAST_PATIENCE} probes each hung or crashed"
            self._given_up = ("hang", why)

    def _not_tried(self, probe: Probe) -> None:
        why = f"not tried: the last {PATIENCE} probes of this kind each hung or crashed"
        outcome, why = self._given_up or ("hang", why)
        for rule in probe.rules:
            self._keep(probe.name, Judgement(rule, outcome, probe.summary, why), None)

    def judge_generally(self, rule: str) -> None:
        """Add the verdict of a general rule, if any exchange so far says something about it."""
        if rule in self._general:
            judgement, key = self._general[rule]
            self._keep(EVERY_EXCHANGE, judgement, key)

    def close(self) -> None:
        """Stop the subject and keep the end of its log."""
        self.loop.forgive()
        self._opened.close()

    def _stop(self) -> None:
        self.server.stop()
        self.run.result.log = self.server.log_tail()

    def _play_all(self) -> None:
        chosen = self.options.chosen()
        begun, waited = time.monotonic(), self.loop.waited
        for number, probe in enumerate(chosen):
            self.options.progress(self.subject.name, number, len(chosen))
            self.play(probe)
        self.options.progress(self.subject.name, len(chosen), len(chosen))
        self.run.result.playing = round(time.monotonic() - begun, 4)
        self.run.result.waited = round(self.loop.waited - waited, 4)
        for rule in sorted(self._general):
            self.judge_generally(rule)

    def _play(self, probe: Probe) -> bool:
        """Play one probe; return whether the server needs a new start."""
        timeline = self.driver.begin()
        self.server.rotate_log()
        judgements, facts, unhealthy = conduct(self.driver, probe, self.options.rules, self.marker)
        self.loop.drain()
        key = f"{self.subject.name}:t{len(self.run.traces) + 1}"
        self.run.traces[key] = {
            "probe": probe.name,
            "subject": self.subject.name,
            "marker": self.marker,
            "proxied": self.subject.proxied,
            "events": to_json(timeline) if self.options.evidence else [],
        }
        self.run.result.exchanges += len(timeline.connections)
        for judgement in judgements:
            self._keep(probe.name, judgement, key)
        self.run.result.facts += [Fact(fact, facts[fact], probe.name, key) for fact in probe.facts]
        for judgement in judge_trace(timeline, self.options.rules, self.subject.proxied):
            known = self._general.get(judgement.rule)
            if known is None or worst([known[0], judgement]) is not known[0]:
                self._general[judgement.rule] = (judgement, key)
        return unhealthy or not self.server.process_runs()

    def _activity(self) -> tuple[str, ...] | None:
        # A backend may belong to another process than the one that was started.
        calls = self.driver.timeline.calls.values()
        assert isinstance(self.server, Launcher)
        return self.server.activity({call.called["process"] for call in calls})

    def _restart(self) -> bool:
        self._unhealthy = False
        # A call that waits at a gate would keep its server from ending.
        self.driver.close()
        failure = self._start_with(APPLICATION)
        if failure is not None:
            again = "did not start again: " if self.options.attachment is None else ""
            self.run.result.failure = f"{again}{failure}"
        return failure is None

    def _start_with(self, attribute: str) -> str | None:
        """Start the server anew with some application; return why it did not, or None."""
        if isinstance(self.server, Launcher):
            self.server.stop()
            self.server.attribute = attribute
        elif attribute != APPLICATION:
            return "it was started by somebody else, with one application"
        try:
            self.driver.address = self.server.start()
        except StartFailure as failure:
            return str(failure)
        return None

    def _keep(self, probe: str, judgement: Judgement, trace: str | None) -> None:
        if judgement.rule not in self.options.wanted:
            return
        rule = self.options.rules[judgement.rule]
        self.run.result.verdicts.append(
            Verdict(
                rule.id,
                probe,
                rule.effective_level,
                rule.party,
                judgement.outcome,
                judgement.expected,
                judgement.observed,
                judgement.broken,
                trace,
                rule.family,
            )
        )


def run_directory() -> tempfile.TemporaryDirectory[str]:
    """Return a new directory for one subject; servers that drop privileges get in too."""
    made = tempfile.TemporaryDirectory(prefix="wsgi-conformance-")
    Path(made.name).chmod(0o755)
    return made


def run_subject(subject: Subject, environment: Environment, options: Options, loop: Loop) -> Run:
    """Run one subject from start to end.

    Args:
        loop: a new one; interrupting it from another thread ends the run.

    Errors:
        Interrupted: the run was told to stop; nothing of the subject is left.
    """
    begun = time.monotonic()
    performance = Performance(subject, environment, options, loop)
    with run_directory() as directory:
        performance.perform(Path(directory))
    result = performance.run.result
    result.duration = round(time.monotonic() - begun, 4)
    return performance.run


def rules_of(probes: Iterable[Probe]) -> frozenset[str]:
    """Return the ids of all rules that are judged."""
    return frozenset(GENERAL_RULES).union(*(probe.rules for probe in probes))
