"""RFC 9112 section 9, Connection Management; RFC 9110 section 7.8, Upgrade."""

from conformance.probing import probe, request

from ._requests import answer, became, deliver, head

CLOSING = {
    "close": [b"Connection: close"],
    "Close": [b"Connection: Close"],
    "TE, close": [b"Connection: TE, close"],
    "close in a second field": [b"Connection: TE", b"Connection: close"],
}


def ends(client, data):
    """Send a request; return the exchange, and whether the server closed behind its response."""
    conversation = client.open()
    conversation.send(data)
    seen = conversation.exchange(conversation.response())
    ended = conversation.settled(lambda: conversation.ended)
    seen.calls = conversation.calls
    conversation.close()
    return seen, ended


def judge_end(verify, rule, name, seen, ended):
    """Claim that a response was the last of its connection."""
    after = "" if seen.response is None else "; then it " + ("closed" if ended else "stayed open")
    verify(rule).true(ended, f"{name}: a response, and a close", f"{name}: {became(seen)}{after}")


@probe("http-close-honoured")
def last_request(environ, start_response):
    """A request that says close is the last of its connection."""
    return answer(start_response)


@last_request.client
def _(client, verify):
    rule = "http-close-honoured"
    for name, lines in CLOSING.items():
        judge_end(verify, rule, name, *ends(client, head(*lines)))
    second = head(start=b"GET /second HTTP/1.1")
    seen, _ = ends(client, head(b"Connection: close") + second)
    served = [call for call in seen.calls if call.environ.get("PATH_INFO") == "/second"]
    expected = "no call for a request behind one that says close"
    verify(rule).true(not served, expected, f"{len(served)} call{'s' * (len(served) != 1)}")


@probe("http-10-closes")
def old_request(environ, start_response):
    """A request of HTTP/1.0 without keep-alive is the last of its connection."""
    return answer(start_response)


@old_request.client
def _(client, verify):
    judge_end(verify, "http-10-closes", "HTTP/1.0", *ends(client, request(version="1.0")))


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
