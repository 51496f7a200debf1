"""FastCGI: records however they arrive, and a worker that keeps to the protocol without a front."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.reference.fastcgi import Worker
from conformance.reference.fastcgi_command import main
from conformance.reference.records import (
    BadRecord,
    Protocol,
    Record,
    RecordReader,
    Type,
    decode_pairs,
    encode_pairs,
    encode_record,
    encode_stream,
)

RECORDS = st.builds(
    Record,
    st.integers(0, 255),
    st.integers(0, 65535),
    st.binary(max_size=300) | st.integers(0, 65535).map(bytes),
)
PAIRS = st.lists(
    st.tuples(st.binary(max_size=200), st.binary(max_size=40) | st.integers(100, 70000).map(bytes)),
    max_size=8,
)


def read_all(data: bytes, cuts: Iterable[int] = ()) -> list[Record]:
    """Feed bytes in parts and return the records that came out."""
    reader, found, before = RecordReader(), [], 0
    for cut in [*sorted(cuts), len(data)]:
        reader.feed(data[before:cut])
        before = cut
        while record := reader.next():
            found.append(record)
    return found


@given(st.lists(RECORDS, max_size=5), st.data())
def test_records_come_out_however_they_are_cut(records: list[Record], data: st.DataObject) -> None:
    wire = b"".join(encode_record(each.type, each.request, each.content) for each in records)
    cuts = data.draw(st.lists(st.integers(0, len(wire)), max_size=12))
    assert read_all(wire, cuts) == records


@given(st.binary(max_size=200_000))
def test_stream_comes_out_whole_and_ends_with_nothing(content: bytes) -> None:
    wire = encode_stream(Type.STDOUT, 1, content)
    assert len(wire) % 8 == 0
    records = read_all(wire)
    assert b"".join(each.content for each in records) == content
    # An empty one would be the end of the stream.
    assert all(each.content for each in records)


@given(st.binary(max_size=400))
def test_garbage_is_refused_or_waited_on(data: bytes) -> None:
    with contextlib.suppress(BadRecord):
        for record in read_all(data):
            with contextlib.suppress(BadRecord):
                decode_pairs(record.content)


@given(PAIRS)
def test_pairs_come_back_in_their_order(pairs: list[tuple[bytes, bytes]]) -> None:
    assert decode_pairs(encode_pairs(pairs)) == pairs


@given(PAIRS.filter(bool), st.data())
def test_pairs_that_are_cut_short_are_refused(
    pairs: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    last = encode_pairs(pairs[-1:])
    whole = encode_pairs(pairs)
    cut = data.draw(st.integers(1, len(last) - 1) if len(last) > 1 else st.just(1))
    with pytest.raises(BadRecord):
        decode_pairs(whole[: len(whole) - cut])


CALLS: list[dict[str, Any]] = []


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Keep the environ and answer with the body."""
    body = environ["wsgi.input"].read()
    CALLS.append(environ)
    start_response("200 As it were", [("X-One", "1"), ("X-One", "2")])
    return [body or b"nothing"]


class Front:
    """The other side, by hand."""

    def __init__(self, path: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(str(path))
        self.reader = RecordReader()

    def send(self, *records: tuple[int, int, bytes]) -> None:
        self.sock.sendall(b"".join(encode_record(*record) for record in records))

    def receive(self) -> Record | None:
        """Return the next record, None at the end of the connection."""
        while (record := self.reader.next()) is None:
            data = self.sock.recv(65536)
            if not data:
                return None
            self.reader.feed(data)
        return record

    def response(self, request: int = 1) -> tuple[bytes, bytes]:
        """Return the output of a request and the content of the record that ends it."""
        output = b""
        while record := self.receive():
            assert record.request == request
            if record.type == Type.END_REQUEST:
                return output, record.content
            output += record.content
        raise AssertionError(f"the connection ended after {output!r}")


def begin(request: int = 1, keep: int = 1, role: int = 1) -> tuple[int, int, bytes]:
    return Type.BEGIN_REQUEST, request, bytes([0, role, keep, 0, 0, 0, 0, 0])


def asked(
    body: bytes = b"", request: int = 1, keep: int = 1, **params: str
) -> list[tuple[int, int, bytes]]:
    """Return the records of a whole request."""
    given = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/a%20b?c", **params}
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in given.items()]
    input_ = [(Type.STDIN, request, body)] if body else []
    return [
        begin(request, keep),
        (Type.PARAMS, request, encode_pairs(pairs)),
        (Type.PARAMS, request, b""),
        *input_,
        (Type.STDIN, request, b""),
    ]


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[tuple[Worker, Path]]:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        worker = Worker(application, listener, multiprocess=True)
        thread = threading.Thread(target=worker.run)
        thread.start()
        CALLS.clear()
        yield worker, path
        worker.stop()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def front(worker: tuple[Worker, Path]) -> Iterator[Front]:
    front = Front(worker[1])
    yield front
    front.sock.close()


COMPLETE = bytes(8)


def test_requests_follow_each_other_on_a_connection(front: Front) -> None:
    for body in (b"", b"some", b"x" * 65535):
        front.send(*asked(body, REQUEST_METHOD="POST", CONTENT_LENGTH=str(len(body))))
        output, end = front.response()
        head, _, content = output.partition(b"\r\n\r\n")
        assert head.split(b"\r\n")[:3] == [b"Status: 200 As it were", b"X-One: 1", b"X-One: 2"]
        assert (content, end) == (body or b"nothing", COMPLETE)


