"""The checks of environ, status and headers: silent on whatever is allowed, sharp on the rest."""

from __future__ import annotations

import io
from collections import namedtuple
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance import rules
from conformance.checks import (
    ENVIRON_RULES,
    HEADERS_RULES,
    HOP_BY_HOP,
    STATUS_RULES,
    Problem,
    check_environ,
    check_headers,
    check_status,
    show,
)
from conformance.inside.snapshot import decode, encode_environ
from conformance.trace import decode_environ


class Text(str):
    """A subclass of ``str``."""


class Nothing:
    """A stream without a method, and without a repr."""

    def __repr__(self) -> str:
        raise RuntimeError


Version = namedtuple("Version", "major minor")
GONE = object()


def environ(**changes: Any) -> dict[Any, Any]:
    """Return the least that PEP 3333 wants, changed; underscores in ``wsgi_`` keys become dots."""
    made: dict[Any, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": 0,
    }
    for name, value in changes.items():
        key = name.replace("wsgi_", "wsgi.", 1)
        made[key] = value
        if value is GONE:
            del made[key]
    return made


def found(problems: list[Problem]) -> dict[str, str | None]:
    """Return the rules that were found broken, each with the level that was asked for."""
    for problem in problems:
        assert problem.expected
        assert problem.observed
    return {problem.rule: problem.level for problem in problems}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"PATH_INFO": GONE},
        {"SCRIPT_NAME": "", "PATH_INFO": ""},
        {"SCRIPT_NAME": "/app", "PATH_INFO": "", "QUERY_STRING": ""},
        {"REQUEST_METHOD": "PROPFIND"},
        {"REQUEST_METHOD": "get"},
        {"SERVER_PROTOCOL": "HTTP/2"},
        {"SERVER_PROTOCOL": "INCLUDED"},
        {"SERVER_NAME": "::1", "SERVER_PORT": "65535"},
        {"CONTENT_TYPE": "", "CONTENT_LENGTH": ""},
        {"CONTENT_LENGTH": "0"},
        {"REMOTE_PORT": "1", "SERVER_ADDR": "::1", "REQUEST_URI": "/%e9", "HTTPS": "on"},
        {"PATH_INFO": "/caf\xc3\xa9\xff"},
        {"HTTP_X_Y": "a\x80", "HTTP_COOKIE": "", "HTTP_x": ""},
        {"HTTP_CONTENT_LENGTH": "1"},
        {"SSL_PROTOCOL": "TLSv1.3", "REDIRECT_STATUS": "200"},
        {"wsgi_url_scheme": "https"},
        {"wsgi_url_scheme": "wss"},
        {"wsgi_multithread": None, "wsgi_multiprocess": 1, "wsgi_run_once": ""},
        {"wsgi_file_wrapper": print, "wsgi_input_terminated": True, "wsgi_websocket": None},
        {"wsgi_input": io.BufferedReader(io.BytesIO())},
    ],
)
def test_good_environ(changes: dict[str, Any]) -> None:
    made = environ(**changes)
    assert check_environ(made) == []
    # Seen from the harness it is no worse.
    assert check_environ(decode_environ(encode_environ(made))) == []


@pytest.mark.parametrize("key", ["myserver.socket", "my_server.x_1", "a.b.c", "x-wsgiorg.suburi"])
def test_good_extensions(key: str) -> None:
    assert check_environ({**environ(), key: object()}) == []


