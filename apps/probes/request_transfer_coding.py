"""PEP 3333, Other HTTP Features: request bodies that come in chunks.

A server may decode them as a stream, or take them in and set CONTENT_LENGTH; it may also refuse
them (400, 411, 501, or a closed connection), and one that speaks only HTTP/1.0 need not know them.
"""

import hashlib
import itertools

from conformance.probing import probe, request

SMALL = b"hello"
# Longer than a socket gives at once, with lines in it, and chunks that end in the middle of them.
LARGE = b"0123456789abcde\n" * 4376
CHUNKED = [("Transfer-Encoding", "chunked")]
REFUSALS = (400, 411, 413, 501)


def finish(start_response):
    start_response("200 OK", [("Content-Length", "0")])
    return []


def digest(data):
    return (len(data), hashlib.sha256(data).hexdigest())


def read_at_most(stream, total):
    """Read so many bytes and never one beyond, so that nothing can block behind them."""
    pieces = []
    rest = total
    while rest > 0:
        pieces.append(stream.read(rest))
        if not pieces[-1]:
            break
        rest -= len(pieces[-1])
    return b"".join(pieces)


def read_to_the_end(stream):
    pieces = []
    while not pieces or pieces[-1]:
        pieces.append(stream.read(1000))
    return b"".join(pieces[:-1])


# Client side


def chunks(parts, extension=b"", trailer=b""):
    """Return parts in the chunked coding (RFC 9112 section 7.1)."""
    coded = [b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts]
    return b"".join(coded) + b"0\r\n" + trailer + b"\r\n"


def is_raised(value):
    return type(value).__name__ == "Raised"


def is_refused(seen, *claims):
    """Whether the server refused the request as it may, before the application saw it."""
    response = seen.response
    refused = not seen.calls and (response is None or response.status in REFUSALS)
    for claim in claims:
        if refused:
            claim.unsupported(str(seen), "a chunked request to be taken")
    return refused


def small_body(client):
    """Send a small chunked body; return the exchange and what of it the application read."""
    conversation = client.open(kind="small")
    conversation.send(request("POST", headers=CHUNKED, body=chunks([SMALL])))
    blocked = not conversation.settled(
        lambda: conversation.ended or any(call.settled for call in conversation.calls), 2.0
    )
    blocked = blocked and bool(conversation.calls)
    if blocked:
        conversation.half_close()
    seen = conversation.exchange(conversation.response("POST"))
    conversation.settled(lambda: all(call.settled for call in conversation.calls))
    conversation.close()
    seen.calls = conversation.calls
    return seen, blocked


def judge_small(verify, rule, seen, blocked):
    """Judge the small body; return whether it arrived decoded."""
    response = seen.response
    old = response is not None and response.version == "1.0"
    expected = f"the application to read {SMALL!r}"
    read = seen.notes["read"]
    if read == SMALL:
        return verify(rule).true(True, expected, read)
    if old:
        verify(rule).info(f"{read!r}, on a server of HTTP/1.0", expected)
    elif blocked or read == b"":
        # Left out, not passed on raw.
        verify(rule, "SHOULD").true(False, expected, "the read blocked" if blocked else read)
    else:
        verify(rule).true(False, expected, read)
    return False


@probe("http-transfer-coding-decoded")
def read_small_chunked_body(environ, start_response):
    """The application reads the content of a chunked body, not its chunks."""
    inside, stream = environ["conformance.inside"], environ["wsgi.input"]
    inside.attempt("read", read_at_most, stream, len(SMALL))
    return finish(start_response)


@read_small_chunked_body.client
def _(client, verify):
    rule = "http-transfer-coding-decoded"
    seen, blocked = small_body(client)
    if not is_refused(seen, verify(rule)):
        judge_small(verify, rule, seen, blocked)


@probe("http-chunked-request-decoded")
def read_large_chunked_body(environ, start_response):
    """Chunks of all sizes, extensions and trailers decode to the body, which ends where it ends."""
    inside, stream = environ["conformance.inside"], environ["wsgi.input"]
    kind = inside.parameters["kind"]
    if kind == "small":
        inside.attempt("read", read_at_most, stream, len(SMALL))
    elif kind != "unread":
        inside.attempt("read", lambda: digest(read_to_the_end(stream)))
    return finish(start_response)


@read_large_chunked_body.client
def _(client, verify):
    rule = "http-chunked-request-decoded"
    seen, blocked = small_body(client)
    if is_refused(seen, verify(rule)) or not judge_small(verify, rule, seen, blocked):
        return
    level = level_of(seen)
    for what, parts in VARIANTS.items():
        judge_large(client, verify, (what, "read(1000)"), chunks(PARTS, **parts), level)
    inner = chunks([request("GET", "/inside-the-body") * 3])
    seen = client.exchange(request("POST", headers=CHUNKED, body=inner), kind="unread")
    verify(rule, level).true(
        len(seen.calls) == 1,
        "an unread body not taken for requests: 1 call of the application",
        f"{len(seen.calls)} calls",
    )


