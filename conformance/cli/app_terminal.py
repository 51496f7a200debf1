"""What a person sees of an application's check: findings by gravity, then one line of numbers."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from conformance.driver.check import Found
from conformance.driver.supervise import Checked
from conformance.report.terminal import PIPE_WIDTH, STYLES, printable
from conformance.validation.catalogue import RULES

__all__ = ["ApplicationTerminal"]

GRAVITY = ("error", "crash", "hang", "fail", "warn", "info")
WORDS = {"fail": "MUST", "warn": "SHOULD", "info": "note"}
# Findings of one rule and gravity that are told, each at another place or on another URL.
ALIKE = 3


@dataclass
class Group:
    """One finding, wherever it was found.

    Attributes:
        first: as it was found first. scenarios: where.
    """

    first: Found
    scenarios: dict[str, None] = field(default_factory=dict)


class ApplicationTerminal:
    """Progress of a check, then its findings.

    Args:
        name: of the application.
        notes: whether to show advice too.
    """

    def __init__(self, name: str, notes: bool) -> None:
        self.name = name
        self.notes = notes
        self.out = Console(highlight=False, emoji=False, soft_wrap=True)
        if not self.out.is_terminal:
            self.out = Console(highlight=False, emoji=False, soft_wrap=True, width=PIPE_WIDTH)
        self.err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=self.err,
            disable=not self.err.is_terminal,
            transient=True,
        )
        self.task = self.bar.add_task(escape(printable(name)), total=None)

    def __enter__(self) -> ApplicationTerminal:
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def progress(self, done: int, total: int) -> None:
        """Show how far it is."""
        self.bar.update(self.task, completed=done, total=total)

    def output(self, line: str) -> None:
        """Show what the application printed, above the bar."""
        self.err.print(printable(line), markup=False)

    def summary(self, checked: Checked, written: Sequence[Path], fuzzed: str = "") -> None:
        """Print the findings, the worst first, and what was done.

        Args:
            written: files. fuzzed: what to say of made-up requests.
        """
        groups = grouped(checked)
        shown = [each for each in groups if self.notes or each.first.outcome != "info"]
        total = len(checked.scenarios)
        told: Counter[tuple[str, str]] = Counter()
        for group in shown:
            kind = (group.first.rule, group.first.outcome)
            told[kind] += 1
            if told[kind] <= ALIKE:
                self._finding(group, total)
        for (rule, _), number in told.items():
            if number > ALIKE:
                more = number - ALIKE
                self.out.print(f"\nand {more} more of {escape(rule)}; --json has them all")
        if checked.result.failure:
            self._failure(checked.result.failure)
        if shown or checked.result.failure:
            self.out.print()
        self.out.print(self._numbers(checked, groups))
        if fuzzed:
            self.out.print(escape(fuzzed))
        for path in written:
            self.out.print(f"written: {escape(str(path))}")

    def _finding(self, group: Group, total: int) -> None:
        found = group.first
        style = STYLES[found.outcome]
        word = found.outcome if found.outcome not in WORDS else found.level
        if found.outcome == "info":
            word = "note"
        count = len(group.scenarios)
        where = f"{count} of {total} scenarios" if count > 1 else next(iter(group.scenarios))
        blame = "" if found.outcome == "error" else f" ({found.party})"
        self.out.print(f"\n[{style}]{word}[/] [bold]{escape(found.rule)}[/]{blame} [dim]{where}[/]")
        again = ""
        if found.replay:
            again = shlex.join(["wsgi-conformance", "app", self.name, "--replay", found.replay])
        for name, text in (
            ("expected", found.expected),
            ("observed", found.observed),
            ("at", found.location),
            ("in", found.request),
            ("see", RULES[found.rule][2] if found.rule in RULES else ""),
            ("again", again),
        ):
            if text:
                self.out.print(f"  {name:8} {escape(printable(text))}")
        if found.outcome == "error":
            self.out.print("  this is a defect of this suite, please report it")

    def _failure(self, failure: str) -> None:
        self.out.print("\n[bold]not checked to the end[/]")
        lines = printable(failure).splitlines()
        for line in lines:
            self.out.print(f"  {escape(line)}")

    def _numbers(self, checked: Checked, groups: Sequence[Group]) -> str:
        result = checked.result
        name = escape(printable(result.name))
        if not result.exchanges:
            return f"[bold red]{name}: 0 requests checked: nothing was judged[/]"
        if not result.verdicts:
            return f"[bold red]{name}: no rule that was asked for was put to the test[/]"
        judged = {verdict.rule for verdict in result.verdicts}
        worst: dict[str, str] = {}
        for group in groups:
            worst.setdefault(group.first.rule, group.first.outcome)
        parts = [
            f"[{STYLES[outcome]}]{number} {WORDS.get(outcome, outcome)}[/]"
            for outcome in GRAVITY
            if (number := sum(each == outcome for each in worst.values()))
        ]
        held = len(judged - {*worst})
        told = ", ".join([*parts, f"[{STYLES['pass']}]{held} held[/]"])
        notes = "" if self.notes or "info" not in worst.values() else " (--notes shows the notes)"
        return (
            f"{name}: {result.exchanges} requests in {len(checked.scenarios)} scenarios; "
            f"{len(judged)} rules put to the test: {told}{notes}; {result.duration:.1f} s"
        )


def grouped(checked: Checked) -> list[Group]:
    """Return what did not pass, each rule and place once, the gravest first."""
    groups: dict[tuple[str, str, str], Group] = {}
    for scenario, found in checked.found:
        if found.outcome == "pass":
            continue
        key = (found.rule, found.outcome, found.location or found.observed)
        groups.setdefault(key, Group(found)).scenarios[scenario] = None
    return sorted(groups.values(), key=lambda group: GRAVITY.index(group.first.outcome))
