"""Twins of the rules in RFC 9112 section 9, Connection Management."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference import Gateway
from conformance.reference.twins import bad_twin, good_twin

from ._requests import Rewrites


@bad_twin("http-close-honoured", also=("http-close-ends-processing",))
class ReadsOneOption(Rewrites):
    """Of the connection options only the first counts."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return re.sub(rb"(?i)(Connection: TE), close", rb"\1", fields)


@bad_twin("http-close-honoured", also=("http-inbound-connection-headers-handled",))
class ReadsLowerCase(Rewrites):
    """The connection option close counts in lower case alone."""

    def rewrite_fields(self, fields: bytes) -> bytes:
        return fields.replace(b"Connection: Close", b"Connection: X")


@bad_twin("http-10-closes")
class KeepsOldOnesOpen(Rewrites):
    """The connection of an HTTP/1.0 request for /old stays open."""

    def rewrite_line(self, line: bytes) -> bytes:
        return re.sub(rb"(/old) HTTP/1\.0", rb"\1 HTTP/1.1", line)


@good_twin("http-10-closes")
class RefusesOldOnes(Rewrites):
    """A request of HTTP/1.0 for /old is answered with 505."""

    def rewrite_line(self, line: bytes) -> bytes:
        return re.sub(rb"(/old) HTTP/1\.0", rb"\1 HTTP/0.1", line)


class Upgrades(Gateway):
    line = 0, b""

    def run(self) -> None:
        fields = dict(self.request.fields)
        if b"upgrade" not in fields:
            super().run()
            return
        transport: Any = self.transport
        transport.sock.sendall(b"HTTP/1.1 %d %s\r\nUpgrade: unknown/2\r\n\r\n" % self.line)
        transport.abort()


@bad_twin("http-upgrade-unknown")
class SwitchesToAnything(Upgrades):
    """Whatever is in Upgrade, the answer is 101 and the end of HTTP."""

    line = 101, b"Switching Protocols"


@good_twin("http-upgrade-unknown")
class WantsAnUpgrade(Upgrades):
    """A request for an unknown protocol is answered with 426."""

    line = 426, b"Upgrade Required"
