"""PEP 3333, Handling the Content-Length Header: chunked responses, and those without a body."""

from conformance.probing import probe, request

OCTETS = ("Content-Type", "application/octet-stream")
# Every byte there is, and first of all what a last chunk looks like.
PATTERN = b"0\r\n\r\n" + bytes(range(256))


def pattern(size):
    """Return so many bytes, the same ones each time."""
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


def whole(seen, body):
    """Whether the body arrived, its end could be told, and nothing was left behind it."""
    response = seen.response
    if response is None or not response.complete or response.body != body:
        return False
    return not seen.behind


def account(seen):
    """Return what arrived, for a verdict."""
    response = seen.answered
    defects = "; ".join(defect.text for defect in response.defects)
    return (
        f"{len(response.body)} bytes by {response.framing}"
        + ("" if response.complete else ", cut short")
        + (f", and more behind it: {seen.behind[:60]!r}" if seen.behind else "")
        + (f" ({defects})" if defects else "")
    )


@probe("http-chunked-needs-http11")
def answers_old_client(environ, start_response):
    """A client that speaks HTTP/1.0 gets no chunks, but a length or the connection's end."""
    inside = environ["conformance.inside"]
    write = start_response("200 OK", [OCTETS])
    if inside.parameters["kind"] == "write":
        write(b"abc")
        return [b"def"]
    return iter([b"abc", b"def"])


@answers_old_client.client
def _(client, verify):
    for headers in ([], [("Connection", "keep-alive")], [("TE", "chunked")]):
        for kind in ("blocks", "write"):
            conversation = client.open(kind=kind)
            conversation.send(request(version="1.0", headers=headers))
            conversation.wait_received(b"def")
            # A server that forgets to say where the body ends is judged elsewhere; it must not make
            # this wait.
            conversation.half_close()
            seen = conversation.exchange(conversation.response())
            conversation.close()
            response = seen.answered
            verify("http-chunked-needs-http11").true(
                not response.all("Transfer-Encoding") and response.body == b"abcdef",
                "b'abcdef' and no Transfer-Encoding, to a request in HTTP/1.0",
                f"{kind}, request with {headers or 'no fields'}: {response.body!r}, "
                f"Transfer-Encoding: {response.all('Transfer-Encoding') or 'none'}",
            )


@probe("http-chunked-no-empty-chunk")
def sends_nothing_between(environ, start_response):
    """An empty block between two others does not end a chunked response."""
    inside = environ["conformance.inside"]
    write = start_response("200 OK", [OCTETS])
    if inside.parameters["kind"] == "write":
        for block in (b"one", b"", b"two"):
            write(block)
        return []
    return iter([b"", b"one", b"", b"", b"two", b""])


@sends_nothing_between.client
def _(client, verify):
    for kind in ("blocks", "write"):
        seen = client.exchange(to_end=True, kind=kind)
        if seen.answered.framing != "chunked":
            verify("http-chunked-no-empty-chunk").info(
                f"{kind}: delimited by {seen.answered.framing}", "judged of chunked responses"
            )
            continue
        verify("http-chunked-no-empty-chunk").true(
            whole(seen, b"onetwo"),
            "b'onetwo', one last chunk, and nothing behind it",
            f"{kind}: {seen.answered.body!r}, {account(seen)}",
        )


SIZES = (0, 1, 9, 10, 15, 16, 255, 256, 4096, 65536, 70001)


@probe("http-chunked-rfc-conformant")
def sends_many_sizes(environ, start_response):
    """Chunks of a chunked response are well-formed whatever the blocks' sizes and bytes."""
    inside = environ["conformance.inside"]
    write = start_response("200 OK", [OCTETS])
    kind = inside.parameters["kind"]
    if kind == "nothing":
        return iter([])
    if kind == "write":
        for size in SIZES:
            write(pattern(size))
        return iter([])
    return (pattern(size) for size in SIZES)


