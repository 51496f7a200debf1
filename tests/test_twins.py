"""One generic test over all twins, and one over all rules: a check that cannot fail is a defect."""

from __future__ import annotations

import pytest

from conformance.cli.suite import load_suite
from conformance.harness.runner import rules_of
from conformance.harness.selftest import check_twin

SUITE = load_suite()
JUDGED = sorted(rules_of(SUITE.probes.values()))


def judge(name: str, others: int) -> None:
    twin = SUITE.twins[name]
    report = check_twin(twin, SUITE.probes, SUITE.rules, SUITE.folders, others=others)
    assert report.missed == ()
    assert [(each.outcome, each.rule, each.probe, each.observed) for each in report.unrelated] == []


@pytest.mark.parametrize("name", sorted(SUITE.twins))
def test_twin(name: str) -> None:
    """A bad twin is caught for its rule and for no unrelated one, a good one for none.

    Among one in so many of the unrelated probes: all on all would be most of this suite's time.
    """
    judge(name, others=5)


@pytest.mark.every_probe
@pytest.mark.parametrize("name", sorted(SUITE.twins))
def test_twin_on_every_probe(name: str) -> None:
    judge(name, others=1)


@pytest.mark.parametrize("rule", JUDGED)
def test_rule_has_a_bad_twin(rule: str) -> None:
    assert [twin.name for twin in SUITE.twins.values() if twin.bad and rule in twin.rules]


def test_at_least_a_hundred_server_rules_are_judged() -> None:
    assert sum(SUITE.rules[rule].party == "server" for rule in JUDGED) >= 100
