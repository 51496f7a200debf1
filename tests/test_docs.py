"""The pages: every command in them is one that there is, every file they name, every link."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from test_cli import HERE, cli
from test_gate_reports import page

from conformance import rules
from conformance.cli.main import build_parser
from conformance.results.baseline import read_baseline

ROOT = HERE.parent
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "README.md"]
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]
PARSER = MarkdownIt("commonmark").enable("table")


def fences(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the language and the text of each block of code."""
    for token in PARSER.parse(path.read_text(encoding="utf-8")):
        if token.type == "fence":
            yield token.info, token.content


def commands(path: Path) -> Iterator[str]:
    """Yield what stands behind ``wsgi-conformance`` in every line that runs it."""
    for language, text in fences(path):
        if language not in ("sh", "console", "yaml"):
            continue
        # A line goes on behind a backslash, and in YAML where the next begins with an option.
        joined = re.sub(r"\\\n\s*|\n\s+(?=--[a-z])", " ", text)
        for line in joined.splitlines():
            found = re.search(
                r"^(?:\$ |\s*- (?:run: )?)?(?:\S*/)?wsgi-conformance ([a-z-].*)",
                line.partition("  #")[0],
            )
            if found:
                yield found[1].strip()


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_understood(name: str) -> None:
    for text in commands(ROOT / name):
        words = shlex.split(text.replace("{{ ", "").rstrip("`"))
        if words == ["--help"]:
            continue
        try:
            build_parser().parse_args([word for word in words if word != "..."])
        except SystemExit as ended:
            raise AssertionError(f"{name}: wsgi-conformance {text}") from ended


def test_commands_are_found() -> None:
    assert sum(len([*commands(ROOT / name)]) for name in NAMES) > 40


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    path = ROOT / name
    for token in PARSER.parse(path.read_text(encoding="utf-8")):
        for child in token.children or ():
            target = str(child.attrGet("href") or child.attrGet("src") or "")
            if not target or re.match(r"https?://|rules/", target):
                continue
            file, _, anchor = target.partition("#")
            other = path.parent / file if file else path
            made = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
            if path.parent.name == "docs" and file in made:
                other = ROOT / made[file]
            assert other.is_file(), f"{name}: {target}"
            if anchor:
                assert anchor in anchors(other), f"{name}: {target}"


def anchors(path: Path) -> set[str]:
    """Return what a page's headings are called in links, as MkDocs and GitHub do."""
    heads = page(path.read_text(encoding="utf-8")).heads
    plain = [re.sub(r"[^\w\s-]", "", each.lower()) for each in heads]
    return {re.sub(r"[\s-]+", "-", each).strip("-") for each in plain}


def test_baselines_in_the_pages_can_be_read() -> None:
    texts = [
        text
        for name in NAMES
        for language, text in fences(ROOT / name)
        if language == "toml" and "[[expected]]" in text
    ]
    assert len(texts) >= 2
    for text in texts:
        assert read_baseline(text, "page").entries


def test_rules_that_are_named_are_rules() -> None:
    known = set(rules.load())
    for name in NAMES[:-1]:
        for text in commands(ROOT / name):
            words = shlex.split(text)
            if words[0] in ("rules", "replay"):
                named = [word for word in words[1:] if re.fullmatch("[a-z]+(-[a-z0-9]+){2,}", word)]
                assert set(named) - {"my-server", "wsgiref-threads"} <= known, text


def test_reference_holds_every_rule_and_hides_nothing() -> None:
    text = cli("rules", "--markdown").stdout
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    heads = re.findall(r"<h4>(.*?)</h4>", html)
    assert sorted(heads) == sorted(rules.load())
    # What the data say is text, whatever characters it has.
    allowed = {"h1", "h2", "h3", "h4", "p", "ul", "li", "a", "strong", "code", "table", "thead"}
    assert page(text).tags <= allowed | {"tbody", "tr", "th", "td"}
    plain = "".join(page(text).texts)
    for rule in rules.load().values():
        assert " ".join(rule.how.split()) in plain, rule.id


def test_reference_of_some_rules() -> None:
    text = cli("rules", "close-on-*", "--markdown").stdout
    assert set(re.findall("(?m)^#### (.*)$", text)) == {
        name for name in rules.load() if name.startswith("close-on-")
    }


def test_walk_through_shows_what_is_said_today(tmp_path: Path) -> None:
    """The messages in CONTRIBUTING.md, from the start of both walks."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    path = tmp_path / "wsgiref-threads.toml"
    for content in (
        "",
        'name = "wsgiref-threads"\ncomand = ["{python}", "{rundir}/start.py", "{app}"]\n',
        'name = "wsgiref-threads"\ncommand = ["{python}", "{rundir}/start.py", "{app}"]\n',
    ):
        path.write_text(content)
        said = cli("run", path).stderr.strip().replace(str(tmp_path), "servers")
        assert said in text
    for wanted, body in (
        ("has no client half", None),
        ("environ-query-raw: no such rule", "    client.exchange(request())\n"),
    ):
        blocks = [
            each for language, each in fences(ROOT / "CONTRIBUTING.md") if language == "python"
        ]
        probes = tmp_path / "probes"
        probes.mkdir(exist_ok=True)
        source = blocks[0] + (blocks[1] if body else "")
        (probes / "query_marks.py").write_text(source)
        done = cli("run", "reference", "--probes", probes, "--probe", "query_marks.*")
        assert done.returncode == 2
        assert wanted in done.stderr
        assert done.stderr.strip().replace(str(probes), "apps/probes") in text