def test_copied_process_environment() -> None:
    copied = {"HOME": "/root", "Path": "", "weird name": "caf\xe9", "no_proxy": "x"}
    assert check_environ({**environ(), **copied}, list(copied)) == []
    assert check_environ({**environ(), **copied}) != []
    inherited = {"PLANTED": "\u20ac"}
    problems = check_environ({**environ(), **inherited}, list(inherited))
    assert found(problems) == {"unicode-environ-latin1-only": None}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"REQUEST_METHOD": ""}, {"environ-request-method-required"}),
        ({"REQUEST_METHOD": GONE}, {"environ-request-method-required",
                                    "environ-cgi-variables-present"}),
        ({"SERVER_NAME": ""}, {"environ-server-name-required"}),
        ({"SERVER_NAME": GONE}, {"environ-server-name-required", "environ-cgi-variables-present"}),
        ({"SERVER_PORT": ""}, {"environ-server-port-required"}),
        ({"SERVER_PORT": "http"}, {"url-server-port-decimal"}),
        ({"SERVER_PORT": "8\u0660"}, {"url-server-port-decimal", "unicode-environ-latin1-only"}),
        ({"SERVER_PORT": 80}, {"environ-server-port-required", "unicode-environ-native-str"}),
        ({"SERVER_PROTOCOL": ""}, {"environ-server-protocol-present"}),
        ({"wsgi_url_scheme": ""}, {"environ-url-scheme-present"}),
        ({"wsgi_url_scheme": GONE}, {"environ-url-scheme-present"}),
        ({"wsgi_url_scheme": "http://"}, {"environ-url-scheme-present"}),
        ({"wsgi_url_scheme": "http:"}, {"environ-url-scheme-present"}),
        ({"wsgi_url_scheme": b"http"}, {"environ-url-scheme-present",
                                        "unicode-environ-native-str"}),
        ({"wsgi_version": GONE}, {"environ-wsgi-version"}),
        ({"wsgi_version": [1, 0]}, {"environ-wsgi-version"}),
        ({"wsgi_version": (1, 1)}, {"environ-wsgi-version"}),
        ({"wsgi_version": "1.0"}, {"environ-wsgi-version"}),
        ({"wsgi_multithread": GONE}, {"thread-multithread-present"}),
        ({"wsgi_multiprocess": GONE}, {"thread-multiprocess-present"}),
        ({"wsgi_run_once": GONE}, {"environ-run-once-present"}),
        ({"wsgi_input": GONE}, {"environ-input-present"}),
        ({"wsgi_input": None}, {"environ-input-present"}),
        ({"wsgi_errors": GONE}, {"environ-errors-present"}),
        ({"wsgi_input": Nothing()}, {"input-read-supported", "input-readline-supported",
                                     "input-readlines-supported", "input-iteration-supported"}),
        ({"wsgi_errors": Nothing()}, {"errors-flush-supported", "errors-write-supported",
                                      "errors-writelines-supported"}),
        ({"PATH_INFO": b"/"}, {"unicode-environ-native-str"}),
        ({"CONTENT_LENGTH": 5}, {"unicode-environ-native-str"}),
        ({"HTTP_X": None}, {"unicode-environ-native-str"}),
        ({"PATH_INFO": "/\u20ac"}, {"unicode-environ-latin1-only"}),
        ({"PATH_INFO": "/\udce9"}, {"unicode-environ-latin1-only"}),
        ({"HTTP_X": "\u0100"}, {"unicode-environ-latin1-only"}),
        ({"MyServer.x": 1}, {"environ-extension-name-charset"}),
        ({"my-server.x": 1}, {"environ-extension-name-charset"}),
        ({"my server.x": 1}, {"environ-extension-name-charset"}),
        ({"myserver": "1"}, {"environ-extension-name-prefix"}),
    ],
)  # fmt: skip
def test_bad_environ(changes: dict[str, Any], expected: set[str]) -> None:
    made = environ(**changes)
    assert set(found(check_environ(made))) == expected
    assert set(found(check_environ(decode_environ(encode_environ(made))))) == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [(b"PATH_INFO", "/"), (1, "x"), (None, "x"), (("a",), "x")],
)
def test_bad_keys(key: Any, value: Any) -> None:
    assert found(check_environ({**environ(), key: value})) == {"environ-keys-native-str": None}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"PATH_INFO": Text("/")}, "unicode-environ-native-str"),
        ({"REMOTE_PORT": 5}, "unicode-environ-native-str"),
        ({"wsgi_version": Version(1, 0)}, "environ-wsgi-version"),
    ],
)
def test_what_the_text_leaves_room_for(changes: dict[str, Any], rule: str) -> None:
    assert found(check_environ(environ(**changes))) == {rule: "SHOULD"}


def test_empty_environ() -> None:
    """Everything that is always there is missing, and each is said."""
    assert {
        "environ-request-method-required",
        "environ-cgi-variables-present",
        "environ-wsgi-version",
        "environ-input-present",
        "environ-errors-present",
        "environ-run-once-present",
        "thread-multithread-present",
    } <= set(found(check_environ({})))


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(), st.binary(), st.builds(Nothing),
    st.builds(Text, st.text()), st.tuples(st.integers(), st.integers()), st.just(io.BytesIO()),
)  # fmt: skip
KEYS = st.one_of(st.sampled_from(sorted(environ())), st.text(), st.binary(), st.integers())


@settings(deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=12))
def test_no_environ_breaks_the_check(changes: dict[Any, Any]) -> None:
    for made in (changes, {**environ(), **changes}):
        assert set(found(check_environ(made))) <= set(ENVIRON_RULES)


@pytest.mark.parametrize(
    "status", ["200 OK", "404 Not Found", "299 A  b", "999 x", "200 !", "418 I'm a teapot"]
)
def test_good_status(status: str) -> None:
    assert check_status(status) == []


