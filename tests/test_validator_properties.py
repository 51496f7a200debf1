"""The validator's promises: no valid exchange is flagged, any fault is, and nothing breaks it."""

from __future__ import annotations

import copy
import subprocess
import sys
import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from validator_exchanges import Exchange, exchanges
from validator_hostile import KINDS, PLACES, Hostility, Played, play
from validator_mutations import Mutation
from validator_mutations_servers import MUTATIONS

from conformance import ConformanceError, Finding, Validator, rules
from conformance.driver.memory import MemoryGateway, Seen, drive

RULES = rules.load()
# A server that does not call close() is not told of that by close().
UNRAISED = {"NoClose"}
QUICK = settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def exchanged(made: Exchange, application: Any, gateway: Any = MemoryGateway) -> Seen:
    return drive(application, made.made_request(), gateway, made.changes)


def summary(seen: Seen) -> list[Any]:
    """Return all of what a client and a log see; objects of this run apart."""
    return [seen.status, seen.reason, seen.fields, seen.parts, seen.ended, repr(seen.error)]


def texts(findings: list[Finding]) -> list[str]:
    return [str(finding) for finding in findings if finding.counted]


# Valid exchanges


@settings(QUICK, max_examples=250)
@given(exchanges())
def test_valid_exchange_is_not_flagged_and_not_changed(made: Exchange) -> None:
    """Nothing is found, and the server sends the same parts with the validator and without."""
    validator = Validator(made.application, report="collect", notes=True)
    with_it = exchanged(made, validator)
    assert texts(validator.findings) == []
    assert validator.failures == []
    assert validator.requests == 1
    assert summary(with_it) == summary(exchanged(made, made.application))


@settings(QUICK, max_examples=40)
@given(st.lists(exchanges(), min_size=2, max_size=5))
def test_exchanges_do_not_affect_each_other(several: list[Exchange]) -> None:
    """One validator sees many exchanges one after the other, and nothing is left of any."""
    current: list[Exchange] = []

    def application(environ: Any, start_response: Any) -> Any:
        return current[-1].application(environ, start_response)

    validator = Validator(application, report="collect")
    for made in several:
        current.append(made)
        exchanged(made, validator)
    assert texts(validator.findings) == []
    assert validator.requests == len(several)


@settings(QUICK, max_examples=60)
@given(exchanges())
def test_valid_exchange_raises_and_warns_of_nothing(made: Exchange) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seen = exchanged(made, Validator(made.application))
    assert not isinstance(seen.error, (ConformanceError, Warning))


# Faults


def mutated(data: st.DataObject, mutation: Mutation) -> Exchange:
    """Draw an exchange and put a fault into it."""
    made = copy.copy(data.draw(exchanges(), label="exchange"))
    made.headers = [*made.headers]
    mutation.apply(made, lambda below: data.draw(st.integers(0, below - 1), label="pick"))
    return made


@pytest.mark.parametrize("name", sorted(MUTATIONS))
@settings(QUICK, max_examples=5)
@given(data=st.data())
def test_mutation_is_flagged(name: str, data: st.DataObject) -> None:
    """A fault is found, named, and put on the side that made it; the other side has none."""
    mutation = MUTATIONS[name]
    made = mutated(data, mutation)
    validator = Validator(made.application, report="collect", notes=True)
    exchanged(made, validator, mutation.gateway)
    assert validator.failures == []
    found = [f for f in validator.findings if f.rule in mutation.rules]
    assert found, [str(finding) for finding in validator.findings]
    assert {finding.party for finding in found} == {mutation.party}
    assert {finding.party for finding in validator.findings if finding.must} <= {mutation.party}


@pytest.mark.filterwarnings("ignore::conformance.ConformanceWarning")
@pytest.mark.parametrize("name", sorted(set(MUTATIONS) - UNRAISED))
@pytest.mark.parametrize("shape", ["list", "generator", "indexed", "closed"])
def test_fault_is_raised(name: str, shape: str) -> None:
    """What breaks a MUST is raised to the server, with all that was found, and only that."""
    mutation = MUTATIONS[name]
    made = Exchange(headers=[("Content-Type", "text/plain")], blocks=[b"one", b"two"], shape=shape)
    mutation.apply(made, lambda below: below - 1)
    validator = Validator(made.application)
    error = exchanged(made, validator, mutation.gateway).error
    musts = [finding for finding in validator.findings if finding.must]
    assert isinstance(error, ConformanceError) == bool(musts)
    if isinstance(error, ConformanceError):
        assert {*error.findings} <= {*musts}
        assert {finding.party for finding in musts} == {mutation.party}


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=lambda mutation: mutation.name)
def test_mutation_names_a_rule(mutation: Mutation) -> None:
    assert {RULES[rule].party for rule in mutation.rules} == {mutation.party}


