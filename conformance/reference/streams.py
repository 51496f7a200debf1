"""The streams and the file wrapper that the reference gateway puts into an environ."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

__all__ = ["Errors", "FileWrapper", "Input"]


class Input:
    """``wsgi.input``: the body of one request and not a byte more.

    Args:
        receive: returns the next part of the body, ``b""`` at its end and ever after.

    Source: PEP 3333, Input and Error Streams.
    """

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._buffer = b""

    def read(self, size: int | None = -1) -> bytes:
        """Return up to ``size`` bytes, all the rest where it is negative or None."""
        if size is None or size < 0:
            return self._take_all()
        while len(self._buffer) < size and self._more():
            pass
        return self._take(size)

    def readline(self, size: int | None = -1) -> bytes:
        """Return one line with its newline, cut at ``size`` bytes."""
        while b"\n" not in self._buffer:
            if (size is not None and 0 <= size <= len(self._buffer)) or not self._more():
                break
        end = self._buffer.find(b"\n") + 1 or len(self._buffer)
        return self._take(end if size is None or size < 0 else min(size, end))

    def readlines(self, hint: int | None = -1) -> list[bytes]:
        """Return the lines that are left; with a hint, stop after so many bytes."""
        lines: list[bytes] = []
        total = 0
        for line in self:
            lines.append(line)
            total += len(line)
            if hint is not None and 0 < hint <= total:
                break
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _more(self) -> bool:
        part = self._receive()
        self._buffer += part
        return bool(part)

    def _take(self, size: int) -> bytes:
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _take_all(self) -> bytes:
        parts = [self._buffer]
        self._buffer = b""
        while part := self._receive():
            parts.append(part)
        return b"".join(parts)


class Errors:
    """``wsgi.errors``: text to the process's standard error, whatever characters it holds."""

    def write(self, text: str) -> int:
        """Write text; characters the stream cannot encode are escaped."""
        stream = sys.stderr
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each text as it is."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hand everything to the operating system."""
        sys.stderr.flush()


class FileWrapper:
    """``wsgi.file_wrapper``: an iterator over a file-like object, from where it stands to its end.

    It looks for a descriptor and does not need one: reading is always right, and this server has no
    faster way.

    Source: PEP 3333, Optional Platform-Specific File Handling.
    """

    def __init__(self, filelike: Any, block_size: int = 8192) -> None:
        self.filelike = filelike
        self.block_size = block_size
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        data: bytes = self.filelike.read(self.block_size)
        if not data:
            raise StopIteration
        return data
