"""Results: stored and read back whole, described by the schema, and refused when damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from conformance.results import (
    Behaviour,
    GridCell,
    Results,
    ResultsError,
    SubjectResult,
    Verdict,
    load_results,
    model,
    save_results,
)
from conformance.results.merge import merge
from conformance.rules import Rule, load
from conformance.trace import Event, Timeline, from_json, to_json

OUTCOMES = model.BEHAVIOUR_OUTCOMES
SCHEMA = json.loads(Path(model.__file__).with_name("schema.json").read_text(encoding="utf-8"))


def verdict(rule: Rule, outcome: str, trace: str | None = None) -> Verdict:
    """A verdict as a run makes it."""
    return Verdict(
        rule.id,
        "section.probe",
        rule.effective_level,
        rule.party,
        outcome,
        expected="b'hello'",
        observed="b'hell'",
        broken=outcome not in ("pass", "unsupported", "error"),
        trace=trace,
    )


def trace(subject: str, body: bytes = b"hello", log: bytes = b"") -> dict[str, Any]:
    """A trace with events of all eyes, as it is stored."""
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/caf\xc3\xa9", "wsgi.version": {"t": [1, 0]}}
    called = {
        "environ": {"type": "builtins.dict", "items": [list(item) for item in environ.items()]},
        "arguments": [{"o": "builtins.function", "r": "<function>", "m": ["__call__"]}],
        "count": 2,
        "keywords": [],
        "inherited": ["PATH_INFO"],
    }
    timeline = Timeline()
    for event in (
        Event(10.0, "harness", "scene", 0, {"probe": "section.probe", "parameters": {}}),
        Event(10.00185, "client", "open", 1, {"address": ["127.0.0.1", 8000]}),
        Event(10.002, "client", "sent", 1, {"bytes": b"POST / HTTP/1.1\r\n\r\n" + body}),
        Event(10.0019, "app", "called", 1, called),
        Event(10.003, "app", "note", 1, {"values": {"first": {"b": "hello"}}}),
        Event(10.004, "app", "start_response", 1, {"arguments": ["200 OK"], "exc_info": False}),
        Event(10.005, "server", "log", 0, {"bytes": log}),
        Event(10.006, "client", "received", 1, {"bytes": b"HTTP/1.1 200 OK\r\n\r\n" + body}),
        Event(10.007, "client", "eof", 1),
    ):
        timeline.append(event)
    return {
        "probe": "section.probe",
        "subject": subject,
        "marker": "conformance-0.",
        "events": to_json(timeline),
    }


def cell(server: str, framework: str) -> GridCell:
    """A cell with a behaviour of every outcome."""
    exchange = "> GET /text HTTP/1.1\n<\n"
    behaviours = [
        Behaviour(name, outcome, "200", "404", None if outcome == "pass" else exchange)
        for name, outcome in zip(("text", "json", "head", "form"), OUTCOMES, strict=True)
    ]
    python = "CPython 3.13.0"
    return GridCell(server, framework, "1.0", "2.0", python, True, behaviours=behaviours)


def sample() -> Results:
    """Three servers: one passes, one shows every other outcome, one did not start."""
    must, should, *others = [*(rule for rule in load().values() if rule.level == "MUST")][:1] + [
        *(rule for rule in load().values() if rule.level == "SHOULD")
    ][:8]
    every = ["fail", "warn", "info", "hang", "crash", "unsupported", "error"]
    rules = [must, should, *others]
    return Results(
        "2026.1",
        "0.1.0",
        {"started": "2026-11-21T02:00:00Z", "command": ["wsgi-conformance", "run"]},
        [
            SubjectResult(
                "good",
                title="Good server",
                version="1.2.3",
                python="CPython 3.13.0",
                homepage="https://good.example/",
                started=True,
                verdicts=[verdict(rule, "pass", "good:t1") for rule in rules],
            ),
            SubjectResult(
                "odd",
                title="Odd server",
                version="0.9",
                python="PyPy 3.11.13",
                started=True,
                verdicts=[
                    verdict(rule, outcome, "odd:t1")
                    for rule, outcome in zip(rules, every, strict=False)
                ],
                log="listening\n",
            ),
            SubjectResult("absent", version="0.1", failure="exited with status 1\nno module"),
        ],
        {"good:t1": trace("good"), "odd:t1": trace("odd", b"\x00\xff" * 3000, b"GET / 200\n")},
        grid=[cell("good", "flask"), GridCell("odd", "flask", failure="exited with status 1")],
    )


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    save_results(sample(), path)
    assert load_results(path) == sample()
    assert [entry.name for entry in tmp_path.iterdir()] == ["results.json"]


def test_bytes_survive(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    save_results(sample(), path)
    events = from_json(load_results(path).traces["odd:t1"]["events"])
    assert events[2].data["bytes"] == b"POST / HTTP/1.1\r\n\r\n" + b"\x00\xff" * 3000


def test_unknown_keys_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    data = sample().to_json()
    data["later"] = data["subjects"][0]["later"] = data["subjects"][0]["verdicts"][0]["later"] = 1
    path.write_text(json.dumps(data), encoding="utf-8")
    jsonschema.validate(data, SCHEMA)
    assert load_results(path) == sample()


def test_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_schema_takes_what_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    save_results(sample(), path)
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), SCHEMA)


def test_schema_names_all_that_is_written() -> None:
    subject = sample().subjects[0]
    definitions = SCHEMA["$defs"]
    assert set(SCHEMA["properties"]) == set(sample().to_json())
    assert set(definitions["subject"]["properties"]) == set(asdict(subject))
    assert set(definitions["verdict"]["properties"]) == set(asdict(subject.verdicts[0]))
    assert definitions["verdict"]["properties"]["outcome"]["enum"] == list(model.OUTCOMES)
    cell = sample().grid[0]
    assert set(definitions["cell"]["properties"]) == set(asdict(cell))
    assert set(definitions["behaviour"]["properties"]) == set(asdict(cell.behaviours[0]))
    assert definitions["behaviour"]["properties"]["outcome"]["enum"] == list(OUTCOMES)


def test_files_from_before_the_grid_are_read(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    data = sample().to_json()
    del data["grid"]
    path.write_text(json.dumps(data), encoding="utf-8")
    jsonschema.validate(data, SCHEMA)
    assert load_results(path).grid == []


def test_grids_are_merged_and_no_cell_stands_twice() -> None:
    one = Results("2026.1", "0.1.0", grid=[cell("good", "flask")])
    other = Results("2026.1", "0.1.0", grid=[cell("good", "django"), cell("odd", "flask")])
    both, _ = merge([(Path("a.json"), one), (Path("b.json"), other)])
    assert both.grid == [*one.grid, *other.grid]
    again, replaced = merge([(Path("a.json"), one), (Path("b.json"), one)])
    assert again.grid == one.grid
    assert replaced == [("flask on good", Path("a.json"), Path("b.json"))]


def damaged(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The sample as it is stored, with one thing done to it."""
    data = json.loads(json.dumps(sample().to_json()))
    change(data)
    assert isinstance(data, dict)
    return data


