"""Twins of the rules in PEP 3333, Handling the Content-Length Header: the lengths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import h11

from conformance.reference import Gateway
from conformance.reference.gateway import ClientGone, WrongLength
from conformance.reference.streams import FileWrapper
from conformance.reference.twins import bad_twin, good_twin


def force(gateway: Any, data: bytes) -> None:
    """Send bytes past the HTTP library, which would not have them."""
    try:
        gateway.transport.sock.sendall(data)
    except OSError as error:
        raise ClientGone(str(error)) from error


class Careless(Gateway):
    """Base: what goes past the declared length is passed to ``excess``, unless it is a file's."""

    def send_block(self, block: bytes) -> None:
        try:
            super().send_block(block)
        except WrongLength:
            if isinstance(self.result, FileWrapper):
                raise
            self.excess(block)

    def excess(self, block: bytes) -> None:
        """React to a block that went past the declared length."""
        if self.result is None:
            raise WrongLength("refused by write()")


@bad_twin("content-length-excess-yield-dropped")
class SendsExcessYield(Careless):
    """The bytes that are yielded beyond the declared length are sent."""

    def satisfied(self) -> bool:
        return isinstance(self.result, FileWrapper) and super().satisfied()

    def blocks(self) -> Iterable[bytes]:
        # One block of look-ahead, so as not to ask for all that there is.
        for number, block in enumerate(super().blocks()):
            yield block
            if self.sent == self.length and number:
                return

    def excess(self, block: bytes) -> None:
        super().excess(block)
        force(self, block[-1:])


@bad_twin("content-length-excess-write-dropped")
class SendsExcessWrite(Careless):
    """The bytes that are written beyond the declared length are sent, and then refused."""

    def excess(self, block: bytes) -> None:
        if self.result is None:
            force(self, block[-1:])
        super().excess(block)


@bad_twin("content-length-excess-write-raises")
class SwallowsExcessWrite(Careless):
    """write() drops what is beyond the declared length and does not say so."""

    def excess(self, block: bytes) -> None:
        return


@good_twin("content-length-excess-yield-dropped", "content-length-excess-write-raises")
class RefusesWholeBlock(Gateway):
    """A block that crosses the declared length is refused as a whole."""

    def send_block(self, block: bytes) -> None:
        too_much = self.length is not None and self.sent + len(block) > self.length
        if too_much and self.has_body() and not isinstance(self.result, FileWrapper):
            raise WrongLength("refused whole")
        super().send_block(block)


@bad_twin("content-length-stops-iterating")
class IteratesOn(Careless):
    """All blocks are asked for, also when enough has been sent."""

    def satisfied(self) -> bool:
        return False


@good_twin("content-length-stops-iterating")
class LooksAhead(Careless):
    """One more block is asked for when enough has been sent."""

    def satisfied(self) -> bool:
        enough = super().satisfied()
        seen, self.looked = getattr(self, "looked", False), enough
        return enough and seen


class Short(Gateway):
    """Base: a body that is too short passes for the end of the response."""

    def finish(self) -> None:
        try:
            super().finish()
        except WrongLength as error:
            self.short(error)

    def short(self, error: WrongLength) -> None:
        """React to a body that was too short."""
        raise error


@bad_twin("content-length-short-closes")
class KeepsAfterShort(Short):
    """The connection is used for the next request although the body was too short."""

    def short(self, error: WrongLength) -> None:
        self.log(error)
        transport: Any = self.transport
        missing = (self.length or 0) - self.sent
        # For the HTTP library the body is complete; on the wire it is not.
        gap = type("Gap", (bytes,), {"__len__": lambda gap: missing})()
        transport.http.send_with_data_passthrough(h11.Data(data=gap))
        transport.finish()


@bad_twin("content-length-short-reported")
class SilentAboutShort(Short):
    """A body that was too short is not logged."""

    def short(self, error: WrongLength) -> None:
        self.transport.abort()


@good_twin("content-length-short-closes", "content-length-short-reported")
class ErrorInsteadOfShort(Gateway):
    """A list that is too short for its Content-Length is answered with a 500."""

    def send_result(self) -> None:
        if isinstance(self.result, list) and self.length is not None and self.has_body():
            total = self.sent + sum(map(len, self.result))
            if total < self.length and not self.head_sent:
                raise WrongLength(f"{total} bytes where {self.length} were announced")
        super().send_result()


@bad_twin(
    "content-length-absent-framed",
    also=("headers-response-well-formed", "http-chunked-needs-http11"),
)
class CutsForOldClients(Gateway):
    """A client of HTTP/1.0 that would keep the connection gets one block of an unknown length."""

    def send_data(self, data: bytes) -> None:
        keeping = (b"connection", b"keep-alive") in self.request.fields
        if self.request.version == b"1.0" and keeping and self.length is None and self.sent:
            return
        super().send_data(data)


@bad_twin("content-length-generated-accurate")
class CountsTuplesWrong(Gateway):
    """The length that is generated for a tuple of one block is one byte too small."""

    def certain_length(self, first_block: bytes) -> int | None:
        length = super().certain_length(first_block)
        return length - 1 if length and isinstance(self.result, tuple) else length


@good_twin(
    "content-length-absent-framed",
    "content-length-generated-accurate",
    "content-length-strategy-free",
)
class AddsLengthsUp(Gateway):
    """The lengths of all blocks of a list are added up to a Content-Length."""

    def certain_length(self, first_block: bytes) -> int | None:
        if self.wrote or not isinstance(self.result, (list, tuple)):
            return super().certain_length(first_block)
        return sum(map(len, self.result))


@good_twin(
    "content-length-absent-framed", "content-length-strategy-free", "content-length-close-delimits"
)
class ClosesWithoutLength(Gateway):
    """A response without Content-Length is ended by closing the connection."""

    def send_head(self, first_block: bytes) -> None:
        if self.length is None:
            transport: Any = self.transport
            # As if the client had spoken HTTP/1.0: then the library does not chunk.
            transport.http.their_http_version = b"1.0"
        super().send_head(first_block)

    def certain_length(self, first_block: bytes) -> int | None:
        return None
