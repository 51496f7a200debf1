"""Servers as data: one TOML file each, in the roster or of a server author's own.

In the roster, a server that needs files beside it has a folder of its own.

Keys, those marked * required:
    name*         short and unique, lower case with hyphens
    title         what people call it
    family        the engine or stack that it counts as, "gunicorn" or "nginx + uwsgi"; its name
                  where absent
    homepage      where to read about it
    install       pip requirements of the subject alone
    python        interpreter to run it with or to isolate it with, such as "pypy3"; no option of
                  the command line overrules it
    system        Debian packages it needs; they are named to people, never installed
    programs      what must be there for it to run: names of programs, or paths of files
    unavailable   why it cannot be run at all; it is shown with that, and never started
    command*      how to start it: a list of words; not needed with unavailable
    backend       what must be up before it: a list of words, or a table of
                      command*      how to start it
                      environment   environment variables for it, as well as those of the subject
                      version       how to ask for its version
                      stop_signal   name of the signal that ends it, SIGTERM where absent
    mounted       how to start it so that the application is at {prefix}, a path, where it can be: a
                  list of words in place of command; {prefix} is only known there
    version       how to ask for its version: a list of words whose output holds it
    environment   environment variables for it
    files         files to write into its run directory: name -> text; one that begins with "#!" can
                  be executed
    user          account that it changes to when root starts it, and that its run directory is
                  then given to
    stop_signal   name of the signal that ends it, SIGTERM where absent
    proxied       true where something stands between the client and the WSGI side
    notes         what a reader of its results should know

Placeholders in command, environment and files: {host} {port} {app} {module} {attr} {payload}
{rundir} {here} {python} {bin} {socket} {backend_port}; a brace that is none of these is left alone.
{payload} is the directory that {module} is found in, readable by every account; {here} is the
folder of the server's file. Where a backend is to listen is {socket}, a path, or {backend_port}, a
port on {host}.
"""

from __future__ import annotations

import re
import signal
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from conformance.paths import SERVERS

__all__ = [
    "Backend",
    "RosterError",
    "Subject",
    "fill",
    "load_roster",
    "load_subject",
    "read_table",
    "select",
]

NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")
PLACEHOLDERS = (
    *("host", "port", "app", "module", "attr", "payload", "rundir", "here", "python", "bin"),
    *("socket", "backend_port"),
)
BACKEND_ADDRESSES = ("socket", "backend_port")


class RosterError(ValueError):
    """A server file that cannot be used; the message names file, key and fix."""


@dataclass(frozen=True, slots=True)
class Backend:
    """What a subject's front passes requests on to, started before it.

    Attributes:
        address: the placeholder that says where it listens, ``socket`` or ``backend_port``.
    """

    command: tuple[str, ...]
    address: str
    environment: Mapping[str, str] = field(default_factory=dict)
    version: tuple[str, ...] = ()
    stop_signal: str = "SIGTERM"


@dataclass(frozen=True, slots=True)
class Subject:
    """One server configuration; the module's docstring says what each key means."""

    name: str
    command: tuple[str, ...] = ()
    title: str = ""
    family: str = ""
    homepage: str = ""
    install: tuple[str, ...] = ()
    python: str = ""
    system: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    unavailable: str = ""
    backend: Backend | None = None
    mounted: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    stop_signal: str = "SIGTERM"
    proxied: bool = False
    notes: str = ""
    file: Path | None = None


TYPES: dict[str, str] = {
    "name": "text",
    "title": "text",
    "family": "text",
    "homepage": "text",
    "install": "list of text",
    "python": "text",
    "system": "list of text",
    "programs": "list of text",
    "unavailable": "text",
    "command": "list of text",
    "backend": "list of text or table",
    "mounted": "list of text",
    "version": "list of text",
    "environment": "table of text",
    "files": "table of text",
    "user": "text",
    "stop_signal": "text",
    "proxied": "true or false",
    "notes": "text",
}
BACKEND_TYPES: dict[str, str] = {
    "command": "list of text",
    "environment": "table of text",
    "version": "list of text",
    "stop_signal": "text",
}
NAME_EXAMPLE = {"name": 'name = "my-server"'}
EXAMPLES = {
    **NAME_EXAMPLE,
    "command": 'command = ["my-server", "--bind", "{host}:{port}", "{app}"]',
}
BACKEND_EXAMPLE = 'command = ["my-server", "--bind", "unix:{socket}", "{app}"]'


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace the placeholders that have a value; leave all other braces alone."""
    pattern = "|".join(PLACEHOLDERS)
    return re.sub(rf"\{{({pattern})\}}", lambda match: values.get(match[1], match[0]), text)


def read_table(path: Path, types: Mapping[str, str], examples: Mapping[str, str]) -> dict[str, Any]:
    """Read a TOML file and check its keys; lists come back as tuples.

    Args:
        types: each key that there is and what it holds: "text", "true or false", "list of text" or
            "table of text".
        examples: each key that must be there and a line that shows it; ``name`` is one of them.

    Errors:
        RosterError: it cannot be read or is not TOML; a key is unknown, missing or wrong.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RosterError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RosterError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        raise RosterError(f"{path}: not TOML: {error}") from error
    for key, value in data.items():
        _check(path, key, value, types)
    for key, example in examples.items():
        if not data.get(key):
            raise RosterError(f"{path}: {key}: missing; {example}")
    if not NAME.fullmatch(data["name"]):
        raise RosterError(f"{path}: name: {data['name']!r} is not lower-case-with-hyphens")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}


