"""What a server passed as ``environ``: a quick test that all is well, and a slow one that says what
is not.

The quick test knows which keys environs have come with (a plan for each set of them, in a bounded
table) and looks at their values all at once. It may send a good environ the slow way, and never a
bad one the quick way. Its cost does not depend on what extension keys hold.
"""

from __future__ import annotations

import os
import re
from operator import itemgetter
from typing import Any, Callable

from conformance.checks import Problem, check_environ
from conformance.validation.findings import show

__all__ = ["clean", "problems_of"]

# The values of these change little from one request to the next, so they are looked up together.
STEADY = (
    "REQUEST_METHOD",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "wsgi.url_scheme",
)
OBJECTS = (
    "wsgi.version",
    "wsgi.input",
    "wsgi.errors",
    "wsgi.multithread",
    "wsgi.multiprocess",
    "wsgi.run_once",
)
# Without authentication there is no value for these (PEP 3333, environ Variables).
VALUELESS = ("AUTH_TYPE", "PATH_TRANSLATED", "REMOTE_HOST", "REMOTE_IDENT", "REMOTE_USER")
OTHERS = ("GATEWAY_INTERFACE", "SERVER_SOFTWARE", "REMOTE_ADDR")
READS = ("read", "readline", "readlines", "__iter__")
WRITES = ("write", "writelines", "flush")

BOUND = 512
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
PROTOCOL = re.compile(r"HTTP/[0-9]+(?:\.[0-9]+)?|INCLUDED")
HOST = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+(?:%25[^\]]*)?\]|\[v[0-9A-Fa-f]+\.[^\]]+\]|"
    r"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
)
DECIMAL = re.compile("[0-9]+")

# Keys in their order -> what to look at; None for a set with something wrong about it.
_plans: dict[tuple[str, ...], Plan | None] = {}
_steady: dict[tuple[str, ...], bool] = {}
# The same plans by how many keys they are for: the last that fitted, as a first guess.
_guesses: dict[int, Plan] = {}
_readers: dict[type, bool] = {}
_writers: dict[type, bool] = {}


class Plan:
    """What is looked at in an environ that has just these keys.

    Attributes:
        values: gets the value of every key: of ``OBJECTS``, then the strings, then the rest.
        end: where among the values the strings end.
        count: how many strings there are.
        steady: how many of them, from the first, are those of ``STEADY`` and a host.
        path, script, length: where among the strings these are; -1 where absent.
        valueless: where among them those are that are better left out when empty.
    """

    __slots__ = ("count", "end", "length", "path", "script", "steady", "valueless", "values")

    def __init__(self, keys: tuple[str, ...]) -> None:
        first = [*STEADY, "HTTP_HOST"] if "HTTP_HOST" in keys else [*STEADY]
        texts = [*first, *(key for key in keys if "." not in key and key not in first)]
        rest = [key for key in keys if key not in texts and key not in OBJECTS]
        places = {name: place for place, name in enumerate(texts)}
        everything: list[Any] = [*OBJECTS, *texts, *rest]
        self.values: Callable[[dict[str, Any]], tuple[Any, ...]] = itemgetter(*everything)
        self.end = len(OBJECTS) + len(texts)
        self.count = len(texts)
        self.steady = len(first)
        self.path, self.script = places.get("PATH_INFO", -1), places.get("SCRIPT_NAME", -1)
        self.length = places.get("CONTENT_LENGTH", -1)
        self.valueless = tuple(places[name] for name in VALUELESS if name in places)


def clean(environ: dict[str, Any]) -> bool:
    """Whether nothing that counts is wrong with an environ; False if unsure.

    Raises anything at all where it is far from being one.
    """
    # An environ of as many keys, among them all of another's, has the same keys.
    plan = _guesses.get(len(environ))
    try:
        values = plan.values(environ) if plan is not None else None
    except KeyError:
        values = None
    if plan is None or values is None:
        plan = _plan_for(tuple(environ))
        if plan is None:
            return False
        values = plan.values(environ)
    texts = values[6 : plan.end]
    if [*map(type, texts)].count(str) != plan.count:
        return False
    text = "".join(texts)
    if not text.isascii():
        text.encode("latin-1")  # raises, where that is not possible
    version, reader, writer, threads, processes, once = values[:6]
    if not (
        type(version) is tuple
        and version == (1, 0)
        and (_readers.get(type(reader)) or _known(_readers, reader, READS))
        and (_writers.get(type(writer)) or _known(_writers, writer, WRITES))
        and type(threads) is bool
        and type(processes) is bool
        and type(once) is bool
    ):
        return False
    steady = texts[: plan.steady]
    if steady not in _steady and not _learn_steady(steady):
        return False
    path = texts[plan.path] if plan.path >= 0 else ""
    if path and path[0] != "/":
        return False
    script = texts[plan.script] if plan.script >= 0 else ""
    if script and (script[0] != "/" or script[-1] == "/"):
        return False
    length = texts[plan.length] if plan.length >= 0 else ""
    if length and not length.isdecimal():
        return False
    return not plan.valueless or all(texts[place] not in ("", "-") for place in plan.valueless)


def _plan_for(keys: tuple[str, ...]) -> Plan | None:
    """Return the plan for keys, or None where one of them is wrong or needs a closer look."""
    if keys in _plans:
        plan = _plans[keys]
        if plan is not None:
            _remember(_guesses, len(keys), plan)
        return plan
    if not all(type(key) is str for key in keys):
        return None
    good = {*keys}.issuperset((*STEADY, *OBJECTS)) and "HTTPS" not in keys
    plan = Plan(keys) if good else None
    _remember(_plans, keys, plan)
    return plan


