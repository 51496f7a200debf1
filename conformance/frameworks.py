"""The same small site in many frameworks: which there are, and what each must answer.

A site is two files of ``apps/frameworks/``: ``NAME.toml`` says how its framework is installed, and
``NAME_site.py`` (with ``_`` for each hyphen of the name) exposes the WSGI application ``app``. The
suffix keeps a site from hiding the framework it imports. Every site also has a list ``CLEANED``,
to which the generator of ``/stream`` adds an item when it has ended, however that came about.

Keys of the TOML file, those marked * required:
    name*         as the file
    title*        what people call the framework
    homepage*     where to read about it
    install*      pip requirements; the first one is the framework itself
    python        versions it runs on, such as ">=3.12" or ">=3.9,<3.14"
    notes         what a reader of its results should know
    lacks         cases that the framework cannot answer as it must: case -> why

``SITE`` is the contract: each request, and what must come back whichever framework and whichever
server is asked. ``unmet`` compares an answer with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote

from conformance.paths import FRAMEWORKS
from conformance.roster import RosterError, read_table

__all__ = [
    "PREFIX",
    "SITE",
    "Case",
    "Framework",
    "choose",
    "load_framework",
    "load_frameworks",
    "needs",
    "unmet",
]

TYPES = {
    "name": "text",
    "title": "text",
    "homepage": "text",
    "install": "list of text",
    "python": "text",
    "notes": "text",
    "lacks": "table of text",
}
EXAMPLES = {
    "name": 'name = "my-framework"',
    "title": 'title = "My Framework"',
    "homepage": 'homepage = "https://my-framework.example"',
    "install": 'install = ["my-framework"]',
}
BOUND = re.compile(r"(>=|<)(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Framework:
    """One framework with its sample site; the module's docstring says what each key means."""

    name: str
    title: str
    homepage: str
    install: tuple[str, ...]
    python: str = ""
    notes: str = ""
    lacks: Mapping[str, str] = field(default_factory=dict)
    file: Path = field(default_factory=Path)

    @property
    def module(self) -> str:
        """Name of the module that exposes ``app``."""
        return self.name.replace("-", "_").replace(".", "_") + "_site"

    def refuses(self, version: str) -> str:
        """Return why it does not run on a version of Python such as "3.11.7"; "" if it does."""
        return needs(self.python, version)


def needs(bounds: str, version: str) -> str:
    """Return what is wrong with a version of Python; "" where it is within the bounds.

    Args:
        bounds: such as ">=3.9,<3.14", or "" for none.
        version: such as "3.11.7".
    """
    own = tuple(int(part) for part in version.split(".")[:2])
    for sign, major, minor in BOUND.findall(bounds):
        bound = int(major), int(minor)
        if own < bound if sign == ">=" else own >= bound:
            return f"needs Python {bounds}, and this is {version}; see --python"
    return ""


def load_framework(path: Path) -> Framework:
    """Read and check the TOML file of a site.

    Errors:
        RosterError: it cannot be read or is not TOML; a key is unknown, missing or wrong; there is
            no site beside it.
    """
    framework = Framework(**read_table(path, TYPES, EXAMPLES), file=path)
    bounds = [bound.strip() for bound in framework.python.split(",") if framework.python]
    if not all(BOUND.fullmatch(bound) for bound in bounds):
        raise RosterError(
            f'{path}: python: {framework.python!r} is not understood; write ">=3.9,<3.14"'
        )
    for name in framework.lacks:
        if name not in {case.name for case in SITE}:
            raise RosterError(f"{path}: lacks: {name!r} is no case of the site")
    if not path.with_name(f"{framework.module}.py").is_file():
        raise RosterError(f"{path}: name: no {framework.module}.py stands beside the file")
    return framework


def load_frameworks(directory: Path = FRAMEWORKS) -> dict[str, Framework]:
    """Return all frameworks of a directory by name, in the order of their names.

    Errors:
        RosterError: as ``load_framework``, or a file that is not named as its framework.
    """
    found: dict[str, Framework] = {}
    for path in sorted(directory.glob("*.toml")):
        framework = load_framework(path)
        if framework.name != path.stem:
            raise RosterError(f"{path}: name: {framework.name!r} is not the name of the file")
        found[framework.name] = framework
    return found


def choose(names: Iterable[str], known: Mapping[str, Framework]) -> list[Framework]:
    """Return the frameworks of the given names, each once; all where none is named.

    Errors:
        RosterError: an unknown name.
    """
    chosen = list(dict.fromkeys(names)) or list(known)
    for name in chosen:
        if name not in known:
            near = get_close_matches(name, known, 3)
            hint = " or ".join(near) if near else ", ".join(known)
            raise RosterError(f"{name}: no such framework; try {hint}")
    return [known[name] for name in chosen]


