"""Scenes of bodies that a middleware changes: length, coding, type, and the names of headers."""

from __future__ import annotations

import gzip as gzip_module
import sys
from collections.abc import Iterator
from typing import Any

from conformance.checks import show
from conformance.driver.sandwich import Played, decoded
from conformance.driver.sandwich_below import Below
from conformance.driver.sandwich_bench import HTML, PLAIN, TEXT, Bench, is_nothing, scene
from conformance.driver.sandwich_calls import answers

__all__ = ["bodies", "case", "encoded", "replaced"]

SAFE = "middleware-transform-byte-safe"
LENGTH = "middleware-transform-fixes-length"
CODING = "middleware-transform-checks-encoding"
LATE = "middleware-transform-decided-late"
CASE = "middleware-headers-case-insensitive"
OCTETS = ("Content-Type", "application/octet-stream")
EVERY_BYTE = bytes(range(256)) * 8
TYPES = {
    "text/html": (HTML, TEXT),
    "text/plain": (PLAIN, TEXT),
    "application/json": (("Content-Type", "application/json"), b'{"a": "%s"}' % (b"text " * 400)),
}


def changed(played: Played, body: bytes) -> bool:
    """Whether the bytes that reached the server are not those of the application."""
    return played.used and played.whole and played.body != body


