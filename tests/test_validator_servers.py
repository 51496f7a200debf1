"""The validator in front of bad servers: what shows from inside is seen, and nobody else blamed."""

from __future__ import annotations

import contextlib
import socket
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conformance import Finding, Validator, rules
from conformance.driver.exercises import BODY, EXERCISES
from conformance.driver.server_twins import (
    Seen,
    clean,
    exercised_by,
    misblamed,
    of_server,
    unjustified,
)
from conformance.reference.gateway import Gateway
from conformance.reference.server import Connection, Server
from conformance.reference.twins import Twin, load_twins, twins_of

ROOT = Path(__file__).parent.parent
RULES = rules.load()
OWN = {
    twin.name: twin
    for file in ("servers.py", "servers_streams.py")
    for twin in twins_of(ROOT / "apps" / "twins" / file)
}
WIRE = load_twins(ROOT / "servers" / "twins")
TWINS = {**WIRE, **OWN}
GATEWAYS = sorted(name for name, twin in TWINS.items() if issubclass(twin.changed, Gateway))
CONNECTIONS = sorted(
    name
    for name, twin in TWINS.items()
    # What a forked process finds stays in it.
    if not twin.bad and issubclass(twin.changed, Connection) and name != "ForksAndSaysSo"
)

# Some of the servers leave files open.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

UNTOUCHED = "what wsgi.file_wrapper returned goes to the server as it is, so as to be known there"
# Rules that a wire client can judge and the validator cannot, each with the reason.
NOT_FROM_INSIDE = {
    "close-on-returned-object": "that an iterator was closed leaves no trace once it has ended; "
    "the close() that is missing is seen, and named after how far the iteration had come",
    "errors-text-mode": "what becomes of a newline shows in the log, which is the server's",
    "file-wrapper-close-delegates": UNTOUCHED,
    "file-wrapper-fallback-close": UNTOUCHED,
    "file-wrapper-fallback-read": UNTOUCHED,
}
# What else a twin breaks along with its own rules, seen from inside.
FOLLOWS = {
    "TakesTwoArguments": {"start-response-error-returns-write"},
}
# Rules whose violation cannot be told from something legal; seen at a weaker level.
WEAKER = {
    "environ-extension-name-charset": "undefined",  # it may be a deployer's key
    "environ-extension-name-prefix": "undefined",
    "environ-other-cgi-variables": "undefined",  # not every transport knows them
    "start-response-reraises-given-error": "undefined",  # middleware may raise its own
    "url-server-port-decimal": "SHOULD",  # a Unix socket has no port
}


def broken(findings: list[Finding]) -> list[str]:
    """Return findings that count, as texts."""
    return [str(finding) for finding in findings if finding.counted]


@cache
def seen_with(name: str) -> Seen:
    changed = TWINS[name].changed
    assert issubclass(changed, Gateway)
    return exercised_by(changed)


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what the harness plants for the twins that copy their surroundings."""
    monkeypatch.setenv("CONFORMANCE_PLANTED", "caf\u00e9 \u20ac")


def test_clean_server_is_never_blamed() -> None:
    found = [finding for findings in clean().values() for finding in of_server(findings)]
    assert broken(found) == []


@pytest.mark.parametrize("name", GATEWAYS)
def test_application_is_not_blamed_for_the_server(name: str) -> None:
    """With any server the applications have the faults they have with a good one, or fewer."""
    assert broken(misblamed(seen_with(name))) == []


@pytest.mark.parametrize("name", GATEWAYS)
def test_server_is_blamed_for_what_it_did_and_no_more(name: str) -> None:
    """A good twin is blamed for nothing, a bad one for its own rules alone."""
    twin = TWINS[name]
    own = {*twin.rules, *twin.also, *FOLLOWS.get(name, ())} if twin.bad else set()
    assert broken(unjustified(seen_with(name), own)) == []


def caught(twin: Twin, rule: str) -> list[Finding]:
    findings = [f for each in seen_with(twin.name).values() for f in each if f.rule == rule]
    return of_server(findings)


def twins_by_rule() -> dict[str, list[Twin]]:
    found: dict[str, list[Twin]] = defaultdict(list)
    for name in GATEWAYS:
        for rule in TWINS[name].rules:
            if TWINS[name].bad:
                found[rule].append(TWINS[name])
    return found


BY_RULE = twins_by_rule()
JUDGED = [
    rule.id
    for rule in RULES.values()
    if rule.party == "server" and rule.observable in ("validator", "both") and rule.level != "MAY"
]


@pytest.mark.parametrize("rule", [each for each in JUDGED if each not in NOT_FROM_INSIDE])
def test_rule_is_seen_from_inside(rule: str) -> None:
    """A rule has a bad twin that is caught for it, at its level and as the server's fault."""
    found = [finding for twin in BY_RULE[rule] for finding in caught(twin, rule)]
    assert found
    assert {finding.level for finding in found} >= {WEAKER.get(rule, RULES[rule].effective_level)}
    assert all(finding.url == RULES[rule].url for finding in found)


@pytest.mark.parametrize("name", sorted(twin.name for twin in OWN.values() if twin.bad))
def test_own_twin_is_caught_for_each_of_its_rules(name: str) -> None:
    """The bad servers made for the validator are all seen by it."""
    assert [rule for rule in OWN[name].rules if not caught(OWN[name], rule)] == []


def test_exemptions_hold() -> None:
    """What is said not to be seen is a rule, is given a reason, and is indeed not seen."""
    assert [rule for rule in NOT_FROM_INSIDE if rule not in JUDGED] == []
    seen = [
        (rule, twin.name)
        for rule in NOT_FROM_INSIDE
        for twin in BY_RULE.get(rule, ())
        if any(finding.counted for finding in caught(twin, rule))
    ]
    assert seen == []


@pytest.mark.parametrize("name", CONNECTIONS)
@pytest.mark.parametrize("exercise", ["page", "generator", "writes", "reads_by_size"])
def test_good_connection_is_not_blamed(name: str, exercise: str) -> None:
    """What is unusual about a connection does not show, or does not matter, inside."""
    validator = Validator(EXERCISES[exercise].application, report="collect", notes=True)
    changed: Any = TWINS[name].changed
    server = Server(validator, connection_class=changed)
    with contextlib.closing(server), socket.create_connection(server.address) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n")
        client.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY))
        client.shutdown(socket.SHUT_WR)
        accepted, _ = server.listener.accept()
        server.serve(accepted)
        assert b" 200 OK\r\n" in client.recv(1 << 16)
    assert validator.requests == 1
    assert broken(of_server(validator.findings)) == []
