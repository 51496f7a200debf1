"""Status and headers: what an application passes to start_response (PEP 3333, its section)."""

import re
from typing import Any, List

from conformance.checks.common import BEYOND_LATIN1, Problem, escaped, show

__all__ = ["HEADERS_RULES", "HOP_BY_HOP", "STATUS_RULES", "check_headers", "check_status"]

STATUS_RULES = (
    "http-expect-left-to-server",
    "status-code-and-reason",
    "status-code-three-digits",
    "status-latin1-only",
    "status-native-str",
    "status-no-control-chars",
    "status-no-surrounding-whitespace",
    "status-single-space",
)
HEADERS_RULES = (
    "headers-exact-list",
    "headers-latin1-only",
    "headers-name-native-str",
    "headers-name-no-colon",
    "headers-name-token",
    "headers-two-tuples",
    "headers-value-native-str",
    "headers-value-no-control-chars",
    "http-hop-headers-not-sent",
)

# RFC 2616 section 13.5.1, the list the PEP refers to. That section says "Trailers", the field that
# section 14.40 defines is "Trailer"; both are meant.
HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "trailers",
        "transfer-encoding",
        "upgrade",
    )
)

STATUS = re.compile(r"[0-9]{3} [^ ](?:.*[^ ])?", re.DOTALL)
CODE = re.compile(r"[0-9]{3}(?![0-9])")
# More than these may begin or end a Latin-1 text and be part of it.
WHITESPACE = " \t\r\n"
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
CONTROL = re.compile("[\x00-\x1f\x7f]")


def check_status(status: Any) -> List[Problem]:
    """Check the status string that an application passed to start_response."""
    if not isinstance(status, str):
        return [Problem("status-native-str", "a str", show(status))]
    if STATUS.fullmatch(status) and status.isascii() and status.isprintable():
        if status.startswith("100 "):
            expected = "a final status; 100 is for the server to send"
            return [Problem("http-expect-left-to-server", expected, show(status))]
        return []
    problems: List[Problem] = []
    if BEYOND_LATIN1.search(status):
        expected = "no character beyond U+00FF"
        problems.append(Problem("status-latin1-only", expected, escaped(status)))
    if CONTROL.search(status):
        problems.append(Problem("status-no-control-chars", "no control characters", show(status)))
    bare = status.strip(WHITESPACE)
    code, reason = bare[:3], bare[3:]
    if not CODE.match(bare):
        if bare[:1].isdigit():
            expected = "three ASCII digits"
            problems.append(Problem("status-code-three-digits", expected, show(status)))
        elif bare.startswith("HTTP/"):
            expected = "nothing before the code"
            problems.append(Problem("status-no-surrounding-whitespace", expected, show(status)))
        else:
            expected = "a code and then a reason"
            problems.append(Problem("status-code-and-reason", expected, show(status)))
    elif not reason:
        # An empty reason is legal HTTP, and no spelling of it fits the PEP's words.
        expected = "a code and a reason"
        problems.append(Problem("status-code-and-reason", expected, show(status), "SHOULD"))
    elif reason[0] != " " or reason[1].isspace():
        problems.append(Problem("status-single-space", "one space", show(status)))
    if bare != status and not (CODE.match(bare) and not reason and status == code + " "):
        expected = "no whitespace around it"
        problems.append(Problem("status-no-surrounding-whitespace", expected, show(status)))
    return problems


def check_headers(headers: Any) -> List[Problem]:
    """Check the list of headers that an application passed to start_response."""
    if type(headers) is not list:
        return [Problem("headers-exact-list", "a list", type(headers).__name__)]
    problems: List[Problem] = []
    for item in headers:
        if not isinstance(item, tuple) or len(item) != 2:
            problems.append(Problem("headers-two-tuples", "a tuple of two", show(item)))
            continue
        check_field_name(item[0], problems)
        check_field_value(item[0], item[1], problems)
    return problems


def check_field_name(name: Any, problems: List[Problem]) -> None:
    """Check one header name."""
    if not isinstance(name, str):
        problems.append(Problem("headers-name-native-str", "a str", show(name)))
        return
    if TOKEN.fullmatch(name):
        if name.lower() in HOP_BY_HOP:
            expected = "no hop-by-hop header from an application"
            problems.append(Problem("http-hop-headers-not-sent", expected, show(name)))
        return
    if BEYOND_LATIN1.search(name):
        problems.append(Problem("headers-latin1-only", "no character beyond U+00FF", escaped(name)))
    if name.endswith(":"):
        problems.append(Problem("headers-name-no-colon", "no colon at its end", show(name)))
    else:
        problems.append(
            Problem("headers-name-token", "a token (RFC 9110 section 5.6.2)", show(name))
        )


def check_field_value(name: Any, value: Any, problems: List[Problem]) -> None:
    """Check one header value."""
    if not isinstance(value, str):
        problems.append(Problem("headers-value-native-str", "a str", show((name, value))))
    elif not (value.isascii() and value.isprintable()):
        if CONTROL.search(value):
            expected = "no control characters"
            problems.append(
                Problem("headers-value-no-control-chars", expected, show((name, value)))
            )
        if BEYOND_LATIN1.search(value):
            expected = "no character beyond U+00FF"
            problems.append(
                Problem("headers-latin1-only", expected, f"{show(name)}: {escaped(value)}")
            )
