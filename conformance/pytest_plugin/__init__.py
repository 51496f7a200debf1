"""The pytest plugin, for applications and for servers.

Applications (Python 3.8 and later): the fixture ``wsgi_validator``, the option ``--wsgi-validate``
for a whole suite, and the marker ``wsgi_ignore``. Servers (Python 3.11 and later): the option
``--wsgi-server``, which makes every judged rule an item of its own.

Every pytest run of an environment that has this project imports this module, so it holds no more
than the declarations; ``wsgi`` and ``servers`` are imported once somebody asks for what they do.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conformance.pytest_plugin.wsgi import Wrap

__all__ = ["wsgi_validator"]

MARKER = "wsgi_ignore(rule, ..., *, reason): leave findings of these rules (ids or globs) out"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options and the ini values."""
    group = parser.getgroup("wsgi-conformance", "conformance to PEP 3333 (WSGI)")
    group.addoption(
        "--wsgi-validate",
        action="store_true",
        help="check every request that Werkzeug's, Flask's, WebTest's, Falcon's test clients or "
        "httpx.WSGITransport make; a test that shows a broken MUST fails",
    )
    group.addoption(
        "--wsgi-server",
        action="append",
        default=[],
        metavar="NAME|FILE.toml",
        help="judge a server: one item for every rule; may be given several times",
    )
    group.addoption(
        "--wsgi-fail-on",
        choices=("must", "should", "never"),
        default="must",
        help="what makes a test fail: a broken MUST (the default), a broken SHOULD too, or nothing",
    )
    group.addoption(
        "--wsgi-timeout-scale",
        type=float,
        default=1.0,
        metavar="X",
        help="multiply all limits of --wsgi-server, on a slow machine",
    )
    parser.addini("wsgi_validate", "as --wsgi-validate", type="bool", default=False)
    parser.addini(
        "wsgi_ignore",
        "rules (ids or globs, one a line) whose findings the whole suite leaves out",
        type="linelist",
        default=[],
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and those of the two sides that an option asks for.

    Errors:
        pytest.UsageError: a rule, a server or an interpreter that will not do.
    """
    config.addinivalue_line("markers", MARKER)
    if config.getoption("wsgi_validate") or config.getini("wsgi_validate"):
        from conformance.pytest_plugin.wsgi import recorder_of

        recorder_of(config).look_into_clients()
    elif config.getini("wsgi_ignore"):
        from conformance.pytest_plugin.wsgi import recorder_of

        recorder_of(config)
    if config.getoption("wsgi_server"):
        if sys.version_info < (3, 11):
            raise pytest.UsageError(
                "--wsgi-server needs Python 3.11 or later; the fixture wsgi_validator and "
                "--wsgi-validate work on this one"
            )
        from conformance.pytest_plugin.servers import register

        register(config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Check the marks.

    Errors:
        pytest.UsageError: a mark without a reason, or of a rule that does not exist.
    """
    marked = [item for item in items if item.get_closest_marker("wsgi_ignore") is not None]
    if marked:
        from conformance.pytest_plugin.wsgi import check_marks

        check_marks(config, marked)


@pytest.fixture
def wsgi_validator(request: pytest.FixtureRequest) -> Wrap:
    """Return a callable that wraps an application in a ``conformance.Validator``.

    ``wsgi_validator(application, *, ignore=(), only=(), notes=False, both_sides=False)``: drive
    what it returns with any test client. When the test is over it fails for every MUST that the
    application has broken, whatever became of the response, and warns of every broken SHOULD. What
    the client has broken stands in the summary; with ``both_sides`` it decides over the test too.
    """
    from conformance.pytest_plugin.wsgi import recorder_of

    return recorder_of(request.config).wrap_for(request.node)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of xdist has counted."""
    counted = getattr(node, "workeroutput", {}).get("wsgi_conformance")
    if counted:
        from conformance.pytest_plugin.wsgi import recorder_of

        recorder_of(node.config).counts.add(counted)
