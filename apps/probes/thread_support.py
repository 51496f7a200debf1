"""PEP 3333, environ Variables and Thread Support: the flags, held against what is seen.

Calls are held at a gate, so that two that are there together were there at the same time. That two
never are proves nothing: the flags tell what may happen.
"""

import threading

from conformance.probing import probe, request

# Seconds that other calls get to arrive while the first is held. A server that takes up nothing
# more comes to rest, and ends the wait; where that cannot be seen, the time is sat out.
OVERLAP = 1.0
AT_ONCE = 8


def native_thread():
    """Return the operating system's thread, which greenlets share."""
    return getattr(threading, "get_native_id", threading.get_ident)()


@probe(
    "thread-multiprocess-false",
    "thread-multiprocess-true",
    "thread-multithread-false",
    "thread-multithread-true",
    facts=("concurrency.calls-at-once",),
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
    together, rested = calls_at_once(client)
    places = {(call.called["process"], call.notes["thread"]) for call in together}
    verify.fact(
        "concurrency.calls-at-once",
        f"{len(together)} of {AT_ONCE}, in {len(places)} thread(s) of "
        f"{len({process for process, _ in places})} process(es)",
    )
    threads, greenlets, processes = overlaps(together)
    for kind, seen in (("thread", bool(threads)), ("process", len(processes) > 1)):
        flag = "wsgi.multi" + kind
        value = all(call.environ.get(flag) for call in together)
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
            # "may be": perhaps with another configuration, so it is shown and no more. But not
            # where this process let all others wait and did nothing, though it has one thread
            # for all calls: no other thread of it calls the application.
            serial = kind == "thread" and rested and len(together) == 1
            claim = verify(f"thread-multi{kind}-false", None if serial else "undefined")
            claim.true(False, expected, observed + (", and the rest waited" if serial else ""))
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
    """Hold several requests in the application.

    Returns:
        The calls that were there together, and whether the server had come to rest with them.
    """
    first = client.open(hold=True)
    first.send(request())
    first.wait_gate("inside")
    others = []
    for _ in range(AT_ONCE - 1):
        # The queue of a server that is held may be full.
        others.append(client.open(or_idle=True, hold=True))
        others[-1].send(request())

    def inside():
        return [call for call in first.calls if call.first("gate")]

    def enough():
        return len(inside()) == AT_ONCE

    first.settled(enough, OVERLAP, or_idle=True)
    together, rested = inside(), first.rested
    # Whoever is called from here on is not held.
    last = client.open(or_idle=True, hold=False)
    last.send(request())
    let_go(client, [first, *others, last])
    return together, rested


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


@probe("environ-mutation-not-leaked", "environ-input-present")
def side_by_side(environ, start_response):
    """Two calls at once have each its own environ and its own body."""
    inside = environ["conformance.inside"]
    path = environ["PATH_INFO"]
    environ["probe.path"] = path
    inside.gate("inside")
    body = environ["wsgi.input"].read(len(body_for(path)))
    inside.note(path=environ.get("probe.path"), body=body)
    start_response("200 OK", [("Content-Length", "0")])
    return []


def body_for(path):
    """Return the body that is sent to a path, of the same length for both."""
    return path.encode("ascii") * 100


@side_by_side.client
def _(client, verify):
    paths = ("/a", "/b")
    conversations = []
    for path in paths:
        conversation = client.open()
        conversation.send(request("POST", target=path, body=body_for(path)))
        conversations.append(conversation)
        conversation.settled(
            lambda: len(client.timeline.gates) == len(conversations), OVERLAP, or_idle=True
        )
    at_once = len(client.timeline.gates) == len(paths)
    let_go(client, conversations)
    expected = "two calls at once: each finds what it put into environ, and its own body"
    if not at_once:
        for rule in ("environ-mutation-not-leaked", "environ-input-present"):
            verify(rule).info("the second call came when the first was over", expected)
        return
    first = conversations[0]
    first.wait_calls(len(paths))
    for call in first.calls:
        path = call.environ["PATH_INFO"]
        found = first.exchange(None)
        found.calls = [call]
        verify("environ-mutation-not-leaked").equal(found.notes["path"], path)
        verify("environ-input-present").true(
            found.notes["body"] == body_for(path),
            expected,
            f"{path}: {found.notes['body'][:20]!r}",
        )


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
