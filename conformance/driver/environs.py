"""The same request told in different legal ways: how much of an environ a server gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from conformance.driver.memory import ABSENT, Request

__all__ = [
    "BROWSER",
    "HOSTILE",
    "LISTED",
    "RICH",
    "is_optional",
    "rich",
    "sparse",
    "with_fields",
]

# The five variables that PEP 3333 lists and lets a server leave out where they are empty.
LISTED = ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH")

BROWSER = [
    (b"User-Agent", b"Mozilla/5.0 (X11; Linux x86_64) wsgi-conformance"),
    (b"Accept", b"text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8"),
    (b"Accept-Language", b"en-GB,en;q=0.7,de;q=0.3"),
    (b"Cookie", b"conformance=1; theme=dark"),
    (b"X-Conformance", b"rich"),
]

RICH: Mapping[str, Any] = {
    "REMOTE_HOST": "localhost",
    "SERVER_ADMIN": "webmaster@conformance.test",
}

# Keys of extensions may be written as a server likes.
HOSTILE: Mapping[str, Any] = {
    "conformance.lower_case": "text",
    "conformance.object": object(),
    "wsgi.url_scheme": "https",
    "HTTPS": "on",
}

GUARANTEED = frozenset(
    ("REQUEST_METHOD", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "wsgi.url_scheme")
)
OPTIONAL = (
    "GATEWAY_INTERFACE",
    "SERVER_SOFTWARE",
    "REMOTE_ADDR",
    "REMOTE_HOST",
    "REMOTE_PORT",
    "SERVER_ADMIN",
    "wsgi.input_terminated",
    "wsgi.file_wrapper",
)


def with_fields(request: Request, *fields: tuple[bytes, bytes], **changes: Any) -> Request:
    """Return a copy of a request with more header fields and other changes."""
    have = {name.lower() for name, _ in request.fields}
    more = [field for field in fields if field[0].lower() not in have]
    return replace(request, fields=[*request.fields, *more], **changes)


def rich(request: Request) -> Request:
    """Return a request as a browser would make it."""
    return with_fields(request, *BROWSER)


def sparse(request: Request) -> tuple[Request, dict[str, Any]]:
    """Return a request, and the changes that leave of its environ only what has to be there."""
    bare = replace(request, version=b"1.0")
    bare.fields = [field for field in request.fields if field[0].lower() != b"host"]
    path, _, query = request.target.partition(b"?")
    changes: dict[str, Any] = dict.fromkeys(OPTIONAL, ABSENT)
    changes["HTTP_HOST"] = ABSENT
    changes["SCRIPT_NAME"] = ABSENT
    if not query:
        changes["QUERY_STRING"] = ABSENT
    if not path:
        changes["PATH_INFO"] = ABSENT
    return bare, changes


def is_optional(name: str, value: str) -> bool:
    """Whether a server may leave a variable out that it has this value for."""
    if name in GUARANTEED:
        return False
    return not value if name in LISTED else name.startswith("HTTP_") or name in OPTIONAL
