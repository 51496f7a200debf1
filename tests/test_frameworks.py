"""The sample sites: each answers its contract, and what judges them cleans up behind itself.

Every site runs in an environment of its framework's own, made at the first run and kept. Those of
the larger frameworks are not made by default: ``pytest -m every_framework`` does so.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from conformance.frameworks import (
    PREFIX,
    SITE,
    Case,
    Framework,
    choose,
    load_framework,
    load_frameworks,
    needs,
    unmet,
)
from conformance.harness.environment import Environment, EnvironmentFailure, current
from conformance.harness.runner import Run
from conformance.harness.sites import Sites, write_site_payload
from conformance.paths import FRAMEWORKS
from conformance.results import load_results
from conformance.roster import RosterError

QUICK = ("bottle", "django", "falcon", "flask", "pyramid", "webob", "werkzeug")
KNOWN = load_frameworks()
CASES = {case.name: case for case in SITE}

GOOD = """
name = "mine"
title = "Mine"
homepage = "https://example.test"
install = ["mine"]
"""
PLAIN = [("Content-Type", "text/plain; charset=utf-8")]


def sites() -> list[object]:
    """Return the names of all frameworks, the larger ones marked."""
    return [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.every_framework)
        for name in KNOWN
    ]


@pytest.mark.parametrize("name", sites())
def test_site_answers_its_contract(name: str, tmp_path: Path) -> None:
    judge = Sites()
    try:
        environment = judge.environment(KNOWN[name])
    except EnvironmentFailure as failure:
        pytest.skip(str(failure))
    payload = write_site_payload(tmp_path / "payload")
    found = judge.ask(KNOWN[name], environment, payload)
    assert list(found) == list(CASES)
    assert {case: problem for case, problem in found.items() if problem} == {}


def test_frameworks() -> None:
    assert set(QUICK) < set(KNOWN)
    assert len(KNOWN) == len(list(FRAMEWORKS.glob("*_site.py")))
    for framework in KNOWN.values():
        assert framework.homepage.startswith("https://")
        assert framework.title
        assert "__name__" not in framework.module
    assert [each.name for each in choose(["flask", "bottle", "flask"], KNOWN)] == [
        "flask",
        "bottle",
    ]
    assert [each.name for each in choose([], KNOWN)] == sorted(KNOWN)
    with pytest.raises(RosterError, match=r"flsk: no such framework; try flask"):
        choose(["flsk"], KNOWN)


def test_sites_do_not_hide_what_they_import() -> None:
    """A file called like its framework would, as soon as its directory is on the path."""
    for path in FRAMEWORKS.glob("*.py"):
        assert path.stem.endswith("_site")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace('title = "Mine"', ""), "title: missing"),
        (GOOD.replace('["mine"]', '"mine"'), "install: expected list of text"),
        (GOOD + 'pyhton = ">=3.9"', "pyhton: unknown key; did you mean python?"),
        (GOOD + 'python = "3.9"', "python: '3.9' is not understood; write \">=3.9,<3.14\""),
        (GOOD + '[lacks]\nhaed = "why"', "lacks: 'haed' is no case of the site"),
        (GOOD.replace('"mine"\nt', '"Mine!"\nt'), "name: 'Mine!' is not lower-case-with-hyphens"),
        (GOOD, "name: no mine_site.py stands beside the file"),
        ("name =", "not TOML"),
    ],
)
def test_a_bad_file_is_told_which_key_and_what_to_do(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(RosterError) as caught:
        load_framework(path)
    assert str(caught.value).startswith(f"{path}: {said}")


def test_a_file_is_named_as_its_framework(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(GOOD)
    (tmp_path / "mine_site.py").touch()
    with pytest.raises(RosterError, match="'mine' is not the name of the file"):
        load_frameworks(tmp_path)


def test_versions_of_python() -> None:
    assert needs("", "3.8.1") == ""
    assert needs(">=3.9", "3.11.7") == ""
    assert needs(">=3.9,<3.14", "3.14.0").startswith("needs Python >=3.9,<3.14, and this is 3.14.0")
    assert needs(">=3.12", "3.11.7") != ""


@pytest.mark.parametrize(
    ("case", "status", "fields", "body", "said"),
    [
        ("text", 200, PLAIN, CASES["text"].answer, ""),
        ("text", 404, PLAIN, CASES["text"].answer, "expected status 200, got 404"),
        ("text", None, [], b"", "expected status 200, got None"),
        ("text", 200, [], CASES["text"].answer, "expected media type text/plain, got None"),
        ("text", 200, PLAIN, b"Hello", "expected the body b'Hello from"),
        (
            "json",
            200,
            [("content-type", "application/json")],
            b'{"name":"caf\\u00e9","ok":true}',
            "",
        ),
        ("json", 200, [("content-type", "application/json")], b"{", "expected {'ok': True"),
        ("redirect", 302, [("Location", "/text")], b"", ""),
        ("redirect", 302, [("Location", "http://any.test:80/text")], b"", ""),
        ("redirect", 307, [("Location", "text")], b"", ""),
        ("redirect", 303, [("Location", "/json")], b"", "expected a Location of /text"),
        ("mounted-redirect", 302, [("Location", "/text")], b"", f"expected a Location of {PREFIX}"),
        ("mounted-redirect", 302, [("Location", f"http://x{PREFIX}/text")], b"", ""),
        (
            "cookies",
            200,
            [*PLAIN, ("Set-Cookie", 'fruit="apple"'), ("set-cookie", "colour=red; Path=/")],
            b"none\n",
            "",
        ),
        ("cookies", 200, [*PLAIN, ("Set-Cookie", "fruit=apple")], b"none\n", "expected a cookie"),
    ],
)
def test_answers_are_compared(
    case: str, status: int | None, fields: list[tuple[str, str]], body: bytes, said: str
) -> None:
    found = unmet(CASES[case], status, fields, body)
    assert found.startswith(said)
    assert bool(found) == bool(said)


def command(*words: object) -> subprocess.CompletedProcess[str]:
    """Run ``wsgi-conformance frameworks`` and return what came of it."""
    line = [sys.executable, "-m", "conformance", "frameworks", *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=300)


def test_command_judges_and_writes_results_and_matrix(tmp_path: Path) -> None:
    try:
        environments = [Sites().environment(KNOWN[name]) for name in ("bottle", "webob")]
    except EnvironmentFailure as failure:
        pytest.skip(str(failure))
    stored, page = tmp_path / "r.json", tmp_path / "r.html"
    words = ("bottle", "webob", "--json", stored, "--html", page, "--fail-on", "never")
    done = command(*words, "--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bottle: " in done.stderr
    assert "framework" in done.stdout
    results = load_results(stored)
    assert [subject.name for subject in results.subjects] == ["bottle", "webob"]
    for subject, environment in zip(results.subjects, environments, strict=True):
        assert (subject.kind, subject.failure) == ("framework", "")
        assert subject.title == KNOWN[subject.name].title
        assert subject.homepage == KNOWN[subject.name].homepage
        assert subject.version in environment.versions.values()
        assert len({verdict.rule for verdict in subject.verdicts}) > 20
        assert all(verdict.trace in {None, *results.traces} for verdict in subject.verdicts)
        assert [verdict for verdict in subject.verdicts if verdict.outcome == "error"] == []
        for path in (str(Path(environment.bin).parent), "/payload/"):
            assert path not in stored.read_text()
    told = page.read_text(encoding="utf-8")
    assert "WebOb" in told
    assert "Matrix of rules and frameworks" in told


def test_command_judges_the_rules_that_are_named(tmp_path: Path) -> None:
    framework = KNOWN["bottle"]
    try:
        Sites().environment(framework)
    except EnvironmentFailure as failure:
        pytest.skip(str(failure))
    stored = tmp_path / "r.json"
    command("bottle", "--rule", "app-*", "--json", stored, "--fail-on", "never")
    results = load_results(stored)
    rules = {verdict.rule for verdict in results.subjects[0].verdicts}
    assert rules
    assert all(rule.startswith("app-") for rule in rules)
    assert set(results.traces) == {
        verdict.trace for verdict in results.subjects[0].verdicts if verdict.trace
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["flsk"], "flsk: no such framework; try flask"),
        (["--python", "/no/such/python"], "--python /no/such/python"),
        (["--rule", "no-such-rule-*"], "no-such-rule-*"),
        (["--json", "/no/such/directory/f"], "/no/such/directory/f: cannot be written"),
    ],
)
def test_command_refuses_wrong_use(words: list[str], said: str) -> None:
    done = command(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


class HereSites(Sites):
    """Sites that need no environment but the one that the tests run in."""

    def environment(self, framework: Framework) -> Environment:
        """Return the current one."""
        return current(framework)


def site(directory: Path, name: str, code: str) -> Framework:
    """Write a site and return its framework."""
    framework = Framework(name, name, "https://example.test", ("pytest",))
    (directory / f"{framework.module}.py").write_text(f"import os, signal\nCLEANED = []\n{code}\n")
    return framework


SMALL = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [{body!r}]
"""


