"""PEP 3333, Optional Platform-Specific File Handling: files, with and without a fast way."""

import io
import itertools
import sys

from conformance.probing import probe, request

from ._files import OCTETS, lacking, offered, pattern, pipe, real_file

# More than a pipe or a first send takes, so that a server's sendfile() has something to do.
LARGE = 200000


def account(seen, expected=None):
    """Return what arrived, for a verdict."""
    response = seen.answered
    body = response.body
    text = f"{response}: {len(body)} bytes by {response.framing}, beginning {body[:24]!r}"
    if expected is not None and body != expected:
        pairs = enumerate(zip(body, expected))
        same = next((place for place, pair in pairs if pair[0] != pair[1]), len(body))
        text += f", right up to byte {same} of {len(expected)}"
    text += "" if response.complete else ", cut short"
    return text + (f", and behind it {seen.behind[:60]!r}" if seen.behind else "")


@probe("file-wrapper-one-argument")
@offered
def wraps_with_one_argument(environ, start_response):
    """wsgi.file_wrapper takes a file as its only argument."""
    inside = environ["conformance.inside"]
    wrapper = inside.attempt("wrapper", environ["wsgi.file_wrapper"], real_file(pattern(LARGE)))
    start_response("200 OK", [OCTETS])
    return wrapper


@wraps_with_one_argument.client
def _(client, verify):
    seen = client.exchange(to_end=True)
    if lacking(seen, verify, "file-wrapper-one-argument"):
        return
    made = seen.notes["wrapper"]
    verify("file-wrapper-one-argument").true(
        hasattr(made, "methods") and seen.answered.body == pattern(LARGE),
        f"an object, and with it the {LARGE} bytes of the file",
        f"{made!r}; {account(seen, pattern(LARGE))}",
    )


@probe("file-wrapper-block-size-accepted")
@offered
def wraps_with_block_size(environ, start_response):
    """wsgi.file_wrapper takes a block size as its second argument, and the body is the same."""
    inside = environ["conformance.inside"]
    size = inside.parameters["size"]
    wrap = environ["wsgi.file_wrapper"]
    wrapper = inside.attempt("wrapper", wrap, io.BytesIO(pattern(5000)), size)
    start_response("200 OK", [OCTETS])
    return wrapper


@wraps_with_block_size.client
def _(client, verify):
    for size in (1, 7, 65536, 10**9):
        seen = client.exchange(to_end=True, size=size)
        if lacking(seen, verify, "file-wrapper-block-size-accepted"):
            return
        made = seen.notes["wrapper"]
        verify("file-wrapper-block-size-accepted").true(
            hasattr(made, "methods") and seen.answered.body == pattern(5000),
            "an object, and with it the 5000 bytes of the file",
            f"block size {size}: {made!r}; {account(seen, pattern(5000))}",
        )


@probe("file-wrapper-no-early-sending")
@offered
def wraps_and_waits(environ, start_response):
    """Nothing of a wrapped file is sent before the wrapper has been returned."""
    inside = environ["conformance.inside"]
    wrap = environ["wsgi.file_wrapper"]
    start_response("200 OK", [OCTETS])
    first = wrap(real_file(pattern(LARGE)))
    second = wrap(real_file(b"second " + pattern(LARGE)))
    inside.gate("made")
    inside.gate("seen")
    return {"other": [b"other"], "first": first, "second": second}[inside.parameters["kind"]]


@wraps_and_waits.client
def _(client, verify):
    bodies = {
        "other": b"other",
        "first": pattern(LARGE),
        "second": b"second " + pattern(LARGE),
    }
    for kind, body in bodies.items():
        conversation = client.open(kind=kind)
        conversation.send(request())
        conversation.settled(lambda: bool(conversation.calls) or conversation.ended)
        if lacking(conversation.exchange(None), verify, "file-wrapper-no-early-sending"):
            return
        if conversation.wait_gate("made"):
            conversation.open_gate("made")
            # Between the two gates there was time for all that had been sent before the first.
            conversation.wait_gate("seen")
        early = conversation.received
        conversation.open_gate("seen")
        seen = conversation.exchange(conversation.response())
        conversation.close()
        verify("file-wrapper-no-early-sending").true(
            not early and seen.answered.body == body,
            f"nothing before the application returned, then {kind}: {len(body)} bytes",
            f"{early[:60]!r} early; then {account(seen, body)}",
        )


