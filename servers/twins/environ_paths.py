"""Twins of the rules on the parts of the URL, and on bytes as characters."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import quote_from_bytes, unquote, unquote_plus, unquote_to_bytes

from conformance.reference import Gateway
from conformance.reference.twins import bad_twin, good_twin


@bad_twin("environ-script-name-value", also=("environ-path-split-complete",))
class SlashAsPlace(Gateway):
    """SCRIPT_NAME is a slash at the root."""

    def path_variables(self) -> dict[str, str]:
        return {**super().path_variables(), "SCRIPT_NAME": "/"}


@bad_twin("environ-script-name-value")
class GuessesThePlace(Gateway):
    """The first part of a longer path becomes SCRIPT_NAME."""

    def path_variables(self) -> dict[str, str]:
        variables = super().path_variables()
        match = re.fullmatch("(/mount)(/.*)", variables["PATH_INFO"])
        if match:
            variables["SCRIPT_NAME"], variables["PATH_INFO"] = match.groups()
        return variables


@bad_twin("environ-path-split-complete", also=("environ-path-info-value",))
class DropsLastSlash(Gateway):
    """The slash at the end of a path gets lost."""

    def path_variables(self) -> dict[str, str]:
        variables = super().path_variables()
        variables["PATH_INFO"] = variables["PATH_INFO"].rstrip("/") or "/"
        return variables


@bad_twin(
    "environ-path-info-value",
    also=(
        "http-absolute-form-accepted",
        "environ-path-split-complete",
    ),
)
class KeepsQuery(Gateway):
    """The query is part of PATH_INFO."""

    def path_variables(self) -> dict[str, str]:
        variables = super().path_variables()
        if variables["QUERY_STRING"]:
            variables["PATH_INFO"] += "?" + variables["QUERY_STRING"]
        return variables


@bad_twin(
    "environ-path-info-value",
    also=(
        "environ-path-split-complete",
        "environ-script-name-value",
        "environ-path-percent-decoded",
        "unicode-environ-byte-preserving",
        "http-target-octets",
    ),
)
class RepeatsItsPlace(Gateway):
    """Has a prefix that nobody asked for as SCRIPT_NAME and at the head of PATH_INFO as well."""

    def path_variables(self) -> dict[str, str]:
        variables = super().path_variables()
        if variables["PATH_INFO"] == "/a/b":
            variables["SCRIPT_NAME"] = "/place"
            variables["PATH_INFO"] = "/place/a/b"
        return variables


@good_twin("environ-path-split-complete", "environ-path-info-value", "url-canonicalised-by-server")
class Canonicalises(Gateway):
    """Doubled slashes are made one, and dot segments resolved."""

    def target_path(self) -> bytes:
        path, mark, query = super().target_path().partition(b"?")
        # Two slashes at the start are left: they are how a path is mistaken for a host.
        path = re.sub(rb"/\.(?=/|$)", b"", re.sub(rb"(?<=[^/])//+", b"/", path))
        return re.sub(rb"/[^/]+/\.\.(?=/|$)", b"", path) + mark + query


# As far as the PEP goes this is no breach: only HTTP asks for the absolute form.
@bad_twin("http-absolute-form-accepted")
class TakesTargetsAsTheyAre(Gateway):
    """An absolute-form target is taken for a path."""

    def target_path(self) -> bytes:
        return self.request.target


class Decodes(Gateway):
    """Makes a path's text in a way of its own."""

    def path_variables(self) -> dict[str, str]:
        path = self.target_path().partition(b"?")[0]
        return {**super().path_variables(), "PATH_INFO": self.decode(path)}

    def decode(self, path: bytes) -> str:
        """Return PATH_INFO."""
        raise NotImplementedError


@bad_twin("environ-path-percent-decoded")
class DecodesTwice(Decodes):
    """Escapes in the path are decoded twice."""

    def decode(self, path: bytes) -> str:
        return unquote_to_bytes(unquote_to_bytes(path)).decode("latin-1")


