"""``python -m conformance.driver.site MODULE CASES.json ANSWERS.json``: ask a sample site.

Runs inside the environment of the site's framework, so it needs the standard library alone. CASES
is a list of objects with ``method``, ``target``, ``prefix``, ``fields`` and ``body``; ANSWERS
becomes a list of objects with ``status`` (null where no answer came), ``fields``, ``body``,
``cleaned`` (how many streams the site has ended meanwhile) and ``log``. Bodies are base64.
"""

from __future__ import annotations

import base64
import importlib
import json
import sys
from pathlib import Path
from typing import Any

from conformance.driver.memory import MemoryGateway, Request, drive

__all__ = ["main"]


class Forgiving(MemoryGateway):
    """Sends whatever headers it is given, as most servers do: judging them is another's work."""

    def check(self, status: str, fields: list[tuple[str, str]]) -> None:
        """Refuse nothing."""


def main(module: str, asked: Path, answered: Path) -> None:
    """Send each case to the site and write down what came back."""
    site = importlib.import_module(module)
    cases = json.loads(asked.read_text(encoding="utf-8"))
    answered.write_text(json.dumps([_ask(site, case) for case in cases]), encoding="utf-8")


def _ask(site: Any, case: dict[str, Any]) -> dict[str, Any]:
    before = len(site.CLEANED)
    fields = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in case["fields"].items()
    ]
    request = Request(
        case["method"].encode("latin-1"),
        case["target"].encode("latin-1"),
        fields=fields,
        body=base64.b64decode(case["body"]),
    )
    seen = drive(site.app, request, Forgiving, changes={"SCRIPT_NAME": case["prefix"]})
    return {
        "status": seen.status,
        "fields": [
            [name.decode("latin-1"), value.decode("latin-1")] for name, value in seen.fields
        ],
        "body": base64.b64encode(seen.body).decode("ascii"),
        "cleaned": len(site.CLEANED) - before,
        "log": seen.log[-4000:] or (repr(seen.error) if seen.error else ""),
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
