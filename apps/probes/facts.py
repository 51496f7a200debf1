"""What is worth knowing of a server and nobody judges."""

from conformance.probing import probe, request

KEYS = (
    "REQUEST_URI",
    "RAW_URI",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "REMOTE_HOST",
    "SERVER_SOFTWARE",
    "GATEWAY_INTERFACE",
    "wsgi.input_terminated",
    "wsgi.file_wrapper",
    "wsgi.early_hints",
)
# Those that the PEP requires of every server.
REQUIRED = ("version", "url_scheme", "input", "errors", "multithread", "multiprocess", "run_once")


@probe(facts=(*(f"environ.{key}" for key in KEYS), "environ.other-extensions"))
def optional_keys(environ, start_response):
    """Which of the keys that no specification requires are there, and what they hold."""
    start_response("200 OK", [("Content-Length", "0")])
    return []


@optional_keys.client
def _(client, verify):
    environ = client.exchange(request(target="/a%20b//c?d=%20e")).environ
    for key in KEYS:
        verify.fact(f"environ.{key}", described(environ, key))
    known = {*KEYS, *(f"wsgi.{name}" for name in REQUIRED)}
    others = sorted(key for key in environ if isinstance(key, str) and "." in key and key.islower())
    verify.fact(
        "environ.other-extensions", ", ".join(key for key in others if key not in known) or "none"
    )


def described(environ, key):
    """Return what stands under a key, without what differs from one run to the next."""
    if key not in environ:
        return "absent"
    value = environ[key]
    if key == "REMOTE_PORT":
        return f"a port, as {type(value).__name__}"
    return value if value and isinstance(value, str) else repr(value).partition(" at 0x")[0]


@probe(facts=("streaming.first-block", "streaming.first-block-ms"))
def first_block(environ, start_response):
    """Whether a small first block is sent while the application is at work on the next."""
    inside = environ["conformance.inside"]
    start_response("200 OK", [("Content-Type", "text/plain")])

    def blocks():
        yield b"first-block"
        inside.gate("first is out")
        yield b"second-block"

    return inside.iterable(blocks())


@first_block.client
def _(client, verify):
    conversation = client.open()
    conversation.send(request())
    arrived = conversation.settled(
        lambda: b"first-block" in conversation.received or conversation.ended, or_idle=True
    )
    early = arrived and b"first-block" in conversation.received
    conversation.wait_gate("first is out")
    conversation.open_gate("first is out")
    conversation.response()
    conversation.close()
    verify.fact("streaming.first-block", "sent at once" if early else "held back")
    verify.fact("streaming.first-block-ms", delay(client.timeline) if early else "not sent alone")


def delay(timeline):
    """Return the milliseconds from the application's first block to its arrival."""
    given = next(event.time for event in timeline.events if event.kind == "block")
    received = bytearray()
    for event in timeline.events:
        if event.kind == "received":
            received += event.data["bytes"]
            if b"first-block" in received:
                return f"{max(event.time - given, 0) * 1000:.1f}"
    return "not received"


SLOW = 40


@probe(
    facts=("slow-clients.connected", "slow-clients.another-is-served", "slow-clients.in-the-end")
)
def slow_clients(environ, start_response):
    """What becomes of an ordinary client while forty others have sent half a request each."""
    start_response("200 OK", [("Content-Length", "4")])
    return [b"body"]


@slow_clients.client
def _(client, verify):
    data = request(headers=[("Connection", "close")])
    half = len(data) // 2
    slow = []
    while len(slow) < SLOW:
        conversation = client.open(or_idle=True)
        if conversation.ended:
            break
        conversation.send(data[:half])
        slow.append(conversation)
    verify.fact("slow-clients.connected", f"{len(slow)} of {SLOW}")
    other = client.open(or_idle=True)
    other.send(data)
    other.settled(lambda: is_answered(other) or other.ended, or_idle=True)
    served = "yes" if is_answered(other) else "not before they are done"
    verify.fact("slow-clients.another-is-served", served)
    other.close()
    for conversation in slow:
        conversation.send(data[half:])
    answered = sum(map(is_answered_at_last, slow))
    verify.fact("slow-clients.in-the-end", f"{answered} of {len(slow)} answered")


def is_answered_at_last(conversation):
    """Wait for the response and close at once: some servers serve nobody else before that."""
    conversation.settled(lambda: is_answered(conversation) or conversation.ended, or_idle=True)
    conversation.close()
    return is_answered(conversation)


def is_answered(conversation):
    """Whether the whole response has come."""
    return conversation.received.endswith(b"\r\n\r\nbody")
