"""PEP 3333, Specification Details: how the application is called, and what becomes of environ."""

from conformance.probing import probe, request


def plain(*fields):
    """Return the headers of a text."""
    return [("Content-Type", "text/plain"), *fields]


def answer(start_response):
    """Answer with nothing: what is looked at is the call."""
    start_response("200 OK", plain(("Content-Length", "0")))
    return []


@probe("start-response-two-args")
def status_and_headers_alone(environ, start_response):
    """start_response is content with a status and headers, whatever the status."""
    status = environ["conformance.inside"].parameters["status"]
    start_response(status, plain(("X-Probe", "arrived"), ("Content-Length", "4")))
    return [b"body"]


@status_and_headers_alone.client
def _(client, verify):
    # exc_info belongs to errors that an application trapped; not every error response has one.
    for status in ("200 OK", "404 Not Found", "503 Service Unavailable"):
        seen = client.exchange(status=status)
        raised = seen.call.first("start_response-raised")
        verify("start-response-two-args").true(
            raised is None,
            f"start_response({status!r}, headers) returns",
            raised.data["error"] if raised else "it returned",
        )
        arrived = seen.response is not None and (
            seen.response.status == int(status[:3]) and seen.response.first("X-Probe") == b"arrived"
        )
        verify("start-response-two-args").true(arrived, "both reach the client", str(seen))


# What a server might still look at, changed so that it would frame the response otherwise.
JUNK = {
    "REQUEST_METHOD": "HEAD",
    "SERVER_PROTOCOL": "HTTP/0.9",
    "HTTP_CONNECTION": "close, upgrade",
    "CONTENT_LENGTH": "999999",
    "wsgi.input": None,
    "wsgi.errors": None,
    "probe.junk": object(),
}


@probe("environ-mutation-tolerated")
def environ_full_of_junk(environ, start_response):
    """The response is right although the application cleared environ, or filled it with junk."""
    inside = environ["conformance.inside"]
    kind = inside.parameters["kind"]
    # The response that comes of it is judged here, and not once more by the general checks.
    inside.event("outlandish")
    environ.clear()
    if kind == "junk":
        environ.update(JUNK)
    start_response("200 OK", plain())
    return iter([b"a whole ", b"body"])


@environ_full_of_junk.client
def _(client, verify):
    rule = "environ-mutation-tolerated"
    for kind in ("cleared", "junk"):
        seen = client.exchange(request(target="/?" + kind), kind=kind)
        whole = seen.succeeded and seen.answered.body == b"a whole body"
        verify(rule).true(whole, f"all of the body with environ {kind}", str(seen))
        defects = seen.response.defects if seen.response else ()
        verify(rule).true(not defects, "a well-formed response", str(list(defects)))
        expected = "the next request on the connection is served, or the connection closed"
        verify(rule).true(seen.fenced is not False, expected, f"answered: {seen.fenced}")


@probe("environ-mutation-not-leaked")
def environ_with_a_mark(environ, start_response):
    """What a call does to its environ is not seen by the next one."""
    del environ["wsgi.version"]
    environ["probe.mark"] = "left behind"
    environ["HTTP_X_PROBE_MARK"] = "left behind"
    return answer(start_response)


@environ_with_a_mark.client
def _(client, verify):
    # On new connections, and a second time on each where it stays open.
    for _ in range(3):
        conversation = client.open()
        conversation.send(request())
        response = conversation.response()
        if response is not None and response.keeps_open and not conversation.ended:
            conversation.send(request(headers=[("Connection", "close")]))
            conversation.response()
        conversation.close()
    for call in client.timeline.played():
        left = [key for key in ("probe.mark", "HTTP_X_PROBE_MARK") if key in call.environ]
        verify("environ-mutation-not-leaked").equal(left, [])
        present = "wsgi.version" in call.environ
        # Of the first call this is another rule's matter.
        verify("environ-mutation-not-leaked").true(
            present or call.number == 1, "wsgi.version is there again", f"there: {present}"
        )


@probe("app-called-once-per-request")
def counted(environ, start_response):
    """Each request leads to one call: on new, kept and pipelined connections."""
    start_response("200 OK", plain(("Content-Length", "2")))
    return [b"ok"]


def numbered(number, *headers):
    """Return the request of a number."""
    return request(target=f"/request/{number}", headers=headers)


def times_called(timeline, number):
    """Return how often the application was called for the request of a number."""
    path = f"/request/{number}"
    return sum(call.environ.get("PATH_INFO") == path for call in timeline.calls.values())


@counted.client
def _(client, verify):
    answered = [number for number in range(5) if client.exchange(numbered(number)).succeeded]

    kept = client.open()
    for number in range(10, 20):
        kept.send(numbered(number))
        response = kept.response()
        if response is None or not response.complete:
            break
        answered.append(number)
        if not response.keeps_open:
            break
    kept.close()

    # A server that closes after a response leaves the ones behind it unanswered.
    pipelined = client.open()
    last = range(20, 30)[-1]
    pipelined.send(b"".join(numbered(number) for number in range(20, last)))
    pipelined.send(numbered(last, ("Connection", "close")))
    for number in range(20, 30):
        response = pipelined.response()
        if response is None or not response.complete:
            break
        answered.append(number)
        if not response.keeps_open:
            break
    # Some servers read on until the client has said its last, before they close.
    pipelined.half_close()
    pipelined.settled(lambda: pipelined.ended)

    counts = {number: times_called(client.timeline, number) for number in range(30)}
    wrong = {number: counts[number] for number in answered if counts[number] != 1}
    wrong.update({number: count for number, count in counts.items() if count > 1})
    verify("app-called-once-per-request").true(
        answered and not wrong,
        "one call for each of the answered requests, no second call for any",
        f"{len(answered)} answered; calls by request where not one: {wrong}",
    )


@probe("close-exactly-once", "close-not-too-early")
def three_blocks(environ, start_response):
    """close() is called once, after the last block has been taken."""
    start_response("200 OK", plain())
    return environ["conformance.inside"].iterable([b"one", b"two", b"three"])


@three_blocks.client
def _(client, verify):
    seen = client.exchange()
    if not client.wait_closed(seen.call):
        verify("close-exactly-once").unsupported("no call of close() at all")
        verify("close-not-too-early").unsupported("no call of close() at all")
        return
    kinds = [event.kind for event in seen.call.events]
    verify("close-exactly-once").equal(kinds.count("close"), 1)
    before = kinds[: kinds.index("close")].count("block")
    after = kinds[kinds.index("close") :].count("next")
    verify("close-not-too-early").true(
        before == 3 and not after,
        "three blocks taken, then close()",
        f"{before} blocks taken before close(), {after} next() after it",
    )