def test_status_in_latin1() -> None:
    assert check_status("200 tr\xe8s bien") == []


@pytest.mark.parametrize(
    ("status", "rules_"),
    [
        (b"200 OK", {"status-native-str"}),
        (200, {"status-native-str"}),
        (None, {"status-native-str"}),
        ("", {"status-code-and-reason"}),
        ("OK", {"status-code-and-reason"}),
        ("OK 200", {"status-code-and-reason"}),
        ("HTTP/1.1 200 OK", {"status-no-surrounding-whitespace"}),
        ("200OK", {"status-single-space"}),
        ("200\xa0OK", {"status-single-space"}),
        ("20 OK", {"status-code-three-digits"}),
        ("2000 OK", {"status-code-three-digits"}),
        ("\u0662\u0660\u0660 OK", {"status-code-three-digits", "status-latin1-only"}),
        ("200", {"status-code-and-reason"}),
        ("200 ", {"status-code-and-reason"}),
        ("200  OK", {"status-single-space"}),
        ("200 OK ", {"status-no-surrounding-whitespace"}),
        (" 200 OK", {"status-no-surrounding-whitespace"}),
        ("200 O\tK", {"status-no-control-chars"}),
        ("200 OK\r\nX: y", {"status-no-control-chars"}),
        ("200 OK\x7f", {"status-no-control-chars"}),
        ("200 \u20ac", {"status-latin1-only"}),
        ("100 Continue", {"http-expect-left-to-server"}),
    ],
)
def test_bad_status(status: Any, rules_: set[str]) -> None:
    assert set(found(check_status(status))) == rules_


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Content-Type", "text/plain"), ("content-type", "text/html")],
        [("X", ""), ("X-!#$%&'*+.^_`|~9", "caf\xe9 \x80 \xff")],
        [("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")],
        [Version("X", "a subclass of tuple")],
    ],
)
def test_good_headers(headers: Any) -> None:
    assert check_headers(headers) == []


@pytest.mark.parametrize(
    ("headers", "rules_"),
    [
        ((), {"headers-exact-list"}),
        (None, {"headers-exact-list"}),
        ({"A": "b"}, {"headers-exact-list"}),
        (iter([]), {"headers-exact-list"}),
        ([["A", "b"]], {"headers-two-tuples"}),
        ([("A",)], {"headers-two-tuples"}),
        ([("A", "b", "c")], {"headers-two-tuples"}),
        (["Ab"], {"headers-two-tuples"}),
        ([(b"A", "b")], {"headers-name-native-str"}),
        ([("A", b"b")], {"headers-value-native-str"}),
        ([("A", 5)], {"headers-value-native-str"}),
        ([("A:", "b")], {"headers-name-no-colon"}),
        ([("A B", "c")], {"headers-name-token"}),
        ([("", "b")], {"headers-name-token"}),
        ([("A\r\nB", "c")], {"headers-name-token"}),
        ([("\u20ac", "b")], {"headers-latin1-only", "headers-name-token"}),
        ([("A", "b\r\nC: d")], {"headers-value-no-control-chars"}),
        ([("A", "b\n")], {"headers-value-no-control-chars"}),
        ([("A", "\0")], {"headers-value-no-control-chars"}),
        ([("A", "\x7f")], {"headers-value-no-control-chars"}),
        ([("A", "\u20ac")], {"headers-latin1-only"}),
        ([("A", "\u20ac\n")], {"headers-latin1-only", "headers-value-no-control-chars"}),
        *(([(name.title(), "x")], {"http-hop-headers-not-sent"}) for name in sorted(HOP_BY_HOP)),
    ],
)
def test_bad_headers(headers: Any, rules_: set[str]) -> None:
    assert set(found(check_headers(headers))) == rules_


@settings(deadline=None)
@given(st.one_of(VALUES, st.lists(st.one_of(VALUES, st.tuples(VALUES, VALUES)))))
def test_nothing_breaks_the_checks(value: Any) -> None:
    assert set(found(check_headers(value))) <= set(HEADERS_RULES)
    assert set(found(check_status(value))) <= set(STATUS_RULES)


def test_rules_are_known() -> None:
    assert {*ENVIRON_RULES, *STATUS_RULES, *HEADERS_RULES} <= set(rules.load())


def test_show() -> None:
    assert show(Nothing()) == "<Nothing without a usable repr>"
    assert len(show("x" * 1000)) == 120
    assert show(decode({"o": "a.b", "r": "<b>", "m": []})) == "<b>"
