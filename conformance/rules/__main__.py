"""``python -m conformance.rules``: write what the validator has to know of the rules.

The validator runs in other people's processes, on Python 3.8 too, where nothing reads TOML. So
``conformance/validation/catalogue.py`` is made of the rules, and kept with the sources.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from conformance import rules
from conformance.paths import PACKAGE
from conformance.rules import Rule

__all__ = ["COMMAND", "PATH", "catalogue"]

COMMAND = "python -m conformance.rules"
PATH = PACKAGE / "validation" / "catalogue.py"
LINE = 100
# Names in the module, and what the URLs of its rules begin with.
PAGES = {
    "PEP": "https://peps.python.org/pep-3333/#",
    "RFC": "https://www.rfc-editor.org/rfc/rfc",
}
HEAD = f'''"""The rules as the validator needs them. Made by ``{COMMAND}``: do not edit."""

from __future__ import annotations

__all__ = ["RULES"]
'''


def catalogue(known: Iterable[Rule]) -> str:
    """Return the source of the module that holds level, party and URL of each rule."""
    pages = [f'{name} = "{page}"' for name, page in PAGES.items()]
    return "\n".join(
        [
            HEAD,
            *pages,
            "",
            "RULES: dict[str, tuple[str, str, str]] = {",
            *(line for rule in known for line in entry(rule)),
            "}",
            '"""Id of a rule -> the level it is shown at, the party it binds, its URL."""',
            "",
        ]
    )


def entry(rule: Rule) -> list[str]:
    """Return the lines of one rule, as the formatter would have them."""
    name, page = next(item for item in PAGES.items() if rule.url.startswith(item[1]))
    values = [
        f'"{rule.effective_level}"',
        f'"{rule.party}"',
        f'{name} + "{rule.url.removeprefix(page)}"',
    ]
    line = f'    "{rule.id}": ({", ".join(values)}),'
    if len(line) <= LINE:
        return [line]
    return [f'    "{rule.id}": (', *(f"        {value}," for value in values), "    ),"]


def main(path: Path = PATH) -> None:
    """Write the module."""
    path.write_text(catalogue(rules.load().values()), encoding="utf-8")
    print(f"written: {path}")


if __name__ == "__main__":
    main()
