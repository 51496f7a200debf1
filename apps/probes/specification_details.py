"""PEP 3333, Specification Details: the iterable an application returns."""

from collections import deque

from conformance.probing import probe, request


def plain():
    """Return new headers: a server may change the list it is given (PEP 3333, line 815)."""
    return [("Content-Type", "text/plain")]


def delivered(claim, what, seen, body):
    """Judge that a response came whole, with this body and nothing behind it."""
    claim.true(
        seen.call and seen.succeeded and seen.response.body == body and seen.fenced is not False,
        f"{what}: a complete response of {len(body)} bytes, {body[:40]!r}",
        "{}{}".format(seen, ", and bytes behind it" if seen.fenced is False else ""),
    )


def difference(observed, expected):
    """Tell two long bodies apart in a line."""
    if observed == expected:
        return "just that"
    pairs = enumerate(zip(observed, expected))
    place = next((at for at, (one, other) in pairs if one != other), None)
    if place is None:
        place = min(len(observed), len(expected))
    here, there = observed[place : place + 20], expected[place : place + 20]
    return f"{len(observed)} bytes, from byte {place} on {here!r} instead of {there!r}"


class Iterable:
    """Can be iterated, and nothing else."""

    def __init__(self, blocks):
        self.blocks = blocks

    def __iter__(self):
        return iter(self.blocks)


class Iterator:
    """Is its own iterator, and has no length."""

    def __init__(self, blocks):
        self.blocks = list(blocks)

    def __iter__(self):
        return self

    def __next__(self):
        if not self.blocks:
            raise StopIteration
        return self.blocks.pop(0)


class Sequence:
    """The protocol that for loops knew first: an index, and IndexError at the end."""

    def __init__(self, blocks):
        self.blocks = blocks

    def __getitem__(self, index):
        return self.blocks[index]


class ApplicationClass:
    """An application that is a class: calling it makes the iterable (PEP 3333, lines 240-250)."""

    def __init__(self, environ, start_response):
        self.start_response = start_response

    def __iter__(self):
        self.start_response("200 OK", plain())
        yield b"one, "
        yield b"two"


def lazily(blocks):
    """Make a generator of blocks."""
    yield from blocks


KINDS = {
    "a list": list,
    "a tuple": tuple,
    "a deque": deque,
    "a dict view": lambda blocks: dict(enumerate(blocks)).values(),
    "a map object": lambda blocks: map(bytes, blocks),
    "a generator": lazily,
    "an object with __iter__ only": Iterable,
    "an iterator without a length": Iterator,
    "an object with __getitem__ only": Sequence,
}


@probe("iterable-any-kind-accepted")
def any_kind_of_iterable(environ, start_response):
    """Whatever a for loop takes is a response body."""
    kind = environ["conformance.inside"].parameters["kind"]
    if kind == "an application class":
        return ApplicationClass(environ, start_response)
    start_response("200 OK", plain())
    return KINDS[kind]([b"one, ", b"two"])


@any_kind_of_iterable.client
def _(client, verify):
    for kind in [*KINDS, "an application class"]:
        # Nothing in the PEP demands the oldest protocol in words.
        level = "SHOULD" if "__getitem__" in kind else "MUST"
        seen = client.exchange(kind=kind)
        delivered(verify("iterable-any-kind-accepted", level), kind, seen, b"one, two")


def start_and_end(start_response):
    """Be a generator that starts a response and yields nothing."""
    start_response("202 Accepted", [*plain(), ("X-Probe", "kept")])
    return
    yield b"never"


@probe("iterable-empty-accepted")
def no_data_at_all(environ, start_response):
    """An iterable without data is a complete response with an empty body."""
    kind = environ["conformance.inside"].parameters["kind"]
    if kind == "a generator without items":
        return start_and_end(start_response)
    start_response("202 Accepted", [*plain(), ("X-Probe", "kept")])
    if kind == "an empty list":
        return []
    return iter(()) if kind == "an exhausted iterator" else [b"", b""]


@no_data_at_all.client
def _(client, verify):
    rule = "iterable-empty-accepted"
    kinds = ("an empty list", "an exhausted iterator", "a generator without items")
    for kind in (*kinds, "a list of two empty items"):
        seen = client.exchange(kind=kind)
        delivered(verify(rule), kind, seen, b"")
        if seen.response is not None:
            head = (seen.response.status, seen.response.first("X-Probe"))
            verify(rule).true(
                head == (202, b"kept"),
                f"{kind}: status and headers of the application",
                str(head),
            )


