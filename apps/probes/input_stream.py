"""PEP 3333, Input and Error Streams: wsgi.input, read inside the body."""

from conformance.probing import probe, request

from ._input import LINES, digest, finish, read_pieces

# Longer than any server's buffer, and no multiple of one.
LONG_LINE = b"0123456789abcdef" * 20000 + b"end\n"
# More lines than a server keeps at a time, and a last one that nothing ends.
MANY_LINES = [b"%04d\n" % number for number in range(5000)] + [b"final"]
# Whatever a text stream would translate: line ends of every kind, all byte values, broken UTF-8.
EVERY_BYTE = (
    bytes(range(256)) + b"\r\n\n\r\r\n\n\n\r\x1a" + b"\xc3\x28\xf0\x9f\x98\xed\xa0\x80\xff\xfe"
)


# Client side


def is_raised(value):
    return type(value).__name__ == "Raised"


def works(claim, value, call):
    """Claim that a call of a method did not raise."""
    return claim.true(not is_raised(value), call + " to work", value)


@probe("input-read-supported", "input-read-semantics")
def read_in_pieces(environ, start_response):
    """read(size) returns at most size bytes, and none only at the end."""
    inside, stream = environ["conformance.inside"], environ["wsgi.input"]
    inside.attempt("none", lambda: stream.read(0))
    inside.attempt("pieces", read_pieces, stream, 10, 8)
    return finish(start_response)


@read_in_pieces.client
def _(client, verify):
    data = request("POST", body=b"0123456789")
    conversation = client.open()
    conversation.send(data[:-6])
    conversation.send(data[-6:])
    seen = conversation.exchange(conversation.response("POST"))
    conversation.wait_calls(1)
    conversation.close()
    pieces = seen.notes["pieces"]
    if not works(verify("input-read-supported"), pieces, "read(8) inside the body"):
        verify("input-read-semantics").unsupported(pieces, "read(size) works")
        return
    verify("input-read-semantics").true(
        all(0 < len(piece) <= 8 for piece in pieces) and b"".join(pieces) == b"0123456789",
        "b'0123456789' in pieces of 1 to 8 bytes, none empty",
        pieces,
    )
    verify("input-read-semantics").true(
        seen.notes["none"] == b"", "read(0) gives b''", seen.notes["none"]
    )


@probe("input-readline-supported", "input-readline-semantics")
def readline_by_readline(environ, start_response):
    """readline() returns one line with its newline; LF alone ends one, at any length."""
    inside, stream = environ["conformance.inside"], environ["wsgi.input"]
    if inside.parameters["way"] == "long":
        inside.attempt("long", lambda: digest(stream.readline()))
    else:
        inside.attempt("lines", lambda: [stream.readline() for _ in LINES])
    return finish(start_response)


@readline_by_readline.client
def _(client, verify):
    seen = client.exchange(request("POST", body=b"".join(LINES)), way="lines")
    lines = seen.notes["lines"]
    if not works(verify("input-readline-supported"), lines, "readline() inside the body"):
        verify("input-readline-semantics").unsupported(lines, "readline() works")
        return
    verify("input-readline-semantics").equal(lines, LINES)
    seen = client.exchange(request("POST", body=LONG_LINE + b"next\n"), way="long")
    long_line = seen.notes["long"]
    verify("input-readline-semantics").true(
        long_line == digest(LONG_LINE),
        f"all {len(LONG_LINE)} bytes of a long line",
        f"{long_line[0]} bytes" if isinstance(long_line, tuple) else long_line,
    )


@probe("input-readline-semantics")
def readline_over_many_lines(environ, start_response):
    """readline() gives each line of a long body once, and of the last one nothing beyond it."""
    inside, stream = environ["conformance.inside"], environ["wsgi.input"]
    inside.attempt("wrong", first_wrong_line, stream)
    inside.gate("before the last line")
    inside.attempt("last", stream.readline)
    return finish(start_response)


def first_wrong_line(stream):
    """Read all lines but the last; return number and text of one that is not as sent, or None."""
    for number, line in enumerate(MANY_LINES[:-1]):
        given = stream.readline()
        if given != line:
            return (number, given[:80])
    return None


@readline_over_many_lines.client
def _(client, verify):
    conversation = client.open()
    conversation.send(request("POST", body=b"".join(MANY_LINES)))
    if conversation.wait_gate("before the last line"):
        conversation.open_gate("before the last line")
    # A server need not end the input where the body ends: then the end of the connection does.
    conversation.half_close()
    conversation.wait_calls()
    notes = conversation.exchange(None).notes
    conversation.close()
    claim = verify("input-readline-semantics")
    wrong = notes["wrong"]
    whole = f"{len(MANY_LINES) - 1} lines of five bytes, one by one"
    claim.true(wrong is None, whole, "all of them" if wrong is None else wrong)
    if wrong is None:
        claim.equal(notes["last"], MANY_LINES[-1])


@probe("input-readline-size")
def readline_with_size(environ, start_response):
    """readline(size) returns at most size bytes of a line."""
    inside, stream = environ["conformance.inside"], environ["wsgi.input"]
    inside.attempt("lines", lambda: [stream.readline(3), stream.readline(10)])
    return finish(start_response)


@readline_with_size.client
def _(client, verify):
    # A server that ignores the size finds a second line to read, and does not block.
    seen = client.exchange(request("POST", body=b"abcdef\ngh\n"))
    lines = seen.notes["lines"]
    if lines == [b"abcdef\n", b"gh\n"]:
        verify("input-readline-size").info("the size is accepted and ignored", "b'abc', b'def\\n'")
    else:
        verify("input-readline-size").equal(lines, [b"abc", b"def\n"])


@probe("input-bytes-unchanged")
def read_every_byte(environ, start_response):
    """The body arrives byte for byte."""
    inside, stream = environ["conformance.inside"], environ["wsgi.input"]
    inside.attempt("pieces", read_pieces, stream, len(EVERY_BYTE), 100)
    return finish(start_response)


@read_every_byte.client
def _(client, verify):
    fields = [("Content-Type", "text/plain; charset=utf-16")]
    seen = client.exchange(request("POST", headers=fields, body=EVERY_BYTE))
    pieces = seen.notes["pieces"]
    if is_raised(pieces):
        verify("input-bytes-unchanged").unsupported(pieces, "read(size) works")
    else:
        read = b"".join(pieces)
        verify("input-bytes-unchanged").true(read == EVERY_BYTE, repr(EVERY_BYTE), read)
