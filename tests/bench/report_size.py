"""How large the report of the whole roster is: stored results, multiplied to as many subjects.

Each copy of a subject gets a name, version, ports, addresses, dates and times of its own; three in
a row share a family, as workers of one server do, and each family spells its headers, its log and
the classes of its objects in its own way. Probes are multiplied likewise, with a header of their
own in each request. Prints the size of the page and of its parts; says nothing of good or bad.

    python tests/bench/report_size.py RESULTS.json [--subjects N] [--probes N] [--html F]
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from conformance.cli.suite import load_suite
from conformance.report.html import render_html
from conformance.results import Results, SubjectResult, load_results

WORKERS = 3
CHANGED = re.compile(
    r"0x7f[0-9a-f]{10}|conformance-[0-9a-f]{16}-|\b1[0-9]{14}\b|\b[1-6][0-9]{4}\b|:\d\d:\d\d"
)
CLASSES = re.compile(r"\b(gunicorn|waitress|gevent|cheroot|werkzeug|wsgiref|conformance)\.")


class Copies(Mapping[str, Any]):
    """The traces of all copies, each made when it is asked for."""

    def __init__(self, traces: Mapping[str, Any]) -> None:
        self.traces = {key: json.dumps(trace) for key, trace in traces.items()}
        self.made: dict[str, tuple[str, int, int]] = {}

    def add(self, key: str, copy: int, probe: int) -> str:
        """Announce a copy; return its key."""
        name = f"{key}c{copy}p{probe}"
        self.made[name] = (key, copy, probe)
        return name

    def __getitem__(self, name: str) -> Any:
        key, copy, probe = self.made[name]
        if not copy and not probe:
            return json.loads(self.traces[key])
        text = varied(self.traces[key], copy, random.Random(name))
        if probe:
            text = text.replace(r"\r\nHost:", rf"\r\nX-Edge: {probe}\r\nHost:")
        trace = json.loads(text)
        trace["probe"] += "_again" * probe
        jitter = random.Random(name)
        clock = last = 0.0
        for event in trace["events"]:
            clock += (event["ms"] - last) * jitter.uniform(0.7, 1.5)
            last, event["ms"] = event["ms"], round(clock, 3)
        return trace

    def __iter__(self) -> Iterator[str]:
        return iter(self.made)

    def __len__(self) -> int:
        return len(self.made)


def varied(text: str, copy: int, dice: random.Random) -> str:
    """Return a text with what no two runs share made anew, and what two families do not share."""
    known: dict[str, str] = {}

    def anew(match: re.Match[str]) -> str:
        old = match[0]
        if old not in known:
            known[old] = "".join(
                dice.choice("0123456789abcdef" if old.startswith(("0x", "c")) else "123456")
                if char in "0123456789abcdef" and place > 1 and not old.startswith("conf")
                else char
                for place, char in enumerate(old)
            )
        return known[old]

    text = CHANGED.sub(anew, text).replace("conformance-", f"conformance-{copy:02x}")
    family = copy // WORKERS
    if family:
        text = CLASSES.sub(rf"\1_{family}.", text)
        text = text.replace(r"\r\nServer: ", rf"\r\nX-Family: {family}\r\nServer: ")
        text = text.replace('["wsgi.errors"', f'["family.{family}", {family}], ["wsgi.errors"')
    return text


def multiply(results: Results, subjects: int, probes: int) -> Results:
    """Return results with so many subjects, each of so many probes."""
    copies = Copies(results.traces)
    names = sorted({v.probe for subject in results.subjects for v in subject.verdicts})
    again = {name: number < probes - len(names) for number, name in enumerate(names)}
    made = []
    for number in range(subjects):
        copy, place = divmod(number, len(results.subjects))
        made.append(_copy(results.subjects[place], copy, again, copies))
    # Not a dict, but all that is done with it is done with mappings.
    traces: Any = copies
    return replace(results, subjects=made, traces=traces)


def _copy(
    subject: SubjectResult, copy: int, again: Mapping[str, bool], copies: Copies
) -> SubjectResult:
    verdicts = []
    for verdict in subject.verdicts:
        for probe in range(1 + again[verdict.probe]):
            key = None if verdict.trace is None else copies.add(verdict.trace, copy, probe)
            name = verdict.probe + "_again" * probe
            # A rule of another name, as further probes judge further rules.
            rule = verdict.rule + "-again" * probe
            verdicts.append(replace(verdict, probe=name, trace=key, rule=rule))
    if copy == 0:
        return replace(subject, verdicts=verdicts)
    dice = random.Random(f"{subject.name}{copy}")
    return replace(
        subject,
        name=f"{subject.name}-{copy}",
        title=f"{subject.title} ({copy})",
        version=f"{subject.version}.{copy}",
        verdicts=verdicts,
        log=varied(subject.log, copy, dice),
        command=[*subject.command, f"--worker-class=kind{copy}"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--subjects", type=int, default=70)
    parser.add_argument("--probes", type=int, default=250)
    parser.add_argument("--html", type=Path)
    options = parser.parse_args()
    suite = load_suite()
    results = multiply(load_results(options.results), options.subjects, options.probes)
    verdicts = sum(len(subject.verdicts) for subject in results.subjects)
    print(f"{len(results.subjects)} subjects, {verdicts} verdicts, {len(results.traces)} traces")
    begun = time.perf_counter()
    page = render_html(results, suite.rules, suite.traceability())
    print(f"rendered in {time.perf_counter() - begun:.1f} s")
    size = len(page.encode("utf-8"))
    print(f"page {size / 1024:.0f} KiB of 1024")
    packs = r'<script type="text/plain" id="{}">.*?</script>'
    for name, pattern in (
        *((f"packed {name}", packs.format(name)) for name in ("index", "pools", "traces")),
        ("script", r"<script>.*?</script>"),
        ("style", r"<style>.*?</style>"),
        ("matrix", r'<div class="scroll.*?\n</div>'),
        ("rules", r'id="rules".*?</section>'),
    ):
        part = sum(len(match.encode()) for match in re.findall(pattern, page, re.DOTALL))
        print(f"{name:14} {part / 1024:.0f} KiB")
    about = re.search(r'id="about">.*?</p>.*?<p>(.*?)</p>', page, re.DOTALL)
    print(" ".join(re.sub("<.*?>", "", about[1] if about else "").split()))
    if options.html:
        options.html.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
