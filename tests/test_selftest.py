"""``wsgi-conformance selftest``: twins of every kind are judged, and a check that fails shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from conformance.cli import suite
from conformance.cli.listings import as_json, of_rule
from conformance.cli.main import main
from conformance.driver.selftest import MemoryTwin, check_memory_twin, load_memory_twins
from conformance.paths import APPS
from conformance.reference.twins import TwinError
from conformance.rules import Rule

SUITE = suite.load_suite()
MEMORY = load_memory_twins(APPS / "twins")
# Rules that a validator could see, and the reason why none of them has a twin of its own.
EXEMPT = {
    "unicode-encoding-by-application": "has no check of its own: those of each string stand for it",
}
# A twin of each kind, not one of those that take long.
OF_EACH_KIND = {
    "application": "status-native-str",
    "application, in scenarios": "file-wrapper-honest-attributes",
    "middleware": "middleware-returns-write",
    "server in memory": "input-returns-bytes",
}


@pytest.mark.parametrize("kind", OF_EACH_KIND)
# Bad ones leave files open; that is what they are for.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_twins_of_every_kind_are_judged(kind: str) -> None:
    rule = OF_EACH_KIND[kind]
    twins = [twin for twin in MEMORY if twin.kind == kind and rule in twin.rules]
    assert any(twin.bad for twin in twins)
    for twin in twins:
        report = check_memory_twin(twin, SUITE.rules)
        assert report.right, report


def test_every_kind_is_known_and_has_bad_and_good_ones() -> None:
    found = Counter((twin.kind, twin.bad) for twin in MEMORY)
    assert set(found) == {(kind, bad) for kind in OF_EACH_KIND for bad in (False, True)}


def test_names_are_of_one_twin() -> None:
    names = Counter(twin.name for twin in SUITE.all_twins())
    assert [name for name, number in names.items() if number > 1] == []


@pytest.mark.parametrize("rule", ["status-native-str", "middleware-returns-write"])
def test_the_command_says_how_each_came_out(rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", rule]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert last == f"{len(lines)} twins, 0 judged wrongly"
    assert {line.split()[0] for line in lines} == {"caught", "clean"}
    assert all(rule in line for line in lines)


def sleeps(rules: Mapping[str, Rule]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Judge as a check that misses one thing and makes up another would."""
    return ("status-native-str",), ("MUST headers-exact-list: made up",)


def stumbles(rules: Mapping[str, Rule]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Judge as where the twin itself is broken."""
    raise TwinError("broken: did not start")


def test_a_check_that_fails_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    twins = [
        MemoryTwin("application", "missed", True, ("status-native-str",), "Is bad.", sleeps),
        MemoryTwin("middleware", "broken", False, ("status-native-str",), "Is good.", stumbles),
    ]
    monkeypatch.setattr(suite, "load_memory_twins", lambda directory: twins)
    assert main(["selftest", "missed", "broken"]) == 1
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "JUDGED WRONGLY  bad  missed: Is bad. [status-native-str]",
        "                not caught: status-native-str",
        "                MUST headers-exact-list: made up",
        "JUDGED WRONGLY  good broken: Is good. [status-native-str]",
        "                not caught: broken: did not start",
        "2 twins, 2 judged wrongly",
    ]


SEEN = [
    rule
    for rule in SUITE.rules.values()
    if rule.observable in ("validator", "both") and rule.level != "MAY"
]
ROWS = {row.rule: row for row in SUITE.traceability()}


@pytest.mark.parametrize("rule", SEEN, ids=lambda rule: rule.id)
def test_every_rule_that_a_validator_sees_names_its_twins(rule: Rule) -> None:
    told = as_json(rule, ROWS[rule.id], of_rule(rule, SUITE.all_twins()))
    assert bool(told["twins"]) == (rule.id not in EXEMPT)
    assert told["probes"] or told["judged_by"]


def test_a_rule_is_explained_with_its_twins(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "status-native-str", "input-returns-bytes"]) == 0
    text = capsys.readouterr().out
    assert "Bad twin status_as_number (application): The status is the number alone." in text
    assert "Good twin status_made_of_http_status (application): " in text
    assert "Bad twin ReadsBytearrays (server in memory): " in text
    assert "(server): " in text
    assert "Judged by: the validator and `wsgi-conformance app`" in text