@probe("iterable-empty-blocks-accepted")
def empty_blocks_between(environ, start_response):
    """Empty items change nothing, wherever they stand."""
    start_response("200 OK", plain())
    items = environ["conformance.inside"].parameters["items"].split("|")
    return lazily([item.encode("ascii") for item in items])


@empty_blocks_between.client
def _(client, verify):
    # Middleware that has to wait for more yields b"" meanwhile (PEP 3333, lines 1017-1024).
    for items in ("||head|||tail|", "|x||y", "x|||", "||"):
        what = "items {!r}".format([item.encode("ascii") for item in items.split("|")])
        seen = client.exchange(items=items)
        body = items.replace("|", "").encode("ascii")
        delivered(verify("iterable-empty-blocks-accepted"), what, seen, body)


def numbered():
    """Return 600 items of many lengths, each with its number, every seventh of them empty."""
    return [b"" if n % 7 == 3 else (b"<%d>" % n).ljust(5 + n * 37 % 400, b".") for n in range(600)]


@probe("iterable-sent-once-in-order")
def many_blocks(environ, start_response):
    """Every item is sent, in order and once."""
    start_response("200 OK", plain())
    kind = environ["conformance.inside"].parameters["kind"]
    return KINDS[kind](numbered())


@many_blocks.client
def _(client, verify):
    expected = b"".join(numbered())
    # A list can be walked through twice and an iterator cannot: each shows its own mistakes.
    for kind in ("a list", "a generator"):
        seen = client.exchange(kind=kind)
        verify("iterable-sent-once-in-order").true(
            seen.call and seen.answered.complete and seen.response.body == expected,
            f"{kind} of 600 items: a complete response with all {len(expected)} bytes",
            f"{seen.response}, {difference(seen.response.body, expected)}",
        )


EVERY_BYTE = bytes(bytearray(range(256))) * 64
ENDINGS = [b"a\nb\rc\r", b"\nd\n\re\x1a\x00f\r\n", b"\n\r"]
TYPES = ("text/plain", "text/plain; charset=utf-8", "text/html", "application/octet-stream")


@probe("iterable-bytes-unchanged")
def bytes_as_they_are(environ, start_response):
    """Body bytes are sent as they are, whatever they and their type look like."""
    parameters = environ["conformance.inside"].parameters
    blocks = list(ENDINGS)
    if parameters["content"] == "every byte":
        blocks = [EVERY_BYTE[start : start + 997] for start in range(0, len(EVERY_BYTE), 997)]
    write = start_response("200 OK", [("Content-Type", parameters["type"])])
    if not parameters["written"]:
        return iter(blocks)
    for block in blocks:
        write(block)
    return []


@bytes_as_they_are.client
def _(client, verify):
    # A content coding would be a change that the client had asked for.
    plain = request(headers=[("Accept-Encoding", "identity")])
    cases = [(kind, data, False) for kind in TYPES for data in ("every byte", "line endings")]
    for kind, data, written in [*cases, ("text/plain", "line endings", True)]:
        expected = EVERY_BYTE if data == "every byte" else b"".join(ENDINGS)
        seen = client.exchange(plain, type=kind, content=data, written=written)
        verify("iterable-bytes-unchanged").true(
            seen.call and seen.answered.body == expected,
            "{} as {}, {}: unchanged".format(data, kind, "written" if written else "yielded"),
            f"{seen.response}, {difference(seen.response.body, expected)}",
        )


# What ends something to C, to HTTP or to a terminal; none of it ends a body.
TERMINATORS = [b"a\0b", b"a\r\n\r\nb", b"0\r\n\r\n", b"a\nb", b"\x1a\x04", b"\0"]


@probe("iterable-bytes-unchanged")
def terminators(environ, start_response):
    """A short body that holds what elsewhere is the end of something is sent whole."""
    body = TERMINATORS[environ["conformance.inside"].parameters["number"]]
    fields = [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))]
    start_response("200 OK", fields)
    return [body]


