"""Twins of the rules in PEP 3333, The write() Callable."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.reference import Gateway
from conformance.reference.twins import bad_twin, good_twin


@bad_twin(
    "write-accepts-one-bytestring", also=("http-chunked-rfc-conformant", "iterable-bytes-unchanged")
)
class WritesUpToNul(Gateway):
    """write() sends what stands before the first NUL."""

    def write(self, data: bytes) -> None:
        super().write(data.partition(b"\0")[0])


@bad_twin("write-same-as-yield")
class WritesWithoutReason(Gateway):
    """Leaves the reason phrase out where the body is written."""

    def write(self, data: bytes) -> None:
        if not self.head_sent and self.status:
            self.status = self.status[:4]
        super().write(data)


@bad_twin("write-sent-before-return", also=("content-length-excess-write-raises",))
class WritesWhenCalledBack(Gateway):
    """Keeps what is written until the application returns."""

    def write(self, data: bytes) -> None:
        self.kept = [*getattr(self, "kept", ()), data]
        self.wrote = True

    def blocks(self) -> Iterable[bytes]:
        yield from getattr(self, "kept", ())
        for block in super().blocks():  # noqa: UP028 - yield from would close it when broken off
            yield block


@good_twin("write-same-as-yield", "write-sent-before-return")
class WriteOfNothingIsAWrite(Gateway):
    """Sends the headers at the first write(), even of nothing."""

    def write(self, data: bytes) -> None:
        self.wrote = True
        if not self.head_sent:
            self.send_head(data)
        super().write(data)


@bad_twin("write-then-empty-iterable")
class WantsDataAfterWrite(Gateway):
    """Cuts the response off when an empty item is the first after write()."""

    def blocks(self) -> Iterable[bytes]:
        for number, block in enumerate(self.result):
            if self.wrote and not number and not block:
                raise ValueError("an empty item after write()")
            yield block


@bad_twin("write-then-yield-delivered")
class OneBlockAfterWrite(Gateway):
    """Sends of a list returned after write() no more than the first block."""

    def blocks(self) -> Iterable[bytes]:
        for block in self.result:
            yield block
            if self.wrote and isinstance(self.result, list):
                return


@bad_twin("write-then-yield-prompt")
class LateBlocksAfterWrite(Gateway):
    """Collects what is yielded after write(), and sends it at the end."""

    def blocks(self) -> Iterable[bytes]:
        return [b"".join(self.result)] if self.wrote else super().blocks()


@bad_twin("write-before-yield-order")
class OverflowingQueue(Gateway):
    """Beyond a hundred writes, the last block waits until something was yielded."""

    writes = 0
    held = b""

    def write(self, data: bytes) -> None:
        self.writes += 1
        if self.writes >= 100:
            data, self.held = self.held, data
        super().write(data)

    def blocks(self) -> Iterable[bytes]:
        for block in self.result:
            yield block
            yield self.held
            self.held = b""
        yield self.held
