"""Twins that read a request as something else than what came, before it is parsed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from conformance.reference import Connection

Change = bytes | Callable[[re.Match[bytes]], bytes]


class Rewrites(Connection):
    """Changes head and body of each segment that begins with a request of the probes'.

    Attributes:
        head: pairs of a pattern and what its matches become, in the head of the first request.
        body: the same, in all that stands behind that head.
        wanted: what the head must hold for anything to be changed.
    """

    head: ClassVar[tuple[tuple[bytes, Change], ...]] = ()
    body: ClassVar[tuple[tuple[bytes, Change], ...]] = ()
    wanted: ClassVar[bytes] = b" /m"

    def take(self) -> bytes:
        data = super().take()
        head, end, body = data.partition(b"\r\n\r\n")
        if not end or self.wanted not in head:
            return data
        for pattern, change in self.head:
            head = re.sub(pattern, change, head, flags=re.DOTALL)
        for pattern, change in self.body:
            body = re.sub(pattern, change, body, count=1, flags=re.DOTALL)
        return head + end + body
