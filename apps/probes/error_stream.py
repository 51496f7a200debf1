"""PEP 3333, Input and Error Streams: wsgi.errors.

Where the text ends up is the server's affair. What it writes to its standard streams is seen; where
nothing that an application writes ever shows there, the log is elsewhere and is not judged.
"""

from conformance.probing import probe, request

WRITTEN = ("errors-one ", "errors-two ", "errors-three ", "errors-four ", "errors-five ")
CALLS = ("first", "second", "list", "generator", "flush")
FLUSHED = "errors-flushed"
LINES = ("errors-line-one", "errors-line-two")
UNICODE = "errors-unicode \u00e9 \u20ac \U0001f600 errors-end"
NOT_SEEN = "nothing of it in the server's output; its log may be elsewhere"


def finish(start_response):
    start_response("200 OK", [("Content-Length", "0")])
    return []


def is_raised(value):
    return type(value).__name__ == "Raised"


def has_logged(client, text, limit=1.0):
    """Wait for a text in the log, not for long: a log that is elsewhere is no finding."""
    return client.wait_log(text, limit)


@probe(
    "errors-flush-supported",
    "errors-write-semantics",
    "errors-write-supported",
    "errors-writelines-supported",
)
def write_in_pieces(environ, start_response):
    """Text is written in the order of the calls, with nothing added."""
    inside, errors = environ["conformance.inside"], environ["wsgi.errors"]
    inside.attempt("first", lambda: errors.write(WRITTEN[0]))
    inside.attempt("second", lambda: errors.write(WRITTEN[1]))
    inside.attempt("list", lambda: errors.writelines([WRITTEN[2], WRITTEN[3]]))
    inside.attempt("generator", lambda: errors.writelines(text for text in (WRITTEN[4], "\n")))
    inside.attempt("flush", lambda: errors.flush())
    return finish(start_response)


@write_in_pieces.client
def _(client, verify):
    seen = client.exchange(request())
    notes = [(name, seen.notes[name]) for name in CALLS]
    raised = {name: note for name, note in notes if is_raised(note)}
    for rule, names, call in (
        ("errors-write-supported", ("first", "second"), "write(str)"),
        (
            "errors-writelines-supported",
            ("list", "generator"),
            "writelines() of list and generator",
        ),
        ("errors-flush-supported", ("flush",), "flush()"),
    ):
        wrong = [raised[name] for name in names if name in raised]
        verify(rule).true(not wrong, call + " to work", wrong or "it returned")
    claim = verify("errors-write-semantics")
    if raised:
        claim.unsupported(raised, "all methods to work")
        return
    if not has_logged(client, WRITTEN[4].strip()):
        claim.info(NOT_SEEN, "all text in order")
        return
    log = client.timeline.log.decode("utf-8", "backslashreplace")
    places = [log.find(text.strip()) for text in WRITTEN]
    in_order = -1 not in places and places == sorted(places)
    claim.true(in_order, "the texts in the order of the calls", log[-300:])
    # A log may begin each call's text on a line of its own, or put the time before it.
    verify("errors-write-semantics", "SHOULD").true(
        "".join(WRITTEN) in log or not in_order, "the texts in one line", log[-300:]
    )


@probe("errors-flush-delivers")
def flush_and_wait(environ, start_response):
    """When flush() has returned, the text is out, though the application has not finished."""
    inside, errors = environ["conformance.inside"], environ["wsgi.errors"]
    errors.write(FLUSHED + "\n")
    errors.flush()
    inside.gate("flushed")
    return finish(start_response)


@flush_and_wait.client
def _(client, verify):
    conversation = client.open()
    conversation.send(request())
    claim = verify("errors-flush-delivers")
    if not conversation.wait_gate("flushed"):
        claim.unsupported("the application did not get past write() and flush()")
        return
    early = has_logged(client, FLUSHED)
    conversation.open_gate("flushed")
    conversation.response()
    conversation.wait_calls(1)
    if early or has_logged(client, FLUSHED):
        claim.true(
            early,
            "the text in the log while the application is held after flush()",
            "there it was" if early else "it came when the application had finished",
        )
    else:
        claim.info(NOT_SEEN, "the text in the log")
    conversation.close()


@probe("errors-text-mode")
def write_lines(environ, start_response):
    """A newline written as \\n becomes a line end of the log."""
    inside, errors = environ["conformance.inside"], environ["wsgi.errors"]
    inside.attempt("write", lambda: errors.write("".join(line + "\n" for line in LINES)))
    inside.attempt("flush", lambda: errors.flush())
    return finish(start_response)


@write_lines.client
def _(client, verify):
    seen = client.exchange(request())
    claim = verify("errors-text-mode")
    if is_raised(seen.notes["write"]):
        claim.unsupported(seen.notes["write"], "write() works")
    elif not has_logged(client, LINES[1]):
        claim.info(NOT_SEEN, "two lines in the log")
    else:
        log = client.timeline.log.decode("utf-8", "backslashreplace")
        found = [line for line in log.splitlines() if LINES[0] in line or LINES[1] in line]
        apart = len(found) == 2 and LINES[0] in found[0] and LINES[1] in found[1]
        claim.true(apart, "{!r} and {!r} on lines of their own".format(*LINES), found)


@probe("errors-any-unicode-accepted")
def write_any_character(environ, start_response):
    """Text of any characters is accepted and logged, be it with some of them replaced."""
    inside, errors = environ["conformance.inside"], environ["wsgi.errors"]
    text = "lone \ud800\n" if inside.parameters["surrogate"] else UNICODE + "\n"
    inside.attempt("write", lambda: errors.write(text))
    inside.attempt("writelines", lambda: errors.writelines([text]))
    inside.attempt("flush", lambda: errors.flush())
    return finish(start_response)


@write_any_character.client
def _(client, verify):
    seen = client.exchange(request(), surrogate=False)
    claim = verify("errors-any-unicode-accepted")
    for call in ("write", "writelines", "flush"):
        note = seen.notes[call]
        if is_raised(note) and not note.kind.startswith("Unicode"):
            claim.unsupported(note, call + "() works")
        else:
            claim.true(not is_raised(note), f"{call}({UNICODE!r}) to work", note)
    lone = client.exchange(request(), surrogate=True).notes["write"]
    if is_raised(lone):
        # Not a character, but "arbitrary unicode" if taken literally.
        claim.info(f"write() of a lone surrogate {lone!r}")
    if not is_raised(seen.notes["write"]) and has_logged(client, "errors-unicode"):
        logged = has_logged(client, "errors-end")
        observed = "there it was" if logged else "its end is missing"
        claim.true(logged, "all of the text in the log", observed)
