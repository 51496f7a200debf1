"""Twins of the rules in PEP 3333, Optional Platform-Specific File Handling: the wrapper."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from conformance.reference import Gateway
from conformance.reference.streams import FileWrapper
from conformance.reference.twins import bad_twin, good_twin


def has_descriptor(filelike: Any) -> bool:
    """Whether an object is a file of the operating system's."""
    try:
        return filelike.fileno() >= 0
    except (AttributeError, OSError):
        return False


class Shut:
    """Holds a file and cannot be iterated."""

    def __init__(self, filelike: Any, block_size: int = 8192) -> None:
        self.filelike = filelike
        self.block_size = block_size
        if hasattr(filelike, "close"):
            self.close = filelike.close


@bad_twin(
    "file-wrapper-is-iterable",
    also=("file-wrapper-fallback-read", "file-wrapper-replacement-honoured"),
)
class CannotBeIterated(Gateway):
    """What wsgi.file_wrapper returns can be sent, but not iterated."""

    file_wrapper = Shut

    def blocks(self) -> Iterable[bytes]:
        result = self.result
        return FileWrapper(result.filelike) if isinstance(result, Shut) else super().blocks()


class OldSequence:
    """The PEP's own sample: iterable by the protocol of Python before 2.2."""

    def __init__(self, filelike: Any, block_size: int = 8192) -> None:
        self.filelike = filelike
        self.block_size = block_size
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __getitem__(self, key: int) -> bytes:
        data: bytes = self.filelike.read(self.block_size)
        if data:
            return data
        raise IndexError


@good_twin("file-wrapper-is-iterable")
class IteratesByIndex(Gateway):
    """wsgi.file_wrapper is the PEP's sample, with __getitem__ alone."""

    file_wrapper = OldSequence


class Unclosable(FileWrapper):
    def __init__(self, filelike: Any, block_size: int = 8192) -> None:
        super().__init__(filelike, block_size)
        vars(self).pop("close", None)


class ClosesFileItself(Gateway):
    """Base: the wrapper's close() is of no use, so the gateway closes the file."""

    def close_result(self) -> None:
        if isinstance(self.result, FileWrapper):
            close = getattr(self.result.filelike, "close", None)
            self.result = None
            if close is not None:
                close()
        super().close_result()


@bad_twin(
    "file-wrapper-close-present",
    also=("file-wrapper-close-delegates", "file-wrapper-fallback-close"),
)
class WrapperWithoutClose(ClosesFileItself):
    """The wrapper has no close(), though the file has one."""

    file_wrapper = Unclosable


class ClosesNoDescriptor(FileWrapper):
    def __init__(self, filelike: Any, block_size: int = 8192) -> None:
        super().__init__(filelike, block_size)
        if has_descriptor(filelike):
            self.close = lambda: None


class ClosesOnlyDescriptor(FileWrapper):
    def __init__(self, filelike: Any, block_size: int = 8192) -> None:
        super().__init__(filelike, block_size)
        if not has_descriptor(filelike):
            self.close = lambda: None


@bad_twin("file-wrapper-close-delegates")
class CloseDoesNothing(ClosesFileItself):
    """close() of the wrapper of a real file does nothing; only the server closes the file."""

    file_wrapper = ClosesNoDescriptor


@bad_twin("file-wrapper-fallback-close")
class FallbackCloseDoesNothing(Gateway):
    """close() of the wrapper of an object without a descriptor does nothing."""

    file_wrapper = ClosesOnlyDescriptor


class AlwaysClosable(FileWrapper):
    def __init__(self, filelike: Any, block_size: int = 8192) -> None:
        super().__init__(filelike, block_size)
        self.close = filelike.close


@bad_twin("file-wrapper-close-not-needed")
class ExpectsClose(Gateway):
    """An object without close() cannot be wrapped."""

    file_wrapper = AlwaysClosable


class CloseTwice(FileWrapper):
    def __init__(self, filelike: Any, block_size: int = 8192) -> None:
        super().__init__(filelike, block_size)
        self.close = self.close_if_possible

    def close_if_possible(self) -> None:
        getattr(self.filelike, "close", lambda: None)()

    def __next__(self) -> bytes:
        try:
            return super().__next__()
        except StopIteration:
            self.close()
            raise


@good_twin("file-wrapper-close-not-needed", "file-wrapper-fallback-close")
class ClosesAtEndToo(Gateway):
    """The wrapper always has close(), and closes the file at its end already."""

    file_wrapper = CloseTwice


class EndsAtShortRead(FileWrapper):
    short = False

    def __next__(self) -> bytes:
        if self.short:
            raise StopIteration
        data = super().__next__()
        self.short = len(data) < self.block_size and not hasattr(self.filelike, "fileno")
        return data


@bad_twin("file-wrapper-fallback-read", also=("file-wrapper-same-as-reading",))
class TakesShortReadForEnd(Gateway):
    """A read() that gives less than it was asked for passes for the last one."""

    file_wrapper = EndsAtShortRead


class Seeking(FileWrapper):
    def __init__(self, filelike: Any, block_size: int = 8192) -> None:
        super().__init__(filelike, block_size)
        if has_descriptor(filelike):
            os.lseek(filelike.fileno(), 0, os.SEEK_CUR)


@bad_twin("file-wrapper-inspects-object", also=("file-wrapper-same-as-reading",))
class PresumesSeekable(Gateway):
    """What has a descriptor is taken for something that can be sought."""

    file_wrapper = Seeking


@bad_twin("file-wrapper-same-as-reading")
class ChangesStatus(Gateway):
    """A file that is found is always 200 OK."""

    def send_head(self, first_block: bytes) -> None:
        if isinstance(self.result, FileWrapper) and (self.status or "").startswith("203"):
            self.status = "200 OK"
        super().send_head(first_block)