@sends_many_sizes.client
def _(client, verify):
    body = b"".join(map(pattern, SIZES))
    for kind, expected in (("blocks", body), ("write", body), ("nothing", b"")):
        seen = client.exchange(to_end=True, kind=kind)
        response = seen.answered
        if not response.all("Transfer-Encoding"):
            verify("http-chunked-rfc-conformant").info(
                f"{kind}: delimited by {response.framing}", "judged of chunked responses"
            )
            continue
        verify("http-chunked-rfc-conformant").true(
            response.framing == "chunked" and not response.defects and whole(seen, expected),
            f"{len(expected)} bytes in well-formed chunks, one last chunk, no Content-Length",
            f"{kind}: {account(seen)}",
        )


@probe("http-chunked-abort-unterminated")
def fails_halfway(environ, start_response):
    """A chunked response that the application could not finish is not ended as if it were whole."""
    inside = environ["conformance.inside"]
    start_response("200 OK", [OCTETS])

    def blocks():
        yield b"partial"
        inside.gate("sent")
        raise RuntimeError("conformance: fails halfway on purpose")

    return blocks()


@fails_halfway.client
def _(client, verify):
    conversation = client.open()
    conversation.send(request())
    conversation.wait_gate("sent")
    conversation.open_gate("sent")
    over = conversation.settled(
        lambda: conversation.ended or conversation.received.endswith(b"\r\n0\r\n\r\n")
    )
    response = conversation.response() if over else None
    seen = conversation.exchange(response)
    conversation.close()
    _ = seen.call
    if response is None or response.framing != "chunked" or not response.body:
        verify("http-chunked-abort-unterminated").info(
            str(seen), "judged of chunked responses that had begun"
        )
        return
    verify("http-chunked-abort-unterminated").true(
        not response.complete,
        "the connection ended without a last chunk",
        "a last chunk, as if the body were whole"
        if response.complete
        else "no last chunk, and the end of the connection",
    )


BODILESS = {
    "HEAD": ("HEAD", "200 OK"),
    "204": ("GET", "204 No Content"),
    "304": ("GET", "304 Not Modified"),
}


@probe("http-chunked-rfc-conformant")
def answers_without_body(environ, start_response):
    """Responses to HEAD, and those with 204 or 304, leave nothing on the connection behind them."""
    inside = environ["conformance.inside"]
    _, status = BODILESS[inside.parameters["kind"]]
    write = start_response(status, [OCTETS] if status.startswith("200") else [])
    blocks = {"empty": [], "blank": [b""], "iterator": iter([])}
    how = inside.parameters["how"]
    if how == "body":
        # Only for HEAD: the body that a GET would have had, as the application may well give it.
        return iter([b"head", b"body"])
    if how == "write":
        write(b"headbody")
        return []
    return blocks[how]


@answers_without_body.client
def _(client, verify):
    for kind, (method, _) in BODILESS.items():
        hows = ("empty", "blank", "iterator") + (("body", "write") if kind == "HEAD" else ())
        for how in hows:
            seen = client.exchange(request(method), to_end=True, kind=kind, how=how)
            response, behind = seen.response, seen.behind
            expected = "no body and no chunk behind the head"
            if response is None:
                # No chunk either; that there is no response is other rules' matter.
                verify("http-chunked-rfc-conformant").info(f"{kind}, {how}: {seen}", expected)
                continue
            if seen.fenced is False:
                # The client takes the body for its next response: more than a matter of taste.
                # "must comply fully" is said of chunking, so the rest is for HTTP to judge.
                chunked = bool(response.all("Transfer-Encoding"))
                claim = verify("http-chunked-rfc-conformant", None if chunked else "undefined")
                claim.true(False, expected, f"{kind}, {how}: then came {behind[:60]!r}")
            elif behind:
                verify("http-chunked-rfc-conformant").info(
                    f"{kind}, {how}: {behind[:60]!r}, and the end of the connection", expected
                )
            else:
                verify("http-chunked-rfc-conformant").true(True, expected, "so it was")
