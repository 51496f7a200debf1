"""A stored verdict tried again: by the suite, and by a script that needs nothing of it."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from test_cli import FAST, HERE, assert_refused, cli, server_file

from conformance.harness import resend
from conformance.harness.again import sent_otherwise
from conformance.harness.payload import write_payload
from conformance.harness.resend import whole_responses
from conformance.harness.script import steps_of, write_script
from conformance.report.sidebyside import side_by_side
from conformance.results import load_results
from conformance.results.traces import events_of, find_subject, find_verdict
from conformance.trace import Event

READ = "input-read-semantics"
# Held at a gate until the client has seen each block; sends a request on, for a fence; half-closes.
GATED = "buffering-transmit-before-next"
TWIN = HERE.parent / "servers" / "twins" / "input_stream.py"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the reference server did, with rules of all kinds of conversation."""
    folder = tmp_path_factory.mktemp("stored")
    words = [word for rule in RULES for word in ("--rule", rule)]
    path = folder / "r.json"
    done = cli("run", server_file(folder), *words, "--json", path, *FAST)
    assert done.returncode == 0, done.stdout + done.stderr
    return path


RULES = (READ, "buffering-*", "close-on-client-disconnect", "http-expect-*")


def twin_file(folder: Path) -> Path:
    path = server_file(folder)
    path.write_text(path.read_text().replace("]", f', "--twin", "{TWIN}:ReadsTooMuch"]'))
    return path


# --- by the suite


def test_the_same_server_gives_the_same_verdict(stored: Path, tmp_path: Path) -> None:
    server = ("--server", server_file(tmp_path))
    done = cli("replay", stored, "mine", READ, *server)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the verdict is the same" in done.stdout
    assert "what was sent differs" not in done.stdout
    assert done.stdout.count("POST / HTTP/1.1") >= 2


def test_another_server_gives_another_verdict(stored: Path, tmp_path: Path) -> None:
    done = cli("replay", stored, "mine", READ, "--server", twin_file(tmp_path))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "then: pass" in done.stdout
    assert "now:  fail" in done.stdout
    assert "the verdict is another one" in done.stdout


