"""Twins of the rules in PEP 3333, Buffering and Streaming."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterable
from typing import Any

import h11

from conformance.reference import Connection, Gateway, Server
from conformance.reference.gateway import ClientGone
from conformance.reference.twins import bad_twin, good_twin


@bad_twin(
    "buffering-block-not-delayed",
    also=(
        "content-length-stops-iterating",
        "write-then-yield-prompt",
    ),
)
class CollectsSmallBlocks(Gateway):
    """Holds back what is less than 32 bytes until more comes."""

    def blocks(self) -> Iterable[bytes]:
        held = b""
        for block in self.result:
            held += block
            if len(held) < 32:
                yield b""
            else:
                yield held
                held = b""
        yield held


@bad_twin(
    "buffering-block-not-delayed",
    also=(
        "buffering-push-in-full",
        "buffering-transmit-before-next",
        "content-length-stops-iterating",
        "write-then-yield-prompt",
    ),
)
class FillsPages(Gateway):
    """Sends pages of 8 KiB, and what does not fill one when more comes."""

    def blocks(self) -> Iterable[bytes]:
        held = b""
        for block in self.result:
            held += block
            whole = len(held) // 8192 * 8192
            yield held[:whole]
            held = held[whole:]
        yield held


@bad_twin("buffering-transmit-before-next", also=("write-sent-before-return",))
class SendsWhatFits(Connection):
    """Sends what the kernel takes at once, and the rest with the next block."""

    left = b""

    def send(self, event: Any) -> None:
        data = self.left + (self.http.send(event) or b"")
        self.left = b""
        if not isinstance(event, h11.Data):
            self.sock.sendall(data)
            return
        try:
            count = self.sock.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            count = 0
        except OSError as error:
            raise ClientGone(str(error)) from error
        self.left = data[count:]


@bad_twin("buffering-push-in-full")
class WaitsForTheBoundary(Gateway):
    """Holds back the last bytes of a part until the next boundary shows that it is whole."""

    def blocks(self) -> Iterable[bytes]:
        held = b""
        for block in self.result:
            parts = any(value.startswith("multipart/") for _, value in self.fields)
            end = len(block) - 4 if parts else len(block)
            yield held + block[:end]
            held = block[end:]
        yield held


@good_twin(
    "buffering-block-not-delayed",
    "buffering-transmit-before-next",
    "write-sent-before-return",
    "buffering-send-in-thread",
)
class SendsInAThread(Connection):
    """Asks for the next block, or returns from write(), while a thread still sends the last."""

    def __init__(self, server: Server, sock: socket.socket) -> None:
        super().__init__(server, sock)
        self.queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.broken = False
        self.sender = threading.Thread(target=self.work, daemon=True)
        self.sender.start()

    def work(self) -> None:
        while (data := self.queue.get()) is not None:
            try:
                self.sock.sendall(data)
            except OSError:
                self.broken = True

    def send(self, event: Any) -> None:
        if self.broken:
            raise ClientGone("the client has gone")
        self.queue.put(self.http.send(event) or b"")

    def linger(self) -> None:
        self.queue.put(None)
        self.sender.join()
        super().linger()

    def run(self) -> None:
        try:
            super().run()
        finally:
            self.queue.put(None)
