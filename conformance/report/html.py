"""The HTML report: one file that needs nothing else, with the matrix readable without JavaScript.

Everything a server said passes ``visible`` and Jinja's escaping on its way into the page, whatever
the template does: both are properties of the environment, not of the places where text is used. The
content security policy lets the one style and the one script run, by their hashes, and no other.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from conformance.paths import TEMPLATES
from conformance.report import facts, grid, pages
from conformance.report.evidence import EXACT, Detail, Evidence, collect
from conformance.report.index import make_index
from conformance.report.matrix import MEANING, SEVERITY, Matrix, make_matrix
from conformance.report.pack import pack, to_json
from conformance.report.text import cut, visible
from conformance.report.traceability import TraceRow
from conformance.results import Results
from conformance.results.judged import selection
from conformance.rules import Rule

__all__ = ["BUDGET", "render_html"]

BUDGET = 1 << 20
"""Bytes of a page that all the evidence travels in, or as much of it as there is room for."""

# From everything to the findings alone: the first that fits is taken.
DETAILS = (
    EXACT,
    Detail(False, None),
    *(Detail(False, events) for events in (60, 40, 28, 20, 16, 13, 11, 9, 8, 7, 6, 5, 4, 3, 2, 0)),
)
# With more cells than this, or no room, what stands twice stands in the packed part alone.
MANY_CELLS = 6000
STYLES = ("tokens.css", "page.css", "matrix.css", "panel.css", "evidence.css", "print.css")
SCRIPTS = (
    *("dom.js", "unpack.js", "data.js", "python.js", "asked.js", "wire.js", "lifeline.js"),
    *("evidence.js", "repro.js", "cell.js", "rule.js", "subject.js"),
    *("filter.js", "sort.js", "agree.js", "keys.js", "main.js"),
)


def render_html(
    results: Results, rules: Mapping[str, Rule], traceability: Sequence[TraceRow] = ()
) -> str:
    """Return the report as one HTML document; the same results give the same bytes.

    Where the page would grow beyond ``BUDGET``, evidence is left out, of passes first: the page
    says what.

    Args:
        results: of one run or several.
        rules: all rules by id.
        traceability: how each rule is covered, as `trace_rows` says; without it rules that nothing
            judged are left out.
    """
    matrix = make_matrix(results, rules)
    evidence = collect(results)
    brief = len(matrix.columns) * len(matrix.rows) > MANY_CELLS
    index = make_index(results, matrix, rules, evidence, traceability, brief)
    packed_index = pack(to_json(index))
    template = _environment().get_template("page.html.j2")
    fixed = _values(results, matrix, rules, traceability)

    def page(brief: bool, detail: Detail, *packed: str) -> str:
        parts = zip(("index", "pools", "traces"), (packed_index, *packed), strict=True)
        return template.render(
            **fixed, brief=brief, packed=_safe(parts), detail=_told(evidence, detail)
        )

    def room(brief: bool) -> int:
        return BUDGET - max(len(page(brief, detail, "", "").encode()) for detail in DETAILS[:3])

    whole = None if brief else _fitting(evidence, DETAILS[:1], room(brief))
    chosen = whole or _fitting(evidence, DETAILS, room(True)) or _encoded(evidence, DETAILS[-1])
    return page(brief or whole is None, *chosen)


Encoded = tuple[Detail, str, str]


def _encoded(evidence: Evidence, detail: Detail) -> Encoded:
    pools, traces = evidence.encoded(detail)
    return detail, pack(pools), pack(traces)


def _fitting(evidence: Evidence, details: Sequence[Detail], room: int) -> Encoded | None:
    """The most detailed evidence that there is room for, or None; less detail is never larger."""
    found = None
    low, high = 0, len(details)
    while low < high:
        middle = (low + high) // 2
        encoded = _encoded(evidence, details[middle])
        if len(encoded[1]) + len(encoded[2]) <= room:
            found, high = encoded, middle
        else:
            low = middle + 1
    return found


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _values(
    results: Results,
    matrix: Matrix,
    rules: Mapping[str, Rule],
    traceability: Sequence[TraceRow],
) -> dict[str, Any]:
    """What the templates are filled with, whatever evidence there is room for."""
    style = "".join(_source(name) for name in STYLES)
    # The one number the style needs; the policy allows no style attribute to carry it.
    style += f":root{{--n:{len(matrix.columns)}}}\n"
    script = '"use strict";\n' + "".join(_source(name) for name in SCRIPTS)
    kinds = list(dict.fromkeys(column.subject.kind for column in matrix.columns))
    return {
        "results": results,
        # What was merged is for programs; the first part's words speak for all.
        "run": [(name, _plain(value)) for name, value in results.run.items() if name != "merged"],
        "noun": kinds[0] if len(kinds) == 1 and kinds[0] else "subject",
        "matrix": matrix,
        "selected": selection(results),
        "meaning": MEANING,
        "severity": SEVERITY,
        "classes": pages.CLASSES,
        "cell_title": pages.cell_title,
        "bar": pages.bar,
        "cut": cut,
        "runs": pages.runs,
        "link": pages.link,
        "questions": pages.QUESTIONS,
        "sections": pages.sections(matrix),
        "parts": pages.parts(matrix, rules, traceability),
        "facts": facts.make_facts(results, [column.key for column in matrix.columns]),
        "grid": grid.make_grid(results),
        "style": Markup(style),
        "script": Markup(script),
        "policy": "default-src 'none'; "
        f"script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'",
    }


def _safe(packed: Iterable[tuple[str, str]]) -> list[tuple[str, Markup]]:
    # Base 85 without a less-than sign: nothing in it can end the element it stands in.
    return [(name, Markup(text)) for name, text in packed]


def _told(evidence: Evidence, detail: Detail) -> dict[str, Any]:
    """What a page of some detail says of itself."""
    passes = [trace for trace in evidence.traces if not trace.finding]
    return {
        "exact": detail.exact,
        "passes": detail.passes,
        "whole": all(len(trace.kept(detail)) == len(trace.bodies) for trace in evidence.traces),
        "short": sum(len(trace.kept(detail)) < len(trace.bodies) for trace in passes),
        "of": len(passes),
        "findings": len(evidence.traces) - len(passes),
        "shown": evidence.bounds.shown,
        "json": Markup(json.dumps({"exact": detail.exact, "passes": detail.passes})),
    }


def _source(name: str) -> str:
    """Return a style or a script without indentation and whole-line comments."""
    folder = Path(TEMPLATES) / ("css" if name.endswith(".css") else "js")
    text = (folder / name).read_text(encoding="utf-8")
    text = re.sub(
        r"^\s*/\*.*?\*/\s*$" if name.endswith(".css") else r"^\s*//.*$", "", text, flags=re.M
    )
    return "".join(f"{line.strip()}\n" for line in text.splitlines() if line.strip())


def _finalize(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
