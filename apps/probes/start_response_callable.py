"""PEP 3333, The start_response() Callable: arguments, checks, and when the headers go out."""

import sys

from conformance.probing import probe, request

TYPE = ("Content-Type", "text/plain")


def restart(inside, start_response, name, status, fields):
    """Start an error response as an error handler does; note whether that was refused."""
    try:
        raise LookupError("trapped by the application")
    except LookupError:
        try:
            write = start_response(status, fields, sys.exc_info())
        except Exception as error:
            inside.note(**{name: "raised " + type(error).__name__ + ": " + str(error)})
            # The PEP forbids trapping it.
            raise
        inside.note(**{name: "returned"})
    return write


def started(seen):
    """Return a text for what a client got to see of a response's start."""
    response = seen.response
    return str(seen) if response is None or not response.status else str(response)


@probe("start-response-two-args")
def two_arguments(environ, start_response):
    """start_response(status, headers) is enough to start a response."""
    start_response("200 OK", [TYPE])
    return [b"body"]


@two_arguments.client
def _(client, verify):
    seen = client.exchange(request(target="/two-arguments"))
    response = seen.response
    verify("start-response-two-args").true(
        seen.succeeded and response.first("Content-Type") == b"text/plain",
        "a call with status and headers alone starts the response",
        "{}; {}".format(seen, seen.call.first("start_response-raised") or "it did not raise"),
    )


@probe("start-response-returns-write")
def returned_write(environ, start_response):
    """What start_response returns can be called with a block of the body."""
    write = start_response("200 OK", [TYPE])
    write(b"written")
    return []


@returned_write.client
def _(client, verify):
    seen = client.exchange(request(target="/returned-write"))
    body = seen.response.body if seen.response is not None else None
    verify("start-response-returns-write").true(
        seen.succeeded and body == b"written",
        "a callable that sends b'written' as the body",
        str(seen),
    )


@probe("start-response-none-as-omitted")
def none_given(environ, start_response):
    """A third argument of None changes nothing, on a first call and on a second one."""
    inside = environ["conformance.inside"]
    kind = inside.parameters["kind"]
    third = () if kind == "twice, omitted" else (None,)
    inside.attempt("first", start_response, "200 OK", [TYPE], *third)
    if kind != "once":
        inside.attempt("second", start_response, "200 OK", [TYPE], *third)
    return [b"body"]


@none_given.client
def _(client, verify):
    seen = client.exchange(kind="once")
    verify("start-response-none-as-omitted").true(
        seen.succeeded and seen.response.body == b"body",
        "start_response(status, headers, None) starts a response",
        f"{seen.notes['first']!r}; {seen}",
    )
    # What a second call does is for another rule to say; None may not change it.
    omitted = client.exchange(fence=False, kind="twice, omitted").notes["second"]
    none = client.exchange(fence=False, kind="twice, None").notes["second"]
    verify("start-response-none-as-omitted").true(
        outcome(none) == outcome(omitted),
        f"a second call with None does what one without does: {outcome(omitted)}",
        outcome(none),
    )


def outcome(noted):
    """Return ``returned``, or the kind of exception that was noted."""
    return "raised " + noted.kind if type(noted).__name__ == "Raised" else "returned"


class StartsInIter:
    """Calls start_response only when it is asked for an iterator; may have a length."""

    def __init__(self, start_response):
        self.start_response = start_response

    def __iter__(self):
        self.start_response("203 Deferred", [TYPE])
        return iter([b"body"])


class StartsInIterWithLength(StartsInIter):
    """As its base; the length invites a server to look at headers that are not there yet."""

    def __len__(self):
        return 1


def starts_in_next(start_response, blocks):
    """Yield blocks; start_response is called by the first next()."""
    start_response("203 Deferred", [TYPE])
    yield from blocks


def starts_after_empty_block(start_response):
    """Yield an empty block before start_response is called."""
    yield b""
    start_response("203 Deferred", [TYPE])
    yield b"body"


@probe("start-response-deferral-accepted")
def deferred(environ, start_response):
    """start_response may be called as late as in the first iteration."""
    kind = environ["conformance.inside"].parameters["kind"]
    if kind == "in __iter__":
        return StartsInIter(start_response)
    if kind == "in __iter__ of something with a length":
        return StartsInIterWithLength(start_response)
    return starts_in_next(start_response, [b"", b"body"] if "empty" in kind else [b"body"])


@deferred.client
def _(client, verify):
    for kind in (
        "in the first next()",
        "in the first next(), which gives an empty block",
        "in __iter__",
        "in __iter__ of something with a length",
    ):
        judge_deferral(client, verify("start-response-deferral-accepted"), kind)


def judge_deferral(client, claim, kind):
    """Claim that a response arrives, however late it was started."""
    seen = client.exchange(kind=kind)
    response = seen.response
    claim.true(
        seen.succeeded and response.status == 203 and response.body == b"body",
        f"start_response called {kind}: 203 Deferred, body b'body'",
        str(seen),
    )


