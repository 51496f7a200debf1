"""Twins of the rules in PEP 3333, Handling the Content-Length Header: chunks."""

from __future__ import annotations

from typing import Any

import h11

from conformance.reference import Connection, Gateway
from conformance.reference.gateway import ClientGone
from conformance.reference.twins import bad_twin, good_twin


def force(transport: Any, data: bytes) -> None:
    """Send bytes past the HTTP library, which would not have them."""
    try:
        transport.sock.sendall(data)
    except OSError as error:
        raise ClientGone(str(error)) from error


@bad_twin("http-chunked-needs-http11", also=("headers-response-well-formed",))
class ChunksForOldClients(Connection):
    """A client of HTTP/1.0 is sent chunks, too."""

    chunking = False

    def send_head(self, status: int, reason: bytes, fields: list[tuple[bytes, bytes]]) -> None:
        names = {name.lower() for name, _ in fields}
        self.chunking = self.http.their_http_version == b"1.0" and b"content-length" not in names
        super().send_head(status, reason, fields)

    def send(self, event: Any) -> None:
        data = self.http.send(event) or b""
        if self.chunking and isinstance(event, h11.Response):
            data = data[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"
        elif self.chunking and isinstance(event, h11.Data):
            data = b"%x\r\n%s\r\n" % (len(data), data)
        elif self.chunking:
            data = b"0\r\n\r\n"
        if data:
            force(self, data)


@bad_twin("http-chunked-no-empty-chunk")
class EmptyWriteEndsChunks(Gateway):
    """write() of an empty bytestring becomes a chunk of size zero."""

    def write(self, data: bytes) -> None:
        super().write(data)
        if not data and self.sent and self.length is None and self.request.version != b"1.0":
            force(self.transport, b"0\r\n\r\n")


@bad_twin("http-chunked-rfc-conformant")
class ChunkSizesInDecimal(Connection):
    """The size of a large chunk is sent in decimal digits, in six places."""

    def send(self, event: Any) -> None:
        if isinstance(event, h11.Data) and len(event.data) == 70001:
            parts = self.http.send_with_data_passthrough(event) or []
            force(self, b"".join(part.replace(b"11171", b"070001") for part in parts))
        else:
            super().send(event)


@bad_twin("http-chunked-rfc-conformant")
class LastChunkAfterHead(Connection):
    """A response to HEAD says that it is chunked and ends with a last chunk."""

    head = False

    def describe(self, event: h11.Request) -> Any:
        self.head = event.method == b"HEAD"
        return super().describe(event)

    def send_head(self, status: int, reason: bytes, fields: list[tuple[bytes, bytes]]) -> None:
        names = {name.lower() for name, _ in fields}
        self.chunking = self.head and status == 200 and b"content-length" not in names
        more = [(b"Transfer-Encoding", b"chunked")] if self.chunking else []
        super().send_head(status, reason, fields + more)

    def finish(self) -> None:
        if self.chunking:
            force(self, b"0\r\n\r\n")
        super().finish()


@bad_twin("http-chunked-abort-unterminated")
class EndsAfterAbort(Gateway):
    """A chunked response that failed halfway is ended with a last chunk."""

    def fail(self) -> None:
        if self.head_sent and self.length is None:
            self.transport.finish()
        else:
            super().fail()


@good_twin(
    "http-chunked-rfc-conformant",
    "http-chunked-no-empty-chunk",
    "http-transfer-coding-allowed",
    "http-chunked-allowed",
)
class UnusualChunks(Connection):
    """Chunk sizes have leading zeros and an extension, and a trailer follows the last one."""

    def send(self, event: Any) -> None:
        data = self.http.send(event) or b""
        if isinstance(event, h11.Data) and data != event.data:
            size, _, rest = data.partition(b"\r\n")
            data = b"00" + size + b";kind=odd\r\n" + rest
        elif isinstance(event, h11.EndOfMessage) and data:
            data = b"0000\r\nX-Trailer: told\r\n\r\n"
        if data:
            force(self, data)


@good_twin("http-chunked-needs-http11", "http-chunked-rfc-conformant", "http-chunked-allowed")
class NeverChunks(Connection):
    """No response is chunked: without a length it ends with the connection."""

    def describe(self, event: h11.Request) -> Any:
        self.http.their_http_version = b"1.0"
        return super().describe(event)
