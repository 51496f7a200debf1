"""The grid: what a client sees of a site over a server, and what it says where that is wrong."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import psutil
import pytest

from conformance.cli import grid as command
from conformance.cli.exits import CLEAN, FINDINGS, UNJUDGED
from conformance.cli.main import main
from conformance.frameworks import PREFIX, SITE, load_frameworks
from conformance.harness.environment import Environment, EnvironmentFailure, current
from conformance.harness.grid import Grid, Pair
from conformance.harness.grid_client import KEPT
from conformance.report.grid_terminal import GridTerminal
from conformance.results import Behaviour, GridCell, Results, load_results
from conformance.roster import RosterError, Subject, load_roster

ROSTER = load_roster()
FRAMEWORKS = load_frameworks()
BELOW = [case.name for case in SITE if case.mounted]

# A server of the standard library with something between it and the site.
SERVER = """
import sys, os, signal
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server
from probe import app

def between(environ, start_response):
{between}
    return app(environ, start_response)

class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

with make_server(sys.argv[1], int(sys.argv[2]), between, Server) as server:
    server.serve_forever()
"""
MOUNT = f"""
    path = environ["PATH_INFO"]
    environ["SCRIPT_NAME"], environ["PATH_INFO"] = path[:{len(PREFIX)}], path[{len(PREFIX)}:]
"""


class Here(Grid):
    """Makes no environments: everything runs in the one of the tests."""

    def environment(self, pair: Pair) -> Environment:
        return current(pair)


def server(between: str = "    pass", mounted: str = "") -> Subject:
    """Return a server whose ``between`` is done to each call."""
    words = ("{python}", "{rundir}/serve.py", "{host}", "{port}")
    files = {"serve.py": SERVER.replace("{between}", between)}
    if mounted:
        files["mounted.py"] = SERVER.replace("{between}", mounted)
    return Subject(
        "twin",
        words,
        files=files,
        mounted=(words[0], "{rundir}/mounted.py", *words[2:]) if mounted else (),
    )


def cell(subject: Subject, framework: str = "flask") -> GridCell:
    return Here().one(Pair(subject, FRAMEWORKS[framework]))


def outcomes(cell: GridCell) -> dict[str, list[str]]:
    """Return the names of the behaviours by outcome, without what holds."""
    found: dict[str, list[str]] = {}
    for behaviour in cell.behaviours:
        if behaviour.outcome != "pass":
            found.setdefault(behaviour.outcome, []).append(behaviour.name)
    return found


@pytest.mark.parametrize("framework", ["flask", "werkzeug", "falcon"])
def test_good_server_holds_everything(framework: str) -> None:
    found = cell(server(mounted=MOUNT), framework)
    assert outcomes(found) == {}
    assert [each.name for each in found.behaviours] == [case.name for case in SITE]
    assert found.started
    assert all(
        each.exchange is None and each.expected == each.observed for each in found.behaviours
    )


def test_what_cannot_be_mounted_is_unsupported() -> None:
    found = cell(server())
    assert outcomes(found) == {"unsupported": BELOW}
    assert "nothing is known that mounts" in found.behaviours[-1].observed


DROPS_COOKIES = """
    def started(status, fields, exc_info=None):
        once = dict(fields)
        return start(status, list(once.items()), exc_info)
    start, start_response = start_response, started
"""
DECODES_TWICE = """
    environ["PATH_INFO"] = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
"""
LOSES_BODIES = """
    import io
    environ["wsgi.input"] = io.BytesIO()
    environ["CONTENT_LENGTH"] = "0"
"""
FORGETS_THE_MOUNT = (
    MOUNT
    + """
    environ["SCRIPT_NAME"] = ""
"""
)
ALWAYS_HERE = """
    def started(status, fields, exc_info=None):
        return start("200 OK", fields, exc_info)
    start, start_response = start_response, started
