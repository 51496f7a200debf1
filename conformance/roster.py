"""Servers as data: one TOML file each, in the roster or of a server author's own.

In the roster, a server that needs files beside it has a folder of its own.

Keys, those marked * required:
    name*         short and unique, lower case with hyphens
    title         what people call it
    homepage      where to read about it
    install       pip requirements of the subject alone
    system        Debian packages it needs
    command*      how to start it: a list of words
    version       how to ask for its version: a list of words whose output holds it
    environment   environment variables for it
    files         files to write into its run directory: name -> text
    stop_signal   name of the signal that ends it, SIGTERM where absent
    proxied       true where something stands between the client and the WSGI side
    notes         what a reader of its results should know

Placeholders in command, environment and files: {host} {port} {app} {module} {attr} {rundir}
{python} {bin} {here}, the folder of the server's file; a brace that is none of these is left alone.
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
    "RosterError",
    "Subject",
    "fill",
    "load_roster",
    "load_subject",
    "read_table",
    "select",
]

NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")
PLACEHOLDERS = ("host", "port", "app", "module", "attr", "rundir", "python", "bin", "here")


class RosterError(ValueError):
    """A server file that cannot be used; the message names file, key and fix."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One server configuration; the module's docstring says what each key means."""

    name: str
    command: tuple[str, ...]
    title: str = ""
    homepage: str = ""
    install: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = "SIGTERM"
    proxied: bool = False
    notes: str = ""
    file: Path | None = None


TYPES: dict[str, str] = {
    "name": "text",
    "title": "text",
    "homepage": "text",
    "install": "list of text",
    "system": "list of text",
    "command": "list of text",
    "version": "list of text",
    "environment": "table of text",
    "files": "table of text",
    "stop_signal": "text",
    "proxied": "true or false",
    "notes": "text",
}
EXAMPLES = {
    "name": 'name = "my-server"',
    "command": 'command = ["my-server", "--bind", "{host}:{port}", "{app}"]',
}


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
        RosterError: as ``read_table``; a signal that is none; nothing that says ``{port}``.
    """
    data = read_table(path, TYPES, EXAMPLES)
    stop_signal = data.get("stop_signal", "SIGTERM")
    if stop_signal not in signal.Signals.__members__:
        raise RosterError(f"{path}: stop_signal: {stop_signal!r} is no signal; SIGTERM is one")
    if not any("{port}" in text for text in (*data["command"], *data.get("files", {}).values())):
        raise RosterError(
            f"{path}: command: nothing says {{port}}, so the server cannot be told where to listen"
        )
    return Subject(**data, file=path)


def _check(path: Path, key: str, value: Any, types: Mapping[str, str]) -> None:
    if key not in types:
        near = get_close_matches(key, types, 1)
        hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(types)}"
        raise RosterError(f"{path}: {key}: unknown key; {hint}")
    wanted = types[key]
    right = {
        "text": isinstance(value, str),
        "true or false": isinstance(value, bool),
        "list of text": isinstance(value, list) and all(isinstance(item, str) for item in value),
        "table of text": isinstance(value, dict)
        and all(isinstance(item, str) for item in value.values()),
    }[wanted]
    if not right:
        raise RosterError(f"{path}: {key}: expected {wanted}, got {value!r:.80}")
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
    return roster


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
