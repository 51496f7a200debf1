"""The Node.js front: bodies pass through both ways, ends are told, and nothing stays behind."""

from __future__ import annotations

import ast
import hashlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from conformance.paths import SERVERS

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="Node.js is not installed here")

FRONT = SERVERS / "node" / "front.js"
LIMIT = 30.0
SERVING = re.compile(r"serving \S+ on http://127\.0\.0\.1:(\d+)/ with")


def wait_for(condition: Callable[[], bool]) -> None:
    """Look again and again for what shows nowhere but in the file system or a process's state."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


class Served:
    """A front with its workers, in a directory of its own."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        shutil.copy(Path(__file__).with_name("node_site.py"), directory)
        words = ["--port", "0", "--python", sys.executable, *options, "node_site:app"]
        self.process = subprocess.Popen(
            [str(NODE), str(FRONT), *words],
            cwd=directory,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(directory)},
        )
        assert self.process.stderr is not None
        self.errors = self.process.stderr
        self.port = int(self.logged(SERVING)[1])

    def logged(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Wait for a line of the log."""
        for line in self.errors:
            if match := pattern.search(line):
                return match
        raise AssertionError(f"the log ended without {pattern.pattern}")

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), LIMIT)

    def client(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)

    def get(self, path: str = "/") -> dict[str, Any]:
        """Return what the application was told."""
        client = self.client()
        client.request("GET", path)
        found = ast.literal_eval(client.getresponse().read().decode())
        client.close()
        assert isinstance(found, dict)
        return found

    def end(self) -> None:
        everybody = [self.process.pid, *(each.pid for each in self.workers())]
        everything = [psutil.Process(pid) for pid in everybody[1:]]
        self.process.send_signal(signal.SIGTERM)
        try:
            assert self.process.wait(LIMIT) == 0
        finally:
            self.process.kill()
            self.process.wait()
            self.errors.close()
        _, alive = psutil.wait_procs(everything, LIMIT)
        assert alive == []
        assert not list(self.directory.glob("wsgi-node-*"))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path, "--workers", "2")
    yield served
    served.end()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Served]:
    """One worker, so that what becomes of it cannot hide behind another."""
    served = Served(tmp_path, "--workers", "1")
    yield served
    served.end()


def until(sock: socket.socket, end: bytes, times: int = 1) -> bytes:
    data = b""
    while data.count(end) < times:
        part = sock.recv(65536)
        assert part, f"the connection ended after {data!r}"
        data += part
    return data


def rest(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


CHUNKED = b"POST %b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_bodies_pass_through_both_ways_as_they_come(served: Served) -> None:
    with served.connect() as sock:
        sock.sendall(CHUNKED % b"/echo")
        # The response begins before a byte of the body is there, and each line is answered before
        # the next one is sent: neither side can have been held back.
        until(sock, b"begun\n")
        for word in (b"one\n", b"two\n", b"three\n"):
            sock.sendall(b"%x\r\n%b\r\n" % (len(word), word))
            until(sock, word)
        sock.sendall(b"0\r\n\r\n")
        until(sock, b"0\r\n\r\n")


def test_big_bodies_arrive_whole(served: Served) -> None:
    block, count = os.urandom(1 << 20), 48
    digest = hashlib.sha256(block * count).hexdigest()
    for fields in ({}, {"Content-Length": str(len(block) * count)}):
        client = served.client()
        client.request("POST", "/sum", iter([block] * count), fields, encode_chunked=not fields)
        said = client.getresponse().read().decode()
        assert said == f"{len(block) * count} {digest}\n"
        client.close()
    client = served.client()
    client.request("GET", "/blocks?1000")
    assert client.getresponse().read() == bytes(range(256)) * 256 * 1000
    client.close()


def is_at_rest(served: Served) -> bool:
    """Whether nobody is doing anything: all wait for somebody else."""
    processes = [psutil.Process(served.process.pid), *served.workers()]

    def spent() -> list[float]:
        return [sum(process.cpu_times()[:2]) for process in processes]

    before = spent()
    return all(each.status() == psutil.STATUS_SLEEPING for each in processes) and before == spent()


def settle(served: Served, value: Callable[[], int]) -> int:
    """Wait until a number no longer grows and nobody works at it, and return it."""
    seen = [-1] * 20

    def settled() -> bool:
        seen.append(value() if is_at_rest(served) else -len(seen))
        return len(set(seen[-20:])) == 1

    wait_for(settled)
    return seen[-1]


def test_slow_client_stops_the_worker(alone: Served) -> None:
    total = 6400  # blocks of 64 KiB: 400 MiB
    before = psutil.Process(alone.process.pid).memory_info().rss
    with alone.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        sock.sendall(b"GET /blocks?%d HTTP/1.0\r\n\r\n" % total)
        until(sock, b"\r\n\r\n")
        taken = settle(alone, lambda: int((alone.directory / "taken").read_text() or 0))
        # What the kernel's buffers hold, and a few blocks in the front: 16 MiB are plenty.
        assert taken * 65536 < 16 << 20
        grown = psutil.Process(alone.process.pid).memory_info().rss - before
        assert grown < 64 << 20
        # It was waiting and not stuck.
        length = len(rest(sock))
    assert length > (total - 32) * 65536
    assert int((alone.directory / "taken").read_text()) == total


def test_application_that_does_not_read_stops_the_client(alone: Served) -> None:
    block, total = bytes(65536), 6400
    sent = 0
    finished = threading.Event()

    def send(sock: socket.socket) -> None:
        nonlocal sent
        for _ in range(total):
            sock.sendall(block)
            sent += len(block)
        finished.set()

    before = psutil.Process(alone.process.pid).memory_info().rss
    with alone.connect() as sock:
        sock.settimeout(None)
        length = total * len(block)
        sock.sendall(b"POST /slowly HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % length)
        until(sock, b"waiting\n")
        thread = threading.Thread(target=send, args=(sock,))
        thread.start()
        held = settle_sent(lambda: sent, alone)
        assert held < 16 << 20
        assert not finished.is_set()
        assert psutil.Process(alone.process.pid).memory_info().rss - before < 64 << 20
        (alone.directory / "go").touch()
        assert rest(sock).startswith(b"%d " % length)
        thread.join(LIMIT)


def settle_sent(value: Callable[[], int], served: Served) -> int:
    """As ``settle``, where the worker's application looks for a file again and again."""
    front = psutil.Process(served.process.pid)
    seen: list[tuple[int, float]] = []

    def settled() -> bool:
        seen.append((value(), sum(front.cpu_times()[:2])))
        return len(seen) > 40 and len(set(seen[-40:])) == 1 and value() > 0

    wait_for(settled)
    return value()


def test_requests_go_to_the_workers_in_turn(served: Served) -> None:
    pids = [served.get()["pid"] for _ in range(6)]
    assert len(set(pids[:2])) == 2
    assert pids == pids[:2] * 3
    assert set(pids) == {process.pid for process in served.workers()}


def test_requests_run_side_by_side_and_wait_where_all_are_busy(served: Served) -> None:
    with served.connect() as one, served.connect() as two, served.connect() as three:
        for sock in (one, two):
            sock.sendall(CHUNKED % b"/echo")
            until(sock, b"begun\n")
        three.sendall(b"GET / HTTP/1.0\r\n\r\n")
        one.sendall(b"0\r\n\r\n")
        until(one, b"0\r\n\r\n")
        # Answered although the other worker still has its request.
        assert b"299" in rest(three)
        two.sendall(b"0\r\n\r\n")
        until(two, b"0\r\n\r\n")


def test_environ_is_truthful(served: Served) -> None:
    with served.connect() as sock:
        sock.sendall(
            b"GET /a%2Fb%20%C3%A9?q=%20?%E9 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            b"X-Two: caf\xe9\r\nX_Two: forged\r\nx-two: second\r\n\r\n"
        )
        head, _, body = rest(sock).partition(b"\r\n\r\n")
    told = ast.literal_eval(body.decode())
    assert told["PATH_INFO"] == "/a/b \xc3\xa9"
    assert told["QUERY_STRING"] == "q=%20?%E9"
    assert told["HTTP_X_TWO"] == "caf\xe9, second"
    assert told["multiprocess"] is True
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 299 Caf\xe9 open"
    assert [line for line in lines if line.startswith(b"Set-Cookie")] == [
        b"Set-Cookie: a=1, b",
        b"Set-Cookie: c=2",
    ]
    assert b"X-Text: caf\xe9" in lines


def test_one_worker_is_no_multiprocess(alone: Served) -> None:
    assert alone.get()["multiprocess"] is False


def test_head_and_204_have_no_body_and_leave_the_connection(served: Served) -> None:
    with served.connect() as sock:
        for target in (b"/", b"/endless", b"/crash"):
            sock.sendall(b"HEAD %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)
            assert until(sock, b"\r\n\r\n").endswith(b"\r\n\r\n")
        sock.sendall(b"GET /empty HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = until(sock, b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 204 Nothing Here\r\n")
        assert b"content-length" not in answer.lower()
        assert b"transfer-encoding" not in answer.lower()
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert rest(sock).startswith(b"HTTP/1.1 299 ")


EXPECTING = b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"


def test_100_continue_comes_when_the_application_reads(served: Served) -> None:
    with served.connect() as sock:
        sock.sendall(EXPECTING % b"/sum")
        assert until(sock, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"abc")
        until(sock, hashlib.sha256(b"abc").hexdigest().encode())
    with served.connect() as sock:
        sock.sendall(EXPECTING % b"/unread")
        # Nobody wants the body, nobody asks for it, and what follows might be it or not.
        answer = rest(sock)
        assert answer.startswith(b"HTTP/1.1 413 Too Much\r\n")
        assert b"\r\nConnection: close\r\n" in answer


def test_pipelined_requests_are_served_one_after_the_other(served: Served) -> None:
    post = b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"
    second = served.directory / "closed-sum"
    with served.connect() as sock:
        sock.sendall(post % b"/slowly" + post % b"/sum")
        until(sock, b"waiting\n")
        # The other worker would have had the second one before this one.
        assert served.get()["pid"]
        assert not second.exists()
        (served.directory / "go").touch()
        digest = hashlib.sha256(b"ab").hexdigest().encode()
        until(sock, digest + b"\n\r\n0\r\n\r\n", times=2)
    wait_for(second.exists)


def test_unread_body_is_dropped_and_the_connection_goes_on(served: Served) -> None:
    with served.connect() as sock:
        for _ in range(2):
            sock.sendall(b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n")
            until(sock, b"\r\n\r\n")
            sock.sendall(bytes(500000))
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert rest(sock).startswith(b"HTTP/1.1 299 ")


def test_client_that_says_it_is_done_gets_its_answer(served: Served) -> None:
    with served.connect() as sock:
        sock.sendall(b"POST /sum HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        sock.shutdown(socket.SHUT_WR)
        assert b" 200 OK" in rest(sock)


@pytest.mark.parametrize("path", ["/endless", "/echo"])
def test_close_is_called_when_the_client_goes(alone: Served, path: str) -> None:
    closed = alone.directory / f"closed{path.replace('/', '-')}"
    with alone.connect() as sock:
        sock.sendall(CHUNKED % path.encode())
        until(sock, b"\n")
        assert not closed.exists()
    wait_for(closed.exists)
    # The same worker, at once.
    assert alone.get()["pid"] == int(closed.read_text())


def test_crash_cuts_the_response_short_and_another_worker_comes(alone: Served) -> None:
    pid = alone.get()["pid"]
    with alone.connect() as sock:
        sock.sendall(b"GET /crash HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = rest(sock)
        assert b"first\n" in answer
        assert not answer.endswith(b"0\r\n\r\n")
    alone.logged(re.compile(rf"worker 1 \(process {pid}\) ended: status 3; a new one is started"))
    assert alone.get()["pid"] != pid


def test_crash_shows_where_only_the_end_of_the_connection_ends_a_body(alone: Served) -> None:
    with alone.connect() as sock:
        sock.sendall(b"GET /crash HTTP/1.0\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            rest(sock)


def test_crash_before_a_response_is_a_502_and_is_not_tried_again(served: Served) -> None:
    pids = {process.pid for process in served.workers()}
    with served.connect() as sock:
        sock.sendall(b"GET /die HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert rest(sock).startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    # A request that kills must not be given the next one to kill.
    assert len(pids & {process.pid for process in served.workers()}) == 1


def test_worker_that_is_told_to_end_finishes(alone: Served) -> None:
    pid = alone.get()["pid"]
    with alone.connect() as sock:
        sock.sendall(CHUNKED % b"/echo")
        until(sock, b"begun\n")
        os.kill(pid, signal.SIGTERM)
        sock.sendall(b"5\r\nlast\n\r\n0\r\n\r\n")
        assert b"last\n" in until(sock, b"\r\n0\r\n\r\n")
    assert alone.get()["pid"] != pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_front_that_is_told_to_end_finishes(tmp_path: Path, number: signal.Signals) -> None:
    served = Served(tmp_path, "--workers", "2")
    workers = served.workers()
    with served.connect() as sock, served.connect() as idle:
        sock.sendall(CHUNKED % b"/echo")
        until(sock, b"begun\n")
        served.process.send_signal(number)
        assert idle.recv(1) == b""
        sock.sendall(b"5\r\nlast\n\r\n0\r\n\r\n")
        assert rest(sock).endswith(b"last\n\r\n0\r\n\r\n")
    assert served.process.wait(LIMIT) == 0
    served.errors.close()
    assert psutil.wait_procs(workers, LIMIT)[1] == []
    assert not list(tmp_path.glob("wsgi-node-*"))


def test_nothing_survives_a_front_that_is_killed(tmp_path: Path) -> None:
    served = Served(tmp_path, "--workers", "3")
    workers = served.workers()
    assert len(workers) == 3
    with served.connect() as sock:
        # One of them is in the middle of a request.
        sock.sendall(CHUNKED % b"/endless")
        until(sock, b"\n")
        served.process.kill()
        served.process.wait()
        assert psutil.wait_procs(workers, LIMIT)[1] == []
    served.errors.close()
    assert (tmp_path / "closed-endless").exists()
    wait_for(lambda: not list(tmp_path.glob("wsgi-node-*")))


def test_mounted(tmp_path: Path) -> None:
    served = Served(tmp_path, "--workers", "1", "--script-name", "/caf\u00e9")
    told = served.get("/caf%C3%A9/x")
    assert (told["SCRIPT_NAME"], told["PATH_INFO"]) == ("/caf\xc3\xa9", "/x")
    assert served.get("/caf%C3%A9")["PATH_INFO"] == ""
    client = served.client()
    client.request("GET", "/cafe")
    assert client.getresponse().status == 404
    client.close()
    served.end()


def front(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(NODE), str(FRONT), *words], capture_output=True, text=True, timeout=60, **options
    )


def test_command_line_says_what_is_wrong(tmp_path: Path) -> None:
    python = ("--python", sys.executable)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for words, told in (
            ((), "one MODULE:ATTR is needed"),
            (("--wokers", "2", "a:b"), "Unknown option '--wokers'"),
            (("--workers", "0", "a:b"), "--workers 0: a whole number from 1 to 1000"),
            (("--port", "http", "a:b"), "--port http: a whole number from 0 to 65535"),
            (("--port", port, *python, "a:b"), "the port is in use; --port takes another"),
            (("--port", "0", "--python", "nosuch", "a:b"), "nosuch: no such program"),
            (("--port", "0", *python, "nosuch:app"), "nosuch:app: cannot be imported"),
            (("--port", "0", *python, "--workers", "4", "string:app"), "string has no app"),
        ):
            done = front(*words, cwd=tmp_path)
            assert done.returncode == 2, done
            assert told in done.stderr
            assert "Traceback" not in done.stderr
            assert "    at " not in done.stderr
    assert front("--help").stdout.startswith("usage: node front.js [options] MODULE:ATTR")


def test_worker_that_does_not_start_again_is_no_endless_wait(alone: Served) -> None:
    site = alone.directory / "node_site.py"
    whole = site.read_text()
    site.write_text("raise RuntimeError('broken by an update')\n")
    client = alone.client()
    client.request("GET", "/die")
    assert client.getresponse().status == 502
    client.close()
    alone.logged(re.compile(r"another try in 1 s"))
    client = alone.client()
    client.request("GET", "/")
    assert client.getresponse().status == 503
    client.close()
    site.write_text(whole)

    def answers() -> bool:
        client = alone.client()
        client.request("GET", "/")
        response = client.getresponse()
        response.read()
        client.close()
        return response.status == 299

    wait_for(answers)


def test_suite_serves_with_node(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "conformance", "serve", "--port", "0", "nosuch:app"]
    for words, told in (
        (["--node", "--workers", "3"], "front.js: nosuch:app: the worker did not start"),
        (["--workers", "3"], "--workers: the reference server is one process"),
    ):
        done = subprocess.run(
            [*command, *words], capture_output=True, text=True, timeout=60, cwd=tmp_path
        )
        assert done.returncode == 2
        assert told in done.stderr


def test_files_are_javascript() -> None:
    for path in FRONT.parent.glob("*.js"):
        subprocess.run([str(NODE), "--check", str(path)], check=True)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"FROB / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + bytes(99) + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20000 + b"\r\n\r\n", 431),
        (b"POST /sum HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabc", 400),
        (b"POST /sum HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n", 400),
        (b"POST /sum HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    ],
)
def test_what_is_no_request_reaches_nobody(alone: Served, request_: bytes, code: int) -> None:
    with alone.connect() as sock:
        sock.sendall(request_)
        head = rest(sock)
    assert head.startswith(b"HTTP/1.1 %d " % code)
    assert b"\r\nDate: " in head
    assert b"\r\nConnection: close\r\n" in head
    assert not list(alone.directory.glob("closed-*"))


def test_what_is_not_understood_waits_for_what_was(alone: Served) -> None:
    with alone.connect() as sock:
        sock.sendall(b"POST /sum HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\naGARBAGE\r\n\r\n")
        answers = rest(sock)
    assert answers.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answers.count(b"HTTP/1.1 400 Bad Request\r\n") == 1


def test_body_that_is_not_understood_ends_the_request(alone: Served) -> None:
    with alone.connect() as sock:
        sock.sendall(CHUNKED % b"/echo")
        until(sock, b"begun\n")
        sock.sendall(b"nonsense\r\n")
        assert not rest(sock).endswith(b"0\r\n\r\n")
    wait_for((alone.directory / "closed-echo").exists)
