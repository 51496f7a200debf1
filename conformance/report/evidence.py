"""The evidence inside the HTML report: small enough to travel with it, and read on demand.

Each subject's evidence is deflated on its own, so that opening a cell unpacks that subject alone.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from conformance.report.matrix import Column, Matrix
from conformance.results import Results
from conformance.rules import Rule

__all__ = ["inflate", "pack", "subject_evidence", "trace_keys", "unpack_subject"]

# Of more bytes than SHOWN in one event, the page has the beginning and the end; once the events of
# one kind have shown ALL in a trace, it has only a little of each.
SHOWN, HEAD, TAIL, ALL, BRIEF = 4096, 2048, 1024, 8192, 192
# No event is unpacked beyond this: a results file is input like any other.
UNPACKED_AT_MOST = 1 << 26
ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))


def pack(value: Any) -> str:
    """Return a value as JSON, deflated, in base64."""
    packed = zlib.compress(ENCODER.encode(value).encode("ascii"), 9)
    return base64.b64encode(packed).decode("ascii")


def inflate(packed: str) -> Any:
    """Undo ``pack``."""
    return json.loads(zlib.decompress(base64.b64decode(packed)))


def index(matrix: Matrix, rules: Mapping[str, Rule]) -> dict[str, Any]:
    """Return what the page needs to open any cell: subjects, rules and all verdicts.

    Texts stand in a table of their own, since most subjects are told the same things.
    """
    texts: dict[str, int] = {}

    def number(text: str) -> int:
        return texts.setdefault(text, len(texts))

    subjects = [_subject(column, number) for column in matrix.columns]
    return {
        "subjects": subjects,
        "rules": {row.rule: _rule(row.rule, rules) for row in matrix.rows},
        "texts": list(texts),
    }


def _rule(rule: str, rules: Mapping[str, Rule]) -> dict[str, str]:
    known = rules.get(rule)
    if known is None:
        return {}
    return {
        "level": known.effective_level,
        "party": known.party,
        "source": known.source,
        "summary": known.summary,
        "url": known.url,
        "how": known.how,
        "pitfalls": known.pitfalls,
    }


def _subject(column: Column, number: Any) -> dict[str, Any]:
    subject = column.subject
    return {
        "key": column.key,
        "name": subject.name,
        "title": subject.title,
        "version": subject.version,
        "python": subject.python,
        "started": subject.started,
        "failure": subject.failure,
        "command": subject.command,
        "log": subject.log,
        "verdicts": [
            [number(text) for text in (v.rule, v.probe, v.outcome, v.expected, v.observed)]
            + [v.trace, int(v.broken)]
            for v in subject.verdicts
        ],
    }


def trace_keys(column: Column, every: bool) -> list[str]:
    """Return the keys of a subject's traces: of every verdict, or of those that did not pass."""
    keys = {
        verdict.trace: None
        for verdict in column.subject.verdicts
        if verdict.trace is not None and (every or verdict.outcome != "pass")
    }
    return list(keys)


class Pool:
    """Values that occur again and again, each kept once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[str, int] = {}

    def number(self, value: Any) -> int:
        """Return the place of a JSON value among ``values``, where it is put if it is new."""
        text = ENCODER.encode(value)
        number = self._numbers.setdefault(text, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


def subject_evidence(results: Results, keys: Collection[str]) -> dict[str, Any]:
    """Return some traces in the form they are packed in.

    Traces of one subject say the same things over and over. So the entries of all environs stand
    once in ``items`` and all events once in ``bodies``, without their times; a trace is a list of
    pairs: microseconds since the event before, and number of the body.
    """
    items, bodies = Pool(), Pool()
    traces = {}
    for key in keys:
        trace = results.traces.get(key)
        if isinstance(trace, dict) and isinstance(trace.get("events"), list):
            traces[key] = _pairs(trace["events"], items, bodies)
    return {"items": items.values, "bodies": bodies.values, "traces": traces}


def unpack_subject(evidence: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the events of each trace in the form that ``results.json`` has them."""
    return {key: list(_events(pairs, evidence)) for key, pairs in evidence["traces"].items()}


def _events(pairs: list[int], evidence: dict[str, Any]) -> Iterator[dict[str, Any]]:
    clock = 0
    for delta, number in zip(pairs[::2], pairs[1::2], strict=True):
        clock += delta
        event = {"ms": clock / 1000, **evidence["bodies"][number]}
        environ = event.get("environ")
        if isinstance(environ, dict) and "items" in environ:
            entries = [evidence["items"][entry] for entry in environ["items"]]
            event["environ"] = {**environ, "items": entries}
        yield event


def _pairs(events: list[Any], items: Pool, bodies: Pool) -> list[int]:
    pairs: list[int] = []
    clock = 0
    shown: Counter[object] = Counter()
    for event in events:
        if not isinstance(event, dict):
            continue
        now = _microseconds(event.get("ms"))
        body = _body(event, items, shown)
        pairs += [now - clock, bodies.number(body)]
        clock = now
    return pairs


def _microseconds(ms: Any) -> int:
    fine = isinstance(ms, (int, float)) and abs(ms) < 1e12
    return round(ms * 1000) if fine else 0


def _body(event: dict[str, Any], items: Pool, shown: Counter[object]) -> dict[str, Any]:
    """An event without its time, its bytes bounded and its environ by numbers."""
    body = {name: value for name, value in event.items() if name != "ms"}
    for name, value in body.items():
        if isinstance(value, dict) and ("latin1" in value or "deflate" in value):
            body[name] = _bounded(value, shown[event.get("kind")] > ALL)
            shown[event.get("kind")] += len(str(body[name].get("latin1")))
    environ = body.get("environ")
    if isinstance(environ, dict) and isinstance(environ.get("items"), list):
        numbers = [items.number(item) for item in environ["items"]]
        body["environ"] = {**environ, "items": numbers}
    return body


def _bounded(value: dict[str, Any], briefly: bool) -> dict[str, Any]:
    """Many bytes become their beginning, their end and their number."""
    try:
        data = _latin1(value)
    except (binascii.Error, ValueError, TypeError, zlib.error):
        return {"latin1": "", "length": value.get("length"), "damaged": True}
    head, tail = (BRIEF, BRIEF) if briefly else (HEAD, TAIL)
    if "cut" in value:
        return {"latin1": data[:head], "length": value["cut"]}
    if len(data) <= (2 * BRIEF if briefly else SHOWN):
        return {"latin1": data}
    return {"latin1": data[:head], "tail": data[-tail:], "length": len(data)}


def _latin1(value: dict[str, Any]) -> str:
    if "deflate" in value:
        packed = base64.b64decode(value["deflate"])
        return zlib.decompressobj().decompress(packed, UNPACKED_AT_MOST).decode("latin-1")
    if not isinstance(value["latin1"], str):
        raise TypeError("bytes are stored as text")
    return value["latin1"]
