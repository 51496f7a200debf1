"""The reference server: PEP 3333 as a program to read, behind ``h11``.

``gateway`` runs an application exactly as the PEP says; ``server`` puts HTTP in front of it. It is
the good twin of the whole suite and the base of the bad ones. It is not a production server: one
thread per connection, no timeouts, no TLS, no limits beyond those of ``h11``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.reference.gateway import Gateway

if TYPE_CHECKING:
    from conformance.reference.server import Connection, Server

__all__ = ["Connection", "Gateway", "Server"]


def __getattr__(name: str) -> Any:
    # The gateway is driven in memory as well, where there is no h11.
    if name in ("Connection", "Server"):
        from conformance.reference import server

        return getattr(server, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
