"""RFC 9110 section 8.6 and RFC 9112 section 6.3: a body whose length is given, or which is not.

Content-Length is decimal digits and nothing else. With any other value the end of the message
cannot be known, and whoever guesses it may guess what the next in line does not.
"""

from conformance.probing import probe, request

from ._framing import HELLO, PATIENCE, Tally, closes, finish, is_control, read_the_body, stage_for

REFUSED = "400, or the end of the connection, before the application is called"


def length(value):
    return [("Content-Length", value)]


def is_hello(trial):
    return trial.read == HELLO


@probe("http-length-decimal")
def read_by_a_valid_length(environ, start_response):
    """Zeros in front of a length, and blanks around it, change nothing."""
    return read_the_body(environ, start_response)


@read_by_a_valid_length.client
def _(client, verify):
    stage = stage_for(client, verify, ["http-length-decimal"])
    if stage is None:
        return
    tally = Tally(verify, "http-length-decimal", f"{HELLO!r}, and the request behind for itself")
    # Octal 0010 is 8, so a body of 10 tells; blanks may be refused by the over-careful.
    for value, body in (("005", HELLO), ("0010", HELLO * 2), ("  5", HELLO), ("\t5 \t", HELLO)):
        trial = stage.try_out(length(value), body)
        refused = not trial.calls and not trial.goes_on
        good = trial.read == body and trial.has_length("5", "10")
        tally.add(good or refused, repr(value), trial)
        if refused:
            verify("http-length-decimal").info(f"{value!r} is {trial}", "a decimal number")
    tally.claim()


# What int(), strtol() and a pattern that is not anchored take for a number; and what is none.
INVALID = (
    *("five", "", "+5", "-5", "-0", "0x5", "0_5", "5 5", "5Z", "5;", "5.0", "1e1"),
    # Characters that Python takes for blanks or digits, and HTTP does not.
    *("5\x0c", "\xa05", "\xb2"),
)


@probe("http-length-invalid-refused", "http-framing-error-closes")
def be_called_with_an_invalid_length(environ, start_response):
    """A request whose Content-Length is no number does not reach the application."""
    return read_the_body(environ, start_response)


@be_called_with_an_invalid_length.client
def _(client, verify):
    rules = ["http-length-invalid-refused", "http-framing-error-closes"]
    stage = stage_for(client, verify, rules)
    if stage is None:
        return
    refused = Tally(verify, rules[0], REFUSED)
    closed = Tally(verify, rules[1], "nothing behind a refused request taken for one")
    for value in INVALID:
        trial = stage.try_out(length(value), HELLO)
        refused.add(not trial.calls, repr(value), trial)
        closes(closed, repr(value), trial)
    refused.claim()
    closed.claim()


# Each is 5 where it is kept in so many bits.
HUGE = {str(2**32 + 5): "2**32+5", str(2**64 + 5): "2**64+5", "1" + "0" * 38 + "5": "10**39+5"}


@probe("http-length-overflow-safe", facts=("http-huge-content-length",))
def be_called_with_a_huge_length(environ, start_response):
    """A length that no integer of 32 or 64 bits holds is not taken for a small one."""
    return read_the_body(environ, start_response)


@be_called_with_a_huge_length.client
def _(client, verify):
    rule = "http-length-overflow-safe"
    stage = stage_for(client, verify, [rule])
    if stage is None:
        return
    tally = Tally(verify, rule, "refused, or a body that goes on beyond its first 5 bytes")
    for value, what in HUGE.items():
        trial = stage.try_out(length(value), HELLO, cut=True)
        told = trial.length is None or trial.has_length(value)
        tally.add(told and not trial.goes_on and not is_hello(trial), what, trial)
        verify.fact("http-huge-content-length", f"{what}: {trial}")
    tally.claim()


LISTS = {
    "'5, 6'": length("5, 6"),
    "'6, 5'": length("6, 5"),
    "'5, 5, 6'": length("5, 5, 6"),
    "'5, x'": length("5, x"),
    "5 and then 6": length("5") + length("6"),
    "6 and then 5": length("6") + length("5"),
    "'' and then 5": length("") + length("5"),
}
SAME = {
    "'5, 5'": length("5, 5"),
    "5 and then 5": length("5") + length("5"),
    "5 and then '5,5'": length("5") + length("5,5"),
}


@probe("http-length-differing-refused", "http-length-repeated-same")
def be_called_with_several_lengths(environ, start_response):
    """Lengths that differ are refused; one that is repeated is refused, or counts once."""
    return read_the_body(environ, start_response)


@be_called_with_several_lengths.client
def _(client, verify):
    rules = ["http-length-differing-refused", "http-length-repeated-same"]
    stage = stage_for(client, verify, rules)
    if stage is None:
        return
    differing = Tally(verify, rules[0], REFUSED)
    for what, fields in LISTS.items():
        trial = stage.try_out(fields, HELLO)
        differing.add(not trial.calls, what, trial)
    repeated = Tally(verify, rules[1], "refused, or 5 bytes of body under one CONTENT_LENGTH of 5")
    for what, fields in SAME.items():
        trial = stage.try_out(fields, HELLO)
        once = is_hello(trial) and trial.has_length("5")
        repeated.add(once or not (trial.calls or trial.goes_on), what, trial)
    differing.claim()
    repeated.claim()


