"""RFC 9110: responses that have no content, to HEAD, with 204, 205, 304 and 1xx."""

import io

from conformance.probing import probe, request

from ._responses import TYPE, behind_head, closing, lines_of

BODY = b"0123456789"
LENGTH = ("Content-Length", str(len(BODY)))


def made(kind, write, environ):
    """Return the body in the shape that is asked for."""
    if kind == "write()":
        write(BODY)
        return []
    if kind == "a file" and "wsgi.file_wrapper" in environ:
        return environ["wsgi.file_wrapper"](io.BytesIO(BODY))
    if kind == "a generator":
        return (block for block in (BODY[:4], BODY[4:]))
    if kind == "two blocks":
        return [BODY[:4], BODY[4:]]
    return {"nothing": [], "an empty block": [b""], "an iterator": iter(())}.get(kind, [BODY])


@probe("http-head-no-content")
def body_for_head(environ, start_response):
    """An application that gives HEAD the body of GET gets nothing of it sent."""
    kind = environ["conformance.inside"].parameters["kind"]
    fields = [TYPE, LENGTH] if kind == "a length declared" else [TYPE]
    return made(kind, start_response("200 OK", fields), environ)


SHAPES = ("a list", "two blocks", "a generator", "a length declared", "write()", "a file")


@body_for_head.client
def _(client, verify):
    for kind in SHAPES:
        for data in (request("HEAD"), closing("HEAD")):
            judge_end_of_head(client, verify("http-head-no-content"), data, kind)


@probe("http-error-answer-well-formed")
def fails_for_head(environ, start_response):
    """The page that a server sends where an application fails is not sent to HEAD."""
    raise ValueError("wanted")


@fails_for_head.client
def _(client, verify):
    for data in (request("HEAD"), closing("HEAD")):
        judge_end_of_head(client, verify("http-error-answer-well-formed"), data, "an error page")


def judge_end_of_head(client, claim, data, kind, **more):
    """Claim that nothing follows the head of a response; return the exchange."""
    seen = client.exchange(data, to_end=True, kind=kind, **more)
    behind, response = behind_head(seen), seen.response
    expected = f"{kind}: nothing behind the head"
    if behind and response.all("Transfer-Encoding"):
        claim.info(f"{behind[:60]!r} behind it; it says that it is chunked", expected)
    else:
        claim.true(not behind, expected, f"{behind[:60]!r} behind it" if behind else kind)
    return seen


@probe("http-head-length-as-get", "http-head-fields-as-get")
def head_and_get(environ, start_response):
    """HEAD is answered with the fields of GET, and with no other length."""
    kind = environ["conformance.inside"].parameters["kind"]
    fields = [TYPE, ("ETag", '"probe"'), ("X-Probe", "1"), ("Set-Cookie", "a=b")]
    if kind == "a length declared":
        fields.append(LENGTH)
    write = start_response("200 OK", fields)
    # An application that knows what HEAD means produces no body for it.
    idle = environ["REQUEST_METHOD"] == "HEAD" and environ["PATH_INFO"] != "/same"
    return [] if idle else made(kind, write, environ)


# What a server knows only once it has produced the content, and what belongs to the connection.
INCOMPARABLE = ("date", "connection", "keep-alive", "transfer-encoding", "trailer")


@head_and_get.client
def _(client, verify):
    for kind in ("a list", "two blocks", "a generator", "a length declared", "write()"):
        for target in ("/same", "/"):
            # To the end of the connection, in case the body has none of its own.
            get = client.exchange(closing(target=target), fence=False, kind=kind).answered
            data = closing("HEAD", target=target)
            head = client.exchange(data, fence=False, to_end=True, kind=kind).answered
            what = f"{kind}, {'the same' if target == '/same' else 'no body'} for HEAD"
            if get.status != 200 or not get.complete:
                for rule in ("http-head-length-as-get", "http-head-fields-as-get"):
                    verify(rule).info(f"{what}: {get}", "a whole response to GET, to compare with")
                continue
            lengths = head.all("Content-Length")
            verify("http-head-length-as-get").true(
                lengths in ([], [str(len(get.body)).encode("ascii")]),
                f"{what}: no Content-Length, or {len(get.body)}",
                f"{what}: {lengths}",
            )
            leave_out = INCOMPARABLE + (() if kind == "a length declared" else ("content-length",))
            differing = differences(get, head, leave_out)
            verify("http-head-fields-as-get").true(
                not differing,
                f"{what}: the same fields",
                f"{what}: " + ("; ".join(differing) or "so they are"),
            )


def differences(get, head, leave_out):
    """Return what is different in the fields of two responses, in words."""
    found = []
    if get.status != head.status:
        found.append(f"{get} to GET, {head} to HEAD")
    for name in sorted({name.lower() for name, _ in get.fields + head.fields}):
        text = name.decode("latin-1")
        if text not in leave_out and get.all(text) != head.all(text):
            found.append(f"{text}: {get.all(text)} to GET, {head.all(text)} to HEAD")
    return found


@probe("http-204-no-content", "http-304-no-content")
def body_where_none_can_be(environ, start_response):
    """Nothing follows the head of a 204 or 304, though the application yields a body."""
    parameters = environ["conformance.inside"].parameters
    write = start_response(parameters["status"], [("ETag", '"probe"')])
    return made(parameters["kind"], write, environ)


