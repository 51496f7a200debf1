"""Reads what is packed into a report, as its script does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from conformance.report.evidence import STEPS
from conformance.report.pack import unpack

ELIDED = "\ue004"
COLUMNS = 8


class Page(HTMLParser):
    """What a browser would make of a page: its elements and its text, scripts and style apart."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.code: dict[str, list[str]] = {"style": [], "script": []}
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag if tag in self.code else ""
        if self._inside:
            self.code[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.code[self._inside][-1] += data
        else:
            self.text += data

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        """Yield the attributes of every element of a name."""
        return (attributes for name, attributes in self.elements if name == tag)

    @property
    def detail(self) -> dict[str, Any]:
        """How much of the evidence there is."""
        found: dict[str, Any] = json.loads(self.code["script"][3])
        return found

    @property
    def index(self) -> dict[str, Any]:
        """Subjects, rules and verdicts."""
        found: dict[str, Any] = json.loads(unpack(self.code["script"][0]))
        return found

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        """All verdicts, each with the number of its subject and of its trace."""
        index, found = self.index, []
        for rule, probe, kinds, places in index["checks"]:
            subject = trace = 0
            for at in range(0, len(places), 3):
                subject, trace = subject + places[at], trace + places[at + 2]
                outcome, expected, observed, broken = kinds[places[at + 1]]
                found.append(
                    {
                        "subject": subject,
                        "rule": index["texts"][rule],
                        "probe": index["texts"][probe],
                        "outcome": index["outcomes"][outcome],
                        "expected": index["texts"][expected],
                        "observed": index["texts"][observed],
                        "broken": bool(broken),
                        "trace": trace,
                    }
                )
        return found

    @property
    def traces(self) -> list[list[dict[str, Any]]]:
        """The events of each trace, by number."""
        pools, packed = (unpack(self.code["script"][at]) for at in (1, 2))
        return Traces(self.index, self.detail["exact"], pools.decode("ascii"), packed).all()


def numbers(data: bytes) -> Iterator[int]:
    """Yield the numbers that varints stand for."""
    number = shift = 0
    for byte in data:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield number
            number = shift = 0


def signed(coded: int) -> int:
    """Undo zigzag."""
    return -(coded + 1) // 2 if coded % 2 else coded // 2


class Traces:
    """The packed traces of a page."""

    def __init__(self, index: dict[str, Any], exact: bool, pools: str, packed: bytes) -> None:
        self.index, self.exact = index, exact
        self.items, self.bodies = (pool.split("\n") for pool in pools.split("\x00"))
        head: list[int] = []
        at = 0
        while len(head) < 2 + COLUMNS:
            end = next(i for i in range(at, len(packed)) if packed[i] < 128) + 1
            head += numbers(packed[at:end])
            at = end
        self.sequences, self.rows = head[:2]
        self.columns = []
        for size in head[2:]:
            self.columns.append(numbers(packed[at : at + size]))
            at += size
        self.values = json.loads(packed[at:])

    def all(self) -> list[list[dict[str, Any]]]:
        """Return the events of each trace."""
        lengths, bodies, of, which, about, missing, clocks, times = self.columns
        sequences = [[next(bodies) for _ in range(length)] for length in list(lengths)]
        subjects = [[signed(next(of)) for _ in sequence] for sequence in sequences]
        subject, last, found = 0, dict[int, int](), []
        for row in range(self.rows):
            number = next(which)
            subject += signed(next(about))
            marker, port, finding, _ = next(about), next(about), next(about), next(missing)
            mine = []
            for _ in range(next(clocks)):
                last[subject] = last.get(subject, 0) + signed(next(clocks))
                mine.append(last[subject])
            home = self.index["subjects"][subject]
            values = iter(self.values[row]) if self.values else None
            put = Restorer(home["markers"][marker], home["ports"][port], mine, values)
            passed = [self.passed(signed(next(times)), bool(finding)) for _ in sequences[number]]
            found.append(list(self.events(sequences[number], subjects[number], passed, put)))
        return found

    def passed(self, time: int, finding: bool) -> float:
        """Microseconds of a stored time."""
        if self.exact:
            return time
        size = 2 ** (abs(time) / STEPS[finding]) - 1
        return size if time >= 0 else -size

    def events(
        self, sequence: list[int], of: list[int], passed: list[float], put: Restorer
    ) -> Iterator[dict[str, Any]]:
        """Yield the events of one trace."""
        clock, subject = 0.0, 0
        for number, change, time in zip(sequence, of, passed, strict=True):
            own, _, entries = self.bodies[number].partition("\t")
            event = put(own)
            if entries:
                event["environ"]["items"] = [put(self.items[int(at)]) for at in entries.split(",")]
            clock, subject = clock + time, subject + change
            if event.get("kind") == "open" and "address" not in event and put.port:
                event["address"] = ["127.0.0.1", int(put.port)]
            yield {"ms": clock / 1000, **({"of": subject} if subject else {}), **event}


class Restorer:
    """Puts back what was taken out of the events of one trace."""

    def __init__(
        self, marker: str, port: str, clocks: list[int], values: Iterator[str] | None
    ) -> None:
        self.marker, self.port, self.values = marker, port, values
        self.clocks = iter(clocks) if len(clocks) > 1 else iter(lambda: clocks[0], None)

    def __call__(self, text: str) -> Any:
        text = re.sub("[\x01-\x04]", self.one, text)
        try:
            return json.loads(text)
        except ValueError:
            return json.loads(re.sub(f"([\\[,:]){ELIDED}(?=[\\],}}])", rf'\1"{ELIDED}"', text))

    def one(self, match: re.Match[str]) -> str:
        if match[0] == "\x01":
            return self.marker
        if match[0] == "\x02":
            return self.port
        if match[0] == "\x03":
            clock = next(self.clocks)
            return f"{clock // 3600:02}:{clock // 60 % 60:02}:{clock % 60:02}"
        return ELIDED if self.values is None else next(self.values)