"""


@pytest.mark.parametrize(
    ("between", "broken"),
    [
        (DROPS_COOKIES, ["cookies"]),
        (DECODES_TWICE, ["non-ascii-path"]),
        (LOSES_BODIES, ["upload", "form"]),
        (ALWAYS_HERE, ["redirect", "empty", "missing", "error"]),
        ("    environ['REQUEST_METHOD'] = 'GET'", ["upload", "form"]),
        ("    environ.pop('HTTP_COOKIE', None)", ["cookies-sent"]),
    ],
    ids=["cookies", "path", "bodies", "status", "method", "cookies sent"],
)
def test_broken_server_is_caught(between: str, broken: list[str]) -> None:
    found = cell(server(between))
    wrong = outcomes(found)
    assert [*wrong.get("fail", []), *wrong.get("error", [])] == broken
    for behaviour in found.behaviours:
        if behaviour.outcome == "fail":
            assert behaviour.observed.startswith("expected ")
            assert behaviour.exchange is not None
            assert behaviour.exchange.startswith("> ")
            assert "\n< HTTP/1.0 " in behaviour.exchange
            assert len(behaviour.exchange) < KEPT + 100


def test_broken_mounting_is_caught() -> None:
    assert outcomes(cell(server(mounted=FORGETS_THE_MOUNT))) == {"fail": ["mounted-redirect"]}
    found = cell(server(mounted="    raise SystemExit"))
    assert set(outcomes(found)) <= {"fail", "error"}
    assert {*outcomes(found).get("fail", []), *outcomes(found).get("error", [])} == set(BELOW)


def test_log_of_a_failing_server_stands_below_the_exchange() -> None:
    raises = "    if environ['PATH_INFO'] == '/json': raise RuntimeError('as it were')"
    found = cell(server(raises))
    [json] = [each for each in found.behaviours if each.outcome == "fail"]
    assert json.observed == "expected status 200, got 500"
    assert json.exchange is not None
    assert "\n! log: RuntimeError: as it were" in json.exchange
    # Where a machine keeps its Python says nothing of the server.
    assert '"wsgiref/handlers.py"' in json.exchange


def test_server_that_dies_is_started_again_for_the_rest() -> None:
    dies = "    if environ['PATH_INFO'] == '/json': os.kill(os.getpid(), signal.SIGKILL)"
    found = cell(server(dies))
    assert outcomes(found) == {"error": ["json"], "unsupported": BELOW}
    json = next(each for each in found.behaviours if each.name == "json")
    assert json.observed.startswith("no answer: ")
    assert json.exchange is not None
    assert json.exchange.startswith("> GET /json HTTP/1.1\n")


def test_server_that_does_not_start_says_so() -> None:
    found = cell(Subject("twin", ("{python}", "-c", "print('no port for {port}')")))
    assert not found.started
    assert found.behaviours == []
    assert "ended with status 0 before it answered" in found.failure
    assert "no port for" in found.failure


def test_what_a_framework_lacks_is_not_held_against_it() -> None:
    framework = FRAMEWORKS["flask"]
    lacking = type(framework)(framework.name, "", "", ("flask",), lacks={"cookies": "for a reason"})
    found = Here().one(Pair(server(DROPS_COOKIES), lacking))
    assert outcomes(found) == {"unsupported": ["cookies", *BELOW]}
    cookies = next(each for each in found.behaviours if each.name == "cookies")
    assert cookies.observed.endswith("(for a reason)")


def test_what_hangs_is_bounded_and_an_interrupt_leaves_nothing() -> None:
    hangs = "    if environ['PATH_INFO'] == '/json': import threading; threading.Event().wait()"
    pairs = [
        Pair(server(), FRAMEWORKS["flask"]),
        Pair(server(hangs), FRAMEWORKS["flask"]),
        Pair(server(), FRAMEWORKS["falcon"]),
    ]

    def interrupt(cell: GridCell, seconds: float) -> None:
        raise KeyboardInterrupt

    threads = threading.active_count()
    begun = time.monotonic()
    # Its own limit would be a thousand times that of a request.
    with pytest.raises(KeyboardInterrupt):
        Here(scale=1000).run(pairs, 2, interrupt)
    assert time.monotonic() - begun < 100
    assert psutil.Process().children() == []
    assert threading.active_count() == threads


def test_requirements_of_both_make_one_environment() -> None:
    pair = Pair(ROSTER["waitress"], FRAMEWORKS["flask"])
    assert pair.install == ("flask", "waitress")
    assert Pair(ROSTER["flask-run"], FRAMEWORKS["flask"]).install == ("flask",)
    missing = Subject("gone", ("gone", "{port}"), programs=("no-such-program",))
    with pytest.raises(EnvironmentFailure, match="no-such-program"):
        Grid().environment(Pair(missing, FRAMEWORKS["flask"]))


def test_choice(tmp_path: Path) -> None:
    everything = command.choose([], [])
    pairs = {(pair.server.name, pair.framework.name) for pair in everything}
    assert len({name for name, framework in pairs if framework == "flask"}) >= 9
    assert {("wsgiref", name) for name in FRAMEWORKS} <= pairs
    assert len(everything) == len(pairs)
    one = command.choose(["wsgire?", "waitress"], ["fl*"])
    assert [pair.name for pair in one] == ["flask on wsgiref", "flask on waitress"]
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\ncommand = ["mine", "{port}"]\n')
    assert [pair.name for pair in command.choose([str(path)], ["flask"])] == ["flask on mine"]
    with pytest.raises(RosterError, match="waitres: no such server"):
        command.choose(["waitres"], [])
    with pytest.raises(RosterError, match="flusk: no such framework"):
        command.choose([], ["flusk"])


def test_exit_codes() -> None:
    def made(outcome: str, started: bool = True) -> GridCell:
        return GridCell("s", "f", started=started, behaviours=[Behaviour("b", outcome, "", "")])

    assert command.exit_code([made("pass"), made("unsupported")], "fail") == CLEAN
    assert command.exit_code([made("pass"), made("fail")], "fail") == FINDINGS
    assert command.exit_code([made("error")], "fail") == FINDINGS
    assert command.exit_code([made("fail"), made("pass", False)], "fail") == UNJUDGED
    assert command.exit_code([made("fail"), made("pass", False)], "never") == CLEAN


def test_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Grid, "environment", Here.environment)
    written = tmp_path / "grid.json"
    words = ["--servers", "wsgiref", "--frameworks", "flask", "--json", str(written)]
    assert main(["grid", *words]) == CLEAN
    shown = capsys.readouterr()
    assert f"flask on wsgiref: {len(SITE) - len(BELOW)} pass, {len(BELOW)} unsupported" in shown.err
    assert "wsgiref" in shown.out
    [found] = load_results(written).grid
    assert (found.server, found.framework, found.started) == ("wsgiref", "flask", True)
    assert main(["grid", "--servers", "waitres"]) == 2
    assert "no such server" in capsys.readouterr().err


def test_table_of_many_fits_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    names = [*FRAMEWORKS]
    cells = [
        GridCell(one, other, started=one != names[0], failure="gone" * (one == names[0]))
        for one in names
        for other in names
    ]
    cells[-1].behaviours = [Behaviour("text", "fail", "a", "b"), Behaviour("json", "pass", "", "")]
    GridTerminal(len(cells)).summary(Results("2026.2", "0", grid=cells), None)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 140
    [first] = [line.split() for line in lines if line.startswith(f" {names[0]} ")]
    assert first == [names[0], *["none"] * len(names)]
    [last] = [line.split() for line in lines if line.startswith(f" {names[-1]} ") and "ok" in line]
    assert last == [names[-1], *["ok"] * (len(names) - 1), "1"]
