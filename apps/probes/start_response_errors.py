"""PEP 3333, The start_response() Callable and Error Handling: repeated calls, and exc_info."""

import gc
import sys
import weakref

from conformance.probing import probe, request

from ._errors import TYPE, Trapped, fail, restart

ERROR_BODY = b"an error body that is longer than what was first announced"


@probe("start-response-third-arg", "start-response-error-first-call")
def only_call(environ, start_response):
    """A first call may already carry exc_info; it starts the response like any other."""
    inside = environ["conformance.inside"]
    restart(inside, start_response, "only", "500 Oops", [TYPE, ("X-Probe", "1")])
    return [ERROR_BODY]


@only_call.client
def _(client, verify):
    seen = client.exchange(request(target="/third-argument"))
    response = seen.response
    verify("start-response-third-arg").true(
        not seen.notes["only"].startswith("raised TypeError"),
        "start_response(status, headers, exc_info) can be called",
        seen.notes["only"],
    )
    arrived = (
        response is not None
        and response.complete
        and response.status == 500
        and response.first("X-Probe") == b"1"
        and response.body == ERROR_BODY
    )
    verify("start-response-error-first-call").true(
        seen.notes["only"] == "returned" and arrived,
        "it returns, and the client gets 500 with the given header and body",
        f"it {seen.notes['only']}; {seen}",
    )


REPLACED = {
    "200 by 500": ("200 OK", "500 Oops"),
    "200 with Content-Length by 500": ("200 OK", "500 Oops"),
    "200 with Content-Length by 500, generator": ("200 OK", "500 Oops"),
    "204 by 500": ("204 No Content", "500 Oops"),
    "500 by 204": ("500 Oops", "204 No Content"),
}


@probe(
    "start-response-error-replaces-headers",
    "start-response-error-replaces-status",
    "start-response-error-body-sent",
)
def replaced(environ, start_response):
    """A call with exc_info in time replaces status and headers, and its body arrives."""
    inside = environ["conformance.inside"]
    kind = inside.parameters["kind"]
    first, second = REPLACED[kind]
    fields = [TYPE, ("X-Old", "1"), ("Set-Cookie", "old=1")]
    if "Content-Length" in kind:
        fields.append(("Content-Length", "3"))
    start_response(first, fields)
    restart(inside, start_response, "restart", second, [TYPE, ("X-New", "1")])
    if second.startswith("204"):
        return []
    if "generator" in kind:
        return (block for block in [ERROR_BODY[:10], ERROR_BODY[10:]])
    return [ERROR_BODY]


@replaced.client
def _(client, verify):
    for kind, (_, second) in REPLACED.items():
        seen = client.exchange(kind=kind)
        response = seen.response
        if response is None or not response.status:
            verify("start-response-error-body-sent").true(
                False, f"{kind}: the replacement arrives", f"{seen}; it {seen.notes['restart']}"
            )
            for rule in (
                "start-response-error-replaces-headers",
                "start-response-error-replaces-status",
            ):
                verify(rule).unsupported(f"{kind}: {seen}", "a response")
            continue
        new, old = response.all("X-New"), response.all("X-Old") + response.all("Set-Cookie")
        verify("start-response-error-replaces-headers").true(
            new == [b"1"] and not old,
            f"{kind}: the second call's X-New, and neither X-Old nor Set-Cookie of the first",
            f"{kind}: {response.fields}",
        )
        verify("start-response-error-replaces-status").true(
            response.status == int(second[:3]),
            f"{kind}: the second call's status, {second}",
            f"{kind}: {response}",
        )
        body = b"" if second.startswith("204") else ERROR_BODY
        verify("start-response-error-body-sent").true(
            response.complete and response.body == body and seen.fenced is not False,
            f"{kind}: the whole body {body!r}, and the connection in step after it",
            f"{kind}: {seen}, Content-Length {response.all('Content-Length')}, in step after it: "
            f"{seen.fenced}",
        )


@probe("start-response-late-error-raises", "start-response-reraises-given-error")
def too_late(environ, start_response):
    """With exc_info, once the client has got data, start_response re-raises the given error."""
    inside = environ["conformance.inside"]
    kind = inside.parameters["kind"]
    write = start_response("200 OK", [] if "no headers" in kind else [TYPE])
    if "write" in kind:
        write(b"first part")
        change_mind(inside, start_response, kind)
        return [b"late part"]
    return yielded_and_changed(inside, start_response, kind)


def yielded_and_changed(inside, start_response, kind):
    """Yield a block and then try to replace the headers."""
    yield b"first part"
    change_mind(inside, start_response, kind)
    yield b"late part"


def change_mind(inside, start_response, kind):
    """Call start_response with exc_info when the client has seen data; note what it raises."""
    inside.gate("sent")
    given = None
    try:
        try:
            fail()
        except Trapped as error:
            given = error
            if "another error" in kind:
                late_in_nested_handler(start_response, sys.exc_info())
            else:
                start_response("500 Oops", [TYPE, ("X-Late", "1")], sys.exc_info())
    except Exception as error:
        inside.note(
            late=type(error).__name__ + ": " + str(error),
            same=error is given,
            traced=fail.__code__ in codes_of(error.__traceback__),
        )
        # The PEP forbids trapping it.
        raise
    inside.note(late=None)


