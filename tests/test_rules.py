"""The rules as data: complete and consistent."""

from __future__ import annotations

import re
import runpy
import shutil
from collections import Counter
from pathlib import Path

import pytest

from conformance import rules
from conformance.rules import Rule
from conformance.rules.__main__ import COMMAND, PATH, catalogue, main

DATA = Path(rules.__file__).parent

# The ids docutils gives to the headings of the PEP; a link to any other leads nowhere.
SECTIONS = frozenset(
    {
        "preface-for-readers-of-pep-333",
        "abstract",
        "original-rationale-and-goals-from-pep-333",
        "specification-overview",
        "a-note-on-string-types",
        "the-application-framework-side",
        "the-server-gateway-side",
        "middleware-components-that-play-both-sides",
        "specification-details",
        "environ-variables",
        "input-and-error-streams",
        "the-start-response-callable",
        "handling-the-content-length-header",
        "buffering-and-streaming",
        "middleware-handling-of-block-boundaries",
        "the-write-callable",
        "unicode-issues",
        "error-handling",
        "http-1-1-expect-continue",
        "other-http-features",
        "thread-support",
        "implementation-application-notes",
        "server-extension-apis",
        "application-configuration",
        "url-reconstruction",
        "supporting-older-2-2-versions-of-python",
        "optional-platform-specific-file-handling",
        "questions-and-answers",
        "proposed-under-discussion",
        "acknowledgements",
        "references",
        "copyright",
    }
)

# file: {level: (validator, wire, both, static, untestable)}. A number that changes here is a rule
# that was added, withdrawn or judged anew: say so in the changelog.
COUNTS = {
    "server.toml": {
        "MUST": (0, 70, 43, 4, 0),
        "MUST NOT": (0, 9, 2, 0, 0),
        "SHOULD": (0, 38, 14, 5, 2),
        "SHOULD NOT": (0, 6, 0, 0, 1),
    },
    "application.toml": {
        "MUST": (31, 0, 1, 0, 1),
        "MUST NOT": (20, 0, 0, 1, 0),
        "SHOULD": (11, 0, 0, 0, 6),
        "SHOULD NOT": (7, 0, 0, 0, 1),
    },
    "middleware.toml": {
        "MUST": (16, 0, 0, 0, 0),
        "MUST NOT": (8, 0, 0, 0, 0),
        "SHOULD": (7, 0, 0, 2, 0),
        "SHOULD NOT": (1, 0, 0, 0, 0),
    },
    "permissions.toml": {"MAY": (7, 17, 6, 1, 50)},
    "http.toml": {
        "MUST": (3, 0, 5, 0, 0),
        "MUST NOT": (5, 0, 0, 0, 0),
        "SHOULD": (1, 0, 0, 0, 0),
        "SHOULD NOT": (1, 0, 0, 0, 0),
    },
}


def all_rules() -> list[Rule]:
    return list(rules.load().values())


def of_family(family: str) -> list[Rule]:
    return [rule for rule in all_rules() if rule.family == family]


def seen_by_validator() -> list[Rule]:
    return [rule for rule in of_family("HTTP") if rule.observable != "wire"]


# --- the catalogue


def test_counts() -> None:
    kinds = ("validator", "wire", "both", "static", "untestable")
    seen = Counter(
        (rule.file or "http.toml", rule.level, rule.observable)
        for rule in [*of_family("PEP 3333"), *seen_by_validator()]
    )
    expected = {
        (file, level, kind): number
        for file, levels in COUNTS.items()
        for level, numbers in levels.items()
        for kind, number in zip(kinds, numbers, strict=True)
        if number
    }
    assert dict(seen) == expected
    assert len(of_family("PEP 3333")) == 388
    assert sum(rule.implicit for rule in of_family("PEP 3333")) == 144


def test_files_in_order_and_ids_unique() -> None:
    written = [
        name
        for file in (*COUNTS, *sorted(path.name for path in DATA.glob("http_*.toml")))
        for name in re.findall(r'^id = "(.+)"$', (DATA / file).read_text(), re.MULTILINE)
    ]
    assert len(set(written)) == len(written)
    assert list(rules.load()) == written


def test_order_is_that_of_the_governing_passage() -> None:
    for file in COUNTS:
        mine = [rule for rule in of_family("PEP 3333") if rule.file == file]
        first = [int(re.split("[-,]", rule.lines)[0]) for rule in mine]
        assert first == sorted(first), file


def test_order_in_http_is_party_document_section() -> None:
    def place(rule: Rule) -> tuple[int, int, list[int]]:
        document, section = rule.source.split()[1::2]
        return (
            ("application", "server").index(rule.party),
            ("9110", "9112", "3875").index(document),
            [int(part) for part in section.split(".")],
        )

    places = [place(rule) for rule in seen_by_validator()]
    assert places == sorted(places)


@pytest.mark.parametrize("rule", of_family("HTTP"), ids=lambda rule: rule.id)
def test_rule_of_http(rule: Rule) -> None:
    number, section = rule.source.split()[1::2]
    assert rule.url == f"https://www.rfc-editor.org/rfc/rfc{number}#section-{section}"
    assert rule.id.startswith("cgi-" if number == "3875" else "http-")
    assert rule.file is None
    assert rule.section == rule.source
    if rule.observable == "wire":
        assert rule.party == "server"
    else:
        assert rule.effective_level in ("undefined", "undefined (HTTP)")
        assert rule.observable == ("both" if rule.party == "server" else "validator")
    assert rule.summary.endswith(".")


