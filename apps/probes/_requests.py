"""What the probes of requests share: bytes out, and what a server may have made of them."""

# Seconds after which a client says that no more will come, to a server that seems to wait for more.
PATIENCE = 1.0


def answer(start_response):
    """Answer with nothing: what is looked at is the environ."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []


def head(*lines, start=b"GET /probe HTTP/1.1", host=b"Host: conformance.test"):
    """Return a request of raw lines, each of them ended by CRLF.

    Args:
        lines: field lines behind Host.
        start: the request line.
        host: the line for Host, or None to leave it out.
    """
    hosts = [] if host is None else [host]
    return b"\r\n".join([start, *hosts, *lines, b"", b""])


def deliver(client, data, fence=True, half_close=False):
    """Send bytes on a connection of their own, and return the exchange when all of it is over.

    Args:
        data: what may or may not be a request.
        fence: whether to follow it, where the connection stays open, with the harness's own.
        half_close: whether to say at once that no more will come. It is said in any case to a
            server that seems to wait, so that it need not be waited for.
    """
    conversation = client.open()
    conversation.send(data)

    def heard():
        return bool(conversation.connection.received) or conversation.ended

    gave_up = not half_close and not conversation.settled(heard, PATIENCE)
    if half_close or gave_up:
        conversation.half_close()
    response = conversation.response(data.partition(b" ")[0].decode("latin-1"))
    exchange = conversation.exchange(response)
    goes_on = response is not None and response.keeps_open and not conversation.ended
    if fence and goes_on and not half_close and not gave_up:
        exchange.fenced = conversation.fence()
    conversation.wait(
        lambda: all(call.settled for call in conversation.calls), "the application's call to return"
    )
    exchange.calls = conversation.calls
    exchange.gave_up = gave_up
    conversation.close()
    return exchange


def value(seen, key, default=None):
    """Return a variable of the first call, or a default where there is none."""
    return seen.calls[0].environ.get(key, default) if seen.calls else default


def path(seen):
    """Return the whole path that the application was told."""
    return value(seen, "SCRIPT_NAME", "").rstrip("/") + value(seen, "PATH_INFO", "")


def texts(seen):
    """Return what of the first call's environ came from the request: names and values."""
    return [
        text
        for key, item in (seen.calls[0].environ.items() if seen.calls else ())
        if isinstance(key, str) and "." not in key and isinstance(item, str)
        for text in (key, item)
    ]


def became(seen, *keys):
    """Return a text that says what became of a request.

    Args:
        keys: of variables to show where the application was called.
    """
    silent = "nothing until the client gave up, then " if getattr(seen, "gave_up", False) else ""
    if seen.calls:
        shown = ", ".join(f"{key}={value(seen, key)!r}" for key in keys)
        times = f"{len(seen.calls)} times " if len(seen.calls) > 1 else ""
        return silent + (f"called {times}with {shown}" if shown else f"called {times}").rstrip()
    if seen.response is not None and seen.response.status:
        return f"{silent}answered with {seen.response.status}"
    return silent + "closed with no readable response"


def is_old(seen):
    """Whether the server answers in HTTP/1.0, and so may know nothing of what 1.1 demands."""
    return seen.response is not None and seen.response.version == "1.0"


def judge(verify, rule, name, good, expected, seen, *keys, level=None):
    """Claim that something is right about what became of one of several requests.

    Args:
        name: of the request, in a few words.
        level: a weaker one than the rule's own, where this observation leaves room.
    """
    claim = verify(rule, level)
    return claim.true(good, f"{name}: {expected}", f"{name}: {became(seen, *keys)}")


def judge_400(verify, rule, name, seen, *keys):
    """Claim that a request was answered with 400, as HTTP/1.1 demands of this and that.

    A call breaks the rule, and so does no answer and no close. Another error status, or a close,
    refuses the request just as well.
    """
    level = "undefined" if is_old(seen) else None
    status = seen.response.status if seen.response is not None else 0
    good = not seen.calls and not seen.gave_up
    refused = judge(verify, rule, name, good, "400", seen, *keys, level=level)
    if refused and level is None:
        judge(verify, rule, name, status == 400, "400", seen, level="SHOULD")
