"""Real servers in their real processes, as far as they are installed here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from conformance.cli.suite import load_suite
from conformance.harness.environment import EnvironmentFailure, current, obstacle
from conformance.harness.loop import Loop
from conformance.harness.runner import Options, Run, run_subject
from conformance.roster import load_roster

SUITE = load_suite()
ROSTER = load_roster()


def run(name: str) -> Run:
    """Judge a server of the roster by everything; skip, saying so, where it is not installed."""
    subject = ROSTER[name]
    if reason := obstacle(subject):
        pytest.skip(reason)
    try:
        environment = current(subject)
    except EnvironmentFailure as failure:
        pytest.skip(str(failure))
    if environment.missing:
        pytest.skip(f"not installed here: {' '.join(environment.missing)}")
    loop = Loop()
    try:
        options = Options(SUITE.probes, SUITE.rules, frozenset(SUITE.rules), SUITE.folders)
        return run_subject(subject, environment, options, loop)
    finally:
        loop.close()


def test_reference_server_has_no_verdict_against_it() -> None:
    result = run("reference").result
    assert result.started
    wrong = [
        (verdict.outcome, verdict.rule, verdict.probe, verdict.observed)
        for verdict in result.verdicts
        if verdict.outcome not in ("pass", "info", "unsupported")
    ]
    assert wrong == []


def in_tests() -> list[str]:
    """Return the servers whose requirements the session of the tests installs."""
    tree = ast.parse((Path(__file__).parent.parent / "noxfile.py").read_bytes())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "IN_TESTS":
            leaves = (leaf for leaf in ast.walk(node.value) if isinstance(leaf, ast.Constant))
            return [str(leaf.value) for leaf in leaves]
    raise AssertionError("noxfile.py does not say which servers the tests judge")


@pytest.mark.parametrize("name", in_tests())
def test_server_is_judged_by_every_rule_and_by_no_guess(name: str) -> None:
    result = run(name).result
    assert result.started, result.failure
    judged = {verdict.rule for verdict in result.verdicts}
    assert judged >= {rule for probe in SUITE.probes.values() for rule in probe.rules}
    errors = [
        (verdict.rule, verdict.probe, verdict.observed)
        for verdict in result.verdicts
        if verdict.outcome == "error"
    ]
    assert errors == []


def test_readme_gives_the_command_that_ci_runs() -> None:
    root = Path(__file__).parent.parent
    command = "python3 -m venv .venv && .venv/bin/pip install -q nox && .venv/bin/nox -s tests"
    assert command in (root / "README.md").read_text(encoding="utf-8")
    assert command in (root / ".ci" / "run").read_text(encoding="utf-8")