PARTS = (LARGE[:1], LARGE[1:17], LARGE[17:])
VARIANTS = {
    "chunks": {},
    "chunks with extensions": {"extension": b";name=value"},
    "chunks and a trailer": {"trailer": b"X-Trailer: yes\r\n"},
}


def level_of(seen):
    """Return the level at which to judge a server that decodes: HTTP/1.0 alone owes nothing."""
    return "undefined" if seen.answered.version == "1.0" else "MUST"


def weaker(level):
    return "SHOULD" if level == "MUST" else level


def judge_large(client, verify, case, coded, level):
    """Judge that a large body arrives whole and ends, and that the connection goes on behind it."""
    rule = "http-chunked-request-decoded"
    what, way = case
    expected = f"all {len(LARGE)} bytes, then the end: {what}, {way}"
    conversation = client.open(kind=way)
    conversation.send(request("POST", headers=CHUNKED, body=coded))

    def is_over():
        return conversation.ended or any(call.settled for call in conversation.calls)

    if not conversation.settled(is_over):
        # The end of a body is for those to simulate who should.
        verify(rule, weaker(level)).true(False, expected, "it blocked")
        conversation.half_close()
        conversation.wait(is_over, "the read to return when the client has shut its side", 1.0)
    seen = conversation.exchange(conversation.response("POST"))
    if is_refused(seen):
        # Without the extra, it was taken: a refusal of extensions or trailers is a clean one.
        verify(rule).info(str(seen), expected)
        return
    conversation.wait_calls(1)
    seen.calls = conversation.calls
    read = seen.notes["read"]
    # An exception is no decoding, yet no wrong data either.
    claim = verify(rule, weaker(level) if is_raised(read) else level)
    claim.true(read == digest(LARGE), expected, read)
    if seen.succeeded and seen.response.keeps_open and not conversation.ended:
        verify(rule, level).true(
            conversation.fence() is not False,
            "the next request answered as its own, behind " + what,
            bytes(conversation.received[seen.response.end :]),
        )
    conversation.close()


@probe("http-chunked-request-decoded", "input-iteration-semantics")
def iterate_over_chunked_lines(environ, start_response):
    """Iteration gives whole lines, also those that begin in one chunk and end in another."""
    inside, stream = environ["conformance.inside"], environ["wsgi.input"]
    kind = inside.parameters["kind"]
    if kind == "small":
        inside.attempt("read", read_at_most, stream, len(SMALL))
    elif kind == "first":
        inside.attempt("read", lambda: list(itertools.islice(stream, 1)))
    else:
        inside.attempt("read", lambda: digest(b"".join(stream)))
    return finish(start_response)


@iterate_over_chunked_lines.client
def _(client, verify):
    rules = ("http-chunked-request-decoded", "input-iteration-semantics")
    level = level_of_lines(client, verify, *rules)
    if level is None:
        return
    lines = lines_of_large(client, kind="first")
    if is_raised(lines) and lines.kind != "OSError":
        for rule in rules:  # that it works at all is input-iteration-supported
            verify(rule).unsupported(lines, "iteration works")
        return
    verify(rules[1], level).equal(lines, [LARGE[:16]])
    judge_large(client, verify, ("chunks", "iteration"), chunks(PARTS), level)


@probe("input-readline-semantics")
def readline_of_chunked_body(environ, start_response):
    """readline() gives whole lines, also those that begin in one chunk and end in another."""
    inside, stream = environ["conformance.inside"], environ["wsgi.input"]
    if inside.parameters["kind"] == "small":
        inside.attempt("read", read_at_most, stream, len(SMALL))
    else:
        inside.attempt("read", lambda: [stream.readline(), stream.readline()])
    return finish(start_response)


@readline_of_chunked_body.client
def _(client, verify):
    rule = "input-readline-semantics"
    level = level_of_lines(client, verify, rule)
    if level is None:
        return
    lines = lines_of_large(client, kind="lines")
    if is_raised(lines) and lines.kind != "OSError":
        verify(rule).unsupported(lines, "readline() works")
    else:
        verify(rule, level).equal(lines, [LARGE[:16]] * 2)


def level_of_lines(client, verify, *rules):
    """Return the level to judge lines at, or None where there is no decoded body to read."""
    seen, _ = small_body(client)
    if is_refused(seen, *[verify(rule) for rule in rules]):
        return None
    if seen.notes["read"] != SMALL:
        for rule in rules:
            verify(rule).unsupported(seen.notes["read"], "a chunked body to be decoded")
        return None
    return level_of(seen)


def lines_of_large(client, **parameters):
    """Send the large body; return the lines that the application read first."""
    conversation = client.open(**parameters)
    conversation.send(request("POST", headers=CHUNKED, body=chunks(PARTS)))
    conversation.wait(
        lambda: conversation.ended or any(call.settled for call in conversation.calls),
        "the first lines of a chunked body",
    )
    seen = conversation.exchange(conversation.response("POST"))
    conversation.wait_calls(1)
    seen.calls = conversation.calls
    conversation.close()
    return seen.notes["read"]
