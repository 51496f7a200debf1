"""PEP 3333, environ Variables and Thread Support: the flags, held against what is seen.

Calls are held at a gate, so that two that are there together were there at the same time. That two
never are proves nothing: the flags tell what may happen.
"""

import threading

from conformance.probing import probe, request

# Seconds that a second call gets to arrive while the first is held. A server without threads sits
# this out, because nothing can tell that it will not come; one that overlaps needs a millisecond.
OVERLAP = 0.15
# The same where a flag says that it will come: only a flag without an overlap sits this out.
PROMISED = 1.0
AT_ONCE = 4


def native_thread():
    """Return the operating system's thread, which greenlets share."""
    return getattr(threading, "get_native_id", threading.get_ident)()


@probe(
    "thread-multiprocess-false",
    "thread-multiprocess-true",
    "thread-multithread-false",
    "thread-multithread-true",
)
def stay_inside(environ, start_response):
    """Calls that overlap in threads or processes are announced by the flags."""
    inside = environ["conformance.inside"]
    inside.note(thread=native_thread())
    if inside.parameters["hold"]:
        inside.gate("inside")
    start_response("200 OK", [("Content-Length", "0")])
    return []


@stay_inside.client
def _(client, verify):
    together = calls_at_once(client)
    threads, greenlets, processes = overlaps(together)
    for kind, seen in (("thread", bool(threads)), ("process", len(processes) > 1)):
        flag = "wsgi.multi" + kind
        value = all(call.environ.get(flag) for call in together)
        places = {(call.called["process"], call.notes["thread"]) for call in together}
        observed = (
            f"{flag} is {value}; {len(together)} call(s) at once "
            f"in {len(places)} thread(s) of {len(processes)} process(es)"
        )
        expected = flag + " true where calls overlap, and false where they cannot"
        claim = verify(f"thread-multi{kind}-true")
        if kind == "thread" and greenlets and not threads and not value:
            claim.info(observed + ": greenlets", expected)
        else:
            claim.true(value or not seen, expected, observed)
        claim = verify(f"thread-multi{kind}-false")
        if value and not seen and not (kind == "thread" and greenlets):
            # "may be": perhaps with another configuration, so it is shown and no more.
            verify(f"thread-multi{kind}-false", "undefined").true(False, expected, observed)
        else:
            claim.true(True, expected, observed)


def overlaps(calls):
    """Return processes with calls in several threads, those with several in one, and all."""
    processes = {}
    for call in calls:
        processes.setdefault(call.called["process"], []).append(call.notes["thread"])
    threads = [process for process, found in processes.items() if len(set(found)) > 1]
    greenlets = [process for process, found in processes.items() if len(set(found)) < len(found)]
    return threads, greenlets, processes


def calls_at_once(client):
    """Hold several requests in the application; return the calls that were there together."""
    first = client.open(hold=True)
    first.send(request())
    first.wait_gate("inside")
    environ = first.exchange(None).environ
    others = [client.open(hold=True) for _ in range(AT_ONCE - 1)]
    for conversation in others:
        conversation.send(request())

    def inside():
        return [call for call in first.calls if call.first("gate")]

    def enough():
        threads, greenlets, processes = overlaps(inside())
        promised = [
            seen
            for flag, seen in (
                ("wsgi.multithread", threads or greenlets),
                ("wsgi.multiprocess", len(processes) > 1),
            )
            if environ.get(flag)
        ]
        return all(promised) if promised else len(inside()) > 1

    flags = environ.get("wsgi.multithread") or environ.get("wsgi.multiprocess")
    first.settled(enough, PROMISED if flags else OVERLAP)
    together = inside()
    # Whoever is called from here on is not held.
    last = client.open(hold=False)
    last.send(request())
    let_go(client, [first, *others, last])
    return together


def let_go(client, conversations):
    """Open the gate until all are answered: some may have come to it only now."""
    for conversation in conversations:

        def is_answered(conversation=conversation):
            return b"\r\n\r\n" in conversation.received or conversation.ended

        while not is_answered():
            conversation.wait(
                lambda: is_answered() or bool(client.timeline.gates), "an answer to a call let go"
            )
            conversations[0].open_gate("inside")
        # At once: some servers serve nobody else until the client has closed.
        conversation.close()


@probe("environ-run-once-true")
def tell_the_process(environ, start_response):
    """A server that starts a process for each request says so."""
    start_response("200 OK", [("Content-Length", "0")])
    return []


@tell_the_process.client
def _(client, verify):
    calls = [client.exchange(request()).call for _ in range(3)]
    processes = {call.called["process"] for call in calls}
    flags = [bool(call.environ.get("wsgi.run_once")) for call in calls]
    verify("environ-run-once-true").true(
        all(flags) or len(processes) < len(calls),
        "wsgi.run_once true where each request has a process of its own",
        f"{len(processes)} processes for {len(calls)} requests, wsgi.run_once {flags}",
    )
