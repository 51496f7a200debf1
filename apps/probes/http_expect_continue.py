"""PEP 3333, HTTP 1.1 Expect/Continue.

Three strategies are allowed: 100 at once, 100 when the application first reads, or none and the
client loses its patience. So each probe waits for a 100, gives it up after a while, and sends the
body in any case, unless a final response has come first. Servers that speak only HTTP/1.0 are
exempt.
"""

from conformance.probing import probe, request

BODY = b"hello"
# Seconds until the client sends its body unprompted, which it may do at any time.
PATIENCE = 0.5


def read_body(stream):
    """Read the body in pieces, stopping at an empty one."""
    pieces = []
    rest = len(BODY)
    while rest > 0:
        pieces.append(stream.read(rest))
        if not pieces[-1]:
            break
        rest -= len(pieces[-1])
    return pieces


def echo(start_response, data):
    fields = [("Content-Type", "text/plain"), ("Content-Length", str(len(data)))]
    start_response("200 OK", fields)
    return [data]


def expecting(token="100-continue", *more):
    """Return the head of a request whose body is held back."""
    fields = [("Content-Length", str(len(BODY)))]
    if token:
        fields.append(("Expect", token))
    return request("POST", headers=fields + list(more))


def is_old(client, verify, *rules):
    """Find out whether the server speaks only HTTP/1.0, and say so for all rules."""
    response = client.exchange(request(), kind="plain").answered
    for rule in rules:
        if response.version != "1.1":
            verify(rule).unsupported("the server answers in HTTP/" + response.version, "HTTP/1.1")
    return response.version != "1.1"


def is_prompted(conversation):
    """Whether anything at all has come from the server."""
    return b"\r\n\r\n" in conversation.received or conversation.ended


def wants_body(conversation):
    """Whether the client goes on to send its body: a final response means it must not."""
    return not is_prompted(conversation) or conversation.received.startswith(b"HTTP/1.1 100")


def exchange_held_back(client, head, **parameters):
    """Send a head, then the body when it is asked for or patience ends; return what came of it."""
    conversation = client.open(**parameters)
    conversation.send(head)
    prompted = conversation.settled(lambda: is_prompted(conversation), PATIENCE)
    if wants_body(conversation):
        conversation.send(BODY)
    response = conversation.response("POST")
    conversation.settled(lambda: all(call.settled for call in conversation.calls))
    return conversation, conversation.exchange(response), prompted


def judge_waiting(claim, prompted, token):
    """Tell whether the client had to lose its patience."""
    expected = "a 100 or a final response before the body, for Expect: " + token
    observed = "it came" if prompted else "nothing came until the body was sent unprompted"
    claim.true(prompted, expected, observed)


@probe("http-expect-handled", "http-expect-waiting-discouraged")
def echo_what_is_sent_after_100(environ, start_response):
    """A request with Expect: 100-continue is served, whether or not its body is read."""
    inside = environ["conformance.inside"]
    if inside.parameters["kind"] != "read":
        return echo(start_response, b"unread")
    return echo(start_response, b"".join(read_body(environ["wsgi.input"])))


@echo_what_is_sent_after_100.client
def _(client, verify):
    if is_old(client, verify, "http-expect-handled", "http-expect-waiting-discouraged"):
        return
    claim = verify("http-expect-handled")
    closing = ("Connection", "close")
    conversation, seen, prompted = exchange_held_back(
        client, expecting("100-continue", closing), kind="read"
    )
    judge_waiting(verify("http-expect-waiting-discouraged"), prompted, "100-continue")
    is_echoed = seen.succeeded and seen.response.body == BODY
    if claim.true(is_echoed, f"200 with the body {BODY!r}, read after 100", str(seen)):
        conversation.settled(lambda: conversation.ended)
        rest = conversation.received[seen.response.end :]
        claim.true(not rest, "one final response", rest)
    conversation.close()
    # The final response may come without a 100: then the client keeps its body to itself.
    conversation, seen, _ = exchange_held_back(client, expecting(), kind="no read")
    conversation.close()
    claim.true(seen.succeeded, "a response though nothing reads the body", str(seen))


@probe("http-expect-transparent", "http-expect-waiting-discouraged")
def echo_all(environ, start_response):
    """The same application gives the same response with Expect and without."""
    if environ["conformance.inside"].parameters["kind"] == "plain":
        return echo(start_response, b"")
    return echo(start_response, b"".join(read_body(environ["wsgi.input"])))


@echo_all.client
def _(client, verify):
    if is_old(client, verify, "http-expect-transparent", "http-expect-waiting-discouraged"):
        return
    claim = verify("http-expect-transparent")
    plain = client.exchange(expecting("") + BODY, kind="echo")
    # Expectations are compared case-insensitively (RFC 9110 section 10.1.1).
    for token in ("100-continue", "100-Continue"):
        conversation, seen, prompted = exchange_held_back(client, expecting(token), kind="echo")
        conversation.close()
        judge_waiting(verify("http-expect-waiting-discouraged"), prompted, token)
        response, usual = seen.response, plain.answered
        same = (
            response is not None
            and (response.status, response.body) == (usual.status, usual.body)
            and len(seen.calls) == 1
        )
        claim.true(same, f"{plain}, with {token} as without", str(seen))
        if response is not None:
            defects = [defect.text for defect in response.defects]
            only_100 = set(response.interim) <= {100} and not defects
            claim.true(
                only_100, "at most 100 Continue, well-formed, before it", response.interim + defects
            )


@probe("http-expect-read-blocks")
def read_before_it_is_there(environ, start_response):
    """A read of a body that has not been sent waits for it, and does not return b''."""
    inside = environ["conformance.inside"]
    if inside.parameters["kind"] == "plain":
        return echo(start_response, b"")
    inside.gate("before reading")
    inside.event("reading")
    inside.attempt("pieces", read_body, environ["wsgi.input"])
    return echo(start_response, b"")


@read_before_it_is_there.client
def _(client, verify):
    if is_old(client, verify, "http-expect-read-blocks"):
        return
    claim = verify("http-expect-read-blocks")
    conversation = client.open(kind="read")
    conversation.send(expecting())

    def has_reached(kind):
        return any(call.first(kind) for call in conversation.calls)

    # A 100 at once may mean that the body is taken in before the application is called; one that
    # comes only with the read shows that the read is under way.
    conversation.settled(lambda: is_prompted(conversation) or has_reached("gate"))
    if has_reached("gate"):
        conversation.open_gate("before reading")
        conversation.settled(lambda: has_reached("probe-reading"))
        conversation.settled(lambda: is_prompted(conversation), PATIENCE)
    if wants_body(conversation):
        conversation.send(BODY[:2])
        conversation.send(BODY[2:])
    if not has_reached("probe-reading") and conversation.wait_gate("before reading"):
        conversation.open_gate("before reading")
    seen = conversation.exchange(conversation.response("POST"))
    conversation.settled(lambda: all(call.settled for call in conversation.calls))
    conversation.close()
    pieces = seen.notes["pieces"]
    good = isinstance(pieces, list) and b"" not in pieces and b"".join(pieces) == BODY
    claim.true(good, f"{BODY!r} in pieces, none of them empty", pieces)