def written(fields: list[tuple[str, str]], data: bytes) -> Any:
    """Return an application's behaviour: half of a body is written, the other half yielded."""

    def behave(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        below.notes["body"] = data
        write = start_response("200 OK", list(fields))
        half = len(data) // 2
        below.write(write, data[:half])
        return below.blocks([data[half:]])

    return behave


@scene("bodies")
def bodies(bench: Bench) -> None:
    """Bodies of several types, yielded and written, with a length; and bytes that are no text."""
    for name, (kind, text) in TYPES.items():
        for gzip in (False, True):
            note = f"{name}{', gzip accepted' if gzip else ''}"
            fields = [kind, ("content-LENGTH", str(len(text)))]
            request = bench.request(gzip=gzip)
            played = bench.play(answers("200 OK", fields, "blocks", [text]), note, request=request)
            if changed(played, text):
                bench.changes.add(note)
            judge_items(bench, played, note in bench.changes)
            judge_length(bench, played, note in bench.changes)
            played = bench.play(written([kind], text), f"{note}, written", request=request)
            judge_items(bench, played, note in bench.changes)
    for gzip in (False, True):
        request = bench.request(gzip=gzip)
        behave = answers("200 OK", [OCTETS], "blocks", [EVERY_BYTE])
        played = bench.play(behave, "every byte", request=request)
        what = "bytes that are no text, as application/octet-stream"
        bench.fine(played, SAFE, what)
        judge_items(bench, played, bool(bench.changes))


def judge_items(bench: Bench, played: Played, changes: bool) -> None:
    """Claim that what reaches the server is bytes."""
    odd = [chunk for chunk in played.chunks if type(chunk) is not bytes]
    # Nothing, in place of b'', is another rule's affair.
    odd = [chunk for chunk in odd if not is_nothing(chunk)]
    wanted = "every block handed up, yielded or written, is bytes"
    seen = f"{type(odd[0]).__name__} {show(odd[0])}" if odd else "all are"
    bench.claim(SAFE, not odd, wanted, seen, played, exercised=changes)


def judge_length(bench: Bench, played: Played, changes: bool) -> None:
    """Claim that a Content-Length handed up is that of what is handed up."""
    lengths = played.values_of("content-length")
    if not played.whole or not changes:
        return
    right = all(value == str(len(played.body)) for value in lengths)
    wanted = "no Content-Length, or that of the body handed up"
    bench.claim(LENGTH, right, wanted, f"{lengths or 'none'} for {len(played.body)} bytes", played)


@scene("encoded bodies")
def encoded(bench: Bench) -> None:
    """A body that is already compressed, under a type that is written unusually."""
    packed = gzip_module.compress(TEXT, mtime=0)
    for name in ("text/html", "text/plain"):
        for gzip in (False, True):
            note = f"{name}{', gzip accepted' if gzip else ''}"
            if note not in bench.changes:
                continue
            kind = ("Content-Type", f"{name.title()}; charset=utf-8")
            request = bench.request(gzip=gzip)
            fields = [kind, ("Content-Encoding", "gzip")]
            played = bench.play(
                answers("200 OK", fields, "blocks", [packed]), note, request=request
            )
            if not bench.fine(played, CODING, "a compressed body", level="SHOULD"):
                continue
            if not played.used:
                continue
            text = decoded(played.body, played.values_of("content-encoding"))
            fits = text is not None and not text.startswith(packed[:2])
            whole = played.body == packed or fits
            wanted = "the compressed bytes, or what its Content-Encoding decodes"
            bench.claim(CODING, whole, wanted, f"{played.body[:30]!r}", played)


@scene("type replaced in time")
def replaced(bench: Bench) -> None:
    """A first response is text; one of another type replaces it before there was data."""
    text = [note for note in bench.changes if note.startswith("text/plain")]
    if not text:
        return

    def behave(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        def items() -> Iterator[bytes]:
            start_response("200 OK", [PLAIN])
            yield b""
            try:
                raise ValueError("trapped by the application")
            except ValueError:
                start_response("500 Oops", [OCTETS, ("X-Second", "1")], sys.exc_info())
            yield EVERY_BYTE

        return below.blocks(items())

    gzip = "text/plain" not in bench.changes
    request = bench.request(gzip=gzip)
    plain = bench.play(answers("200 OK", [OCTETS], "late", [EVERY_BYTE]), "", request=request)
    if changed(plain, EVERY_BYTE) or not (plain.used and plain.whole):
        return  # it changes this type too
    played = bench.play(behave, "", request=request)
    kept = played.body == EVERY_BYTE and played.values_of("x-second") == ["1"]
    wanted = "the data unchanged, with the headers of the second call"
    seen = f"{played.outcome()}, beginning {played.body[:20]!r}, {played.headers}"
    bench.claim(LATE, kept, wanted, seen, played)


RICH = [
    HTML,
    ("Content-Length", str(len(TEXT))),
    ("Cache-Control", "max-age=60"),
    ("ETag", '"tag"'),
    ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("Vary", "Cookie"),
    ("Set-Cookie", "name=value"),
    ("Server", "probe"),
    ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("X-Frame-Options", "DENY"),
    ("X-Content-Type-Options", "nosniff"),
    ("Strict-Transport-Security", "max-age=60"),
    ("Content-Security-Policy", "default-src 'self'"),
    ("Access-Control-Allow-Origin", "*"),
    ("Location", "/elsewhere"),
]


@scene("case of names")
def case(bench: Bench) -> None:
    """The same headers in lower case, in upper case, and in lower case again."""
    packed = gzip_module.compress(TEXT, mtime=0)
    plain = (RICH, TEXT, "")
    encoded = ([HTML, ("Content-Encoding", "gzip")], packed, "compressed")
    for fields, body, label in (plain, encoded):
        for gzip in (False, True):
            tried = []
            for change in (str.lower, str.upper, str.lower):
                named = [(change(name), value) for name, value in fields]
                behave = answers("200 OK", named, "blocks", [body])
                request = bench.request(gzip=gzip)
                tried.append(bench.play(behave, f"{label} {named[0][0]}", request=request))
            judge_case(bench, tried)


def judge_case(bench: Bench, tried: list[Played]) -> None:
    """Compare the first with the second, less in what it differs from the third."""
    lower, upper, again = tried
    if not all(played.below.calls and played.whole for played in tried):
        return
    before, other, control = (sorted(played.headers, key=repr) for played in tried)
    volatile = {name for name, value in before if (name, value) not in control}
    volatile |= {name for name, value in control if (name, value) not in before}
    differs = [item for item in [*before, *other] if before.count(item) != other.count(item)]
    differs = [item for item in differs if item[0] not in volatile]
    bodies_differ = lower.body == again.body and lower.body != upper.body
    same = not differs and not bodies_differ and lower.status == upper.status
    wanted = "the same response whether header names are in lower or upper case"
    seen = f"differs in {differs or 'its body or status'}" if not same else "the same"
    # One that passes on what it is given looks at no header.
    bench.claim(CASE, same, wanted, seen, upper, exercised=lower.own_start)
