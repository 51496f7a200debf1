"""Reading the rules: data that are damaged are refused with a message that names the place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance import rules
from conformance.rules import RuleError

FILES = ("server.toml", "application.toml", "middleware.toml", "permissions.toml", "http.toml")

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
observable = "static"
how = "Look."
pitfalls = ""
"""

GOOD_HTTP = """
[[rule]]
id = "http-topic-name"
level = "MUST"
implicit = false
party = "server"
source = "RFC 9110 section 8.6"
summary = "A duty."
observable = "both"
how = "Look."
pitfalls = ""
report = "undefined (HTTP)"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The five rule files, four of them with no rule."""
    for name in FILES:
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
        ("proxied", 'pitfalls = ""\nproxied = "MUST"', "SHOULD, undefined"),
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


@pytest.mark.parametrize(
    ("key", "line", "fix"),
    [
        ("id", 'id = "topic-name"', "'http-' or 'cgi-' comes first"),
        ("id", 'id = "http-Topic"', "lower-case"),
        ("level", 'level = "MAY"', "MUST NOT"),
        ("party", 'party = "client"', "server, application"),
        ("source", 'source = "RFC 7231 section 3.1"', "9110, 9112, 3875, 3986 or 6265"),
        ("source", 'source = "RFC 9110, section 8.6"', "'RFC 9110 section 8.6'"),
        ("source", 'source = "RFC 9110 section 8.6."', "'RFC 9110 section 8.6'"),
        ("source", "source = 9110", "'RFC 9110 section 8.6'"),
        ("observable", 'observable = "static"', "validator, wire, both"),
        ("report", 'report = "MUST"', "undefined (HTTP)"),
    ],
)
def test_bad_value_in_http(folder: Path, key: str, line: str, fix: str) -> None:
    text = re.sub(rf"(?m)^{key} = .*$", line, GOOD_HTTP)
    error = refused(folder, text, "http.toml")
    assert error.key == key
    assert fix in error.problem


@pytest.mark.parametrize("key", re.findall(r"(?m)^(\w+) = ", GOOD_HTTP))
def test_missing_key_in_http(folder: Path, key: str) -> None:
    error = refused(folder, re.sub(rf"(?m)^{key} = .*\n", "", GOOD_HTTP), "http.toml")
    assert error.key == key
    assert error.problem.startswith("missing; write ")


def test_good_data_in_http(folder: Path) -> None:
    (folder / "http.toml").write_text(GOOD_HTTP + "ambiguity = [3]\n")
    rule = rules.read_rules(folder)["http-topic-name"]
    assert (rule.family, rule.source) == ("HTTP", "RFC 9110 section 8.6")
    assert (rule.anchor, rule.lines, rule.ambiguity) == ("section-8.6", "", (3,))


@pytest.mark.parametrize("line", ['anchor = "section-8.6"', 'lines = "1"', 'section = "Host"'])
def test_place_in_the_pep_is_unknown_in_http(folder: Path, line: str) -> None:
    error = refused(folder, f"{GOOD_HTTP}{line}\n", "http.toml")
    assert error.key == line.split()[0]
    assert error.problem.startswith("unknown; ")


def test_source_is_unknown_in_the_pep(folder: Path) -> None:
    assert refused(folder, GOOD + 'source = "RFC 9110 section 8.6"\n').key == "source"


def test_id_of_http_used_in_the_pep(folder: Path) -> None:
    (folder / "server.toml").write_text(GOOD.replace("topic-name", "http-topic-name"))
    error = refused(folder, GOOD_HTTP, "http.toml")
    assert (error.rule, error.key) == ("http-topic-name", "id")
    assert "server.toml" in error.problem


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


EDITIONS = """
[[edition]]
name = "1"
rules = ["topic-name"]

[[edition]]
name = "2"
extends = "1"
rules = ["http-topic-name"]
"""


def test_edition_extends_one_above_it(folder: Path) -> None:
    path = folder / "editions.toml"
    path.write_text(EDITIONS)
    assert rules.read_editions(folder)["2"] == ("topic-name", "http-topic-name")
    path.write_text(EDITIONS.replace('extends = "1"', 'extends = "3"'))
    with pytest.raises(RuleError, match=r"2, key 'extends': name an edition above it: 1"):
        rules.read_editions(folder)
    path.write_text(EDITIONS.replace('"http-topic-name"', '"topic-name"'))
    with pytest.raises(RuleError, match=r"2, key 'rules': topic-name is in 1 already"):
        rules.read_editions(folder)