@probe("http-length-incomplete-told")
def read_what_is_not_all(environ, start_response):
    """Of a body that the client breaks off, nothing looks like the whole of it."""
    return read_the_body(environ, start_response)


@read_what_is_not_all.client
def _(client, verify):
    rule = "http-length-incomplete-told"
    stage = stage_for(client, verify, [rule])
    if stage is None:
        return
    tally = Tally(
        verify, rule, "no call, an error from read(), or CONTENT_LENGTH still 10 and what was sent"
    )
    for sent in (HELLO, b""):
        trial = stage.try_out(length("10"), sent, cut=True, behind=False)
        short = trial.has_length("10") and trial.read is not None and sent.startswith(trial.read)
        # None also where the application was called and reading raised.
        tally.add(trial.read is None or short, f"{len(sent)} bytes of 10", trial)
    tally.claim()


@probe("http-body-absent-empty")
def find_no_body(environ, start_response):
    """Without Content-Length and Transfer-Encoding the next byte begins the next request."""
    return read_the_body(environ, start_response)


@find_no_body.client
def _(client, verify):
    rule = "http-body-absent-empty"
    stage = stage_for(client, verify, [rule])
    if stage is None:
        return
    tally = Tally(verify, rule, "an empty body; the request behind answered, or lost in a close")
    hidden = request("GET", "/hidden", [("Connection", "close")])
    for method in ("POST", "GET"):
        # An application that reads on beyond a body has itself to blame, if the server lets it.
        for reads, level in (("nothing", None), ("whole", "SHOULD")):
            trial = stage.try_out([], hidden, behind=False, method=method, read=reads)
            refused = not trial.calls and trial.status >= 400
            found = trial.hidden or (trial.ended and not trial.waited)
            empty = trial.calls and found and not trial.note("read")
            tally.add(refused or empty, f"{method}, {reads} read", trial, level)
    tally.claim()


METHODS = ("GET", "HEAD", "OPTIONS", "DELETE", "TRICK")


@probe("http-body-any-method")
def read_whatever_the_method(environ, start_response):
    """A body is a body with any method: what it holds is no request."""
    return read_the_body(environ, start_response)


@read_whatever_the_method.client
def _(client, verify):
    rule = "http-body-any-method"
    stage = stage_for(client, verify, [rule])
    if stage is None:
        return
    tally = Tally(verify, rule, "the body read as one, or the request refused, or a close")
    inner = request("GET", "/hidden")
    for method in METHODS:
        trial = stage.try_out(length(str(len(inner))), inner, method=method)
        tally.add(not trial.hidden and trial.read in (inner, None), method, trial)
    tally.claim()


# All bytes there are, in lines of odd lengths, longer than most buffers, and no newline last.
BINARY = bytes(range(256)) * 33 + b"0\r\n\r\n\nlast"
WAYS = ("read", "readline")


def read_in_a_way(stream, way, total):
    """Read by one method until so many bytes are there, or it gives nothing more."""
    pieces = []
    rest = total
    while rest > 0:
        pieces.append(stream.readline() if way == "readline" else stream.read(min(rest, 1000)))
        rest -= len(pieces[-1])
        if not pieces[-1]:
            break
    return b"".join(pieces)


@probe("http-content-verbatim")
def echo_all_bytes(environ, start_response):
    """Every byte of a body arrives as it was sent, in both directions."""
    inside = environ["conformance.inside"]
    if is_control(environ):
        return read_the_body(environ, start_response)
    way, total = inside.parameters["way"], inside.parameters["total"]
    data = inside.attempt("data", read_in_a_way, environ["wsgi.input"], way, total)
    if data is None:
        return finish(start_response)
    fields = [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(data)))]
    start_response("200 OK", fields)
    return [data]


@echo_all_bytes.client
def _(client, verify):
    stage = stage_for(client, verify, ["http-content-verbatim"])
    if stage is None:
        return
    claim = verify("http-content-verbatim")
    for way in WAYS:
        conversation = client.open(way=way, total=len(BINARY))
        conversation.send(request("POST", body=BINARY))
        # The last line needs an end of the body to stop at, and to want one is another rule.
        if not conversation.settled(lambda: has_settled(conversation), PATIENCE):
            conversation.half_close()
        seen = conversation.exchange(conversation.response("POST"))
        conversation.close()
        expected = f"the {len(BINARY)} bytes that were sent, by {way}()"
        claim.true(seen.notes["data"] == BINARY, expected, difference(seen.notes["data"]))
        body = seen.answered.body
        same = not isinstance(seen.notes["data"], bytes) or body == seen.notes["data"]
        claim.true(same, f"the same {len(BINARY)} bytes in the response", difference(body))


def has_settled(conversation):
    return conversation.ended or any(call.settled for call in conversation.calls)


def difference(data):
    """Tell where bytes differ from what was sent."""
    if not isinstance(data, bytes):
        return repr(data)
    same = next((n for n, pair in enumerate(zip(data, BINARY)) if pair[0] != pair[1]), None)
    where = "" if same is None else f", other than what was sent from byte {same} on"
    return f"{len(data)} bytes{where}"
