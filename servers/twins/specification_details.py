"""Twins of the rules in PEP 3333, Specification Details, on the iterable."""

from __future__ import annotations

import os
from collections.abc import Iterable

from conformance.reference import Gateway
from conformance.reference.streams import FileWrapper
from conformance.reference.twins import bad_twin, good_twin


@bad_twin("iterable-any-kind-accepted")
class WantsIter(Gateway):
    """Refuses an iterable that has no __iter__."""

    def blocks(self) -> Iterable[bytes]:
        if not hasattr(type(self.result), "__iter__"):
            raise TypeError("no __iter__")
        return super().blocks()


@bad_twin(
    "iterable-any-kind-accepted",
    also=(
        "close-method-optional",
        "close-on-returned-object",
        "iterable-len-optional",
        "start-response-deferral-accepted",
    ),
)
class WantsIterator(Gateway):
    """Takes lists, tuples, and of all other things iterators only."""

    def blocks(self) -> Iterable[bytes]:
        if not isinstance(self.result, (list, tuple)) and not hasattr(self.result, "__next__"):
            raise TypeError("neither a list nor a tuple nor an iterator")
        return super().blocks()


@bad_twin(
    "iterable-empty-accepted",
    also=("headers-sent-at-exhaustion", "iterable-empty-blocks-accepted"),
)
class WantsData(Gateway):
    """Takes two and more items that are all empty for a failure of the application."""

    def blocks(self) -> Iterable[bytes]:
        count = 0
        for block in self.result:
            count += 1
            yield block
        if count > 1 and not self.head_sent:
            raise ValueError("nothing but empty items")


@good_twin("iterable-empty-accepted", "iterable-empty-blocks-accepted")
class EmptyChunkedBody(Gateway):
    """Frames an empty body like any other, without a Content-Length."""

    def certain_length(self, first_block: bytes) -> int | None:
        return super().certain_length(first_block) if first_block else None


@bad_twin("iterable-empty-blocks-accepted", also=("http-chunked-no-empty-chunk",))
class EndsAtTwoEmptyBlocks(Gateway):
    """Takes two empty items that follow data for the end."""

    def blocks(self) -> Iterable[bytes]:
        empty = 0
        for block in self.result:
            empty = 0 if block else empty + 1
            if empty == 2 and self.head_sent:
                return
            yield block


@bad_twin("iterable-sent-once-in-order")
class StuttersAfterMany(Gateway):
    """Sends every 250th item of a list twice."""

    def blocks(self) -> Iterable[bytes]:
        for number, block in enumerate(self.result, 1):
            yield block
            if number % 250 == 0 and isinstance(self.result, list):
                yield block


@bad_twin("iterable-bytes-unchanged")
class SendsUnixLineEnds(Gateway):
    """Writes the line ends of text the Unix way."""

    def send_data(self, data: bytes) -> None:
        kinds = [value for name, value in self.fields if name.lower() == "content-type"]
        text = any(kind.startswith("text/") for kind in kinds)
        super().send_data(data.replace(b"\r\n", b"\n") if text else data)


@bad_twin("iterable-bytes-unchanged")
class StopsAtControlZ(Gateway):
    """Ends a body at the byte that ended text files on other systems."""

    def send_data(self, data: bytes) -> None:
        super().send_data(data if len(data) > 9 else data.partition(b"\x1a")[0])


@bad_twin("iterable-len-optional")
class TrustsLen(Gateway):
    """Calls len() wherever there is a __len__, and fails where that does."""

    def certain_length(self, first_block: bytes) -> int | None:
        if hasattr(type(self.result), "__len__") and len(self.result) != 1:
            return None
        return super().certain_length(first_block)


@good_twin("iterable-len-optional")
class SurvivesUsualErrors(Gateway):
    """Lets pass whatever len() raises that is neither a TypeError nor an AttributeError."""

    def certain_length(self, first_block: bytes) -> int | None:
        try:
            len(self.result)
        except (TypeError, AttributeError):
            return None
        return super().certain_length(first_block)


@bad_twin("iterable-len-counts-items")
class LengthFromLen(Gateway):
    """Announces the number of items as the length of the body, where there are three."""

    def certain_length(self, first_block: bytes) -> int | None:
        if isinstance(self.result, list) and len(self.result) == 3 and not self.wrote:
            return 3
        return super().certain_length(first_block)


@bad_twin("iterable-foreign-attributes-unused")
class SendsWhatFilenoNames(Gateway):
    """Sends the file behind fileno() of anything that has one."""

    def blocks(self) -> Iterable[bytes]:
        if not hasattr(self.result, "fileno"):
            return super().blocks()
        descriptor: int = self.result.fileno()
        return iter(lambda: os.read(descriptor, 8192), b"")


@bad_twin("iterable-foreign-attributes-unused")
class LooksForMore(Gateway):
    """Looks whether the iterable has a method of another protocol, and does nothing about it."""

    def blocks(self) -> Iterable[bytes]:
        hasattr(self.result, "async_write")
        return super().blocks()


@good_twin("iterable-foreign-attributes-unused")
class KnowsItsOwnType(Gateway):
    """Asks whether the iterable is its own file wrapper, and looks into it only then."""

    def blocks(self) -> Iterable[bytes]:
        if isinstance(self.result, FileWrapper):
            self.result.block_size = 65536
        return super().blocks()