@bad_twin("environ-path-percent-decoded")
class DecodesForms(Decodes):
    """A plus sign in the path becomes a blank."""

    def decode(self, path: bytes) -> str:
        return unquote_plus(path.decode("latin-1"), "latin-1")


@bad_twin(
    "environ-path-percent-decoded",
    also=("environ-path-split-complete", "unicode-environ-byte-preserving"),
)
class DecodesNothing(Decodes):
    """PATH_INFO is still escaped."""

    def decode(self, path: bytes) -> str:
        return path.decode("latin-1")


@good_twin("environ-path-percent-decoded")
class KeepsEscapedSlash(Decodes):
    """An escaped slash stays escaped."""

    def decode(self, path: bytes) -> str:
        parts = re.split(b"(?i)%2f", path)
        return b"%2F".join(unquote_to_bytes(part) for part in parts).decode("latin-1")


@bad_twin("environ-query-string-raw")
class DecodesQuery(Gateway):
    """QUERY_STRING is decoded."""

    def path_variables(self) -> dict[str, str]:
        variables = super().path_variables()
        query = unquote_to_bytes(variables["QUERY_STRING"]).decode("latin-1")
        return {**variables, "QUERY_STRING": query}


@bad_twin("environ-query-string-raw", also=("http-absolute-form-accepted",))
class KeepsQuestionMark(Gateway):
    """QUERY_STRING begins with the question mark."""

    def path_variables(self) -> dict[str, str]:
        variables = super().path_variables()
        query = variables["QUERY_STRING"]
        return {**variables, "QUERY_STRING": "?" + query if query else ""}


@bad_twin("unicode-environ-byte-preserving", also=("http-target-octets",))
class RepairsPath(Decodes):
    """A path is read as UTF-8, and bytes that are none are replaced."""

    def decode(self, path: bytes) -> str:
        return unquote(path.decode("latin-1")).encode("utf-8").decode("latin-1")


@bad_twin("unicode-environ-byte-preserving")
class RepairsHeaders(Gateway):
    """Headers are read as UTF-8, and bytes that are none are replaced."""

    def header_variables(self) -> dict[str, str]:
        self.request.fields = [
            (name, value.decode("utf-8", "replace").encode("utf-8"))
            if name == b"x-probe" and value.endswith(b"\xff")
            else (name, value)
            for name, value in self.request.fields
        ]
        return super().header_variables()


@bad_twin(
    "unicode-environ-latin1-only",
    also=("http-target-octets", "unicode-environ-byte-preserving", "environ-path-percent-decoded"),
)
class ReadsPathAsUtf8(Decodes):
    """PATH_INFO is real text, decoded from UTF-8."""

    def decode(self, path: bytes) -> str:
        return unquote(path.decode("latin-1"))


@bad_twin("unicode-environ-latin1-only")
class ReadsCookiesAsUtf8(Gateway):
    """HTTP_COOKIE is real text, decoded from UTF-8."""

    def header_variables(self) -> dict[str, str]:
        variables = super().header_variables()
        if "HTTP_COOKIE" in variables:
            variables["HTTP_COOKIE"] = variables["HTTP_COOKIE"].encode("latin-1").decode()
        return variables


@bad_twin("unicode-environ-latin1-only")
class CopiesText(Gateway):
    """A variable of the process's environment is there, as real text."""

    def environ(self) -> dict[str, Any]:
        environ = super().environ()
        environ["CONFORMANCE_PLANTED"] = os.environ["CONFORMANCE_PLANTED"]
        return environ


@good_twin("unicode-environ-latin1-only", "environ-query-string-raw")
class EscapesRawBytes(Gateway):
    """REQUEST_URI and RAW_URI tell the target, raw bytes in it escaped."""

    def environ(self) -> dict[str, Any]:
        environ = super().environ()
        target = quote_from_bytes(self.request.target, safe="/%?=&;+:@!$'()*,~[]")
        environ["REQUEST_URI"] = environ["RAW_URI"] = target
        return environ
