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

# The values of these change little from one request to the next, so they are looked at together.
STEADY = (
    "wsgi.version",
    "REQUEST_METHOD",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "wsgi.url_scheme",
)
# So are these, where there are any.
STEADY_TOO = ("HTTP_HOST", "SCRIPT_NAME")
OBJECTS = ("wsgi.input", "wsgi.errors")
FLAGS = ("wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once")
# Without authentication there is no value for these (PEP 3333, environ Variables).
VALUELESS = ("AUTH_TYPE", "PATH_TRANSLATED", "REMOTE_HOST", "REMOTE_IDENT", "REMOTE_USER")
OTHERS = ("GATEWAY_INTERFACE", "SERVER_SOFTWARE", "REMOTE_ADDR")
READS = ("read", "readline", "readlines", "__iter__")
WRITES = ("write", "writelines", "flush")

BOUND = 512
# Of one set of keys.
BOUND_EACH = 16
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
PROTOCOL = re.compile(r"HTTP/[0-9]+(?:\.[0-9]+)?|INCLUDED")
HOST = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+(?:%25[^\]]*)?\]|\[v[0-9A-Fa-f]+\.[^\]]+\]|"
    r"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
)
DECIMAL = re.compile("[0-9]+")

# Keys in their order -> what to look at; None for a set with something wrong about it.
_plans: dict[tuple[str, ...], Plan | None] = {}
# The same plans by how many keys they are for: the last that fitted, as a first guess.
_guesses: dict[int, Plan] = {}


class Plan:
    """What is looked at in an environ that has just these keys, and what was seen to be good.

    Attributes:
        values: gets the value of every key: the steady ones, the other strings, then the rest.
        steady, texts: where among the values the steady ones end, and where the strings do, which
            begin behind the version.
        flags: where in the rest they begin, behind the streams.
        path, length: where PATH_INFO and CONTENT_LENGTH are; 0 where absent.
        valueless: where those are that are better left out when empty.
        last_types, last_steady: types of all values, and the steady values, that were good in the
            last request. As a rule they are those of the next one.
        known: more of both.
    """

    __slots__ = (
        "host",
        "known",
        "last_steady",
        "last_types",
        "length",
        "path",
        "script",
        "steady",
        "texts",
        "valueless",
        "values",
    )

    def __init__(self, keys: tuple[str, ...]) -> None:
        first = [*STEADY, *(key for key in STEADY_TOO if key in keys)]
        texts = [key for key in keys if "." not in key and key not in first]
        begin = [*first, *texts, *OBJECTS, *FLAGS]
        everything = [*begin, *(key for key in keys if key not in begin)]
        places = {name: place for place, name in enumerate(everything)}
        self.values: Callable[[dict[str, Any]], tuple[Any, ...]] = itemgetter(*everything)
        self.steady = len(first)
        self.texts = len(first) + len(texts)
        self.path, self.length = places.get("PATH_INFO", 0), places.get("CONTENT_LENGTH", 0)
        self.host, self.script = places.get("HTTP_HOST", 0), places.get("SCRIPT_NAME", 0)
        self.valueless = tuple(places[name] for name in VALUELESS if name in places)
        self.last_types: list[type] = []
        self.last_steady: tuple[Any, ...] = ()
        self.known: set[tuple[Any, ...]] = set()

    def types_good(self, types: list[type]) -> bool:
        """Whether values of these types may be good; remember it if so."""
        found = (*types,)
        if found not in self.known:
            reader, writer, *flags = types[self.texts : self.texts + len(OBJECTS) + len(FLAGS)]
            good = (
                types[0] is tuple
                and types[1 : self.texts].count(str) == self.texts - 1
                and all(callable(getattr(reader, name, None)) for name in READS)
                and all(callable(getattr(writer, name, None)) for name in WRITES)
                and flags.count(bool) == len(FLAGS)
            )
            if not good:
                return False
            self._remember(found)
        self.last_types = types
        return True

    def steady_good(self, steady: tuple[Any, ...]) -> bool:
        """Whether these steady values are good, of which the types are; remember it if so."""
        if steady not in self.known:
            version, method, name, port, protocol, scheme = steady[: len(STEADY)]
            script = steady[self.script] if self.script else ""
            good = (
                version == (1, 0)
                and TOKEN.fullmatch(method)
                and name
                and DECIMAL.fullmatch(port)
                and PROTOCOL.fullmatch(protocol)
                and scheme in ("http", "https")
                and (not self.host or HOST.fullmatch(steady[self.host]))
                and (not script or (script[0] == "/" and script[-1] != "/"))
            )
            if not good:
                return False
            self._remember(steady)
        self.last_steady = steady
        return True

    def _remember(self, good: tuple[Any, ...]) -> None:
        if len(self.known) >= BOUND_EACH:
            self.known.clear()
        self.known.add(good)


def clean(environ: dict[str, Any]) -> bool:
    """Whether nothing that counts is wrong with an environ; False if unsure.

    Raises anything at all where it is far from being one.
    """
    try:
        # An environ of as many keys, among them all of another's, has the same keys.
        plan = _guesses[len(environ)]
        get = plan.values
        values = get(environ)
    except KeyError:
        known = _plan_for((*environ,))
        if known is None:
            return False
        plan = known
        values = plan.values(environ)
    types = [*map(type, values)]
    if types != plan.last_types and not plan.types_good(types):
        return False
    steady = values[: plan.steady]
    if steady != plan.last_steady and not plan.steady_good(steady):
        return False
    text = "".join(values[1 : plan.texts])
    if not text.isascii():
        text.encode("latin-1")  # raises, where that is not possible
    if plan.path and values[plan.path][:1] not in ("/", ""):
        return False
    if plan.length and values[plan.length] and not values[plan.length].isdecimal():
        return False
    return not plan.valueless or all(values[place] not in ("", "-") for place in plan.valueless)


def _plan_for(keys: tuple[str, ...]) -> Plan | None:
    """Return the plan for keys, or None where one of them is wrong or needs a closer look."""
    if keys in _plans:
        plan = _plans[keys]
        if plan is not None:
            _remember(_guesses, len(keys), plan)
        return plan
    if not all(type(key) is str for key in keys):
        return None
    good = {*keys}.issuperset((*STEADY, *OBJECTS, *FLAGS)) and "HTTPS" not in keys
    plan = Plan(keys) if good else None
    _remember(_plans, keys, plan)
    return plan


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
