"""The plugin as authors of applications meet it: suites of theirs, judged by what comes of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from plugin_suites import HEAD, ONE, RULE, prepared, run

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A directory with an application in it."""
    return prepared(pytester)


def test_a_good_application_passes_and_is_counted(suite: pytest.Pytester) -> None:
    result = run(suite, ONE.format(path="/"), "-W", "error")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["wsgi-conformance: 1 request checked in 1 test, 0 findings, 0 ignored"]
    )


def test_a_broken_must_fails_the_test_and_not_its_teardown(suite: pytest.Pytester) -> None:
    result = run(suite, ONE.format(path="/must"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            f"wsgi-conformance: 1 finding: {RULE}",
            f"MUST NOT {RULE} (application)",
            "  expected: ?*",
            "  observed: *Connection*",
            "  at:       site_app.py:*",
            "  request:  GET /must",
            "  rule:     https://peps.python.org/pep-3333/#*",
            "FAILED test_it.py::test_it - *",
        ]
    )


def test_no_handler_for_the_status_500_hides_a_finding(suite: pytest.Pytester) -> None:
    tests = """
def test_it(wsgi_validator):
    Client(wsgi_validator(swallowing)).get("/must")
"""
    run(suite, tests).assert_outcomes(failed=1)


def test_the_same_finding_of_two_requests_is_one(suite: pytest.Pytester) -> None:
    tests = """
def test_it(wsgi_validator):
    client = Client(wsgi_validator(app))
    client.get("/must")
    client.get("/must")
"""
    result = run(suite, tests)
    result.stdout.fnmatch_lines(
        ["  request:  GET /must (2 times)", "*: 2 requests checked in 1 test, 1 finding, 0 ignored"]
    )


def test_a_broken_should_warns(suite: pytest.Pytester) -> None:
    result = run(suite, ONE.format(path="/should"))
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*ConformanceWarning: SHOULD headers-two-tuples*"])
    run(suite, ONE.format(path="/should"), "--wsgi-fail-on=should").assert_outcomes(failed=1)


def test_where_warnings_are_errors_the_test_fails_in_plain_words(suite: pytest.Pytester) -> None:
    result = run(suite, ONE.format(path="/should"), "-W", "error")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*filters make an error", "SHOULD headers-two-tuples*"])
    result.stdout.no_fnmatch_line("*pytest_plugin*")


def test_a_test_that_fails_anyway_shows_its_own_failure_and_the_findings(
    suite: pytest.Pytester,
) -> None:
    tests = """
def test_it(wsgi_validator):
    assert Client(wsgi_validator(app)).get("/must").text == "no"
"""
    result = run(suite, tests)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E  *AssertionError*", f"MUST NOT {RULE} (application)"])


def test_a_validator_that_saw_nothing_warns(suite: pytest.Pytester) -> None:
    tests = "def test_it(wsgi_validator):\n    wsgi_validator(app)\n"
    result = run(suite, tests)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*ConformanceWarning: *0 requests checked*"])
    result = run(suite, tests + "    assert False\n")
    result.assert_outcomes(failed=1, warnings=0)


def test_what_a_fixture_does_at_its_end_fails_the_teardown(suite: pytest.Pytester) -> None:
    tests = """
@pytest.fixture
def client(wsgi_validator):
    client = Client(wsgi_validator(app))
    yield client
    client.get("/must")


def test_it(client):
    client.get("/")
"""
    run(suite, tests).assert_outcomes(passed=1, errors=1)


def test_skip_and_xfail(suite: pytest.Pytester) -> None:
    """A skip does not take findings back; a test that is expected to fail may do so for them."""
    tests = """
def test_skip(wsgi_validator):
    Client(wsgi_validator(app)).get("/must")
    pytest.skip("enough")


@pytest.mark.xfail(strict=True)
def test_xfail(wsgi_validator):
    Client(wsgi_validator(app)).get("/must")
"""
    run(suite, tests).assert_outcomes(failed=1, xfailed=1)


def test_unittest_cases(suite: pytest.Pytester) -> None:
    tests = """
import unittest


class TestIt(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def client(self, wsgi_validator):
        self.client = Client(wsgi_validator(app))

    def test_must(self):
        self.client.get("/must")

    def test_own(self):
        self.client.get("/must")
        self.fail("a reason of its own")

    def test_good(self):
        self.client.get("/")
"""
    result = run(suite, tests)
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(["E  *a reason of its own"])


