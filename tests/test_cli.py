"""The command line as a user meets it: in a process of its own, judged by output and exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import psutil
import pytest

from conformance.cli.run import expected, unjudged
from conformance.results import SubjectResult, Verdict

HERE = Path(__file__).parent
FAST = ("--timeout-scale", "0.2", "--jobs", "1")


def cli(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command and return what came of it."""
    return subprocess.run(
        [sys.executable, "-m", "conformance", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def assert_refused(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """Assert exit code 2 and one line on standard error that names what is wrong."""
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for part in parts:
        assert part in done.stderr


def server_file(directory: Path, **keys: Any) -> Path:
    """Write a server file that runs the reference server, with some keys changed."""
    data: dict[str, Any] = {
        "name": "mine",
        "command": [
            *("{python}", "-m", "conformance.reference", "{app}"),
            *("--host", "{host}", "--port", "{port}"),
        ],
    }
    data.update(keys)
    path = directory / "mine.toml"
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in data.items()))
    return path


def test_a_conforming_server_gives_zero_and_a_whole_results_file(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    done = cli("run", server_file(tmp_path), "--rule", "input-*", "--json", path, *FAST)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(path.read_text())
    assert results["complete"] is True
    (subject,) = results["subjects"]
    assert subject["started"] is True
    assert {verdict["rule"] for verdict in subject["verdicts"]} > {"input-read-semantics"}
    assert all(verdict["rule"].startswith("input-") for verdict in subject["verdicts"])
    assert all(verdict["trace"] in results["traces"] for verdict in subject["verdicts"])


def test_a_broken_must_gives_one_and_names_rule_and_bytes(tmp_path: Path) -> None:
    twin = HERE.parent / "servers" / "twins" / "input_stream.py"
    path = server_file(tmp_path)
    text = path.read_text().replace("]", f', "--twin", "{twin}:ReadsTooMuch"]')
    path.write_text(text)
    done = cli("run", path, "--rule", "input-read-semantics", *FAST)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "fail input-read-semantics (MUST)" in done.stdout
    assert cli("run", path, "--rule", "input-read-semantics", "--fail-on", "never").returncode == 0


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["{python}", "-c", "raise SystemExit(7)", "{port}"], "status 7"),
        (["{bin}/no-such-program", "{port}"], "no such program"),
    ],
)
def test_a_server_that_does_not_start_gives_three(
    tmp_path: Path, command: list[str], said: str
) -> None:
    done = cli("run", server_file(tmp_path, command=command), *FAST)
    assert done.returncode == 3
    assert said in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_server_that_is_not_installed_gives_three_and_the_fix(tmp_path: Path) -> None:
    done = cli("run", server_file(tmp_path, install=["no-such-package-of-anybody"]), *FAST)
    assert done.returncode == 3
    assert "pip install no-such-package-of-anybody" in done.stdout


def test_unknown_server_suggests_a_name() -> None:
    assert_refused(cli("run", "waitres"), "waitres: no such server", "waitress")


def test_malformed_server_file_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text('name = "x"\ncommand = oops\n')
    assert_refused(cli("run", path), str(path), "not TOML", "line")


def test_unknown_key_in_server_file_suggests_one(tmp_path: Path) -> None:
    path = server_file(tmp_path, comand=["x"])
    assert_refused(cli("run", path), str(path), "comand", "did you mean command?")


def test_absent_server_file_is_named(tmp_path: Path) -> None:
    assert_refused(cli("run", tmp_path / "none.toml"), "none.toml", "cannot be read")


def test_unknown_rule_and_probe(tmp_path: Path) -> None:
    assert_refused(cli("run", "reference", "--rule", "close-on-normal-ends"), "close-on-normal-end")
    assert_refused(cli("run", "reference", "--probe", "nothing-like-it"), "nothing-like-it")
    assert_refused(cli("rules", "nothing-like-it"), "nothing-like-it")
    assert_refused(cli("selftest", "nothing-like-it"), "nothing-like-it")


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_unwritable_output_is_found_before_the_work(tmp_path: Path, option: str) -> None:
    missing = tmp_path / "no" / "such" / "place"
    assert_refused(cli("run", "reference", option, missing), str(missing), "cannot be written")
    assert_refused(cli("run", "reference", option, tmp_path), str(tmp_path), "directory")


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"format": "wsgi-conformance-results", "version": 1}', "[]", "\x00", '"x"'],
)
def test_unusable_results_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    assert_refused(cli("report", path, "--html", tmp_path / "page.html"), str(path))


