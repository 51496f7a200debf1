"""A badge for one subject: an SVG, or the JSON from which shields.io draws one.

It says what was tested and how much of it passed, and nothing that a number does not say.
"""

from __future__ import annotations

import json
from html import escape

from conformance.report.text import cut, visible
from conformance.results import Results, SubjectResult
from conformance.results.judged import GATEWAY, score, selection

__all__ = ["badge_json", "badge_svg", "badge_words"]

LABEL = "PEP 3333"
GREEN, YELLOW, RED, GREY = "#3f7d20", "#8a6d00", "#b3261e", "#5f6368"
ENOUGH = 0.95
# Of a digit in Verdana at 11 pixels; the text is stretched to fit, whatever the font is.
WIDTH, MARGIN = 6.6, 6


def badge_words(results: Results, subject: SubjectResult) -> tuple[str, str, str]:
    """Return message, colour and a sentence for those who cannot see it."""
    must = score(subject, GATEWAY, "MUST")
    who = f"{subject.title or subject.name} {subject.version}".strip()
    if not (subject.started and must.judged):
        return "not judged", GREY, f"wsgi-conformance: {who} was not judged"
    part = " of a selection" if selection(results) else ""
    message = f"MUST {must}{part} \u00b7 {results.edition}"
    colour = GREEN if must.passed == must.judged else YELLOW
    if must.passed < ENOUGH * must.judged:
        colour = RED
    sentence = (
        f"wsgi-conformance: {who} passed {must.passed} of {must.judged} MUST rules of {LABEL} that "
        f"were judged{part}, edition {results.edition}"
    )
    return message, colour, sentence


def badge_json(results: Results, subject: SubjectResult) -> str:
    """Return what https://shields.io/endpoint reads."""
    message, colour, _ = badge_words(results, subject)
    fields = {"schemaVersion": 1, "label": LABEL, "message": visible(message), "color": colour}
    return json.dumps(fields, ensure_ascii=False) + "\n"


def badge_svg(results: Results, subject: SubjectResult) -> str:
    """Return the picture."""
    message, colour, sentence = badge_words(results, subject)
    message = cut(visible(message), 80)
    left, right = (round(len(text) * WIDTH) + 2 * MARGIN for text in (LABEL, message))
    told = escape(_legal(visible(sentence)))
    return SVG.format(
        width=left + right,
        left=left,
        right=right,
        colour=colour,
        sentence=told,
        label=LABEL,
        message=escape(_legal(message)),
        label_at=MARGIN,
        label_long=left - 2 * MARGIN,
        message_at=left + MARGIN,
        message_long=right - 2 * MARGIN,
    )


def _legal(text: str) -> str:
    return text.replace("\ufffe", "?").replace("\uffff", "?")


SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" \
aria-label="{sentence}">
<title>{sentence}</title>
<clipPath id="r"><rect width="{width}" height="20" rx="3"/></clipPath>
<g clip-path="url(#r)">
<rect width="{left}" height="20" fill="#444"/>
<rect x="{left}" width="{right}" height="20" fill="{colour}"/>
</g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{label_at}" y="14" textLength="{label_long}">{label}</text>
<text x="{message_at}" y="14" textLength="{message_long}">{message}</text>
</g>
</svg>
"""