def load_subject(path: Path) -> Subject:
    """Read and check one server file.

    Errors:
        RosterError: as ``read_table``; a signal that is none; nothing that says ``{port}``, or
            where the backend listens.
    """
    data = read_table(path, TYPES, NAME_EXAMPLE)
    _check_signal(path, data)
    if "backend" in data:
        data["backend"] = _backend(path, data["backend"], data.get("files", {}))
    if data.get("unavailable"):
        return Subject(**data, file=path)
    if not data.get("command"):
        raise RosterError(f"{path}: command: missing; {EXAMPLES['command']}")
    if not any("{port}" in text for text in (*data["command"], *data.get("files", {}).values())):
        raise RosterError(
            f"{path}: command: nothing says {{port}}, so the server cannot be told where to listen"
        )
    return Subject(**data, file=path)


def _check_signal(path: Path, data: Mapping[str, Any], prefix: str = "") -> None:
    name = data.get("stop_signal", "SIGTERM")
    if name not in signal.Signals.__members__:
        raise RosterError(f"{path}: {prefix}stop_signal: {name!r} is no signal; SIGTERM is one")


def _backend(path: Path, value: Any, files: Mapping[str, str]) -> Backend:
    """Read what ``backend`` holds.

    Its address is looked for in its own words first: the files are also those of the front, which
    may name an address that nobody is to wait for.
    """
    data: dict[str, Any] = value if isinstance(value, dict) else {"command": list(value)}
    for key, inner in data.items():
        _check(path, key, inner, BACKEND_TYPES, "backend.")
    _check_signal(path, data, "backend.")
    if not data.get("command"):
        raise RosterError(f"{path}: backend.command: missing; {BACKEND_EXAMPLE}")
    own = "\n".join([*data["command"], *data.get("environment", {}).values()])
    for text in (own, "\n".join(files.values())):
        for address in BACKEND_ADDRESSES:
            if f"{{{address}}}" in text:
                words = {key: tuple(inner) for key, inner in data.items() if type(inner) is list}
                return Backend(**{**data, **words}, address=address)
    raise RosterError(
        f"{path}: backend: nothing says {{socket}} or {{backend_port}}, so the backend cannot be "
        "told where to listen"
    )


def _check(path: Path, key: str, value: Any, types: Mapping[str, str], prefix: str = "") -> None:
    if key not in types:
        near = get_close_matches(key, types, 1)
        hint = f"did you mean {prefix}{near[0]}?" if near else f"the keys are {', '.join(types)}"
        raise RosterError(f"{path}: {prefix}{key}: unknown key; {hint}")
    wanted = types[key]
    words = isinstance(value, list) and all(isinstance(item, str) for item in value)
    right = {
        "text": isinstance(value, str),
        "true or false": isinstance(value, bool),
        "list of text": words,
        "list of text or table": words or isinstance(value, dict),
        "table of text": isinstance(value, dict)
        and all(isinstance(item, str) for item in value.values()),
    }[wanted]
    if not right:
        raise RosterError(f"{path}: {prefix}{key}: expected {wanted}, got {value!r:.80}")
    if key == "files":
        for name in value:
            if Path(name).name != name or name in ("", "..") or "\0" in name:
                raise RosterError(f"{path}: files: {name!r} must be a bare file name")


def load_roster(directory: Path = SERVERS) -> dict[str, Subject]:
    """Return all servers of a directory and of its folders by name, in the order of their names.

    Errors:
        RosterError: as ``load_subject``, or two files with one name.
    """
    roster: dict[str, Subject] = {}
    files = [*directory.glob("*.toml"), *directory.glob("*/*.toml")]
    for path in sorted(files, key=lambda path: path.stem):
        subject = load_subject(path)
        if subject.name in roster:
            raise RosterError(
                f"{path}: name: {subject.name!r} is taken by {_file(roster, subject)}"
            )
        roster[subject.name] = subject
    return dict(sorted(roster.items()))


def _file(roster: Mapping[str, Subject], subject: Subject) -> str:
    other = roster[subject.name].file
    return other.name if other else "another one"


def select(names: Iterable[str], roster: Mapping[str, Subject]) -> list[Subject]:
    """Return the subjects of the given names and files, in the order given, each once.

    Args:
        names: names in the roster, or paths of TOML files.

    Errors:
        RosterError: neither a known name nor a file.
    """
    chosen: dict[str, Subject] = {}
    for name in names:
        if name in roster:
            subject = roster[name]
        elif name.endswith(".toml") or "/" in name:
            subject = load_subject(Path(name))
        else:
            near = get_close_matches(name, roster, 3)
            hint = f"did you mean {' or '.join(near)}?" if near else "see wsgi-conformance servers"
            raise RosterError(f"{name}: no such server; {hint}")
        chosen[subject.name] = subject
    return list(chosen.values())
