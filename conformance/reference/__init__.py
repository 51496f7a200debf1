"""The reference server: PEP 3333 as a program to read, behind ``h11``.

``gateway`` runs an application exactly as the PEP says; ``server`` puts HTTP in front of it. It is
the good twin of the whole suite and the base of the bad ones. It is not a production server: one
thread per connection, no timeouts, no TLS, no limits beyond those of ``h11``.
"""

from conformance.reference.gateway import Gateway
from conformance.reference.server import Connection, Server

__all__ = ["Connection", "Gateway", "Server"]