DAMAGE: dict[str, Callable[[dict[str, Any]], object]] = {
    "no closing record": lambda data: data.pop("complete"),
    "cut short": lambda data: data.update(complete=False),
    "another version": lambda data: data.update(version=2),
    "another format": lambda data: data.update(format="something"),
    "no edition": lambda data: data.pop("edition"),
    "suite is a number": lambda data: data.update(suite=1),
    "no subjects": lambda data: data.pop("subjects"),
    "no traces": lambda data: data.pop("traces"),
    "no name": lambda data: data["subjects"][0].pop("name"),
    "no verdicts": lambda data: data["subjects"][0].pop("verdicts"),
    "no rule": lambda data: data["subjects"][0]["verdicts"][0].pop("rule"),
    "unknown outcome": lambda data: data["subjects"][0]["verdicts"][0].update(outcome="skipped"),
    "grid is null": lambda data: data.update(grid=None),
    "no framework": lambda data: data["grid"][0].pop("framework"),
    "no behaviours": lambda data: data["grid"][0].pop("behaviours"),
    "unknown outcome in the grid": lambda data: data["grid"][0]["behaviours"][0].update(
        outcome="hang"
    ),
    "verdict is text": lambda data: data["subjects"][0]["verdicts"].append("pass"),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_refused(change: Callable[[dict[str, Any]], object], tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    data = damaged(change)
    path.write_text(json.dumps(data), encoding="utf-8")
    refused_in_one_line(path)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, SCHEMA)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"not json",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"format": "\\u0a0a',
    ],
    ids=["empty", "brace", "words", "binary", "list", "null", "deep", "half"],
)
def test_garbage_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(content)
    refused_in_one_line(path)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_truncation_is_refused(share: float, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    save_results(sample(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refused_in_one_line(path)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    refused_in_one_line(tmp_path / "results.json")
    with pytest.raises(ResultsError, match=r"cannot be written"):
        save_results(sample(), tmp_path / "missing" / "results.json")


def refused_in_one_line(path: Path) -> None:
    with pytest.raises(ResultsError) as caught:
        load_results(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [("failure", 5), ("started_in", None), ("homepage", None), ("command", [1]), ("name", [])],
)
def test_field_of_a_wrong_type_is_refused(tmp_path: Path, key: str, value: object) -> None:
    data = sample().to_json()
    data["subjects"][0][key] = value
    path = tmp_path / "results.json"
    path.write_text(json.dumps(data))
    with pytest.raises(ResultsError, match=f"results.json: .*{key}"):
        load_results(path)
