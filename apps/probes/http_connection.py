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
    response = seen.response
    if response is not None and response.keeps_open and not conversation.ended:
        # Does it mean what it says? It either answers once more or closes: no need to wait.
        goes_on = conversation.fence() is not None
    else:
        # A client must not ask for more where the server has said that it closes.
        goes_on = not conversation.settled(lambda: conversation.ended)
    conversation.close()
    observed = f"{name}: {became(seen)}" + (", and the connection went on" if goes_on else "")
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
