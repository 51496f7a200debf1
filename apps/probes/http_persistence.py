"""RFC 9112 section 9: several requests on one connection, and when it ends."""

from conformance.probing import probe, request

from ._framing import (
    CHUNKED,
    HELLO,
    Stage,
    Tally,
    chunks,
    finish,
    is_control,
    read_the_body,
    stage_for,
)

CLOSING = [("Connection", "close")]


def say_path(environ, start_response, more=b""):
    body = str(environ.get("PATH_INFO")).encode("latin-1") + more
    fields = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start_response("200 OK", fields)
    return [body]


@probe("http-pipelining-in-order", facts=("http-pipelining",))
def answer_with_the_path(environ, start_response):
    """Requests sent in one go are answered in their order, as far as they are answered."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return say_path(environ, start_response, environ["wsgi.input"].read(length) if length else b"")


PIPELINE = (
    (request("GET", "/one"), b"/one"),
    (request("POST", "/two", body=HELLO), b"/two" + HELLO),
    (request("GET", "/three"), b"/three"),
    (request("GET", "/four", CLOSING), b"/four"),
)


def answers_of(conversation):
    """Read all that comes; return the responses."""
    answers = []
    while True:
        response = conversation.response()
        if response is None:
            return answers
        answers.append(response)
        if not response.keeps_open or not response.complete:
            return answers


@answer_with_the_path.client
def _(client, verify):
    rule = "http-pipelining-in-order"
    conversation = client.open()
    conversation.send(b"".join(data for data, _ in PIPELINE))
    answers = answers_of(conversation)
    conversation.close()
    expected = [body for _, body in PIPELINE]
    bodies = [answer.body for answer in answers if answer.complete]
    verify(rule).true(
        bodies and bodies == expected[: len(bodies)] and len(bodies) <= len(expected),
        f"{expected} in this order, or the first of them and the end of the connection",
        [f"{answer}: {answer.body[:40]!r}" for answer in answers] or "no response",
    )
    verify.fact("http-pipelining", f"{len(bodies)} of {len(expected)} requests answered")
    # What is wrong with the next request is no reason to leave this one unanswered.
    for what, junk in (("X", b"X"), ("no request line", b"\x00\x01 junk\r\n\r\n")):
        conversation = client.open()
        conversation.send(PIPELINE[0][0] + junk)
        response = conversation.response()
        conversation.close()
        verify(rule, "SHOULD").true(
            response is not None and response.body == PIPELINE[0][1],
            f"the request before {what} answered",
            f"{response or 'no response'}, connection: {conversation.connection.ended or 'open'}",
        )


@probe("http-connection-isolated", facts=("http-keep-alive", "http-keep-alive-1.0"))
def read_one_of_several(environ, start_response):
    """What one request says is not found in the next one on the connection."""
    return read_the_body(environ, start_response)


RICH = [
    ("X-Leak", "leak"),
    ("Cookie", "leak=leak"),
    ("Authorization", "Basic leak"),
    ("Content-Type", "text/leak"),
    ("If-None-Match", '"leak"'),
]


@read_one_of_several.client
def _(client, verify):
    rule = "http-connection-isolated"
    rich = request("POST", "/rich?leak=leak", RICH, HELLO)
    conversation = client.open()
    served, found = 0, []
    for data in (rich, request("GET", "/plain"), rich, request("POST", "/plain")):
        conversation.send(data)
        response = conversation.response()
        if response is None or response.status >= 400:
            break
        served += 1
        conversation.wait_calls(served)
        call = conversation.calls[-1]
        if data is not rich:
            found += [f"request {served}: {leak}" for leak in leaks(call)]
        if not response.keeps_open or conversation.ended:
            break
    conversation.close()
    verify.fact("http-keep-alive", "no" if served < 2 else f"{served} of 4 requests served")
    verify.fact("http-keep-alive-1.0", old_keep_alive(client))
    if served < 2:
        verify(rule).unsupported("the connection is closed", "several requests on a connection")
        return
    expected = "nothing of the request before in environ or in the body"
    verify(rule).true(not found, expected, "; ".join(found) or f"{served} requests in a row")


def leaks(call):
    """Return what a plain request's call holds of the rich one."""
    found = [
        f"{key}={value!r}"
        for key, value in call.environ.items()
        if isinstance(value, str) and "leak" in value
    ]
    length = call.environ.get("CONTENT_LENGTH")
    found += [] if length in (None, "", "0") else [f"CONTENT_LENGTH={length!r}"]
    return found + ([f"body {call.notes['read']!r}"] if call.notes.get("read") else [])