def _learn_steady(steady: tuple[str, ...]) -> bool:
    method, name, port, protocol, scheme = steady[:5]
    good = bool(
        TOKEN.fullmatch(method)
        and name
        and DECIMAL.fullmatch(port)
        and PROTOCOL.fullmatch(protocol)
        and scheme in ("http", "https")
        and all(HOST.fullmatch(host) for host in steady[5:])
    )
    if good:
        _remember(_steady, steady, True)
    return good


def _known(table: dict[type, bool], stream: Any, methods: tuple[str, ...]) -> bool:
    """Whether the type of a stream has all methods; told once for each type."""
    kind = type(stream)
    if kind not in table:
        _remember(table, kind, all(callable(getattr(kind, name, None)) for name in methods))
    return table[kind]


def _remember(table: dict[Any, Any], key: Any, value: Any) -> None:
    if len(table) >= BOUND:
        table.clear()
    table[key] = value


def problems_of(environ: Any) -> list[Problem]:
    """Return all that is wrong with an environ, or worth a note; a mapping of any kind will do."""
    # Inherited keys are not of the server's own choosing, and who set an extension key cannot be
    # told from here: middleware, a deployer or the server.
    found = [
        problem._replace(level="undefined")
        if problem.rule.startswith("environ-extension-name-")
        else problem
        for problem in check_environ(environ, os.environ)
    ]
    _check_request_line(environ, found)
    _check_paths(environ, found)
    _check_fields(environ, found)
    _check_presence(environ, found)
    _check_flags(environ, found)
    return found


def _text(environ: Any, key: str) -> str | None:
    value = environ.get(key)
    return value if isinstance(value, str) else None


def _check_request_line(environ: Any, found: list[Problem]) -> None:
    method = _text(environ, "REQUEST_METHOD")
    if method and not TOKEN.fullmatch(method):
        found.append(Problem("http-request-method-token", "a token", show(method)))
    protocol = _text(environ, "SERVER_PROTOCOL")
    if protocol and not PROTOCOL.fullmatch(protocol):
        expected = "a name and a version, such as HTTP/1.1"
        found.append(Problem("http-server-protocol-form", expected, show(protocol)))


def _check_paths(environ: Any, found: list[Problem]) -> None:
    script = _text(environ, "SCRIPT_NAME")
    if script and (script[0] != "/" or script[-1] == "/"):
        # CGI's grammar lets it end in a slash; one slash too many comes of that.
        level = None if script[0] != "/" else "undefined"
        expected = "empty, or a path that begins with a slash and does not end in one"
        found.append(Problem("cgi-script-name-form", expected, show(script), level))
    path = _text(environ, "PATH_INFO")
    if path and not path.startswith("/"):
        # The other forms of a request-target (RFC 9112 section 3.2) have nowhere else to go.
        method = _text(environ, "REQUEST_METHOD")
        if not (path == "*" and method == "OPTIONS") and method != "CONNECT":
            expected = "empty, or a path that begins with a slash"
            found.append(Problem("cgi-path-info-form", expected, show(path)))


def _check_fields(environ: Any, found: list[Problem]) -> None:
    length = _text(environ, "CONTENT_LENGTH")
    if length and not DECIMAL.fullmatch(length):
        expected = "ASCII digits, or nothing"
        found.append(Problem("environ-content-length-value", expected, show(length)))
    host = _text(environ, "HTTP_HOST")
    if host and not HOST.fullmatch(host):
        found.append(Problem("http-host-valid", "a host, and perhaps a port", show(host)))
    for key, rule in (
        ("HTTP_CONTENT_LENGTH", "environ-content-length-value"),
        ("HTTP_CONTENT_TYPE", "environ-content-type-value"),
    ):
        if key in environ:
            expected = f"{key[5:]} alone"
            found.append(Problem(rule, expected, f"also {key}", "undefined"))


def _check_presence(environ: Any, found: list[Problem]) -> None:
    for key in VALUELESS:
        if key in environ and environ[key] in ("", "-", None):
            expected = f"no {key} where there is no value for it"
            observed = f"{key}={show(environ[key])}"
            found.append(Problem("environ-valueless-variables-omitted", expected, observed))
    missing = [key for key in OTHERS if key not in environ]
    if missing:
        # Not every transport knows them, and it cannot be told from here which one this is.
        expected = "every other CGI variable that applies"
        observed = "no " + ", ".join(missing)
        found.append(Problem("environ-other-cgi-variables", expected, observed, "undefined"))
    scheme = environ.get("wsgi.url_scheme")
    https = environ.get("HTTPS")
    # The reverse proves nothing: behind a proxy that ends TLS a gateway cannot know of it.
    if scheme == "http" and https in ("on", "1"):
        expected = "no HTTPS over plain HTTP"
        found.append(Problem("environ-tls-variables", expected, f"HTTPS={show(https)}"))


def _check_flags(environ: Any, found: list[Problem]) -> None:
    for key, rule in (
        ("wsgi.multithread", "thread-multithread-present"),
        ("wsgi.multiprocess", "thread-multiprocess-present"),
        ("wsgi.run_once", "environ-run-once-present"),
    ):
        if key not in environ:
            continue
        try:
            bool(environ[key])
        except Exception as error:
            observed = f"{type(error).__name__} from its truth value"
            found.append(Problem(rule, f"{key} is true or false", observed))
            continue
        if isinstance(environ[key], str):
            # Legal as far as it goes, and "no" is true.
            expected = f"{key} is true or false"
            found.append(Problem(rule, expected, show(environ[key]), "undefined"))
    wrapper = environ.get("wsgi.file_wrapper")
    if wrapper is not None and not callable(wrapper):
        found.append(Problem("file-wrapper-one-argument", "a callable", show(wrapper)))
