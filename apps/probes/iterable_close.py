"""PEP 3333, Specification Details: close() of the iterable an application returned."""

from conformance.probing import probe, request

# The last iterable returned: were it garbage, a finalizer of the server's own wrapper could close
# it and hide that the server had not.
KEPT = []


def plain(*fields):
    """Return new headers: a server may change the list it is given (PEP 3333, line 815)."""
    return [("Content-Type", "text/plain"), *fields]


def kept(iterable):
    """Hold on to an iterable until the next call."""
    KEPT[:] = [iterable]
    return iterable


def called(conversation):
    """Wait until the application has returned, and return its call; there may be none."""

    def over():
        calls = conversation.calls
        return bool(calls and calls[0].settled) or conversation.ended

    conversation.wait(over, "the application's call to return")
    return conversation.exchange(None if conversation.calls else conversation.response()).call


def judge_close(client, claim, what, call):
    """Judge that close() comes, perhaps after the last byte did; return whether it came."""
    return claim.true(
        client.wait_closed(call),
        f"{what}: close() is called",
        "after the call: " + ", ".join(steps(call)),
    )


def steps(call):
    """Return in short what happened to the iterable, repetitions left out."""
    kinds = ("returned", "next", "block", "exhausted", "iteration-raised", "close")
    return list(dict.fromkeys(event.kind for event in call.events if event.kind in kinds))


class NoClose:
    """Iterable without close()."""

    def __iter__(self):
        return iter([b"one, ", b"two"])


@probe("close-method-optional")
def without_close(environ, start_response):
    """An iterable need not have close()."""
    start_response("200 OK", plain())
    kinds = {"a list": list, "a tuple": tuple, "an object": lambda blocks: NoClose()}
    return kinds[environ["conformance.inside"].parameters["kind"]]([b"one, ", b"two"])


@without_close.client
def _(client, verify):
    # Each exchange shows that the server survived the one before.
    for kind in ("a list", "a tuple", "an object", "a list"):
        seen = client.exchange(kind=kind)
        verify("close-method-optional").true(
            seen.call and seen.succeeded and seen.response.body == b"one, two",
            f"{kind} without close(): a complete response with body b'one, two'",
            str(seen),
        )


class Container:
    """Is closed itself and iterated through another object, which can be closed too."""

    def __init__(self, inside, blocks):
        self.iterator = InnerIterator(inside, blocks)
        # Its close() is the one that is waited for.
        self.close = inside.iterable(()).close

    def __iter__(self):
        return self.iterator


class InnerIterator:
    """Reports its close() under another name: it is allowed and not wanted."""

    def __init__(self, inside, blocks):
        self.inside = inside
        self.blocks = iter(blocks)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.blocks)

    def close(self):
        self.inside.event("inner-closed")


@probe("close-on-returned-object")
def container_is_closed(environ, start_response):
    """The object the application returned is closed, not only the iterator made of it."""
    start_response("200 OK", plain())
    return kept(Container(environ["conformance.inside"], [b"one, ", b"two"]))


@container_is_closed.client
def _(client, verify):
    call = client.exchange().call
    verify("close-on-returned-object").true(
        client.wait_closed(call),
        "close() of the returned object is called",
        "close() called on it: {}, on its iterator: {}".format(
            call.count("close") > 0, call.count("probe-inner-closed") > 0
        ),
    )


class ClosableList(list):
    """A list, so that len() is known, with a close() of its own."""

    def __init__(self, inside, blocks):
        super().__init__(blocks)
        self.close = inside.iterable(()).close


@probe("close-on-normal-end")
def closed_at_the_end(environ, start_response):
    """After a request that ended normally close() is called."""
    inside = environ["conformance.inside"]
    kind = inside.parameters["kind"]
    declared = [("Content-Length", "8")] if kind == "an iterator, length declared" else []
    write = start_response("200 OK", plain(*declared))
    if kind == "a list of one item":
        return kept(ClosableList(inside, [b"one, two"]))
    if kind == "an iterator without items":
        return kept(inside.iterable([]))
    if kind == "an iterator without items after write()":
        write(b"one, two")
        return kept(inside.iterable([]))
    return kept(inside.iterable([b"one, ", b"two"]))