# Hostile objects


@pytest.mark.filterwarnings("ignore::conformance.ConformanceWarning")
@settings(QUICK, max_examples=300)
@given(
    st.dictionaries(st.sampled_from(sorted(PLACES)), st.sampled_from(sorted(KINDS)), min_size=1)
    .filter(lambda chosen: len(chosen) <= 3)
    .map(Hostility),
    # Not StopIteration: in a generator that is a RuntimeError, and a stand-in may be one.
    st.sampled_from([ValueError, AttributeError, TypeError, KeyError, OSError, MemoryError]),
)
def test_hostile_objects_get_nothing_out_of_it(
    hostility: Hostility, error: type[Exception]
) -> None:
    """What comes out is what comes out without the validator, or a ConformanceError."""
    without = play(hostility, error, lambda application: application)
    found: list[Finding] = []
    for report in ("collect", "log", found.append):
        assert play(hostility, error, collecting(report)).steps == without.steps
    assert allowed(play(hostility, error, Validator), without)
    assert all(printable(finding) for finding in found)


@pytest.mark.filterwarnings("ignore::conformance.ConformanceWarning")
@pytest.mark.parametrize("place", sorted(PLACES))
def test_each_hostile_object_at_each_place(place: str) -> None:
    wrong: list[Any] = []
    for kind in KINDS:
        for error in (ValueError, AttributeError):
            hostility = Hostility({place: kind})
            without = play(hostility, error, lambda application: application)
            found: list[Finding] = []
            collected = play(hostility, error, collecting(found.append)).steps
            if collected != without.steps:
                wrong.append((kind, error, collected, without.steps))
            raising = play(hostility, error, Validator)
            if not allowed(raising, without):
                wrong.append((kind, error, raising.steps, without.steps))
            wrong += [(kind, error, f.rule, f.party) for f in found if not printable(f)]
    assert wrong == []


def collecting(report: Any) -> Any:
    return lambda application: Validator(application, report=report, notes=True)


def printable(finding: Finding) -> bool:
    """Whether a finding is one line of bounded length, which any log or terminal takes."""
    text = str(finding)
    return text.isprintable() and len(text) < 1000


def allowed(raising: Played, without: Played) -> bool:
    """Whether all that came out is a ConformanceError, or came out without it as well."""
    outcomes = {outcome for _, outcome in without.steps}
    return all(outcome in outcomes or outcome == "ConformanceError" for _, outcome in raising.steps)


# Without assertions

OPTIMISED = """
from wsgiref.util import setup_testing_defaults
from conformance import ConformanceError, Validator, validator

def start_response(status, headers, exc_info=None):
    return lambda data: None

def ask(application):
    environ = {}
    setup_testing_defaults(environ)
    environ["SERVER_PROTOCOL"] = "HTTP/1.1"
    environ["wsgi.input"].readlines
    result = application(environ, start_response)
    try:
        return list(result)
    finally:
        getattr(result, "close", bool)()

def good(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"good"]

def bad(environ, start_response):
    start_response("200 O\\nK", [("Content-Type", "text/plain")])
    return ["bad"]

assert False, "assertions are on"
if ask(validator(good)) != [b"good"]:
    raise SystemExit("changed")
try:
    ask(validator(bad))
except ConformanceError as error:
    print(sorted({finding.rule for finding in error.findings}))
collected = Validator(bad, report="collect")
ask(collected)
print(sorted({finding.rule for finding in collected.findings}))
"""


def test_works_without_assertions() -> None:
    done = subprocess.run(
        [sys.executable, "-O", "-W", "error", "-c", OPTIMISED],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    expected = "['iterable-yields-bytes', 'status-no-control-chars']"
    raised, collected = done.stdout.splitlines()
    assert collected == expected
    assert raised.strip("[]") in expected
