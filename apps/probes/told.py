"""Whether anybody is told of an application's mistakes: facts, and nobody is judged by them."""

from conformance.probing import probe, request

TYPE = ("Content-Type", "text/plain")
FOUR = ("Content-Length", "4")
# What an application raises, to be found again in a log.
TOKEN = "told-token"
CHANNEL = "told-channel"
# What a log says of a mistake, and hardly of an ordinary request.
SIGNS = (b"Traceback", b"rror", b"xception", b"arning", b"too few", b"exceeded", TOKEN.encode())


class Closing:
    """An iterable that goes wrong where it is told to."""

    def __init__(self, blocks, in_close=False):
        self.blocks = iter(blocks)
        self.in_close = in_close

    def __iter__(self):
        return self

    def __next__(self):
        block = next(self.blocks)
        if block is Exception:
            raise ValueError(TOKEN)
        return block

    def close(self):
        if self.in_close:
            raise ValueError(TOKEN)


def started(blocks, *fields, **more):
    """Return an application that is right up to its headers."""

    def application(environ, start_response):
        start_response("200 OK", [TYPE, *fields])
        return blocks() if callable(blocks) else blocks

    return application


def starting(status, fields):
    """Return an application that gives start_response something wrong."""

    def application(environ, start_response):
        start_response(status, fields() if callable(fields) else fields)
        return [b"body"]

    return application


def raises_before_start(environ, start_response):
    raise ValueError(TOKEN)


def raises_after_start(environ, start_response):
    start_response("200 OK", [TYPE, FOUR])
    raise ValueError(TOKEN)


def raises_after_write(environ, start_response):
    start_response("200 OK", [TYPE])(b"part")
    raise ValueError(TOKEN)


def starts_twice(environ, start_response):
    start_response("200 OK", [TYPE, FOUR])
    start_response("200 OK", [TYPE, FOUR])
    return [b"body"]


def writes_text(environ, start_response):
    start_response("200 OK", [TYPE, FOUR])("body")
    return []


MISTAKES = {
    "raises-before-start": raises_before_start,
    "raises-after-start": raises_after_start,
    "raises-after-write": raises_after_write,
    "raises-in-first-next": started(lambda: Closing([Exception])),
    "raises-after-a-block": started(lambda: Closing([b"part", Exception])),
    "raises-in-close": started(lambda: Closing([b"body"], in_close=True), FOUR),
    "returns-none": started(None, FOUR),
    "returns-a-number": started(4, FOUR),
    "returns-str": started("body", FOUR),
    "yields-str": started(lambda: ["body"], FOUR),
    "yields-numbers": started(lambda: [1, 2], FOUR),
    "yields-bytearray": started(lambda: [bytearray(b"body")], FOUR),
    "writes-str": writes_text,
    "never-starts": lambda environ, start_response: [b"body"],
    "never-starts-and-is-empty": lambda environ, start_response: [],
    "starts-twice": starts_twice,
    "too-few-bytes": started(lambda: [b"bo"], FOUR),
    "too-many-bytes": started(lambda: [b"body", b"and more"], FOUR),
    "status-is-bytes": starting(b"200 OK", lambda: [TYPE, FOUR]),
    "status-is-a-number": starting(200, lambda: [TYPE, FOUR]),
    "status-without-code": starting("OK", lambda: [TYPE, FOUR]),
    "status-with-line-break": starting("200 OK\r\nX-Injected: 1", lambda: [TYPE, FOUR]),
    "headers-are-none": starting("200 OK", None),
    "headers-are-a-tuple": starting("200 OK", (TYPE, FOUR)),
    "headers-are-a-dict": starting("200 OK", lambda: dict([TYPE, FOUR])),
    "header-name-is-bytes": starting("200 OK", lambda: [TYPE, FOUR, (b"X-Probe", "1")]),
    "header-value-is-a-number": starting("200 OK", lambda: [TYPE, FOUR, ("X-Probe", 1)]),
    "header-value-with-line-break": starting("200 OK", lambda: [TYPE, FOUR, ("X-P", "a\nX-I: 1")]),
    "header-beyond-latin-1": starting("200 OK", lambda: [TYPE, FOUR, ("X-Probe", "\u20ac")]),
    "header-of-the-connection": starting("200 OK", lambda: [TYPE, FOUR, ("Connection", "close")]),
    "length-is-no-number": starting("200 OK", lambda: [TYPE, ("Content-Length", "four")]),
}


@probe(facts=["told." + name for name in MISTAKES])
def mistaken(environ, start_response):
    """What client and log get to know of each mistake that an application can make."""
    kind = environ["conformance.inside"].parameters["kind"]
    if kind in MISTAKES:
        return MISTAKES[kind](environ, start_response)
    environ["wsgi.errors"].write(CHANNEL + "\n")
    environ["wsgi.errors"].flush()
    start_response("200 OK", [TYPE, FOUR])
    return [b"body"]


@mistaken.client
def _(client, verify):
    channel = CHANNEL.encode("ascii")
    is_seen = logged(client, *end(client, "none"), (channel,))
    for name in MISTAKES:
        conversation, before = end(client, name)
        told = logged(client, conversation, before, SIGNS)
        log = "in the log" if told else "nothing in the log" if is_seen else "log not seen"
        verify.fact("told." + name, f"{outcome(conversation)}; {log}")


def end(client, kind):
    """Play a mistake to its end; return the conversation, and how long the log was before."""
    before = len(client.timeline.log)
    conversation = client.open(kind=kind)
    conversation.send(request(headers=[("Connection", "close")]))
    conversation.settled(lambda: conversation.ended, or_idle=True)
    # Some servers serve nobody else until the client has closed, too.
    conversation.close()
    return conversation, before


def logged(client, conversation, before, signs):
    """Wait until the log shows one of some signs, or the server has come to rest."""
    log = client.timeline.log
    return conversation.settled(lambda: any(sign in log[before:] for sign in signs), or_idle=True)


def outcome(conversation):
    """Return in words what the client got."""
    if not conversation.received:
        return "no response" if conversation.ended else "left without an answer"
    if not conversation.ended:
        return "{}, and no end".format(conversation.received[:12].decode("latin-1")[9:])
    response = conversation.response()
    if response is None or not response.status:
        return "no readable response"
    whole = response.complete and not response.defects
    return "{}{}".format(response.status, "" if whole else ", cut short or malformed")