@closed_at_the_end.client
def _(client, verify):
    kinds = ("an iterator", "an iterator, length declared", "a list of one item")
    for kind in (*kinds, "an iterator without items", "an iterator without items after write()"):
        call = client.exchange(kind=kind).call
        if not judge_close(client, verify("close-on-normal-end"), kind, call):
            break  # one missing close() is enough, and each is waited for


@probe("close-when-not-iterated")
def closed_without_need(environ, start_response):
    """close() is called also where nothing, or not everything, had to be iterated."""
    inside = environ["conformance.inside"]
    start_response(inside.parameters["status"], [tuple(x) for x in inside.parameters["fields"]])
    return kept(inside.iterable(x.encode("ascii") for x in inside.parameters["items"]))


@closed_without_need.client
def _(client, verify):
    kind = ("Content-Type", "text/plain")
    three = [kind, ("Content-Length", "3")]
    for what, method, status, fields, items in (
        ("HEAD", "HEAD", "200 OK", [kind], ["one", "two"]),
        ("HEAD, length declared", "HEAD", "200 OK", three, ["one"]),
        ("204", "GET", "204 No Content", [], []),
        ("304", "GET", "304 Not Modified", [("ETag", '"1"')], []),
        ("length 3 satisfied, empty items left", "GET", "200 OK", three, ["one", "", ""]),
        # An error of the application's, yet no reason not to clean up after it.
        ("length 3 satisfied, data left", "GET", "200 OK", three, ["one", "two"]),
    ):
        # Nothing is asked of the response here, so it is not waited for.
        conversation = client.open(status=status, fields=fields, items=items)
        conversation.send(request(method, headers=[("Connection", "close")]))
        closed = judge_close(client, verify("close-when-not-iterated"), what, called(conversation))
        conversation.close()
        if not closed:
            break


@probe("close-when-server-aborts")
def never_started(environ, start_response):
    """close() is called also where the server gives up, for want of start_response."""
    inside = environ["conformance.inside"]
    return kept(inside.iterable(x.encode("ascii") for x in inside.parameters["items"]))


@never_started.client
def _(client, verify):
    for what, items in (("data", ["x"]), ("the end", [])):
        # What the client gets is another rule's affair, and may well be nothing readable.
        conversation = client.open(items=items)
        conversation.send(request(headers=[("Connection", "close")]))
        what = f"{what} before any start_response"
        closed = judge_close(client, verify("close-when-server-aborts"), what, called(conversation))
        conversation.close()
        if not closed:
            break


def failing(start_response, point):
    """Yield, or not, and raise."""
    if point != "before start_response":
        start_response("200 OK", plain())
    if point == "after data":
        yield b"data"
    raise ValueError("raised by the probe during iteration, " + point)


@probe("close-on-iteration-error")
def failing_iteration(environ, start_response):
    """close() is called where the iterable raised."""
    inside = environ["conformance.inside"]
    return kept(inside.iterable(failing(start_response, inside.parameters["point"])))


@failing_iteration.client
def _(client, verify):
    for point in ("before start_response", "before data", "after data"):
        conversation = client.open(point=point)
        conversation.send(request(headers=[("Connection", "close")]))
        what = f"an exception {point}"
        closed = judge_close(client, verify("close-on-iteration-error"), what, called(conversation))
        conversation.close()
        if not closed:
            break


BLOCK = b"." * 65536


def until_noticed(inside):
    """Yield a block, wait for the client to leave, go on for as long as a server may not notice."""
    yield BLOCK
    inside.gate("the client has gone")
    for _ in range(64):
        yield BLOCK


@probe("close-on-client-disconnect")
def client_leaves(environ, start_response):
    """close() is called where the client has gone, sooner or later."""
    inside = environ["conformance.inside"]
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return kept(inside.iterable(until_noticed(inside)))


@client_leaves.client
def _(client, verify):
    for what in ("reset", "closed"):
        conversation = client.open()
        conversation.send(request(headers=[("Connection", "close")]))
        if not conversation.wait_gate("the client has gone"):
            called(conversation)
            verify("close-on-client-disconnect").unsupported(
                "the response ended after its first block", "a response of many blocks"
            )
            continue
        if what == "reset":
            conversation.reset()
        else:
            conversation.close()
        conversation.open_gate("the client has gone")
        what = f"connection {what} by the client"
        judge_close(
            client, verify("close-on-client-disconnect"), what, conversation.exchange(None).call
        )
