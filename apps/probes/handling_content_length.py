"""PEP 3333, Handling the Content-Length Header: declared, exceeded, missed and left out."""

import re

from conformance.probing import probe, request

OCTETS = ("Content-Type", "application/octet-stream")
NEXT_HEAD = b"HTTP/1."


def beyond(seen, length):
    """Return what came behind so many bytes of body and is no other response."""
    rest = bytes(seen.connection.received[seen.response.head_end + length :])
    return rest.partition(NEXT_HEAD)[0]


def refused(seen):
    """Whether the server answered with an error of its own, or not at all: no harm done."""
    return seen.response is None or seen.response.status >= 500 or not seen.response.status


# Small excess blocks, each shorter than what was declared, and large ones: a server that compares
# each block with the whole length gets only some of them wrong.
EXCESS = {
    "behind": [b"hello", b"SMUGGLED"],
    "small pieces": [b"hello", b"SMU", b"GGLED"],
    "across": [b"hel", b"loSMUGGLED"],
    "one block": [b"helloSMUGGLED"],
}


@probe("content-length-excess-yield-dropped")
def yields_too_much(environ, start_response):
    """Of a body longer than its Content-Length, no byte beyond that length is sent."""
    inside = environ["conformance.inside"]
    start_response("200 OK", [OCTETS, ("Content-Length", "5")])
    return inside.iterable(EXCESS[inside.parameters["kind"]])


@yields_too_much.client
def _(client, verify):
    for headers in ([], [("Connection", "close")]):
        for kind in EXCESS:
            seen = client.exchange(request(headers=headers), to_end=True, kind=kind)
            if refused(seen):
                verify("content-length-excess-yield-dropped").true(
                    b"SMUGGLED" not in seen.connection.received,
                    "at most the 5 declared bytes of the body",
                    f"{kind}: {seen}",
                )
            else:
                excess = beyond(seen, 5)
                verify("content-length-excess-yield-dropped").true(
                    not excess,
                    "at most the 5 declared bytes of the body",
                    f"{kind}: {seen.response.body!r} and behind it {excess!r}",
                )


@probe("content-length-excess-write-dropped", "content-length-excess-write-raises")
def writes_too_much(environ, start_response):
    """write() beyond the Content-Length raises an error, and sends nothing beyond it."""
    inside = environ["conformance.inside"]
    write = start_response("200 OK", [OCTETS, ("Content-Length", "5")])
    for block in EXCESS[inside.parameters["kind"]]:
        write(block)
    return []


@writes_too_much.client
def _(client, verify):
    for kind in EXCESS:
        seen = client.exchange(to_end=True, kind=kind)
        if refused(seen):
            excess = b"SMUGGLED" if b"SMUGGLED" in seen.connection.received else b""
        else:
            excess = beyond(seen, 5)
        verify("content-length-excess-write-dropped").true(
            not excess, "at most the 5 declared bytes of the body", f"{kind}: {seen} and {excess!r}"
        )
        raised = seen.call.first("write-raised")
        if seen.call.count("write") < 2 and raised is None and kind != "one block":
            verify("content-length-excess-write-raises").unsupported("there is no write()")
            continue
        verify("content-length-excess-write-raises").true(
            raised is not None,
            "an exception from the write() that goes past the 5 declared bytes",
            f"{kind}: " + (raised.data["error"] if raised else "every write() returned"),
        )


@probe("content-length-stops-iterating")
def goes_on_for_long(environ, start_response):
    """Once the declared length is sent, no more blocks are asked for."""
    start_response("200 OK", [OCTETS, ("Content-Length", "5")])
    return environ["conformance.inside"].iterable([b"hello"] + [b"x"] * 100)


@goes_on_for_long.client
def _(client, verify):
    # The connection stays open on our side: a server that goes on is not to be stopped by a reset.
    conversation = client.open()
    conversation.send(request())
    response = conversation.response()
    seen = conversation.exchange(response)
    client.wait_closed(seen.call)
    extra = seen.call.count("next") - 1
    verify("content-length-stops-iterating").true(
        extra <= 1,
        "no block asked for once the declared 5 bytes are there, or one to see that it was all",
        f"asked for {extra} more",
    )
    conversation.close()


@probe("content-length-short-closes")
def delivers_too_little(environ, start_response):
    """After a body shorter than its Content-Length the connection is closed."""
    inside = environ["conformance.inside"]
    write = start_response("200 OK", [OCTETS, ("Content-Length", "10")])
    kind = inside.parameters["kind"]
    if kind == "write":
        write(b"short")
    return {"list": [b"short"], "blocks": iter([b"sh", b"ort"])}.get(kind, [])


@delivers_too_little.client
def _(client, verify):
    for kind in ("blocks", "list", "write", "nothing"):
        conversation = client.open(kind=kind)
        word = client.fence_word()
        target = f"/?{client.marker}{word}."
        # A second request right behind: answered, its head would pass for the missing bytes.
        conversation.send(request() + request(target=target, headers=[("Connection", "close")]))
        ended = conversation.settled(lambda: conversation.ended)
        received = conversation.received
        whole = False
        if ended:
            seen = conversation.exchange(conversation.response())
            _ = seen.call
            # Filled up, or turned into an error of its own length: the client is not misled.
            whole = bool(
                seen.response and seen.response.complete and b"HTTP/" not in seen.response.body
            )
        observed = "closed" if ended else "the connection was left open"
        if word.encode() in received:
            observed = "the next request was answered on the same connection"
        verify("content-length-short-closes").true(
            whole or (ended and word.encode() not in received),
            "the connection closed after a body that is 5 bytes (or 10, without any data) short",
            f"{kind}: {observed}",
        )
        conversation.close()


