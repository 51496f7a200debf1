"""Bad and good servers in memory, to check with what a Validator says of a server.

They are twins like those of ``servers/twins/``, in a file ``apps/twins/servers*.py``; here nothing
is listened to, and applications that make a server use all of WSGI see what it does.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from conformance import Finding, Validator
from conformance.driver.exercises import EXERCISES
from conformance.driver.memory import MemoryGateway
from conformance.reference.gateway import Gateway
from conformance.reference.twins import Twin

__all__ = [
    "Seen",
    "ServerTwinReport",
    "check_server_twin",
    "clean",
    "exercised_by",
    "misblamed",
    "of_server",
    "unjustified",
]

Seen = Mapping[str, list[Finding]]
"""What was found in each exercise, by its name."""

# Which of these a missing close() is depends on how far the iteration had come.
CLOSING = frozenset(
    {
        "close-on-client-disconnect",
        "close-on-iteration-error",
        "close-on-normal-end",
        "close-on-returned-object",
        "close-when-not-iterated",
        "close-when-server-aborts",
    }
)
# What the applications do wrong, though a good server does not go so far as to see it.
FAULTS = {
    "enough": {"content-length-not-exceeded"},
    "writes_too_much": {"content-length-delivered-in-full"},
}


@dataclass(frozen=True, slots=True)
class ServerTwinReport:
    """What a Validator made of a server.

    Attributes:
        missed: ids that a bad one breaks and that were not put down to the server.
        unrelated: findings that count and that nothing in the server justifies.
    """

    missed: tuple[str, ...]
    unrelated: tuple[Finding, ...]


def check_server_twin(twin: Twin) -> ServerTwinReport:
    """Let a server go through every exercise, and judge what a Validator says of it.

    Errors:
        ValueError: the twin changes the connection, which there is none of in memory.
    """
    if not issubclass(twin.changed, Gateway):
        raise ValueError(f"{twin.name} changes the connection; start it as a server")
    seen = exercised_by(twin.changed)
    own = {*twin.rules, *twin.also} if twin.bad else set()
    caught = {finding.rule for findings in seen.values() for finding in of_server(findings)}
    missed = [rule for rule in twin.rules if twin.bad and rule not in caught]
    return ServerTwinReport(tuple(missed), (*unjustified(seen, own), *misblamed(seen)))


def exercised_by(gateway: type[Gateway]) -> Seen:
    """Return what a Validator finds when a server goes through each exercise.

    Errors:
        ExceptionGroup: checks of the Validator's own failed.
    """
    validators = {}
    for name, exercise in EXERCISES.items():
        validators[name] = Validator(exercise.application, report="collect", notes=True)
        exercise.run(validators[name], gateway)
    gc.collect()  # what was never closed shows at its end
    failures = [failure for each in validators.values() for failure in each.failures]
    if failures:
        raise BaseExceptionGroup("checks of the validator failed", failures)
    return {name: validator.findings for name, validator in validators.items()}


@cache
def clean() -> Seen:
    """Return what is found with a server that has no fault: the applications' own faults."""
    return exercised_by(MemoryGateway)


def of_server(findings: Iterable[Finding]) -> list[Finding]:
    """Return those that are put down to the server."""
    return [finding for finding in findings if finding.party == "server"]


def unjustified(seen: Seen, own: set[str]) -> list[Finding]:
    """Return what a server is blamed for, if it counts and is against no rule of its own."""
    if own & CLOSING:
        own = own | CLOSING
    return [
        finding
        for findings in seen.values()
        for finding in of_server(findings)
        if finding.counted and finding.rule not in own
    ]


def misblamed(seen: Seen) -> list[Finding]:
    """Return what counts and the applications are blamed for, though not with a good server."""
    found = []
    for exercise, findings in seen.items():
        own = {finding.rule for finding in clean()[exercise]} | FAULTS.get(exercise, set())
        found += [
            finding
            for finding in findings
            if finding.party != "server" and finding.counted and finding.rule not in own
        ]
    return found