@probe("file-wrapper-replacement-honoured")
@offered
def returns_something_else(environ, start_response):
    """What is returned in place of a wrapper, or around it, is what is sent."""
    kind = environ["conformance.inside"].parameters["kind"]
    wrapper = environ["wsgi.file_wrapper"](real_file(pattern(LARGE)))
    start_response("200 OK", [OCTETS])
    if kind == "error":
        try:
            raise RuntimeError("replaced")
        except RuntimeError:
            start_response("500 Replaced", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"error"]
    if kind == "chain":
        return itertools.chain([b"head "], wrapper)
    return (block.upper() for block in wrapper)


@returns_something_else.client
def _(client, verify):
    expected = {
        "upper case": (200, pattern(LARGE).upper()),
        "error": (500, b"error"),
        "chain": (200, b"head " + pattern(LARGE)),
    }
    for kind, (status, body) in expected.items():
        seen = client.exchange(to_end=True, kind=kind)
        if lacking(seen, verify, "file-wrapper-replacement-honoured"):
            return
        verify("file-wrapper-replacement-honoured").true(
            (seen.answered.status, seen.answered.body) == (status, body),
            f"{status} and the {len(body)} bytes that were returned, beginning {body[:24]!r}",
            f"{kind}: {account(seen, body)}",
        )


# What the position is when the wrapper is returned, and what brings it there.
POSITIONS = {
    "sought": 20,
    "sought after wrapping": 20,
    "read": 10,
    "read from memory": 10,
    "sought in memory": 20,
    "sought, its length declared": 20,
}


@probe("file-wrapper-from-current-position", "file-wrapper-generated-length-accurate")
@offered
def starts_in_the_middle(environ, start_response):
    """A file is sent from where it stands, and a length made up for it counts from there."""
    kind = environ["conformance.inside"].parameters["kind"]
    data = pattern(LARGE)
    file = io.BytesIO(data) if kind.endswith("memory") else real_file(data)
    if kind.startswith("read"):
        file.read(POSITIONS[kind])
    if kind in ("sought", "sought in memory", "sought, its length declared"):
        file.seek(POSITIONS[kind])
    wrapper = environ["wsgi.file_wrapper"](file)
    if kind == "sought after wrapping":
        file.seek(POSITIONS[kind])
    rest = ("Content-Length", str(LARGE - POSITIONS[kind]))
    start_response("200 OK", [OCTETS, rest] if kind.endswith("declared") else [OCTETS])
    return wrapper


@starts_in_the_middle.client
def _(client, verify):
    rules = ("file-wrapper-from-current-position", "file-wrapper-generated-length-accurate")
    for kind, position in POSITIONS.items():
        expected = pattern(LARGE)[position:]
        # How it begins is known before it is whole: a server may get the one right, not the other.
        conversation = client.open(kind=kind)
        conversation.send(request(headers=[("Connection", "close")]))
        conversation.settled(lambda: conversation.ended or body_begins(conversation.received))
        begun = body_begins(conversation.received)
        if begun is not None:
            verify("file-wrapper-from-current-position").true(
                begun == expected[: len(begun)],
                f"a body that begins at byte {position}: {expected[:24]!r}",
                f"{kind}: {begun!r}",
            )
        seen = conversation.exchange(conversation.response())
        conversation.settled(lambda: conversation.ended)
        conversation.close()
        if lacking(seen, verify, *rules):
            return
        if begun is None:
            verify("file-wrapper-from-current-position").true(
                False,
                f"a body that begins at byte {position}",
                f"{kind}: {account(seen, expected)}",
            )
        if not kind.endswith("declared"):
            judge_length(verify, seen, kind)


def body_begins(received):
    """Return the first bytes of a response's body, sent as it is or in chunks; None before that."""
    head, end, body = received.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        _, end, body = body.partition(b"\r\n")
    return body[:24] if end and len(body) >= 24 else None


def judge_length(verify, seen, kind):
    """Judge a length that the server made up for a file."""
    response = seen.answered
    lengths = response.all("Content-Length")
    verify("file-wrapper-generated-length-accurate").true(
        not lengths or (response.complete and not seen.behind),
        "no Content-Length, or the number of bytes that are sent",
        f"{kind}: Content-Length: {lengths or 'none'}; {account(seen)}",
    )


@probe("file-wrapper-generated-length-accurate")
@offered
def hides_its_length(environ, start_response):
    """No length is made up for what has none, or for a file that is not all of the body."""
    kind = environ["conformance.inside"].parameters["kind"]
    write = start_response("200 OK", [OCTETS])
    if kind == "write":
        write(b"head ")
    file = pipe(pattern(5000)) if kind == "pipe" else real_file(pattern(LARGE))
    return environ["wsgi.file_wrapper"](file)


