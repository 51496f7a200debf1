"""Bridges and test clients as subjects: the reference is clean, each rule has a bad one, the real
ones have the findings that were read against their source."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from conformance import rules
from conformance.driver.bridge import judge_bridge
from conformance.driver.bridges import BRIDGES, Bridge
from conformance.driver.memory import MemoryGateway, Request, Seen, drive
from conformance.paths import TWINS
from conformance.reference.gateway import Gateway
from conformance.reference.streams import Input
from conformance.reference.twins import load_twins
from conformance.trace import from_json

RULES = rules.load()
BROKEN = ("fail", "warn")


def made(
    gateway: type[Gateway] = MemoryGateway, change: Callable[[Seen], Any] | None = None
) -> Bridge:
    """Return a bridge that is the reference gateway, or one that is made of it.

    Args:
        change: what is done to a response in the end.
    """

    def perform(application: Any, request: Request) -> Seen:
        seen = drive(application, request, gateway=gateway)
        if change:
            change(seen)
        return seen

    return Bridge("made", "made for a test", "", "none", perform)


def broken(bridge: Bridge) -> dict[str, str]:
    """Return the rules that a bridge breaks, with what was observed."""
    verdicts = judge_bridge(bridge, RULES).result.verdicts
    return {verdict.rule: verdict.observed for verdict in verdicts if verdict.outcome in BROKEN}


def test_the_reference_is_clean() -> None:
    judged = judge_bridge(made(), RULES)
    assert [v for v in judged.result.verdicts if v.outcome != "pass"] == []
    assert [str(finding) for finding in judged.foreign if finding.counted] == []
    assert judged.result.kind == "bridge"
    assert len(judged.result.verdicts) > 50


def test_evidence_is_whole() -> None:
    judged = judge_bridge(made(), RULES)
    for verdict in judged.result.verdicts:
        events = from_json(judged.traces[verdict.trace or ""]["events"])
        assert "called" in {event.kind for event in events}


class ExcessYield(Gateway):
    """Sends what is yielded beyond the declared length."""

    def declared_length(self) -> int | None:
        return None


class FirstHeader(Gateway):
    """Cuts header values of a request at the first comma."""

    def header_variables(self) -> dict[str, str]:
        variables = super().header_variables()
        return {key: value.partition(",")[0] for key, value in variables.items()}


class EndRaises(Input):
    """Raises at its end."""

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data and size != 0:
            raise EOFError
        return data


class RaisingInput(Gateway):
    """Reading at the end raises."""

    input_class = EndRaises


class Stripped(Input):
    """Takes line ends off."""

    def readline(self, size: int | None = -1) -> bytes:
        return super().readline(size).rstrip(b"\n")


class StrippedLines(Gateway):
    """Lines come without their ends."""

    input_class = Stripped


class FirstStatus(Gateway):
    """Keeps the status of the first call."""

    def start_response(self, status: str, *more: Any) -> Any:
        return super().start_response(self.status or status, *more)


class NoWrite(Gateway):
    """start_response returns nothing."""

    def start_response(self, *arguments: Any) -> Any:
        super().start_response(*arguments)


class LateWrites(Gateway):
    """Sends written data in the end."""

    def write(self, data: bytes) -> None:
        self.kept = [*getattr(self, "kept", []), data]

    def blocks(self) -> Iterable[bytes]:
        yield from super().blocks()
        yield from getattr(self, "kept", [])


class WantsItems(Gateway):
    """Fails where nothing was yielded after write()."""

    def blocks(self) -> Iterable[bytes]:
        items = [*super().blocks()]
        if self.wrote and not items:
            raise ValueError("no items")
        return items


def calls_again(application: Any, request: Request) -> Seen:
    """Call the application twice."""
    drive(application, request)
    return drive(application, request)


def one_of_each(seen: Seen) -> None:
    seen.fields = [*dict(seen.fields).items()]


def no_extensions(seen: Seen) -> None:
    seen.fields = [field for field in seen.fields if not field[0].startswith(b"X-")]


def in_utf8(seen: Seen) -> None:
    seen.fields = [(name, value.decode("latin-1").encode()) for name, value in seen.fields]


def always_fine(seen: Seen) -> None:
    seen.status = seen.status and 200


def own_reason(seen: Seen) -> None:
    seen.reason = b"Fine"


BAD = {
    "app-called-once-per-request": Bridge("bad", "", "", "none", calls_again),
    "content-length-excess-yield-dropped": made(ExcessYield),
    "environ-http-vars-value": made(FirstHeader),
    "headers-duplicates-kept": made(change=one_of_each),
    "headers-passed-through": made(change=no_extensions),
    "input-empty-when-exhausted": made(RaisingInput),
    "input-readline-semantics": made(StrippedLines),
    "start-response-error-replaces-status": made(FirstStatus),
    "start-response-returns-write": made(NoWrite),
    "status-code-as-given": made(change=always_fine),
    "status-reason-as-given": made(change=own_reason),
    "unicode-headers-byte-preserving": made(change=in_utf8),
    "write-before-yield-order": made(LateWrites),
    "write-then-empty-iterable": made(WantsItems),
}


@pytest.mark.parametrize("rule", BAD)
def test_a_bad_bridge_is_caught(rule: str) -> None:
    assert rule in broken(BAD[rule])


def test_every_rule_has_a_bad_bridge() -> None:
    """The twins of the gateway run as bridges; what they do not break, one of ``BAD`` does."""
    judged = {verdict.rule for verdict in judge_bridge(made(), RULES).result.verdicts}
    caught = set(BAD)
    for twin in load_twins(TWINS).values():
        if issubclass(twin.changed, Gateway) and twin.bad and judged & {*twin.rules} - caught:
            caught |= {*twin.rules} & broken(made(twin.changed)).keys()
    assert judged - caught == set()


# It works on the socket of the server's connection.
NEEDS_A_SOCKET = {"ClosesWithoutLength"}


def test_no_good_twin_is_flagged() -> None:
    flagged = {}
    for twin in load_twins(TWINS).values():
        if issubclass(twin.changed, Gateway) and not twin.bad and twin.name not in NEEDS_A_SOCKET:
            found = broken(made(twin.changed))
            if found:
                flagged[twin.name] = found
    assert flagged == {}


def test_one_that_never_answers_is_no_pass() -> None:
    def refuses(application: Any, request: Request) -> Seen:
        return Seen(error=ConnectionRefusedError())

    verdicts = judge_bridge(Bridge("dead", "", "", "none", refuses), RULES).result.verdicts
    passed = {verdict.rule for verdict in verdicts if verdict.outcome == "pass"}
    assert passed == set()


# Findings that break a MUST, each read against the package's source.
KNOWN = {
    "werkzeug-client": {
        # run_wsgi_app() iterates up to the first item, for start_response, with no try around it.
        "close-on-iteration-error",
        "close-when-server-aborts",
        # Its start_response raises any exc_info at once: the test is to see the error.
        "start-response-error-first-call",
    },
    "webtest": {
        # do_request() takes paste.testing_variables out of the same dict afterwards.
        "environ-mutation-tolerated",
        # WebOb's call_application(catch_exc_info=True) stores a late call like an early one.
        "start-response-late-error-raises",
    },
    "httpx": {
        # WSGIByteStream() looks for a first chunk with no try around it, nor around what follows.
        "close-on-iteration-error",
        "close-when-server-aborts",
        # PATH_INFO is request.url.path, text decoded as UTF-8, and not its bytes as Latin-1.
        "environ-path-percent-decoded",
        # raise_app_exceptions, which is the default: the test is to see the error.
        "start-response-error-first-call",
        # start_response stores what it is given, early or late, and never raises.
        "start-response-late-error-raises",
        # Header values are encoded as ASCII.
        "unicode-headers-byte-preserving",
        # write() is ``lambda _: None``.
        "write-accepts-one-bytestring",
    },
    "asgiref": {
        # run_wsgi_app() is a bare for loop: there is no close() (issue 587 of django/asgiref).
        "close-on-returned-object",
        "close-on-normal-end",
        "close-when-not-iterated",
        "close-when-server-aborts",
        "close-on-iteration-error",
        # The loop sends the head with the first item, empty or not.
        "headers-deferred-until-body",
        # start_response has no return.
        "start-response-returns-write",
        # Header values are encoded as ASCII.
        "unicode-headers-byte-preserving",
    },
    "a2wsgi": {
        # start_response itself sends the head; a later call with exc_info changes nothing.
        "headers-deferred-until-body",
        "start-response-late-error-raises",
        # readlines() splits at the line ends and puts one behind each part, and takes a hint for
        # a number of lines.
        "input-readlines-semantics",
    },
}


@pytest.mark.parametrize("name", BRIDGES)
def test_a_real_bridge_has_the_findings_that_were_read(name: str) -> None:
    """A finding that is not in ``KNOWN`` has to be read first; one that is gone was mended."""
    if BRIDGES[name].version is None:
        pytest.skip(f"{BRIDGES[name].package} is not installed")
    judged = judge_bridge(BRIDGES[name], RULES)
    failed = {verdict.rule for verdict in judged.result.verdicts if verdict.outcome == "fail"}
    assert failed - KNOWN[name] == set()
    assert not [verdict for verdict in judged.result.verdicts if verdict.outcome == "error"]
    assert [str(finding) for finding in judged.foreign if finding.counted] == []
    assert sum(verdict.outcome == "pass" for verdict in judged.result.verdicts) > 25


def cli(*words: object) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [sys.executable, "-m", "conformance", "bridges", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_command_lists_what_is_installed() -> None:
    done = cli("--list")
    assert done.returncode == 0
    for bridge in BRIDGES.values():
        assert bridge.title in done.stdout


def test_the_command_judges(tmp_path: Path) -> None:
    pytest.importorskip("asgiref")
    results, page = tmp_path / "results.json", tmp_path / "page.html"
    done = cli("asgiref", "--rule", "close-*", "--json", results, "--html", page)
    assert done.returncode == 1, done.stderr
    assert "MUST close-on-normal-end (server)" in done.stdout
    stored = json.loads(results.read_text())
    (subject,) = stored["subjects"]
    assert subject["kind"] == "bridge"
    assert {verdict["rule"].partition("-")[0] for verdict in subject["verdicts"]} == {"close"}
    assert "WsgiToAsgi" in page.read_text()
    assert cli("asgiref", "--rule", "close-*", "--fail-on", "never").returncode == 0


def test_the_command_refuses_an_unknown_name() -> None:
    done = cli("nobody")
    assert done.returncode == 2
    assert "nobody: no such bridge" in done.stderr
