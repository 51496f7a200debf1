"""``wsgi-conformance diff``: what changed from one run to another."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from conformance import rules
from conformance.cli.exits import CLEAN, FINDINGS, UNJUDGED
from conformance.cli.suite import writable
from conformance.report.diff import diff_json, diff_lines, diff_markdown
from conformance.results import load_results
from conformance.results.difference import compare

__all__ = ["add_commands"]

EPILOG = """\
Compared by subject and rule, as sums let changes cancel out. Only a rule that newly fails makes the
exit code 1; a fixed one, another way of failing, a rule that one of them did not judge are told
apart from that. 3: something that was judged no longer could be.
"""


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "diff",
        help="compare two runs",
        description="Say what changed from one results file to another.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("old", type=Path, metavar="OLD.json")
    parser.add_argument("new", type=Path, metavar="NEW.json")
    parser.add_argument("--json", action="store_true", help="as JSON, on standard output")
    parser.add_argument(
        "--markdown", type=Path, metavar="F", help="also as Markdown, for a pull request"
    )
    parser.add_argument(
        "--mixed-editions",
        action="store_true",
        help="compare them though they were judged by different editions",
    )
    parser.add_argument(
        "--fail-on",
        choices=("must", "should", "never"),
        default="must",
        help="what makes the exit code 1: a MUST that newly fails, a SHOULD too, or nothing (must)",
    )
    parser.set_defaults(command=diff)


def diff(options: argparse.Namespace) -> int:
    """Compare, and say how."""
    if options.markdown:
        writable(options.markdown)
    old, new = load_results(options.old), load_results(options.new)
    found = compare(old, new, options.fail_on, options.mixed_editions)
    if options.markdown:
        options.markdown.write_text(diff_markdown(found, rules.load()), encoding="utf-8")
    if options.json:
        print(json.dumps(diff_json(found), indent=1))
    else:
        for line in diff_lines(found):
            print(line)
    if found.regressed:
        return FINDINGS
    return UNJUDGED if found.unjudged and options.fail_on != "never" else CLEAN
