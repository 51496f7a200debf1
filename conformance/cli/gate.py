"""What all judging commands share: what is written, what is expected, and what makes them fail."""

from __future__ import annotations

import argparse
import os
import re
import secrets
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance import rules
from conformance.cli.exits import CLEAN, FINDINGS, UNJUDGED, UsageError
from conformance.cli.suite import writable
from conformance.report.badge import badge_json, badge_svg
from conformance.report.github import commands
from conformance.report.junit import render_junit
from conformance.report.markdown import SUMMARY, render_markdown
from conformance.report.text import visible
from conformance.results import Baseline, BaselineError, Gate, Results, judge, load_baseline
from conformance.results.baseline_edit import check_editable, update
from conformance.results.model import save_results
from conformance.rules import Rule

__all__ = ["Gatekeeper", "add_edition", "add_gate", "add_outputs", "wanted_rules"]

SUBJECT = "{subject}"


def add_edition(group: Any) -> None:
    """Add the option that freezes the rules."""
    group.add_argument(
        "--edition",
        metavar="NAME",
        help="only the rules that an edition froze, such as 2026.1: with it, no rule that a later "
        f"release adds turns a gate red (now: {rules.EDITION}, all rules)",
    )


def add_outputs(group: Any) -> None:
    """Add the options for files."""
    group.add_argument("--json", type=Path, metavar="F", help="all verdicts with their evidence")
    group.add_argument("--html", type=Path, metavar="F", help="the matrix, one self-contained file")
    group.add_argument(
        "--markdown", type=Path, metavar="F", help="the findings, short enough for a pull request"
    )
    group.add_argument("--junit", type=Path, metavar="F", help="JUnit XML: a case for each rule")
    group.add_argument(
        "--badge",
        type=Path,
        metavar="F",
        help="a badge: F.svg, or F.json for shields.io; {subject} in it stands for each name",
    )


def add_gate(parser: Any, default: str = "must") -> None:
    """Add the options for what makes the exit code 1."""
    group = parser.add_argument_group("what makes it fail")
    group.add_argument(
        "--fail-on",
        choices=("must", "should", "never"),
        default=default,
        help="what makes the exit code 1: a broken MUST, a broken SHOULD too, or nothing "
        f"({default})",
    )
    group.add_argument(
        "--baseline",
        type=Path,
        metavar="F",
        help="TOML file of expected failures: listed and failing is fine, listed and passing is 1",
    )
    group.add_argument(
        "--update-baseline",
        action="store_true",
        help="write what fails now into that file, and take out what passes; reasons and comments "
        "of what stays are kept",
    )
    group.add_argument(
        "--github",
        action="store_true",
        help="print annotations for GitHub Actions, and add to $GITHUB_STEP_SUMMARY where it is "
        "set; never done unasked",
    )


def wanted_rules(globs: Sequence[str], edition: str | None) -> frozenset[str]:
    """Return the ids that are judged.

    Errors:
        UnknownRule, UnknownEdition: there is none of that name.
        UsageError: the edition holds none of those that were asked for.
    """
    chosen = frozenset(rule.id for rule in rules.matching(globs or ["*"]))
    if edition is None:
        return chosen
    frozen = chosen & set(rules.edition(edition))
    if not frozen:
        raise UsageError(f"edition {edition} has no rule named like {' or '.join(globs)}")
    return frozen


