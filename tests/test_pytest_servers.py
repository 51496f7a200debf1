"""The plugin as authors of servers meet it: every rule is an item."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from conformance.paths import PROBES, TWINS
from conformance.probing import load_probes

pytest_plugins = ["pytester"]


def server(directory: Path, name: str = "mine", *more: str) -> str:
    """Write a server file that runs the reference server; return its name."""
    words = ["{python}", "-m", "conformance.reference", "{app}", "--host", "{host}"]
    command = json.dumps([*words, "--port", "{port}", *more])
    path = directory / f"{name}.toml"
    path.write_text(f'name = "{name}"\ncommand = {command}\n')
    return path.name


def broken(directory: Path, twin: str, name: str = "mine") -> str:
    """Write a server file of a twin; return its name."""
    return server(directory, name, "--twin", f"{TWINS}/{twin}")


def judge(suite: pytest.Pytester, *words: str) -> pytest.RunResult:
    """Run the items of servers."""
    return suite.runpytest_subprocess("--wsgi-timeout-scale=0.2", *words)


def outcomes(result: pytest.RunResult) -> Mapping[str, int]:
    """Return what became of the items."""
    found = result.parseoutcomes()
    return {name: found[name] for name in found if name != "deselected"}


def test_every_judged_rule_is_an_item(pytester: pytest.Pytester) -> None:
    path = server(pytester.path)
    result = judge(pytester, "--wsgi-server", path, "--collect-only", "-q")
    ids = {line for line in result.outlines if line.startswith("wsgi-server/mine::")}
    probes = load_probes(str(PROBES))
    assert {f"wsgi-server/mine::{rule}" for each in probes.values() for rule in each.rules} < ids


def test_a_good_server_passes(pytester: pytest.Pytester) -> None:
    result = judge(pytester, "--wsgi-server", server(pytester.path), "-W", "error", "-q")
    assert set(outcomes(result)) <= {"passed", "skipped"}
    assert outcomes(result)["passed"] > 100


def test_a_broken_must_fails_with_the_bytes(pytester: pytest.Pytester) -> None:
    path = broken(pytester.path, "input_stream.py:ReadsTooMuch")
    words = ("--wsgi-server", path, "-k", "input-read-")
    result = judge(pytester, *words, "--junitxml=junit.xml")
    assert outcomes(result) == {"failed": 1, "passed": 2}
    result.stdout.fnmatch_lines(
        [
            "*wsgi-server/mine::input-read-semantics*",
            "  expected: b'0123456789' in pieces*",
            "  observed: *",
            "rule: https://peps.python.org/pep-3333/#*",
            "  > POST / HTTP/1.1\\r\\n",
            "  < HTTP/1.1 200 OK\\r\\n",
            "FAILED wsgi-server/mine::input-read-semantics*",
        ]
    )
    junit = (pytester.path / "junit.xml").read_text()
    assert '<property name="wsgi_rule" value="input-read-semantics"' in junit
    assert outcomes(judge(pytester, *words, "--wsgi-fail-on=never"))["passed"] == 3


def test_a_broken_should_warns_or_fails(pytester: pytest.Pytester) -> None:
    item = "wsgi-server/wsgiref::input-eof-at-content-length"
    words = ("--wsgi-server", "wsgiref", item)
    assert outcomes(judge(pytester, *words)) == {"passed": 1, "warnings": 1}
    assert outcomes(judge(pytester, *words, "--wsgi-fail-on=should")) == {"failed": 1}
    result = judge(pytester, *words, "-W", "error")
    assert outcomes(result) == {"failed": 1}
    result.stdout.fnmatch_lines(["*filters make an error"])


def test_workers_of_xdist_share_the_items(pytester: pytest.Pytester) -> None:
    good, bad = server(pytester.path), broken(pytester.path, "input_stream.py:ReadsTooMuch", "bad")
    words = ("--wsgi-server", good, "--wsgi-server", bad, "-k", "input-read", "-n2")
    for more in ((), ("--dist", "loadgroup")):
        result = judge(pytester, *words, *more)
        assert outcomes(result) == {"passed": 17, "failed": 1}
        result.stdout.fnmatch_lines(["FAILED wsgi-server/bad::input-read-semantics*"])


def test_items_stand_beside_other_tests_and_can_be_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it="def test_it():\n    pass\n")
    path = server(pytester.path)
    item = "wsgi-server/mine::input-read-semantics"
    result = judge(pytester, "--wsgi-server", path, "-k", "test_it or input-read-semantics")
    assert outcomes(result) == {"passed": 2}
    assert outcomes(judge(pytester, "--wsgi-server", path, item)) == {"passed": 1}
    result = judge(pytester, "--wsgi-server", path, item + "s")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: not found: {item}s*"])


def test_a_server_that_does_not_start_says_so_once(pytester: pytest.Pytester) -> None:
    path = server(pytester.path, "mine", "--nonsense")
    result = judge(pytester, "--wsgi-server", path, "-k", "input-read-")
    assert outcomes(result) == {"errors": 3}
    # The summary at the end says everything again where CI is set, as pytest has it.
    shown = result.outlines[
        : next(n for n, line in enumerate(result.outlines) if "summary" in line)
    ]
    assert sum("unrecognized arguments: --nonsense" in line for line in shown) == 1


def words_of(process: psutil.Process) -> list[str]:
    """Return the command line of a process; none where it has just ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wsgiref2", "no such server; did you mean wsgiref"),
        ("none.toml", "cannot be read"),
        ("wrong.toml", "unknown key; did you mean command"),
    ],
)
def test_a_bad_server_is_refused_in_one_line(
    pytester: pytest.Pytester, name: str, said: str
) -> None:
    (pytester.path / "wrong.toml").write_text('name = "x"\ncomand = []\n')
    result = judge(pytester, "--wsgi-server", name)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --wsgi-server: *{said}*"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("words", [(), ("-n1",)])
def test_an_interrupt_stops_the_servers(
    pytester: pytest.Pytester, number: signal.Signals, words: tuple[str, ...]
) -> None:
    path = server(pytester.path)
    # Of rules for which no server has to be started anew.
    more = ("-k", "input", *words)
    command = [sys.executable, "-m", "pytest", "-v", "--wsgi-server", path, *more]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    assert process.stdout is not None
    with process, process.stdout:
        while b"PASSED" not in process.stdout.readline():
            assert process.poll() is None
        children = psutil.Process(process.pid).children(recursive=True)
        assert any("conformance.reference" in words_of(child) for child in children)
        os.killpg(process.pid, number)
        process.stdout.read()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
