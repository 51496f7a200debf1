"""Scenes of a bridge: what it makes of a request and of a response in which nothing goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.driver.bridge_bench import PLAIN, Crossing, Desk, returns
from conformance.driver.memory import Request
from conformance.driver.sandwich_below import Below

__all__ = ["empty", "environ", "head", "input_stream", "kinds", "late_start", "mutation", "written"]

EVERY_BYTE = bytes(range(256)) + b"\r\n"
MANY = [b"%d," % number for number in range(600)]
FIELDS = [
    PLAIN,
    ("X-Probe", "one, two"),
    ("Set-Cookie", "first=1; Path=/"),
    ("Set-Cookie", "second=2; Path=/"),
]
BODY = b"first line\nsecond line\nthe rest, without an end of line"


def fields_of(crossing: Crossing, name: bytes) -> list[bytes]:
    """Return all values of a header, by its name in lower case."""
    return [value for each, value in crossing.seen.fields if each.lower() == name]


def head(desk: Desk) -> None:
    """Status, headers and body as given."""
    desk.scene = "status and headers"
    behave = returns([b"a, ", EVERY_BYTE, b", z"], "299 Quite alright", FIELDS)
    crossing = desk.cross(behave)
    seen = crossing.seen
    told = crossing.told()
    once = f"{crossing.below.calls} calls"
    desk.claim("app-called-once-per-request", crossing.below.calls == 1, "one call", once, crossing)
    desk.claim("status-code-as-given", seen.status == 299, "status 299", told, crossing)
    if seen.reason:
        same = seen.reason == b"Quite alright"
        reason = repr(seen.reason)
        desk.claim("status-reason-as-given", same, "reason 'Quite alright'", reason, crossing)
    probe = fields_of(crossing, b"x-probe")
    same = probe == [b"one, two"]
    desk.claim("headers-passed-through", same, "X-Probe: one, two", repr(probe), crossing)
    cookies = fields_of(crossing, b"set-cookie")
    same = cookies == [b"first=1; Path=/", b"second=2; Path=/"]
    wanted = "two Set-Cookie headers, in order"
    desk.claim("headers-duplicates-kept", same, wanted, repr(cookies), crossing)
    wanted = "all blocks, in order, each byte as it was"
    same = seen.body == b"a, " + EVERY_BYTE + b", z"
    desk.claim("iterable-sent-once-in-order", same, wanted, told, crossing)
    desk.claim("iterable-bytes-unchanged", same, wanted, told, crossing)
    sized = [PLAIN, ("Content-Length", "3")]
    crossing = desk.cross(returns([b"one", b"two"], fields=sized), "beyond the length", clean=False)
    body = crossing.seen.body
    rule, wanted = "content-length-excess-yield-dropped", "the 3 bytes announced, of 6 yielded"
    if body:
        desk.claim(rule, body == b"one", wanted, crossing.told(), crossing)
    crossing = desk.cross(returns([b"x"], fields=[PLAIN, ("X-Latin", "caf\xe9")]), "Latin-1")
    latin = fields_of(crossing, b"x-latin")
    wanted = "X-Latin with the byte E9 for a character of Latin-1"
    observed = repr(latin) if crossing.whole else crossing.told()
    rule = "unicode-headers-byte-preserving"
    desk.claim(rule, latin == [b"caf\xe9"], wanted, observed, crossing)


class ByIndex:
    """Can be iterated only by ``__getitem__``."""

    def __getitem__(self, index: int) -> bytes:
        return [b"one, ", b"two"][index]


class NoMore:
    """Can be iterated, and nothing else."""

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"one, ", b"two"])


class WrongLength(NoMore):
    """Has a len() that fails."""

    def __len__(self) -> int:
        raise TypeError("no length")


class Sized:
    """Has a len(), and starts the response only when it is iterated."""

    def __init__(self, start_response: Any) -> None:
        self.start_response = start_response

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[bytes]:
        self.start_response("200 OK", [PLAIN, ("X-Late", "1")])
        yield b"one, "
        yield b"two"


def kinds(desk: Desk) -> None:
    """Iterables of all kinds."""
    desk.scene = "kinds of iterable"
    for label, rule, make in (
        ("a list", "iterable-any-kind-accepted", lambda below: [b"one, ", b"two"]),
        ("a tuple", "iterable-any-kind-accepted", lambda below: (b"one, ", b"two")),
        ("__getitem__ alone", "iterable-any-kind-accepted", lambda below: ByIndex()),
        ("a set", "iterable-any-kind-accepted", lambda below: {b"one, two"}),
        ("no close()", "close-method-optional", lambda below: NoMore()),
        ("no len()", "iterable-len-optional", lambda below: below.blocks([b"one, ", b"two"])),
        ("len() raises", "iterable-len-optional", lambda below: WrongLength()),
    ):
        crossing = desk.cross(returns(make), label, validator=False)
        arrived = crossing.whole and crossing.seen.body == b"one, two"
        desk.claim(rule, arrived, f"{label}: body b'one, two'", crossing.told(), crossing)
    crossing = desk.cross(returns(lambda below: [*MANY]), "a list of 600 items", validator=False)
    same = crossing.whole and crossing.seen.body == b"".join(MANY)
    rule, wanted = "iterable-sent-once-in-order", "600 items, each once and in order"
    desk.claim(rule, same, wanted, f"{len(crossing.seen.body)} bytes", crossing)


def empty(desk: Desk) -> None:
    """No items, empty items, empty items among others."""
    desk.scene = "empty"
    for label, items in (("no items", []), ("empty items alone", [b"", b""])):
        crossing = desk.cross(returns(items), label)
        arrived = crossing.whole and crossing.seen.status == 200 and not crossing.seen.body
        wanted = f"{label}: a whole response with an empty body"
        desk.claim("iterable-empty-accepted", arrived, wanted, crossing.told(), crossing)
    crossing = desk.cross(returns([b"", b"one, ", b"", b"", b"two", b""]), "empty items between")
    arrived = crossing.whole and crossing.seen.body == b"one, two"
    rule = "iterable-empty-blocks-accepted"
    desk.claim(rule, arrived, "body b'one, two'", crossing.told(), crossing)


def late(items: list[bytes], before: list[bytes] | None = None) -> Any:
    """Return an application's behaviour: start_response is called within the iteration."""

    def behave(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        def lazily() -> Iterator[bytes]:
            yield from before or []
            start_response("200 OK", [PLAIN, ("X-Late", "1")])
            yield from items

        return below.blocks(lazily())

    return behave


def late_start(desk: Desk) -> None:
    """start_response is called only within the iteration."""
    desk.scene = "late start"
    sized: Any = lambda below, environ, start_response: Sized(start_response)  # noqa: E731
    for label, behave, body, level in (
        ("with a len()", sized, b"one, two", None),
        ("with data", late([b"one, ", b"two"]), b"one, two", None),
        ("without data", late([]), b"", None),
        ("with empty items", late([b""]), b"", None),
        ("after an empty item", late([b"one, two"], [b""]), b"one, two", "SHOULD"),
    ):
        crossing = desk.cross(behave, label, validator=False)
        arrived = crossing.whole and crossing.seen.body == body
        arrived = arrived and fields_of(crossing, b"x-late") == [b"1"]
        wanted = f"{label}: a whole response, with the headers given late"
        rule = "start-response-deferral-accepted"
        desk.claim(rule, arrived, wanted, crossing.told(), crossing, level)


def written(desk: Desk) -> None:
    """write(), alone and before yielded data."""
    desk.scene = "write()"

    def writes(items: list[bytes]) -> Any:
        def behave(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
            write = start_response("200 OK", [PLAIN])
            below.notes["write"] = write
            below.write(write, b"writ\0ten, ")
            below.write(write, b"again")
            return [*items]

        return behave

    crossing = desk.cross(writes([b"", b", yielded", b" more"]), "and items")
    write, body = crossing.notes.get("write"), crossing.seen.body
    rule, wanted = "start-response-returns-write", "start_response returns a write()"
    if not desk.claim(rule, callable(write), wanted, type(write).__name__, crossing):
        return  # one cause, one finding
    arrived = b"writ\0ten" in body and b"again" in body
    wanted, told = "what was written is in the body", crossing.told()
    if not desk.claim("write-accepts-one-bytestring", arrived, wanted, told, crossing):
        return
    arrived = crossing.whole and b"yielded more" in body
    wanted = "what was written, and then what was yielded"
    if desk.claim("write-then-yield-delivered", arrived, wanted, told, crossing):
        order = body == b"writ\0ten, again, yielded more"
        desk.claim("write-before-yield-order", order, wanted, told, crossing)
    crossing = desk.cross(writes([]), "no items")
    arrived = crossing.whole and crossing.seen.body == b"writ\0ten, again"
    wanted = "no items after write(): the body is what was written"
    desk.claim("write-then-empty-iterable", arrived, wanted, crossing.told(), crossing)


def mutation(desk: Desk) -> None:
    """The application empties environ."""
    desk.scene = "environ changed"

    def clears(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        environ.clear()
        start_response("200 OK", [PLAIN])
        return below.blocks([b"one, ", b"two"])

    crossing = desk.cross(clears, clean=False)
    arrived = crossing.whole and crossing.seen.body == b"one, two"
    wanted = "environ emptied: body b'one, two'"
    desk.claim("environ-mutation-tolerated", arrived, wanted, crossing.told(), crossing)


def environ(desk: Desk) -> None:
    """The variables that tell of the request."""
    desk.scene = "environ"

    def keeps(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        below.notes.update({k: v for k, v in environ.items() if isinstance(v, str)})
        start_response("200 OK", [PLAIN])
        return below.blocks([b"x"])

    target = b"/a%20b+/%C3%A9/%252Bc?q=%20%C3%A9&r"
    fields = [(b"X-Probe", b"one, two"), (b"Content-Type", b"text/x-probe; a=b")]
    request = Request(b"PROPFIND", target, fields=fields, body=b"12345")
    crossing = desk.cross(keeps, "PROPFIND", request)
    if not crossing.below.calls:
        return  # what it does not know it may refuse
    given = crossing.notes
    path = given.get("SCRIPT_NAME", "") + given.get("PATH_INFO", "")
    for rule, key, value, wanted in (
        ("environ-request-method-value", "REQUEST_METHOD", None, "PROPFIND"),
        ("environ-path-percent-decoded", "PATH_INFO", path, "/a b+/\xc3\xa9/%2Bc"),
        ("environ-query-string-raw", "QUERY_STRING", None, "q=%20%C3%A9&r"),
        ("environ-http-vars-value", "HTTP_X_PROBE", None, "one, two"),
        ("environ-content-type-value", "CONTENT_TYPE", None, "text/x-probe; a=b"),
        ("environ-content-length-value", "CONTENT_LENGTH", None, "5"),
        ("environ-url-scheme-value", "wsgi.url_scheme", None, "http"),
    ):
        found = given.get(key) if value is None else value
        if rule == "environ-content-type-value" and str(found).startswith(wanted + ";"):
            continue  # a client's helper may add a charset to a type that is text
        desk.claim(rule, found == wanted, f"{key} {wanted!r}", repr(found), crossing)


def input_stream(desk: Desk) -> None:
    """The body of the request, read by each method."""
    desk.scene = "wsgi.input"
    lines = BODY.splitlines(keepends=True)
    for label, rule, read, wanted in (
        ("read(4), on and on", "input-read-semantics", _by_fours, BODY),
        ("read()", "input-read-without-size", lambda stream: stream.read(), BODY),
        ("readline(), on and on", "input-readline-semantics", _by_lines, lines),
        ("readline(5)", "input-readline-size", lambda stream: stream.readline(5), BODY[:5]),
        ("readlines()", "input-readlines-semantics", lambda stream: stream.readlines(), lines),
        ("readlines(1000)", "input-readlines-semantics",
         lambda stream: stream.readlines(1000), lines),
        ("iteration", "input-iteration-semantics", lambda stream: [*stream], lines),
    ):  # fmt: skip
        for body in (BODY, b""):
            crossing = desk.cross(reading(read), label, Request(b"POST", body=body), clean=False)
            note = crossing.notes.get("read")
            if body:
                expected = f"{label}: {wanted!r:.90}"
                # A size, which readline() of a server need not take, may also be ignored.
                right = note == wanted or (label == "readline(5)" and note == lines[0])
                desk.claim(rule, right, expected, f"{note!r:.150}", crossing)
                continue
            end = crossing.notes.get("after")
            nothing = isinstance(note, (bytes, list)) and not b"".join(
                note if isinstance(note, list) else [note]
            )
            expected = f"{label} without a body, and read(1) after it: nothing"
            told = f"{note!r:.100}, then {end!r:.60}"
            empty_rule = "input-empty-when-exhausted"
            desk.claim(empty_rule, nothing and end == b"", expected, told, crossing)


def reading(read: Any) -> Any:
    """Return an application's behaviour: it reads the body in some way."""

    def behave(below: Below, environ: dict[str, Any], start_response: Any) -> Any:
        for name, how in (("read", read), ("after", lambda stream: stream.read(1))):
            try:
                below.notes[name] = how(environ["wsgi.input"])
            except Exception as error:
                below.notes[name] = error
                break
        start_response("200 OK", [PLAIN])
        return below.blocks([b"x"])

    return behave


def _by_fours(stream: Any) -> bytes:
    return b"".join(iter(lambda: stream.read(4), b""))


def _by_lines(stream: Any) -> list[bytes]:
    return [*iter(stream.readline, b"")]
