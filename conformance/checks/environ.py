"""An environ: what a server passes to an application (PEP 3333, environ Variables)."""

import re
from typing import Any, Dict, List

from conformance.checks.common import BEYOND_LATIN1, Problem, escaped, show

__all__ = ["ENVIRON_RULES", "check_environ"]

ENVIRON_RULES = (
    "environ-cgi-variables-present",
    "environ-errors-present",
    "environ-extension-name-charset",
    "environ-extension-name-prefix",
    "environ-input-present",
    "environ-keys-native-str",
    "environ-request-method-required",
    "environ-run-once-present",
    "environ-server-name-required",
    "environ-server-port-required",
    "environ-server-protocol-present",
    "environ-url-scheme-present",
    "environ-wsgi-version",
    "errors-flush-supported",
    "errors-write-supported",
    "errors-writelines-supported",
    "input-iteration-supported",
    "input-read-supported",
    "input-readline-supported",
    "input-readlines-supported",
    "thread-multiprocess-present",
    "thread-multithread-present",
    "unicode-environ-latin1-only",
    "unicode-environ-native-str",
    "url-server-port-decimal",
)

# RFC 3875 section 4.1, less the ones that have a check of their own.
CGI_VARIABLES = frozenset(
    (
        "AUTH_TYPE",
        "CONTENT_LENGTH",
        "CONTENT_TYPE",
        "GATEWAY_INTERFACE",
        "PATH_INFO",
        "PATH_TRANSLATED",
        "QUERY_STRING",
        "REMOTE_ADDR",
        "REMOTE_HOST",
        "REMOTE_IDENT",
        "REMOTE_USER",
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "SERVER_NAME",
        "SERVER_PORT",
        "SERVER_PROTOCOL",
        "SERVER_SOFTWARE",
    )
)
# Not CGI's, yet set under these names by so many servers that they are CGI's in practice: what
# Apache gives to every CGI program, and what nginx and lighttpd pass over FastCGI and uwsgi.
CGI_LIKE = frozenset(
    (
        "CONTEXT_DOCUMENT_ROOT",
        "CONTEXT_PREFIX",
        "DOCUMENT_ROOT",
        "DOCUMENT_URI",
        "FCGI_ROLE",
        "HTTPS",
        "LD_LIBRARY_PATH",
        "PATH",
        "RAW_URI",
        "REMOTE_PORT",
        "REQUEST_SCHEME",
        "REQUEST_URI",
        "SCGI",
        "SCRIPT_FILENAME",
        "SCRIPT_URI",
        "SCRIPT_URL",
        "SERVER_ADDR",
        "SERVER_ADMIN",
        "SERVER_SIGNATURE",
        "UNIQUE_ID",
    )
)
NON_EMPTY = (
    ("REQUEST_METHOD", "environ-request-method-required"),
    ("SERVER_NAME", "environ-server-name-required"),
    ("SERVER_PORT", "environ-server-port-required"),
    ("SERVER_PROTOCOL", "environ-server-protocol-present"),
    ("wsgi.url_scheme", "environ-url-scheme-present"),
)
FLAGS = (
    ("wsgi.multithread", "thread-multithread-present"),
    ("wsgi.multiprocess", "thread-multiprocess-present"),
    ("wsgi.run_once", "environ-run-once-present"),
)
STREAMS = (
    ("wsgi.input", "environ-input-present", "input", ("read", "readline", "readlines")),
    ("wsgi.errors", "environ-errors-present", "errors", ("flush", "write", "writelines")),
)
# Not a server's own: request headers, Apache's SSL and redirect variables, the names that WSGI's
# community agreed upon.
FOREIGN_PREFIXES = ("HTTP_", "REDIRECT_", "SSL_", "wsgi.", "x-wsgiorg.")
EXTENSION_NAME = re.compile(r"[a-z0-9._]+")
DECIMAL = re.compile(r"[0-9]+")


def is_request_variable(key: str) -> bool:
    """Whether a key is a CGI variable or a request header."""
    return key in CGI_VARIABLES or key.startswith("HTTP_")


def check_environ(environ: Dict[Any, Any], inherited: Any = ()) -> List[Problem]:
    """Check what a server passed as environ, its type apart.

    Args:
        environ: as passed, or a copy with the same keys and the same types of values.
        inherited: keys of the process environment, which a server may copy.

    Returns:
        The problems, all of them on the server's side.
    """
    problems: List[Problem] = []
    for key in environ:
        if type(key) is not str:
            # That a subclass will not do is said of environ itself, of nothing in it.
            level = "SHOULD" if isinstance(key, str) else None
            observed = f"key {show(key)} ({type(key).__name__})"
            problems.append(Problem("environ-keys-native-str", "str keys", observed, level))
    check_required(environ, problems)
    check_streams(environ, problems)
    check_strings(environ, inherited, problems)
    check_extensions(environ, inherited, problems)
    return problems


