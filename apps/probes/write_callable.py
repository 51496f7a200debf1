"""PEP 3333, The write() Callable."""

from conformance.probing import probe, request

# No byte of a head or of a chunk's framing, so that it can be counted in what has come so far.
MARK = b"\xfe"
# More than the kernels of both ends take (on Linux up to 4 MiB and the receive buffer), which is
# kept small. A window smaller than a loopback segment would stall any server for 200 ms at a time.
LARGE = 8 << 20
SMALL_WINDOW = 1 << 17


def plain(*fields):
    """Return new headers: a server may change the list it is given (PEP 3333, line 815)."""
    return [("Content-Type", "text/plain"), *fields]


def lazily(blocks):
    """Make a generator of blocks."""
    yield from blocks


def delivered(claim, what, seen, body):
    """Judge that one response came whole, with this body and nothing behind it."""
    claim.true(
        seen.call and seen.succeeded and seen.response.body == body and seen.fenced is not False,
        f"{what}: one complete response of {len(body)} bytes, {body[:60]!r}",
        "{}{}".format(seen, ", and bytes behind it" if seen.fenced is False else ""),
    )


EVERY_BYTE = bytes(bytearray(range(256)))


@probe("write-accepts-one-bytestring")
def write_takes_bytes(environ, start_response):
    """write() takes one bytestring by position, whatever its bytes, and they are sent."""
    write = start_response("200 OK", plain())
    write(EVERY_BYTE)
    return []


@write_takes_bytes.client
def _(client, verify):
    seen = client.exchange()
    # What write() returns is nobody's business; that it does not raise is.
    raised = seen.call.first("write-raised")
    verify("write-accepts-one-bytestring").true(
        not raised and seen.succeeded and seen.response.body == EVERY_BYTE,
        "write() returns, and the 256 bytes it was given are the body",
        f"write() raised {raised.data['error']}" if raised else str(seen),
    )


@probe("write-same-as-yield")
def written_or_yielded(environ, start_response):
    """What is written is sent as though it had been yielded."""
    parameters = environ["conformance.inside"].parameters
    declared = [("Content-Length", "8")] if parameters["declared"] else []
    fields = plain(("X-Probe", "first"), ("X-Probe", "second"), *declared)
    write = start_response("203 As Written", fields)
    if not parameters["written"]:
        return lazily([b"one, ", b"two"])
    write(b"one, ")
    write(b"two")
    return iter(())


def comparable(response):
    """Return what must not depend on how the body was handed over."""
    own = [(name.lower(), response.all(name)) for name in ("Content-Type", "X-Probe")]
    # Framing may differ, and the values of what a gateway adds (dates, identifiers) do.
    framing = {b"content-length", b"transfer-encoding", b"connection", b"keep-alive"}
    names = sorted({name.lower() for name, _ in response.fields} - framing)
    return response.status, response.reason, own, names, response.complete, response.body


@written_or_yielded.client
def _(client, verify):
    for version in ("1.1", "1.0"):
        for declared in (False, True):
            data = request(version=version)
            yielded = client.exchange(data, written=False, declared=declared)
            written = client.exchange(data, written=True, declared=declared)
            what = "HTTP/{}{}".format(version, ", Content-Length declared" if declared else "")
            one, other = comparable(yielded.answered), comparable(written.answered)
            verify("write-same-as-yield").true(
                yielded.call and written.call and one == other and one[-1] == b"one, two",
                f"{what}: written like yielded {one}",
                str(other),
            )


@probe("write-sent-before-return")
def written_and_sent(environ, start_response):
    """When write() has returned its data is sent, or being sent, without the application's help."""
    inside = environ["conformance.inside"]
    size = inside.parameters["size"]
    declared = [("Content-Length", str(size))] if inside.parameters["declared"] else []
    write = start_response("200 OK", [("Content-Type", "application/octet-stream"), *declared])
    write(MARK * size)
    inside.gate("written")
    return []


@written_and_sent.client
def _(client, verify):
    for size, declared in ((5, False), (5, True), (LARGE, False)):
        conversation = client.open(receive_buffer=SMALL_WINDOW, size=size, declared=declared)
        conversation.send(request(headers=[("Connection", "close")]))
        arrived = arrives(conversation, MARK, size, "written")
        verify("write-sent-before-return").true(
            called(conversation) and arrived,
            f"all {size} bytes come while the application has not returned",
            f"{conversation.received.count(MARK)} of them came",
        )
        # Not asked before: a server may let write() wait for the client.
        conversation.wait_gate("written")
        conversation.open_gate("written")
        conversation.response()
        conversation.close()
        if not arrived:
            break


