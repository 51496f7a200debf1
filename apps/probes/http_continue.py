"""RFC 9110 section 10.1.1: Expect: 100-continue, as HTTP has it.

PEP 3333 leaves three ways to treat it; RFC 9110 two: a 100, or a final response, and at once.
"""

from conformance.probing import probe, request

from ._framing import CHUNKED, HELLO, PATIENCE, chunks, finish, next_request, read_the_body

EXPECT = [("Expect", "100-continue")]
BY_LENGTH = [("Content-Length", "5")]


def is_prompted(conversation):
    return b"\r\n\r\n" in conversation.received or conversation.ended


def has_final(conversation):
    """Whether a final response, or the end, has come in place of a 100."""
    return conversation.ended or not conversation.received.startswith(b"HTTP/1.1 1")


def is_old(client, verify, *rules):
    """Find out whether the server speaks only HTTP/1.0, and say so for all rules."""
    response = client.exchange(request(), read="nothing").answered
    for rule in rules:
        if response.version != "1.1":
            verify(rule).unsupported("the server answers in HTTP/" + response.version, "HTTP/1.1")
    return response.version != "1.1"


@probe("http-continue-or-final", "http-continue-once", facts=("http-expectation-unknown",))
def read_what_waits_for_100(environ, start_response):
    """A client that waits for 100 Continue gets one, or a final response."""
    return read_the_body(environ, start_response)


@read_what_waits_for_100.client
def _(client, verify):
    rules = ("http-continue-or-final", "http-continue-once")
    if is_old(client, verify, *rules):
        return
    for what, fields, body in (
        ("with a length", BY_LENGTH, HELLO),
        ("chunked", CHUNKED, chunks(HELLO)),
    ):
        conversation = client.open()
        conversation.send(request("POST", headers=fields + EXPECT + [("Connection", "close")]))
        prompted = conversation.settled(lambda: is_prompted(conversation), PATIENCE)
        verify(rules[0]).true(
            prompted,
            f"100, or a final response, before the body: {what}",
            "it came" if prompted else "nothing came until the body was sent unprompted",
        )
        if not prompted or not has_final(conversation):
            conversation.send(body)
        response = conversation.response("POST")
        interim = response.interim if response is not None else []
        conversation.close()
        verify(rules[1]).true(interim.count(100) <= 1, f"one 100 at most: {what}", interim)
    seen = client.exchange(request("POST", headers=[("Expect", "the-unexpected")], body=HELLO))
    told = "the application called, and " if seen.calls else ""
    verify.fact("http-expectation-unknown", f"{told}{seen.response or 'no response'}")


@probe("http-continue-not-to-http10")
def read_what_an_old_client_expects(environ, start_response):
    """A client of HTTP/1.0 is not sent a 100, whatever it expects."""
    return read_the_body(environ, start_response)


@read_what_an_old_client_expects.client
def _(client, verify):
    rule = "http-continue-not-to-http10"
    for in_one_piece in (True, False):
        conversation = client.open()
        conversation.send(
            request("POST", headers=BY_LENGTH + EXPECT, version="1.0")
            + (HELLO if in_one_piece else b"")
        )
        if not in_one_piece:
            conversation.send(HELLO)
        response = conversation.response("POST")
        conversation.close()
        interim = response.interim if response is not None else []
        verify(rule).true(not interim, "no interim response", interim or response or "no response")


@probe("http-body-read-or-closed")
def answer_without_a_100(environ, start_response):
    """A body that is sent after a final response is not taken for a request."""
    return finish(start_response)


@answer_without_a_100.client
def _(client, verify):
    rule = "http-body-read-or-closed"
    if is_old(client, verify, rule):
        return
    inner = request("GET", "/hidden")
    fields = [("Content-Length", str(len(inner)))]
    conversation = client.open()
    conversation.send(request("POST", headers=fields + EXPECT))
    conversation.settled(lambda: is_prompted(conversation), PATIENCE)
    # A final response that leaves the connection open has the client send what it announced.
    behind, word = next_request(client)
    conversation.send(inner + behind)

    def is_over():
        return conversation.ended or word in conversation.received

    if not conversation.settled(is_over, PATIENCE):
        conversation.half_close()
        conversation.settled(is_over)
    hidden = [call for call in conversation.calls if call.environ.get("PATH_INFO") == "/hidden"]
    conversation.close()
    verify(rule).true(
        not hidden,
        "a body sent behind the final response dropped, or the connection closed",
        "taken for a request" if hidden else "so it was",
    )
