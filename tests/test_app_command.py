"""``wsgi-conformance app`` as a user meets it: in a process of its own, by output and exit code."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from conformance.results import load_results

SITE = """\
import os
import sys
import threading

HEADERS = [("Content-Type", "text/plain")]


def good(environ, start_response):
    start_response("200 OK", list(HEADERS))
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else b"hello"]


def bad(environ, start_response):
    start_response("200 OK", list(HEADERS))
    if hasattr(environ["wsgi.errors"], "isatty"):
        environ["wsgi.errors"].isatty()
    environ["REMOTE_ADDR"].lower()
    return [b"x"]


def prints(environ, start_response):
    print("printed", "by the application")
    return good(environ, start_response)


def hangs(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        threading.Event().wait()
    return good(environ, start_response)


def holds(environ, start_response):
    import re
    re.match("(a+)+$", "a" * 60 + "b")


def exits(environ, start_response):
    sys.exit(3)


def dies(environ, start_response):
    if environ["PATH_INFO"] == "/deadly":
        os._exit(4)
    return good(environ, start_response)


def rarely_bad(environ, start_response):
    if environ["REQUEST_METHOD"] == "DELETE" and environ.get("HTTP_COOKIE"):
        start_response("200", {})
        return [b"x"]
    if "HTTP_RANGE" in environ:
        raise LookupError("no ranges")
    return good(environ, start_response)


def echo(environ, start_response):
    start_response("200 OK", list(HEADERS))
    length = int(environ.get("CONTENT_LENGTH") or 0)
    print(environ["REQUEST_METHOD"], environ["wsgi.input"].read(length))
    return [b""]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory with the module of applications."""
    (tmp_path / "site_of_tests.py").write_text(SITE)
    return tmp_path


def app(
    directory: Path, name: str, *words: object, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Check an application of that directory's module."""
    spec = name if ":" in name else f"site_of_tests:{name}"
    return subprocess.run(
        [sys.executable, "-m", "conformance", "app", spec, *map(str, words)],
        cwd=directory,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_clean_application(site: Path) -> None:
    done = app(site, "good")
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = done.stdout.splitlines()
    assert re.match(r"site_of_tests:good: \d\d requests in \d\d scenarios; \d\d rules put", line)
    assert "\x1b" not in done.stdout + done.stderr


def test_help_names_the_scenarios(site: Path) -> None:
    done = app(site, "good", "--help")
    assert done.returncode == 0
    assert "early-close" in done.stdout
    assert "--replay" in done.stdout


def test_what_cannot_be_called(site: Path) -> None:
    done = app(site, "HEADERS")
    assert done.returncode == 1
    assert "MUST app-callable (application)" in done.stdout
    assert "defect of this suite" not in done.stdout


def test_findings_by_gravity(site: Path) -> None:
    done = app(site, "bad", "--url", "/x")
    assert done.returncode == 1, done.stdout + done.stderr
    heads = [line for line in done.stdout.splitlines() if line.startswith(("MUST", "SHOULD"))]
    assert heads[0].startswith("MUST NOT errors-listed-methods-only (application)")
    assert re.search(r"\d\d of \d\d scenarios$", heads[0])
    assert "SHOULD environ-presence-checked (application)" in "".join(heads[1:])
    assert "  expected the methods that PEP 3333 lists, and no others" in done.stdout
    assert "  observed wsgi.errors.isatty() called" in done.stdout
    assert "  at       site_of_tests.py:16" in done.stdout
    assert "  in       GET /x" in done.stdout
    assert "https://peps.python.org/pep-3333/#input-and-error-streams" in done.stdout


def test_levels_and_choices(site: Path) -> None:
    assert app(site, "bad", "--fail-on", "never").returncode == 0
    should = ("--rule", "environ-*")
    assert app(site, "bad", *should).returncode == 0
    assert app(site, "bad", *should, "--fail-on", "should").returncode == 1
    done = app(site, "bad", "--ignore", "MUST", "--ignore", "environ-*")
    assert done.returncode == 0
    assert "errors-listed-methods-only" not in done.stdout
    done = app(site, "bad", "--notes", "--ignore", "SHOULD")
    assert "note errors-trapped-by-application" in done.stdout
    assert "SHOULD environ-presence-checked" not in done.stdout


def test_nothing_put_to_the_test_is_no_success(site: Path) -> None:
    done = app(site, "good", "--rule", "file-wrapper-object-binary")
    assert done.returncode == 3
    assert "no rule that was asked for was put to the test" in done.stdout


def test_files(site: Path) -> None:
    done = app(site, "bad", "--json", "r.json", "--html", "r.html")
    assert "written: r.json" in done.stdout
    results = load_results(site / "r.json")
    (subject,) = results.subjects
    assert (subject.name, subject.kind) == ("site_of_tests:bad", "application")
    assert {each.outcome for each in subject.verdicts} == {"pass", "fail", "warn", "info"}
    assert {each.trace for each in subject.verdicts} == {*results.traces}
    page = (site / "r.html").read_text()
    assert "errors-listed-methods-only" in page
    assert len(page) < 600_000


def test_what_it_prints_goes_to_standard_error(site: Path) -> None:
    done = app(site, "prints")
    assert "printed" not in done.stdout
    assert "printed by the application" in done.stderr


def test_method_and_body(site: Path) -> None:
    done = app(site, "echo", "--url", "POST /x", "--body", "a=1", "--scenario", "rich")
    assert done.returncode == 0, done.stdout
    assert "POST b'a=1'" in done.stderr


def test_a_hang_ends_and_says_where(site: Path) -> None:
    done = app(site, "hangs", "--url", "/slow", "--url", "/fast", "--limit", "0.5")
    assert done.returncode == 1
    assert "hang app-returns-iterable (application) rich" in done.stdout
    assert "still at site_of_tests.py:28 in hangs after 0.5 s" in done.stdout
    assert "threading.Event().wait()" in done.stdout
    # The other URL was checked all the same.
    assert re.search(r"\d\d requests in \d\d scenarios", done.stdout)


def test_a_hang_that_holds_the_interpreter(site: Path) -> None:
    done = app(site, "holds", "--limit", "0.2")
    assert done.returncode == 1
    assert "it holds the interpreter" in done.stdout


def test_sys_exit_and_os_exit_are_verdicts(site: Path) -> None:
    done = app(site, "exits")
    assert done.returncode == 1
    assert "crash app-reinvocable (application)" in done.stdout
    assert "the application raised SystemExit: 3" in done.stdout
    done = app(site, "dies", "--url", "/deadly", "--url", "/")
    assert done.returncode == 1
    assert "the application ended its process, exit status 4" in done.stdout
    assert re.search(r"\d\d requests in \d\d scenarios", done.stdout)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("def go():\n    return 1 / 0\n\ngo()\n", ("ZeroDivisionError", "line 2, in go")),
        ("import os\nos._exit(3)\n", ("the import ended its process, exit status 3",)),
        ("import sys\nsys.exit('no settings')\n", ("SystemExit: no settings", "line 2")),
        ("import not_there\n", ("No module named 'not_there'", "line 1")),
        ("", ("broken has no app",)),
        (
            "import threading\nthreading.Event().wait()\n",
            ("the import does not end; it stays at broken.py:2",),
        ),
    ],
)
def test_import_errors_are_the_users(site: Path, module: str, said: tuple[str, ...]) -> None:
    (site / "broken.py").write_text(module)
    done = app(site, "broken:app", "--limit", "0.2")
    assert done.returncode == 2, done.stdout
    for part in said:
        assert part in done.stderr
    assert "conformance/" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--url", "x"), "begins with a slash"),
        (("--rule", "nope-*"), "no rule matches"),
        (("--ignore", "should"), "no rule matches"),
        (("--scenario", "nope"), "no scenario is named like 'nope'"),
        (("--replay", "{"), "not a line that --fuzz printed"),
        (("--json", "/no/such/place/r.json"), "cannot be written"),
    ],
)
def test_wrong_use(site: Path, words: tuple[str, ...], said: str) -> None:
    done = app(site, "good", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_fuzz_finds_shrinks_and_replays(site: Path) -> None:
    words = ("--fuzz", "600", "--seed", "1", "--notes")
    done = app(site, "rarely_bad", *words)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "MUST headers-exact-list (application) fuzz" in done.stdout
    # A raised error is news, and no failure.
    assert "observed LookupError('no ranges')" in done.stdout
    assert "requests made up, --seed 1" in done.stdout
    told = done.stdout[done.stdout.index("MUST headers-exact-list") :]
    again = next(line for line in told.splitlines() if line.startswith("  again "))
    least = shlex.split(again)[-1]
    stored = json.loads(least)
    assert {*stored} == {"method", "headers"}
    assert [name for name, _ in stored["headers"]] == ["Cookie"]
    assert app(site, "rarely_bad", *words).stdout.split("; ")[:-1] == done.stdout.split("; ")[:-1]
    replayed = app(site, "rarely_bad", "--replay", least)
    assert replayed.returncode == 1
    assert "headers-exact-list" in replayed.stdout
    assert "1 requests in 1 scenarios" in replayed.stdout


def test_fuzz_of_a_clean_application(site: Path) -> None:
    done = app(site, "good", "--fuzz", "50")
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d+ requests made up, --seed \d+", done.stdout)


def test_fuzz_says_how_to_get_hypothesis(site: Path) -> None:
    (site / "hypothesis.py").write_text("raise ImportError('not here')\n")
    done = app(site, "good", "--fuzz", "5")
    assert done.returncode == 2
    assert "wsgi-conformance[fuzz]" in done.stderr


def test_an_interrupt_ends_the_worker_too(site: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance", "app", "site_of_tests:hangs", "--url", "/slow"],
        cwd=site,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    parent = psutil.Process(process.pid)
    children: list[psutil.Process] = []
    while not children and process.poll() is None:
        children = parent.children()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "interrupted" in errors
    assert "Traceback" not in errors
    psutil.wait_procs(children, timeout=10)
    assert not any(child.is_running() for child in children)


def test_no_colour_where_it_is_not_wanted(site: Path) -> None:
    coloured = app(site, "bad", FORCE_COLOR="1")
    assert "\x1b[1;31m" in coloured.stdout
    plain = app(site, "bad", FORCE_COLOR="1", NO_COLOR="1")
    assert "31m" not in plain.stdout
