"""Suites of application authors, as the tests of the pytest plugin write them."""

from __future__ import annotations

import pytest

__all__ = ["HEAD", "ONE", "RULE", "prepared", "run"]

# What the application of the suites breaks at ``/must``.
RULE = "http-persistence-headers-not-sent"

SITE = '''
from collections import namedtuple

Header = namedtuple("Header", "name value")


def app(environ, start_response):
    """Keep the PEP, but for what the path names."""
    headers = [("Content-Type", "text/plain"), ("Content-Length", "2")]
    if environ["PATH_INFO"] == "/must":
        headers.append(("Connection", "close"))
    if environ["PATH_INFO"] == "/should":
        headers.append(Header("X-Kind", "no plain tuple"))
    start_response("200 OK", headers)
    return [b"ok"]


def swallowing(environ, start_response):
    """Answer 500 whatever happens, as frameworks do."""
    try:
        return app(environ, start_response)
    except Exception:
        start_response("500 Oh", [("Content-Type", "text/plain")])
        return [b""]
'''
HEAD = """
import pytest
from site_app import app, swallowing
from werkzeug.test import Client
"""


def prepared(pytester: pytest.Pytester) -> pytest.Pytester:
    """Put an application in the directory."""
    pytest.importorskip("werkzeug")
    pytester.makepyfile(site_app=SITE)
    return pytester


def run(suite: pytest.Pytester, tests: str, *words: str) -> pytest.RunResult:
    """Run tests of an application, where warnings are not the errors that they are here."""
    suite.makepyfile(test_it=HEAD + tests)
    return suite.runpytest_inprocess("-p", "no:xdist", "-W", "default", *words)


ONE = """
def test_it(wsgi_validator):
    assert Client(wsgi_validator(app)).get("{path}").text == "ok"
"""