def old_keep_alive(client):
    """Find out whether a connection of HTTP/1.0 is kept for the client that asks for it."""
    alive = [("Connection", "keep-alive")]
    seen = client.exchange(request(headers=alive, version="1.0"))
    options = seen.response.tokens("Connection") if seen.response is not None else ()
    if "keep-alive" not in options or not seen.response.keeps_open:
        return "no"
    return "yes" if seen.fenced else "said, but the next request was not answered"


@probe("http-close-ends-processing")
def be_called_after_the_close(environ, start_response):
    """Behind a request with Connection: close nothing more is served on the connection."""
    return read_the_body(environ, start_response)


ENDINGS = {
    "Connection: close": (CLOSING, "1.1"),
    "Connection: TE, close": ([("TE", "trailers"), ("Connection", "TE, close")], "1.1"),
    "HTTP/1.0": ([], "1.0"),
}


@be_called_after_the_close.client
def _(client, verify):
    rule = "http-close-ends-processing"
    stage = Stage(client)
    tally = Tally(verify, rule, "no call of the application for what follows")
    for what, (fields, version) in ENDINGS.items():
        trial = stage.try_out(fields, request("GET", "/hidden"), method="GET", version=version)
        tally.add(not trial.goes_on, what, trial)
    tally.claim()


@probe("http-body-read-or-closed")
def leave_some_of_the_body(environ, start_response):
    """What the application leaves of a body is not taken for the next request."""
    inside = environ["conformance.inside"]
    if is_control(environ):
        return read_the_body(environ, start_response)
    if inside.parameters["some"]:
        inside.attempt("read", environ["wsgi.input"].read, 7)
    return finish(start_response)


@leave_some_of_the_body.client
def _(client, verify):
    rule = "http-body-read-or-closed"
    stage = stage_for(client, verify, [rule])
    if stage is None:
        return
    tally = Tally(verify, rule, "the rest of a body dropped, or the connection closed")
    # Wherever reading stops, a request begins.
    inner = b"7 bytes" + request("GET", "/hidden") * 30
    by_length = [("Content-Length", str(len(inner)))]
    parts = chunks(inner[:7], *[request("GET", "/hidden")] * 30)
    for what, head, body, method, some in (
        ("some read", by_length, inner, "POST", True),
        ("a chunk read", CHUNKED, parts, "POST", True),
        ("no chunk read", CHUNKED, chunks(inner[7:]), "POST", False),
        ("GET, none read", [("Content-Length", str(len(inner) - 7))], inner[7:], "GET", False),
        ("HEAD, none read", [("Content-Length", str(len(inner) - 7))], inner[7:], "HEAD", False),
    ):
        trial = stage.try_out(head, body, method=method, some=some)
        # Chunks that a server knows nothing of are for other rules.
        tally.add(not trial.hidden, what, trial)
    tally.claim()


MEBIBYTE = b"x" * (1 << 20)


@probe("http-close-in-stages")
def answer_before_the_body(environ, start_response):
    """A response that does not wait for a large body reaches a client that sends all of it."""
    return say_path(environ, start_response)


@answer_before_the_body.client
def _(client, verify):
    conversation = client.open()
    conversation.send(request("POST", "/large", body=MEBIBYTE))
    response = conversation.response()
    conversation.close()
    verify("http-close-in-stages").true(
        response is not None and response.complete,
        "a whole response, whatever its status",
        f"{response or 'none'}, connection: {conversation.connection.ended or 'open'}",
    )