def ask(directory: Path, framework: Framework, cases: list[Case]) -> dict[str, str]:
    """Return what the answers of a site lack."""
    payload = write_site_payload(directory / "payload", directory)
    return HereSites().ask(framework, current(framework), payload, cases)


def test_what_an_answer_lacks_is_named(tmp_path: Path) -> None:
    framework = site(tmp_path, "mine", SMALL.format(body=b"one\ntwo\nthree\n"))
    found = ask(tmp_path, framework, [CASES["stream"], CASES["empty"]])
    assert found == {
        "stream": "expected its generator to end once, ended 0 times",
        "empty": "expected status 204, got 200",
    }


def test_a_known_lack_is_none_and_a_stale_one_is(tmp_path: Path) -> None:
    framework = site(tmp_path, "mine", SMALL.format(body=CASES["text"].answer))
    framework = replace(framework, lacks={"text": "why", "json": "why"})
    found = ask(tmp_path, framework, [CASES["text"], CASES["json"]])
    assert found == {
        "text": "answered as it must; take it out of lacks in mine.toml",
        "json": "",
    }


def failure(directory: Path, framework: Framework, limit: float = 60) -> str:
    """Judge one framework and return why it was not."""
    run = HereSites(limit=limit, directory=directory).one(framework)
    assert not run.result.started
    assert run.result.kind == "framework"
    return run.result.failure


