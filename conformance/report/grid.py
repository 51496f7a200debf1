"""The grid: frameworks on servers, and what of a site does not hold where."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.report.matrix import SEVERITY, worst_outcome
from conformance.results import GridCell, Results

__all__ = ["Grid", "Square", "make_grid"]


@dataclass(frozen=True, slots=True)
class Square:
    """One framework on one server.

    Attributes:
        number: place of the cell in the results; cell: the cell itself.
        outcome: the worst there is, ``error`` where it did not start.
        held: how many behaviours hold; of: how many there are.
    """

    number: int
    cell: GridCell
    outcome: str
    held: int
    of: int


@dataclass(frozen=True, slots=True)
class Grid:
    """Frameworks down, servers across.

    Attributes:
        servers, frameworks: names with what is known of their versions.
        rows: for each framework its name and its squares, None where a server was not tried.
        broken: what does not hold: behaviour, outcome, expected, observed, and where.
    """

    servers: tuple[tuple[str, str], ...]
    frameworks: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[Square | None, ...]], ...]
    broken: tuple[tuple[str, str, str, str, tuple[str, ...]], ...]

    @property
    def held(self) -> int:
        """On how many squares all behaviours hold."""
        squares = [square for _, row in self.rows for square in row if square]
        return sum(square.outcome == "pass" for square in squares)

    @property
    def size(self) -> int:
        """How many squares were tried."""
        return sum(square is not None for _, row in self.rows for square in row)


def make_grid(results: Results) -> Grid | None:
    """Return the grid of some results, or None where they have none."""
    if not results.grid:
        return None
    squares: dict[tuple[str, str], Square] = {}
    for number, cell in enumerate(results.grid):
        squares.setdefault((cell.framework, cell.server), _square(number, cell))
    servers = dict.fromkeys(cell.server for cell in results.grid)
    frameworks = dict.fromkeys(cell.framework for cell in results.grid)
    return Grid(
        tuple((name, _version(results, "server", name)) for name in servers),
        tuple((name, _version(results, "framework", name)) for name in frameworks),
        tuple(
            (framework, tuple(squares.get((framework, server)) for server in servers))
            for framework in frameworks
        ),
        tuple(_broken(results)),
    )


def _square(number: int, cell: GridCell) -> Square:
    outcomes = [each.outcome for each in cell.behaviours]
    worst = worst_outcome(outcomes) if cell.started else "error"
    return Square(number, cell, worst or "error", outcomes.count("pass"), len(outcomes))


def _version(results: Results, what: str, name: str) -> str:
    found = {
        getattr(cell, f"{what}_version"): None
        for cell in results.grid
        if getattr(cell, what) == name and getattr(cell, f"{what}_version")
    }
    return ", ".join(found)


def _broken(results: Results) -> list[tuple[str, str, str, str, tuple[str, ...]]]:
    """What does not hold, the worst and most widespread first; what says the same is one line."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for cell in results.grid:
        where = f"{cell.framework} on {cell.server}"
        if not cell.started:
            key = ("start", "error", "the site answers", cell.failure or "it did not")
            found.setdefault(key, []).append(where)
        for each in cell.behaviours:
            if each.outcome != "pass":
                key = (each.name, each.outcome, each.expected, each.observed)
                found.setdefault(key, []).append(where)
    ordered = sorted(found.items(), key=lambda one: (-SEVERITY.index(one[0][1]), -len(one[1])))
    return [(*key, tuple(where)) for key, where in ordered]
