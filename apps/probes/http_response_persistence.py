"""RFC 9112: the connection after a response: kept, closed, and said so."""

from conformance.probing import probe, request

from ._responses import CLOSE, TYPE, judge_announced, says_close

PART = b"partial"
# name: method, status, headers, blocks, a body to send
ORDINARY = {
    "a length": ("GET", "200 OK", [("Content-Length", "4")], b""),
    "no length": ("GET", "200 OK", [], b""),
    "404": ("GET", "404 Nobody Home", [("Content-Length", "4")], b""),
    "500": ("GET", "500 Oops", [("Content-Length", "4")], b""),
    "HEAD": ("HEAD", "200 OK", [("Content-Length", "4")], b""),
    "204": ("GET", "204 No Content", [], b""),
    "304": ("GET", "304 Not Modified", [], b""),
    "POST": ("POST", "200 OK", [("Content-Length", "4")], b"posted"),
}


@probe("http-close-announced")
def ordinary(environ, start_response):
    """A connection that ends after an ordinary response was announced to end."""
    _, status, fields, body = ORDINARY[environ["conformance.inside"].parameters["kind"]]
    environ["wsgi.input"].read(len(body))
    start_response(status, [TYPE, *fields] if status[0] != "3" else list(fields))
    return [] if status[:3] in ("204", "304") else [b"bo", b"dy"]


@ordinary.client
def _(client, verify):
    claim = verify("http-close-announced")
    judged = []
    for kind, (method, _, _, body) in ORDINARY.items():
        seen = client.exchange(request(method, body=body), to_end=True, kind=kind)
        response = seen.answered
        if response.keeps_open:
            # False is an answer too, though not the one that was due (http-head-no-content).
            judged.append(judge_announced(claim, kind, response, seen.fenced is None))
        data = request(method, headers=[CLOSE], body=body)
        seen = client.exchange(data, fence=False, to_end=True, kind=kind)
        ended = seen.connection.ended is not None
        judged.append(judge_announced(claim, kind + ", asked to close", seen.answered, ended))
    if not any(judged):
        claim.info("no response in HTTP/1.1 that has an end of its own", "judged of those")


@probe("http-close-sent-ends")
def called_twice(environ, start_response):
    """After a response with Connection: close nothing more is processed."""
    start_response("200 OK", [TYPE, ("Content-Length", "4")])
    return [b"body"]


@called_twice.client
def _(client, verify):
    conversation = client.open()
    conversation.send(request(target="/first", headers=[CLOSE]) + request(target="/second"))
    response = conversation.response()
    expected = "one call, one response, and the end of the connection"
    if response is None or not says_close(response):
        verify("http-close-sent-ends").info(f"the response does not say so: {response}", expected)
        conversation.close()
        return
    ended = conversation.settled(lambda: conversation.ended)
    conversation.wait_calls()
    calls, rest = len(conversation.calls), conversation.received[response.end :]
    conversation.close()
    verify("http-close-sent-ends").true(
        ended and calls == 1 and not rest,
        expected,
        "{} call(s), {!r} behind the response, and the connection {}".format(
            calls, rest[:60], "ended" if ended else "stayed open"
        ),
    )


@probe("http-cut-body-ends-connection")
def fails_midway(environ, start_response):
    """Behind a response that failed midway there is no other one."""
    inside = environ["conformance.inside"]
    if environ["PATH_INFO"] == "/after":
        start_response("200 OK", [TYPE, ("Content-Length", "5")])
        return [b"after"]
    fields = [("Content-Length", "1000")] if inside.parameters["kind"] == "a length" else []
    write = start_response("200 OK", [("Content-Type", "application/octet-stream"), *fields])
    if inside.parameters["how"] == "written":
        write(PART)
        raise ValueError("wanted")

    def blocks():
        yield PART
        raise ValueError("wanted")

    return blocks()


@fails_midway.client
def _(client, verify):
    for kind in ("a length", "no length"):
        for how in ("yielded", "written"):
            conversation = client.open(kind=kind, how=how)
            conversation.send(request(target="/midway"))
            conversation.wait_calls()
            conversation.send(request(target="/after", headers=[CLOSE]))
            conversation.half_close()
            response = conversation.response()
            conversation.settled(lambda conversation=conversation: conversation.ended)
            received = conversation.received
            conversation.close()
            cut = response is None or not response.complete or b"HTTP/1." in response.body
            # A second head alone may be an error's, which is another rule's matter.
            goes_on = any(call.environ.get("PATH_INFO") == "/after" for call in conversation.calls)
            verify("http-cut-body-ends-connection").true(
                not (cut and goes_on and received.count(b"HTTP/1.") > 1),
                f"{kind}, {how}: no response inside the body of another",
                f"{kind}, {how}: {received[-300:]!r}",
            )


@probe(facts=("persistence.http11", "persistence.http10-keep-alive", "persistence.head"))
def kept(environ, start_response):
    """How long a connection lasts: after HTTP/1.1, after HTTP/1.0 with keep-alive, after HEAD."""
    start_response("200 OK", [TYPE, ("Content-Length", "4")])
    return [b"body"]


@kept.client
def _(client, verify):
    keep_alive = [("Connection", "keep-alive")]
    for name, data in (
        ("http11", request()),
        ("http10-keep-alive", request(version="1.0", headers=keep_alive)),
        ("head", request("HEAD")),
    ):
        seen = client.exchange(data)
        said = ", ".join(sorted(seen.answered.tokens("Connection"))) or "nothing"
        found = "closed" if seen.fenced is None else "kept open"
        verify.fact("persistence." + name, f"{found}; Connection says {said}")
