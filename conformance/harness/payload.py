"""What a server under test imports: a directory made for the run, and nothing else of ours."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from conformance.paths import PACKAGE, PROBES

__all__ = ["write_payload", "write_session"]

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


def write_session(directory: Path, address: tuple[str, int], token: str) -> None:
    """Tell the payload where the harness listens, for one subject's run."""
    session: dict[str, Any] = {"host": address[0], "port": address[1], "token": token}
    path = directory / "session.json"
    path.write_text(json.dumps(session), encoding="ascii")
    path.chmod(0o644)
