"""The rules as data: complete, consistent, and refused with a useful message when damaged."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from conformance import rules
from conformance.rules import Rule, RuleError

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
}

GOOD = """
[[rule]]
id = "topic-name"
level = "MUST"
implicit = false
party = "server"
section = "Error Handling"
anchor = "error-handling"
lines = "1158-1159"
summary = "A duty."
observable = "wire"
how = "Look."
pitfalls = ""
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The four rule files, three of them with no rule."""
    for name in COUNTS:
        (tmp_path / name).write_text("rule = []\n")
    (tmp_path / "server.toml").write_text(GOOD)
    return tmp_path


def refused(folder: Path, text: str, file: str = "server.toml") -> RuleError:
    """The error that a folder with such a file raises; it must name the file in its message."""
    (folder / file).write_text(text)
    with pytest.raises(RuleError) as caught:
        rules.read_rules(folder)
    assert caught.value.file == file
    assert str(caught.value).startswith(file)
    return caught.value


def all_rules() -> list[Rule]:
    return list(rules.load().values())


# --- the catalogue


def test_counts() -> None:
    kinds = ("validator", "wire", "both", "static", "untestable")
    seen = Counter((rule.file, rule.level, rule.observable) for rule in all_rules())
    expected = {
        (file, level, kind): number
        for file, levels in COUNTS.items()
        for level, numbers in levels.items()
        for kind, number in zip(kinds, numbers, strict=True)
        if number
    }
    assert dict(seen) == expected
    assert len(all_rules()) == 388
    assert sum(rule.implicit for rule in all_rules()) == 144


def test_files_in_order_and_ids_unique() -> None:
    written = [
        name
        for file in COUNTS
        for name in re.findall(r'^id = "(.+)"$', (DATA / file).read_text(), re.MULTILINE)
    ]
    assert len(set(written)) == len(written)
    assert list(rules.load()) == written


def test_order_is_that_of_the_governing_passage() -> None:
    for file in COUNTS:
        first = [int(re.split("[-,]", r.lines)[0]) for r in all_rules() if r.file == file]
        assert first == sorted(first), file


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_rule(rule: Rule) -> None:
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
    if rule.level == "MAY":
        assert rule.untested is None
        assert rules.default_untested(rule).startswith("a permission")
    elif unseen:
        assert rule.untested
    elif rule.party != "server":
        assert rule.untested is None
        assert "validator" in rules.default_untested(rule)


def test_reasons_are_of_the_rules_own() -> None:
    reasons = [rule.untested for rule in all_rules() if rule.untested]
    assert len(set(reasons)) == len(reasons)


def test_overridden_levels() -> None:
    assert {rule.id: rule.effective_level for rule in all_rules() if rule.report} == {
        "http-inbound-hop-headers-unused": "undefined",
        "http-chunked-abort-unterminated": "undefined (HTTP)",
        "http-expect-waiting-discouraged": "undefined",
    }


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
    assert rules.edition(rules.EDITION) == tuple(rules.load())
    assert rules.edition() == rules.edition("2026.1")


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
    assert rules.read_editions(tmp_path) == {"2026.1": rules.edition()}


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


# --- damaged data


def test_good_data(folder: Path) -> None:
    assert list(rules.read_rules(folder)) == ["topic-name"]


@pytest.mark.parametrize(
    ("key", "line", "fix"),
    [
        ("id", 'id = "Topic Name"', "lower-case"),
        ("level", 'level = "OUGHT"', "MUST NOT"),
        ("level", 'level = ["MUST"]', "MUST NOT"),
        ("implicit", "implicit = 0", "true or false"),
        ("party", 'party = "gateway"', "server, application"),
        ("section", 'section = " "', "non-empty"),
        ("anchor", 'anchor = "#error-handling"', "hyphens"),
        ("lines", 'lines = "1159-1158"', "backwards"),
        ("lines", 'lines = "1780"', "1-1779"),
        ("lines", 'lines = "1158-1159, 1200"', "ranges"),
        ("lines", "lines = 1158", "ranges"),
        ("summary", 'summary = ""', "non-empty"),
        ("observable", 'observable = "nowhere"', "wire"),
        ("how", "how = 1", "non-empty"),
        ("pitfalls", "pitfalls = []", "may be empty"),
        ("report", 'pitfalls = ""\nreport = "perhaps"', "undefined (HTTP)"),
        ("ambiguity", 'pitfalls = ""\nambiguity = []', "at least one"),
        ("ambiguity", 'pitfalls = ""\nambiguity = [true]', "whole number"),
        ("ambiguity", 'pitfalls = ""\nambiguity = [1, 1]', "once"),
        ("untested", 'pitfalls = ""\nuntested = ""', "non-empty"),
    ],
)
def test_bad_value(folder: Path, key: str, line: str, fix: str) -> None:
    replaced = line.split(" =")[0]
    error = refused(folder, re.sub(rf"(?m)^{replaced} = .*$", line, GOOD))
    assert error.key == key
    assert error.rule == ("Topic Name" if key == "id" else "topic-name")
    assert fix in error.problem


@pytest.mark.parametrize("key", re.findall(r"(?m)^(\w+) = ", GOOD))
def test_missing_key(folder: Path, key: str) -> None:
    error = refused(folder, re.sub(rf"(?m)^{key} = .*\n", "", GOOD))
    assert error.key == key
    assert error.rule == ("rule #1" if key == "id" else "topic-name")
    assert error.problem.startswith("missing; write ")


def test_unknown_key(folder: Path) -> None:
    error = refused(folder, GOOD + 'pitfall = "x"\n')
    assert (error.rule, error.key) == ("topic-name", "pitfall")
    assert error.problem == "unknown; did you mean 'pitfalls'?"
    assert str(error) == f"server.toml, topic-name, key 'pitfall': {error.problem}"


def test_duplicate_id(folder: Path) -> None:
    error = refused(folder, GOOD.replace('"server"', '"middleware"'), "middleware.toml")
    assert (error.rule, error.key) == ("topic-name", "id")
    assert "server.toml" in error.problem


def test_rule_in_the_wrong_file(folder: Path) -> None:
    error = refused(folder, GOOD.replace('"server"', '"framework"'))
    assert (error.rule, error.key) == ("topic-name", "party")
    assert "middleware.toml" in error.problem


@pytest.mark.parametrize("text", ["[[rule]", "rule = [1]", "rule = 1", "", "x = 1\nrule = []"])
def test_malformed_file(folder: Path, text: str) -> None:
    assert refused(folder, text).rule is None


def test_not_text(folder: Path) -> None:
    (folder / "server.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RuleError, match=r"^server\.toml: not TOML"):
        rules.read_rules(folder)


def test_missing_file(folder: Path) -> None:
    (folder / "middleware.toml").unlink()
    with pytest.raises(RuleError, match=r"^middleware\.toml: cannot be read"):
        rules.read_rules(folder)


def test_ambiguity_and_edition_used_twice(folder: Path) -> None:
    entry = '[[ambiguity]]\nnumber = 3\ntitle = "t"\npep = "p"\nreading = "r"\nreport = "x"\n'
    (folder / "ambiguities.toml").write_text((entry + 'rules = ["topic-name"]\n') * 2)
    with pytest.raises(RuleError, match=r"^ambiguities\.toml, ambiguity 3, key 'number'"):
        rules.read_ambiguities(folder)
    (folder / "editions.toml").write_text('[[edition]]\nname = "1"\nrules = ["topic-name"]\n' * 2)
    with pytest.raises(RuleError, match=r"^editions\.toml, 1, key 'name': used before"):
        rules.read_editions(folder)
