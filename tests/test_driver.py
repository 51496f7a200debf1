"""The application check: its scenarios find what they are for, and leave the others in peace."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.driver.active_twins import FILE, check_active_twin, play_all
from conformance.driver.case import SCENARIOS
from conformance.driver.check import Application, Found, Target, TargetError, parse_target
from conformance.driver.exchange import Driver
from conformance.driver.exercised import EXERCISED, exercised
from conformance.driver.fuzz import ReplayError, read_replay
from conformance.driver.memory import Request
from conformance.driver.supervise import gather, make_jobs
from conformance.driver.twins import AppTwin, app_twins_of
from conformance.paths import APPS
from conformance.results import SubjectResult, load_results
from conformance.rules import load
from conformance.trace import Timeline, from_json

TWINS = {twin.name: twin for twin in app_twins_of(APPS / "twins" / FILE)}
RULES = load()
TEXT = [("Content-Type", "text/plain")]

# Rules that no look at the traffic there happens to be can judge.
ACTIVE = {
    "app-reinvocable",
    "environ-empty-variables-tolerated",
    "environ-fallback-provided",
    "environ-presence-checked",
    "environ-run-once-not-trusted",
    "file-wrapper-honest-attributes",
    "file-wrapper-object-binary",
    "file-wrapper-object-has-read",
    "file-wrapper-presence-checked",
    "headers-list-not-reused",
    "iterable-full-consumption-not-assumed",
    "middleware-transparent-to-application",
    "start-response-error-not-trapped",
    "start-response-error-propagates",
    "start-response-kind-irrelevant",
    "start-response-not-introspected",
}


def clean(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An application with nothing amiss."""
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else b"hello"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [body]


def check(application: Any, *requests: Request, only: str = "") -> list[tuple[str, Found]]:
    """Play all scenarios on all requests and return what was found, with the scenario's name."""
    targets = [Target("/", each, each.method != b"GET") for each in requests or (Request(),)]
    subject = Application(application, targets)
    return play_all(subject, [only] if only else [])


def broken(found: list[tuple[str, Found]]) -> set[str]:
    """Return the rules that were found broken, notes left out."""
    return {each.rule for _, each in found if each.outcome not in ("pass", "info")}


# Bad ones leave files open; that is what they are for.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("twin", TWINS.values(), ids=TWINS)
def test_twin(twin: AppTwin) -> None:
    report = check_active_twin(twin, RULES)
    assert report.missed == ()
    assert report.unrelated == ()
    assert [each for _, each in report.found if not each.request] == []


def test_every_active_rule_has_a_bad_application() -> None:
    caught = {rule for twin in TWINS.values() if twin.bad for rule in twin.rules}
    assert caught == ACTIVE


def test_clean_application_passes_all_that_it_put_to_the_test() -> None:
    found = check(clean)
    assert {each.outcome for _, each in found} == {"pass"}
    passed = {each.rule for _, each in found}
    assert {"app-reinvocable", "status-native-str", "content-length-not-exceeded"} <= passed
    # It never wrote, read, logged, raised or wrapped a file.
    for never in (
        "write-argument",
        "write-called",
        "input-",
        "errors-written",
        "start-response-exc-info-",
        "file-wrapper-",
    ):
        assert not [rule for rule in passed if rule.startswith(never)]


def test_every_scenario_is_played_and_sends_something() -> None:
    subject = Application(clean, [parse_target("/")])
    for name, scenario in SCENARIOS.items():
        played = subject.play(0, name)
        assert scenario.about
        assert played.requests > 0
        assert played.gone is None
        # What a pass or a finding points to is there, and can be read back.
        for found in played.found:
            assert found.trace in played.traces
        for rows in played.traces.values():
            timeline = Timeline()
            for event in from_json(json.loads(json.dumps(rows))):
                timeline.append(event)
            assert timeline.calls[1].settled
            assert timeline.connections[1].sent


def test_only_what_is_known_is_said_to_be_exercised() -> None:
    assert {*EXERCISED} <= {*RULES}
    assert not {*EXERCISED} & (
        ACTIVE - {rule for rule in ACTIVE if rule.startswith(("file-wrapper-", "start-response-e"))}
    )


def test_a_rule_counts_as_exercised_only_where_it_could_break() -> None:
    def writes(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", list(TEXT))(b"x")
        return []

    driver = Driver(writes)
    assert "write-argument-bytes" in exercised(driver.exchange(Request()))
    assert "iterable-yields-bytes" not in exercised(driver.exchange(Request()))
    driver = Driver(clean)
    assert "write-argument-bytes" not in exercised(driver.exchange(Request()))
    assert "content-length-not-exceeded" in exercised(driver.exchange(Request()))
    assert "content-length-not-exceeded" not in exercised(driver.exchange(Request(b"HEAD")))


@pytest.mark.parametrize(
    "status", ["404 Not Found", "405 Method Not Allowed", "400 Bad Request", "500 Oops"]
)
def test_answers_that_refuse_are_fine(status: str) -> None:
    def refuses(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, list(TEXT))
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else b"no"]

    assert broken(check(refuses)) == set()


