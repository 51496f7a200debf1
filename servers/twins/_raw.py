"""What the twins of responses on the wire share: heads that no HTTP library would send."""

from __future__ import annotations

import socket
from typing import Any

import h11

from conformance.reference import Connection, Gateway, Server

Fields = list[tuple[bytes, bytes]]


class OwnGateway(Connection):
    """A connection that brings a gateway of its own along.

    Attributes:
        gateway: what the gateway of the server is mixed with.
    """

    gateway: type[Any] = object

    def __init__(self, server: Server, sock: socket.socket) -> None:
        super().__init__(server, sock)
        self.server = Server.__new__(Server)
        vars(self.server).update(vars(server))
        bases = (self.gateway, server.gateway_class)
        self.server.gateway_class = type("Mixed", bases, {})


class Lenient:
    """A gateway that does not look at what ``lets_through`` picks."""

    def lets_through(self, status: str, fields: list[tuple[str, str]]) -> bool:
        """Whether a status and headers go unchecked."""
        raise NotImplementedError

    def check(self, status: Any, fields: Any) -> None:
        if not self.lets_through(status, fields):
            super().check(status, fields)  # type: ignore[misc]


class SendsAnything(OwnGateway):
    """Sends a head as it was given, past the library, which would not have it."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        self.given = {b"Placeholder-%d" % number: field for number, field in enumerate(fields)}
        self.reason = reason
        harmless = [(name, b"1") for name in self.given]
        for name, value in fields:
            if name.lower() == b"content-length":
                harmless.append((name, b"%d" % int(value.replace(b"+", b""))))
            elif name.lower() in (b"date", b"server"):
                harmless.append((name, value))
        super().send_head(status, b"Placeholder", harmless)

    def send(self, event: Any) -> None:
        if not isinstance(event, h11.Response):
            super().send(event)
            return
        head = self.http.send(event) or b""
        given = [name + b": " + value for name, value in self.given.values()]
        own = {name.lower() for name, _ in self.given.values()}
        lines = head.split(b"\r\n")
        kept = [
            line
            for line in lines[1:-2]
            if not line.startswith(b"Placeholder-") and line.partition(b":")[0].lower() not in own
        ]
        lines[0] = lines[0].replace(b"Placeholder", self.reason)
        self.sock.sendall(b"\r\n".join([lines[0], *given, *kept, b"", b""]))


class RewritesHead(Connection):
    """Changes the bytes of a head on their way out."""

    def rewrite(self, head: bytes, event: h11.Response) -> bytes:
        """Return the bytes to send for a head."""
        raise NotImplementedError

    def send(self, event: Any) -> None:
        if not isinstance(event, h11.Response):
            super().send(event)
            return
        data = self.http.send(event)
        assert data is not None
        self.sock.sendall(self.rewrite(data, event))


class SendsPast(Gateway):
    """Sends content past the library, where that knows that there is none."""

    def wanted(self) -> bool:
        """Whether content is sent where none belongs."""
        raise NotImplementedError

    def send_block(self, block: bytes) -> None:
        super().send_block(block)
        if block and self.wanted():
            self.transport.sock.sendall(block)  # type: ignore[attr-defined]


def without(names: tuple[bytes, ...], head: bytes) -> bytes:
    """Return a head without the lines of some names."""
    lines = head.split(b"\r\n")
    return b"\r\n".join(line for line in lines if line.partition(b":")[0].lower() not in names)


def with_line(head: bytes, line: bytes) -> bytes:
    """Return a head with one more line."""
    return head.removesuffix(b"\r\n") + line + b"\r\n\r\n"