@probe("content-length-short-reported")
def leaves_the_rest_out(environ, start_response):
    """A body shorter than its Content-Length is logged, beyond the access log."""
    kind = environ["conformance.inside"].parameters["kind"]
    if kind not in ("short", "whole"):
        raise RuntimeError("conformance: this error shows where the log is: " + kind)
    start_response("200 OK", [OCTETS, ("Content-Length", "10")])
    return iter([b"short" if kind == "short" else b"long enough"[:10]])


SHAPELESS = re.compile(rb"0x[0-9a-f]+|[0-9]+|-")


def shapes(log):
    """Return the lines of a log with numbers taken out, so that access lines look the same."""
    return {SHAPELESS.sub(b"#", line).strip() for line in bytes(log).splitlines()} - {b""}


@leaves_the_rest_out.client
def _(client, verify):
    log = client.timeline.log
    closing = request(headers=[("Connection", "close")])

    def play(kind):
        conversation = client.open(kind=kind)
        conversation.send(closing)
        conversation.settled(lambda: conversation.ended)
        conversation.close()
        return conversation

    def marked(kind):
        play(kind)
        return client.wait_log("shows where the log is: " + kind)

    # What an earlier probe's failures still have to say comes before this, and is not usual.
    is_known = marked("begin")
    beginning = len(log)
    play("whole")
    if not is_known or not marked("first"):
        verify("content-length-short-reported").info(
            "an exception of the application did not show in the log, so where it is is not known",
            "where the log is known: a line about a short body",
        )
        return
    usual, position = shapes(log[beginning:]), len(log)
    conversation = play("short")
    # What follows is only logged after it, so nobody has to wait for what does not come.
    marked("second")
    unusual = sorted(shapes(log[position:]) - usual)
    unusual = [line for line in unusual if b"shows where the log is" not in line]
    if not unusual:
        # A report may come from another thread.
        conversation.settled(lambda: bool(shapes(log[position:]) - usual), 0.5)
        unusual = sorted(shapes(log[position:]) - usual)
        unusual = [line for line in unusual if b"shows where the log is" not in line]
    verify("content-length-short-reported").true(
        unusual,
        "something in the log, beside the access line, about a body 5 bytes short",
        b" / ".join(unusual).decode("latin-1") if unusual else "nothing",
    )


WITHOUT_LENGTH = {
    "generator of three": [b"abc", b"", b"def"],
    "generator of one": [b"abcdef"],
    "list of none": [],
    "list of one empty": [b""],
    "list of one": [b"abcdef"],
    "tuple of one": [b"abcdef"],
    "list of two": [b"a", b"bcdef"],
    "list, empty first": [b"", b"abcdef"],
    "write": [b"abcd", b"ef"],
    "write of all": [b"abcdef"],
}


@probe("content-length-absent-framed", "content-length-generated-accurate")
def declares_nothing(environ, start_response):
    """A body without Content-Length arrives whole, and the client can tell where it ends."""
    kind = environ["conformance.inside"].parameters["kind"]
    write = start_response("200 OK", [OCTETS])
    blocks = list(WITHOUT_LENGTH[kind])
    if kind.startswith("write"):
        write(blocks.pop(0))
        # With blocks left, an iterable of length 1 that is not all of the body.
        return blocks
    if kind.startswith("generator"):
        return (block for block in blocks)
    return tuple(blocks) if kind.startswith("tuple") else blocks


@declares_nothing.client
def _(client, verify):
    for kind, blocks in WITHOUT_LENGTH.items():
        body = b"".join(blocks)
        seen = client.exchange(to_end=True, kind=kind)
        response = seen.answered
        lengths = response.all("Content-Length")
        verify("content-length-generated-accurate").true(
            not lengths or set(lengths) == {str(len(body)).encode()},
            f"no Content-Length, or one of {len(body)}",
            f"{kind}: {lengths or 'none'}",
        )
        if lengths and lengths[0] != str(len(body)).encode():
            continue  # its framing follows from it: one finding is enough
        verify("content-length-absent-framed").true(
            response.complete and response.body == body and seen.fenced is not False,
            f"{body!r} and its end, by length, by chunks or by the end of the connection",
            f"{kind}: {response.body!r} by {response.framing}"
            + ("" if response.complete else ", cut short")
            + (", and more behind it" if seen.fenced is False else ""),
        )
    verify("content-length-absent-framed").true(True, "an end that can be told", "so it was")


@probe("content-length-absent-framed")
def declares_nothing_to_old_client(environ, start_response):
    """A client of HTTP/1.0 that would keep the connection can tell where a body ends, too."""
    start_response("200 OK", [OCTETS])
    return iter([b"abc", b"def"])


@declares_nothing_to_old_client.client
def _(client, verify):
    conversation = client.open()
    conversation.send(request(version="1.0", headers=[("Connection", "keep-alive")]))
    conversation.wait_received(b"def")
    head = conversation.received.partition(b"\r\n\r\n")[0].lower()
    if b"keep-alive" in head and b"content-length" not in head:
        # A second request, because the end of the connection would be long in coming.
        target = f"/?{client.marker}{client.fence_word()}."
        conversation.send(request(target=target, headers=[("Connection", "close")]))
    seen = conversation.exchange(conversation.response())
    response = seen.answered
    verify("content-length-absent-framed").true(
        response.complete and response.body == b"abcdef",
        "b'abcdef' and its end, by a length or by the end of the connection",
        f"{response.body!r} by {response.framing}, "
        f"Connection: {b', '.join(response.all('Connection')).decode('latin-1') or 'not given'}",
    )
    conversation.close()
