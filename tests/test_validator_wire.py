"""Behind real servers the bytes on the wire are the same with the validator and without it."""

from __future__ import annotations

import importlib.util
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.roster import load_roster

# Each takes the listening socket that it inherits, so that nothing has to be waited for.
WAITRESS = """
import socket, validator_site, waitress
waitress.serve(validator_site.{app}, sockets=[socket.socket(fileno={fd})])
"""
REFERENCE = """
import socket, validator_site
from conformance.reference import Server
server = Server(validator_site.{app})
server.close()
server.listener = socket.socket(fileno={fd})
server.serve_forever()
"""
COMMANDS = {
    "gunicorn": ["-m", "gunicorn", "--bind", "fd://{fd}", "validator_site:{app}"],
    "waitress": ["-c", WAITRESS],
    "reference": ["-c", REFERENCE],
}
PATHS = [
    "/",
    "/empty",
    "/list",
    "/tuple",
    "/closed",
    "/sized",
    "/sized-more",
    "/iterator",
    "/generator",
    "/file",
    "/file-length",
    "/no-content",
    "/write",
    "/error",
]
LIMIT = 30.0


class Running:
    """A server in a process of its own."""

    def __init__(self, name: str, app: str, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.address = listener.getsockname()
            values = {"fd": str(listener.fileno()), "app": app}
            words = [word.format(**values) for word in COMMANDS[name]]
            if name == "gunicorn":
                words += [word for word in load_roster()["gunicorn-sync"].command if "no-" in word]
            self.log = (folder / f"{name}-{app}.log").open("w+b")
            self.process = subprocess.Popen(
                [sys.executable, *words],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self.log,
                stderr=self.log,
            )

    def ask(self, method: str, path: str, version: str = "1.1", body: bytes = b"") -> bytes:
        """Return all that the server sends in answer to one request, to the connection's end."""
        head = f"{method} {path} HTTP/{version}\r\nHost: a\r\nConnection: close\r\n"
        if body:
            head += f"Content-Length: {len(body)}\r\n"
        return self.exchange(head.encode() + b"\r\n" + body)

    def pipeline(self, paths: list[str]) -> bytes:
        """Return what the server sends in answer to requests on one connection."""
        heads = [f"GET {path} HTTP/1.1\r\nHost: a\r\n" for path in paths]
        return self.exchange(("\r\n".join(heads) + "Connection: close\r\n\r\n").encode())

    def exchange(self, sent: bytes) -> bytes:
        """Send bytes and return all that is received, the dates apart."""
        received = []
        with socket.create_connection(self.address, LIMIT) as client:
            client.sendall(sent)
            while data := client.recv(1 << 16):
                received.append(data)
        return re.sub(rb"\r\nDate: [^\r]*", b"", b"".join(received))

    def own(self, what: str) -> str:
        """Return what the site tells of itself."""
        return self.ask("GET", f"/own/{what}", "1.0").partition(b"\r\n\r\n")[2].decode("latin-1")

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        try:
            self.process.wait(LIMIT)
        finally:
            self.process.kill()
            self.process.wait()
            self.log.close()


@pytest.fixture(scope="module", params=sorted(COMMANDS))
def pair(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, ...]]:
    """The same server twice: with the bare site, and with the validator around it."""
    name = request.param
    if name != "reference" and importlib.util.find_spec(name) is None:
        pytest.skip(f"not installed here: {name}")
    folder = tmp_path_factory.mktemp(name)
    (folder / "file.bin").write_bytes(bytes(range(256)) * 1000)
    running = [Running(name, app, folder) for app in ("bare", "checked")]
    try:
        yield (name, *running)
    finally:
        for each in running:
            each.stop()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_bytes_are_the_same(pair: tuple[Any, ...], method: str, version: str, path: str) -> None:
    _, bare, checked = pair
    expected = bare.ask(method, path, version)
    assert expected.startswith(b"HTTP/1.")
    assert checked.ask(method, path, version) == expected


@pytest.mark.parametrize("body", [b"", b"body", bytes(range(256)) * 500])
def test_bodies_are_the_same(pair: tuple[Any, ...], body: bytes) -> None:
    _, bare, checked = pair
    expected = bare.ask("POST", "/echo", body=body)
    assert expected.endswith(b"\r\n\r\n" + body)
    assert checked.ask("POST", "/echo", body=body) == expected


def test_connections_are_kept_the_same(pair: tuple[Any, ...]) -> None:
    """Several requests at once on one connection; what is kept of it depends on the framing."""
    name, bare, checked = pair
    if name == "gunicorn":
        pytest.skip("its sync worker keeps no connection")
    paths = ["/", "/tuple", "/sized", "/file-length", "/", "/generator", "/list", "/write"]
    expected = bare.pipeline(paths)
    assert expected.count(b"HTTP/1.1 200 OK") >= 4
    assert checked.pipeline(paths) == expected


@pytest.mark.parametrize("path", ["/file", "/file-length"])
def test_files_are_sent_by_the_same_system_call(pair: tuple[Any, ...], path: str) -> None:
    """What the server does for its own file wrapper, it does with the validator as well."""
    name, bare, checked = pair
    calls = []
    for server in (bare, checked):
        before = int(server.own("sendfile"))
        server.ask("GET", path)
        calls.append(int(server.own("sendfile")) - before > 0)
    assert calls == [name == "gunicorn"] * 2


def test_validator_had_a_look_and_found_nothing(pair: tuple[Any, ...]) -> None:
    _, _, checked = pair
    before = int(checked.own("findings").partition("\n")[0])
    for path in ("/", "/list", "/generator", "/file", "/write"):
        checked.ask("GET", path)
    requests, _, found = checked.own("findings").partition("\n")
    assert int(requests) == before + 5
    assert found == ""
