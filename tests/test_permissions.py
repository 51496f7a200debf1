"""Every permission is made use of by a twin that stays clean, or says why not."""

from __future__ import annotations

import pytest

from conformance.cli.suite import load_suite

SUITE = load_suite()
PERMISSIONS = [rule.id for rule in SUITE.rules.values() if rule.level == "MAY"]
OF_SERVERS = [name for name in PERMISSIONS if SUITE.rules[name].party == "server"]
TWINS = SUITE.all_twins()
ROWS = {row.rule: row for row in SUITE.traceability()}


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_permission_has_a_good_twin_or_a_reason(permission: str) -> None:
    reason = SUITE.rules[permission].untested
    twins = [twin.name for twin in TWINS if permission in twin.rules]
    assert bool(twins) != bool(reason), (twins, reason)


@pytest.mark.parametrize("permission", OF_SERVERS)
def test_twins_of_a_servers_permission_are_served(permission: str) -> None:
    shown = [twin.name for twin in TWINS if permission in twin.rules]
    assert sorted(ROWS[permission].good_twins) == sorted(shown)


def test_most_have_a_twin() -> None:
    assert sum(bool(ROWS[permission].good_twins) for permission in OF_SERVERS) >= 45


def test_nothing_judges_a_permission() -> None:
    assert not [row for row in ROWS.values() if row.rule in PERMISSIONS and row.probes]
    assert not [twin.name for twin in TWINS if twin.bad and {*twin.rules} & {*PERMISSIONS}]