@terminators.client
def _(client, verify):
    for number, expected in enumerate(TERMINATORS):
        # One that sends less than it announced would be waited for on a connection that stays open.
        data = request(headers=[("Connection", "close")])
        seen = client.exchange(data, number=number)
        verify("iterable-bytes-unchanged").true(
            seen.call and seen.answered.body == expected,
            f"a body of {expected!r}, whole",
            f"{seen.response}: {seen.response.body!r}",
        )


class Unmeasurable:
    """Has a ``__len__`` that always fails."""

    def __init__(self, error):
        self.error = error

    def __iter__(self):
        return iter([b"one, ", b"two"])

    def __len__(self):
        raise self.error("no length")


@probe("iterable-len-optional")
def no_length(environ, start_response):
    """An iterable whose len() fails is sent like any other."""
    kind = environ["conformance.inside"].parameters["kind"]
    start_response("200 OK", plain())
    if kind == "no __len__":
        return lazily([b"one, ", b"two"])
    errors = {"TypeError": TypeError, "AttributeError": AttributeError}
    return Unmeasurable(errors.get(kind.rpartition(" ")[2], RuntimeError))


@no_length.client
def _(client, verify):
    for kind in ("no __len__", "__len__ raises TypeError", "__len__ raises AttributeError"):
        seen = client.exchange(kind=kind)
        delivered(verify("iterable-len-optional"), kind, seen, b"one, two")
    # "If a call to len() succeeds" covers it, but no honest object does this: shown only.
    kind = "__len__ raises RuntimeError"
    claim = verify("iterable-len-optional", "undefined")
    delivered(claim, kind, client.exchange(kind=kind), b"one, two")


@probe("iterable-len-counts-items")
def length_in_items(environ, start_response):
    """len() of the iterable is a number of items, never of bytes."""
    sizes = environ["conformance.inside"].parameters["sizes"]
    start_response("200 OK", plain())
    return [b"#" * size for size in sizes]


@length_in_items.client
def _(client, verify):
    for sizes in ([1000], [500, 300, 7]):
        seen = client.exchange(sizes=sizes)
        what = f"a list of items of {sizes} bytes"
        delivered(verify("iterable-len-counts-items"), what, seen, b"#" * sum(sizes))
        announced = seen.response.first("Content-Length") if seen.response else None
        verify("iterable-len-counts-items").true(
            announced in (None, b"%d" % sum(sizes)),
            f"{what}: no Content-Length, or {sum(sizes)}",
            f"Content-Length: {announced!r}",
        )


# Special methods are looked up on the type, unrecorded; isinstance() asks for __class__.
NAMED_BY_THE_PEP = {"close", "__iter__", "__next__", "__getitem__", "__len__", "__class__"}


def looks_like_a_file(inside, file):
    """Return an iterable that could pass for a file with other contents, and records lookups."""
    steps = inside.iterable([b"what ", b"was ", b"yielded"])
    names = set()

    class LooksLikeAFile:
        filelike = file
        name = "decoy"

        def __getattribute__(self, name):
            names.add(name)
            return object.__getattribute__(self, name)

        def __iter__(self):
            return self

        def __next__(self):
            inside.note(names=sorted(names))
            return next(steps)

        def close(self):
            inside.note(names=sorted(names))
            file.close()
            steps.close()

        def fileno(self):
            return file.fileno()

        def read(self, size=-1):
            return file.read(size)

        def getvalue(self):
            return b"something else"

    return LooksLikeAFile()


@probe("iterable-foreign-attributes-unused")
def looks_like_something_else(environ, start_response):
    """What is yielded is the body, whatever else the object can do."""
    start_response("200 OK", plain())
    return looks_like_a_file(environ["conformance.inside"], open(__file__, "rb"))


@looks_like_something_else.client
def _(client, verify):
    rule = "iterable-foreign-attributes-unused"
    seen = client.exchange()
    delivered(verify(rule), "an iterable with fileno() and read()", seen, b"what was yielded")
    client.wait_closed(seen.call)
    foreign = sorted(set(seen.notes.get("names", ())) - NAMED_BY_THE_PEP)
    # "Directly use" is about what a server does with it; a mere look is less.
    verify(rule, "SHOULD").true(
        not foreign, "no attribute looked up but those the PEP names", f"looked up: {foreign}"
    )
