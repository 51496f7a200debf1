"""Servers that lack something altogether: it is held against them once, where it is asked for."""

from __future__ import annotations

from pathlib import Path

from conformance.cli.suite import load_suite
from conformance.harness.environment import current
from conformance.harness.loop import Loop
from conformance.harness.runner import Options, run_subject
from conformance.results import Verdict
from conformance.roster import Subject

SUITE = load_suite()
WITHOUT_WRITE = """
import sys
from wsgiref.simple_server import make_server
from probe import app

def application(environ, start_response):
    def start(*arguments):
        start_response(*arguments)
    return app(environ, start)

make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()
"""
ANSWERS_THE_LAST = """
import socket, sys
from io import BytesIO
from probe import app

def answer(data):
    head, _, body = data.partition(b"\\r\\n\\r\\n")
    method, target, _ = head.decode("latin-1").split("\\r\\n")[0].split(" ")
    path, _, query = target.partition("?")
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query,
               "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    said = []
    body = b"".join(app(environ, lambda status, fields: said.append(status)))
    return b"HTTP/1.1 %s\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s" % (
        said[0].encode(), len(body), body)

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    connection, _ = listener.accept()
    with connection:
        data = connection.recv(1 << 20)
        if data:
            connection.sendall(answer(data[max(data.rfind(b"GET /"), 0):]))
"""


def judge(tmp_path: Path, source: str, *wanted: str) -> list[Verdict]:
    script = tmp_path / "server.py"
    script.write_text(source)
    subject = Subject("lacking", ("{python}", str(script), "{port}"))
    rules = frozenset(rule for rule in SUITE.rules if rule in wanted)
    loop = Loop()
    try:
        options = Options(SUITE.probes, SUITE.rules, rules, SUITE.folders)
        result = run_subject(subject, current(subject), options, loop).result
    finally:
        loop.close()
    assert result.started, result.failure
    return [verdict for verdict in result.verdicts if verdict.probe != "every-exchange"]


def test_a_missing_write_is_held_against_nothing_but_itself(tmp_path: Path) -> None:
    """Each of these probes makes a response by write(), too, and the server answers 500 to that."""
    others = ("headers-precede-body", "content-length-absent-framed", "http-chunked-needs-http11")
    own = ("write-accepts-one-bytestring", "start-response-returns-write")
    verdicts = judge(tmp_path, WITHOUT_WRITE, *others, *own)
    found = {(verdict.rule, verdict.outcome) for verdict in verdicts if verdict.rule in own}
    assert found == {(rule, "fail") for rule in own}
    excused = [verdict for verdict in verdicts if verdict.rule in others]
    assert {verdict.rule for verdict in excused} == set(others)
    assert {verdict.outcome for verdict in excused} <= {"pass", "unsupported"}
    assert any("None in place of write()" in verdict.observed for verdict in excused)


def test_a_request_that_is_lost_before_the_next_one_is_no_hang(tmp_path: Path) -> None:
    verdicts = judge(tmp_path, ANSWERS_THE_LAST, "input-returns-bytes", "input-readlines-supported")
    assert [verdict.outcome for verdict in verdicts] == ["unsupported"] * len(verdicts)
    assert {verdict.observed for verdict in verdicts} == {
        "it answered the request behind this one, and never this one"
    }


WITHOUT_METHODS = """
import sys
from wsgiref.simple_server import make_server
from probe import app

class Lacks:
    def __init__(self, stream):
        self.read, self.readline = stream.read, stream.readline

    def __iter__(self):
        return iter(self.readline, b"")

class Silent:
    def write(self, text):
        pass

def application(environ, start_response):
    environ["wsgi.input"], environ["wsgi.errors"] = Lacks(environ["wsgi.input"]), Silent()
    return app(environ, start_response)

make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()
"""


def test_a_missing_method_is_a_verdict(tmp_path: Path) -> None:
    lacking = ("input-readlines-supported", "errors-writelines-supported", "errors-flush-supported")
    verdicts = judge(tmp_path, WITHOUT_METHODS, *lacking)
    assert {verdict.rule for verdict in verdicts if verdict.outcome == "fail"} == set(lacking)
    assert not [verdict for verdict in verdicts if verdict.outcome == "error"]


HANGS_UP = """
import socket, sys
from probe import app

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    connection, _ = listener.accept()
    with connection:
        head = connection.recv(1 << 20).decode("latin-1")
        if head:
            method, target, _ = head.split("\\r\\n")[0].split(" ")
            path, _, query = target.partition("?")
            environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}
            body = b"".join(app(environ, lambda status, fields: lambda data: None))
            if b"ready" in body:
                connection.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + body)
"""


def test_a_server_that_only_hangs_up_is_no_mistake_of_the_harness(tmp_path: Path) -> None:
    verdicts = judge(tmp_path, HANGS_UP, "write-before-yield-order", "content-length-absent-framed")
    assert verdicts
    assert not [verdict for verdict in verdicts if verdict.outcome in ("error", "pass")]
