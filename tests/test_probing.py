"""Probe files: how a request is spelled, and what is said of a file that cannot be used."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance import rules
from conformance.paths import PROBES
from conformance.probing import Probe, ProbeError, load_module, load_probes, probe, request

HOST = b"Host: conformance.test\r\n"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (request(), b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"),
        (request("PROPFIND", "*"), b"PROPFIND * HTTP/1.1\r\n" + HOST + b"\r\n"),
        (request(version="1.0", host=None), b"GET / HTTP/1.0\r\n\r\n"),
        (request(headers=[("host", "other")]), b"GET / HTTP/1.1\r\nhost: other\r\n\r\n"),
        (
            request("POST", body=b"\0\xff"),
            b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\n\0\xff",
        ),
        (
            request("POST", headers=[("content-length", "9")], body=b"x"),
            b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 9\r\n\r\nx",
        ),
        (
            request("POST", headers=[("Transfer-Encoding", "chunked")], body=b"0\r\n\r\n"),
            b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            request(target="/\xe9?\xff", headers=[("A", "\xe9"), ("A", ""), (" B ", " ")]),
            b"GET /\xe9?\xff HTTP/1.1\r\n" + HOST + b"A: \xe9\r\nA: \r\n B :  \r\n\r\n",
        ),
        (request(target="/ \r\nX: y"), b"GET / \r\nX: y HTTP/1.1\r\n" + HOST + b"\r\n"),
    ],
)
def test_request(made: bytes, expected: bytes) -> None:
    assert made == expected


LATIN1 = st.text(st.characters(max_codepoint=255), max_size=10)


@settings(deadline=None)
@given(LATIN1, LATIN1, st.lists(st.tuples(LATIN1, LATIN1), max_size=3), st.binary(max_size=9))
def test_request_says_what_it_was_given(
    method: str, target: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    made = request(method, target, headers, body)
    assert made.startswith(f"{method} {target} HTTP/1.1\r\n".encode("latin-1"))
    assert made.endswith(b"\r\n\r\n" + body)
    for name, value in headers:
        assert f"\r\n{name}: {value}\r\n".encode("latin-1") in made


def test_probe() -> None:
    @probe("input-read-semantics", "input-empty-when-exhausted")
    def reads(environ, start_response):  # type: ignore[no-untyped-def]
        """First line.

        Second paragraph.
        """
        return [environ, start_response]

    assert isinstance(reads, Probe)
    assert reads.name == "test_probing.reads"
    assert reads.summary == "First line."
    assert reads.rules == ("input-read-semantics", "input-empty-when-exhausted")
    # Still a WSGI application.
    assert reads({"a": 1}, print) == [{"a": 1}, print]
    assert reads.conduct is None
    conduct = reads.client(lambda client, verify: None)
    assert reads.conduct is conduct


GOOD = '''
from conformance.probing import probe

@probe("input-read-semantics")
def {name}(environ, start_response):
    """Reads."""

@{name}.client
def _(client, verify):
    pass
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "first.py").write_text(GOOD.format(name="reads") + GOOD.format(name="again"))
    return tmp_path


def test_being_there_is_all_it_takes(folder: Path) -> None:
    (folder / "second.py").write_text(GOOD.format(name="reads"))
    (folder / "_helper.py").write_text("raise RuntimeError")
    (folder / "notes.txt").write_text("not Python")
    found = load_probes(str(folder))
    assert list(found) == ["first.reads", "first.again", "second.reads"]
    assert [each.name for each in found.values()] == list(found)


def refused(folder: Path, text: str) -> str:
    """Return the message for a folder with such a file in it; it must name the file."""
    path = folder / "second.py"
    path.write_text(text)
    with pytest.raises(ProbeError) as caught:
        load_probes(str(folder))
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def test_no_client_half(folder: Path) -> None:
    message = refused(folder, GOOD.partition("@{name}.client")[0].format(name="half"))
    assert message.endswith("second.half has no client half: add one with @half.client")


def test_no_rule(folder: Path) -> None:
    message = refused(folder, GOOD.format(name="idle").replace('"input-read-semantics"', ""))
    assert message.endswith("second.idle judges no rule: name one in @probe(...)")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def (", "SyntaxError"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("1 / 0", "ZeroDivisionError"),
        ("\0", "SyntaxError"),
    ],
)
def test_cannot_be_imported(folder: Path, text: str, why: str) -> None:
    before = set(sys.modules)
    assert why in refused(folder, text)
    # Nothing half-made stays behind.
    assert not [name for name in set(sys.modules) - before if name.endswith(".second")]


def test_files_of_a_directory_share_helpers(tmp_path: Path) -> None:
    for name, value in (("one", 1), ("two", 2)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "_shared.py").write_text(f"value = {value}\n")
        (folder / "user.py").write_text("from ._shared import value\n")
    # Helpers of the same name in two directories are two.
    assert load_module(str(tmp_path / "one" / "user.py")).value == 1
    assert load_module(str(tmp_path / "two" / "user.py")).value == 2
    assert load_probes(str(tmp_path / "one")) == {}


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match=r"absent\.py: FileNotFoundError"):
        load_module(str(tmp_path / "absent.py"))
    with pytest.raises(ProbeError, match="not a Python file"):
        load_module(str(tmp_path / "absent.txt"))


def test_a_file_hides_no_module_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("here = True")
    assert load_module(str(tmp_path / "json.py")).here
    import json

    assert json.loads("1") == 1


def test_own_probes_are_sound() -> None:
    known = rules.load()
    found = load_probes(str(PROBES))
    assert found
    for each in found.values():
        assert each.summary, each.name
        assert set(each.rules) <= set(known), each.name
        assert len(set(each.rules)) == len(each.rules), each.name
