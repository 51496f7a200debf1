"""RFC 9112 sections 6.1, 6.3 and 7: a body that comes in a transfer coding, and which one.

What decides is whether chunked, and nothing that only looks like it, is the last coding named.
"""

from conformance.probing import probe, request

from ._framing import CHUNKED, HELLO, Tally, chunks, read_the_body, stage_for

CODED = chunks(HELLO)
REFUSED = "400 or 501, or the end of the connection, before the application is called"


def coding(*values):
    return [("Transfer-Encoding", value) for value in values]


def is_refused(trial):
    return not trial.calls and not trial.goes_on


def hello_or_refused(trial):
    return trial.read == HELLO or is_refused(trial)


@probe(
    "http-coding-overrides-length",
    "http-coding-with-length-closes",
    "cgi-content-length-decoded",
    facts=("http-chunked-request",),
)
def read_what_has_a_length_too(environ, start_response):
    """Where Transfer-Encoding and Content-Length stand together, the coding counts, if any."""
    return read_the_body(environ, start_response)


@read_what_has_a_length_too.client
def _(client, verify):
    rules = [
        "http-coding-overrides-length",
        "http-coding-with-length-closes",
        "cgi-content-length-decoded",
    ]
    stage = stage_for(client, verify, rules, chunked=True, fact="http-chunked-request")
    if stage is None:
        return
    overrides = Tally(verify, rules[0], f"refused, or {HELLO!r} read")
    closed = Tally(verify, rules[1], "the connection closed, and nothing behind it served")
    told = Tally(verify, rules[2], "CONTENT_LENGTH absent, or 5")
    hidden = request("GET", "/hidden")
    whole = str(len(CODED + hidden))
    cases = {
        "length of 3 first": [("Content-Length", "3"), *CHUNKED],
        "length of all last": [*CHUNKED, ("Content-Length", whole)],
        "length of the chunks": [("Content-Length", str(len(CODED))), *CHUNKED],
        "length of 0": [*CHUNKED, ("Content-Length", "0")],
        "no length at all": CHUNKED,
    }
    for what, fields in cases.items():
        trial = stage.try_out(fields, CODED + hidden, read="whole")
        if trial.calls:
            told.add(not trial.length or trial.has_length("5"), what, trial)
        if fields is not CHUNKED:
            overrides.add(trial.read in (HELLO, None), what, trial)
            closed.add(not trial.goes_on, what, trial)
    for tally in (overrides, closed, told):
        tally.claim()


# Chunked last, but in a message that says it needs decoding this server does not have.
UNKNOWN = ("gzip, chunked", "deflate, gzip, chunked", "trick, chunked")
NOT_LAST = (
    *("gzip", "xchunked", "chunkedx", "chunk", "identity", "chunked, gzip", "chunked, identity"),
    *("chunked chunked", '"chunked"', ""),
)


@probe("http-coding-not-final-refused", "http-coding-unknown-refused")
def be_called_with_another_coding(environ, start_response):
    """A request whose last coding is not chunked, or that has an unknown one, is refused."""
    return read_the_body(environ, start_response)


@be_called_with_another_coding.client
def _(client, verify):
    rules = ["http-coding-not-final-refused", "http-coding-unknown-refused"]
    stage = stage_for(client, verify, rules, chunked=True)
    if stage is None:
        return
    last = Tally(verify, rules[0], REFUSED)
    for value in NOT_LAST:
        trial = stage.try_out(coding(value), CODED, read="whole")
        last.add(not trial.calls, repr(value), trial)
    trial = stage.try_out([*coding("identity"), ("Content-Length", "5")], HELLO)
    last.add(not trial.calls, "'identity' with a length", trial)
    last.claim()
    unknown = Tally(verify, rules[1], REFUSED)
    for value in UNKNOWN:
        trial = stage.try_out(coding(value), CODED, read="whole")
        unknown.add(not trial.calls, repr(value), trial)
    unknown.claim()


@probe("http-coding-repeated-safe")
def read_what_is_chunked_twice(environ, start_response):
    """A request that names chunked twice is refused, or decoded once."""
    return read_the_body(environ, start_response)


