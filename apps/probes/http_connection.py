"""RFC 9112 section 9, Connection Management; RFC 9110 section 7.8, Upgrade."""

from conformance.probing import probe, request

from ._requests import answer, became, deliver, head

CLOSING = {
    "close": [b"Connection: close"],
    "Close": [b"Connection: Close"],
    "TE, close": [b"Connection: TE, close"],
    "close in a second field": [b"Connection: TE", b"Connection: close"],
}


def judge_end(client, verify, rule, name, data):
    """Claim that the response to a request is the last of its connection."""
    conversation = client.open()
    conversation.send(data)
    seen = conversation.exchange(conversation.response())
    # What is asked next is never answered, and not waited for: that the connection ends is seen.
    goes_on = not conversation.ended and conversation.fence() is not None
    conversation.close()
    observed = f"{name}: {became(seen)}" + ("; then it served another request" if goes_on else "")
    verify(rule).true(not goes_on, f"{name}: a response, and a close", observed)


@probe("http-close-honoured")
def last_request(environ, start_response):
    """A request that says close is the last of its connection."""
    return answer(start_response)


@last_request.client
def _(client, verify):
    rule = "http-close-honoured"
    for name, lines in CLOSING.items():
        judge_end(client, verify, rule, name, head(*lines))


@probe("http-10-closes")
def old_request(environ, start_response):
    """A request of HTTP/1.0 without keep-alive is the last of its connection."""
    return answer(start_response)


@old_request.client
def _(client, verify):
    judge_end(client, verify, "http-10-closes", "HTTP/1.0", request(target="/old", version="1.0"))


UPGRADES = {
    "an unknown protocol": request(
        headers=[("Connection", "Upgrade"), ("Upgrade", "conformance/1")]
    ),
    "websocket by POST": request(
        "POST",
        headers=[("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Content-Length", "0")],
    ),
}


@probe("http-upgrade-unknown")
def upgrade(environ, start_response):
    """Nobody switches to a protocol that was not asked for."""
    return answer(start_response)


@upgrade.client
def _(client, verify):
    for name, data in UPGRADES.items():
        seen = deliver(client, data)
        status = seen.response.status if seen.response is not None else 0
        verify("http-upgrade-unknown").true(status != 101, f"{name}: not 101", became(seen))
