"""The records of FastCGI: bytes in, records out, and back; nothing is read or written here.

Source: FastCGI Specification 1.0 (Open Market, 1996), sections 3.3, 3.4, 4, 5 and 8.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

__all__ = [
    "BadRecord",
    "Protocol",
    "Record",
    "RecordReader",
    "Type",
    "decode_pairs",
    "encode_end",
    "encode_pairs",
    "encode_record",
    "encode_stream",
]

VERSION = 1
HEADER = struct.Struct(">BBHHBx")
END = struct.Struct(">IB3x")
LONGEST = 65528
"""Bytes that are put into one record: the most that needs no padding."""
LONG = 1 << 31
"""The bit that marks a length of four bytes."""


class Type(IntEnum):
    """Types of records (section 8)."""

    BEGIN_REQUEST = 1
    ABORT_REQUEST = 2
    END_REQUEST = 3
    PARAMS = 4
    STDIN = 5
    STDOUT = 6
    STDERR = 7
    DATA = 8
    GET_VALUES = 9
    GET_VALUES_RESULT = 10
    UNKNOWN_TYPE = 11


class Protocol(IntEnum):
    """What an END_REQUEST record says of the protocol (section 5.5)."""

    REQUEST_COMPLETE = 0
    CANT_MPX_CONN = 1
    OVERLOADED = 2
    UNKNOWN_ROLE = 3


class BadRecord(ValueError):
    """Bytes that are not FastCGI; the connection is of no more use."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    Attributes:
        type: a number, of ``Type`` or not; request: id of the request, 0 for none; content: bytes.
    """

    type: int
    request: int
    content: bytes


class RecordReader:
    """Takes bytes as they arrive and gives whole records."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        self._buffer += data

    def next(self) -> Record | None:
        """Return the next record, None where it is not whole yet.

        Errors:
            BadRecord: another version of the protocol, or none of it.
        """
        if len(self._buffer) < HEADER.size:
            return None
        version, kind, request, length, padding = HEADER.unpack_from(self._buffer)
        if version != VERSION:
            raise BadRecord(f"version {version} of FastCGI")
        end = HEADER.size + length
        if len(self._buffer) < end + padding:
            return None
        content = bytes(self._buffer[HEADER.size : end])
        del self._buffer[: end + padding]
        return Record(kind, request, content)


def encode_record(kind: int, request: int, content: bytes) -> bytes:
    """Return a record of up to 65,535 bytes, padded to a multiple of eight."""
    padding = -len(content) % 8
    return HEADER.pack(VERSION, kind, request, len(content), padding) + content + bytes(padding)


def encode_stream(kind: int, request: int, data: bytes) -> bytes:
    """Return data as so many records; none where it is empty, which would end the stream."""
    return b"".join(
        encode_record(kind, request, data[start : start + LONGEST])
        for start in range(0, len(data), LONGEST)
    )


def encode_end(request: int, protocol: Protocol, status: int = 0) -> bytes:
    """Return the record that ends a request."""
    return encode_record(Type.END_REQUEST, request, END.pack(status, protocol))


def decode_pairs(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return the name-value pairs of a stream, in their order, equal names included.

    Errors:
        BadRecord: the last pair is cut short.
    """
    pairs = []
    at = 0
    while at < len(data):
        name, at = _length(data, at)
        value, at = _length(data, at)
        if at + name + value > len(data):
            raise BadRecord("a name-value pair is longer than what holds it")
        pairs.append((data[at : at + name], data[at + name : at + name + value]))
        at += name + value
    return pairs


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Return a length of one byte or of four, and where it ends."""
    if at < len(data) and data[at] < 0x80:
        return data[at], at + 1
    if at + 4 > len(data):
        raise BadRecord("a name-value pair ends within its lengths")
    return int.from_bytes(data[at : at + 4], "big") ^ LONG, at + 4


def encode_pairs(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return name-value pairs as the content of a stream."""
    return b"".join(
        _encode_length(len(name)) + _encode_length(len(value)) + name + value
        for name, value in pairs
    )


def _encode_length(length: int) -> bytes:
    return bytes([length]) if length < 0x80 else (length | LONG).to_bytes(4, "big")
