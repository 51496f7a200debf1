"""The status and the headers that an application passed: a quick reading of them, and a slow one
that says what is wrong.

The quick reading knows the status lines and header names that it has seen to be good, in bounded
tables, and looks at all values at once. What it does not know goes the slow way.
"""

from __future__ import annotations

import re
from typing import Any

from conformance.checks import Problem, check_headers, check_status
from conformance.validation.findings import show

__all__ = [
    "BODILESS",
    "ENCODING",
    "LENGTH",
    "TYPE",
    "declared_length",
    "exc_info_problems",
    "head_problems",
    "kinds_of",
    "read_head",
]

# What a header name says to the validator.
PLAIN, LENGTH, TYPE, ETAG, ENCODING, HOP, OTHER = 0, 1, 2, 4, 8, 16, 32
KINDS = {
    "content-length": LENGTH,
    "content-type": TYPE,
    "etag": ETAG,
    "content-encoding": ENCODING,
    "proxy-connection": OTHER,
    "status": OTHER,
}
# Status codes whose responses have no content (RFC 9110 section 6.4.1); 1xx are not listed.
BODILESS = frozenset((204, 304))
# What describes a representation, and is not in the list of RFC 9110 section 15.4.5.
METADATA = ("content-type", "content-encoding", "content-language")
PERSISTENCE = ("connection", "keep-alive", "proxy-connection")
BOUND = 512
DECIMAL = re.compile("[0-9]+")
ENTITY_TAG = re.compile('(?:W/)?"[!\x23-\x7e\x80-\xff]*"')

_statuses: dict[str, int] = {}
_names: dict[str, int] = {}


def read_head(status: Any, headers: Any) -> tuple[int, int, int, bool]:
    """Return code, Content-Length, the kinds of headers, and whether all is well; quickly.

    The code is 0 where the status is not in order, the length -1 where there is none, the kinds
    are or'ed together. Where it is not sure that all is well, it says that it is not, and the other
    three mean nothing. Raises anything at all where the arguments are far from what they should be.
    """
    code = _statuses.get(status) if type(status) is str else 0
    if code is None:
        code = _learn_status(status)
    if not code or type(headers) is not list:
        return 0, -1, 0, False
    length = -1
    kinds = 0
    text = "|"
    for item in headers:
        name, value = item
        try:
            kind = _names[name]
        except KeyError:
            kind = _learn_name(name)
        if type(item) is not tuple or type(value) is not str or type(name) is not str:
            return 0, -1, 0, False
        if kind:
            if kind == LENGTH:
                if length >= 0 or not value.isdecimal() or len(value) > 18:
                    return 0, -1, 0, False
                length = int(value)
            elif kind == ETAG and not ENTITY_TAG.fullmatch(value):
                return 0, -1, 0, False
            kinds |= kind
        text = f"{text}{value}|"
    good = (
        kinds < HOP
        and text.isascii()
        and text.isprintable()
        and " |" not in text
        and "| " not in text
    )
    return code, length, kinds, good


def _learn_status(status: Any) -> int:
    """Return the code of a status that is in order, and remember it; else 0."""
    if type(status) is not str or check_status(status):
        return 0
    code = int(status[:3])
    if not 200 <= code <= 599 or code in BODILESS:
        return 0
    if len(_statuses) >= BOUND:
        _statuses.clear()
    _statuses[status] = code
    return code


def _learn_name(name: Any) -> int:
    """Return the kind of a header name that is in order, and remember it; else ``OTHER``."""
    if type(name) is not str or check_headers([(name, "")]):
        return HOP
    kind = KINDS.get(name.lower(), PLAIN)
    if len(_names) >= BOUND:
        _names.clear()
    _names[name] = kind
    return kind


def head_problems(status: Any, headers: Any, protocol: Any) -> list[Problem]:
    """Return all that is wrong with a status and headers, or worth a note.

    Args:
        protocol: SERVER_PROTOCOL of the request.
    """
    problems = [_exactly_str(status, "status-native-str", "a str")] if _odd_str(status) else []
    problems += check_status(status)
    if type(status) is str and status[:3].isascii() and status[:3].isdecimal():
        _check_code(int(status[:3]), problems)
    problems += [_one_rule_each(problem, headers, protocol) for problem in check_headers(headers)]
    if isinstance(headers, (list, tuple)):
        pairs = [item for item in headers if isinstance(item, tuple) and len(item) == 2]
        _check_pairs(pairs, protocol, problems)
        names = [item[0].lower() for item in pairs if isinstance(item[0], str)]
        if isinstance(status, str) and status[:3] == "304":
            for name in METADATA:
                if name in names:
                    expected = "no description of a representation that is not sent"
                    problems.append(Problem("http-not-modified-metadata", expected, name))
        never = isinstance(status, str) and (status[:3] == "204" or status[:1] == "1")
        if never and "content-length" in names:
            expected = "no Content-Length, as there is never any content"
            observed = f"Content-Length with {status[:3]}"
            problems.append(Problem("http-content-length-no-content", expected, observed))
    return problems


def _odd_str(value: Any) -> bool:
    return isinstance(value, str) and type(value) is not str


def _exactly_str(value: Any, rule: str, expected: str) -> Problem:
    return Problem(rule, expected + ", and no subclass", type(value).__name__, "SHOULD")


