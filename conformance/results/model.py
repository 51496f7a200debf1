"""The typed form of ``results.json`` and its reading and writing.

The file's shape is published as JSON Schema in ``schema.json`` beside this module. ``complete`` is
written last: a file without it is a run cut short, and is refused instead of read as a small one.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

__all__ = [
    "BEHAVIOUR_OUTCOMES",
    "FORMAT",
    "OUTCOMES",
    "VERSION",
    "Behaviour",
    "Fact",
    "GridCell",
    "Results",
    "ResultsError",
    "SubjectResult",
    "Verdict",
    "counts",
    "load_results",
    "save_results",
]

FORMAT = "wsgi-conformance-results"
VERSION = 1
OUTCOMES = ("pass", "fail", "warn", "info", "hang", "crash", "unsupported", "error")
BEHAVIOUR_OUTCOMES = ("pass", "fail", "unsupported", "error")


class ResultsError(ValueError):
    """A results file that cannot be used; the message names the file and the fix."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one rule in one probe on one subject.

    Attributes:
        rule: id of the rule.
        probe: name of the probe, or ``every-exchange`` for what is checked in all of them.
        level: the rule's level, as reported.
        party: the side the rule binds.
        outcome: one of ``OUTCOMES``.
        expected, observed: one line each.
        broken: whether what was expected did not hold; with ``info`` it is shown and no more.
        trace: key of the evidence in ``Results.traces``, or None where there is none.
        family: the specification that the rule is of, ``PEP 3333`` or ``HTTP``; never added up.
    """

    rule: str
    probe: str
    level: str
    party: str
    outcome: str
    expected: str
    observed: str
    broken: bool = False
    trace: str | None = None
    family: str = "PEP 3333"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something worth knowing of a subject that no rule speaks of: shown, never judged.

    Attributes:
        name: what it is about, the same for all subjects, as ``keep-alive-http10``.
        value: for people, bounded, one line.
        probe: name of the probe that found it out.
        trace: key of the evidence in ``Results.traces``, or None where there is none.
    """

    name: str
    value: str
    probe: str
    trace: str | None = None


def counts(verdict: Verdict, fail_on: str) -> bool:
    """Whether a verdict makes the run fail.

    A claim may be judged more mildly than its rule's level, so that a MUST shows as ``warn``.
    """
    if fail_on == "never":
        return False
    if verdict.outcome in ("hang", "crash"):
        return fail_on == "should" or verdict.level in ("MUST", "MUST NOT")
    return verdict.outcome == "fail" or (fail_on == "should" and verdict.outcome == "warn")


