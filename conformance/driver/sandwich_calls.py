"""Scenes of the call itself: environ, streams, ordinary responses, routes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from conformance.driver.memory import ABSENT, Request
from conformance.driver.sandwich import Played, listed
from conformance.driver.sandwich_below import Below
from conformance.driver.sandwich_bench import ANY, HTML, LATE, PLAIN, STRINGS, TEXT, Bench, scene

__all__ = ["answers", "body", "ordinary", "router", "sparse"]

HALVES = [TEXT[:700], TEXT[700:]]
BODY = b"first line\nsecond line\nthe rest, without an end of line"


def answers(status: str, fields: list[tuple[str, str]], kind: str, items: list[bytes]) -> Any:
    """Return an application's behaviour: one response, and the kind of iterable it is in."""

    def behave(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        below.notes["body"] = b"".join(items)

        def lazily() -> Iterator[bytes]:
            start_response(status, list(fields))
            yield from items

        if kind == "late":
            return below.blocks(lazily())
        start_response(status, list(fields))
        if kind == "file":
            file = Closing(below, b"".join(items))
            wrapper = environ.get("wsgi.file_wrapper")
            return wrapper(file) if wrapper else below.blocks(iter(lambda: file.read(512), b""))
        if kind == "blocks":
            return below.blocks(items)
        return {"list": list, "tuple": tuple, "plain iterable": Plain}[kind](items)

    return behave


class Plain:
    """An iterable, of which nothing but iteration is known: no len(), no close()."""

    def __init__(self, items: list[bytes]) -> None:
        self.items = items

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.items)


class Closing(io.BytesIO):
    """A file that counts its close()."""

    def __init__(self, below: Below, data: bytes) -> None:
        super().__init__(data)
        self.below = below
        below.iterables.append(self)

    def close(self) -> None:
        """Count and stay open."""
        self.below.closes += 1


@scene("ordinary responses")
def ordinary(bench: Bench) -> None:
    """What every application does; nothing here is unusual."""
    sized = [HTML, ("Content-Length", str(len(TEXT)))]
    page = answers("200 OK", sized, "list", HALVES)
    iterator = answers("200 OK", sized, "blocks", HALVES)
    bench.plain = played = bench.play(page, "a list")
    if played.error is not None:
        bench.plain = bench.play(iterator, "an iterator")
        if bench.plain.error is not None:
            return
        bench.fine(played, what="a list")
    judge_call(bench, played)
    extensions(bench, played)
    for label, behave in (
        ("a generator", answers("200 OK", [HTML], "late", HALVES)),
        ("an iterator", iterator),
        (
            "an iterable without close() or len()",
            answers("200 OK", [HTML], "plain iterable", HALVES),
        ),
        ("a tuple", answers("200 OK", [PLAIN], "tuple", HALVES)),
        ("no items", answers("200 OK", [PLAIN], "list", [])),
        ("no items, and a late start", answers("200 OK", [PLAIN], "late", [])),
        ("empty items alone", answers("200 OK", [PLAIN], "list", [b"", b""])),
        ("the server's file wrapper", answers("200 OK", [PLAIN], "file", HALVES)),
        ("304", answers("304 Not Modified", [("ETag", '"1"')], "list", [])),
        ("204", answers("204 No Content", [], "blocks", [])),
        ("404", answers("404 Not Found", [HTML], "list", HALVES)),
        ("500", answers("500 Oops", [HTML], "list", HALVES)),
    ):
        for gzip in (False, True):
            played = bench.play(behave, label, request=bench.request(gzip=gzip))
            late = label in ("a generator", "no items, and a late start")
            rule = "middleware-accepts-deferred-start" if late else ANY
            bench.fine(played, rule, LATE if late else label)
    head = answers("200 OK", sized, "list", [])
    bench.fine(bench.play(head, "HEAD", request=bench.request(b"HEAD")), what="HEAD")


def judge_call(bench: Bench, played: Played) -> None:
    """Note what was put to the test by a first plain request."""
    if played.below.calls:
        legal = "what the middleware passes on is legal"
        bench.claim("middleware-calls-positionally", True, legal, "by position", played)
        bench.claim("middleware-environ-builtin-dict", True, legal, "an exact dict", played)
    if played.upper_starts:
        legal = "what the middleware hands up is legal"
        seen = f"{played.status}, {len(played.headers)} headers"
        for rule in (
            ANY,
            "middleware-response-well-formed",
            "middleware-hop-headers-not-sent",
            "middleware-hop-features-not-used",
            "middleware-persistence-headers-not-sent",
        ):
            bench.claim(rule, True, legal, seen, played)
    upper, lower = played.upper_environ, played.lower_environ
    strings = [key for key, value in lower.items() if upper.get(key) is not value]
    starts = played.below.starts
    headers = bool(starts) and len(listed(starts[-1].headers)) != len(played.headers)
    if played.below.calls and (strings or headers):
        seen = "headers and keys of its own" if headers and strings else f"own: {strings[:5]}"
        bench.claim(STRINGS, True, "what it adds is of native strings", seen, played)


