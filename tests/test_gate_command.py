"""The gate as its users meet it: a regression turns it red, once, and mending it is told."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import junitparser
import pytest
from test_cli import FAST, assert_refused, cli, server_file
from test_gate_reports import page

from conformance import rules

# Waitress, started by a file of its own: as people do it who have something to configure. The mark
# is where the regression goes.
LAUNCHER = '''\
import importlib
import sys
from waitress import serve

host, port, spec = sys.argv[1:]
module, _, name = spec.partition(":")
application = getattr(importlib.import_module(module), name)
BREAKS = False


class Unclosed:
    """Hands on the blocks and forgets that somebody waits for close()."""

    def __init__(self, blocks):
        self.blocks = blocks

    def __iter__(self):
        return iter(self.blocks)


def adapter(environ, start_response):
    return Unclosed(application(environ, start_response))


serve(adapter if BREAKS else application, host=host, port=int(port), _quiet=True)
'''
BROKEN = "close-on-normal-end"
# Rules that closing has to do with, each judged by probes of its own.
CHOSEN = ("--rule", BROKEN, "--rule", "environ-query-string-raw", "--rule", "input-read-semantics")


class Repository:
    """A server's repository: its launcher, its file and its baseline, as CI sees them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = folder / "my-server.toml"
        self.baseline = folder / "expected.toml"
        self.write(breaks=False)

    def write(self, breaks: bool) -> None:
        launcher = LAUNCHER.replace("BREAKS = False", f"BREAKS = {breaks}")
        self.server.write_text(
            'name = "my-server"\ninstall = ["waitress"]\n'
            'command = ["{python}", "{rundir}/start.py", "{host}", "{port}", "{app}"]\n'
            f"[files]\n\"start.py\" = '''\n{launcher}'''\n".replace('"""', '"')
        )

    def run(self, *words: object) -> Seen:
        outputs = ("--json", "r.json", "--junit", "j.xml", "--markdown", "m.md", "--github")
        done = cli("run", "my-server.toml", *CHOSEN, *outputs, *words, *FAST, cwd=self.folder)
        assert "Traceback" not in done.stderr
        return Seen(done.returncode, done.stdout, self.folder)


class Seen:
    """What a run gave."""

    def __init__(self, code: int, output: str, folder: Path) -> None:
        self.code = code
        self.output = output
        self.annotations = [
            line for line in output.splitlines() if re.match("::(error|warn)", line)
        ]
        read = junitparser.JUnitXml.fromstring((folder / "j.xml").read_bytes())
        self.results = {case.name: case.result for suite in read for case in suite}
        self.bad = [name for name, result in self.results.items() if self.is_bad(result)]
        self.page = page((folder / "m.md").read_text(encoding="utf-8"))

    @staticmethod
    def is_bad(result: Sequence[object]) -> bool:
        return any(isinstance(each, junitparser.Failure | junitparser.Error) for each in result)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_a_regression_from_red_to_listed_to_mended_to_stale(repository: Repository) -> None:
    green = repository.run()
    assert (green.code, green.annotations, green.bad) == (0, [], [])

    repository.write(breaks=True)
    red = repository.run()
    assert red.code == 1
    assert len(red.annotations) == 1
    assert red.annotations[0].startswith(
        f"::error file=my-server.toml,title=my-server%3A {BROKEN} (MUST)::fail in "
    )
    assert red.bad == [BROKEN]
    assert red.page.heads[0] == "wsgi-conformance: 1 unexpected finding"

    updated = repository.run("--baseline", "expected.toml", "--update-baseline")
    assert updated.code == 0
    assert "expected.toml: 1 added, 0 taken out, 0 kept" in updated.output
    assert "1 reasons still have to be written (TODO)" in updated.output
    text = repository.baseline.read_text().replace("TODO: say why", "we will close it, it is not")
    repository.baseline.write_text(text)

    listed = repository.run("--baseline", "expected.toml")
    assert (listed.code, listed.annotations, listed.bad) == (0, [], [])
    assert isinstance(listed.results[BROKEN][0], junitparser.Skipped)
    assert "1 expected, 0 unexpected, 0 stale" in listed.output
    assert "TODO" not in listed.output

    repository.write(breaks=False)
    stale = repository.run("--baseline", "expected.toml")
    assert stale.code == 1
    line = 1 + text.splitlines().index("[[expected]]")
    (annotation,) = stale.annotations
    assert annotation.startswith(
        f"::error file=expected.toml,line={line},title=my-server%3A {BROKEN} passes::"
    )
    assert stale.bad == [BROKEN]
    assert f"stale: my-server {BROKEN} passes; take it out of expected.toml, line" in stale.output
    assert repository.run("--baseline", "expected.toml", "--fail-on", "never").code == 0

    mended = repository.run("--baseline", "expected.toml", "--update-baseline")
    assert (mended.code, mended.bad) == (0, [])
    assert "[[expected]]" not in repository.baseline.read_text()


