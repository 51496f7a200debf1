"""The HTML report: one file that needs nothing else, with the matrix readable without JavaScript.

Everything a server said passes ``visible`` and Jinja's escaping on its way into the page, whatever
the template does: both are properties of the environment, not of the places where text is used. The
content security policy lets the one style and the one script run, by their hashes, and no other.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from conformance.paths import TEMPLATES
from conformance.report import evidence
from conformance.report.matrix import (
    MEANING,
    SEVERITY,
    Cell,
    Column,
    Matrix,
    make_matrix,
    worst_outcome,
)
from conformance.report.text import cut, visible
from conformance.report.traceability import TraceRow
from conformance.results import Results
from conformance.rules import Rule

__all__ = ["BUDGET", "render_html"]

BUDGET = 1 << 20
"""Bytes of a page within which the evidence of passing cells travels too."""

# With more columns than this, their heads stand upright and the cells are narrow.
WIDE = 10
LONGEST_TITLE = 160
# The style draws a sign of its own shape for each, so that nothing hangs on colour alone.
CLASSES: dict[str | None, str] = {None: "n"} | {outcome: outcome[0] for outcome in SEVERITY}
# Parts of the traceability table, by family and by what judges a rule: what follows their number.
PARTS = {
    (family, kind): title.format(name)
    for family, name in (("PEP 3333", "PEP 3333"), ("HTTP", "HTTP and CGI"))
    for kind, title in (
        ("probes", "rules of {} with probes"),
        ("validator", "rules of {} judged by the validator"),
        ("untested", "rules of {} without a check, and why"),
    )
}


def render_html(
    results: Results, rules: Mapping[str, Rule], traceability: Sequence[TraceRow] = ()
) -> str:
    """Return the report as one HTML document; the same results give the same bytes.

    The evidence of passing cells is left out where the page would grow beyond ``BUDGET`` with it;
    the page says which of the two it is.

    Args:
        results: of one run or several.
        rules: all rules by id.
        traceability: how each rule is covered, as `trace_rows` says; without it that table is left
            out.
    """
    matrix = make_matrix(results, rules)
    index = evidence.pack(evidence.index(matrix, rules))
    for every in (True, False):
        traces = _traces(results, matrix, every)
        if traces is None:
            continue
        packed = {"index": index, "every": every, "traces": traces}
        page = _page(results, matrix, rules, traceability, packed)
        if len(page.encode("utf-8")) <= BUDGET:
            break
    return page


def _traces(results: Results, matrix: Matrix, every: bool) -> list[str] | None:
    """Each subject's evidence; None as soon as that of every verdict alone is beyond the budget."""
    traces: list[str] = []
    for column in matrix.columns:
        keys = evidence.trace_keys(column, every)
        traces.append(evidence.pack(evidence.subject_evidence(results, keys)))
        if every and sum(map(len, traces)) > BUDGET:
            return None
    return traces


def _page(
    results: Results,
    matrix: Matrix,
    rules: Mapping[str, Rule],
    traceability: Sequence[TraceRow],
    packed: dict[str, Any],
) -> str:
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    # The one number the style needs; the policy allows no style attribute to carry it.
    style += f":root {{ --n: {len(matrix.columns)}; }}\n"
    script = "".join(
        (TEMPLATES / name).read_text(encoding="utf-8") for name in ("evidence.js", "script.js")
    )
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("matrix.html.j2").render(
        results=results,
        run=[(name, _plain(value)) for name, value in results.run.items()],
        matrix=matrix,
        meaning=MEANING,
        classes=CLASSES,
        severity=SEVERITY,
        cell_title=_cell_title,
        bar=_bar,
        link=_link,
        dense=len(matrix.columns) > WIDE,
        traceability=_covered(traceability, matrix, rules),
        every=packed["every"],
        budget=BUDGET,
        # Base64 and a flag: nothing in them can end the element they stand in.
        evidence=Markup(json.dumps(packed, separators=(",", ":"))),
        style=Markup(style),
        script=Markup(script),
        policy="default-src 'none'; "
        f"script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'",
    )


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


def _link(url: str) -> str | None:
    """A URL from the results that may be linked to: nothing that a browser would run."""
    return url if url.startswith(("https://", "http://")) else None


def _cell_title(cell: Cell) -> str:
    if cell.outcome is None:
        return "not judged"
    if cell.outcome == "pass":
        return f"{cell.passed}/{len(cell.verdicts)} pass"
    first = cell.verdicts[0]
    same = sum(verdict.outcome == cell.outcome for verdict in cell.verdicts)
    return cut(
        f"{cell.outcome} {same}/{len(cell.verdicts)}: "
        f"expected {first.expected}; observed {first.observed}",
        LONGEST_TITLE,
    )


def _bar(column: Column) -> list[tuple[str, float, float]]:
    """Class, start and width (of 100) of each stretch of a subject's bar, worst first."""
    total = column.outcomes.total()
    at, stretches = 0.0, []
    for outcome in reversed(SEVERITY):
        if column.outcomes[outcome]:
            width = 100 * column.outcomes[outcome] / total
            stretches.append((CLASSES[outcome], round(at, 2), round(width, 2)))
            at += width
    return stretches


def _covered(
    traceability: Sequence[TraceRow], matrix: Matrix, rules: Mapping[str, Rule]
) -> list[dict[str, Any]]:
    """The parts of the traceability table, with what this run has seen of each rule.

    Families are apart, and in each of them what is judged by probes, by the validator, by nothing.
    """
    seen = {row.rule: row for row in matrix.rows}
    parts: dict[tuple[str, str], list[dict[str, Any]]] = {key: [] for key in PARTS}
    for row in traceability:
        judged, known = seen.get(row.rule), rules.get(row.rule)
        kind = "probes" if row.probes else "untested" if row.untested else "validator"
        parts[known.family if known else "PEP 3333", kind].append(
            {
                "row": row,
                "rule": known,
                "worst": worst_outcome(judged.outcomes) if judged else None,
                "passing": judged.passing if judged else 0,
                "judged": len(judged.outcomes) if judged else 0,
            }
        )
    return [
        {"kind": kind, "title": PARTS[family, kind], "entries": entries}
        for (family, kind), entries in parts.items()
        if entries
    ]