def extensions(bench: Bench, played: Played) -> None:
    """List what the middleware adds to environ, and what else it could do."""
    upper, lower = played.upper_environ, played.lower_environ
    added = {
        str(key): type(value).__name__
        for key, value in lower.items()
        if key not in upper and not callable(value) and not isinstance(value, str)
    }
    rule = "middleware-extensions-are-functions"
    if added:
        shown = ", ".join(f"{key} ({kind})" for key, kind in sorted(added.items()))
        expected = "functions of environ, rather than values made for every request"
        bench.advise(rule, expected, shown, played)
    elif any(key not in upper and callable(value) for key, value in lower.items()):
        bench.claim(rule, True, "functions of environ", "its new keys are", played)


@scene("sparse environ")
def sparse(bench: Bench) -> None:
    """Every variable that may be absent is."""
    names = ("SCRIPT_NAME", "QUERY_STRING", "wsgi.file_wrapper", "REMOTE_ADDR", "REMOTE_PORT")
    changes = dict.fromkeys((*names, "SERVER_SOFTWARE", "wsgi.input_terminated"), ABSENT)
    played = bench.play(answers("200 OK", [HTML], "list", HALVES), "", changes=changes)
    bench.fine(played, what="an environ without what may be absent", level="SHOULD")


@scene("request body")
def body(bench: Bench) -> None:
    """An application reads the request body by each method, and writes to the error stream."""
    readers = {
        "read()": lambda stream: stream.read(),
        "read(n)": lambda stream: b"".join(iter(lambda: stream.read(4), b"")),
        "readline()": lambda stream: b"".join(iter(stream.readline, b"")),
        "readlines()": lambda stream: b"".join(stream.readlines()),
        "iteration": b"".join,
    }
    results: dict[str, Any] = {}
    replaced: set[str] = set()
    played = None
    for name, read in readers.items():

        def behave(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
            stream, errors = environ["wsgi.input"], environ["wsgi.errors"]
            below.notes["streams"] = (stream, errors)
            try:
                below.notes["read"] = read(stream)  # noqa: B023
            except Exception as error:
                below.notes["read"] = error
            start_response("200 OK", [PLAIN])
            return [b"read"]

        request = bench.request(b"POST", [(b"Content-Type", b"text/plain")], BODY)
        played = bench.play(behave, f"by {name}", request=request, validators=False)
        if "streams" not in played.below.notes:
            continue
        results[name] = played.below.notes["read"]
        for key, mine in zip(("input", "errors"), played.below.notes["streams"], strict=True):
            if mine is not played.upper_environ[f"wsgi.{key}"]:
                replaced.add(key)
    rule = "middleware-replaced-streams-complete"
    if played is None or not replaced or "streams" not in played.below.notes:
        return
    expected = {
        "input": ("read", "readline", "readlines", "__iter__"),
        "errors": ("flush", "write", "writelines"),
    }
    for key, stream in zip(("input", "errors"), played.below.notes["streams"], strict=True):
        missing = [
            name
            for name in expected[key]
            if not callable(getattr(type(stream) if name == "__iter__" else stream, name, None))
        ]
        if key in replaced:
            methods = f"wsgi.{key}, replaced, has {', '.join(expected[key])}"
            seen = f"{type(stream).__name__} lacks {missing}" if missing else "all there"
            bench.claim(rule, not missing, methods, seen, played)
            if key == "input" and not missing:
                compare(bench, results, played)


def compare(bench: Bench, results: dict[str, Any], played: Played) -> None:
    """Claim that a replaced input gives the same body by each method."""
    rule = "middleware-replaced-streams-complete"
    for name, result in results.items():
        # A server, too, had better take it without a size, and need not.
        level = "SHOULD" if name == "read()" else None
        if isinstance(result, Exception):
            wanted = f"wsgi.input, replaced, can be read by {name}"
            bench.claim(rule, False, wanted, f"{result!r:.120}", played, level)
    bodies = {name: result for name, result in results.items() if isinstance(result, bytes)}
    wanted = "wsgi.input, replaced, gives the same body by each method"
    bench.claim(rule, len({*bodies.values()}) == 1, wanted, f"{bodies!r:.200}", played)


@scene("prefix router")
def router(bench: Bench) -> None:
    """A request for a URL below the declared prefix."""
    if not bench.prefix:
        return
    prefix = bench.prefix
    for outer in ("", "/mount"):
        request = Request(target=prefix.encode() + b"/page?x=1")
        behave = answers("200 OK", [PLAIN], "list", HALVES)
        played = bench.play(behave, "", request=request, changes={"SCRIPT_NAME": outer})
        if not played.below.calls:
            wanted = f"the application under {prefix} is called"
            seen = f"not called for {prefix}/page; {played.outcome()}"
            bench.advise("middleware-router-shifts-path", wanted, seen, played)
            return
        lower = played.lower_environ
        script, path = lower.get("SCRIPT_NAME", ""), lower.get("PATH_INFO", "")
        bench.claim(
            "middleware-router-shifts-path",
            (script, path) == (outer + prefix, "/page"),
            f"SCRIPT_NAME {outer + prefix!r} and PATH_INFO '/page'",
            f"{script!r} and {path!r}",
            played,
        )
