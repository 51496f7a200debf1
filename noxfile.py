"""Everything a developer or a CI runs, each in an environment of its own."""

from __future__ import annotations

import tomllib
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["tests", "lint"]
nox.options.reuse_existing_virtualenvs = True

ROSTER = {path.stem: path for path in sorted(Path("servers").glob("*.toml"))}


def requirements() -> list[str]:
    """Return what the servers of the roster need, all together."""
    needed: set[str] = set()
    for path in ROSTER.values():
        needed.update(tomllib.loads(path.read_text(encoding="utf-8")).get("install", ()))
    return sorted(needed)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests: units, every twin, real servers, the wheel, and Chromium where it is."""
    session.install("-e", ".[test,browser]", *requirements())
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and types."""
    session.install("-e", ".[test,lint,browser]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
@nox.parametrize("server", list(ROSTER))
def conformance(session: nox.Session, server: str) -> None:
    """Judge one server of the roster, in an environment of its own; red when it breaks a MUST."""
    session.install(".")
    session.run(
        "wsgi-conformance", "run", server, "--isolated", *session.posargs, success_codes=[0]
    )


@nox.session
def matrix(session: nox.Session) -> None:
    """Judge the whole roster and write report.html and results.json."""
    session.install(".")
    session.run(
        "wsgi-conformance",
        "run",
        "--isolated",
        *("--json", "results.json"),
        *("--html", "report.html"),
        # The matrix shows what servers break; a broken rule is no reason to call the run a failure.
        *("--fail-on", "never"),
        *session.posargs,
    )


@nox.session
def frameworks(session: nox.Session) -> None:
    """Judge all frameworks and write frameworks.html and frameworks.json."""
    session.install(".")
    session.run(
        "wsgi-conformance",
        "frameworks",
        *("--json", "frameworks.json"),
        *("--html", "frameworks.html"),
        # As for the matrix of servers: what frameworks break is what it is there to show.
        *("--fail-on", "never"),
        *session.posargs,
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Print what an exchange costs beside a bare request/response loop on the same server."""
    session.install("-e", ".", *requirements())
    session.run("python", "tests/bench/exchange.py", *session.posargs)


@nox.session
def bench_validator(session: nox.Session) -> None:
    """Print what the validator adds to a request; `-- --python P` does so on another Python."""
    session.install("-e", ".", "flask", "webtest", "werkzeug")
    session.run("python", "tests/bench/validator.py", *session.posargs)