def test_truncated_results_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    cli("run", server_file(tmp_path), "--rule", "input-read-semantics", "--json", path, *FAST)
    path.write_text(path.read_text()[:-40])
    assert_refused(cli("report", path, "--html", tmp_path / "page.html"), str(path), "cut short")


def test_report_of_stored_results_is_the_page_of_the_run(tmp_path: Path) -> None:
    stored, page, again = tmp_path / "r.json", tmp_path / "a.html", tmp_path / "b.html"
    words = ("--rule", "input-read-semantics", "--json", stored, "--html", page)
    assert cli("run", server_file(tmp_path), *words, *FAST).returncode == 0
    assert cli("report", stored, "--html", again).returncode == 0
    assert page.read_bytes() == again.read_bytes()


def test_of_results_of_one_subject_the_later_count(tmp_path: Path) -> None:
    stored, both = tmp_path / "r.json", tmp_path / "both.json"
    cli("run", server_file(tmp_path), "--rule", "input-read-semantics", "--json", stored, *FAST)
    done = cli("report", stored, stored, "--json", both)
    assert done.returncode == 0
    assert f"mine: {stored} replaces {stored}" in done.stderr
    one, merged = (json.loads(path.read_text()) for path in (stored, both))
    assert (merged["subjects"], merged["traces"]) == (one["subjects"], one["traces"])


def test_rules_as_json_has_the_promised_keys() -> None:
    rows = json.loads(cli("rules", "--json").stdout)
    assert len(rows) > 380
    for row in rows:
        assert {
            *("id", "family", "level", "party", "section", "anchor", "observable"),
            *("probes", "twins", "judged_by", "untested"),
        } <= set(row)
        states = [bool(row[key]) for key in ("probes", "judged_by", "untested")]
        assert sum(states) == 1, row["id"]
    assert sum(row["family"] == "PEP 3333" for row in rows) == 388
    assert {row["family"] for row in rows} == {"PEP 3333", "HTTP"}


def test_rules_explains_one() -> None:
    text = cli("rules", "input-read-semantics").stdout
    assert "https://peps.python.org/pep-3333/#" in text
    assert "Bad twin" in text


def test_rules_tells_the_families_apart() -> None:
    lines = cli("rules").stdout.splitlines()
    families = {line.split()[0]: line[46:54].strip() for line in lines}
    assert families["input-read-semantics"] == families["http-expect-transparent"] == "PEP 3333"
    assert families["http-etag-valid"] == families["cgi-path-info-form"] == "HTTP"
    text = cli("rules", "http-etag-valid").stdout
    assert "RFC 9110 section 8.8.3\nhttps://www.rfc-editor.org/rfc/rfc9110#section-8.8.3" in text
    assert "Judged by: the validator and `wsgi-conformance app`" in text
    assert "Untested" not in text


def test_servers_as_json_has_the_promised_keys() -> None:
    rows = json.loads(cli("servers", "--json").stdout)
    names = {row["name"] for row in rows}
    assert names >= {"reference", "wsgiref", "gunicorn-sync", "waitress", "cheroot", "gevent"}
    for row in rows:
        keys = {"name", "title", "family", "installed", "version", "command", "runs_here"}
        assert keys <= set(row)
        assert row["runs_here"] is True or isinstance(row["runs_here"], str)


