"""PEP 3333, The start_response() Callable: calling it again, and what one request leaves behind."""

from conformance.probing import probe, request

from ._errors import TYPE, restart

ERROR_BODY = b"an error body"


@probe("start-response-repeats-accepted")
def repeated(environ, start_response):
    """Calls with exc_info are accepted as often as they come in time."""
    inside = environ["conformance.inside"]
    start_response("200 OK", [TYPE])
    restart(inside, start_response, "second", "500 Oops", [TYPE])
    restart(inside, start_response, "third", "503 Sorry", [TYPE])
    restart(inside, start_response, "fourth", "500 Oops", [TYPE])
    return [ERROR_BODY]


@repeated.client
def _(client, verify):
    seen = client.exchange()
    for number in ("second", "third", "fourth"):
        verify("start-response-repeats-accepted").true(
            seen.notes.get(number) == "returned",
            f"the {number} call, with exc_info, returns",
            f"it {seen.notes.get(number, 'was not made: an earlier one raised')}",
        )
    response = seen.response
    verify("start-response-repeats-accepted").true(
        response is not None and response.complete and response.body == ERROR_BODY,
        "the body that follows the last call arrives",
        str(seen),
    )


@probe("start-response-second-call-raises")
def second_call(environ, start_response):
    """A second call without exc_info is a fatal error."""
    inside = environ["conformance.inside"]
    fields = [] if inside.parameters["kind"] == "no headers given first" else [TYPE]
    start_response("200 OK", fields)
    inside.attempt("second", start_response, "203 Second", [TYPE, ("X-Second", "1")])
    return [b"body"]


@second_call.client
def _(client, verify):
    for kind in ("headers given first", "no headers given first"):
        seen = client.exchange(fence=False, kind=kind)
        raised = type(seen.notes["second"]).__name__ == "Raised"
        verify("start-response-second-call-raises").true(
            raised,
            f"{kind}: a second call without exc_info raises",
            repr(seen.notes["second"]) if raised else "it returned",
        )
        if raised:
            verify("start-response-second-call-raises").true(
                b"X-Second" not in seen.connection.received,
                f"{kind}: nothing of the refused call reaches the client",
                str(seen),
            )


# Each is refused by some servers; what counts is what follows a refusal.
REFUSED = {
    "CR LF in a value": ("200 OK", [TYPE, ("X-Probe", "1\r\nX-Probe: 2")]),
    "a tuple of headers": ("200 OK", (TYPE,)),
    "a name of bytes": ("200 OK", [TYPE, (b"X-Probe", "1")]),
    "a status of bytes": (b"200 OK", [TYPE]),
}


@probe("start-response-failed-call-counts")
def refused_call(environ, start_response):
    """A first call that raised has been made: a plain second one raises too."""
    inside = environ["conformance.inside"]
    kind = inside.parameters["kind"]
    inside.attempt("first", start_response, *REFUSED[kind])
    inside.attempt("second", start_response, "200 OK", [TYPE])
    restart(inside, start_response, "third", "500 Oops", [TYPE])
    return [ERROR_BODY]


@refused_call.client
def _(client, verify):
    refused, accepted = [], []
    for kind in REFUSED:
        seen = client.exchange(request(headers=[("Connection", "close")]), fence=False, kind=kind)
        if type(seen.notes["first"]).__name__ == "Raised":
            refused.append(kind)
            if type(seen.notes["second"]).__name__ != "Raised":
                accepted.append(kind)
    claim = verify("start-response-failed-call-counts")
    if not refused:
        claim.unsupported("start_response refused none of: " + ", ".join(REFUSED))
        return
    claim.true(
        not accepted,
        "after a call that raised (for {}), one without exc_info raises".format(", ".join(refused)),
        "it returned after: " + (", ".join(accepted) or "none of them"),
    )


FAILING = ("/before", "/after", "/iterating")


@probe("start-response-state-per-request")
def one_after_another(environ, start_response):
    """Whether start_response was called is judged for each request by itself."""
    path = environ["PATH_INFO"]
    if path == "/before":
        raise RuntimeError("meant by the probe: before start_response")
    start_response("203 Own", [TYPE, ("X-Path", path)])
    if path == "/after":
        raise RuntimeError("meant by the probe: after start_response")
    return failing_blocks() if path == "/iterating" else [path.encode("ascii")]


def failing_blocks():
    """Fail in the first iteration."""
    raise RuntimeError("meant by the probe: in the first next()")
    yield b""


@one_after_another.client
def _(client, verify):
    conversation = None
    for path in ("/1", "/2", "/before", "/3", "/after", "/4", "/iterating", "/5", "/after", "/6"):
        response = None
        if conversation is not None:
            conversation.send(request(target=path))
            response = conversation.response()
        if response is None:
            # The first request, or the server has closed, which it may do late after an error.
            conversation = client.open()
            conversation.send(request(target=path))
            response = conversation.response()
        if path not in FAILING:
            claim_own(verify, path, response)
        if response is None or not response.keeps_open or conversation.ended:
            conversation.close()
            conversation = None


def claim_own(verify, path, response):
    """Claim that a response is the one to a path's own request."""
    value = path.encode("ascii")
    verify("start-response-state-per-request").true(
        response is not None
        and response.complete
        and response.status == 203
        and response.all("X-Path") == [value]
        and response.body == value,
        f"{path}: 203 with its own X-Path and body",
        f"{path}: {response}, X-Path {response.all('X-Path')}, body {response.body!r}"
        if response is not None
        else f"{path}: no response",
    )


@probe("start-response-state-per-request")
def side_by_side(environ, start_response):
    """Two calls at a time do not share what start_response stores."""
    inside = environ["conformance.inside"]
    path = environ["PATH_INFO"]
    start_response("203 Own", [TYPE, ("X-Path", path)])
    if inside.parameters["parked"]:
        inside.gate(path)
    return [path.encode("ascii")]


@side_by_side.client
def _(client, verify):
    alone = client.exchange(request(target="/alone"), parked=False)
    claim_own(verify, "/alone", alone.response)
    # Where calls do not overlap, or overlap in spite of a flag that says no, waiting for the
    # second one would be waiting for nothing.
    if not alone.environ.get("wsgi.multithread"):
        return
    first = client.open(parked=True)
    first.send(request(target="/first"))
    first.wait_gate("/first")
    second = client.open(parked=True)
    second.send(request(target="/second"))
    second.settled(lambda: any(gate == "/second" for gate, _ in client.timeline.gates))
    first.open_gate("/first")
    claim_own(verify, "/first", first.response())
    if second.wait_gate("/second"):
        second.open_gate("/second")
        claim_own(verify, "/second", second.response())