def test_a_site_that_cannot_be_imported_says_why(tmp_path: Path) -> None:
    framework = site(tmp_path, "mine", "import no_such_module_of_anybody")
    said = failure(tmp_path, framework).splitlines()[0]
    assert "No module named 'no_such_module_of_anybody'" in said


def test_a_framework_that_does_not_install_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    framework = replace(KNOWN["flask"], name="absent", install=("./no-such-directory",))
    run = Sites().one(framework)
    assert "no-such-directory" in run.result.failure
    assert not run.result.started


CHILD = """
reader, writer = os.pipe()
if not os.fork():
    os.setsid()
    os.write(writer, b".")
    signal.pause()
os.read(reader, 1)
"""


def test_a_site_that_hangs_is_ended_with_all_its_children(tmp_path: Path) -> None:
    code = CHILD + f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\nsignal.pause()"
    framework = site(tmp_path, "mine", code)
    assert "took more than 1 s" in failure(tmp_path, framework, 1)
    assert_gone(tmp_path)


def test_a_child_that_a_site_leaves_is_ended(tmp_path: Path) -> None:
    code = CHILD + f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\nos._exit(3)"
    framework = site(tmp_path, "mine", code)
    assert "ended with code 3" in failure(tmp_path, framework)
    assert_gone(tmp_path)


def assert_gone(directory: Path) -> None:
    """Assert that nothing is left of a site's process and of those that it made."""
    assert not psutil.pid_exists(int((directory / "pid").read_text()))
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        assert not environment.get("PYTHONPATH", "").startswith(str(directory))


def test_an_interrupt_ends_every_process(tmp_path: Path) -> None:
    pipe = tmp_path.with_name(f"{tmp_path.name}-pipe")
    os.mkfifo(pipe)
    # The one that hangs has begun before the other one ends.
    hanging = site(tmp_path, "hanging", f"open({str(pipe)!r}, 'w').close()\nsignal.pause()")
    ending = site(tmp_path, "ending", f"open({str(pipe)!r}).read()\nraise SystemExit")

    def finished(run: Run) -> None:
        assert run.result.name == "ending"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        HereSites(directory=tmp_path).run([hanging, ending], 2, finished)
    assert psutil.Process().children() == []
