"""The verbs: each claim becomes one outcome, as weak as its rule's level and never stronger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conformance import rules
from conformance.harness.verify import (
    LONGEST_TEXT,
    ORDER,
    Claim,
    Judgement,
    ProbeMistake,
    Verify,
    failing,
    worst,
)
from conformance.results.model import OUTCOMES

RULES = rules.load()


def rule_of(*levels: str) -> str:
    """Return a rule that is reported at one of the levels."""
    return next(rule.id for rule in RULES.values() if rule.effective_level in levels)


MUST = next(
    rule.id for rule in RULES.values() if rule.effective_level == "MUST" and not rule.proxied
)


def judged(claim: Callable[[Claim], Any], rule: str = MUST, level: str | None = None) -> Judgement:
    verify = Verify(RULES, [rule])
    claim(verify(rule, level))
    (judgement,) = verify.judgements
    assert judgement.rule == rule
    return judgement


@pytest.mark.parametrize(
    ("level", "outcome"),
    [
        ("MUST", "fail"),
        ("MUST NOT", "fail"),
        ("SHOULD", "warn"),
        ("SHOULD NOT", "warn"),
        ("MAY", "info"),
        ("undefined", "info"),
        ("undefined (HTTP)", "info"),
    ],
)
def test_level_decides_the_outcome(level: str, outcome: str) -> None:
    assert failing(level) == outcome
    assert judged(lambda claim: claim.equal(1, 2), rule_of(level)).outcome == outcome
    assert judged(lambda claim: claim.equal(1, 1), rule_of(level)).outcome == "pass"


@pytest.mark.parametrize(
    ("rule", "level", "outcome"),
    [
        (rule_of("MUST"), "SHOULD", "warn"),
        (rule_of("MUST"), "undefined", "info"),
        (rule_of("SHOULD"), "MUST", "warn"),
        (rule_of("SHOULD"), "undefined", "info"),
        (rule_of("MAY"), "MUST", "info"),
    ],
)
def test_level_may_be_weakened_alone(rule: str, level: str, outcome: str) -> None:
    assert judged(lambda claim: claim.equal(1, 2), rule, level).outcome == outcome


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        (lambda c: c.true([1], "something", "x"), True),
        (lambda c: c.true([], "something", "x"), False),
        (lambda c: c.equal(b"a", b"a"), True),
        (lambda c: c.equal("a", b"a"), False),
        (lambda c: c.equal(1, True), False),
        (lambda c: c.equal(1, 1.0), False),
        (lambda c: c.equal([], ()), False),
        (lambda c: c.one_of(b"b", [b"a", b"b"]), True),
        (lambda c: c.one_of(b"c", [b"a", b"b"]), False),
        (lambda c: c.one_of(1.0, (1,)), True),
        (lambda c: c.contains(b"abc", b"b"), True),
        (lambda c: c.contains(b"abc", b"d"), False),
        (lambda c: c.lacks({"a": 1}, "b"), True),
        (lambda c: c.lacks({"a": 1}, "a"), False),
    ],
)
def test_verbs(claim: Callable[[Claim], bool], holds: bool) -> None:
    said: list[bool] = []
    judgement = judged(lambda made: said.append(claim(made)))
    assert judgement.outcome == ("pass" if holds else "fail")
    assert said == [holds]
    assert judgement.expected
    assert judgement.observed


def test_milder_behind_a_proxy_where_the_rule_says_so() -> None:
    found = {}
    for level in ("SHOULD", "undefined"):
        (rule, *_) = [each for each in RULES.values() if each.proxied == level]
        for proxied in (False, True):
            verify = Verify(RULES, [rule.id, MUST], proxied=proxied)
            verify(rule.id).equal(1, 2)
            verify(MUST).equal(1, 2)
            found[level, proxied] = [judgement.outcome for judgement in verify.judgements]
    assert found == {
        ("SHOULD", False): ["fail", "fail"],
        ("SHOULD", True): ["warn", "fail"],
        ("undefined", False): ["fail", "fail"],
        ("undefined", True): ["info", "fail"],
    }


def test_texts() -> None:
    assert judged(lambda c: c.equal("a", b"b")) == Judgement(MUST, "fail", "b'b'", "'a'", True)
    assert judged(lambda c: c.one_of(3, (1, 2))) == Judgement(MUST, "fail", "1 or 2", "3", True)
    assert judged(lambda c: c.contains([1], 2)) == Judgement(MUST, "fail", "2 in it", "[1]", True)
    assert judged(lambda c: c.lacks([1], 1)) == Judgement(MUST, "fail", "no 1 in it", "[1]", True)
    assert judged(lambda c: c.true(0, "text", 7)) == Judgement(MUST, "fail", "text", "7", True)


def test_texts_are_bounded() -> None:
    judgement = judged(lambda c: c.equal(b"x" * 100_000, b"y" * 100_000))
    assert len(judgement.expected) == len(judgement.observed) == LONGEST_TEXT
    assert judgement.observed.endswith("...")


def test_neither_pass_nor_fail() -> None:
    assert judged(lambda c: c.info("chunked")).outcome == "info"
    assert judged(lambda c: c.info("x", "y")) == Judgement(MUST, "info", "y", "x")
    assert judged(lambda c: c.unsupported("501")).outcome == "unsupported"


def test_undeclared_rule() -> None:
    verify = Verify(RULES, [MUST])
    with pytest.raises(ProbeMistake, match="judges input-read-semantics, which it does not decl"):
        verify("input-read-semantics")
    assert verify.judgements == []


def test_order_is_that_of_judgements() -> None:
    verify = Verify(RULES, [MUST])
    for number in range(3):
        verify(MUST).info(str(number))
    assert [judgement.observed for judgement in verify.judgements] == ["0", "1", "2"]


def test_worst() -> None:
    assert sorted(ORDER) == sorted(OUTCOMES)
    made = [Judgement(MUST, outcome, "", str(n)) for n, outcome in enumerate(ORDER)]
    assert worst(made).outcome == "error"
    assert worst(made[:2]).outcome == "info"
    # Of two that are as bad, the first.
    assert (
        worst([Judgement(MUST, "fail", "", "1"), Judgement(MUST, "fail", "", "2")]).observed == "1"
    )