def test_a_stream_without_end_is_cut_and_nothing_is_held_against_it() -> None:
    def endless(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", list(TEXT))
        while True:
            yield b"data: x\n\n"

    assert broken(check(endless)) == set()


def test_an_application_that_always_raises_is_a_note_and_no_more() -> None:
    def raises(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise LookupError("no such thing")

    found = check(raises)
    assert broken(found) == set()
    assert "errors-trapped-by-application" in {
        each.rule for _, each in found if each.outcome == "info"
    }


def test_items_beyond_the_length_are_found() -> None:
    def too_long(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [*TEXT, ("Content-Length", "1")])
        return [b"x", b"y"]

    assert "content-length-not-exceeded" in broken(check(too_long, only="exhausted"))


def test_the_body_is_read_from_every_kind_of_input() -> None:
    bodies: list[bytes] = []

    def reads(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        length = environ.get("CONTENT_LENGTH") or "30"
        bodies.append(environ["wsgi.input"].read(int(length)))
        start_response("200 OK", list(TEXT))
        return [b"x"]

    target = parse_target("POST /", b"name=value")
    subject = Application(reads, [target])
    assert not [each for each in subject.play(0, "input").found if each.outcome == "fail"]
    assert bodies == [b"name=value"] * 3


def test_seek_is_found_where_the_input_has_it() -> None:
    def seeks(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if hasattr(environ["wsgi.input"], "seek"):
            environ["wsgi.input"].seek(0)
        start_response("200 OK", list(TEXT))
        return [b"x"]

    found = check(seeks, only="rich")
    assert broken(found) == {"input-listed-methods-only"}
    (location,) = {each.location for _, each in found if each.location}
    assert Path(location.rpartition(":")[0]).name == "test_driver.py"


def test_what_ends_the_interpreter_is_told() -> None:
    def leaves(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise SystemExit(3)

    played = Application(leaves, [parse_target("/")]).play(0, "rich")
    assert played.gone is not None
    assert played.gone["error"] == "SystemExit: 3"


def test_a_finding_of_one_place_is_one_verdict_in_each_scenario() -> None:
    def number_for_status(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(200, list(TEXT))
        return [b"x"]

    subject = Application(number_for_status, [parse_target("/"), parse_target("/b")])
    jobs = make_jobs(["/", "/b"], ["rich", "head"])
    checked = gather(
        SubjectResult("x"),
        [subject.play(*job) for job in jobs],
        lambda found: found.rule == "status-native-str",
    )
    verdicts = checked.result.verdicts
    assert [(each.probe, each.outcome) for each in verdicts] == [("rich", "fail"), ("head", "fail")]
    for each in verdicts:
        assert "in GET /" in each.observed or "in HEAD /" in each.observed
        assert "test_driver.py:" in each.observed
        assert each.trace in checked.traces
    assert len(checked.traces) == 2


@pytest.mark.parametrize(
    ("text", "method", "target", "chosen"),
    [
        ("/", b"GET", b"/", False),
        ("/a?b=c d", None, b"", False),
        ("POST /upload", b"POST", b"/upload", True),
        ("/caf\u00e9?q=\u2603", b"GET", b"/caf%C3%A9?q=%E2%98%83", False),
        ("/100%", b"GET", b"/100%", False),
        ("upload", None, b"", False),
        ("PO(ST /x", None, b"", False),
    ],
)
def test_targets(text: str, method: bytes | None, target: bytes, chosen: bool) -> None:
    if method is None:
        with pytest.raises(TargetError):
            parse_target(text, b"body")
        return
    parsed = parse_target(text, b"body")
    assert (parsed.request.method, parsed.request.target) == (method, target)
    assert parsed.chosen is chosen
    assert parsed.request.body == (b"body" if chosen else b"")


@pytest.mark.parametrize(
    "line", ["", "[]", '{"method": 3}', '{"environ": "x"}', '{"other": 1}', '{"target": "x"}']
)
def test_lines_that_are_no_replay(line: str) -> None:
    with pytest.raises(ReplayError):
        read_replay(line)


WORKER = """\
import sys
class Refuses:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("rich", "jinja2", "psutil", "hypothesis", "h11"):
            raise ImportError(name + " is not there")
sys.meta_path.insert(0, Refuses())
import types
package = types.ModuleType("conformance.reference")
import conformance
package.__path__ = [conformance.__path__[0] + "/reference"]
sys.modules["conformance.reference"] = package
from conformance.driver.__main__ import main
import conformance.driver.worker, conformance.driver.fuzz
"""


def test_the_worker_needs_the_standard_library_alone() -> None:
    done = subprocess.run([sys.executable, "-c", WORKER], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_the_module_writes_a_results_file(tmp_path: Path) -> None:
    (tmp_path / "site.py").write_text("")
    (tmp_path / "mine.py").write_text(
        "print('imported')\n"
        "def app(environ, start_response):\n"
        "    print('called')\n"
        "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
        "    return [b'x']\n"
    )
    path = tmp_path / "results.json"
    words = ["mine:app", "--url", "/a", "--kind", "framework", "--name", "mine", "--json", path]
    done = subprocess.run(
        [sys.executable, "-m", "conformance.driver", *map(str, words)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "imported" in done.stderr
    results = load_results(path)
    (subject,) = results.subjects
    assert (subject.name, subject.kind, subject.started) == ("mine", "framework", True)
    assert subject.exchanges > 40
    assert {verdict.trace for verdict in subject.verdicts} <= {*results.traces, None}


def test_files_that_are_wrapped_are_read_as_always() -> None:
    def sends(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", list(TEXT))
        wrapper = environ.get("wsgi.file_wrapper", lambda file: iter(lambda: file.read(10), b""))
        return wrapper(io.BytesIO(b"x" * 100))

    found = check(sends)
    assert broken(found) == set()
    passed = {each.rule for _, each in found if each.outcome == "pass"}
    assert {"file-wrapper-presence-checked", "file-wrapper-object-has-read"} <= passed
