"""Servers that an application has to meet to show what it does."""

from __future__ import annotations

import io

from conformance.driver.memory import MemoryGateway


class BodyFile(io.BytesIO):
    """An input stream with everything that a file has."""

    def __init__(self, receive) -> None:
        super().__init__(b"".join(iter(receive, b"")))


class FileStreams(MemoryGateway):
    """Both streams are whole files: they can be rewound, asked and closed."""

    input_class = BodyFile
    errors_class = io.StringIO


class RefusesOnce(MemoryGateway):
    """start_response raises at the first call, as a server in trouble may."""

    refused = False

    def start_response(self, *args):
        if not self.refused:
            self.refused = self.started = True
            raise OSError("the log is full")
        return super().start_response(*args)


class NeverIterates(MemoryGateway):
    """Sends the head and does not ask for the body, as a server may for HEAD."""

    def blocks(self):
        return ()


class TakesAll(MemoryGateway):
    """Asks for every block there is, also after the announced length."""

    def satisfied(self) -> bool:
        return False

    def send_block(self, block: bytes) -> None:
        if self.head_sent and self.length is not None and self.sent >= self.length:
            return
        super().send_block(block)
