"""Twins of the rules in PEP 3333, URL Reconstruction."""

from __future__ import annotations

from typing import Any

from conformance.reference import Gateway
from conformance.reference.twins import bad_twin, good_twin


@bad_twin("url-server-name-port-usable")
class NamesItself(Gateway):
    """SERVER_NAME is the name and version of the server's software."""

    def environ(self) -> dict[str, Any]:
        return {**super().environ(), "SERVER_NAME": "Reference/1.0"}


@bad_twin("url-server-name-port-usable")
class DefaultPort(Gateway):
    """SERVER_PORT is 80 wherever the server listens."""

    def environ(self) -> dict[str, Any]:
        return {**super().environ(), "SERVER_PORT": "80"}


@good_twin("url-server-name-port-usable", "environ-server-name-required")
class NamesTheWildcard(Gateway):
    """SERVER_NAME is the address that was bound, here the one of all interfaces."""

    def environ(self) -> dict[str, Any]:
        return {**super().environ(), "SERVER_NAME": "0.0.0.0"}


@bad_twin("url-server-port-decimal", also=("url-server-name-port-usable",))
class PortWithProtocol(Gateway):
    """SERVER_PORT has the transport's name behind the number."""

    def environ(self) -> dict[str, Any]:
        environ = super().environ()
        environ["SERVER_PORT"] += "/tcp"
        return environ


@bad_twin("environ-http-host-verbatim")
class HostWithoutPort(Gateway):
    """HTTP_HOST comes without the port."""

    def environ(self) -> dict[str, Any]:
        environ = super().environ()
        if "HTTP_HOST" in environ:
            environ["HTTP_HOST"] = environ["HTTP_HOST"].partition(":")[0]
        return environ


@bad_twin("environ-http-host-verbatim", also=("http-absolute-form-host",))
class HostIsTheServer(Gateway):
    """HTTP_HOST names the server, whatever the client asked for."""

    def environ(self) -> dict[str, Any]:
        environ = super().environ()
        if "HTTP_HOST" in environ:
            environ["HTTP_HOST"] = environ["SERVER_NAME"]
        return environ
