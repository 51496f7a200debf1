"""The plugin over a whole suite of an application, by an option and without a change to it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from plugin_suites import HEAD, RULE, prepared, run

pytest_plugins = ["pytester"]


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A directory with an application in it."""
    return prepared(pytester)


CLIENTS = {
    "werkzeug": """
from werkzeug.test import Client


def get(path):
    client = Client(app)
    client.get(path)
    assert client.application is app
""",
    "flask": """
import flask

site = flask.Flask("site")
site.wsgi_app = app


def get(path):
    with site.test_client() as client:
        assert client.get(path).text == "ok"
        assert client.application is site
""",
    "webtest": """
import webtest


def get(path):
    for lint in (True, False):
        client = webtest.TestApp(app, lint=lint)
        assert client.get(path).test_app is client
        assert client.app is app
""",
    "httpx": """
import httpx


def get(path):
    transport = httpx.WSGITransport(app)
    with httpx.Client(transport=transport, base_url="http://testserver") as client:
        assert client.get(path).text == "ok"
    assert transport.app is app
""",
    "falcon": """
import falcon.testing


def get(path):
    assert falcon.testing.simulate_get(app, path).text == "ok"
""",
}
SUITE = """

@pytest.mark.parametrize("path", ["/", "/must"])
def test_it(path):
    get(path)
"""


@pytest.mark.parametrize("name", list(CLIENTS))
def test_a_whole_suite_is_checked_without_a_change_to_it(suite: pytest.Pytester, name: str) -> None:
    pytest.importorskip(name)
    result = run(suite, CLIENTS[name] + SUITE, "--wsgi-validate", "-W", "ignore:'cgi' is")
    result.assert_outcomes(passed=1, failed=1)
    calls = 4 if name == "webtest" else 2
    result.stdout.fnmatch_lines([f"*: {calls} requests checked in 2 tests, 1 finding, 0 ignored"])


def test_clients_are_left_as_they_were(suite: pytest.Pytester) -> None:
    tests = CLIENTS["werkzeug"] + SUITE
    run(suite, tests, "--wsgi-validate").assert_outcomes(passed=1, failed=1)
    run(suite, tests).assert_outcomes(passed=2)


def test_a_client_of_the_whole_module_is_blamed_test_by_test(suite: pytest.Pytester) -> None:
    suite.makeini("[pytest]\nwsgi_validate = true\n")
    tests = """
@pytest.fixture(scope="module")
def client():
    return Client(app)


def test_bad(client):
    client.get("/must")


def test_good(client):
    client.get("/")
"""
    run(suite, tests).assert_outcomes(failed=1, passed=1)


def test_a_suite_without_requests_is_told_loudly(suite: pytest.Pytester) -> None:
    result = run(suite, "def test_it():\n    pass\n", "--wsgi-validate")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["wsgi-conformance: 0 requests checked: no known test client*"])


def test_django_s_own_client_is_named_as_one_that_leaves_wsgi_out(
    pytester: pytest.Pytester,
) -> None:
    pytest.importorskip("django")
    pytester.makepyfile(
        """
        import django
        from django.conf import settings

        settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x")
        django.setup()

        from django.core.wsgi import get_wsgi_application
        from django.http import HttpResponse
        from django.test import Client
        from django.urls import path

        urlpatterns = [path("", lambda request: HttpResponse(headers={"Connection": "close"}))]


        def test_own():
            assert Client().get("/").status_code == 200
        """
    )
    result = pytester.runpytest_subprocess("--wsgi-validate")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*0 requests checked*", "*Django's own test client calls no*"])
    with (pytester.path / next(pytester.path.glob("test_*.py"))).open("a") as file:
        file.write(
            "\nfrom werkzeug.test import Client as Other\n"
            "def test_other(wsgi_validator):\n"
            "    Other(wsgi_validator(get_wsgi_application())).get('/')\n"
        )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([f"wsgi-conformance: 1 finding: {RULE}"])


def test_xdist_adds_up_and_junit_names_the_rules(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_it=HEAD + SUITE.replace("get(path)", "Client(app).get(path)"))
    result = suite.runpytest_subprocess("-n2", "--wsgi-validate", "--junitxml=junit.xml")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*: 2 requests checked in 2 tests, 1 finding, 0 ignored"])
    assert properties(suite.path / "junit.xml") == {"test_it[/]": [], "test_it[/must]": [RULE]}


def properties(junit: Path) -> dict[str | None, list[str | None]]:
    """Return the rules that each test case of a JUnit file names."""
    return {
        case.get("name"): [
            each.get("value") for each in case.iter("property") if each.get("name") == "wsgi_rule"
        ]
        for case in ElementTree.parse(junit).iter("testcase")
    }