@dataclass(slots=True)
class SubjectResult:
    """All verdicts of one subject.

    Attributes:
        name, title, kind: as in the roster; ``kind`` is ``server`` so far.
        family: the engine or stack that it counts as, for servers.
        version: the subject's own version; python: of the interpreter it ran on.
        started: whether it answered with our application; where not, ``failure`` says why.
        unavailable: whether it was not started because it cannot run on this machine.
        command: how it was started, placeholders filled in but for the run directory.
        started_in: seconds from start to first answer.
        duration: seconds for the whole subject; playing: of these, with probes; waited: of those,
            spent waiting for events.
        exchanges: connections made; log: the end of what it wrote to its standard streams.
        facts: what was found out and is not judged, each name once.
    """

    name: str
    title: str = ""
    kind: str = "server"
    family: str = ""
    version: str = ""
    python: str = ""
    homepage: str = ""
    started: bool = False
    unavailable: bool = False
    failure: str = ""
    command: list[str] = field(default_factory=list)
    started_in: float = 0.0
    duration: float = 0.0
    playing: float = 0.0
    waited: float = 0.0
    exchanges: int = 0
    verdicts: list[Verdict] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    log: str = ""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What came of one thing that a site does, asked for over a server by a client.

    Attributes:
        name: of the case of the site, such as ``upload``.
        outcome: one of ``BEHAVIOUR_OUTCOMES``; ``unsupported`` where the framework or the server
            cannot, and says so; ``error`` where no answer came or nothing could be asked.
        expected: what must come back, as one line.
        observed: what came back, as one line.
        exchange: request and response as readable, bounded text; None where nothing was exchanged,
            or all was well.
    """

    name: str
    outcome: str
    expected: str
    observed: str
    exchange: str | None = None


@dataclass(slots=True)
class GridCell:
    """One framework on one server.

    Attributes:
        server: its name in the roster; framework: its name among the sample sites.
        server_version, framework_version: empty where they do not tell.
        python: implementation and version of the interpreter.
        started: whether the server ever answered; where not, ``failure`` says why.
        behaviours: in the order of the site's cases.
    """

    server: str
    framework: str
    server_version: str = ""
    framework_version: str = ""
    python: str = ""
    started: bool = False
    failure: str = ""
    behaviours: list[Behaviour] = field(default_factory=list)


@dataclass(slots=True)
class Results:
    """One run, or several merged.

    Attributes:
        edition: name of the frozen list of rules it was judged by.
        suite: version of this suite.
        run: when, where and with which command line, for people.
        subjects: in roster order.
        traces: evidence by key, each ``{"probe": ..., "subject": ..., "events": [...]}``.
        complete: whether the run came to its end.
        grid: frameworks on servers, in the order of the run.
    """

    edition: str
    suite: str
    run: dict[str, Any] = field(default_factory=dict)
    subjects: list[SubjectResult] = field(default_factory=list)
    traces: dict[str, Any] = field(default_factory=dict)
    complete: bool = True
    grid: list[GridCell] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the object that is stored."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "edition": self.edition,
            "suite": self.suite,
            "run": self.run,
            "subjects": [asdict(subject) for subject in self.subjects],
            "traces": self.traces,
            "grid": [asdict(cell) for cell in self.grid],
            "complete": self.complete,
        }


def save_results(results: Results, path: Path) -> None:
    """Write a results file; an earlier one is replaced only once the new one is whole.

    Errors:
        ResultsError: the file cannot be written.
    """
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("w", encoding="utf-8") as file:
            json.dump(results.to_json(), file, ensure_ascii=True, separators=(",", ":"))
            file.write("\n")
        os.replace(partial, path)
    except OSError as error:
        raise ResultsError(f"{path}: cannot be written: {error.strerror}") from error


def load_results(path: Path) -> Results:
    """Read a results file.

    Errors:
        ResultsError: it cannot be read, is none of ours, is of another version, or was cut short.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ResultsError(
            f"{path}: not a whole JSON file ({error}); was the run cut short? Run it again"
        ) from error
    try:
        return _from_json(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = error.args[0] if isinstance(error, ValueError) and error.args else repr(error)
        raise ResultsError(f"{path}: not a results file of this suite: {reason}") from error


def _from_json(data: dict[str, Any]) -> Results:
    if data["format"] != FORMAT:
        raise ValueError(f"its format is {data['format']!r}, not {FORMAT!r}")
    if data["version"] != VERSION:
        raise ValueError(f"its version is {data['version']!r}; this suite reads {VERSION}")
    if data.get("complete") is not True:
        raise ValueError("its run was cut short; run it again")
    return Results(
        _text(data["edition"]),
        _text(data["suite"]),
        dict(data["run"]),
        [_subject(subject) for subject in data["subjects"]],
        dict(data["traces"]),
        grid=[_cell(cell) for cell in data.get("grid", ())],
    )


def _subject(data: dict[str, Any]) -> SubjectResult:
    known = _typed(SubjectResult, data)
    known["verdicts"] = [_verdict(verdict) for verdict in data["verdicts"]]
    known["facts"] = [Fact(**_typed(Fact, fact)) for fact in data.get("facts", ())]
    return SubjectResult(**known)


def _verdict(data: dict[str, Any]) -> Verdict:
    verdict = Verdict(**_typed(Verdict, data))
    if verdict.outcome not in OUTCOMES:
        raise ValueError(f"unknown outcome {verdict.outcome!r}")
    return verdict


def _cell(data: dict[str, Any]) -> GridCell:
    known = _typed(GridCell, data)
    known["behaviours"] = [_behaviour(each) for each in data["behaviours"]]
    return GridCell(**known)


def _behaviour(data: dict[str, Any]) -> Behaviour:
    behaviour = Behaviour(**_typed(Behaviour, data))
    if behaviour.outcome not in BEHAVIOUR_OUTCOMES:
        raise ValueError(f"unknown outcome {behaviour.outcome!r} of {behaviour.name!r}")
    return behaviour


# Annotation of a field -> the types that JSON may give it.
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "list[str]": (list,),
    "list[Verdict]": (list,),
    "list[Fact]": (list,),
    "list[Behaviour]": (list,),
}


def _typed(kind: type[Any], data: dict[str, Any]) -> dict[str, Any]:
    """Return the known keys of stored data, each of the type that its field has."""
    found = {}
    for each in fields(kind):
        if each.name not in data:
            continue
        value = data[each.name]
        wrong_item = each.type == "list[str]" and any(not isinstance(item, str) for item in value)
        if not isinstance(value, TYPES[str(each.type)]) or wrong_item:
            raise TypeError(f"{each.name}: {value!r:.80} is not a {each.type}")
        found[each.name] = value
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value