def test_a_rule_that_is_judged_in_every_exchange(stored: Path, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    cli("run", server_file(tmp_path), "--rule", "environ-keys-native-str", "--json", path, *FAST)
    words = ("replay", path, "mine", "environ-keys-native-str", "--server", server_file(tmp_path))
    done = cli(*words)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_cannot_be_tried(stored: Path, tmp_path: Path) -> None:
    assert_refused(cli("replay", stored, "yours", READ), "yours: no subject", "there are: mine")
    assert_refused(cli("replay", stored, "mine", "close-x"), "mine: close-x was not judged")
    assert_refused(
        cli("replay", stored, "mine", READ, "--probe", "no.such"), "judged by", "not by no.such"
    )
    assert_refused(cli("replay", stored, "mine", READ), "not in the roster", "--server FILE.toml")
    assert_refused(cli("replay", tmp_path / "no.json", "mine", READ), "cannot be read")
    absent = server_file(tmp_path, install=["no-such-package-of-anybody"])
    done = cli("replay", stored, "mine", READ, "--server", absent)
    assert done.returncode == 3
    assert "not tried: not installed here" in done.stdout
    dead = server_file(tmp_path, command=["{python}", "-c", "raise SystemExit(7)", "{port}"])
    done = cli("replay", stored, "mine", READ, "--server", dead)
    assert done.returncode == 3
    assert "status 7" in done.stdout


def test_what_is_judged_in_memory_has_nothing_to_send(tmp_path: Path) -> None:
    (tmp_path / "site_y.py").write_text(
        "def app(environ, start_response):\n    start_response('200 OK', [])\n    return ['x']\n"
    )
    cli("app", "site_y:app", "--scenario", "rich", "--json", "a.json", cwd=tmp_path)
    done = cli("replay", "a.json", "site_y:app", "iterable-yields-bytes", cwd=tmp_path)
    assert_refused(done, "judged in memory", "wsgi-conformance app --replay")


def test_cut_evidence_is_refused(stored: Path, tmp_path: Path) -> None:
    data = json.loads(stored.read_text())
    for trace in data["traces"].values():
        for event in trace["events"]:
            if event["kind"] == "sent":
                event["bytes"] = {"latin1": "GET", "cut": 1 << 30}
    path = tmp_path / "cut.json"
    path.write_text(json.dumps(data))
    assert_refused(cli("replay", path, "mine", READ, "--script", "-"), "were cut when")


# --- the script


def script_of(stored: Path, rule: str, folder: Path) -> Path:
    path = folder / "again.py"
    done = cli("replay", stored, "mine", rule, "--script", path)
    assert done.returncode == 0, done.stderr
    return path


def constants(path: Path) -> dict[str, Any]:
    """The data of a script, by somebody else's reading of Python."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve probe:app of a directory by hand; yield the address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance.reference", "probe:app", "--port", "0"],
        env={**os.environ, "PYTHONPATH": str(folder)},
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        match = re.search("http://(.*)/", line)
        assert match, line
        yield match[1]
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def payload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_payload(tmp_path_factory.mktemp("payload") / "p")
    # As one that is kept and served by hand: it looks for its session at every call.
    (path / "probe.py").write_text(
        "import os\n"
        "from conformance.inside.application import make_application\n"
        "def app(environ, start_response):\n"
        "    here = os.path.dirname(os.path.abspath(__file__))\n"
        "    return make_application(here)(environ, start_response)\n"
    )
    return path


def run_script(path: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a script with nothing but the standard library: no site-packages, none of our files."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(path), *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=path.parent,
    )


def test_the_script_sends_the_same_bytes_with_the_same_cuts(
    stored: Path, payload: Path, tmp_path: Path
) -> None:
    results = load_results(stored)
    rules = {each.rule for each in find_subject(results, "mine").verdicts}
    assert len(rules) > 5
    for rule in sorted(rules):
        verdict = find_verdict(find_subject(results, "mine"), rule)
        events = events_of(results, verdict)
        wanted = [(e.subject, bytes(e.data["bytes"])) for e in events if e.kind == "sent"]
        data = constants(script_of(stored, rule, tmp_path))
        assert [step[1:] for step in data["STEPS"] if step[0] == "send"] == wanted, rule


def test_the_script_plays_both_sides_with_a_payload(
    stored: Path, payload: Path, tmp_path: Path
) -> None:
    path = script_of(stored, READ, tmp_path)
    with served(payload) as address:
        done = run_script(path, address, "--payload", payload)
    assert (done.returncode, done.stderr) == (0, "")
    assert "application: call 1 called" in done.stdout
    assert "application: call 1 note" in done.stdout
    assert "waited in vain" not in done.stdout


def test_the_script_opens_gates_when_the_client_has_seen_what_it_had_seen(
    stored: Path, payload: Path, tmp_path: Path
) -> None:
    path = script_of(stored, GATED, tmp_path)
    text = path.read_text()
    assert "It was held until the client had seen something, at:" in text
    steps = constants(path)["STEPS"]
    names = [step[0] for step in steps]
    place = names.index("gate")
    assert names[place - 1 : place + 2] == ["wait", "gate", "let go"]
    with served(payload) as address:
        done = run_script(path, address, "--payload", payload)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    lines = done.stdout.splitlines()
    first = next(n for n, line in enumerate(lines) if "let go at gate" in line)
    assert any("client 1 <" in line for line in lines[:first])
    assert done.stdout.count("let go at gate") == names.count("let go")


def test_the_script_without_a_payload_sends_to_whatever_is_there(
    stored: Path, tmp_path: Path
) -> None:
    path = script_of(stored, READ, tmp_path)
    (tmp_path / "probe.py").write_text(
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Length', '2')])\n"
        "    return [b'hi']\n"
    )
    with served(tmp_path) as address:
        done = run_script(path, address, "--limit", "1")
    assert done.stderr == ""
    assert "client 1 > b'POST / HTTP/1.1" in done.stdout
    assert re.search(r"client 1 < b'.*hi'", done.stdout)


def test_the_script_is_used_wrongly_or_finds_nobody(stored: Path, tmp_path: Path) -> None:
    path = script_of(stored, READ, tmp_path)
    assert run_script(path).returncode == 2
    assert READ in run_script(path).stdout
    assert run_script(path, "127.0.0.1:1", "--payload", tmp_path).returncode == 2
    nobody = run_script(path, "127.0.0.1:1")
    assert nobody.returncode == 3
    assert "Connection refused" in nobody.stderr
    assert "Traceback" not in nobody.stderr


def test_the_script_on_standard_output_is_the_one_in_the_file(stored: Path, tmp_path: Path) -> None:
    path = script_of(stored, READ, tmp_path)
    assert cli("replay", stored, "mine", READ, "--script", "-").stdout == path.read_text()


HOSTILE = ['"""', "\\", "\x00\x1b", "\ud800", "'''\n\"\"\"\n__import__('os')", "{x}", "\u202e"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_stay_words(text: str) -> None:
    events = [
        Event(0.0, "harness", "scene", 0, {"probe": f"a{text}.b", "parameters": {"x": text}}),
        Event(0.1, "client", "open", 1, {"address": ["127.0.0.1", 2]}),
        Event(0.2, "client", "sent", 1, {"bytes": text.encode("utf-8", "replace")}),
    ]
    script = write_script(events, text, [("observed", text)])
    encoded = script.encode("utf-8", "replace").decode("utf-8")
    tree = ast.parse(encoded)
    assert text.encode("unicode_escape").decode().isascii()
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "__import__" not in names
    assert not re.search("[\x00\x1b\u202e]", encoded)


# --- its parts


def event(time: float, eye: str, kind: str, subject: int = 0, **data: Any) -> Event:
    return Event(time, eye, kind, subject, data)


def test_steps_wait_for_what_had_come() -> None:
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    events = [
        event(0.0, "client", "open", 1, address=["127.0.0.1", 1], receive_buffer=4096),
        event(0.1, "client", "sent", 1, bytes=b"GET / HTTP/1.1\r\n"),
        event(0.2, "client", "sent", 1, bytes=b"\r\n"),
        event(0.3, "client", "paused", 1),
        event(0.4, "client", "resumed", 1),
        event(0.5, "client", "received", 1, bytes=response),
        event(0.6, "client", "sent", 1, bytes=b"GET /2 HTTP/1.1\r\n\r\n"),
        event(0.7, "client", "received", 1, bytes=response[:-1]),
        event(0.8, "client", "half-closed", 1),
        event(0.9, "client", "eof", 1),
        event(1.0, "client", "open", 2, address=["127.0.0.1", 1]),
        event(1.1, "client", "aborted", 2),
    ]
    assert steps_of(events) == [
        ("open", 1, 4096),
        ("send", 1, b"GET / HTTP/1.1\r\n"),
        ("send", 1, b"\r\n"),
        ("pause", 1),
        ("resume", 1),
        ("wait", 1, len(response), 1, False),
        ("send", 1, b"GET /2 HTTP/1.1\r\n\r\n"),
        ("wait", 1, 2 * len(response) - 1, None, False),
        ("half-close", 1),
        ("wait", 1, 2 * len(response) - 1, None, True),
        ("open", 2, None),
        ("reset", 2),
    ]


@pytest.mark.parametrize(
    ("sent", "received", "ended", "count"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"", False, 0),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n", False, 0),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 204 No\r\n\r\n", False, 1),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nx", False, 0),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nx", True, 1),
        (b"HEAD / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", False, 1),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx", False, 0),
        (
            b"GET / HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            False,
            1,
        ),
        (
            b"GET / HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
            False,
            0,
        ),
        (
            b"HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" * 2 + b"x",
            False,
            2,
        ),
        (b"x", b"garbage\r\n\r\n", False, 0),
    ],
)
def test_whole_responses(sent: bytes, received: bytes, ended: bool, count: int) -> None:
    assert whole_responses(sent, received, ended) == count


