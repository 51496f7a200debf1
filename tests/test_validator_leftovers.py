"""Requests share nothing through the validator, and leave nothing behind in it."""

from __future__ import annotations

import contextlib
import gc
import io
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from validator_server import OK, Closed, Failure, Server, Stream, Thing, generate

from conformance import Finding, Validator
from conformance.driver.memory import Request, drive

Application = Callable[..., Any]

# Nothing is shared


def test_threads_do_not_mix_their_findings() -> None:
    """Many threads with one validator: each fault is found once, in its own request."""

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        number = environ["PATH_INFO"][1:]
        environ["wsgi.input"].read()
        faulty = int(number) % 3
        status = "200 O\nK" if faulty == 1 else "200 OK"
        start_response(status, [("Content-Length", "5" if faulty == 2 else "3")])
        yield b"one"

    found: list[Finding] = []
    validator = Validator(application, report=found.append)
    count, threads = 60, 8

    def hammer(first: int) -> None:
        for number in range(first, first + count):
            drive(validator, Request(method=b"POST", target=b"/%d" % number, body=b"body"))

    workers = [threading.Thread(target=hammer, args=(n * count,)) for n in range(threads)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(interval)
    rules = {1: "status-no-control-chars", 2: "content-length-delivered-in-full"}
    expected = {f"POST /{n}": rules[n % 3] for n in range(count * threads) if n % 3}
    assert validator.requests == count * threads
    counted = [finding for finding in found if finding.counted]
    assert len(counted) == len(expected)
    assert {finding.request: finding.rule for finding in counted} == expected


def test_a_validator_around_a_validator_changes_nothing() -> None:
    inner = Validator(generate, report="collect")
    outer = Validator(inner, report="collect")
    seen = drive(outer, Request(method=b"POST", body=b"body"))
    assert seen.parts == [b"one", b"two"]
    assert [finding for finding in inner.findings + outer.findings if finding.counted] == []


# Nothing is kept


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Have what dies die of its own, not of the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Name(str):
    """A key that a weak reference can be had to."""


def drawing(references: list[Any], *things: Any) -> None:
    references.extend(weakref.ref(thing) for thing in things)


def refers(references: list[Any], shape: str) -> Application:
    """Return an application that makes weak references to all it gets, and answers in a shape."""

    def application(environ: Any, start_response: Any) -> Any:
        held = Thing()
        drawing(references, held, environ["test.thing"])
        environ["wsgi.input"].read(2)
        environ["wsgi.errors"].write("text\n")
        write = start_response(*OK)
        if shape == "error":
            try:
                raise Failure
            except Failure as error:
                drawing(references, error)
                start_response(*OK, sys.exc_info())
        if shape == "fault":
            start_response(*OK)
        if shape == "write":
            write(b"one")
        if shape == "raise":
            raise Failure
        if shape == "file":
            file = io.BytesIO(b"file")
            drawing(references, file)
            return environ["wsgi.file_wrapper"](file)
        if shape == "closed":
            result = Closed(b"one", b"two")
            drawing(references, result)
            return result
        if shape == "generator":
            return (block for block in [b"one", b"two"] if held)
        return [b"one"]

    return application


SHAPES = ("list", "closed", "generator", "file", "error", "fault", "write", "raise")


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="needs reference counts")
@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("asked", [0, 1, 9])
@pytest.mark.parametrize("report", ["collect", "log", "raise"])
@pytest.mark.filterwarnings("ignore::conformance.ConformanceWarning")
def test_nothing_is_kept_after_close(shape: str, asked: int, report: str) -> None:
    """All that belongs to a request is gone with it, though the validator lives on."""
    references: list[Any] = []
    validator = Validator(refers(references, shape), report=report)

    def serve() -> None:
        server = Server()
        drawing(references, server, server.environ["wsgi.input"], server.environ["wsgi.errors"])
        drawing(references, server.write)
        result = validator(server.environ, server.start_response)
        try:
            iterator = iter(result)
            for _ in range(asked):
                next(iterator, None)
        finally:
            if hasattr(result, "close"):
                result.close()
            server.calls.clear()  # or its exc_info would be a cycle

    with contextlib.suppress(Failure, AssertionError):
        serve()
    assert [reference() for reference in references if reference() is not None] == []
    assert validator.requests == 1


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="needs reference counts")
@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("shape", ["closed", "generator"])
def test_what_a_server_keeps_keeps_nothing_of_the_application(shape: str) -> None:
    """A server that holds on to result and environ holds nothing more than without it."""
    references: list[Any] = []
    server = Server()
    result = server.call(refers(references, shape))
    del server.environ["test.thing"]
    list(result)
    result.close()
    kept = [reference() for reference in references if reference() is not None]
    # Which has to be closed once more, if the server does so.
    assert [thing for thing in kept if not isinstance(thing, Closed)] == []


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="needs reference counts")
@pytest.mark.usefixtures("no_collector")
def test_odd_keys_and_values_are_not_kept() -> None:
    """Tables of what is known to be good keep no object of a request."""
    references: list[Any] = []

    def serve() -> None:
        key, value, status = Name("test.key"), Name("value"), Name("200 OK")
        name, kind = Name("X-Name"), type("Kind", (Stream,), {})
        drawing(references, key, value, status, name, kind)
        server = Server(HTTP_X=value, REQUEST_METHOD=Name("GET"))
        drawing(references, server.environ["REQUEST_METHOD"])
        server.environ[key] = 1

        def application(environ: Any, start_response: Any) -> Any:
            start_response(status, [(name, value)])
            return []

        list(server.call(application))

    serve()
    gc.collect()
    assert [reference() for reference in references if reference() is not None] == []
