"""A server that somebody else started: its payload, runs attached to it, and what they leave."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

from conformance.harness.launcher import PLANTED
from conformance.harness.payload import PayloadError, check_payload, keep_payload, write_session

LIMIT = 20.0
FAST = ("--timeout-scale", "0.2")
# Answers the harness properly, and then, in a probe, does what its first word says.
SERVER = """
import os, socket, sys, threading
from probe import app

mode, port = sys.argv[1], int(sys.argv[2])

def call(head):
    method, target, _ = head.split("\\r\\n")[0].split(" ")
    path, _, query = target.partition("?")
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}
    said = []
    body = b"".join(app(environ, lambda status, fields: said.append(status)))
    head = "HTTP/1.1 %s\\r\\nContent-Length: %d\\r\\n\\r\\n" % (said[0], len(body))
    return head.encode() + body

listener = socket.create_server(("127.0.0.1", port))
kept = []
while True:
    connection, _ = listener.accept()
    head = connection.recv(65536).decode("latin-1")
    if not head:
        connection.close()
    elif "-ready" in head:
        connection.sendall(call(head))
        connection.close()
    elif mode == "dies":
        os._exit(3)
    else:
        kept.append(connection)
"""


def cli(*words: object) -> subprocess.CompletedProcess[str]:
    """Run the command and return what came of it."""
    return subprocess.run(
        [sys.executable, "-m", "conformance", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def assert_refused(done: subprocess.CompletedProcess[str], part: str) -> None:
    """Assert exit code 2 and one line on standard error that names what is wrong."""
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert part in done.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError("the server did not come up")


@contextmanager
def serving(payload: Path, *words: object, log: Path | None = None) -> Iterator[int]:
    """Start a server as somebody would by hand, and end it; {port} among its words is its port."""
    port = free_port()
    environment = {**os.environ, **PLANTED, "PYTHONPATH": str(payload)}
    with (log or Path(os.devnull)).open("wb") as output:
        process = subprocess.Popen(
            [str(word).replace("{port}", str(port)) for word in words],
            cwd=payload.parent,
            env=environment,
            stdout=output,
            stderr=output,
        )
        try:
            wait_listening(port, process)
            yield port
        finally:
            process.kill()
            process.wait()


def reference() -> list[str]:
    return [
        *(sys.executable, "-u", "-m", "conformance.reference", "probe:app"),
        *("--host", "127.0.0.1", "--port", "{port}"),
    ]


@pytest.fixture(scope="module")
def payload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return keep_payload(tmp_path_factory.mktemp("attach") / "payload")


def attach(port: int, payload: Path, *more: object) -> subprocess.CompletedProcess[str]:
    return cli("run", "--attach", f"127.0.0.1:{port}", "--payload", payload, *more)


def subject(path: Path) -> dict[str, Any]:
    (found,) = json.loads(path.read_text())["subjects"]
    assert isinstance(found, dict)
    return found


def outcomes(subject: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (verdict["rule"], verdict["probe"]): verdict["outcome"] for verdict in subject["verdicts"]
    }


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("reference", reference()),
        ("waitress", ["waitress-serve", "--listen=127.0.0.1:{port}", "probe:app"]),
    ],
)
def test_attached_or_launched_the_verdicts_are_the_same(
    tmp_path: Path, payload: Path, name: str, command: list[str]
) -> None:
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    program = shutil.which(command[0], path=places)
    if program is None:
        pytest.skip(f"not installed here: {name}")
    log = tmp_path / "log"
    with serving(payload, program, *command[1:], log=log) as port:
        json_file = tmp_path / "attached.json"
        more = ("--log", log, "--name", name, "--json", json_file, "--fail-on", "never")
        done = attach(port, payload, *more)
        assert done.returncode == 0, done.stdout + done.stderr
        again = cli("run", name, "--json", tmp_path / "run.json", "--fail-on", "never")
        assert again.returncode == 0, again.stdout + again.stderr
    attached, launched = subject(json_file), subject(tmp_path / "run.json")
    assert attached["name"] == name
    assert attached["python"].lower() == launched["python"].lower()
    # What needs the server started anew, with another application, is left out of one attached.
    anew = [key for key in outcomes(launched) if key[1] == "specification_overview.any_kind"]
    assert {outcomes(attached)[key] for key in anew} == {"info"}
    assert {**outcomes(attached), **dict.fromkeys(anew)} == {
        **outcomes(launched),
        **dict.fromkeys(anew),
    }
    assert not (payload / "session.json").exists()
    assert not [
        process.pid for process in psutil.process_iter(["cmdline"]) if str(log) in str(process.info)
    ]


def test_without_a_log_nothing_is_held_against_anybody(tmp_path: Path, payload: Path) -> None:
    with serving(payload, *reference()) as port:
        done = attach(
            port,
            payload,
            "--rule",
            "errors-*",
            "--json",
            tmp_path / "r.json",
            "--fail-on",
            "should",
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(outcomes(subject(tmp_path / "r.json")).values()) <= {"pass", "info"}


def test_whoever_asks_meanwhile_is_told(payload: Path) -> None:
    """Before a run and after a run that was killed, by the same process."""
    with serving(payload, *reference()) as port:
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", port)) as asking:
                asking.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                said = b"".join(iter(lambda: asking.recv(65536), b""))
            assert said.startswith(b"HTTP/1.1 503 ")
            assert str(payload).encode() in said
            # As a run leaves it that could not clean up: nobody listens there.
            write_session(payload, ("127.0.0.1", free_port()), "token")
        done = attach(port, payload, "--rule", "environ-query-string-raw")
        assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_listens(payload: Path) -> None:
    done = attach(free_port(), payload, *FAST)
    assert done.returncode == 3
    assert "nothing listens at 127.0.0.1:" in done.stdout
    assert not (payload / "session.json").exists()


def test_something_else_answers(payload: Path) -> None:
    with serving(
        payload, sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port}"
    ) as port:
        done = attach(port, payload, *FAST)
    assert done.returncode == 3
    assert "was answered by something that did not call the application in" in done.stdout
    assert f"PYTHONPATH={payload}" in done.stdout


def test_another_payload_answers(payload: Path, tmp_path: Path) -> None:
    other = keep_payload(tmp_path / "other")
    with serving(other, *reference()) as port:
        done = attach(port, payload, *FAST)
    assert done.returncode == 3
    assert str(other) in done.stdout
    assert "is not running a probe here" in done.stdout


def test_the_server_has_loaded_an_older_payload(tmp_path: Path) -> None:
    own = tmp_path / "probes"
    own.mkdir()
    old = keep_payload(tmp_path / "payload", [own])
    with serving(old, *reference()) as port:
        keep_payload(old)
        done = attach(port, old, *FAST)
    assert done.returncode == 3
    assert f"has loaded an older payload than there is in {old}; start it anew" in done.stdout


@pytest.mark.parametrize("mode", ["hangs", "dies"])
def test_misbehaves_in_a_probe(tmp_path: Path, payload: Path, mode: str) -> None:
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    json_file = tmp_path / "results.json"
    with serving(payload, sys.executable, script, mode, "{port}") as port:
        done = attach(port, payload, *FAST, "--json", json_file)
    assert done.returncode == (3 if mode == "dies" else 1), done.stdout + done.stderr
    found = subject(json_file)
    assert found["started"] is True
    seen = {verdict["observed"] for verdict in found["verdicts"]}
    if mode == "dies":
        assert "not tried: the server is gone" in seen
        assert "nothing listens at" in found["failure"]
    else:
        assert any(text.startswith("not tried: the last") for text in seen)
        assert found.get("failure", "") == ""
    assert "cannot be started anew, as somebody else started it" in done.stderr


def test_an_interrupted_run_leaves_no_session(tmp_path: Path, payload: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    with serving(payload, sys.executable, script, "hangs", "{port}") as port:
        words = ["run", "--attach", f"127.0.0.1:{port}", "--payload", str(payload)]
        process = subprocess.Popen(
            [sys.executable, "-m", "conformance", *words], stderr=subprocess.PIPE, text=True
        )
        try:
            deadline = time.monotonic() + LIMIT
            while not (payload / "session.json").exists() and time.monotonic() < deadline:
                assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=LIMIT)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 3
    assert "interrupted" in said
    assert not (payload / "session.json").exists()


def test_one_run_at_a_time(payload: Path) -> None:
    descriptor = os.open(payload, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        done = attach(free_port(), payload)
    finally:
        os.close(descriptor)
    assert_refused(done, f"{payload}: another run is attached to it")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--attach", "127.0.0.1:1"], "--attach needs --payload DIR"),
        (["--payload", "x"], "--payload goes with --attach HOST:PORT"),
        (["--name", "x"], "--name goes with --attach"),
        (
            ["--attach", "127.0.0.1:1", "--payload", "x", "--isolated"],
            "--isolated does not go with",
        ),
        (
            ["waitress", "--attach", "127.0.0.1:1", "--payload", "x"],
            "a server to start does not go",
        ),
        (["--attach", "127.0.0.1:1", "--payload", "/"], "/: not a payload; write it with"),
        (["--attach", "127.0.0.1:1", "--payload", "nowhere"], "not a payload; write it with"),
    ],
)
def test_wrong_use(words: list[str], part: str) -> None:
    assert_refused(cli("run", *words), part)


@pytest.mark.parametrize(
    "address", ["8000", "localhost", ":80", "x:0", "x:70000", "[::1]:8000", "x:²"]
)
def test_wrong_address(payload: Path, address: str) -> None:
    assert_refused(cli("run", "--attach", address, "--payload", payload), f"--attach {address}: no")


def test_wrong_name(payload: Path) -> None:
    done = cli("run", "--attach", "127.0.0.1:1", "--payload", payload, "--name", "A B")
    assert_refused(done, "--name A B: not lower-case-with-hyphens")


def test_the_command_says_how_to_go_on(tmp_path: Path) -> None:
    done = cli("payload", tmp_path / "deep" / "new")
    assert done.returncode == 0, done.stderr
    directory = tmp_path / "deep" / "new"
    assert f"PYTHONPATH={directory} " in done.stdout
    assert "probe:app" in done.stdout
    assert f"run --attach 127.0.0.1:8000 --payload {directory}" in done.stdout
    assert cli("payload", directory).returncode == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("kept")
    assert_refused(cli("payload", tmp_path / "other"), "something else in it; name a new one")
    assert (tmp_path / "other" / "mine.txt").exists()
    assert_refused(cli("payload", "/proc/none"), "cannot be written")


def test_a_payload_of_another_version_or_with_other_probes(tmp_path: Path) -> None:
    fresh = keep_payload(tmp_path / "fresh")
    kept = keep_payload(tmp_path / "kept")
    assert check_payload(kept, fresh)
    seal = json.loads((kept / "payload.json").read_text())
    (kept / "payload.json").write_text(json.dumps({**seal, "suite": "0.0.1", "digest": "0"}))
    with pytest.raises(PayloadError, match=r"of version 0\.0\.1, and this is .*; write it with"):
        check_payload(kept, fresh)
    (kept / "payload.json").write_text(json.dumps(seal))
    (kept / "probes" / "more.py").write_text("")
    with pytest.raises(PayloadError, match="of other code or other probes than this run has"):
        check_payload(kept, fresh)
    for text in ("", "[]", "{}", '{"format": "x", "suite": "1", "digest": "2"}', "\0"):
        (kept / "payload.json").write_text(text)
        with pytest.raises(PayloadError, match="not a payload"):
            check_payload(kept, fresh)


def inside(payload: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("attached_probe", payload / "probe.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answer_once(listener: socket.socket, tokens: list[str]) -> None:
    """Be the harness for one call of the application; a process may introduce itself before."""
    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile() as lines:
            said = json.loads(lines.readline())
            if said["kind"] == "called":
                tokens.append(said["data"]["token"])
                connection.sendall(b'{"say": "here"}\n')
                return


def test_each_call_asks_for_the_run_that_is_on(payload: Path) -> None:
    """The server was started before any run; each run has an address and a token of its own."""
    module = inside(payload)
    tokens: list[str] = []
    statuses: list[str] = []

    def ask() -> Any:
        return module.app({}, lambda status, fields: statuses.append(status))

    for token in ("one", "two"):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(LIMIT)
            write_session(payload, listener.getsockname()[:2], token)
            thread = threading.Thread(target=answer_once, args=(listener, tokens))
            thread.start()
            assert ask() == [b"here"]
            thread.join()
    (payload / "session.json").unlink()
    ask()
    assert tokens == ["one", "two"]
    assert statuses == ["200 OK", "200 OK", "503 Service Unavailable"]
