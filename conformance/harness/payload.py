"""What a server under test imports: a directory made for the run, and nothing else of ours."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from conformance import __version__
from conformance.paths import PACKAGE, PROBES

__all__ = ["PayloadError", "check_payload", "keep_payload", "write_payload", "write_session"]

FORMAT = "wsgi-conformance-payload"
SEAL = "payload.json"
# What of a payload runs inside a server; the rest lies there because it is in the package.
PLAYED = ("probe.py", "probes/", "conformance/inside/", "conformance/probing.py")

APPLICATION = '''\
"""The application under test loads this: MODULE:ATTR is probe:app, or one of the others."""

import os

from conformance.inside import kinds
from conformance.inside.application import make_application

app = make_application(os.path.dirname(os.path.abspath(__file__)))
instance = kinds.make_instance(app)
class_ = kinds.make_class(app)
wrapped = kinds.make_wrapped(app)
'''


def _only_code(directory: str, names: list[str]) -> Iterable[str]:
    return [name for name in names if name == "_data" or name.endswith((".toml", ".json"))]


def write_payload(directory: Path, probes: Iterable[Path] = (PROBES,)) -> Path:
    """Make the payload: the package alone, the probes, and ``probe.py`` with ``app``.

    Args:
        directory: to make; its parent exists.
        probes: directories whose probe files go along; of two files of one name the later wins.

    Returns:
        The directory. Everything in it can be read by other users, as servers drop privileges.
    """
    directory.mkdir()
    shutil.copytree(PACKAGE, directory / "conformance", ignore=_only_code)
    target = directory / "probes"
    target.mkdir()
    for folder in probes:
        for path in folder.glob("*.py"):
            shutil.copy2(path, target / path.name)
    (directory / "probe.py").write_text(APPLICATION, encoding="ascii")
    for path in (directory, *directory.rglob("*")):
        # Whatever the umask says, and however strict a checkout or an installation is.
        path.chmod(0o755 if path.is_dir() else 0o644)
    return directory


class PayloadError(ValueError):
    """A directory that is not a payload that can be used; the message says what to do."""


def keep_payload(directory: Path, probes: Iterable[Path] = (PROBES,)) -> Path:
    """Make a payload that servers load before anybody runs them, and runs are attached to later.

    Args:
        directory: to make; what is there is replaced if it is such a payload, or empty.
        probes: as for ``write_payload``.

    Errors:
        PayloadError: something else is there, or it cannot be written.
    """
    try:
        if directory.exists():
            if any(directory.iterdir()) and not (directory / SEAL).is_file():
                raise PayloadError(f"{directory}: there is something else in it; name a new one")
            shutil.rmtree(directory)
        directory.parent.mkdir(parents=True, exist_ok=True)
        write_payload(directory, probes)
        seal = {"format": FORMAT, "suite": __version__, "digest": digest_of(directory)}
        path = directory / SEAL
        path.write_text(json.dumps(seal), encoding="ascii")
        path.chmod(0o644)
    except OSError as error:
        raise PayloadError(f"{directory}: cannot be written: {error.strerror}") from error
    return directory


def digest_of(directory: Path) -> str:
    """Return a digest of the code in a payload that runs inside a server."""
    digest = hashlib.sha256()
    for path in sorted(directory.rglob("*.py")):
        if not str(path.relative_to(directory)).startswith(PLAYED):
            continue
        data = path.read_bytes()
        digest.update(f"{path.relative_to(directory)} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()[:16]


def check_payload(directory: Path, fresh: Path) -> str:
    """Make sure that a directory holds what would be written today; return its digest.

    Args:
        fresh: a payload that has just been written.

    Errors:
        PayloadError: it is not a payload, or one of another version or with other probes.
    """
    anew = f"write it with: wsgi-conformance payload {directory}"
    try:
        seal = json.loads((directory / SEAL).read_bytes())
        if seal["format"] != FORMAT:
            raise ValueError("another format")
        suite, digest = str(seal["suite"]), str(seal["digest"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise PayloadError(f"{directory}: not a payload; {anew}") from error
    if digest != digest_of(fresh) or digest != digest_of(directory):
        other = f"of version {suite}, and this is {__version__}"
        if suite == __version__:
            other = "of other code or other probes than this run has"
        raise PayloadError(f"{directory}: a payload {other}; {anew}, and start the server anew")
    return digest


def write_session(directory: Path, address: tuple[str, int], token: str) -> None:
    """Tell the payload where the harness listens, for one subject's run."""
    session: dict[str, Any] = {"host": address[0], "port": address[1], "token": token}
    path = directory / "session.json"
    # Whoever reads it meanwhile finds the old one or the new one.
    part = directory / "session.json.new"
    part.write_text(json.dumps(session), encoding="ascii")
    part.chmod(0o644)
    os.replace(part, path)
