"""A front with a backend: both come up in order, both are watched, both are gone afterwards."""

from __future__ import annotations

import os
import pwd
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from conformance import rules
from conformance.harness.environment import EnvironmentFailure, current, interpreter, obstacle
from conformance.harness.loop import Loop
from conformance.harness.runner import Options, Run, judge_again, rules_of, run_subject
from conformance.paths import PROBES
from conformance.probing import load_probes
from conformance.roster import Backend, Subject
from conformance.trace import from_json

RULE = "environ-query-string-raw"
# Copies bytes both ways between a port and an address behind it, and starts with a look at it.
FRONT = """#!/usr/bin/env python3
import os, socket, sys, threading

host, port, behind = sys.argv[1:]


def reach():
    kind = socket.AF_UNIX if "/" in behind else socket.AF_INET
    back = socket.socket(kind)
    back.connect(behind if "/" in behind else (host, int(behind)))
    return back


def copy(source, target):
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


reach().close()
print("the front is up", flush=True)
listener = socket.create_server((host, int(port)))
while True:
    client, _ = listener.accept()
    back = reach()
    for pair in ((client, back), (back, client)):
        threading.Thread(target=copy, args=pair, daemon=True).start()
"""
HOLDS_BACK = FRONT.replace(
    """    while data := source.recv(65536):
        target.sendall(data)
""",
    """    kept = [data := source.recv(65536)]
    if data.startswith(b"HTTP/"):
        while data := source.recv(65536):
            kept.append(data)
    target.sendall(b"".join(kept))
    if not kept[0].startswith(b"HTTP/"):
        while data := source.recv(65536):
            target.sendall(data)
""",
)
# wsgiref on a unix socket, with a child in a session of its own.
BACK = """
import os, socket, socketserver, subprocess, sys
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from probe import app


class Server(WSGIServer):
    address_family = socket.AF_UNIX

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", 80
        self.setup_environ()

    def get_request(self):
        connection, _ = self.socket.accept()
        return connection, ("127.0.0.1", 0)


# So long that no other run's is taken for it: the harness is the parent of both.
subprocess.Popen(["sleep", str(10**6 + os.getppid())], start_new_session=True)
server = Server(sys.argv[1], WSGIRequestHandler)
server.set_app(app)
print("the backend is up", os.environ["BEHIND"], os.stat(os.getcwd()).st_uid, flush=True)
server.serve_forever()
"""
BY_PATH = Backend(("{python}", "{rundir}/back.py", "{socket}"), "socket", {"BEHIND": "{host}"})
BY_PORT = Backend(
    (
        *("{python}", "-m", "conformance.reference", "{app}"),
        *("--host", "{host}", "--port", "{backend_port}"),
    ),
    "backend_port",
)