PREFIX = "/mounted"
"""Where a site is mounted for the cases that say so: SCRIPT_NAME."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request to a site and what must come back.

    Attributes:
        name: of the case.
        path: of the request, below the place where the site is mounted; quoted when it is sent.
        method, fields, body: of the request.
        mounted: whether the site is mounted at ``PREFIX`` instead of at the root.
        status: the codes that are right.
        media_type: of the answer without its parameters, or None where it does not matter.
        answer: the body; None where it does not matter; of JSON, the value.
        location: the path that ``Location`` must lead to, below the mounting place.
        cookies: name and value of each cookie that is set.
        cleaned: whether the generator must have come to its end once more.
    """

    name: str
    path: str
    method: str = "GET"
    fields: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    mounted: bool = False
    status: Sequence[int] = (200,)
    media_type: str | None = "text/plain"
    answer: Any = None
    location: str | None = None
    cookies: Mapping[str, str] = field(default_factory=dict)
    cleaned: bool = False

    @property
    def prefix(self) -> str:
        """Where the site is mounted."""
        return PREFIX if self.mounted else ""

    @property
    def target(self) -> str:
        """What follows the prefix in the request line."""
        return quote(self.path)


TEXT = b"Hello from a WSGI application.\n"
SOME_BYTES = bytes(range(256)) * 64
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

SITE: tuple[Case, ...] = (
    Case("text", "/text", answer=TEXT),
    Case("head", "/text", "HEAD", answer=b""),
    Case("json", "/json", media_type="application/json", answer={"ok": True, "name": "caf\u00e9"}),
    Case("stream", "/stream", answer=b"one\ntwo\nthree\n", cleaned=True),
    Case(
        "upload",
        "/upload",
        "POST",
        {"Content-Type": "application/octet-stream"},
        SOME_BYTES,
        media_type="application/octet-stream",
        answer=SOME_BYTES,
    ),
    Case(
        "download",
        "/download",
        media_type="text/csv",
        answer=(FRAMEWORKS / "squares.csv").read_bytes(),
    ),
    Case("redirect", "/redirect", status=(302, 303, 307), media_type=None, location="/text"),
    Case("cookies", "/cookies", cookies={"fruit": "apple", "colour": "red"}, answer=b"none\n"),
    Case("cookies-sent", "/cookies", fields={"Cookie": "taste=sour; fruit=plum"}, answer=b"plum\n"),
    Case("non-ascii-path", "/caf\u00e9", answer="caf\u00e9\n".encode()),
    Case("empty", "/empty", status=(204,), media_type=None, answer=b""),
    Case("missing", "/missing", status=(404,), media_type=None),
    Case("error", "/error", status=(500,), media_type=None),
    Case(
        "form",
        "/form",
        "POST",
        FORM,
        b"other=1&name=Zo%C3%AB+%26+Co&last=",
        answer="Zo\u00eb & Co\n".encode(),
    ),
    Case("mounted", "/text", mounted=True, answer=TEXT),
    Case("mounted-non-ascii-path", "/caf\u00e9", mounted=True, answer="caf\u00e9\n".encode()),
    Case(
        "mounted-redirect",
        "/redirect",
        mounted=True,
        status=(302, 303, 307),
        media_type=None,
        location="/text",
    ),
)


def unmet(case: Case, status: int | None, fields: Iterable[tuple[str, str]], body: bytes) -> str:
    """Return what an answer lacks of a case, as one line; "" where it is all that it must be.

    Args:
        status: the code, None where no answer came; fields: header fields; body: as a client
            receives it.
    """
    headers = [(name.lower(), value) for name, value in fields]
    first = dict(reversed(headers))
    if status not in case.status:
        wanted = " or ".join(str(code) for code in case.status)
        return f"expected status {wanted}, got {status}"
    media_type = first.get("content-type", "").partition(";")[0].strip().lower()
    if case.media_type not in (None, media_type):
        return f"expected media type {case.media_type}, got {first.get('content-type')!r}"
    if isinstance(case.answer, dict):
        try:
            value = json.loads(body)
        except ValueError:
            value = body
        if value != case.answer:
            return f"expected {case.answer!r:.80}, got {value!r:.80}"
    elif case.answer is not None and body != case.answer:
        return f"expected the body {case.answer!r:.80}, got {len(body)} bytes: {body!r:.80}"
    if case.location is not None:
        wanted = case.prefix + case.location
        path = re.sub(r"^[a-z]+://[^/]*", "", first.get("location", ""))
        # A relative reference leads from the redirecting page to its neighbour.
        if wanted not in (path, f"{case.prefix}/{path}"):
            return f"expected a Location of {wanted}, got {first.get('location')!r}"
    crumbs = [value.partition(";")[0].strip() for name, value in headers if name == "set-cookie"]
    for name, value in case.cookies.items():
        if not {f"{name}={value}", f'{name}="{value}"'} & set(crumbs):
            return f"expected a cookie {name}={value}, got {crumbs}"
    return ""
