"""With the validator or without it, application and server see the same."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from validator_server import OK, Blocks, Closed, Failure, Server, Sized, Stream, answering, generate

from conformance import ConformanceError, Validator
from conformance.reference.streams import FileWrapper

# What is returned


@pytest.mark.parametrize("result", [[], [b"a"], [b"a", b"b"], (b"a",), ()])
def test_lists_and_tuples_are_handed_over_as_they_are(result: Any) -> None:
    assert Server().call(answering(result)) is result


def test_length_is_there_where_it_was() -> None:
    server = Server()
    result = server.call(answering(Sized(b"a", b"b")))
    assert len(result) == 2
    for without in (Blocks(b"a"), Closed(b"a"), iter([b"a"]), (block for block in [b"a"])):
        result = Server().call(answering(without))
        assert not hasattr(type(result), "__len__")
        with pytest.raises(TypeError):
            len(result)


def test_length_is_not_asked_for_by_the_validator() -> None:
    inner = Sized(b"a", b"b")
    server = Server()
    assert list(server.call(answering(inner))) == [b"a", b"b"]
    # list() itself may ask for it.
    without = Sized(b"a", b"b")
    list(without)
    assert inner.counts["len"] == without.counts["len"]


def test_length_that_fails_fails_as_it_did() -> None:
    class Unmeasured(Blocks):
        def __len__(self) -> int:
            raise OSError("cannot be told")

    result = Server().call(answering(Unmeasured(b"a")))
    with pytest.raises(OSError, match="cannot be told"):
        len(result)


def test_close_is_there_where_it_was() -> None:
    assert not hasattr(Server().call(answering(Blocks(b"a"))), "close")
    assert hasattr(Server().call(answering(Closed(b"a"))), "close")
    assert hasattr(Server().call(answering(block for block in [b"a"])), "close")


@pytest.mark.parametrize("times", [0, 1, 2, 3])
@pytest.mark.parametrize("asked", [0, 1, 9])
def test_close_is_called_just_as_often(times: int, asked: int) -> None:
    inner = Closed(b"a", b"b")
    result = Server().call(answering(inner))
    iterator = iter(result)
    for _ in range(asked):
        next(iterator, None)
    for _ in range(times):
        result.close()
    del result, iterator
    assert inner.counts["close"] == times


def test_other_attributes_of_a_result_are_there() -> None:
    inner = Closed(b"a")
    result = Server().call(answering(inner))
    assert result.own == "attribute"
    assert result.counts is inner.counts
    assert not hasattr(result, "absent")


def test_blocks_are_asked_for_one_at_a_time_and_handed_over_as_they_are() -> None:
    blocks = [b"one", b"", b"two"]
    inner = Closed(*blocks)
    result = Server().call(answering(inner))
    assert inner.counts == {}
    iterator = iter(result)
    for number, block in enumerate(blocks, 1):
        assert next(iterator) is block
        assert inner.counts == {"iter": 1, "next": number}
    with pytest.raises(StopIteration):
        next(iterator)


# wsgi.file_wrapper


def test_wrapped_file_is_the_servers_own_object() -> None:
    made: list[Any] = []

    def application(environ: Any, start_response: Any) -> Any:
        start_response(*OK)
        wrapped = environ["wsgi.file_wrapper"](io.BytesIO(b"file"), 3)
        assert isinstance(wrapped, environ["wsgi.file_wrapper"])
        assert not isinstance([], environ["wsgi.file_wrapper"])
        made.append(wrapped)
        return wrapped

    server = Server()
    result = server.call(application)
    assert result is made[0]
    assert type(result) is FileWrapper
    assert isinstance(result, server.environ["wsgi.file_wrapper"])
    assert b"".join(result) == b"file"
    assert server.clean()


def test_wrapper_keeps_its_attributes() -> None:
    def application(environ: Any, start_response: Any) -> Any:
        wrapper = environ["wsgi.file_wrapper"]
        assert issubclass(FileWrapper, wrapper)
        start_response("200 OK", [("X-Name", wrapper.__name__)])
        return []

    server = Server()
    server.call(application)
    assert server.calls[0][1] == [("X-Name", "FileWrapper")]


def test_absent_wrapper_stays_absent() -> None:
    server = Server()
    del server.environ["wsgi.file_wrapper"]

    def application(environ: Any, start_response: Any) -> Any:
        start_response(*OK)
        return [str("wsgi.file_wrapper" in environ).encode()]

    assert server.call(application) == [b"False"]


# Streams and callables


def test_streams_keep_what_they_have_beyond_the_pep() -> None:
    def application(environ: Any, start_response: Any) -> Any:
        stream, errors = environ["wsgi.input"], environ["wsgi.errors"]
        assert stream.fileno() == 77
        assert (stream.name, stream.mode) == ("<stream>", "rb")
        assert stream.read(4) == b"body"
        assert stream.tell() == 4
        assert stream.seek(0) == 0
        assert stream.readable()
        buffer = bytearray(3)
        assert stream.readinto(buffer) == 3
        assert buffer == b"bod"
        assert not hasattr(stream, "absent")
        assert errors.isatty()
        assert errors.encoding == "koi8-r"
        assert errors.errors == "backslashreplace"
        assert errors.write("text\n") == 5
        errors.writelines(iter(["more\n"]))
        assert errors.getvalue() == "text\nmore\n"
        print("printed", file=errors)
        start_response(*OK)
        return []

    server = Server()
    server.call(application)
    assert server.environ["wsgi.errors"].getvalue() == "text\nmore\nprinted\n"


def test_attributes_can_be_set_on_streams() -> None:
    def application(environ: Any, start_response: Any) -> Any:
        environ["wsgi.input"].position = 5
        environ["wsgi.errors"].prefix = "x"
        assert (environ["wsgi.input"].position, environ["wsgi.errors"].prefix) == (5, "x")
        start_response(*OK)
        return []

    Server().call(application)


def test_reads_give_what_the_server_gave() -> None:
    seen: list[Any] = []

    def application(environ: Any, start_response: Any) -> Any:
        stream = environ["wsgi.input"]
        seen.extend([stream.read(2), stream.readline(), stream.readline(2)])
        seen.extend([stream.readlines(), list(stream), stream.read(), stream.read(-1)])
        seen.append(stream.read(None))
        start_response(*OK)
        return []

    server = Server()
    server.call(application)
    assert seen == [b"bo", b"dy\n", b"bo", [b"dy"], [], b"", b"", b""]
    assert server.clean()


def test_write_is_the_servers_own_as_far_as_one_can_see() -> None:
    def application(environ: Any, start_response: Any) -> Any:
        write = start_response(*OK)
        assert callable(write)
        assert write.extra == "extra"
        assert not hasattr(write, "absent")
        assert write(b"one") == [b"one"]
        return []

    server = Server()
    server.call(application)
    assert server.write.data == [b"one"]


def test_start_response_gets_the_very_arguments() -> None:
    status, headers = "200 " + "OK", [("X-Name", "value")]
    before = [*headers]
    exc_infos: list[Any] = []

    def application(environ: Any, start_response: Any) -> Any:
        start_response(status, headers)
        try:
            raise LookupError("trapped")
        except LookupError:
            exc_infos.append(sys.exc_info())
        start_response(status, headers, exc_infos[0])
        exc_infos.append(None)
        return []

    server = Server()
    list(server.call(application))
    first, second = server.calls
    assert len(first) == 2
    assert len(second) == 3
    assert first[0] is second[0] is status
    assert first[1] is second[1] is headers
    assert second[2] is exc_infos[0]
    assert all(one is other for one, other in zip(headers, before, strict=True))
    assert server.clean()


# environ


def fail(environ: Any, start_response: Any) -> Any:
    raise Failure


def fail_later(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response(*OK)
    yield b"one"
    raise Failure


@pytest.mark.parametrize(
    "application", [answering([b"a"]), answering(Closed(b"a")), fail, generate, fail_later]
)
@pytest.mark.parametrize("asked", [0, 1, 9])
def test_environ_is_the_same_dict_and_left_as_it_was(application: Any, asked: int) -> None:
    seen: list[Any] = []

    def watching(environ: Any, start_response: Any) -> Any:
        seen.append((environ, [*environ]))
        return application(environ, start_response)

    server = Server()
    before = dict(server.environ)
    try:
        result = server.call(watching)
        try:
            iterator = iter(result)
            for _ in range(asked):
                next(iterator, None)
        finally:
            getattr(result, "close", bool)()
    except Failure:
        pass
    assert seen[0][0] is server.environ
    assert seen[0][1] == [*before]
    assert [*server.environ] == [*before]
    assert all(server.environ[key] is value for key, value in before.items())


def test_what_the_application_puts_into_environ_stays() -> None:
    own = io.BytesIO()

    def application(environ: Any, start_response: Any) -> Any:
        environ["wsgi.input"] = own
        environ["own.key"] = 1
        del environ["wsgi.errors"], environ["PATH_INFO"]
        start_response(*OK)
        return []

    server = Server()
    list(server.call(application))
    assert server.environ["wsgi.input"] is own
    assert server.environ["own.key"] == 1
    assert not {"wsgi.errors", "PATH_INFO"} & {*server.environ}


# Exceptions


@pytest.mark.parametrize("kind", [Failure, KeyboardInterrupt, SystemExit, StopIteration])
@pytest.mark.parametrize("where", ["call", "iter", "next", "close"])
def test_exceptions_travel_unchanged(where: str, kind: type[BaseException]) -> None:
    if where in ("iter", "next") and kind is StopIteration:
        pytest.skip("not an exception, in a generator or an iterator, but its end")
    raised = kind("the application's own")

    def perhaps(place: str) -> None:
        if place == where:
            raise raised

    class Failing:
        def __iter__(self) -> Any:
            perhaps("iter")
            return self

        def __next__(self) -> bytes:
            perhaps("next")
            raise StopIteration

        def close(self) -> None:
            perhaps("close")

    def application(environ: Any, start_response: Any) -> Any:
        start_response(*OK)
        perhaps("call")
        return Failing()

    with pytest.raises(kind) as caught:  # noqa: PT012 - each step may be the one that raises
        result = Server().call(application)
        list(iter(result))
        result.close()
    assert caught.value is raised
    assert raised.__cause__ is None
    assert raised.__context__ is None
    assert names_of(raised)[-1] == "perhaps"


def names_of(error: BaseException) -> list[str]:
    """Return the names of the functions in a traceback."""
    names = []
    traceback = error.__traceback__
    while traceback is not None:
        names.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    return names


def test_servers_exceptions_reach_the_application() -> None:
    raised = Failure("the server's own")
    caught: list[BaseException] = []

    def refuse(*arguments: Any) -> Any:
        raise raised

    class Refusing(Stream):
        read = readline = readlines = refuse

    def application(environ: Any, start_response: Any) -> Any:
        stream = environ["wsgi.input"]
        calls = [(stream.read, 1), (stream.readline,), (stream.readlines,), (start_response, *OK)]
        for call, *arguments in calls:
            try:
                call(*arguments)
            except Failure as error:
                caught.append(error)
        return []

    server = Server(**{"wsgi.input": Refusing()})
    Validator(application, report="collect")(server.environ, refuse)
    assert len(caught) == 4
    assert all(error is raised for error in caught)


def test_result_is_closed_when_a_finding_is_raised_in_its_place() -> None:
    """A server that never gets a result cannot close it, and is not blamed for that."""
    inner = Closed(b"one")

    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 O\nK", [])
        return inner

    server = Server()
    validator = Validator(application)
    with pytest.raises(ConformanceError) as caught:
        validator(server.environ, server.start_response)
    assert [finding.rule for finding in caught.value.findings] == ["status-no-control-chars"]
    assert inner.counts["close"] == 1
    assert {finding.party for finding in validator.findings} == {"application"}
    assert type(server.environ["wsgi.input"]) is Stream