def late_in_nested_handler(start_response, given):
    """Report an error from a handler that had to handle another one meanwhile."""
    try:
        raise KeyError("trapped while the first error was being handled")
    except KeyError:
        start_response("500 Oops", [TYPE, ("X-Late", "1")], given)


def codes_of(traceback):
    """Return the code objects of the frames in a traceback."""
    codes = []
    while traceback is not None:
        codes.append(traceback.tb_frame.f_code)
        traceback = traceback.tb_next
    return codes


def is_ended(conversation):
    """Wait for the end of the connection; return whether it came."""
    return conversation.settled(lambda: conversation.ended)


@too_late.client
def _(client, verify):
    kinds = (
        "after a block",
        "after a block, no headers given",
        "after write()",
        "after a block, while another error is handled",
    )
    held_back = ""
    for kind in kinds:
        if held_back and "block" in kind:
            # It would only take its time once more.
            unsupported(verify, f"{kind}: not tried, as {held_back}")
            continue
        conversation = client.open(kind=kind)
        conversation.send(request(headers=[("Connection", "close")]))
        reached = conversation.wait_gate("sent")
        # A server that has not sent anything may still return normally.
        arrived = reached and conversation.comes_before(
            lambda: b"first part" in conversation.received, "sent"
        )
        conversation.open_gate("sent")
        conversation.wait_calls()
        is_ended(conversation)
        seen = conversation.exchange(None)
        conversation.close()
        if not arrived:
            why = "the client had got nothing when start_response was called again"
            unsupported(verify, f"{kind}: {why}")
            held_back = why if "block" in kind else held_back
            continue
        late = seen.notes["late"]
        received = conversation.received
        verify("start-response-late-error-raises").true(
            late is not None,
            f"{kind}: start_response with exc_info raises",
            f"{kind}: it raised {late}" if late else f"{kind}: it returned",
        )
        verify("start-response-late-error-raises").true(
            b"X-Late" not in received and received.count(b"HTTP/1.") == 1,
            f"{kind}: no second head is sent",
            received[-200:],
        )
        verify("start-response-reraises-given-error").true(
            late is not None and seen.notes["same"] and seen.notes["traced"],
            f"{kind}: it raises the very exception that was given, with its traceback",
            f"{kind}: it raised {late}; the same object: {seen.notes['same']}; "
            f"its traceback kept: {seen.notes['traced']}"
            if late
            else f"{kind}: it returned",
        )


def unsupported(verify, text):
    """Say of both rules that there was nothing to judge."""
    verify("start-response-late-error-raises").unsupported(text)
    verify("start-response-reraises-given-error").unsupported(text)


@probe("start-response-error-returns-write")
def written_error(environ, start_response):
    """A call with exc_info in time returns a write() that works."""
    inside = environ["conformance.inside"]
    kind = inside.parameters["kind"]
    if kind == "in the first next()":
        return written_in_next(inside, start_response)
    if kind != "as first call":
        start_response("200 OK", [TYPE])
    write = restart(inside, start_response, "restart", "500 Oops", [TYPE])
    inside.note(callable=callable(write))
    if callable(write):
        write(ERROR_BODY)
    return []


def written_in_next(inside, start_response):
    """Start and restart in the first next(); write() is not for use there."""
    start_response("200 OK", [TYPE])
    write = restart(inside, start_response, "restart", "500 Oops", [TYPE])
    inside.note(callable=callable(write))
    yield ERROR_BODY


@written_error.client
def _(client, verify):
    for kind in ("as second call", "as first call", "in the first next()"):
        seen = client.exchange(kind=kind)
        returned = seen.notes.get("callable")
        verify("start-response-error-returns-write").true(
            returned is True,
            f"{kind}: start_response with exc_info returns a callable",
            f"{kind}: it {seen.notes['restart']}, callable: {returned}",
        )
        response = seen.response
        verify("start-response-error-returns-write").true(
            response is not None and response.complete and response.body == ERROR_BODY,
            f"{kind}: the error body that follows arrives",
            f"{kind}: {seen}",
        )


class Sentinel:
    """Lives in the frame of an error, and as long as that frame."""


def fail_with_sentinel(references):
    """Go wrong in a frame that holds a sentinel."""
    sentinel = Sentinel()
    references.append(weakref.ref(sentinel))
    fail()


@probe("start-response-drops-exc-info")
def given_and_forgotten(environ, start_response):
    """exc_info is not kept once start_response has returned."""
    inside = environ["conformance.inside"]
    references = []
    if not inside.parameters["first"]:
        start_response("200 OK", [TYPE])
    collecting = gc.isenabled()
    gc.disable()
    try:
        try:
            fail_with_sentinel(references)
        except Trapped:
            start_response("500 Oops", [TYPE], sys.exc_info())
        inside.note(kept=references[0]() is not None, implementation=sys.implementation.name)
    finally:
        if collecting:
            gc.enable()
    return [ERROR_BODY]


@given_and_forgotten.client
def _(client, verify):
    for first in (False, True):
        notes = client.exchange(first=first).notes
        claim = verify("start-response-drops-exc-info")
        if "kept" not in notes:
            claim.unsupported("start_response raised what it was given", "a call that returns")
            continue
        if notes["implementation"] != "cpython":
            claim.unsupported("only CPython's reference counts show it")
            continue
        claim.true(
            not notes["kept"],
            "no reference to exc_info, its traceback and the frames in it",
            "the failed frame is still alive" if notes["kept"] else "the failed frame is gone",
        )
