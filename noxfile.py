"""Everything a developer or a CI runs, each in an environment of its own."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from shutil import which
from typing import Any

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["tests", "lint"]
nox.options.reuse_existing_virtualenvs = True

ROSTER = {path.stem: path for path in sorted(Path("servers").glob("**/*.toml"))}
# Those whose requirements get along in one environment and that the tests judge in full.
IN_TESTS = (
    *("cheroot", "flask-run", "gevent", "gunicorn-gthread", "gunicorn-sync", "waitress"),
    *("werkzeug", "wsgiref"),
)
# What each session of a server leaves, and what is made of all of them.
RESULTS = Path("reports/results")
LATEST = Path("reports/latest")


def read(server: str) -> dict[str, Any]:
    """Return the file of a server of the roster."""
    return tomllib.loads(ROSTER[server].read_text(encoding="utf-8"))


# Most of a test's time is a server's: it waits for more than it computes.
WORKERS = ("-n", str(2 * (os.cpu_count() or 1)), "--dist", "worksteal")


def requirements() -> list[str]:
    """Return what the servers that the tests judge need, all together."""
    return sorted({name for server in IN_TESTS for name in read(server).get("install", ())})


def lacking(server: str) -> str:
    """Return why a server cannot run on this machine, "" where nothing is known against it."""
    row = read(server)
    if "unavailable" in row:
        return str(row["unavailable"])
    gone = [name for name in row.get("programs", ()) if not (Path(name).exists() or which(name))]
    needed = " ".join(row.get("system", ()))
    return f"not installed here: {', '.join(gone)} (Debian: {needed})" if gone else ""


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests: units, every twin, real servers, the wheel, and Chromium where it is."""
    session.install("-e", ".[test,browser]", *requirements())
    session.run("pytest", *WORKERS, *session.posargs)


@nox.session
def twins(session: nox.Session) -> None:
    """Play every probe on every twin, where the tests play one in five of the unrelated ones."""
    session.install("-e", ".[test]", *requirements())
    session.run("pytest", *WORKERS, "-m", "every_probe", *session.posargs)


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
    """Judge one server of the roster, in an environment of its own; red when it breaks a MUST.

    One that is red does not keep the others from being judged, and each leaves its results for
    the matrix.
    """
    reason = lacking(server)
    if reason:
        session.skip(reason)
    session.install(".")
    RESULTS.mkdir(parents=True, exist_ok=True)
    session.run(
        *("wsgi-conformance", "run", server, "--isolated"),
        *("--json", str(RESULTS / f"{server}.json")),
        *session.posargs,
    )


@nox.session
def matrix(session: nox.Session) -> None:
    """Judge nine servers and write report.html and results.json, or make reports/latest/.

    Where the session ``conformance``, here or on as many machines as there are servers, has left
    results, and ``grid`` perhaps its own, reports/latest/ is made of those instead.
    """
    session.install(".")
    found = sorted(map(str, RESULTS.glob("*.json*")))
    if found:
        LATEST.mkdir(parents=True, exist_ok=True)
        session.run(
            *("wsgi-conformance", "report", *found, "--evidence", "findings"),
            *("--html", str(LATEST / "report.html")),
            *("--markdown", str(LATEST / "report.md")),
            *("--json", str(LATEST / "results.json.gz")),
            *session.posargs,
        )
        return
    session.run(
        *("wsgi-conformance", "run", "--isolated", "reference", *IN_TESTS),
        *("--json", "results.json", "--html", "report.html"),
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
def docs(session: nox.Session) -> None:
    """Build the pages under docs/, the rules among them, and follow every link within them."""
    session.install("-e", ".[docs]")
    session.run("mkdocs", "build", "--strict", "--quiet")
    session.run("linkchecker", "--no-status", "site/index.html")


@nox.session
def grid(session: nox.Session) -> None:
    """Ask frameworks on servers, for the matrix; ``-- --servers waitress`` asks fewer."""
    session.install(".[grid]")
    RESULTS.mkdir(parents=True, exist_ok=True)
    session.run(
        "wsgi-conformance",
        "grid",
        *("--json", str(RESULTS / "grid.json")),
        *("--fail-on", "never"),
        *session.posargs,
    )


@nox.session
def known_bugs(session: nox.Session) -> None:
    """Find reported bugs of old releases again, and nothing of them where they are mended.

    Some need an interpreter that is old as well (``python3.8``), or what a package compiles with.
    """
    session.install(".")
    session.run("python", "tests/known_bugs/check.py", *session.posargs)


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
