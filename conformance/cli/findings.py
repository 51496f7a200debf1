"""Findings of subjects that are judged in memory, by gravity, and one line of numbers for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from conformance.cli.gate import Gatekeeper, add_edition, add_gate, add_outputs
from conformance.cli.run import page, unjudged
from conformance.cli.suite import load_suite
from conformance.report.terminal import PIPE_WIDTH, STYLES, printable
from conformance.results import Gate, Results, SubjectResult, Verdict
from conformance.rules import Rule

__all__ = ["Findings", "add_output", "concluded", "exit_code"]

GRAVITY = ("error", "crash", "hang", "fail", "warn", "info")
WORDS = {"fail": "MUST", "warn": "SHOULD", "info": "note"}


def add_output(parser: Any) -> None:
    """Add the options for what is reported, written, and expected."""
    told = parser.add_argument_group("what is reported")
    told.add_argument(
        "--rule", action="append", default=[], metavar="GLOB", help="only rules named like this"
    )
    add_edition(told)
    told.add_argument("--notes", action="store_true", help="also advice, which never counts")
    add_outputs(parser.add_argument_group("what is written"))
    add_gate(parser)


class Findings:
    """Prints to standard output.

    Args:
        rules: all rules by id. notes: whether to show advice too.
    """

    def __init__(self, rules: Mapping[str, Rule], notes: bool) -> None:
        self.rules = rules
        self.notes = notes
        self.out = Console(highlight=False, emoji=False, soft_wrap=True)
        if not self.out.is_terminal:
            self.out = Console(highlight=False, emoji=False, soft_wrap=True, width=PIPE_WIDTH)

    def show(self, result: SubjectResult, untouched: Sequence[str] = ()) -> None:
        """Print the findings of one subject, the gravest first, and its numbers.

        Args:
            untouched: ids of the rules that were not put to the test.
        """
        found = [verdict for verdict in result.verdicts if verdict.outcome != "pass"]
        shown = [verdict for verdict in found if self.notes or verdict.outcome != "info"]
        for verdict in sorted(shown, key=lambda verdict: GRAVITY.index(verdict.outcome)):
            self._finding(verdict)
        if result.failure:
            self.out.print("\n[bold]not judged[/]")
            for line in printable(result.failure).splitlines():
                self.out.print(f"  {escape(line)}")
        if shown or result.failure:
            self.out.print()
        self.out.print(self._numbers(result))
        if untouched and self.notes:
            self.out.print(f"not put to the test: {', '.join(untouched)}")

    def _finding(self, verdict: Verdict) -> None:
        word = verdict.level if verdict.outcome in ("fail", "warn") else verdict.outcome
        if verdict.outcome == "info":
            word = "note"
        self.out.print(
            f"\n[{STYLES[verdict.outcome]}]{word}[/] [bold]{escape(verdict.rule)}[/] "
            f"({verdict.party}) [dim]{escape(verdict.probe)}[/]"
        )
        rule = self.rules.get(verdict.rule)
        for name, text in (
            ("expected", verdict.expected),
            ("observed", verdict.observed),
            ("see", rule.url if rule else ""),
        ):
            self.out.print(f"  {name:8} {escape(printable(text))}")

    def _numbers(self, result: SubjectResult) -> str:
        name = " ".join(filter(None, (result.title or result.name, result.version)))
        name = escape(printable(name))
        if not result.exchanges or not result.started:
            return f"[bold red]{name}: nothing was judged[/]"
        if not result.verdicts:
            return f"[bold red]{name}: no rule that was asked for was put to the test[/]"
        worst: dict[str, str] = {}
        for verdict in sorted(result.verdicts, key=lambda each: gravity(each.outcome)):
            worst.setdefault(verdict.rule, verdict.outcome)
        outcomes = [*worst.values()]
        parts = [
            f"[{STYLES[outcome]}]{outcomes.count(outcome)} {WORDS.get(outcome, outcome)}[/]"
            for outcome in GRAVITY
            if outcome in outcomes
        ]
        told = ", ".join([*parts, f"[{STYLES['pass']}]{outcomes.count('pass')} held[/]"])
        notes = "" if self.notes or "info" not in outcomes else " (--notes shows the notes)"
        return (
            f"{name}: {result.exchanges} requests; {len(worst)} rules put to the test: "
            f"{told}{notes}; {result.duration:.1f} s"
        )

    def written(self, paths: Sequence[Path]) -> None:
        """Say which files were written."""
        for path in paths:
            self.out.print(f"written: {escape(str(path))}")


def gravity(outcome: str) -> int:
    """Return where an outcome stands among all, the gravest first."""
    return GRAVITY.index(outcome) if outcome in GRAVITY else len(GRAVITY)


def concluded(keeper: Gatekeeper, results: Results, findings: Findings) -> Gate:
    """Conclude from results, write the files that were asked for, and say which."""
    gate = keeper.conclude(results)
    suite = load_suite()
    findings.written(keeper.write(results, gate, lambda: page(results, suite), suite.rules))
    return gate


def exit_code(keeper: Gatekeeper, results: Results, gate: Gate) -> int:
    """Return the exit code: what broke comes before what could not be judged."""
    return keeper.exit_code(gate, unjudged(results.subjects), findings_first=True)