@dataclass
class Gatekeeper:
    """Reads what is expected before the work, and concludes after it.

    Args:
        options: of the command line, with those of ``add_outputs`` and ``add_gate``.
        subjects: names of what will be judged, where that is known.
        files: by name of a subject, the file that it is described in, for annotations.
        excused: names of subjects that cannot be judged here, and that nobody asked for.
        partial: whether checks of a rule are left out, so that one that seems to hold may not.

    Errors:
        UsageError: a file that cannot be written, or options that do not go together.
        BaselineError: a baseline that cannot be used.
    """

    options: argparse.Namespace
    subjects: Sequence[str] = ()
    files: Mapping[str, Path] | None = None
    partial: bool = False
    excused: Collection[str] = ()

    def __post_init__(self) -> None:
        options = self.options
        for chosen in ("probe", "scenario"):
            self.partial = self.partial or bool(getattr(options, chosen, None))
        self.notes: list[str] = []
        for path in (options.json, options.html, options.markdown, options.junit):
            if path is not None:
                writable(path)
        if options.badge is not None:
            self._check_badge(options.badge)
        if options.update_baseline and options.baseline is None:
            raise UsageError("--update-baseline needs --baseline F, the file to write")
        self.baseline: Baseline | None = None
        if options.baseline is not None:
            self.baseline = load_baseline(options.baseline, new=options.update_baseline)
            if options.update_baseline:
                writable(options.baseline)
                check_editable(self.baseline)

    def _check_badge(self, path: Path) -> None:
        if path.suffix not in (".svg", ".json"):
            raise UsageError(f"--badge {path}: name a file that ends in .svg or .json")
        if len(self.subjects) > 1 and SUBJECT not in path.name:
            raise UsageError(
                f"--badge {path}: a badge is of one subject; write "
                f"{path.with_stem(path.stem + '-' + SUBJECT)} for one of each"
            )
        writable(path.with_name(path.name.replace(SUBJECT, "subject")))

    def conclude(self, results: Results) -> Gate:
        """Return what was not expected; the baseline is brought up to date first, if asked to.

        Errors:
            BaselineError: it cannot be written.
        """
        gate = self._judge(results)
        if self.options.update_baseline and self.baseline is not None:
            changed = update(self.baseline, gate)
            path = self.options.baseline
            partial = path.with_name(path.name + ".part")
            try:
                partial.write_text(changed.text, encoding="utf-8", newline="")
                os.replace(partial, path)
            except OSError as error:
                raise BaselineError(
                    f"{self.baseline.name}: cannot be written: {error.strerror}"
                ) from error
            self.notes.append(
                f"baseline {self.baseline.name}: {len(changed.added)} added, "
                f"{len(changed.removed)} taken out, {changed.kept} kept"
            )
            self.baseline = load_baseline(self.options.baseline)
            gate = self._judge(results)
        return gate

    def _judge(self, results: Results) -> Gate:
        fail_on = self.options.fail_on
        return judge(results, fail_on, self.baseline, self.partial, self.excused)

    def write(
        self, results: Results, gate: Gate, page: Callable[[], str], known: Mapping[str, Rule]
    ) -> list[Path]:
        """Write the files that were asked for, and return their names.

        Args:
            page: makes the HTML. known: all rules by id.
        """
        options = self.options
        if options.json:
            save_results(results, options.json)
        if options.html:
            options.html.write_text(page(), encoding="utf-8")
        if options.markdown:
            text = render_markdown(results, gate, known)
            options.markdown.write_text(text, encoding="utf-8")
        if options.junit:
            options.junit.write_bytes(render_junit(results, gate))
        files = [options.json, options.html, options.markdown, options.junit]
        return [*(path for path in files if path), *self._badges(results)]

    def _badges(self, results: Results) -> list[Path]:
        path = self.options.badge
        if path is None:
            return []
        if len(results.subjects) > 1 and SUBJECT not in path.name:
            self._check_badge_of([subject.name for subject in results.subjects])
        written = []
        for subject in results.subjects:
            name = re.sub(r"[^A-Za-z0-9.+-]+", "_", subject.name)
            target = path.with_name(path.name.replace(SUBJECT, name))
            draw = badge_svg if path.suffix == ".svg" else badge_json
            target.write_text(draw(results, subject), encoding="utf-8")
            written.append(target)
        return written

    def _check_badge_of(self, names: Sequence[str]) -> None:
        self.subjects = names
        self._check_badge(self.options.badge)

    def tell(self, results: Results, gate: Gate) -> None:
        """Print what is expected and what is stale; annotations, where they were asked for."""
        for line in [*self.notes, *self._lines(gate)]:
            print(visible(line))
        if self.options.github:
            files = {name: _in_repository(file) for name, file in (self.files or {}).items()}
            files[""] = _in_repository(self.options.baseline) if self.baseline else ""
            for line in commands(gate, files, self.options.fail_on != "never"):
                print(line)
            self._summarize(results, gate)

    def _lines(self, gate: Gate) -> Iterator[str]:
        if self.baseline is None:
            return
        name = self.baseline.name
        for entry in gate.stale:
            yield (
                f"stale: {entry.subject} {entry.rule} passes; take it out of {name}"
                + (f", line {entry.line}" if entry.line else "")
                + ", or run with --update-baseline"
            )
        unwritten = [entry for entry in self.baseline.entries if not entry.written]
        if unwritten:
            yield f"{name}: {len(unwritten)} reasons still have to be written (TODO)"
        if gate.absent:
            names = ", ".join(dict.fromkeys(entry.subject for entry in gate.absent))
            yield f"{name}: {len(gate.absent)} entries for what was not run: {names}"
        if self.partial:
            yield f"{name}: stale entries are not looked for in a part of the checks"
        yield (
            f"{len(gate.expected)} expected, {len(gate.unexpected)} unexpected, "
            f"{len(gate.stale)} stale"
        )

    def _summarize(self, results: Results, gate: Gate) -> None:
        name = os.environ.get("GITHUB_STEP_SUMMARY")
        if not name:
            return
        path = Path(name)
        try:
            room = SUMMARY - (path.stat().st_size if path.exists() else 0)
            text = render_markdown(results, gate, rules.load(), room - 1)
            if len(text.encode()) < room:
                with path.open("a", encoding="utf-8") as file:
                    file.write(text)
        except OSError as error:
            print(f"{name}: cannot be written: {error.strerror}", file=sys.stderr)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While it lasts, nothing that a server says is taken for a command by GitHub Actions."""
        if not self.options.github:
            yield
            return
        word = secrets.token_hex(16)
        print(f"::stop-commands::{word}", flush=True)
        try:
            yield
        finally:
            sys.stderr.flush()
            print(f"::{word}::", flush=True)

    def exit_code(self, gate: Gate, unjudged: bool, findings_first: bool = False) -> int:
        """Return the exit code.

        Args:
            unjudged: whether something could not be judged.
            findings_first: whether what broke comes before that.
        """
        red = gate.red and self.options.fail_on != "never"
        if unjudged and not (findings_first and red):
            return UNJUDGED
        return FINDINGS if red else CLEAN


def _in_repository(path: Path) -> str:
    """Return a path as annotations need it: from the root of the repository, if it is in it."""
    root = Path(os.environ.get("GITHUB_WORKSPACE") or ".").resolve()
    full = path.resolve()
    return str(full.relative_to(root) if full.is_relative_to(root) else path)