def _check_code(code: int, problems: list[Problem]) -> None:
    if code == 101:
        expected = "a final status; the server owns the connection"
        problems.append(Problem("http-hop-features-not-used", expected, "101"))
    elif 102 <= code <= 199:
        expected = "a final status; interim ones cannot be expressed"
        problems.append(Problem("http-expect-left-to-server", expected, str(code), "SHOULD"))
    elif not 100 <= code <= 599:
        problems.append(Problem("http-status-code-class", "a code from 100 to 599", str(code)))


def _one_rule_each(problem: Problem, headers: Any, protocol: Any) -> Problem:
    """Give a header of connection persistence to the rule that names it best."""
    if problem.rule != "http-hop-headers-not-sent":
        return problem
    name = problem.observed.strip("'\"").lower()
    if name in PERSISTENCE:
        return problem._replace(rule=_persistence_rule(name, headers, protocol))
    return problem


def _persistence_rule(name: str, headers: Any, protocol: Any) -> str:
    if protocol == "HTTP/1.0":
        values = [
            item[1].lower()
            for item in headers
            if isinstance(item, tuple)
            and len(item) == 2
            and isinstance(item[0], str)
            and item[0].lower() == name
            and isinstance(item[1], str)
        ]
        if name != "connection" or "keep-alive" in values:
            return "http-http10-equivalents-not-used"
    return "http-persistence-headers-not-sent"


def _check_pairs(pairs: list[Any], protocol: Any, problems: list[Problem]) -> None:
    lengths = []
    for item in pairs:
        name, value = item
        if type(item) is not tuple:
            expected = "a tuple, and no subclass"
            problems.append(Problem("headers-two-tuples", expected, type(item).__name__, "SHOULD"))
        if _odd_str(name):
            problems.append(_exactly_str(name, "headers-name-native-str", "a str"))
        if _odd_str(value):
            problems.append(_exactly_str(value, "headers-value-native-str", "a str"))
        if not isinstance(name, str) or not isinstance(value, str):
            continue
        lowered = name.lower()
        if lowered == "proxy-connection":
            rule = _persistence_rule(lowered, pairs, protocol)
            problems.append(Problem(rule, "no header about the connection", show(name)))
        elif lowered == "status":
            expected = "no header that CGI gives another meaning"
            problems.append(Problem("cgi-status-field", expected, show(name), "undefined"))
        elif lowered == "etag" and not ENTITY_TAG.fullmatch(value):
            expected = 'an entity tag in double quotes, perhaps after "W/"'
            problems.append(Problem("http-etag-valid", expected, show(value)))
        elif lowered == "content-length":
            lengths.append(value)
        if name[-1:] in "-_.!'*+`|~^&%$#" and name[-1:]:
            # A token may end so, and the PEP's words are against it.
            expected = "no punctuation at its end"
            problems.append(Problem("headers-name-no-colon", expected, show(name), "undefined"))
        if value != value.strip(" \t"):
            expected = "no space around a value"
            problems.append(Problem("http-field-value-whitespace", expected, show((name, value))))
    # Space around it is another rule's.
    lengths = [length.strip(" \t") for length in lengths]
    if lengths and (len({*lengths}) > 1 or not DECIMAL.fullmatch(lengths[0])):
        expected = "one decimal number as Content-Length"
        problems.append(Problem("http-content-length-valid", expected, show(lengths)))


def kinds_of(headers: Any) -> int:
    """Return all ``KINDS`` of the names in headers of whatever kind."""
    kinds = 0
    for item in headers if isinstance(headers, (list, tuple)) else ():
        if isinstance(item, (list, tuple)) and item and isinstance(item[0], str):
            kinds |= KINDS.get(item[0].lower(), PLAIN)
    return kinds


def declared_length(headers: Any) -> int:
    """Return the one Content-Length in headers of whatever kind, or -1."""
    found = {
        item[1].strip(" \t")
        for item in (headers if isinstance(headers, (list, tuple)) else ())
        if isinstance(item, (list, tuple))
        and len(item) == 2
        and isinstance(item[0], str)
        and isinstance(item[1], str)
        and item[0].lower() == "content-length"
    }
    if len(found) != 1:
        return -1
    value = found.pop()
    # No body is as long as a number of more digits says.
    return int(value) if DECIMAL.fullmatch(value) and len(value) <= 18 else -1


def exc_info_problems(exc_info: Any) -> list[Problem]:
    """Return what is wrong with the third argument of ``start_response``, None excepted."""
    rule = "start-response-exc-info-tuple"
    expected = "a tuple as sys.exc_info() returns it"
    if not isinstance(exc_info, tuple) or len(exc_info) != 3:
        return [Problem(rule, expected, show(exc_info))]
    kind, value, traceback = exc_info
    if kind is None and value is None and traceback is None:
        expected = "exc_info only where an error was trapped"
        observed = "(None, None, None)"
        return [Problem("start-response-exc-info-genuine", expected, observed)]
    if not (
        isinstance(kind, type)
        and issubclass(kind, BaseException)
        and isinstance(value, kind)
        and (traceback is None or type(traceback).__name__ == "traceback")
    ):
        return [Problem(rule, expected, show(exc_info))]
    return []