def test_environ_is_what_the_front_knows(front: Front) -> None:
    front.send(
        *asked(
            HTTP_X_NAME="caf\xe9",
            CONTENT_TYPE="",
            CONTENT_LENGTH="",
            SERVER_PROTOCOL="HTTP/1.1",
            SERVER_NAME="::1",
            SERVER_PORT="8000",
            SERVER_SOFTWARE="front/1",
            SCRIPT_NAME="/a b",
            HTTPS="on",
        )
    )
    front.response()
    environ = CALLS[0]
    wanted = {
        "SCRIPT_NAME": "/a b",
        "PATH_INFO": "",
        "QUERY_STRING": "c",
        "HTTP_X_NAME": "caf\xe9",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "::1",
        "SERVER_PORT": "8000",
        "SERVER_SOFTWARE": "front/1",
        "wsgi.url_scheme": "https",
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
    }
    assert {name: environ[name] for name in wanted} == wanted
    assert not {"CONTENT_TYPE", "CONTENT_LENGTH"} & set(environ)


def test_path_that_the_front_has_read_is_taken(front: Front) -> None:
    front.send(*asked(SCRIPT_NAME="/s", PATH_INFO="/p%20q", QUERY_STRING="r"))
    front.response()
    assert CALLS[0]["SCRIPT_NAME"] == "/s"
    assert CALLS[0]["PATH_INFO"] == "/p%20q"


def test_connection_ends_where_it_is_not_kept(front: Front) -> None:
    front.send(*asked(keep=0))
    front.response()
    assert front.receive() is None


def test_multiplexing_is_refused(front: Front) -> None:
    front.send(begin(1), begin(2))
    refused = front.receive()
    assert refused is not None
    assert (refused.type, refused.request) == (Type.END_REQUEST, 2)
    assert refused.content[4] == Protocol.CANT_MPX_CONN
    front.send(*asked()[1:])
    assert front.response()[1] == COMPLETE


def test_other_roles_are_refused(front: Front) -> None:
    front.send(begin(role=2))
    assert front.response()[1][4] == Protocol.UNKNOWN_ROLE
    front.send(*asked())
    assert front.response()[1] == COMPLETE


def test_management_is_answered(front: Front) -> None:
    names = encode_pairs([(b"FCGI_MPXS_CONNS", b""), (b"UNHEARD_OF", b"")])
    front.send((Type.GET_VALUES, 0, names), (99, 0, b""))
    values, unknown = front.receive(), front.receive()
    assert values is not None
    assert unknown is not None
    assert decode_pairs(values.content) == [(b"FCGI_MPXS_CONNS", b"0")]
    assert (unknown.type, unknown.content[0]) == (Type.UNKNOWN_TYPE, 99)


def test_abort_before_the_parameters_are_whole(front: Front) -> None:
    front.send(begin(), (Type.ABORT_REQUEST, 1, b""))
    assert front.response() == (b"", COMPLETE)
    assert CALLS == []


@pytest.mark.parametrize("end", [[(Type.ABORT_REQUEST, 1, b"")], [(Type.STDIN, 1, b"")]])
def test_body_that_is_cut_short_ends_the_connection(
    front: Front, end: list[tuple[int, int, bytes]]
) -> None:
    front.send(*asked(b"ab", CONTENT_LENGTH="3")[:-1], *end)
    assert front.receive() is None
    assert CALLS == []


def test_input_left_over_from_an_earlier_request_is_dropped(front: Front) -> None:
    front.send((Type.STDIN, 1, b"stray"), *asked(b"own", CONTENT_LENGTH="3"))
    assert front.response()[0].endswith(b"\r\n\r\nown")


def test_connections_take_turns(worker: tuple[Worker, Path], front: Front) -> None:
    other = Front(worker[1])
    other.send(*asked()[:1])
    front.send(*asked())
    assert front.response()[1] == COMPLETE
    other.send(*asked()[1:])
    assert other.response()[1] == COMPLETE
    other.sock.close()


def test_request_that_meets_the_end_is_told_to_go_elsewhere(
    worker: tuple[Worker, Path], front: Front
) -> None:
    front.send(*asked())
    front.response()
    stopping = Front(worker[1])

    def stops(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        # Another request is there when the worker looks up from this one.
        front.send(*asked())
        worker[0].stop()
        return application(environ, start_response)

    worker[0].application = stops
    stopping.send(*asked())
    assert stopping.response()[1] == COMPLETE
    assert front.response()[1][4] == Protocol.OVERLOADED
    stopping.sock.close()


@pytest.mark.parametrize("data", [b"\x02" * 16, b"GET / HTTP/1.1\r\n\r\n"])
def test_what_is_not_fastcgi_is_hung_up_on(
    front: Front, data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    front.sock.sendall(data)
    with contextlib.suppress(ConnectionResetError):
        assert front.receive() is None
    assert "not understood: version" in capfd.readouterr().err


def run(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "conformance.reference.fastcgi", *words],
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


def test_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nosuch:app"]) == 2
    assert "nosuch:app: cannot be imported" in capsys.readouterr().err
    (tmp_path / "hosted.py").write_text("app = None\n")
    done = run("hosted:app", cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert "standard input: no listening socket" in done.stderr
    (tmp_path / "taken").write_text("")
    done = run("hosted:app", "--socket", "taken", cwd=tmp_path)
    assert done.returncode == 2
    assert "taken: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_command_serves_an_inherited_socket(tmp_path: Path) -> None:
    (tmp_path / "hosted.py").write_text(
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [b'served']\n"
    )
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", "conformance.reference.fastcgi", "hosted:app"],
            stdin=listener.fileno(),
            cwd=tmp_path,
        )
    try:
        front = Front(path)
        front.send(*asked())
        assert front.response()[0].endswith(b"served")
        front.sock.close()
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
