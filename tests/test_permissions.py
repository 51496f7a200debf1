"""Every permission of a server's is made use of by a twin that stays clean, or says why not."""

from __future__ import annotations

import pytest

from conformance.cli.suite import load_suite

SUITE = load_suite()
OF_SERVERS = [
    rule.id for rule in SUITE.rules.values() if rule.level == "MAY" and rule.party == "server"
]
ROWS = {row.rule: row for row in SUITE.traceability()}


@pytest.mark.parametrize("permission", OF_SERVERS)
def test_permission_has_a_good_twin_or_a_reason(permission: str) -> None:
    reason = SUITE.rules[permission].untested
    assert bool(ROWS[permission].good_twins) != bool(reason), (ROWS[permission], reason)


def test_most_have_a_twin() -> None:
    assert sum(bool(ROWS[permission].good_twins) for permission in OF_SERVERS) >= 45


def test_nothing_judges_a_permission() -> None:
    assert not [row for row in ROWS.values() if row.rule in OF_SERVERS and row.probes]
    assert not [twin for twin in SUITE.twins.values() if twin.bad and {*twin.rules} & {*OF_SERVERS}]
