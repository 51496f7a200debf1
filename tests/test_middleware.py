"""Middlewares as subjects: every rule has a bad one that is caught, good ones are left alone."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import wsgiref.validate
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from conformance import rules
from conformance.driver.middleware import judge_middleware, middleware_rules
from conformance.driver.middleware_twins import check_middleware_twin, load_middleware_twins
from conformance.driver.sandwich import play
from conformance.driver.sandwich_below import Below
from conformance.paths import APPS
from conformance.trace import from_json

RULES = rules.load()
TWINS = load_middleware_twins(APPS / "twins" / "middleware")


@pytest.mark.parametrize("name", sorted(TWINS))
def test_twin(name: str) -> None:
    """A bad middleware is caught for its rules and for no other; a good one passes its own."""
    report = check_middleware_twin(TWINS[name], RULES)
    assert report.harness == ()
    assert [(v.outcome, v.rule, v.expected, v.observed) for v in report.unrelated] == []
    assert report.missed == ()


@pytest.mark.parametrize("rule", middleware_rules(RULES))
def test_rule_has_a_bad_middleware(rule: str) -> None:
    assert [name for name, twin in TWINS.items() if twin.bad and rule in twin.rules]


def test_a_middleware_that_does_nothing_is_clean() -> None:
    judged = judge_middleware(lambda application: application, RULES)
    assert [v for v in judged.result.verdicts if v.outcome != "pass"] == []
    assert [str(finding) for finding in judged.foreign if finding.counted] == []
    assert {*judged.untouched, *(v.rule for v in judged.result.verdicts)} == {
        *middleware_rules(RULES)
    }


def test_what_it_does_not_do_is_not_judged() -> None:
    judged = judge_middleware(lambda application: application, RULES)
    assert "middleware-transform-fixes-length" in judged.untouched
    assert "middleware-router-shifts-path" in judged.untouched


def test_evidence_is_whole() -> None:
    judged = judge_middleware(lambda application: application, RULES)
    for verdict in judged.result.verdicts:
        events = from_json(judged.traces[verdict.trace or ""]["events"])
        assert {event.subject for event in events if event.eye == "app"} == {1, 2}


def test_one_that_fails_at_once_is_not_judged() -> None:
    def wrap(application: Any) -> Any:
        def middleware(environ: dict[str, Any], start_response: Any) -> NoReturn:
            raise KeyError("session")

        return middleware

    judged = judge_middleware(wrap, RULES)
    assert not judged.result.started
    assert judged.result.verdicts == []
    assert "KeyError: 'session'" in judged.result.failure
    assert "test_middleware.py:" in judged.result.failure


def test_one_that_never_calls_the_application_is_not_judged() -> None:
    def answers(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"no"]

    judged = judge_middleware(lambda application: answers, RULES, target="/secret")
    assert "never called the application for /secret" in judged.result.failure


def test_one_that_cannot_be_made_is_not_judged() -> None:
    judged = judge_middleware(lambda one, two: one, RULES)  # type: ignore[arg-type, misc]
    assert "cannot be put around an application" in judged.result.failure


def test_a_bad_application_is_not_held_against_it() -> None:
    """A finding about the application below that shows above too is the application's."""

    def hops(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain"), ("Connection", "close")])
        return [b"x"]

    played = play(lambda application: application, hops, "")
    assert played.upper == []
    assert {finding.party for finding in played.foreign} >= {"application"}


# Real ones: how to get one, and the rules it breaks, each read against its source.
Make = Callable[[], Callable[[Any], Any]]


def proxy_fix() -> Callable[[Any], Any]:
    return pytest.importorskip("werkzeug.middleware.proxy_fix").ProxyFix  # type: ignore[no-any-return]


def shared_data() -> Callable[[Any], Any]:
    module = pytest.importorskip("werkzeug.middleware.shared_data")
    return lambda app: module.SharedDataMiddleware(app, {"/static": str(APPS)})


def dispatcher() -> Callable[[Any], Any]:
    module = pytest.importorskip("werkzeug.middleware.dispatcher")
    return lambda app: module.DispatcherMiddleware(app, {"/mounted": app})


def profiler() -> Callable[[Any], Any]:
    module = pytest.importorskip("werkzeug.middleware.profiler")
    return lambda app: module.ProfilerMiddleware(app, stream=io.StringIO())


def werkzeug_lint() -> Callable[[Any], Any]:
    return pytest.importorskip("werkzeug.middleware.lint").LintMiddleware  # type: ignore[no-any-return]


def wsgiref_validate() -> Callable[[Any], Any]:
    return wsgiref.validate.validator


def webtest_lint() -> Callable[[Any], Any]:
    return pytest.importorskip("webtest.lint").middleware  # type: ignore[no-any-return]


def webob() -> Callable[[Any], Any]:
    wsgify = pytest.importorskip("webob.dec").wsgify
    return wsgify.middleware(lambda request, app: request.get_response(app))  # type: ignore[no-any-return]


def debugger() -> Callable[[Any], Any]:
    return pytest.importorskip("werkzeug.debug").DebuggedApplication  # type: ignore[no-any-return]


def bottle_mount() -> Callable[[Any], Any]:
    module = pytest.importorskip("bottle")

    def wrap(app: Any) -> Any:
        site = module.Bottle()
        site.mount("/mounted/", app)
        return site

    return wrap


def whitenoise() -> Callable[[Any], Any]:
    module = pytest.importorskip("whitenoise")
    return lambda app: module.WhiteNoise(app, root=str(APPS), prefix="static")


def paste(name: str, attribute: str, **options: Any) -> Make:
    def get() -> Callable[[Any], Any]:
        module = pytest.importorskip(f"paste.{name}")
        return lambda app: getattr(module, attribute)(app, **options)

    return get


REAL: dict[str, tuple[Make, set[str]]] = {
    "werkzeug ProxyFix": (proxy_fix, set()),
    "werkzeug SharedDataMiddleware": (shared_data, set()),
    "werkzeug DispatcherMiddleware": (dispatcher, set()),
    # It takes the whole body within its call, and closes only behind a loop that did not raise.
    "werkzeug ProfilerMiddleware": (
        profiler,
        {"middleware-returns-iterable-promptly", "middleware-closes-inner-iterable"},
    ),
    # Its InputStream has no readlines().
    "werkzeug LintMiddleware": (werkzeug_lint, {"middleware-replaced-streams-complete"}),
    # It wants SCRIPT_NAME, and a size for read(): a SHOULD each.
    "wsgiref.validate": (
        wsgiref_validate,
        {"middleware-conforms-both-sides", "middleware-replaced-streams-complete"},
    ),
    "webtest.lint": (webtest_lint, set()),
    # call_application() takes the last of all calls; a SHOULD.
    "webob wsgify.middleware": (webob, {"middleware-second-call-raises"}),
    "WhiteNoise": (whitenoise, set()),
    # A generator function: the application is called, and writes, within the iteration. At an early
    # end GeneratorExit passes its "except Exception", with the close() there.
    "werkzeug DebuggedApplication": (
        debugger,
        {"middleware-conforms-both-sides", "middleware-closes-inner-iterable"},
    ),
    # A late start_response wants rs.body.append, and rs.body is the application's iterable by then
    # (issue 492 of bottle). An iterable that is empty or fails is dropped. A first item is looked
    # at before the call returns. A second plain call adds to the headers of the first.
    "bottle mount": (
        bottle_mount,
        {
            "middleware-accepts-deferred-start",
            "middleware-closes-inner-iterable",
            "middleware-returns-iterable-promptly",
            "middleware-second-call-raises",
        },
    ),
    # It takes the whole body within its call, and closes its buffer where no start came in time.
    "paste.gzipper": (
        paste("gzipper", "middleware"),
        {"middleware-returns-iterable-promptly", "middleware-accepts-deferred-start"},
    ),
    # Both take exc_info and do not pass it on: replacement_start_response calls with two arguments.
    "paste.translogger": (
        paste("translogger", "TransLogger", setup_console_handler=False),
        {"middleware-accepts-third-argument"},
    ),
    "paste.session": (
        paste("session", "SessionMiddleware"),
        {"middleware-accepts-third-argument"},
    ),
    # detect_start_response() has no return.
    "paste ErrorMiddleware": (
        paste("exceptions.errormiddleware", "ErrorMiddleware", global_conf={}, debug=True),
        {"middleware-returns-write"},
    ),
    "paste RegistryManager": (paste("registry", "RegistryManager"), set()),
    "paste RecursiveMiddleware": (paste("recursive", "RecursiveMiddleware"), set()),
}


PREFIXES = {"werkzeug DispatcherMiddleware": "/mounted", "bottle mount": "/mounted"}


@pytest.mark.parametrize("name", REAL)
@pytest.mark.filterwarnings("ignore")
def test_real_middleware(name: str) -> None:
    """A finding that is not in ``REAL`` has to be read first; one that is gone was mended."""
    make, known = REAL[name]
    judged = judge_middleware(make(), RULES, prefix=PREFIXES.get(name, ""))
    assert judged.result.failure == ""
    found = {v.rule: v for v in judged.result.verdicts if v.outcome not in ("pass", "info")}
    assert {rule: v.observed for rule, v in found.items() if rule not in known} == {}
    assert "error" not in {v.outcome for v in found.values()}
    assert [str(finding) for finding in judged.foreign if finding.counted] == []


USERS = """
def fine(app):
    return lambda environ, start_response: app(environ, start_response)

def adds(app):
    def middleware(environ, start_response):
        def start(status, headers, *error):
            return start_response(status, headers + [("Connection", "close")], *error)
        return app(environ, start)
    return middleware

def mounted(app):
    def middleware(environ, start_response):
        assert environ["PATH_INFO"].startswith("/api/")
        return app(environ, start_response)
    return middleware

def raises(app):
    def middleware(environ, start_response):
        raise KeyError("session")
    return middleware

def stays(app):
    import threading
    return lambda environ, start_response: threading.Event().wait()

name = "no callable"
"""


def cli(directory: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run the command beside a module ``mine``."""
    (directory / "mine.py").write_text(USERS)
    return subprocess.run(
        [sys.executable, "-m", "conformance", "middleware", *map(str, words)],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_command_tells_what_holds(tmp_path: Path) -> None:
    done = cli(tmp_path, "mine:fine", "--notes")
    assert done.returncode == 0, done.stderr
    assert " held" in done.stdout
    assert "not put to the test: " in done.stdout


def test_the_command_writes_results_and_a_page(tmp_path: Path) -> None:
    results, page = tmp_path / "results.json", tmp_path / "page.html"
    done = cli(tmp_path, "mine:adds", "--json", results, "--html", page)
    assert done.returncode == 1, done.stderr
    assert "MUST NOT middleware-persistence-headers-not-sent (middleware)" in done.stdout
    assert "mine.py:" in done.stdout
    (subject,) = json.loads(results.read_text())["subjects"]
    assert (subject["kind"], subject["name"]) == ("middleware", "mine:adds")
    assert "mine:adds" in page.read_text()
    assert cli(tmp_path, "mine:adds", "--fail-on", "never").returncode == 0


def test_the_command_takes_a_prefix_and_a_rule(tmp_path: Path) -> None:
    rule = "middleware-router-*"
    done = cli(tmp_path, "mine:mounted", "--prefix", "/api", "--rule", rule)
    assert done.returncode == 0
    assert "SHOULD middleware-router-shifts-path" in done.stdout
    fail = cli(tmp_path, "mine:mounted", "--prefix", "/api", "--rule", rule, "--fail-on", "should")
    assert fail.returncode == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["mine"], "is not of the form MODULE:ATTR"),
        (["mine:name"], "is no callable that takes an application"),
        (["mine:nothing"], "mine has no nothing"),
        (["mine:fine", "--rule", "close-*"], "no rule for middleware"),
    ],
)
def test_the_command_refuses(tmp_path: Path, words: list[str], told: str) -> None:
    done = cli(tmp_path, *words)
    assert done.returncode == 2
    assert told in done.stderr


def test_the_command_says_that_nothing_was_judged(tmp_path: Path) -> None:
    done = cli(tmp_path, "mine:raises")
    assert done.returncode == 3
    assert "KeyError: 'session'" in done.stdout
    assert "mine:raises: nothing was judged" in done.stdout


def test_the_command_ends_what_does_not_come_back(tmp_path: Path) -> None:
    done = cli(tmp_path, "mine:stays", "--limit", "0.5")
    assert done.returncode == 3
    assert "mine.py:" in done.stderr


class Odd:
    """Gives nothing that can be worked with."""

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        raise StopIteration

    def __len__(self) -> int:
        raise OSError

    def __eq__(self, other: object) -> bool:
        raise OSError

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise OSError

    def __getattr__(self, name: str) -> Any:
        raise OSError(name)


def passing(*, environ: Any = None, start: Any = None, status: Any = None, headers: Any = None,
            result: Any = None) -> Callable[[Any], Any]:  # fmt: skip
    """Return a middleware that puts something odd in one place."""

    def wrap(app: Any) -> Any:
        def middleware(given: Any, start_response: Any) -> Any:
            def started(old: Any, fields: Any, *error: Any) -> Any:
                return start_response(status or old, fields if headers is None else headers, *error)

            returned = app(environ if environ is not None else given, start or started)
            return returned if result is None else result

        return middleware

    return wrap


@pytest.mark.parametrize(
    "wrap",
    [
        passing(environ=[]),
        passing(environ=Odd()),
        passing(start="no function"),
        passing(start=Odd()),
        passing(status=200),
        passing(status=Odd()),
        passing(headers={"X": "y"}),
        passing(headers=[("X",), 17, Odd()]),
        passing(headers=Odd()),
        passing(headers=17),
        passing(result=17),
        passing(result=Odd()),
        passing(result="text"),
        passing(result=[None, 17, Odd()]),
        lambda app: Odd(),
        lambda app: lambda *arguments: app(),
        lambda app: lambda *arguments: app(*arguments, 17),
        lambda app: None,
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_nothing_odd_breaks_the_judging(wrap: Callable[[Any], Any]) -> None:
    judged = judge_middleware(wrap, RULES)
    assert [v for v in judged.result.verdicts if v.outcome == "error"] == []
    assert judged.result.failure or {v.outcome for v in judged.result.verdicts} & {"fail", "warn"}