@read_what_is_chunked_twice.client
def _(client, verify):
    rule = "http-coding-repeated-safe"
    stage = stage_for(client, verify, [rule], chunked=True)
    if stage is None:
        return
    tally = Tally(verify, rule, f"refused, or {HELLO!r} read and the next request where it is")
    for what, fields in (
        ("in one field", coding("chunked, chunked")),
        ("in two fields", coding("chunked", "chunked")),
        ("beside identity", coding("identity", "chunked")),
    ):
        trial = stage.try_out(fields, CODED, read="whole")
        tally.add(hello_or_refused(trial), what, trial)
    tally.claim()


@probe("http-coding-http10-closes")
def read_what_an_old_client_chunks(environ, start_response):
    """After a request of HTTP/1.0 with a transfer coding the connection is closed."""
    return read_the_body(environ, start_response)


@read_what_an_old_client_chunks.client
def _(client, verify):
    rule = "http-coding-http10-closes"
    stage = stage_for(client, verify, [rule], chunked=True)
    if stage is None:
        return
    tally = Tally(verify, rule, "nothing served behind the request, which is refused or not")
    alive = [("Connection", "keep-alive")]
    for what, fields in (
        ("chunked", CHUNKED),
        ("chunked with a length", [*CHUNKED, ("Content-Length", str(len(CODED)))]),
    ):
        # "nothing": reading on in what the server takes for no body would be this suite's fault.
        trial = stage.try_out(alive + fields, CODED, version="1.0", read="nothing")
        tally.add(not trial.goes_on, what, trial)
    tally.claim()


NAMES = {
    "'Chunked'": coding("Chunked"),
    "'CHUNKED'": coding("CHUNKED"),
    "blanks around it": coding(" \tchunked \t"),
    "a comma before it": coding(", chunked"),
    "a comma behind it": coding("chunked ,"),
    "a folded line": b"Transfer-Encoding:\r\n chunked\r\n",
}


@probe("http-coding-name-forms")
def read_chunked_by_another_spelling(environ, start_response):
    """The case of letters, blanks around the name and empty list members change nothing."""
    return read_the_body(environ, start_response)


@read_chunked_by_another_spelling.client
def _(client, verify):
    rule = "http-coding-name-forms"
    stage = stage_for(client, verify, [rule], chunked=True)
    if stage is None:
        return
    tally = Tally(verify, rule, f"{HELLO!r} read, or the request refused")
    for what, head in NAMES.items():
        trial = stage.try_out(head, CODED, read="whole")
        tally.add(hello_or_refused(trial), what, trial)
        if is_refused(trial):
            verify(rule).info(f"{what}: {trial}", "the same as chunked")
    tally.claim()


BLANK_TO_OTHERS = ("\x0bchunked", "chunked\x0c", "\x1cchunked", "chunked\x85", "\xa0chunked")


@probe("http-coding-exact-token", "http-coding-parameter-refused")
def be_called_with_something_like_chunked(environ, start_response):
    """Neither control characters nor options may stand beside the name of a coding."""
    return read_the_body(environ, start_response)


@be_called_with_something_like_chunked.client
def _(client, verify):
    rules = ["http-coding-exact-token", "http-coding-parameter-refused"]
    stage = stage_for(client, verify, rules, chunked=True)
    if stage is None:
        return
    exact = Tally(verify, rules[0], REFUSED)
    for value in BLANK_TO_OTHERS:
        trial = stage.try_out(coding(value), CODED, read="whole")
        exact.add(not trial.calls, repr(value), trial)
    # A NUL may be refused, or turned into a space.
    trial = stage.try_out(coding("chunked\x00"), CODED, read="whole")
    exact.add(hello_or_refused(trial), repr("chunked\x00"), trial)
    exact.claim()
    options = Tally(verify, rules[1], REFUSED)
    trial = stage.try_out(coding("chunked;a=b"), CODED, read="whole")
    options.add(not trial.calls, "'chunked;a=b'", trial)
    options.claim()
