"""Where the data directories are: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

__all__ = ["APPS", "FRAMEWORKS", "PACKAGE", "PROBES", "SERVERS", "TEMPLATES", "TWINS"]

PACKAGE = Path(__file__).resolve().parent


def _data(name: str, beside: str) -> Path:
    installed = PACKAGE / "_data" / name
    return installed if installed.is_dir() else PACKAGE.parent / beside


SERVERS = _data("servers", "servers")
APPS = _data("apps", "apps")
TEMPLATES = _data("templates", "reports/templates")
PROBES = APPS / "probes"
FRAMEWORKS = APPS / "frameworks"
TWINS = SERVERS / "twins"