def test_diff_of_the_two_sides_of_a_regression(repository: Repository) -> None:
    repository.run()
    good = (repository.folder / "r.json").rename(repository.folder / "good.json")
    repository.write(breaks=True)
    repository.run()
    done = cli("diff", good, repository.folder / "r.json")
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if line.startswith("newly")] == [
        f"newly failing: my-server {BROKEN} (pass -> fail)"
    ]


def test_the_summary_of_a_step_is_added_to_and_bounded(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = repository.folder / "summary.md"
    summary.write_text("# before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    repository.run()
    text = summary.read_text()
    assert text.startswith("# before\n## wsgi-conformance: nothing unexpected\n")
    # There is no room for more than a little.
    full = "x" * (1024 * 1024 - 2000)
    summary.write_text(full)
    repository.run()
    assert len(full) < summary.stat().st_size <= 1024 * 1024
    summary.write_text("x" * (1024 * 1024))
    repository.run()
    assert summary.stat().st_size == 1024 * 1024


def test_nothing_is_said_to_github_unasked(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = repository.folder / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    repository.write(breaks=True)
    done = cli("run", repository.server, "--rule", BROKEN, *FAST)
    assert done.returncode == 1
    assert "::" not in done.stdout
    assert not summary.exists()


def test_a_server_cannot_command_the_runner(tmp_path: Path) -> None:
    code = "print('\\n::error::injected\\n##[error]injected'); raise SystemExit(3)"
    path = server_file(tmp_path, command=["{python}", "-c", code, "{port}"])
    done = cli("run", path, "--github", *FAST)
    assert done.returncode == 3
    assert "injected" in done.stdout
    lines = done.stdout.splitlines()
    (stop,) = [line for line in lines if line.startswith("::stop-commands::")]
    word = stop.removeprefix("::stop-commands::")
    assert len(word) > 20
    end = lines.index(f"::{word}::")
    assert lines.index(stop) == 0
    # Only within; what follows is ours.
    assert not any("injected" in line.partition("::error")[0] for line in lines[end:])
    ours = [line for line in lines[end:] if line.startswith("::error")]
    assert len(ours) == 1
    assert "injected" in ours[0]
    assert ours[0].startswith("::error file=")


# --- editions


def test_an_edition_judges_what_it_froze_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    words = ("--edition", "2026.1", "--rule", "http-*", "--rule", "environ-query*")
    assert cli("run", server_file(tmp_path), *words, "--json", path, *FAST).returncode == 0
    found = json.loads(path.read_text())
    assert found["edition"] == "2026.1"
    (subject,) = found["subjects"]
    judged = {verdict["rule"] for verdict in subject["verdicts"]}
    assert judged
    assert judged <= set(rules.edition("2026.1"))


@pytest.mark.parametrize(
    "words",
    [
        ("run", "reference"),
        ("app", "conformance.frameworks:choose"),
        ("middleware", "conformance.frameworks:choose"),
        ("frameworks", "werkzeug"),
        ("bridges", "--list"),
    ],
)
def test_unknown_edition_names_those_that_there_are(words: tuple[str, ...]) -> None:
    if "--list" in words:
        words = ("bridges",)
    done = cli(*words, "--edition", "2025.9")
    assert_refused(done, "no edition '2025.9'", "2026.1")


def test_an_edition_without_what_was_asked_for_is_refused() -> None:
    later = set(rules.load()) - set(rules.edition("2026.1"))
    done = cli("run", "reference", "--edition", "2026.1", "--rule", min(later))
    assert_refused(done, "edition 2026.1 has no rule named like", min(later))


# --- the other commands, and wrong use


SITE = """\
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["text"]
"""


def test_app_has_the_same_gate(tmp_path: Path) -> None:
    (tmp_path / "site_x.py").write_text(SITE)
    words = ("app", "site_x:app", "--rule", "iterable-yields-bytes", "--scenario", "rich")
    whole = words[:4]
    base = ("--baseline", "b.toml", "--junit", "j.xml")
    assert cli(*whole, cwd=tmp_path).returncode == 1
    assert cli(*whole, *base, "--update-baseline", cwd=tmp_path).returncode == 0
    assert 'subject = "site_x:app"' in (tmp_path / "b.toml").read_text()
    assert cli(*whole, *base, cwd=tmp_path).returncode == 0
    root = ET.parse(tmp_path / "j.xml").getroot()
    assert root.get("skipped") == "1"
    (tmp_path / "site_x.py").write_text(SITE.replace('["text"]', '[b"text"]'))
    assert cli(*whole, *base, cwd=tmp_path).returncode == 1
    # One scenario of sixty proves nothing about the others.
    part = cli(*words, *base, cwd=tmp_path)
    assert part.returncode == 0
    assert "stale entries are not looked for in a part of the checks" in part.stdout


WRAP = """\
def wrap(application):
    def wrapped(environ, start_response):
        environ["my.key"] = 1
        return [b"".join(application(environ, start_response))]
    return wrapped
"""


def test_middleware_has_the_same_gate(tmp_path: Path) -> None:
    (tmp_path / "wrap_x.py").write_text(WRAP)
    words = ("middleware", "wrap_x:wrap", "--baseline", "b.toml")
    assert cli(*words[:2], cwd=tmp_path).returncode == 1
    assert cli(*words, "--update-baseline", cwd=tmp_path).returncode == 0
    assert cli(*words, cwd=tmp_path).returncode == 0


def test_wrong_use_of_the_gate(tmp_path: Path) -> None:
    assert_refused(cli("run", "reference", "--update-baseline"), "needs --baseline F")
    absent = tmp_path / "none.toml"
    assert_refused(
        cli("run", "reference", "--baseline", absent), str(absent), "--update-baseline writes one"
    )
    bad = tmp_path / "bad.toml"
    bad.write_text('[[expected]]\nsubject = "reference"\nrule = "close-on-normal-end"\n')
    assert_refused(
        cli("run", "reference", "--baseline", bad),
        f"{bad}: entry 1 (reference, close-on-normal-end): reason: missing; say why",
    )


@pytest.mark.parametrize("option", ["--markdown", "--junit", "--badge"])
def test_unwritable_output_is_found_before_the_work(tmp_path: Path, option: str) -> None:
    missing = tmp_path / "no" / "place.svg"
    assert_refused(cli("run", "reference", option, missing), str(missing.parent), "cannot be")


def test_help_names_the_gate() -> None:
    for command in ("run", "app", "middleware", "bridges", "frameworks", "report"):
        text = cli(command, "--help").stdout
        for option in ("--baseline", "--update-baseline", "--junit", "--github", "--fail-on"):
            assert option in text, command
