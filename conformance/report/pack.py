"""How data travel inside a page: deflated, in printable characters that end no element."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["from_json", "pack", "to_json", "unpack", "varints", "zigzag"]

# Base 85 makes five characters of four bytes, base 64 would make five and a third. Of the alphabet
# of RFC 1924 the one character that could begin a tag is exchanged for one that it does not use.
LESS, COMMA = b"<", b","
ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))
# A page of this suite's making holds less; one that somebody else made is input like any other.
UNPACKED_AT_MOST = 1 << 28


def pack(data: bytes) -> str:
    """Return bytes deflated, in base 85."""
    return base64.b85encode(zlib.compress(data, 9)).replace(LESS, COMMA).decode("ascii")


def unpack(packed: str) -> bytes:
    """Undo ``pack``."""
    data = base64.b85decode(packed.encode("ascii").replace(COMMA, LESS))
    return zlib.decompressobj().decompress(data, UNPACKED_AT_MOST)


def to_json(value: Any) -> bytes:
    """Return a value as JSON in ASCII: what is not ASCII in it stands escaped."""
    return ENCODER.encode(value).encode("ascii")


def from_json(data: bytes) -> Any:
    """Undo ``to_json``."""
    return json.loads(data)


def zigzag(number: int) -> int:
    """Return a number at least 0 for any number: small ones stay small."""
    return number * 2 if number >= 0 else -number * 2 - 1


def varints(numbers: Iterable[int]) -> bytes:
    """Return numbers of at least 0, seven bits a byte, the lowest first, as protobuf has them."""
    return bytes(_septets(numbers))


def _septets(numbers: Iterable[int]) -> Iterator[int]:
    for number in numbers:
        rest = number
        while rest > 127:
            yield rest & 127 | 128
            rest >>= 7
        yield rest
