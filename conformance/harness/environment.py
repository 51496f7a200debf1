"""The Python environment of a subject: the current one, a given one, or one of its own."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from conformance.roster import Subject, fill

__all__ = [
    "Environment",
    "EnvironmentFailure",
    "Installable",
    "current",
    "given",
    "interpreter",
    "isolated",
    "obstacle",
]

INSTALL_LIMIT = 900
ASK_LIMIT = 30
# Where distributions put servers; the path of people who are not root often lacks them.
SYSTEM_PROGRAMS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
VERSION = re.compile(r"\d+(?:\.\d+)+(?:[-.+]?\w+)*")
ASK = """
import json, platform, re, sys
from importlib.metadata import PackageNotFoundError, version
found = {}
for requirement in sys.argv[1:]:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)[0]
    try:
        found[requirement] = version(name)
    except PackageNotFoundError:
        found[requirement] = None
print(json.dumps([platform.python_implementation(), platform.python_version(), found]))
"""


class Installable(Protocol):
    """What an environment can be made for: a server or a framework."""

    @property
    def name(self) -> str:
        """Short and unique among its kind."""

    @property
    def install(self) -> tuple[str, ...]:
        """Requirements, as pip understands them."""


class EnvironmentFailure(Exception):
    """An environment that cannot be had; the message says why, as the tools did."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a subject's Python is.

    Attributes:
        python: the interpreter's path; bin: the directory of its scripts.
        implementation, version: of the interpreter; versions: of each requirement, None where it
            is not installed.
    """

    python: str
    bin: str
    implementation: str
    version: str
    versions: dict[str, str | None]

    @property
    def missing(self) -> list[str]:
        """Requirements that are not installed."""
        return [name for name, version in self.versions.items() if version is None]

    def subject_version(self, subject: Subject, values: dict[str, str]) -> str:
        """Return the version of the subject: what its own command says, else its package's.

        That of a stack is the one of its front and behind it the one of its backend.
        """
        own = self._said(subject.version, values) if subject.version else self._installed()
        if subject.backend is None or not subject.backend.version:
            return own
        return " + ".join(filter(None, (own, self._said(subject.backend.version, values))))

    def _installed(self) -> str:
        return next((version for version in self.versions.values() if version), self.version)

    def _said(self, command: Sequence[str], values: Mapping[str, str]) -> str:
        """Return the version in what a command writes; "" where there is none."""
        words = [fill(word, values) for word in command]
        words[0] = self.find(words[0]) or words[0]
        try:
            said = _run(words, ASK_LIMIT)
        except EnvironmentFailure:
            return ""
        match = VERSION.search(said)
        return match[0] if match else ""

    def find(self, program: str) -> str | None:
        """Return the path of a program of the subject's, its own environment first."""
        return _find(program, self.bin)


def _find(program: str, *first: str) -> str | None:
    if "/" in program:
        return program if os.access(program, os.X_OK) else None
    path = [*first, os.environ.get("PATH", os.defpath), *SYSTEM_PROGRAMS]
    return shutil.which(program, path=os.pathsep.join(path))


def obstacle(subject: Subject) -> str:
    """Return why a subject cannot run on this machine, whatever is installed by pip; "" if it can.

    Programs of its own requirements are not looked for: with them it would come with what it needs.
    """
    if subject.unavailable:
        return subject.unavailable
    missing = [
        name
        for name in subject.programs
        if not (os.path.exists(name) if "/" in name else _find(name))
    ]
    if not missing:
        return ""
    return f"not installed here: {', '.join(missing)}{_debian(subject)}"


def _debian(subject: Subject) -> str:
    return f"; on Debian: apt-get install {' '.join(subject.system)}" if subject.system else ""


def interpreter(subject: Subject, otherwise: str = sys.executable) -> str:
    """Return the path of the interpreter that a subject asks for, or another one.

    Errors:
        EnvironmentFailure: the one that it asks for is not there.
    """
    if not subject.python:
        return otherwise
    found = _find(subject.python)
    if found is None:
        raise EnvironmentFailure(f"not installed here: {subject.python}{_debian(subject)}")
    return found


def _run(words: list[str], limit: float) -> str:
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=limit,
            check=False,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentFailure(f"{words[0]}: {error}") from error
    if done.returncode:
        tail = done.stdout.strip().splitlines()[-3:]
        raise EnvironmentFailure(f"{Path(words[0]).name} failed: {' / '.join(tail)}")
    return done.stdout


def given(python: str, subject: Installable) -> Environment:
    """Return the environment of an interpreter that exists.

    Errors:
        EnvironmentFailure: it cannot be run.
    """
    said = _run([python, "-I", "-c", ASK, *subject.install], ASK_LIMIT)
    implementation, version, versions = json.loads(said)
    return Environment(python, str(Path(python).parent), implementation, version, versions)


def current(subject: Installable) -> Environment:
    """Return the environment that this suite runs in, or that of the interpreter a server asks for.

    Errors:
        EnvironmentFailure: that interpreter is not there, or cannot be run.
    """
    own = interpreter(subject) if isinstance(subject, Subject) else sys.executable
    return given(own, subject)


def cache_directory() -> Path:
    """Return the directory that environments are kept in between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "wsgi-conformance" / "environments"


def isolated(subject: Installable, python: str | None = None) -> Environment:
    """Return an environment with the subject's requirements and nothing else, made once and kept.

    Args:
        python: interpreter to make it with; the current one where None.

    Errors:
        EnvironmentFailure: it cannot be made, or a requirement cannot be installed.
    """
    if not subject.install:
        return given(python or sys.executable, subject)
    base = os.path.realpath(python or sys.executable)
    key = json.dumps([base, sorted(subject.install)])
    name = f"{subject.name}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    home = cache_directory() / name
    inner = home / "bin" / "python"
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_name(f"{name}.lock").open("w") as lock:
        # Another run may be making the same one; the lock ends with the process that has it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "ready").exists():
            _make(home, base, inner, subject.install)
    return given(str(inner), subject)


def _make(home: Path, base: str, inner: Path, install: tuple[str, ...]) -> None:
    shutil.rmtree(home, ignore_errors=True)
    uv = shutil.which("uv")
    if uv:
        _run([uv, "venv", "--quiet", "--python", base, str(home)], INSTALL_LIMIT)
        words = [uv, "pip", "install", "--quiet", "--python", str(inner)]
    else:
        _run([base, "-m", "venv", str(home)], INSTALL_LIMIT)
        words = [str(inner), "-m", "pip", "install", "--quiet", "--no-input"]
        words.append("--disable-pip-version-check")
    _run([*words, *install], INSTALL_LIMIT)
    (home / "ready").touch()
