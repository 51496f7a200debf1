"""The Python environment of a subject: the current one, a given one, or one of its own."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from conformance.harness.installing import InstallFailure, Said, install_into, locked
from conformance.harness.loop import Loop
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
    "survey",
    "unknown",
]

ASK_LIMIT = 30
# Where distributions put servers; the path of people who are not root often lacks them.
SYSTEM_PROGRAMS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
VERSION = re.compile(r"\d+(?:\.\d+)+(?:[-.+]?\w+)*")
ASK = """
import json, platform, re, sys
base = getattr(sys, "_base_executable", None) or sys.executable
try:
    from importlib.metadata import PackageNotFoundError, version
except ImportError:  # Python 3.7, whose own server is worth a look
    from pkg_resources import DistributionNotFound as PackageNotFoundError, get_distribution
    version = lambda name: get_distribution(name).version
found = {}
for requirement in sys.argv[1:]:
    name = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    try:
        found[requirement] = version(name[0]) if name else ""
    except PackageNotFoundError:
        found[requirement] = None
print(json.dumps([platform.python_implementation(), platform.python_version(), found, base]))
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
            is not installed, empty where it is a path and so has no name to ask for.
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
    for candidate in _interpreters(subject.python):
        try:
            _interpreter(candidate)
        except EnvironmentFailure:
            continue  # such as a shim of pyenv's for a version that is not switched on
        return candidate
    raise EnvironmentFailure(f"not installed here: {subject.python}{_debian(subject)}")


def _interpreters(name: str) -> Iterator[str]:
    """Yield where an interpreter of a name may be: on the path, where pyenv or uv keeps it."""
    found = _find(name)
    if found is not None:
        yield found
    if "/" not in name:
        pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
        data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
        uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path(data) / "uv" / "python")
        for place in (pyenv, uv):
            yield from map(str, sorted(place.glob(f"*/bin/{name}")))


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


def _ask(python: str, requirements: Iterable[str]) -> list[Any]:
    """Ask an interpreter: its implementation, its version, versions of requirements, its base."""
    said = _run([python, "-I", "-c", ASK, *requirements], ASK_LIMIT)
    try:
        answer: list[Any] = json.loads(said)
    except ValueError:
        answer = []
    if len(answer) != 4:
        raise EnvironmentFailure(f"{python}: not a Python interpreter that works: {said!r:.80}")
    return answer


def given(python: str, subject: Installable) -> Environment:
    """Return the environment of an interpreter that exists.

    Errors:
        EnvironmentFailure: it cannot be run, or is no Python.
    """
    return _given(python, [subject])[subject.name]


def _given(python: str, subjects: Sequence[Installable]) -> dict[str, Environment]:
    """Return for the name of each subject what it finds in one interpreter, which is asked once."""
    wanted = dict.fromkeys(requirement for each in subjects for requirement in each.install)
    implementation, version, versions, _ = _ask(python, wanted)
    where = str(Path(python).parent)
    return {
        each.name: Environment(
            python, where, implementation, version, {name: versions[name] for name in each.install}
        )
        for each in subjects
    }


def survey(
    subjects: Iterable[Subject], otherwise: str = sys.executable
) -> dict[str, Environment | str]:
    """Return for the name of each subject where it would run, or why it cannot run here.

    Args:
        otherwise: the interpreter of those that ask for none.
    """
    found: dict[str, Environment | str] = {}
    groups: dict[str, list[Subject]] = {}
    for subject in subjects:
        try:
            found[subject.name] = obstacle(subject)
            if not found[subject.name]:
                groups.setdefault(interpreter(subject, otherwise), []).append(subject)
        except EnvironmentFailure as failure:
            found[subject.name] = str(failure)
    for python, group in groups.items():
        try:
            found.update(_given(python, group))
        except EnvironmentFailure as failure:
            found.update({subject.name: str(failure) for subject in group})
    return found


def current(subject: Installable) -> Environment:
    """Return the environment that this suite runs in, or that of the interpreter a server asks for.

    Errors:
        EnvironmentFailure: that interpreter is not there, or cannot be run.
    """
    own = interpreter(subject) if isinstance(subject, Subject) else sys.executable
    return given(own, subject)


def unknown() -> Environment:
    """Return the environment of a server that somebody else started: nothing is known of it."""
    return Environment("", "", "", "", {})


def cache_directory() -> Path:
    """Return the directory that environments are kept in between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "wsgi-conformance" / "environments"


@functools.cache
def _interpreter(python: str) -> tuple[str, str, str]:
    """Return implementation, version and path of what an interpreter stands for.

    A shim, or an environment's link, may stand for another one tomorrow.
    """
    implementation, version, _, base = _ask(python, ())
    return implementation, version, os.path.realpath(base)


def isolated(
    subject: Installable,
    python: str | None = None,
    *,
    loop: Loop | None = None,
    said: Said = lambda doing, line: None,
) -> Environment:
    """Return an environment with the subject's requirements and nothing else, made once and kept.

    Subjects of the same requirements share one; what is there needs no network. One of a path is
    made anew each time, because what lies there may have changed.

    Args:
        python: interpreter to make it with; the current one where None.
        loop: interrupting it ends an installation; one of its own where None.
        said: called with what is being done while it is made.

    Errors:
        EnvironmentFailure: it cannot be made, or a requirement cannot be installed.
        Interrupted: the loop was interrupted.
    """
    if not subject.install:
        return given(python or sys.executable, subject)
    if loop is None:
        own = Loop()
        try:
            return isolated(subject, python, loop=own, said=said)
        finally:
            own.close()
    found = _interpreter(python or sys.executable)
    home = cache_directory() / _directory_name(subject.install, found)
    try:
        with locked(
            home.with_name(f"{home.name}.lock"),
            loop,
            lambda: said("waiting for another run that installs the same", ""),
        ):
            kept = _kept(home, subject.install)
            if kept is None:
                install_into(home, found[2], subject.install, loop, said)
                kept = _ask(str(home / "bin" / "python"), subject.install)
                (home / "ready").write_text(json.dumps(kept), encoding="ascii")
    except InstallFailure as failure:
        raise EnvironmentFailure(str(failure)) from failure
    except OSError as error:
        raise EnvironmentFailure(f"{home}: {error.strerror}") from error
    implementation, version, versions, _ = kept
    inner = home / "bin" / "python"
    return Environment(str(inner), str(inner.parent), implementation, version, versions)


def _is_path(requirement: str) -> bool:
    """Whether a requirement is a directory or file of the user's, which may change any time."""
    return requirement.startswith((".", "/", "~")) or "file:" in requirement


def _directory_name(install: tuple[str, ...], interpreter: tuple[str, str, str]) -> str:
    place = os.getcwd() if any(map(_is_path, install)) else ""
    key = json.dumps([*interpreter, place, sorted(install)])
    names = [re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement) for requirement in install]
    readable = "-".join(name[0].lower() if name else "path" for name in names)
    return f"{readable[:60]}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def _kept(home: Path, install: tuple[str, ...]) -> list[Any] | None:
    """Return what was found out of an environment when it was made, if it can still be used."""
    if any(map(_is_path, install)) or not os.access(home / "bin" / "python", os.X_OK):
        return None
    try:
        kept: list[Any] = json.loads((home / "ready").read_bytes())
        usable = len(kept) == 4 and set(kept[2]) == set(install)
    except (OSError, ValueError, TypeError):
        return None
    return kept if usable else None
