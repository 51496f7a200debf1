"""What a person sees while a run goes on and when it has ended.

A terminal shows bars; a pipe gets a line for each server. Colours follow NO_COLOR. Results go to
standard output, progress to standard error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from conformance.results import OUTCOMES, Gate, Results, SubjectResult, Verdict

__all__ = ["Terminal", "printable"]

STYLES = {
    "pass": "green",
    "fail": "bold red",
    "warn": "yellow",
    "info": "blue",
    "hang": "bold magenta",
    "crash": "bold magenta",
    "unsupported": "dim",
    "error": "bold white on red",
}
PIPE_WIDTH = 140
# So much of a line of an installing tool's fits beside a bar.
SAID_LENGTH = 60
SHOWN = ("error", "crash", "hang", "fail")


def printable(text: str) -> str:
    """Return text that cannot steer a terminal, whatever a server put into it."""
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode()
        for char in text
    )


class Terminal:
    """Progress of a run, then its summary.

    Args:
        names: of the subjects that will be run.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.out = Console(highlight=False, emoji=False, soft_wrap=True)
        if not self.out.is_terminal:
            # A log has no width of its own to fit into.
            self.out = Console(highlight=False, emoji=False, soft_wrap=True, width=PIPE_WIDTH)
        self.err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
        self.live = self.err.is_terminal
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=self.err,
            disable=not self.live,
            transient=True,
        )
        self.tasks: dict[str, TaskID] = {
            name: self.bars.add_task(name, total=None) for name in names
        }
        self._doing: dict[str, str] = {}

    def __enter__(self) -> Terminal:
        self.bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.bars.stop()

    def progress(self, name: str, done: int, total: int) -> None:
        """Show how far a server is; called from the thread that runs it."""
        self.bars.update(self.tasks[name], description=name, completed=done, total=total)

    def said(self, name: str, doing: str, line: str) -> None:
        """Show what is done before a server can start, and the latest line about it.

        A pipe is told once for each thing that is done. Called from the thread that does it.
        """
        if self.live:
            shown = printable(f"{name}: {line or doing}")[:SAID_LENGTH]
            self.bars.update(self.tasks[name], description=escape(shown))
        elif self._doing.get(name) != doing:
            self._doing[name] = doing
            self.err.print(escape(printable(f"{name}: {doing}")))

    def note(self, name: str, text: str) -> None:
        """Say at once what a person should know of a server; called from its thread."""
        self.err.print(f"[yellow]{escape(printable(f'{name}: {text}'))}[/]")

    def finished(self, result: SubjectResult) -> None:
        """Say in a line how a server came out."""
        self.bars.update(self.tasks[result.name], visible=False)
        if not result.started:
            first = printable(result.failure).partition("\n")[0]
            style, what = (
                ("dim", "cannot run") if result.unavailable else ("bold red", "not judged")
            )
            line = f"[{style}]{escape(result.name)}: {what}: {escape(first)}[/]"
        else:
            counts = Counter(verdict.outcome for verdict in result.verdicts)
            parts = [
                f"[{STYLES[outcome]}]{counts[outcome]} {outcome}[/]"
                for outcome in OUTCOMES
                if counts[outcome]
            ]
            line = f"{escape(result.name)}: {', '.join(parts)} in {result.duration:.1f} s"
        self.err.print(line)

    def summary(self, results: Results, written: Sequence[Path], gate: Gate | None = None) -> None:
        """Print the findings that matter most, a table of counts, and where the rest is.

        Args:
            gate: knows which findings were expected; they are counted and not told again.
        """
        for subject in results.subjects:
            self._findings(subject, gate)
        self.out.print(self._table(results))
        for path in written:
            self.out.print(f"written: {escape(str(path))}")
        if not written:
            self.out.print("For the evidence: --html report.html, or --json results.json")

    def _findings(self, subject: SubjectResult, gate: Gate | None) -> None:
        if subject.failure:
            what = "cannot run here" if subject.unavailable else "was not judged in full"
            self.out.print(f"\n[bold]{escape(subject.name)}[/] {what}:")
            self.out.print(escape(printable(subject.failure)))
        grave = [
            verdict
            for verdict in subject.verdicts
            if verdict.outcome in SHOWN
            and not (gate is not None and gate.covered(subject.name, verdict))
        ]
        if not grave:
            return
        self.out.print(f"\n[bold]{escape(subject.title)}[/] {escape(printable(subject.version))}")
        alike: dict[tuple[str, ...], list[Verdict]] = {}
        for verdict in sorted(grave, key=lambda verdict: SHOWN.index(verdict.outcome)):
            key = (verdict.outcome, verdict.rule, verdict.level, verdict.expected)
            alike.setdefault(key, []).append(verdict)
        for verdicts in alike.values():
            self._finding(verdicts)

    def _finding(self, verdicts: Sequence[Verdict]) -> None:
        """Print the first of some verdicts that say the same, and where the others are from."""
        verdict = verdicts[0]
        style = STYLES[verdict.outcome]
        probes = ", ".join(dict.fromkeys(verdict.probe for verdict in verdicts))
        self.out.print(
            f"  [{style}]{verdict.outcome}[/] {escape(verdict.rule)} ({verdict.level}) "
            f"[dim]{escape(probes)}[/]"
        )
        self.out.print(f"       expected {escape(printable(verdict.expected))}")
        self.out.print(f"       observed {escape(printable(verdict.observed))}")

    def _table(self, results: Results) -> Table:
        counts = [
            Counter(verdict.outcome for verdict in each.verdicts) for each in results.subjects
        ]
        # A narrow terminal has no room for columns that say nothing.
        shown = [outcome for outcome in OUTCOMES if any(each[outcome] for each in counts)]
        names = [
            subject.name if subject.started else f"{subject.name} (not started)"
            for subject in results.subjects
        ]
        table = Table(
            title=f"PEP 3333, edition {results.edition}",
            title_justify="left",
            box=SIMPLE_HEAD,
            pad_edge=False,
        )
        kinds = {subject.kind for subject in results.subjects}
        heading = kinds.pop() if len(kinds) == 1 else "subject"
        table.add_column(heading, no_wrap=True, min_width=max(map(len, names), default=0))
        table.add_column("version", no_wrap=True)
        for outcome in shown:
            table.add_column(outcome, justify="right", no_wrap=True, min_width=len(outcome))
        table.add_column("s", justify="right", no_wrap=True)
        for subject, name, count in zip(results.subjects, names, counts, strict=True):
            cells = [
                f"[{STYLES[outcome]}]{count[outcome]}[/]" if count[outcome] else "[dim]·[/]"
                for outcome in shown
            ]
            table.add_row(
                escape(name) if subject.started else f"[bold red]{escape(name)}[/]",
                escape(printable(subject.version)),
                *cells,
                f"{subject.duration:.1f}",
            )
        return table
