"""PEP 3333, Error Handling: what the server does about an application that fails."""

from conformance.probing import probe, request

# More failures than a server under test has threads, so that one lost each time shows.
REPEATED = 4
PARTIAL = b"\x00\x01partial"
CHANNEL = "errors-channel-marker"
CALL_TOKEN = "errors-token-of-the-call"
ITERATION_TOKEN = "errors-token-of-the-iteration"
WHERE = {
    "iter": "__iter__() raised",
    "first": "the first next() raised",
    "nothing": "the application returned None",
}


class Unprintable(Exception):
    """An exception that a careless logger stumbles over."""

    def __str__(self):
        raise ValueError("no text")


class Failing:
    """An iterable that fails where it is told to."""

    def __init__(self, where, message="wanted"):
        self.where = where
        self.message = message
        self.blocks = [b"block"] if where in ("later", "close") else []

    def __iter__(self):
        if self.where == "iter":
            raise ValueError(self.message)
        return self

    def __next__(self):
        if self.blocks:
            return self.blocks.pop()
        if self.where == "close":
            raise StopIteration
        raise ValueError(self.message)

    def close(self):
        if self.where == "close":
            raise ValueError(self.message)


def goes_on_serving(client, claim):
    """Claim that an ordinary request is answered after the failures."""
    after = client.exchange(request(), kind="fine")
    claim.true(after.succeeded, "the next request answered as usual", str(after))


@probe("errors-call-exception-trapped")
def raise_from_the_call(environ, start_response):
    """An exception from the application ends in no success, and the server goes on serving."""
    kind = environ["conformance.inside"].parameters["kind"]
    if kind == "before":
        raise ValueError("wanted")
    if kind == "unprintable":
        raise Unprintable
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    if kind == "after":
        raise ValueError("wanted")
    return [b"ok"]


@raise_from_the_call.client
def _(client, verify):
    claim = verify("errors-call-exception-trapped")
    for kind in ("before", "after", "unprintable"):
        for _ in range(REPEATED):
            seen = client.exchange(request(), kind=kind)
            claim.true(
                not seen.succeeded,
                f"an error response, or the end of the connection (raised {kind})",
                str(seen),
            )
        goes_on_serving(client, claim)


@probe("errors-iteration-exception-trapped")
def raise_from_the_iterable(environ, start_response):
    """An exception while the result is consumed ends the response; the server goes on serving."""
    kind = environ["conformance.inside"].parameters["kind"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    if kind == "fine":
        return [b"fine"]
    return None if kind == "nothing" else Failing(kind)


@raise_from_the_iterable.client
def _(client, verify):
    claim = verify("errors-iteration-exception-trapped")
    for kind in ("iter", "first", "nothing"):
        for _ in range(REPEATED):
            seen = client.exchange(request(), kind=kind)
            claim.true(
                not seen.succeeded,
                f"an error response, or the end of the connection ({WHERE[kind]})",
                str(seen),
            )
        goes_on_serving(client, claim)
    for kind in ("later", "close"):
        for _ in range(REPEATED):
            # Whether the cut shows depends on the framing, and is judged elsewhere: here the
            # response has to end.
            client.exchange(request(), kind=kind)
        goes_on_serving(client, claim)


def show_channel(environ):
    """Write to wsgi.errors, so that it shows whether the log is one that is seen."""
    inside, errors = environ["conformance.inside"], environ["wsgi.errors"]
    inside.attempt("write", lambda: errors.write(CHANNEL + "\n"))
    inside.attempt("flush", lambda: errors.flush())


@probe("errors-call-exception-logged")
def raise_and_look_at_the_log(environ, start_response):
    """An exception from the application is logged."""
    show_channel(environ)
    raise ValueError(CALL_TOKEN)


@raise_and_look_at_the_log.client
def _(client, verify):
    client.exchange(request())
    judge_log(client, verify("errors-call-exception-logged"), CALL_TOKEN)


@probe("errors-iteration-exception-logged")
def raise_later_and_look_at_the_log(environ, start_response):
    """An exception from the returned iterable is logged."""
    show_channel(environ)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Failing("later", ITERATION_TOKEN)


@raise_later_and_look_at_the_log.client
def _(client, verify):
    client.exchange(request())
    judge_log(client, verify("errors-iteration-exception-logged"), ITERATION_TOKEN)


def judge_log(client, claim, token):
    """Claim that a token was logged, where the log is known to be seen."""
    seen = client.wait_log(token)
    if seen or CHANNEL.encode("ascii") in client.timeline.log:
        log = client.timeline.log.decode("utf-8", "backslashreplace")
        claim.true(seen, "the exception in the log", log[-300:])
    else:
        claim.info("what is written to wsgi.errors is not seen either; the log is elsewhere")


# Header fields of a response whose body is cut by an exception. Text is another matter: there the
# server may add a message.
NOT_TEXT = (
    [("Content-Type", "application/octet-stream")],
    [("Content-Type", "application/octet-stream"), ("Content-Length", "1000")],
    [("Content-Type", "image/png")],
    [("X-Probe", "no type")],
    [],
)
COMPRESSED = [("Content-Type", "text/html"), ("Content-Encoding", "gzip")]
TEXT = [("Content-Type", "text/plain; charset=utf-8")]


@probe("errors-message-only-into-text")
def fail_after_a_block(environ, start_response):
    """An error text is added to a body that has begun only if that body is text."""
    fields = environ["conformance.inside"].parameters["fields"]
    start_response("200 OK", [tuple(field) for field in fields])

    def blocks():
        yield PARTIAL
        raise ValueError("wanted")

    return blocks()


@fail_after_a_block.client
def _(client, verify):
    for fields in NOT_TEXT:
        seen = client.exchange(request(), fields=fields)
        judge_rest(seen, verify("errors-message-only-into-text"), fields)
    # Text all the same, though none that a server could modify cleanly.
    seen = client.exchange(request(), fields=COMPRESSED)
    judge_rest(seen, verify("errors-message-only-into-text", "SHOULD"), COMPRESSED)
    seen = client.exchange(request(), fields=TEXT)
    response = seen.response
    if response is not None and response.body.startswith(PARTIAL):
        rest = bytes(seen.connection.received[response.head_end : response.end])
        verify("errors-message-only-into-text", "SHOULD").true(
            b"HTTP/1." not in rest, "no second head inside the text", rest
        )


def judge_rest(seen, claim, fields):
    """Claim that the body is nothing but a part of what was yielded."""
    response = seen.response
    what = "a part of {!r} and no more, with {}".format(PARTIAL, fields or "no header at all")
    if response is None or response.status >= 500:
        claim.true(True, what, str(seen))
        return
    untyped = "Content-Type" not in dict(fields)
    if (response.first("Content-Type") or b"").startswith(b"text/") and untyped:
        claim.info("the server gave it the type {!r}".format(response.first("Content-Type")), what)
        return
    rest = bytes(seen.connection.received[response.head_end : response.end])
    clean = PARTIAL.startswith(response.body) and b"HTTP/1." not in rest
    clean = clean and seen.fenced is not False
    claim.true(clean, what, rest)
