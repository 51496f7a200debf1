"""Twins of the rules in PEP 3333, Other HTTP Features, and Application Configuration."""

from __future__ import annotations

import os
from typing import Any

import h11

from conformance.reference import Connection, Gateway
from conformance.reference.gateway import Fields
from conformance.reference.twins import bad_twin, good_twin


@bad_twin("http-inbound-connection-headers-handled", also=("http-close-honoured",))
class IgnoresCapitalClose(Connection):
    """Connection: Close, with a capital letter, is ignored."""

    def describe(self, event: h11.Request) -> Any:
        if (b"connection", b"Close") in list(event.headers):
            self.http._cstate.keep_alive = True
        return super().describe(event)


@good_twin("http-inbound-connection-headers-handled")
class AlwaysCloses(Connection):
    """Every connection ends after one response."""

    def send_head(self, status: int, reason: bytes, fields: list[tuple[bytes, bytes]]) -> None:
        super().send_head(status, reason, [*fields, (b"Connection", b"close")])


@bad_twin("http-ranges-not-doubled")
class AppliesRangesAgain(Gateway):
    """A Range is applied to the part that the application made of it, and found out of bounds."""

    def start_response(self, status: str, fields: Fields, *exc_info: Any) -> Any:
        ranged = any(name == b"range" for name, _ in self.request.fields)
        if ranged and status.startswith("206"):
            status = "416 Range Not Satisfiable"
        return super().start_response(status, fields, *exc_info)


@bad_twin(
    "app-config-deployer-pairs",
    also=("environ-extension-name-charset", "environ-extension-name-prefix"),
)
class ManglesConfiguration(Gateway):
    """Variables of the process are copied with question marks for what is not ASCII."""

    def environ(self) -> dict[str, Any]:
        copied = {
            name: value.encode("ascii", "replace").decode("ascii")
            for name, value in os.environ.items()
            if not name.startswith("HTTP_")
        }
        return {**copied, **super().environ()}


@good_twin("app-config-deployer-pairs", "environ-os-variables-allowed")
class CopiesProcessEnvironment(Gateway):
    """Variables of the process are copied, their bytes as Latin-1."""

    def environ(self) -> dict[str, Any]:
        copied = {
            name: os.fsencode(value).decode("latin-1")
            for name, value in os.environ.items()
            if not name.startswith("HTTP_")
        }
        return {**copied, **super().environ()}