def arrives(conversation, mark, count, gate):
    """Wait for so many marks before a gate is opened; tell whether they have come."""
    connection = conversation.connection

    def come():
        # The length first: counting in mebibytes at every turn of the loop would take its time.
        received = connection.received
        return len(received) >= count and received.count(mark) >= count

    return conversation.comes_before(come, gate)


def called(conversation):
    """Return the application's call; without one the probe ends here."""
    return conversation.exchange(None if conversation.calls else conversation.response()).call


@probe("write-then-empty-iterable")
def written_only(environ, start_response):
    """A body that was written is complete, whatever kind of nothing is returned."""
    write = start_response("200 OK", plain())
    write(b"all of it")
    kind = environ["conformance.inside"].parameters["kind"]
    if kind == "a generator without items":
        return lazily([])
    return {"an exhausted iterator": iter(()), "an empty item": [b""]}.get(kind, [])


@written_only.client
def _(client, verify):
    rule = "write-then-empty-iterable"
    kinds = ("an empty list", "an exhausted iterator", "an empty item")
    for kind in (*kinds, "a generator without items"):
        what = f"written, and {kind} returned"
        delivered(verify(rule), what, client.exchange(kind=kind), b"all of it")


@probe("write-then-yield-delivered")
def written_then_yielded(environ, start_response):
    """What is yielded after something was written is sent too."""
    parameters = environ["conformance.inside"].parameters
    declared = [("Content-Length", "8")] if parameters["declared"] else []
    write = start_response("200 OK", plain(*declared))
    for block in parameters["written"]:
        write(block.encode("ascii"))
    return [block.encode("ascii") for block in parameters["yielded"]]


@written_then_yielded.client
def _(client, verify):
    rule = "write-then-yield-delivered"
    for written, yielded in (
        (["W1", "W2"], ["Y1", "", "Y2"]),
        # One item: a length of the body could be taken from it, had nothing been written.
        (["W1W2"], ["Y1Y2"]),
        ([], ["W1W2", "Y1Y2"]),
    ):
        for declared in (False, True):
            seen = client.exchange(written=written, yielded=yielded, declared=declared)
            what = "write {}, return {}{}".format(
                written, yielded, ", Content-Length: 8" if declared else ""
            )
            delivered(verify(rule), what, seen, b"W1W2Y1Y2")


@probe("write-then-yield-prompt")
def yielded_at_once(environ, start_response):
    """What is yielded after something was written is sent at once."""
    inside = environ["conformance.inside"]
    write = start_response("200 OK", plain())
    write(b"W" + MARK)
    return written_before(inside)


def written_before(inside):
    """Yield, and wait before ending."""
    yield b"Y" + MARK
    inside.gate("yielded")


@yielded_at_once.client
def _(client, verify):
    conversation = client.open()
    conversation.send(request(headers=[("Connection", "close")]))
    arrived = arrives(conversation, MARK, 2, "yielded")
    verify("write-then-yield-prompt").true(
        called(conversation) and arrived,
        "the yielded block comes before the next one is made",
        f"received {conversation.received[-60:]!r}",
    )
    conversation.wait_gate("yielded")
    conversation.open_gate("yielded")
    conversation.response()
    conversation.close()


def records(first, large):
    """Return 200 numbered records, some of them large."""
    made = []
    for number in range(first, first + 200):
        size = 70000 if large and number % 50 == 7 else 6 + number * 31 % 120
        made.append((b"<%d>" % number).ljust(size, b"."))
    return made


@probe("write-before-yield-order")
def many_written_and_yielded(environ, start_response):
    """All that was written comes before all that is yielded, each in its order."""
    large = environ["conformance.inside"].parameters["large"]
    write = start_response("200 OK", plain())
    for record in records(0, large):
        write(record)
    return lazily(records(200, large))


@many_written_and_yielded.client
def _(client, verify):
    for large in (False, True):
        # With a small window the server's queues fill.
        conversation = client.open(receive_buffer=SMALL_WINDOW if large else None, large=large)
        conversation.send(request(headers=[("Connection", "close")]))
        seen = conversation.exchange(conversation.response())
        expected = b"".join(records(0, large) + records(200, large))
        body = seen.answered.body
        verify("write-before-yield-order").true(
            seen.call and seen.succeeded and body == expected,
            f"400 records in order, {len(expected)} bytes",
            f"{seen.response}, {numbers(body, expected)}",
        )
        conversation.close()


def numbers(body, expected):
    """Tell where the records leave their order."""
    if body == expected:
        return "just that"
    told = [part.partition(b">")[0] for part in body.split(b"<")[1:]]
    if not all(number.isdigit() for number in told):
        return f"{body[:80]!r}, which is something else"
    found = [int(number) for number in told]
    place = next((at for at, number in enumerate(found) if number != at), len(found))
    behind = found[place : place + 4]
    return f"{len(found)} records of {len(body)} bytes; after {place} in order come {behind}"
