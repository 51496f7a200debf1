"""The layers: nothing imports what lies above it, so that nothing flows back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.paths import PACKAGE

# Lowest first; what stands in one line may not import what stands beside it, unless it is of the
# same package. A module belongs to the longest name that it begins with.
LAYERS: tuple[tuple[str, ...], ...] = (
    # the words, and what runs within a server
    ("conformance", "conformance.paths"),
    ("conformance.rules", "conformance.checks", "conformance.probing", "conformance.roster"),
    ("conformance.inside", "conformance.frameworks"),
    # the models of what was seen and of what came of it
    ("conformance.trace", "conformance.results.model"),
    # those who look: from within, by the wire, and the server that shows how it is done
    ("conformance.validation", "conformance.harness", "conformance.reference"),
    # those who put them to work
    ("conformance.harness.runner", "conformance.driver"),
    (
        "conformance.harness.session",
        "conformance.harness.selftest",
        "conformance.harness.sites",
        "conformance.harness.again",
    ),
    ("conformance.harness.grid",),
    ("conformance.results",),
    ("conformance.report",),
    ("conformance.cli", "conformance.pytest_plugin"),
    ("conformance.__main__",),
)
LEVELS = {name: level for level, names in enumerate(LAYERS) for name in names}

# What people import: it has nothing of its own, and fetches the Validator from where it is made as
# soon as somebody asks for it. So it points upwards, and what it hands out counts as from there.
FACE, BEHIND = "conformance", "conformance.validation"

# Reports read results, and beside them only the words that results are told in.
REPORTS_READ = (
    "conformance.report",
    "conformance.results",
    "conformance.rules",
    "conformance.paths",
)

FILES = {
    ".".join(("conformance", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if "_data" not in path.parts
}


def family(module: str) -> str:
    """Return the entry of ``LAYERS`` that a module belongs to."""
    parts = module.split(".")
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next(name for name in names if name in LEVELS)


def imports(path: Path) -> Iterator[str]:
    """Yield the modules of this package that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in FILES)
        elif isinstance(node, ast.ImportFrom) and node.module in FILES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                face = node.module == FACE and alias.name != "__version__"
                yield inner if inner in FILES else BEHIND if face else node.module


def wrong(module: str) -> list[str]:
    """Return what a module imports and may not."""
    own = family(module)
    return [
        name
        for name in imports(FILES[module])
        if (LEVELS[family(name)], family(name) != own) > (LEVELS[own], False)
        and not name.startswith(module + ".")
    ]


@pytest.mark.parametrize("module", [module for module in FILES if module != FACE])
def test_imports_point_downwards(module: str) -> None:
    assert wrong(module) == []


REPORTS = [module for module in FILES if module.startswith("conformance.report")]


@pytest.mark.parametrize("module", REPORTS)
def test_reports_read_results_alone(module: str) -> None:
    assert [name for name in imports(FILES[module]) if not name.startswith(REPORTS_READ)] == []


def test_every_module_has_its_layer() -> None:
    unplaced = [
        module for module in FILES if family(module) == "conformance" and module not in LAYERS[0]
    ]
    assert unplaced == []


def test_imports_are_seen(tmp_path: Path) -> None:
    """The test itself: it sees each way to import, also within a function."""
    path = tmp_path / "module.py"
    path.write_text(
        "import json\nimport conformance.trace\nfrom conformance import rules, __version__\n"
        "def f():\n    from conformance.trace import Event\n    from conformance import Validator\n"
    )
    assert sorted(imports(path)) == [
        "conformance",
        "conformance.rules",
        "conformance.trace",
        "conformance.trace",
        "conformance.validation",
    ]