def stack(backend: Backend, behind: str = "{backend_port}", user: str = "") -> Subject:
    """Return a front that copies bytes to and from a backend."""
    return Subject(
        name="stack",
        command=("{rundir}/front.py", "{host}", "{port}", behind),
        backend=backend,
        files={"front.py": FRONT, "back.py": BACK},
        user=user,
    )


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def run(subject: Subject, loop: Loop, scale: float = 1.0, rule: str = RULE) -> Run:
    probes = load_probes(str(PROBES))
    wanted = frozenset([rule])
    assert wanted <= rules_of(probes.values())
    return run_subject(
        subject, current(subject), Options(probes, rules.load(), wanted, scale=scale), loop
    )


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Assert that a test leaves no process behind, wherever it went."""
    me = psutil.Process()
    before = {process.pid for process in me.children(recursive=True)}
    yield
    assert {process.pid for process in me.children(recursive=True)} <= before
    sleeping = str(10**6 + me.pid)
    left = [each.info["cmdline"] or [] for each in psutil.process_iter(["cmdline"])]
    assert not any(sleeping in words for words in left)


def judged(done: Run) -> list[str]:
    return [verdict.outcome for verdict in done.result.verdicts if verdict.rule == RULE]


@pytest.mark.usefixtures("nothing_left")
def test_backend_on_a_port_is_up_before_its_front(loop: Loop) -> None:
    """The front looks at its backend before it listens, and ends where it finds nobody."""
    done = run(stack(BY_PORT), loop)
    assert done.result.started, done.result.failure
    assert judged(done) == ["pass"]
    # Both wrote to one log; what is filled into the command is that of the front.
    assert "the front is up" in done.result.log
    assert "serving on http://127.0.0.1:" in done.result.log


@pytest.mark.usefixtures("nothing_left")
def test_backend_on_a_socket_with_its_own_environment(loop: Loop) -> None:
    done = run(stack(BY_PATH, "{socket}"), loop)
    assert done.result.started, done.result.failure
    assert judged(done) == ["pass"]
    assert done.result.log.startswith("the backend is up 127.0.0.1")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_run_directory_is_given_to_the_account_that_the_server_changes_to(loop: Loop) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    done = run(stack(BY_PATH, "{socket}", user="nobody"), loop)
    assert done.result.log.startswith(f"the backend is up 127.0.0.1 {nobody}\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_account_that_is_none(loop: Loop) -> None:
    failure = run(stack(BY_PORT, user="nobody-at-all"), loop).result.failure
    assert failure.startswith("user: no account named nobody-at-all")


@pytest.mark.parametrize(
    ("script", "scale", "why"),
    [
        ("import sys; sys.exit('no flux')", 1, "its backend ended with status 1 before it took"),
        ("import time; time.sleep(99)", 0.02, "its backend took no connection on port "),
    ],
)
@pytest.mark.usefixtures("nothing_left")
def test_backend_that_does_not_come_up(loop: Loop, script: str, scale: float, why: str) -> None:
    backend = Backend(("{python}", "-c", script, "{backend_port}"), "backend_port")
    result = run(stack(backend), loop, scale).result
    assert not result.started
    assert result.failure.startswith(why)
    assert ("no flux" in result.failure) is ("sys.exit" in script)


@pytest.mark.usefixtures("nothing_left")
def test_front_that_does_not_come_up_takes_its_backend_along(loop: Loop) -> None:
    subject = replace(stack(BY_PATH, "{socket}"), command=("no-such-front", "{port}"))
    result = run(subject, loop).result
    assert result.failure.startswith("no-such-front: no such program; its log ends:\nthe backend")


@pytest.mark.usefixtures("nothing_left")
def test_backend_that_dies_is_the_death_of_the_server(loop: Loop) -> None:
    script = BACK + "\n"
    script = script.replace("from probe import app", "app = __import__('probe').app\nasked = []")
    script = script.replace("server.set_app(app)", "server.set_app(dying)")
    script = script.replace(
        "class Server",
        "def dying(environ, start_response):\n"
        "    asked.append(1)\n"
        "    if len(asked) > 1:\n"
        "        os._exit(9)\n"
        "    return app(environ, start_response)\n\n\nclass Server",
    )
    subject = stack(BY_PATH, "{socket}")
    done = run(replace(subject, files={"front.py": FRONT, "back.py": script}), loop)
    (verdict,) = [each for each in done.result.verdicts if each.rule == RULE]
    assert (verdict.outcome, verdict.observed) == (
        "crash",
        "the server's process ended with status 9",
    )


@pytest.mark.parametrize(("proxied", "outcome"), [(True, "warn"), (False, "fail")])
def test_what_a_front_holds_back_is_not_a_broken_must(
    loop: Loop, proxied: bool, outcome: str
) -> None:
    """Who delays a block cannot be told from outside; a server that stands alone has no excuse."""
    rule = "write-then-yield-prompt"
    subject = replace(stack(BY_PORT), files={"front.py": HOLDS_BACK}, proxied=proxied)
    done = run(subject, loop, rule=rule)
    (verdict,) = [each for each in done.result.verdicts if each.rule == rule]
    assert (verdict.outcome, verdict.level) == (outcome, "MUST"), verdict.observed
    trace = done.traces[verdict.trace or ""]
    assert trace["proxied"] is proxied
    probe = load_probes(str(PROBES))[trace["probe"]]
    events = from_json(trace["events"])
    again, _ = judge_again(probe, rules.load(), events, trace["marker"], trace["proxied"])
    assert [judgement.outcome for judgement in again if judgement.rule == rule] == [outcome]


def test_path_too_long_for_a_socket(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    result = run(stack(BY_PATH, "{socket}"), loop).result
    assert "too long for the path of a unix socket; set TMPDIR to a shorter one" in result.failure


def test_obstacle() -> None:
    here = Subject(name="x", command=("{port}",), programs=("sh", "/etc/passwd"))
    assert obstacle(here) == ""
    lacks = replace(here, programs=("sh", "no-such", "/no/such"), system=("some", "package"))
    assert obstacle(lacks) == (
        "not installed here: no-such, /no/such; on Debian: apt-get install some package"
    )
    assert obstacle(replace(lacks, unavailable="Windows only")) == "Windows only"


def test_own_interpreter_comes_before_any_other() -> None:
    assert interpreter(Subject(name="x"), "/other") == "/other"
    own = interpreter(Subject(name="x", python="python3"), "/other")
    assert own != "/other"
    assert os.access(own, os.X_OK)
    lacking = Subject(name="x", python="python2.2", system=("python2.2",))
    with pytest.raises(
        EnvironmentFailure, match=r"not installed here: python2\.2; on Debian: apt-"
    ):
        interpreter(lacking)
    with pytest.raises(EnvironmentFailure, match=r"not installed here: python2\.2"):
        current(lacking)


def test_version_of_a_stack_names_both() -> None:
    backend = replace(BY_PORT, version=("{python}", "-c", "print('back 2.5.1')"))
    subject = replace(stack(backend), version=("{python}", "-c", "print('front/1.22.1 (x)')"))
    found = current(subject)
    values = {"python": found.python, "bin": found.bin}
    assert found.subject_version(subject, values) == "1.22.1 + 2.5.1"
    silent = replace(subject, version=("{python}", "-c", "raise SystemExit(1)"))
    assert found.subject_version(silent, values) == "2.5.1"
