"""The response reader: nothing malformed passes, nothing valid is blamed, however it arrives."""

from __future__ import annotations

from dataclasses import asdict

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.harness import response as reading
from conformance.harness.response import Response, ResponseReader

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = b"Content-Length: 5\r\n\r\nhello"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
CLOSED = "connection ended in the"

# name: (bytes, a part of the defect's text); the method is GET
MALFORMED = {
    # the head
    "no HTTP at all": (b"<html>hello</html>", "no status line"),
    "binary": (bytes(range(128, 256)), "no status line"),
    "HTTP/0.9": (b"hello", "no status line"),
    "lower-case name of the protocol": (b"http/1.1 200 OK\r\n" + HELLO, "no status line"),
    "empty line first": (b"\r\n" + OK + HELLO, "empty line before the status line"),
    "bare LF first": (b"\n" + OK + HELLO, "no status line"),
    "no space after the code": (b"HTTP/1.1 200\r\n" + HELLO, "malformed status line"),
    "two spaces before the code": (b"HTTP/1.1  200 OK\r\n" + HELLO, "malformed status line"),
    "code of two digits": (b"HTTP/1.1 20 OK\r\n" + HELLO, "malformed status line"),
    "code of four digits": (b"HTTP/1.1 2000 OK\r\n" + HELLO, "malformed status line"),
    "code beyond 599": (b"HTTP/1.1 600 OK\r\n" + HELLO, "status code 600"),
    "code below 100": (b"HTTP/1.1 099 OK\r\n" + HELLO, "status code 099"),
    "version 1.12": (b"HTTP/1.12 200 OK\r\n" + HELLO, "malformed status line"),
    "version 2.0": (b"HTTP/2.0 200 OK\r\n" + HELLO, "HTTP version 2.0"),
    "NUL in the reason": (b"HTTP/1.1 200 O\0K\r\n" + HELLO, "malformed status line"),
    "bare LF after the status line": (b"HTTP/1.1 200 OK\n" + HELLO, "LF alone"),
    "bare LF after a field": (OK + b"A: b\n" + HELLO, "LF alone"),
    "bare LF for the empty line": (OK + b"Content-Length: 5\r\n\nhello", "LF alone"),
    "bare LFs throughout": ((OK + HELLO).replace(b"\r\n", b"\n"), "LF alone"),
    "bare CR in a value": (OK + b"A: b\rC: d\r\n" + HELLO, "control characters"),
    "CR before CRLF": (OK + b"A: b\r\r\n" + HELLO, "control characters"),
    "NUL in a value": (OK + b"A: b\0c\r\n" + HELLO, "control characters"),
    "0x01 in a value": (OK + b"A: \x01\r\n" + HELLO, "control characters"),
    "DEL in a value": (OK + b"A: \x7f\r\n" + HELLO, "control characters"),
    "space before the colon": (OK + b"A : b\r\n" + HELLO, "malformed field line"),
    "no colon": (OK + b"hello\r\n" + HELLO, "malformed field line"),
    "no name": (OK + b": b\r\n" + HELLO, "malformed field line"),
    "bytes beyond ASCII in a name": (OK + b"\xe9: b\r\n" + HELLO, "malformed field line"),
    "folded value": (OK + b"A: b\r\n c\r\n" + HELLO, "folded line"),
    "folded by a tab": (OK + b"A: b\r\n\tc\r\n" + HELLO, "folded line"),
    "end in the status line": (b"HTTP/1.1 20", CLOSED + " head"),
    "end in the fields": (OK + b"Content-Length: 5\r\n", CLOSED + " head"),
    "end after an interim response": (b"HTTP/1.1 100 Continue\r\n\r\n", CLOSED + " head"),
    # the framing
    "two lengths": (OK + b"Content-Length: 5\r\n" + HELLO, "2 Content-Length fields"),
    "two lengths that differ": (OK + b"Content-Length: 6\r\n" + HELLO, "2 Content-Length"),
    "length with a sign": (OK + b"Content-Length: +5\r\n\r\nhello", "Content-Length: b'+5'"),
    "length below zero": (OK + b"Content-Length: -5\r\n\r\nhello", "Content-Length: b'-5'"),
    "lengths in a list": (OK + b"Content-Length: 5, 5\r\n\r\nhello", "Content-Length: b'5, 5'"),
    "length in other digits": (OK + b"Content-Length: \xb2\r\n\r\nhello", "Content-Length:"),
    "length without a number": (OK + b"Content-Length:\r\n\r\nhello", "Content-Length: b''"),
    "length and coding": (CHUNKED[:-2] + b"Content-Length: 0\r\n\r\n0\r\n\r\n", "together with"),
    "unknown coding": (OK + b"Transfer-Encoding: xchunked\r\n\r\n", "Transfer-Encoding: b'x"),
    "chunked twice": (OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "Transfer-E"),
    "coding in HTTP/1.0": (CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n", "HTTP/1.0 response"),
    "coding of a 204": (CHUNKED.replace(b"200", b"204"), "Transfer-Encoding in a 204"),
    "coding of a 100": (CHUNKED.replace(b"200", b"100") + OK + HELLO, "Transfer-Encoding in a 1"),
    "less than announced": (OK + b"Content-Length: 6\r\n\r\nhello", CLOSED + " content"),
    # the chunks
    "size in hexadecimal notation": (CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", "chunk size b'0x5'"),
    "size with a sign": (CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n", "chunk size b'+5'"),
    "size with a blank behind": (CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n", "chunk size b'5 '"),
    "size with a blank before": (CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n", "chunk size b' 5'"),
    "blank before an extension": (CHUNKED + b"5 ;a\r\nhello\r\n0\r\n\r\n", "chunk size b'5 ;a'"),
    "nameless extension": (CHUNKED + b"5;\r\nhello\r\n0\r\n\r\n", "chunk size b'5;'"),
    "extension without a value": (CHUNKED + b"5;a=\r\nhello\r\n0\r\n\r\n", "chunk size b'5;a='"),
    "no size": (CHUNKED + b"\r\nhello\r\n0\r\n\r\n", "chunk size b''"),
    "size of 17 digits": (CHUNKED + b"0" * 16 + b"5\r\nhello\r\n0\r\n\r\n", "malformed chunk size"),
    "bare LF after a size": (CHUNKED + b"5\nhello\r\n0\r\n\r\n", "LF alone"),
    "bare LF after the data": (CHUNKED + b"5\r\nhello\n0\r\n\r\n", "not followed by CRLF"),
    "chunk shorter than its size": (CHUNKED + b"6\r\nhello\r\n0\r\n\r\n", "not followed by CRLF"),
    "chunk longer than its size": (CHUNKED + b"4\r\nhello\r\n0\r\n\r\n", "not followed by CRLF"),
    "end before the first chunk": (CHUNKED, CLOSED + " chunk size"),
    "end in a size": (CHUNKED + b"5", CLOSED + " chunk size"),
    "end in a chunk": (CHUNKED + b"5\r\nhel", CLOSED + " chunk data"),
    "end after a chunk": (CHUNKED + b"5\r\nhello", CLOSED + " chunk data"),
    "no last chunk": (CHUNKED + b"5\r\nhello\r\n", CLOSED + " chunk size"),
    "end in the trailers": (CHUNKED + b"0\r\nA: b\r\n", CLOSED + " trailers"),
    "no empty line at the end": (CHUNKED + b"0\r\n", CLOSED + " trailers"),
    "malformed trailer": (CHUNKED + b"0\r\nA b\r\n\r\n", "malformed trailer"),
}

# name: (method, bytes, body); each ends by its own framing
VALID = {
    "length": ("GET", OK + HELLO, b"hello"),
    "empty body": ("GET", OK + b"Content-Length: 0\r\n\r\n", b""),
    "length, HTTP/1.0": ("GET", b"HTTP/1.0 200 OK\r\n" + HELLO, b"hello"),
    "empty reason": ("GET", b"HTTP/1.1 200 \r\n" + HELLO, b"hello"),
    "reason in Latin-1": ("GET", b"HTTP/1.1 200 tr\xe8s bien\r\n" + HELLO, b"hello"),
    "value in Latin-1": ("GET", OK + b"A: caf\xe9\r\n" + HELLO, b"hello"),
    "empty value": ("GET", OK + b"A:\r\n" + HELLO, b"hello"),
    "blanks around a value": ("GET", OK + b"A: \t b \t\r\n" + HELLO, b"hello"),
    "chunks": ("GET", CHUNKED + b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", b"hello!"),
    "chunks with leading zeros": ("GET", CHUNKED + b"005\r\nhello\r\n000\r\n\r\n", b"hello"),
    "size in either case": ("GET", CHUNKED + b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
                            b"0123456789" * 2),
    "coding in another case": ("GET", OK + b"transfer-encoding: Chunked\r\n\r\n0\r\n\r\n", b""),
    "extensions": ("GET", CHUNKED + b'5;a;b=c;d="e;\\"f"\r\nhello\r\n0;last\r\n\r\n', b"hello"),
    "trailers": ("GET", CHUNKED + b"5\r\nhello\r\n0\r\nA: b\r\nC:\r\n\r\n", b"hello"),
    "newlines within a chunk": ("GET", CHUNKED + b"6\r\n0\r\n\r\n\n\r\n0\r\n\r\n", b"0\r\n\r\n\n"),
    "100 before": ("GET", b"HTTP/1.1 100 Continue\r\n\r\n" + OK + HELLO, b"hello"),
    "103 before": ("GET", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + HELLO, b"hello"),
    "two before": ("GET", b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 102 On\r\n\r\n" + OK + HELLO, b"hello"),
    "HEAD with a length": ("HEAD", OK + b"Content-Length: 5\r\n\r\n", b""),
    "HEAD with a coding": ("HEAD", CHUNKED, b""),
    "HEAD with nothing": ("HEAD", OK + b"\r\n", b""),
    "204": ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "304 with a length": ("GET", b"HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n", b""),
}  # fmt: skip
# Only the end of the connection ends them.
UNTIL_CLOSE = {
    "until close": (OK + b"\r\nhello", b"hello"),
    "until close, HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello"),
    "until close, empty": (OK + b"\r\n", b""),
    "until close, with newlines": (OK + b"\r\n\r\n\r\n", b"\r\n\r\n"),
}


def whole(data: bytes, method: str = "GET", ended: bool = True, start: int = 0) -> Response | None:
    return ResponseReader(method, start).read(bytearray(data), ended)


def in_parts(data: bytes, cuts: list[int], method: str = "GET") -> Response | None:
    """Read data that comes in parts, and then ends."""
    reader, buffer = ResponseReader(method), bytearray()
    for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        buffer += data[begin:end]
        response = reader.read(buffer, False)
        if response is not None:
            return response
    return reader.read(buffer, True)


def bytewise(data: bytes, method: str = "GET") -> Response | None:
    return in_parts(data, list(range(1, len(data))), method)


def texts(response: Response | None) -> str:
    assert response is not None
    return "\n".join(defect.text for defect in response.defects)


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(name: str) -> None:
    data, text = MALFORMED[name]
    response = whole(data)
    assert text in texts(response)
    assert bytewise(data) == response


def test_malformed_are_many() -> None:
    assert len(MALFORMED) >= 28


@pytest.mark.parametrize("name", [n for n, (_, text) in MALFORMED.items() if CLOSED in text])
def test_cut_short(name: str) -> None:
    data, _ = MALFORMED[name]
    response = whole(data)
    assert response is not None
    assert not response.complete
    assert not response.keeps_open
    assert response.end == len(data)
    assert whole(data, ended=False) is None


@pytest.mark.parametrize("name", VALID)
def test_valid(name: str) -> None:
    method, data, body = VALID[name]
    # Without waiting for the end of the connection.
    response = whole(data, method, ended=False)
    assert response is not None
    assert (response.defects, response.body, response.complete) == ([], body, True)
    assert (response.start, response.end) == (0, len(data))
    assert bytewise(data, method) == response
    # What follows belongs to the next response.
    for trailing in (b"\r\n", b"HTTP/1.1 500 Next\r\n", b"\0"):
        assert whole(data + trailing, method) == response
        assert bytewise(data + trailing, method) == response
    # What went before, to the last one.
    later = whole(b"earlier" + data, method, ended=False, start=7)
    assert later is not None
    assert (later.start, later.end) == (7, 7 + len(data))
    assert later.body == body


@pytest.mark.parametrize("name", UNTIL_CLOSE)
def test_valid_until_close(name: str) -> None:
    data, body = UNTIL_CLOSE[name]
    assert whole(data, ended=False) is None
    response = whole(data)
    assert response is not None
    assert (response.defects, response.body, response.complete) == ([], body, True)
    assert (response.framing, response.end) == ("close", len(data))
    assert not response.keeps_open
    assert bytewise(data) == response


def test_particulars() -> None:
    data = b"HTTP/1.1 100 Go\r\nA: b\r\n\r\nHTTP/1.0 418 I'm a teapot\r\nA: c\r\na:d\r\n" + HELLO
    response = whole(data)
    assert response is not None
    assert str(response) == "HTTP/1.0 418 I'm a teapot"
    assert (response.version, response.status, response.reason) == ("1.0", 418, b"I'm a teapot")
    assert response.fields == [(b"A", b"c"), (b"a", b"d"), (b"Content-Length", b"5")]
    assert response.all("a") == [b"c", b"d"]
    assert response.first("b") is None
    assert (response.framing, response.length, response.interim) == ("length", 5, [100])
    assert response.head_end == len(data) - 5
    chunked = whole(VALID["chunks"][1])
    assert chunked is not None
    assert (chunked.framing, chunked.chunks, chunked.length) == ("chunked", [5, 1], None)


def test_nothing_came() -> None:
    assert whole(b"") is None
    assert whole(b"earlier", start=7) is None


def test_interim_alone_is_no_response() -> None:
    response = whole(MALFORMED["end after an interim response"][0])
    assert response is not None
    assert (response.status, response.reason, response.fields) == (0, b"", [])
    assert response.interim == [100]
    assert str(response) == "no readable response"


def test_body_where_none_belongs() -> None:
    """It is not read, so that a fence behind the response finds it."""
    for method, head in (
        ("HEAD", OK),
        ("GET", b"HTTP/1.1 204 No\r\n"),
        ("GET", b"HTTP/1.1 304 S\r\n"),
    ):
        response = whole(head + HELLO, method)
        assert response is not None
        assert (response.body, response.framing, response.complete) == (b"", "none", True)
        assert response.end == len(head + HELLO) - 5


def test_read_on_with_the_likeliest_meaning() -> None:
    for name, body in (("bare LFs throughout", b"hello"), ("size with a blank behind", b"hello")):
        response = whole(MALFORMED[name][0])
        assert response is not None
        assert (response.status, response.body, response.complete) == (200, body, True)
    lost = whole(MALFORMED["size in hexadecimal notation"][0])
    assert lost is not None
    assert not lost.complete


def test_head_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST_HEAD", 100)
    data = OK + b"A: " + b"b" * 200 + b"\r\n" + HELLO
    response = whole(data)
    assert "a head of more than" in texts(response)
    assert bytewise(data) == response
    assert response is not None
    assert not response.complete


@pytest.mark.parametrize(
    ("fields", "version", "open_"),
    [
        ("", "1.1", True),
        ("Connection: close", "1.1", False),
        ("Connection: X, Close", "1.1", False),
        ("", "1.0", False),
        ("Connection: Keep-Alive", "1.0", True),
    ],
)
def test_keeps_open(fields: str, version: str, open_: bool) -> None:
    line = fields.encode() + b"\r\n" if fields else b""
    response = whole(f"HTTP/{version} 200 OK\r\n".encode() + line + HELLO)
    assert response is not None
    assert response.keeps_open is open_


EVERYTHING = [
    *(("GET", data) for data, _ in MALFORMED.values()),
    *((method, data + b"trailing") for method, data, _ in VALID.values()),
    *(("GET", data) for data, _ in UNTIL_CLOSE.values()),
]


@st.composite
def split_data(draw: st.DrawFn) -> tuple[str, bytes, list[int]]:
    """A response, some of them damaged, and places to cut it at."""
    method, data = draw(st.sampled_from(EVERYTHING))
    if draw(st.booleans()):
        place = draw(st.integers(0, len(data)))
        data = data[:place] + draw(st.binary(max_size=3)) + data[place + draw(st.integers(0, 3)) :]
    cuts = draw(st.sets(st.integers(1, max(1, len(data) - 1)), max_size=8))
    return method, data, sorted(cut for cut in cuts if cut < len(data))


@settings(deadline=None)
@given(split_data())
def test_any_split_gives_the_same_response(case: tuple[str, bytes, list[int]]) -> None:
    method, data, cuts = case
    assert in_parts(data, cuts, method) == whole(data, method)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_anything_at_all(data: bytes) -> None:
    response = whole(data)
    assert (response is None) == (data == b"")
    if response is not None:
        # Bytes that do not begin with a status line are no response, whatever they are.
        assert response.defects or data.startswith(b"HTTP/")
        assert response.end <= len(data)
        assert asdict(response)["start"] == 0


def opinion(method: str, data: bytes) -> tuple[int, bytes, list[tuple[bytes, bytes]], bytes]:
    """What h11 makes of a response."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    connection.receive_data(b"")
    final: h11.Response | None = None
    body = b""
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        assert not isinstance(event, type), "more data wanted"
        if isinstance(event, h11.Response):
            final = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
    assert final is not None
    fields = [(bytes(name), bytes(value)) for name, value in final.headers]
    return final.status_code, bytes(final.reason), fields, body


@pytest.mark.parametrize("name", [*VALID, *UNTIL_CLOSE])
def test_second_opinion(name: str) -> None:
    method, data, _ = VALID.get(name) or ("GET", *UNTIL_CLOSE[name])
    response = whole(data, method)
    assert response is not None
    fields = [(key.lower(), value) for key, value in response.fields]
    # h11 strips and lower-cases codings.
    fields = [(k, v.lower() if k == b"transfer-encoding" else v) for k, v in fields]
    assert opinion(method, data) == (response.status, response.reason, fields, response.body)


TOKENS = st.text("abcXYZ-!~09", min_size=1, max_size=8).map(lambda text: "X" + text)
VALUES = st.text([*map(chr, range(0x21, 0x7F)), "\xe9"], max_size=12)
FIELDS = st.lists(st.tuples(TOKENS, VALUES), max_size=4)


@settings(deadline=None)
@given(st.integers(200, 599), FIELDS, st.lists(st.binary(min_size=1, max_size=20)), st.booleans())
def test_made_responses(
    status: int, fields: list[tuple[str, str]], blocks: list[bytes], chunked: bool
) -> None:
    """Whatever is put together as HTTP wants it is read back, and h11 reads the same."""
    bodiless = status in (204, 304)
    body = b"".join(blocks)
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields).encode("latin-1")
    head = f"HTTP/1.1 {status} Some Reason\r\n".encode() + lines
    if bodiless:
        data = head + b"\r\n"
    elif chunked:
        parts = b"".join(b"%x\r\n%b\r\n" % (len(block), block) for block in blocks)
        data = head + b"Transfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n"
    else:
        data = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    response = whole(data, ended=False)
    assert response is not None
    assert response.defects == []
    assert response.complete
    assert response.status == status
    assert response.body == (b"" if bodiless else body)
    assert response.fields[: len(fields)] == [
        (name.encode(), value.encode("latin-1")) for name, value in fields
    ]
    assert opinion("GET", data)[0::3] == (status, response.body)