def test_what_was_sent_is_compared_without_the_port() -> None:
    def sent(port: int, data: bytes) -> list[Event]:
        return [
            event(0.0, "client", "open", 1, address=["127.0.0.1", port]),
            event(0.1, "client", "sent", 1, bytes=data),
        ]

    assert sent_otherwise(sent(2000, b"a:2000 b"), sent(3000, b"a:3000 b")) == ""
    told = sent_otherwise(sent(2000, b"abc"), sent(3000, b"abd"))
    assert told == "on connection 1 from byte 2 on"
    more = [*sent(1, b"x"), event(0.2, "client", "open", 2, address=["127.0.0.1", 1])]
    assert sent_otherwise(sent(1, b"x"), more) == "connection 2 was opened now alone"


def test_side_by_side_lines_up_what_is_the_same() -> None:
    def trace(date: str, middle: list[Event]) -> list[Event]:
        return [
            event(0.0, "client", "open", 1),
            event(0.1, "harness", "mark", 0, met=True),
            *middle,
            event(0.3, "client", "received", 1, bytes=b"x\r\nDate: " + date.encode() + b"\r\n"),
        ]

    extra = [event(0.2, "app", "close", 1)]
    lines = [*side_by_side(trace("Mon, 1", extra), trace("Tue, 2", []))]
    assert [(line.then[:12], line.now[:12], line.same) for line in lines] == [
        ("client 1 con", "client 1 con", True),
        ("app 1 close", "", False),
        ("client 1 < b", "client 1 < b", True),
    ]


def test_a_trace_cannot_steer_a_terminal() -> None:
    evil = "\x1b]0;x\x07\u202e"
    events = [
        event(0.0, "client", "received", 1, bytes=evil.encode()),
        event(0.1, "app", "note", 1, values={evil: evil}),
        event(0.2, "server", "log", 0, bytes=b"\x1b[2J\n"),
        event(0.3, evil, evil, 1),
    ]
    for line in side_by_side(events, []):
        assert line.then.isprintable(), line.then


def test_what_goes_into_scripts_is_for_old_pythons_too(stored: Path, tmp_path: Path) -> None:
    source = Path(resend.__file__).read_text()
    ast.parse(source, feature_version=(3, 8))
    assert not re.search(r"^(from|import) conformance", source, re.MULTILINE)