def test_servers_say_how_long_they_took_to_start(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    cli("run", "reference", "--rule", "environ-query-string-raw", "--json", path, *FAST)
    rows = json.loads(cli("servers", "reference", "wsgiref", "--json", "--results", path).stdout)
    assert rows[0]["started_in"] > 0
    assert rows[1]["started_in"] is None
    assert_refused(cli("servers", "--results", tmp_path / "none.json"), "cannot be read")


def test_debian_packages_of_servers() -> None:
    done = cli("servers", "nginx-uwsgi", "lighttpd-*", "--system")
    assert done.stdout.split() == ["lighttpd", "nginx", "uwsgi-core", "uwsgi-plugin-python3"]
    assert set(done.stdout.split()) < set(cli("servers", "--system").stdout.split())


def test_of_a_whole_roster_only_what_can_run_is_expected_to() -> None:
    ran = SubjectResult(
        "a", started=True, verdicts=[Verdict("r", "p", "MUST", "x", "pass", "", "")]
    )
    cannot = SubjectResult("b", unavailable=True, failure="Windows only")
    broken = SubjectResult("c", failure="it ended with status 1 before it answered")
    named, whole = Namespace(servers=["a", "b"]), Namespace(servers=[])
    assert not unjudged(expected([ran, cannot], whole))
    assert unjudged(expected([ran, cannot], named))
    assert unjudged(expected([ran, broken], whole))
    assert unjudged(expected([cannot], whole))


def test_servers_by_name() -> None:
    rows = json.loads(cli("servers", "--json", "gunicorn-*", "wsgiref").stdout)
    names = [row["name"] for row in rows]
    assert "wsgiref" in names
    assert all(name.startswith("gunicorn-") or name == "wsgiref" for name in names)
    assert_refused(cli("servers", "no-such-*"), "no-such-*: no such server")


def test_server_that_cannot_be_had(tmp_path: Path) -> None:
    """It is never started, and whoever asks for it is told why."""
    path = server_file(tmp_path, unavailable="runs on Windows alone", command=["no-such"])
    done = cli("run", path, "--json", tmp_path / "results.json", *FAST)
    assert done.returncode == 3
    assert "mine: cannot run: runs on Windows alone" in done.stderr
    (subject,) = json.loads((tmp_path / "results.json").read_text())["subjects"]
    assert (subject["started"], subject["unavailable"]) == (False, True)
    assert subject["failure"] == "runs on Windows alone"


def test_server_whose_programs_are_not_installed(tmp_path: Path) -> None:
    path = server_file(tmp_path, programs=["sh", "no-such-httpd"], system=["no-such-package"])
    done = cli("run", path, *FAST)
    assert done.returncode == 3
    assert (
        "not installed here: no-such-httpd; on Debian: apt-get install no-such-package"
        in done.stderr
    )


def test_users_own_probes_are_played(tmp_path: Path) -> None:
    probes = tmp_path / "probes"
    probes.mkdir()
    (probes / "mine.py").write_text(
        "from conformance.probing import probe, request\n"
        "@probe('environ-query-string-raw')\n"
        "def own(environ, start_response):\n"
        "    '''The query arrives.'''\n"
        "    start_response('200 OK', [])\n"
        "    return [environ['QUERY_STRING'].encode('latin-1')]\n"
        "@own.client\n"
        "def _(client, verify):\n"
        "    seen = client.exchange(request(target='/?a=%20'))\n"
        "    verify('environ-query-string-raw').equal(seen.answered.body, b'a=%20')\n"
    )
    path = tmp_path / "r.json"
    words = ("--probes", probes, "--probe", "mine.own", "--json", path)
    assert cli("run", server_file(tmp_path), *words, *FAST).returncode == 0
    (subject,) = json.loads(path.read_text())["subjects"]
    assert any(verdict["probe"] == "mine.own" for verdict in subject["verdicts"])


def test_selftest_catches_a_twin() -> None:
    done = cli("selftest", "input-read-semantics")
    assert done.returncode == 0, done.stdout
    assert "caught" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_leaves_no_process_and_no_results(
    tmp_path: Path, number: signal.Signals
) -> None:
    # A server that never listens keeps the run waiting for as long as the test needs.
    code = "import signal; print('up', flush=True); signal.pause()"
    path = server_file(tmp_path, command=["{python}", "-c", code, "{port}"])
    results = tmp_path / "results.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance", "run", str(path), "--json", str(results)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    child = wait_for_child(process)
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert not child.is_running()
    assert not results.exists()


def wait_for_child(process: subprocess.Popen[str]) -> psutil.Process:
    """Return the server that a run has started."""
    parent = psutil.Process(process.pid)
    while process.poll() is None:
        for child in parent.children():
            try:
                if "signal.pause" in " ".join(child.cmdline()):
                    return child
            except psutil.NoSuchProcess:
                continue
    raise AssertionError("the run ended before it had started the server")


def test_output_to_a_closed_pipe_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m conformance rules | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


@pytest.mark.parametrize(
    "command", [[], ["run"], ["rules"], ["servers"], ["report"], ["selftest"], ["serve"]]
)
def test_help(command: list[str]) -> None:
    done = cli(*command, "--help")
    assert done.returncode == 0
    assert "usage: wsgi-conformance" in done.stdout


def test_serve_says_what_is_wrong_with_the_application(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def go():\n    return 1 / 0\n\ngo()\n")
    (tmp_path / "empty.py").write_text("")
    assert_refused(cli("serve", "no_such_module:app", cwd=tmp_path), "No module named")
    assert_refused(cli("serve", "empty:app", cwd=tmp_path), "empty has no app")
    assert_refused(cli("serve", "empty", cwd=tmp_path), "MODULE:ATTR")
    done = cli("serve", "broken:app", cwd=tmp_path)
    assert done.returncode == 2
    # The user's lines, and none of ours.
    assert "broken.py" in done.stderr
    assert "line 2, in go" in done.stderr
    assert "conformance/" not in done.stderr