@pytest.mark.parametrize("rule", of_family("PEP 3333"), ids=lambda rule: rule.id)
def test_rule(rule: Rule) -> None:
    assert rule.source == f"PEP 3333, {rule.section}"
    assert rule.anchor in SECTIONS
    slug = re.sub("[^a-z0-9]+", "-", rule.section.lower()).strip("-")
    assert slug == rule.anchor
    assert rule.url == f"https://peps.python.org/pep-3333/#{rule.anchor}"
    assert rule.summary.endswith(".")
    assert rule.effective_level == (rule.report or rule.level)
    if rule.report:
        assert rule.report != rule.level
        assert rule.ambiguity, "a level is only overridden by an ambiguity"


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_reason_for_no_check(rule: Rule) -> None:
    unseen = rule.observable in ("static", "untestable")
    judge = rules.judged_by(rule)
    if rule.level == "MAY":
        assert judge is None
        assert rules.default_untested(rule).startswith("a permission")
    elif unseen:
        assert rule.untested
        assert judge is None
    elif rule.party != "server":
        assert rule.untested is None
        assert judge is not None
        command = "middleware" if rule.party == "middleware" else "app"
        assert f"`wsgi-conformance {command}`" in judge
        assert rule.party in judge
    elif rule.observable == "wire":
        assert judge is None
    else:
        assert judge is not None
        assert "`wsgi-conformance app`" not in judge


def test_reasons_are_of_the_rules_own() -> None:
    reasons = [rule.untested for rule in all_rules() if rule.untested]
    assert len(set(reasons)) == len(reasons)


def test_overridden_levels() -> None:
    pep = of_family("PEP 3333")
    assert {rule.id: rule.effective_level for rule in pep if rule.report} == {
        "http-inbound-hop-headers-unused": "undefined",
        "http-chunked-abort-unterminated": "undefined (HTTP)",
        "http-expect-waiting-discouraged": "undefined",
    }
    advice = [rule.id for rule in seen_by_validator() if rule.effective_level == "undefined"]
    assert advice == ["http-head-empty", "cgi-status-field"]


def test_ambiguities_and_rules_name_each_other() -> None:
    entries = rules.ambiguities()
    assert list(entries) == list(range(1, 49))
    from_rules = {(number, rule.id) for rule in all_rules() for number in rule.ambiguity}
    from_entries = {(entry.number, name) for entry in entries.values() for name in entry.rules}
    assert from_rules == from_entries


def test_texts_refer_to_ambiguities_that_concern_the_rule() -> None:
    for rule in all_rules():
        for number in re.findall(r"ambiguities\.toml, entry (\d+)", rule.how + rule.pitfalls):
            assert int(number) in rule.ambiguity, rule.id


def test_edition_is_all_rules() -> None:
    assert sorted(rules.edition(rules.EDITION)) == sorted(rules.load())
    assert rules.edition() == rules.edition(rules.EDITION)
    # 2026.1 is frozen: this is what it was, and what it stays, whatever is added.
    assert rules.edition("2026.1") == tuple(rule.id for rule in of_family("PEP 3333"))


def test_unknown_edition() -> None:
    with pytest.raises(rules.UnknownEdition, match=r"'1999\.1'.*2026\.1"):
        rules.edition("1999.1")


def test_catalogue_is_read_once_and_read_only() -> None:
    assert rules.load() is rules.load()
    with pytest.raises(TypeError):
        rules.load()["x"] = all_rules()[0]  # type: ignore[index]
    with pytest.raises(AttributeError):
        all_rules()[0].level = "MAY"  # type: ignore[misc]


def test_data_elsewhere_read_the_same(tmp_path: Path) -> None:
    for path in DATA.glob("*.toml"):
        shutil.copy(path, tmp_path)
    assert rules.read_rules(tmp_path) == dict(rules.load())
    assert rules.read_ambiguities(tmp_path) == dict(rules.ambiguities())
    editions = {name: rules.edition(name) for name in ("2026.1", "2026.2", "2026.3")}
    assert rules.read_editions(tmp_path) == editions


# --- selection


def test_matching() -> None:
    found = rules.matching(["close-on-*", "environ-builtin-dict", "close-*"])
    names = [rule.id for rule in found]
    assert names == [name for name in rules.load() if name in names]
    assert names[0] == "environ-builtin-dict"
    assert all(name.startswith("close-") for name in names[1:])
    assert rules.matching(["*"]) == all_rules()
    assert rules.matching([]) == []


@pytest.mark.parametrize("glob", ["environ-builtin-dcit", "environ-builtin-dcit*"])
def test_matching_nothing(glob: str) -> None:
    with pytest.raises(rules.UnknownRule) as caught:
        rules.matching(["close-*", glob])
    assert caught.value.glob == glob
    assert "environ-builtin-dict" in caught.value.close
    assert "did you mean environ-builtin-dict" in str(caught.value)


def test_matching_nothing_at_all_like_it() -> None:
    with pytest.raises(rules.UnknownRule, match="no rule matches '0000'") as caught:
        rules.matching(["0000"])
    assert caught.value.close == ()


def test_matching_takes_several_globs() -> None:
    with pytest.raises(TypeError, match=r"\['close-\*'\]"):
        rules.matching("close-*")


# --- what the validator knows of them


def test_catalogue_of_the_validator_is_up_to_date() -> None:
    wanted = catalogue(rules.load().values())
    assert PATH.read_text(encoding="utf-8") == wanted, f"out of date: run {COMMAND}"


def test_catalogue_of_the_validator_says_the_same() -> None:
    found = runpy.run_path(str(PATH))["RULES"]
    assert found == {rule.id: (rule.effective_level, rule.party, rule.url) for rule in all_rules()}


def test_catalogue_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "catalogue.py"
    main(path)
    assert path.read_bytes() == PATH.read_bytes()
    assert str(path) in capsys.readouterr().out
