"""Twins of the rules in PEP 3333, Optional Platform-Specific File Handling: files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import h11

from conformance.reference import Gateway
from conformance.reference.gateway import ClientGone, WrongLength
from conformance.reference.streams import FileWrapper
from conformance.reference.twins import bad_twin, good_twin


class Gap(bytes):
    """Stands in the HTTP library's books for bytes that go past it."""

    def __new__(cls, length: int) -> Gap:
        gap = super().__new__(cls)
        gap.length = length
        return gap

    length: int

    def __len__(self) -> int:
        return self.length


@good_twin(
    "file-wrapper-until-end",
    "file-wrapper-stops-at-length",
    "file-wrapper-from-current-position",
    "file-wrapper-generated-length-accurate",
    "file-wrapper-close-after-sending",
    "file-wrapper-inspects-object",
    "file-wrapper-same-as-reading",
    "iterable-own-type-attributes",
    "file-wrapper-length-generated",
    "file-wrapper-block-size-ignored",
    "file-wrapper-attributes-trusted",
)
class SendsBySystemCall(Gateway):
    """Files of the operating system are sent with sendfile(), under a length of their own."""

    def send_result(self) -> None:
        if not (isinstance(self.result, FileWrapper) and self.started and self.has_body()):
            super().send_result()
            return
        try:
            descriptor, start, size = self.measure(self.result.filelike)
        except (AttributeError, OSError):  # no descriptor, or one that cannot be sought
            super().send_result()
            return
        room = size if self.length is None else min(size, self.length - self.sent)
        if room <= 0 or (self.head_sent and self.length is None):
            super().send_result()
            return
        self.send_region(descriptor, start, room)
        self.finish()

    def measure(self, file: Any) -> tuple[int, int, int]:
        """Return a file's descriptor, where it stands, and how much of it is left."""
        descriptor, start = file.fileno(), file.tell()
        return descriptor, start, os.fstat(descriptor).st_size - start

    def send_region(self, descriptor: int, start: int, length: int) -> None:
        """Send a part of a file without reading it."""
        if self.length is None:
            self.fields.append(("Content-Length", str(length)))
            self.length = length
        if not self.head_sent:
            self.send_head(b"")
        transport: Any = self.transport
        transport.http.send_with_data_passthrough(h11.Data(data=Gap(length)))
        self.sent += length
        end = start + length
        while start < end:
            try:
                count = os.sendfile(transport.sock.fileno(), descriptor, start, end - start)
            except OSError as error:
                raise ClientGone(str(error)) from error
            if not count:
                raise WrongLength("the file ended early")
            start += count


@bad_twin("file-wrapper-from-current-position")
class TrustsDescriptor(SendsBySystemCall):
    """A file is sent from where its descriptor stands, which buffered reading has moved on."""

    def measure(self, file: Any) -> tuple[int, int, int]:
        descriptor = file.fileno()
        start = os.lseek(descriptor, 0, os.SEEK_CUR)
        return descriptor, start, os.fstat(descriptor).st_size - start


@bad_twin("file-wrapper-generated-length-accurate")
class DeclaresWholeFile(Gateway):
    """The length that is generated for a file is that of all of it, wherever it stands."""

    def certain_length(self, first_block: bytes) -> int | None:
        if isinstance(self.result, FileWrapper) and not self.wrote:
            try:
                return os.fstat(self.result.filelike.fileno()).st_size or None
            except (AttributeError, OSError):
                return None
        return super().certain_length(first_block)


class OneArgument(FileWrapper):
    def __init__(self, filelike: Any) -> None:
        super().__init__(filelike)


class TwoArguments(FileWrapper):
    def __init__(self, filelike: Any, block_size: int) -> None:
        super().__init__(filelike, block_size)


@bad_twin("file-wrapper-block-size-accepted")
class TakesNoBlockSize(Gateway):
    """wsgi.file_wrapper does not take a second argument."""

    file_wrapper = OneArgument