def test_the_client_s_faults_fail_nobody_unless_asked(suite: pytest.Pytester) -> None:
    tests = """
def blocks(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"ok"


@pytest.mark.parametrize("both_sides", [False, True])
def test_it(wsgi_validator, both_sides):
    Client(wsgi_validator(blocks, both_sides=both_sides)).get("/").text
"""
    result = run(suite, tests)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["MUST close-on-normal-end (server)", "*against the test clients*", "  MUST close-on-nor*"]
    )


def test_ignored_findings_are_counted(suite: pytest.Pytester) -> None:
    tests = """
@pytest.mark.wsgi_ignore("http-persist*", reason="the proxy in front of it takes them away")
def test_it(wsgi_validator):
    Client(wsgi_validator(app)).get("/must")
"""
    result = run(suite, tests, "--strict-markers")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*1 request checked in 1 test, 0 findings, 1 ignored"])
    suite.makeini(f"[pytest]\nwsgi_ignore =\n    close-*\n    {RULE}\n")
    run(suite, ONE.format(path="/must")).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ('"http-*"', "gives no reason"),
        ('"http-*", reason=" "', "gives no reason"),
        ('reason="x"', "names no rule"),
        ('"http-*", reson="x"', "takes no 'reson'"),
        ('"http-persistence-header-not-sent", reason="x"', f"did you mean {RULE}"),
    ],
)
@pytest.mark.parametrize("workers", [0, 1])
def test_a_mark_that_says_too_little_is_refused(
    suite: pytest.Pytester, mark: str, said: str, workers: int
) -> None:
    tests = f"@pytest.mark.wsgi_ignore({mark})\ndef test_it():\n    pass\n"
    if not workers:
        result = run(suite, tests)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"ERROR: test_it.py::test_it: *{said}*"])
        return
    suite.makepyfile(test_it=HEAD + tests)
    result = suite.runpytest_subprocess("-n1")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*test_it.py::test_it: *{said}*"])


def test_an_unknown_rule_in_the_configuration_is_refused(suite: pytest.Pytester) -> None:
    suite.makeini("[pytest]\nwsgi_ignore = headers-\n")
    result = run(suite, ONE.format(path="/"))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: wsgi_ignore in the configuration: *'headers-'*"])


def test_unused_it_says_nothing_and_imports_nothing(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        import sys


        def test_it():
            ours = {name for name in sys.modules if name.partition(".")[0] == "conformance"}
            assert ours == {"conformance", "conformance.pytest_plugin"}
        """
    )
    result = suite.runpytest_subprocess("-W", "error")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("wsgi-conformance: *")


# Older interpreters.


def old_python() -> str:
    """Return Python 3.8, from the path or from where pyenv keeps it; skip where there is none."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [shutil.which("python3.8"), *sorted(map(str, root.glob("versions/3.8.*/bin/python")))]
    for path in found:
        if path and not subprocess.run([path, "-c", "import venv"], check=False).returncode:
            return path
    pytest.skip("no Python 3.8 here")


def test_the_validator_and_the_fixture_on_python_38(suite: pytest.Pytester) -> None:
    home = suite.path / "environment"
    subprocess.run([old_python(), "-m", "venv", home], check=True)
    python = str(home / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*install, str(ROOT), "pytest", "werkzeug"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    subprocess.run([python, "-c", "from conformance import Validator"], check=True)
    suite.makepyfile(test_it=HEAD + ONE.format(path="/must"))
    result = suite.run(python, "-m", "pytest", "-W", "error")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"wsgi-conformance: 1 finding: {RULE}"])
    result = suite.run(python, "-m", "pytest", "--wsgi-server", "wsgiref")
    result.stderr.fnmatch_lines(["ERROR: --wsgi-server needs Python 3.11 or later*"])
    result = suite.run(str(home / "bin" / "wsgi-conformance"), "run")
    assert result.ret == 2
    assert result.outlines == []
    assert len(result.errlines) == 1
    result.stderr.fnmatch_lines(["wsgi-conformance: the command needs Python 3.11 or later*"])