@probe("start-response-deferral-accepted")
def deferred_further(environ, start_response):
    """start_response may be called after a first block that is empty, so no body yet."""
    return starts_after_empty_block(start_response)


@deferred_further.client
def _(client, verify):
    # An empty block is no body, but the PEP does not say so in as many words.
    claim = verify("start-response-deferral-accepted", "SHOULD")
    judge_deferral(client, claim, "after an empty block")


@probe("start-response-checks-headers")
def wrong_arguments(environ, start_response):
    """Errors in the headers are raised while start_response runs."""
    inside = environ["conformance.inside"]
    kind = inside.parameters["kind"]
    status, fields = WRONG[kind]
    try:
        start_response(status, fields)
    except Exception as error:
        inside.note(outcome="raised " + type(error).__name__)
        raise
    inside.note(outcome="accepted")
    return [b"body"]


WRONG = {
    "a tuple of headers": ("200 OK", (TYPE, ("X-Probe", "1"))),
    "CR LF in a value": ("200 OK", [TYPE, ("X-Probe", "1\r\nX-Injected: 1")]),
    "LF in a value": ("200 OK", [TYPE, ("X-Probe", "1\nX-Injected: 1")]),
    "CR LF in a name": ("200 OK", [TYPE, ("X-Injected: 1\r\nX-Probe", "1")]),
    "CR LF in the status": ("200 OK\r\nX-Injected: 1", [TYPE]),
    "a colon after a name": ("200 OK", [TYPE, ("X-Probe:", "1")]),
    "a character beyond Latin-1": ("200 OK", [TYPE, ("X-Probe", "\u20ac")]),
    "a name of bytes": ("200 OK", [TYPE, (b"X-Probe", "1")]),
    "a value of bytes": ("200 OK", [TYPE, ("X-Probe", b"1")]),
    "a status without a code": ("OK", [TYPE]),
}


@wrong_arguments.client
def _(client, verify):
    accepted, raised, injected = [], [], []
    for kind in WRONG:
        # The server closes, whatever a broken head makes of the framing.
        seen = client.exchange(request(headers=[("Connection", "close")]), fence=False, kind=kind)
        (accepted if seen.notes["outcome"] == "accepted" else raised).append(kind)
        if b"\nX-Injected" in seen.connection.received:
            injected.append(kind)
    verify("start-response-checks-headers").true(
        not injected,
        "no header line that an attacker has put into a value, a name or the status",
        "the client got an injected X-Injected line by: " + (", ".join(injected) or "none"),
    )
    verify("start-response-checks-headers").true(
        raised,
        "start_response raises for some of: " + ", ".join(WRONG),
        "raised for {}; accepted {}".format(
            ", ".join(raised) or "none", ", ".join(accepted) or "none"
        ),
    )


def yields_only():
    """Yield a block of a response that was never started."""
    yield b"body"


@probe("start-response-missing-detected")
def never_started(environ, start_response):
    """A response that was never started is not answered as a success."""
    kind = environ["conformance.inside"].parameters["kind"]
    if environ["PATH_INFO"] == "/after-it":
        start_response("203 Started", [TYPE])
        return [b"body"]
    if kind == "a generator":
        return yields_only()
    return [b"body"] if kind == "a list" else []


@never_started.client
def _(client, verify):
    for kind in ("a list", "a generator", "an empty list"):
        data = request(headers=[("Connection", "close")])
        seen = client.exchange(data, fence=False, kind=kind)
        line = bytes(seen.connection.received).partition(b"\r\n")[0]
        verify("start-response-missing-detected").true(
            not line or (line[9:12].isdigit() and line[9:10] != b"2"),
            f"{kind}, start_response not called: an error response or a closed connection",
            repr(line),
        )
        # On a connection that is to stay open, silence would be another way to get it wrong. The
        # half-closing is for servers that read on to the end of what the client sends.
        conversation = client.open(kind=kind)
        conversation.send(request())
        conversation.wait_calls()
        conversation.send(request(target="/after-it", headers=[("Connection", "close")]))
        conversation.half_close()
        response = conversation.response()
        # Left earlier, the second request would be served in the middle of the next probe.
        conversation.settled(lambda: conversation.ended)
        conversation.close()
        verify("start-response-missing-detected").true(
            response is None or response.status != 203,
            f"{kind}, start_response not called: an answer, or the end of the connection",
            f"{response}, the answer to the next request on the connection"
            if response is not None and response.status == 203
            else "there was one",
        )
        after = client.exchange(request(target="/after-it"), fence=False, kind=kind)
        verify("start-response-missing-detected").true(
            after.succeeded and after.response.status == 203,
            "the next request is served as ever",
            str(after),
        )