@hides_its_length.client
def _(client, verify):
    for kind, body in (("pipe", pattern(5000)), ("write", b"head " + pattern(LARGE))):
        seen = client.exchange(to_end=True, kind=kind)
        if lacking(seen, verify, "file-wrapper-generated-length-accurate"):
            return
        judge_length(verify, seen, kind)
        if seen.succeeded and seen.answered.all("Content-Length"):
            verify("file-wrapper-generated-length-accurate").true(
                len(seen.answered.body) == len(body),
                f"no Content-Length, or one of {len(body)}",
                f"{kind}: {account(seen, body)}",
            )


@probe("file-wrapper-until-end")
@offered
def sends_to_the_end(environ, start_response):
    """A file is sent to its end, however slowly the client reads."""
    size = environ["conformance.inside"].parameters["size"]
    start_response("200 OK", [OCTETS])
    return environ["wsgi.file_wrapper"](real_file(pattern(size)))


@sends_to_the_end.client
def _(client, verify):
    for size in (0, 1, 65536, 3 * 2**20 + 17):
        conversation = client.open(receive_buffer=32768, size=size)
        # The server fills what buffers there are, and finds that it cannot go on for now.
        conversation.pause()
        conversation.send(request())
        conversation.settled(lambda: any(call.settled for call in conversation.calls))
        conversation.resume()
        seen = conversation.exchange(conversation.response())
        conversation.close()
        if lacking(seen, verify, "file-wrapper-until-end"):
            return
        verify("file-wrapper-until-end").true(
            seen.answered.complete and seen.answered.body == pattern(size),
            f"all of {size} bytes",
            account(seen, pattern(size)),
        )


@probe("file-wrapper-stops-at-length")
@offered
def sends_a_part(environ, start_response):
    """Of a file longer than the Content-Length no more is sent than that says."""
    parameters = environ["conformance.inside"].parameters
    file = real_file(pattern(LARGE))
    file.seek(parameters["position"])
    write = start_response("200 OK", [OCTETS, ("Content-Length", "70000")])
    if parameters["written"]:
        write(b"head ")
    return environ["wsgi.file_wrapper"](file)


@sends_a_part.client
def _(client, verify):
    for position, written in ((0, False), (50, False), (0, True)):
        seen = client.exchange(to_end=True, position=position, written=written)
        if lacking(seen, verify, "file-wrapper-stops-at-length"):
            return
        verify("file-wrapper-stops-at-length").true(
            len(seen.answered.body) == 70000 and not seen.behind,
            f"the 70000 bytes that were declared, of a file of {LARGE}",
            f"from byte {position}{', after 5 bytes by write()' if written else ''}: "
            + account(seen),
        )


class Watched:
    """A real file with the methods and attributes of one, that reports its close().

    Not a subclass: those are closed when they are collected, whether the server did it or not.
    """

    def __init__(self, file, inside):
        self.file = file
        self.inside = inside
        self.mode = file.mode
        for name in ("fileno", "read", "seek", "seekable", "tell"):
            setattr(self, name, getattr(file, name))

    def close(self):
        self.inside.event("closed")
        self.file.close()


@probe("file-wrapper-close-after-sending")
@offered
def sends_and_closes(environ, start_response):
    """A wrapped file is closed when it has been sent, and when its client has gone."""
    inside = environ["conformance.inside"]
    kind = inside.parameters["kind"]
    # What nobody will wait for has no content on the disk either.
    file = real_file(b"", 2**26) if kind == "client gone" else real_file(pattern(2**20))
    fields = [OCTETS, ("Content-Length", "70000")] if kind == "part" else [OCTETS]
    start_response("200 OK", fields)
    return environ["wsgi.file_wrapper"](Watched(file, inside))


@sends_and_closes.client
def _(client, verify):
    bodies = {"all": pattern(2**20), "part": pattern(70000), "client gone": None}
    for kind, body in bodies.items():
        conversation = client.open(receive_buffer=32768, kind=kind)
        conversation.pause()
        conversation.send(request())
        conversation.settled(lambda: any(call.settled for call in conversation.calls))
        conversation.resume()
        if body is None:
            conversation.wait_received(b"\r\n\r\n")
            seen = conversation.exchange(None)
            conversation.reset()
            arrived = True
        else:
            seen = conversation.exchange(conversation.response())
            # Whether more came, file-wrapper-stops-at-length judges.
            arrived = seen.answered.body.startswith(body)
        if lacking(seen, verify, "file-wrapper-close-after-sending"):
            return
        call = seen.call
        closed = conversation.settled(lambda: call.count("probe-closed") > 0)
        conversation.close()
        verify("file-wrapper-close-after-sending").true(
            closed and arrived,
            "close() of the file, and not before everything had been read from it",
            f"{kind}: {'closed' if closed else 'never closed'}"
            + ("" if arrived else f"; {account(seen, body)}"),
        )