@body_where_none_can_be.client
def _(client, verify):
    for code, status in (("204", "204 No Content"), ("304", "304 Not Modified")):
        claim = verify(f"http-{code}-no-content")
        for kind in (
            "nothing",
            "an empty block",
            "an iterator",
            "a list",
            "a generator",
            "write()",
        ):
            for data in (request(), closing()):
                judge_end_of_head(client, claim, data, kind, status=status)


@probe("http-205-no-content")
def reset_content(environ, start_response):
    """A 205 has no content and says so by its framing."""
    write = start_response("205 Reset Content", [("X-Probe", "1")])
    return made(environ["conformance.inside"].parameters["kind"], write, environ)


@reset_content.client
def _(client, verify):
    for kind in ("nothing", "an empty block", "an iterator", "a list"):
        conversation = client.open(kind=kind)
        # The second one's answer, and the end that it asks for, show where the first one ended.
        conversation.send(request() + closing())
        response = conversation.response()
        conversation.settled(lambda conversation=conversation: conversation.ended)
        received = conversation.received
        seen = conversation.exchange(response or conversation.response())
        conversation.close()
        response = seen.answered
        rest = received[response.end :]
        claim = verify("http-205-no-content", "SHOULD" if kind == "a list" else None)
        claim.true(
            response.status != 205
            or (response.complete and not response.body and rest[:7] in (b"", b"HTTP/1.")),
            f"{kind}: no content, and an end of its own",
            f"{kind}: {response.body[:60]!r} by {response.framing}, and behind it {rest[:30]!r}",
        )


@probe("http-no-length-in-1xx-204")
def no_content(environ, start_response):
    """A 204 has no Content-Length, and neither has an interim response."""
    kind = environ["conformance.inside"].parameters["kind"]
    if kind == "a body asked for":
        environ["wsgi.input"].read(len(BODY))
    return made(kind, start_response("204 No Content", []), environ)


@no_content.client
def _(client, verify):
    for kind in ("nothing", "an empty block", "an iterator"):
        judge_length_of_204(client, verify("http-no-length-in-1xx-204"), kind)
    for head in interim_heads(asked_for_a_body(client)):
        lengths = [line for line in lines_of(head) if line.lower().startswith(b"content-length")]
        verify("http-no-length-in-1xx-204").true(
            not lengths, "no Content-Length in an interim response", lengths or "none"
        )


def judge_length_of_204(client, claim, kind):
    """Claim that a 204 has no Content-Length."""
    response = client.exchange(to_end=True, kind=kind).answered
    lengths = response.all("Content-Length")
    claim.true(
        response.status != 204 or not lengths,
        f"204, {kind}: no Content-Length",
        "204, {}: {}".format(kind, lengths or "none"),
    )


@probe("http-no-length-in-1xx-204")
def no_content_of_a_length(environ, start_response):
    """A Content-Length that an application gives a 204 is not passed on."""
    start_response("204 No Content", [("Content-Length", "0")])
    return []


@no_content_of_a_length.client
def _(client, verify):
    # The application is at fault first.
    claim = verify("http-no-length-in-1xx-204", "SHOULD")
    judge_length_of_204(client, claim, "a length declared")


def asked_for_a_body(client):
    """Hold a body back until the server asks for it, or waits; return all that was received."""
    conversation = client.open(kind="a body asked for")
    length = ("Content-Length", str(len(BODY)))
    conversation.send(closing("POST", headers=[("Expect", "100-continue"), length]))
    conversation.settled(lambda: bool(conversation.received) or conversation.ended, or_idle=True)
    conversation.send(BODY)
    conversation.response("POST")
    received = conversation.received
    conversation.close()
    return received


def interim_heads(received):
    """Return the heads of the interim responses that come first."""
    heads = []
    while received.startswith(b"HTTP/1.") and received[8:10] == b" 1":
        head, _, received = received.partition(b"\r\n\r\n")
        heads.append(head)
    return heads


@probe("http-304-length-as-200", "http-304-metadata-not-added")
def not_modified(environ, start_response):
    """A 304 is given neither a length that is not the 200's nor a type."""
    fields = [("ETag", '"probe"')]
    if "HTTP_IF_NONE_MATCH" in environ:
        start_response("304 Not Modified", fields)
        return made(environ["conformance.inside"].parameters["kind"], None, environ)
    start_response("200 OK", [*fields, TYPE])
    return [BODY]


METADATA = ("Content-Type", "Content-Encoding", "Content-Language", "Content-Range")


@not_modified.client
def _(client, verify):
    for kind in ("nothing", "an empty block", "an iterator"):
        data = request(headers=[("If-None-Match", '"probe"')])
        response = client.exchange(data, to_end=True, kind=kind).answered
        lengths = response.all("Content-Length")
        verify("http-304-length-as-200").true(
            lengths in ([], [str(len(BODY)).encode("ascii")]),
            f"304, {kind}: no Content-Length, or {len(BODY)}",
            "304, {}: {}".format(kind, lengths or "none"),
        )
        added = [name for name in METADATA if response.all(name)]
        verify("http-304-metadata-not-added").true(
            not added, "304, {}: none of {}".format(kind, ", ".join(METADATA)), added or "none"
        )