@probe("start-response-sends-nothing")
def held_after_start(environ, start_response):
    """start_response stores the headers and sends not a byte."""
    inside = environ["conformance.inside"]
    start_response("200 OK", [TYPE, ("Content-Length", "4")])
    inside.gate("started")
    # A second round of the control channel: bytes sent before the first one have long arrived.
    inside.gate("still")
    return [b"body"]


@held_after_start.client
def _(client, verify):
    for method in ("GET", "HEAD"):
        conversation = client.open(method=method)
        conversation.send(request(method))
        conversation.wait_gate("started")
        conversation.open_gate("started")
        conversation.wait_gate("still")
        early = conversation.received
        conversation.open_gate("still")
        conversation.response(method)
        conversation.close()
        verify("start-response-sends-nothing").true(
            not early,
            f"{method}: nothing is sent before start_response has returned and there is a body",
            f"{method}: {early[:200]!r} came while the application had not returned",
        )


@probe("headers-deferred-until-body")
def empty_blocks_first(environ, start_response):
    """Empty blocks do not make the headers go out; they can still be replaced."""
    inside = environ["conformance.inside"]
    start_response("200 OK", [TYPE])
    yield b""
    yield b""
    yield b""
    inside.gate("empty")
    inside.gate("still")
    restart(inside, start_response, "restart", "500 Oops", [TYPE])
    yield b"body"


@empty_blocks_first.client
def _(client, verify):
    conversation = client.open()
    conversation.send(request())
    reached = conversation.wait_gate("empty")
    conversation.open_gate("empty")
    reached = reached and conversation.wait_gate("still")
    early = conversation.received
    conversation.open_gate("still")
    response = conversation.response()
    conversation.settled(lambda: all(call.settled for call in conversation.calls))
    seen = conversation.exchange(response)
    conversation.close()
    verify("headers-deferred-until-body").true(
        reached and not early,
        "after three empty blocks nothing has been sent, and the next block is asked for",
        f"{early[:200]!r} sent after them" if early else f"{seen}, iterated on: {reached}",
    )
    if reached:
        heads = conversation.received.count(b"HTTP/1.")
        verify("headers-deferred-until-body").true(
            seen.notes.get("restart") == "returned" and heads == 1,
            "start_response with exc_info after them returns, and there is one head",
            f"it {seen.notes.get('restart')}; {heads} heads",
        )
        verify("headers-deferred-until-body").true(
            response is not None and response.complete and response.body == b"body",
            "the block after them, b'body', is the body",
            str(seen),
        )


def only_empty_blocks(start_response):
    """Yield nothing but empty blocks."""
    start_response("203 Exhausted", [TYPE, ("X-Probe", "1")])
    yield b""
    yield b""


@probe("headers-sent-at-exhaustion")
def nothing_yielded(environ, start_response):
    """Without a body the headers go out when the iterable ends."""
    kind = environ["conformance.inside"].parameters["kind"]
    if kind == "a generator of empty blocks":
        return only_empty_blocks(start_response)
    start_response("203 Exhausted", [TYPE, ("X-Probe", "1")])
    return [] if kind == "an empty list" else [b""]


@nothing_yielded.client
def _(client, verify):
    for kind in ("an empty list", "a list of one empty block", "a generator of empty blocks"):
        # Where the headers do not come, the connection's end lets the probe go on.
        seen = client.exchange(request(headers=[("Connection", "close")]), fence=False, kind=kind)
        response = seen.response
        verify("headers-sent-at-exhaustion").true(
            seen.succeeded
            and response.status == 203
            and response.first("X-Probe") == b"1"
            and response.body == b"",
            f"{kind}: 203 with X-Probe: 1 and an empty body",
            str(seen),
        )


class EmptyUntilClosed:
    """Yields nothing; its close() is held at a gate."""

    def __init__(self, inside):
        self.inside = inside

    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration

    def close(self):
        self.inside.gate("close")


@probe("headers-sent-at-exhaustion")
def closing_takes_long(environ, start_response):
    """Without a body the headers go out before close() is called, not after it."""
    start_response("203 Exhausted", [TYPE, ("Content-Length", "0")])
    return EmptyUntilClosed(environ["conformance.inside"])


@closing_takes_long.client
def _(client, verify):
    conversation = client.open()
    conversation.send(request(headers=[("Connection", "close")]))
    if not conversation.wait_gate("close"):
        conversation.close()
        observed = "close() was not called before the end of the connection"
        verify("headers-sent-at-exhaustion").info(observed, "close() of an empty iterable")
        return
    # What was sent before is on its way, unless the server still has something to do.
    sent = conversation.settled(lambda: b"\r\n\r\n" in conversation.received, or_idle=True)
    conversation.open_gate("close")
    conversation.response()
    conversation.close()
    # "Then" they are sent, and close() comes "upon completion": in so many words no order of both.
    verify("headers-sent-at-exhaustion", "SHOULD").true(
        sent,
        "the headers when the iterable has ended, while its close() still runs",
        "they came" if sent else "nothing was sent until close() had returned",
    )
