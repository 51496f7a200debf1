"""The loop: every wait ends on its event, on its limit or on an interruption."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from conformance.harness.loop import Interrupted, Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    with left, right:
        yield left, right


Pair = tuple[socket.socket, socket.socket]


def test_condition_that_holds_needs_no_event(loop: Loop) -> None:
    assert loop.until(lambda: True, 0)
    assert loop.waited == 0


def test_limit(loop: Loop) -> None:
    asked: list[int] = []

    def condition() -> bool:
        asked.append(1)
        return False

    assert not loop.until(condition, 0.001)
    # Once before the wait, once after it.
    assert len(asked) >= 2
    assert loop.waited > 0


def test_event_ends_the_wait(loop: Loop, pair: Pair) -> None:
    left, right = pair
    got: list[bytes] = []
    loop.watch(left, lambda: got.append(left.recv(10)))
    right.send(b"hello")
    assert loop.until(lambda: bool(got), 60)
    assert got == [b"hello"]


def test_unwatched_is_not_called(loop: Loop, pair: Pair) -> None:
    left, right = pair
    loop.watch(left, lambda: pytest.fail("called back"))
    loop.unwatch(left)
    loop.unwatch(left)
    right.send(b"hello")
    loop.drain()


def test_unwatching_what_is_closed(loop: Loop, pair: Pair) -> None:
    left, _ = pair
    loop.watch(left, lambda: None)
    left.close()
    loop.unwatch(left)
    loop.drain()


def test_drain_does_not_wait(loop: Loop, pair: Pair) -> None:
    left, right = pair
    got: list[bytes] = []
    loop.watch(left, lambda: got.append(left.recv(10)))
    loop.drain()
    assert got == []
    right.send(b"hello")
    loop.drain()
    assert got == [b"hello"]


def test_batch_in_which_one_ends_another(loop: Loop) -> None:
    """Both are ready; whichever comes first closes both."""
    pairs = [socket.socketpair() for _ in range(2)]
    called: list[int] = []

    def end(number: int) -> None:
        called.append(number)
        for left, _ in pairs:
            loop.unwatch(left)
            left.close()

    for number, (left, right) in enumerate(pairs):
        loop.watch(left, lambda number=number: end(number))  # type: ignore[misc]
        right.send(b"!")
    loop.drain()
    loop.drain()
    assert len(called) == 1
    for _, right in pairs:
        right.close()


def test_batch_in_which_a_descriptor_becomes_another(loop: Loop) -> None:
    """A callback closes a file that is ready and opens another of the same number."""
    pairs = [socket.socketpair() for _ in range(2)]
    fresh: list[socket.socket] = []

    def replace(own: int, other: int) -> None:
        left = pairs[other][0]
        number = left.fileno()
        loop.unwatch(left)
        left.close()
        fresh.extend(socket.socketpair())
        assert number in (fresh[0].fileno(), fresh[1].fileno())
        for sock in fresh:
            loop.watch(sock, lambda: pytest.fail("the new file is not ready"))
        loop.unwatch(pairs[own][0])

    for own, other in ((0, 1), (1, 0)):
        loop.watch(pairs[own][0], lambda own=own, other=other: replace(own, other))  # type: ignore[misc]
        pairs[own][1].send(b"!")
    loop.drain()
    loop.drain()
    assert len(fresh) == 2
    for sock in (*fresh, *pairs[0], *pairs[1]):
        sock.close()


def test_interrupt_from_another_thread(loop: Loop) -> None:
    waiting = threading.Event()

    def interrupt() -> None:
        waiting.wait()
        loop.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()

    def condition() -> bool:
        waiting.set()
        return False

    with pytest.raises(Interrupted):
        loop.until(condition, 60)
    thread.join()
    # Not just that wait.
    with pytest.raises(Interrupted):
        loop.until(lambda: True, 60)


def test_forgiving_is_for_good(loop: Loop) -> None:
    """Whoever cleans up must not be interrupted a second time, nor by what came before."""
    loop.interrupt()
    loop.forgive()
    assert not loop.until(lambda: False, 0.001)
    for _ in range(10_000):  # more than anybody's patience, and than the socket holds
        loop.interrupt()
    assert not loop.until(lambda: False, 0.001)
    assert loop.until(lambda: True, 60)


def test_close_releases_its_descriptors() -> None:
    before = set(os.listdir("/proc/self/fd"))
    loop = Loop()
    loop.close()
    loop.close()
    loop.interrupt()
    assert set(os.listdir("/proc/self/fd")) == before


def test_error_of_a_callback_is_not_lost(loop: Loop, pair: Pair) -> None:
    left, right = pair

    def fail() -> None:
        raise RuntimeError("here")

    loop.watch(left, fail)
    right.send(b"!")
    with pytest.raises(RuntimeError, match="here"):
        loop.until(lambda: False, 60)
