"""What a person sees of a grid: how far it is, then frameworks on servers as a table."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from types import TracebackType

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from conformance.report.terminal import printable
from conformance.results import BEHAVIOUR_OUTCOMES, GridCell, Results

__all__ = ["GridTerminal"]

STYLES = {"pass": "green", "fail": "bold red", "unsupported": "dim", "error": "bold magenta"}
LEGEND = """\
ok: all that was asked holds. A number: so many behaviours do not. none: it could not be asked."""
PIPE_WIDTH = 140


class GridTerminal:
    """Progress of a grid, then its summary.

    Args:
        total: how many cells there will be.
    """

    def __init__(self, total: int) -> None:
        self.out = Console(highlight=False, emoji=False, soft_wrap=True)
        if not self.out.is_terminal:
            self.out = Console(highlight=False, emoji=False, soft_wrap=True, width=PIPE_WIDTH)
        self.err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
        self.bars = Progress(
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.description}"),
            console=self.err,
            disable=not self.err.is_terminal,
            transient=True,
        )
        self.task = self.bars.add_task("", total=total)
        self._lock = threading.Lock()

    def __enter__(self) -> GridTerminal:
        self.bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.bars.stop()

    def begun(self, name: str) -> None:
        """Show which cell begins; called from its thread."""
        with self._lock:
            self.bars.update(self.task, description=escape(name))

    def finished(self, cell: GridCell, seconds: float) -> None:
        """Say in a line what came of a cell."""
        with self._lock:
            self.bars.advance(self.task)
        name = escape(f"{cell.framework} on {cell.server}")
        if not cell.started:
            first = printable(cell.failure).partition("\n")[0]
            self.err.print(f"[bold red]{name}: not asked: {escape(first)}[/]")
            return
        counts = Counter(behaviour.outcome for behaviour in cell.behaviours)
        parts = [
            f"[{STYLES[outcome]}]{counts[outcome]} {outcome}[/]"
            for outcome in BEHAVIOUR_OUTCOMES
            if counts[outcome]
        ]
        self.err.print(f"{name}: {', '.join(parts)} in {seconds:.1f} s")

    def summary(self, results: Results, written: Path | None) -> None:
        """Print what does not hold, the table, and where the rest is."""
        for cell in results.grid:
            self._findings(cell)
        self.out.print(_table(results.grid))
        self.out.print(LEGEND)
        if written:
            self.out.print(f"written: {escape(str(written))}")
        else:
            self.out.print("For what was said: --json grid.json")

    def _findings(self, cell: GridCell) -> None:
        wrong = [each for each in cell.behaviours if each.outcome in ("fail", "error")]
        name = escape(f"{cell.framework} {cell.framework_version} on {cell.server}")
        if cell.failure:
            self.out.print(f"\n[bold]{name}[/] could not be asked:")
            self.out.print(escape(printable(cell.failure)))
        if wrong:
            self.out.print(f"\n[bold]{name}[/] {escape(printable(cell.server_version))}")
        for each in wrong:
            style = STYLES[each.outcome]
            said = escape(printable(each.observed))
            self.out.print(f"  [{style}]{each.outcome}[/] {escape(each.name)}: {said}")


def _table(cells: list[GridCell]) -> Table:
    servers = list(dict.fromkeys(cell.server for cell in cells))
    frameworks = list(dict.fromkeys(cell.framework for cell in cells))
    across, down = (
        (frameworks, servers) if len(frameworks) <= len(servers) else (servers, frameworks)
    )
    by_pair = {(cell.server, cell.framework): cell for cell in cells}
    table = Table(
        title="Frameworks on servers", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("", no_wrap=True)
    for name in across:
        table.add_column(escape(name), justify="right", overflow="fold", min_width=4)
    for name in down:
        pairs = [(name, other) if down is servers else (other, name) for other in across]
        table.add_row(escape(name), *(_shown(by_pair.get(pair)) for pair in pairs))
    return table


def _shown(cell: GridCell | None) -> str:
    if cell is None:
        return ""
    if not cell.started:
        return "[bold red]none[/]"
    wrong = sum(behaviour.outcome in ("fail", "error") for behaviour in cell.behaviours)
    return f"[bold red]{wrong}[/]" if wrong else "[green]ok[/]"
