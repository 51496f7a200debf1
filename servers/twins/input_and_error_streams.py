"""Twins of the rules in PEP 3333, Input and Error Streams."""

from __future__ import annotations

from conformance.reference import Gateway
from conformance.reference.streams import Input
from conformance.reference.twins import bad_twin


class LongInput(Input):
    def read(self, size: int | None = -1) -> bytes:
        return super().read(size if size is None or size < 0 else size + 1)


@bad_twin("input-read-semantics")
class ReadsTooMuch(Gateway):
    """read(n) returns one byte more than it was asked for."""

    input_class = LongInput
