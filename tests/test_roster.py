"""The roster: every file loads, and one that cannot be used is told which key and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.paths import SERVERS
from conformance.roster import Backend, RosterError, fill, load_roster, load_subject, select

GOOD = """
name = "my-server"
command = ["my-server", "--bind", "{host}:{port}", "{app}"]
"""
FULL = """
name = "full.server-2"
title = "Full Server"
homepage = "https://example.test"
install = ["full>=1"]
system = ["libfull"]
command = ["{python}", "{rundir}/serve.py"]
version = ["full", "--version"]
stop_signal = "SIGINT"
proxied = true
notes = "All keys."
family = "full + fuller"
python = "pypy3"
programs = ["full", "/usr/lib/full.so"]
user = "www-data"

[backend]
command = ["fuller", "{rundir}/conf"]
version = ["fuller", "--version"]
stop_signal = "SIGQUIT"

[backend.environment]
FULLER = "{backend_port}"

[environment]
FULL = "{bin}"

[files]
"serve.py" = "serve('{host}', {port})"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "server.toml"


def refused(file: Path, text: str | bytes) -> str:
    """Return what is said of such a file, behind its name."""
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RosterError) as caught:
        load_subject(file)
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    return message.removeprefix(f"{file}: ")


@pytest.mark.parametrize("path", sorted(SERVERS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_server_loads(path: Path) -> None:
    subject = load_subject(path)
    assert subject.name == path.stem
    assert subject.title
    assert subject.homepage.startswith("https://")
    assert subject.file == path


def test_roster() -> None:
    roster = load_roster()
    assert list(roster) == sorted(roster)
    assert {"reference", "wsgiref"} <= set(roster)
    # Neither twins nor hostile servers are anybody's server.
    assert len(roster) == len(list(SERVERS.rglob("*.toml")))


def test_minimal(file: Path) -> None:
    file.write_text(GOOD)
    subject = load_subject(file)
    assert subject.command == ("my-server", "--bind", "{host}:{port}", "{app}")
    assert (subject.stop_signal, subject.proxied) == ("SIGTERM", False)
    assert (subject.install, subject.files, subject.environment) == ((), {}, {})


def test_all_keys(file: Path) -> None:
    file.write_text(FULL)
    subject = load_subject(file)
    assert subject.name == "full.server-2"
    assert subject.install == ("full>=1",)
    assert subject.stop_signal == "SIGINT"
    assert subject.proxied is True
    assert subject.environment == {"FULL": "{bin}"}
    assert (subject.family, subject.python, subject.user) == ("full + fuller", "pypy3", "www-data")
    assert subject.programs == ("full", "/usr/lib/full.so")
    assert subject.backend == Backend(
        ("fuller", "{rundir}/conf"),
        "backend_port",
        {"FULLER": "{backend_port}"},
        ("fuller", "--version"),
        "SIGQUIT",
    )
    # Said in a file, the port need not be said in the command.
    assert subject.files == {"serve.py": "serve('{host}', {port})"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "not TOML: "),
        (GOOD + GOOD, "not TOML: "),
        (b"name = '\xff'", "not UTF-8 text (byte 8)"),
        (GOOD + 'comand = ["x"]', "comand: unknown key; did you mean command?"),
        (GOOD + "zzz = 1", "zzz: unknown key; the keys are name, title,"),
        (GOOD + "[enviroment]", "enviroment: unknown key; did you mean environment?"),
        ("name = 7", "name: expected text, got 7"),
        (GOOD + "title = ['x']", "title: expected text, got ['x']"),
        ('name = "x"\ncommand = "x --port {port}"', "command: expected list of text, got"),
        (GOOD + "install = [1]", "install: expected list of text, got [1]"),
        (GOOD + 'proxied = "yes"', "proxied: expected true or false, got 'yes'"),
        (GOOD + "proxied = 1", "proxied: expected true or false, got 1"),
        (GOOD + "[environment]\nPORT = 8000", "environment: expected table of text, got"),
        (GOOD + 'files = ["x"]', "files: expected table of text, got ['x']"),
        ("", 'name: missing; name = "my-server"'),
        (GOOD.replace("my-server", "", 1), 'name: missing; name = "my-server"'),
        ('name = "x"', 'command: missing; command = ["my-server", '),
        ('name = "x"\ncommand = []', 'command: missing; command = ["my-server", '),
        (GOOD.replace("my-server", "My Server", 1), "name: 'My Server' is not lower-case-with-"),
        (GOOD.replace("my-server", "../x", 1), "name: '../x' is not lower-case-with-hyphens"),
        (GOOD.replace("my-server", "x\\n", 1), "name: 'x\\n' is not lower-case-with-hyphens"),
        (GOOD.replace("{port}", "8000"), "command: nothing says {port}, so the server cannot"),
        (GOOD + 'backend = "x"', "backend: expected list of text or table, got 'x'"),
        (GOOD + "backend = [1]", "backend: expected list of text or table, got [1]"),
        (GOOD + "backend = []", 'backend.command: missing; command = ["my-server", '),
        (GOOD + "[backend]\nversion = ['x']", "backend.command: missing; command = "),
        (GOOD + 'backend = ["x"]', "backend: nothing says {socket} or {backend_port}, so"),
        (
            GOOD + "[backend]\ncomand = ['x']",
            "backend.comand: unknown key; did you mean backend.com",
        ),
        (GOOD + "[backend]\ncommand = 'x'", "backend.command: expected list of text, got 'x'"),
        (
            GOOD + "[backend]\ncommand = ['{socket}']\nstop_signal = 'TERM'",
            "backend.stop_signal: 'TERM' is no signal; SIGTERM is one",
        ),
        (GOOD + "[[backend]]\ncommand = ['x']", "backend: expected list of text or table, got"),
        (GOOD + 'stop_signal = "SIGNOTHING"', "stop_signal: 'SIGNOTHING' is no signal; SIGTERM is"),
        (GOOD + 'stop_signal = "SIG_DFL"', "stop_signal: 'SIG_DFL' is no signal; SIGTERM is one"),
        (GOOD + '[files]\n"../../x" = ""', "files: '../../x' must be a bare file name"),
        (GOOD + '[files]\n"/etc/x" = ""', "files: '/etc/x' must be a bare file name"),
        (GOOD + '[files]\n"a/b" = ""', "files: 'a/b' must be a bare file name"),
        (GOOD + '[files]\n"." = ""', "files: '.' must be a bare file name"),
        *((GOOD + f'[files]\n"{name}" = ""', "files: ") for name in ("..", "", "a\\u0000b")),
    ],
)
def test_refused(file: Path, text: str | bytes, message: str) -> None:
    assert refused(file, text).startswith(message)