@bad_twin(
    "file-wrapper-one-argument",
    # All of these are looked at through wrappers that were made with one argument.
    also=(
        "file-wrapper-close-after-sending",
        "file-wrapper-close-delegates",
        "file-wrapper-close-not-needed",
        "file-wrapper-close-present",
        "file-wrapper-fallback-close",
        "file-wrapper-fallback-read",
        "file-wrapper-from-current-position",
        "file-wrapper-generated-length-accurate",
        "file-wrapper-inspects-object",
        "file-wrapper-is-iterable",
        "file-wrapper-no-early-sending",
        "file-wrapper-replacement-honoured",
        "file-wrapper-same-as-reading",
        "file-wrapper-stops-at-length",
        "file-wrapper-until-end",
        "http-chunked-rfc-conformant",
    ),
)
class WantsBlockSize(Gateway):
    """wsgi.file_wrapper cannot be called without a block size."""

    file_wrapper = TwoArguments


class Keeping(Gateway):
    """Base: tells ``wrapped`` of each wrapper that is made."""

    def environ(self) -> dict[str, Any]:
        return {**super().environ(), "wsgi.file_wrapper": self.wrap}

    def wrap(self, filelike: Any, block_size: int = 8192) -> FileWrapper:
        """Be ``wsgi.file_wrapper``."""
        wrapper = FileWrapper(filelike, block_size)
        self.wrapped(wrapper)
        return wrapper

    def wrapped(self, wrapper: FileWrapper) -> None:
        """Do something about a new wrapper."""


@bad_twin("file-wrapper-no-early-sending", also=("file-wrapper-replacement-honoured",))
class SendsWhenWrapped(Keeping):
    """The first block of a file is sent as soon as it has been wrapped."""

    def wrapped(self, wrapper: FileWrapper) -> None:
        if self.started:
            for block in wrapper:
                self.send_block(block)
                break


@bad_twin("file-wrapper-replacement-honoured", also=("file-wrapper-no-early-sending",))
class SendsLastWrapped(Keeping):
    """The file that was wrapped last is sent, whatever was returned."""

    last: FileWrapper | None = None

    def wrapped(self, wrapper: FileWrapper) -> None:
        self.last = wrapper

    def blocks(self) -> Iterable[bytes]:
        return super().blocks() if self.last is None else self.last


class ThreeMebibytes(FileWrapper):
    given = 0

    def __next__(self) -> bytes:
        if self.given >= 3 * 2**20:
            raise StopIteration
        data = super().__next__()
        self.given += len(data)
        return data


@bad_twin("file-wrapper-until-end")
class StopsAfterThreeMebibytes(Gateway):
    """No more than 3 MiB are sent of a file."""

    file_wrapper = ThreeMebibytes


@bad_twin("file-wrapper-stops-at-length")
class SendsFileWhole(Gateway):
    """A file is sent to its end, whatever length was declared."""

    def satisfied(self) -> bool:
        return False if isinstance(self.result, FileWrapper) else super().satisfied()

    def send_block(self, block: bytes) -> None:
        try:
            super().send_block(block)
        except WrongLength:
            if not isinstance(self.result, FileWrapper):
                raise
            transport: Any = self.transport
            try:
                transport.sock.sendall(block)
            except OSError as error:
                raise ClientGone(str(error)) from error


@bad_twin("file-wrapper-close-after-sending")
class LeavesFilesOpen(Gateway):
    """A file with a descriptor is not closed when it has been sent."""

    def close_result(self) -> None:
        if isinstance(self.result, FileWrapper) and hasattr(self.result.filelike, "fileno"):
            self.result = None
        super().close_result()


@bad_twin("file-wrapper-close-after-sending")
class LeavesFilesOpenForTheGone(Gateway):
    """A file is not closed when its client has gone."""

    gone = False

    def send_data(self, data: bytes) -> None:
        try:
            super().send_data(data)
        except ClientGone:
            self.gone = isinstance(self.result, FileWrapper)
            raise

    def close_result(self) -> None:
        if not self.gone:
            super().close_result()


@good_twin("file-wrapper-one-argument", "file-wrapper-optional")
class OffersNoWrapper(Gateway):
    """There is no wsgi.file_wrapper, which is optional."""

    def environ(self) -> dict[str, Any]:
        environ = super().environ()
        del environ["wsgi.file_wrapper"]
        return environ