def check_required(environ: Dict[Any, Any], problems: List[Problem]) -> None:
    """Check the keys that are always there."""
    for key, rule in NON_EMPTY:
        value = environ.get(key)
        if not isinstance(value, str) or not value:
            expected = f"{key} is a non-empty str"
            problems.append(Problem(rule, expected, show_item(environ, key)))
    missing = [key for key, _ in NON_EMPTY[:4] if key not in environ]
    if missing:
        expected = "every listed CGI variable that is not empty"
        problems.append(Problem("environ-cgi-variables-present", expected, show(missing)))
    for key, rule in FLAGS:
        if key not in environ:
            problems.append(Problem(rule, f"{key} is present", "no such key"))
    version = environ.get("wsgi.version")
    if type(version) is not tuple or version != (1, 0):
        level = "SHOULD" if isinstance(version, tuple) and version == (1, 0) else None
        expected = "wsgi.version is the tuple (1, 0)"
        observed = f"{show_item(environ, 'wsgi.version')} ({type(version).__name__})"
        problems.append(Problem("environ-wsgi-version", expected, observed, level))
    scheme = environ.get("wsgi.url_scheme")
    if isinstance(scheme, str) and scheme and (":" in scheme or "/" in scheme):
        expected = "the name of a scheme alone"
        problems.append(Problem("environ-url-scheme-present", expected, show(scheme)))
    port = environ.get("SERVER_PORT")
    if isinstance(port, str) and port and not DECIMAL.fullmatch(port):
        # A Unix socket has no port, and an environ does not tell what was listened at.
        expected = "SERVER_PORT in ASCII digits"
        problems.append(Problem("url-server-port-decimal", expected, show(port), "SHOULD"))


def show_item(environ: Dict[Any, Any], key: str) -> str:
    """Return a text for a key and its value, or for its absence."""
    return f"{key}={show(environ[key])}" if key in environ else f"no {key}"


def check_streams(environ: Dict[Any, Any], problems: List[Problem]) -> None:
    """Check that the two streams are there and have their methods."""
    for key, rule, topic, methods in STREAMS:
        stream = environ.get(key)
        if stream is None:
            problems.append(Problem(rule, f"{key} is a stream", show_item(environ, key)))
            continue
        for method in methods:
            if not has_method(stream, method):
                problems.append(
                    Problem(
                        f"{topic}-{method}-supported",
                        f"{key} has {method}()",
                        f"{show(stream)} has none",
                    )
                )
    stream = environ.get("wsgi.input")
    # A class with __getitem__ alone can be iterated, but the PEP's table says __iter__().
    if stream is not None and not has_method(stream, "__iter__"):
        problems.append(
            Problem(
                "input-iteration-supported",
                "wsgi.input has __iter__()",
                f"{show(stream)} has none",
            )
        )


def has_method(stream: Any, name: str) -> bool:
    """Whether a stream, or the snapshot of one, has a callable of a name."""
    methods = getattr(stream, "methods", None)
    if type(stream).__name__ == "Opaque" and isinstance(methods, list):
        return name in methods
    return callable(getattr(type(stream) if name.startswith("__") else stream, name, None))


def check_strings(environ: Dict[Any, Any], inherited: Any, problems: List[Problem]) -> None:
    """Check that strings are str and hold nothing beyond Latin-1."""
    for key, value in environ.items():
        if not isinstance(key, str) or ("." in key and key != "wsgi.url_scheme"):
            continue
        if not isinstance(value, str):
            defined = is_request_variable(key) or key == "wsgi.url_scheme"
            if not defined and not key.isupper():
                continue  # a server's own, under whatever name
            # Of what looks like CGI's and is not, the PEP says nothing.
            level = None if defined else "SHOULD"
            problems.append(
                Problem(
                    "unicode-environ-native-str",
                    f"{key} is a str",
                    f"{key}={show(value)} ({type(value).__name__})",
                    level,
                )
            )
        elif type(value) is not str:
            problems.append(
                Problem(
                    "unicode-environ-native-str",
                    f"{key} is exactly a str",
                    f"a {type(value).__name__}",
                    "SHOULD",
                )
            )
        elif not value.isascii() and BEYOND_LATIN1.search(value):
            known = is_request_variable(key) or key in inherited or "." in key
            problems.append(
                Problem(
                    "unicode-environ-latin1-only",
                    f"{key} has no character beyond U+00FF",
                    f"{key}={escaped(value)}",
                    None if known else "SHOULD",
                )
            )


def check_extensions(environ: Dict[Any, Any], inherited: Any, problems: List[Problem]) -> None:
    """Check the names of the keys that the server itself defines."""
    for key in environ:
        if not isinstance(key, str) or key.startswith(FOREIGN_PREFIXES):
            continue
        if key in CGI_VARIABLES or key in CGI_LIKE or key in inherited:
            continue
        if not EXTENSION_NAME.fullmatch(key):
            problems.append(
                Problem(
                    "environ-extension-name-charset",
                    "a name of lower-case letters, digits, dots and underscores",
                    "key " + show(key),
                )
            )
        if "." not in key:
            problems.append(
                Problem(
                    "environ-extension-name-prefix",
                    "a name with a prefix of the server's own, before a dot",
                    "key " + show(key),
                )
            )