@pytest.mark.parametrize(
    ("backend", "files", "address"),
    [
        ('["x", "{socket}"]', "", "socket"),
        ('["x", "{backend_port}"]', "", "backend_port"),
        # The front's file names what the front could listen on; its own words come first.
        ('["x", "{backend_port}"]', "[files]\nfront = '{socket}'", "backend_port"),
        ('["x"]', "[files]\nback = '{socket}'", "socket"),
    ],
)
def test_where_a_backend_listens(file: Path, backend: str, files: str, address: str) -> None:
    file.write_text(f"{GOOD}backend = {backend}\n{files}")
    subject = load_subject(file)
    assert subject.backend is not None
    assert subject.backend.address == address
    assert subject.backend.command[0] == "x"


def test_one_that_cannot_be_had_needs_no_command(file: Path) -> None:
    file.write_text('name = "iis"\nunavailable = "Windows only"')
    subject = load_subject(file)
    assert (subject.command, subject.unavailable) == ((), "Windows only")


def test_cannot_be_read(file: Path) -> None:
    with pytest.raises(RosterError, match="cannot be read: No such file or directory"):
        load_subject(file)
    with pytest.raises(RosterError, match="cannot be read: Is a directory"):
        load_subject(file.parent)


def test_values_are_shown_in_bounds(file: Path) -> None:
    assert len(refused(file, f"name = {['x' * 10_000]}")) < 200


def test_name_taken_twice(tmp_path: Path) -> None:
    (tmp_path / "first.toml").write_text(GOOD)
    (tmp_path / "second.toml").write_text(GOOD)
    with pytest.raises(RosterError, match=r"second\.toml: name: 'my-server' is taken by first"):
        load_roster(tmp_path)


def test_fill() -> None:
    values = {"host": "::1", "port": "80", "app": "{port}"}
    assert fill("[{host}]:{port}", values) == "[::1]:80"
    # What is filled in is not looked at again, and any other brace is somebody else's.
    assert (
        fill("{app} {rundir} {{port}} {x} {} ${port}", values) == "{port} {rundir} {80} {x} {} $80"
    )


def names(chosen: list[Any]) -> list[str]:
    return [subject.name for subject in chosen]


def test_select(file: Path) -> None:
    roster = load_roster()
    file.write_text(GOOD)
    assert names(select(["wsgiref", "reference", "wsgiref"], roster)) == ["wsgiref", "reference"]
    assert names(select([str(file)], roster)) == ["my-server"]
    with pytest.raises(RosterError, match=r"wsgirf: no such server; did you mean .*wsgiref"):
        select(["wsgirf"], roster)
    with pytest.raises(RosterError, match="no such server; see wsgi-conformance servers"):
        select(["zzzzzz"], roster)
    with pytest.raises(RosterError, match="cannot be read"):
        select(["absent.toml"], roster)
