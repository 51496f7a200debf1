"""RFC 9112 section 2.2, Message Parsing: octets, lines, and where a head begins and ends."""

from conformance.probing import probe, request

from ._requests import answer, became, deliver, head, judge, path, texts, value


@probe("http-leading-empty-line")
def empty_line_ahead(environ, start_response):
    """An empty line before the request line is passed over."""
    if environ["REQUEST_METHOD"] == "POST":
        environ["conformance.inside"].attempt("body", lambda: environ["wsgi.input"].read(5))
    return answer(start_response)


@empty_line_ahead.client
def _(client, verify):
    rule, expected = "http-leading-empty-line", "passed over, and the application called"
    seen = deliver(client, b"\r\n" + head())
    judge(verify, rule, "CRLF first of all", seen.calls, expected, seen)
    conversation = client.open()
    conversation.send(request("POST", body=b"hello"))
    response = conversation.response("POST")
    if response is None or not response.keeps_open or conversation.ended:
        return
    conversation.send(b"\r\n" + head(start=b"GET /second HTTP/1.1"))
    seen = conversation.exchange(conversation.response())
    seen.calls = [call for call in conversation.calls if path_of(call) == "/second"]
    conversation.close()
    if seen.response is None:  # closed after all, and nothing of it read
        return
    judge(verify, rule, "CRLF behind the body of a POST", seen.calls, expected, seen)


def path_of(call):
    return call.environ.get("PATH_INFO")


# For Python's text, each of these ends a line.
SEPARATORS = (b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x85", b"\xc2\x85", b"\xe2\x80\xa8")


@probe("http-line-terminators")
def lines_of_text(environ, start_response):
    """What ends a line of text does not end a line of a request."""
    return answer(start_response)


@lines_of_text.client
def _(client, verify):
    for separator in SEPARATORS:
        seen = deliver(client, head(b"X-Probe: one" + separator + b"X-Injected: two"))
        judge(
            verify,
            "http-line-terminators",
            repr(separator)[1:],
            value(seen, "HTTP_X_INJECTED") is None,
            "refused, or no field begins behind it",
            seen,
            *("HTTP_X_PROBE", "HTTP_X_INJECTED"),
        )


BARE_CR = {
    "CR in a value": head(b"X-Probe: tw\ro", b"X-Last: last"),
    "CR between fields": head(b"X-Probe: one\rX-Injected: two", b"X-Last: last"),
    "CRLF CR and a field": head(b"X-Probe: one", b"\rX-Probe-2: two", b"X-Last: last"),
    "CR behind the request line": head(
        b"X-Last: last",
        start=b"GET /probe HTTP/1.1\rHost: conformance.test\rX-Injected: one",
        host=None,
    ),
}


@probe("http-bare-cr")
def cr_alone(environ, start_response):
    """A CR without an LF is refused or becomes a space."""
    return answer(start_response)


@cr_alone.client
def _(client, verify):
    for name, data in BARE_CR.items():
        seen = deliver(client, data)
        good = not seen.calls or (
            value(seen, "HTTP_X_LAST") == "last"
            and value(seen, "HTTP_X_INJECTED") is None
            and not any("\r" in text for text in texts(seen))
        )
        expected = "refused, or a space in its place and nothing else changed"
        keys = ("HTTP_X_PROBE", "HTTP_X_INJECTED", "HTTP_X_LAST")
        judge(verify, "http-bare-cr", name, good, expected, seen, *keys)


@probe("http-bare-lf")
def lf_alone(environ, start_response):
    """An LF without a CR ends a line, is refused, or becomes a space."""
    return answer(start_response)


@lf_alone.client
def _(client, verify):
    rule, expected = "http-bare-lf", "refused, or two lines, or a space between them"
    keys = ("HTTP_X_PROBE", "HTTP_X_SECOND")
    seen = deliver(client, head(b"X-Probe: one\nX-Second: two"))
    pair = tuple(value(seen, key) for key in keys)
    accepted = (("one", "two"), ("one X-Second: two", None))
    good = not seen.calls or pair in accepted
    judge(verify, rule, "LF between two fields", good, expected, seen, *keys)
    seen = deliver(client, head(b"X-Probe:\nX-Second: two"))
    pair = (value(seen, keys[0], ""), value(seen, keys[1]))
    joined = pair == ("X-Second: two", None)
    good = not seen.calls or pair == ("", "two")
    level = "undefined" if joined else None
    judge(verify, rule, "LF behind a colon", good, expected, seen, *keys, level=level)
    # For a server that knows CRLF alone, the last four octets end what is one long line to it.
    lines = (b"GET /probe HTTP/1.1", b"Host: conformance.test", b"X-Probe: one", b"")
    seen = deliver(client, b"\n".join(lines) + b"\n\r\n\r\n", fence=False)
    good = not seen.calls or (path(seen), value(seen, "HTTP_X_PROBE")) == ("/probe", "one")
    judge(verify, rule, "a head with LF alone", good, "refused, or read", seen, "HTTP_X_PROBE")


@probe("http-whitespace-before-fields")
def indented_first_field(environ, start_response):
    """A line that begins with a blank, where there is no field to go on with, is no field."""
    return answer(start_response)


@indented_first_field.client
def _(client, verify):
    for blank, name in ((b" ", "SP"), (b"\t", "HTAB")):
        hidden = blank + b"X-Hidden: hidden-1"
        seen = deliver(client, head(start=b"GET /probe HTTP/1.1\r\n" + hidden))
        found = [text for text in texts(seen) if "hidden-1" in text or "X_HIDDEN" in text]
        good = not seen.calls or (value(seen, "HTTP_HOST") == "conformance.test" and not found)
        verify("http-whitespace-before-fields").true(
            good,
            f"{name}: refused, or the line left out",
            f"{name}: {became(seen, 'HTTP_HOST')}" + (f", and {found}" if found else ""),
        )


HELLO = b"\x16\x03\x01\x00\x31\x01\x00\x00\x2d\x03\x03" + bytes(range(0x80, 0xA0))
NO_REQUESTS = {
    "TLS": HELLO + b"\x00\x00\x02\x13\x01\x01\x00\x00\x02\x00\x00\r\n\r\n",
    "control characters": b"\x00\x01\x02\x03\x04\r\n\r\n",
    "a response": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
}
# What looks like HTTP enough to be answered.
MALFORMED = {
    "one word": b"hello\r\n\r\n",
    "no request line": b"Host: conformance.test\r\n\r\n",
    "a malformed version": head(start=b"GET /probe HTTP/one"),
}


@probe("http-invalid-message-refused", "http-invalid-message-answered")
def no_request(environ, start_response):
    """What is no request is answered with 400, and not by the application."""
    return answer(start_response)


@no_request.client
def _(client, verify):
    refused = []
    for name, data in {**NO_REQUESTS, **MALFORMED}.items():
        # A server that waits for more of a TLS record is told that there is no more.
        seen = deliver(client, data, half_close=name == "TLS")
        rule = "http-invalid-message-refused"
        judge(verify, rule, name, not seen.calls, "no call", seen, "REQUEST_METHOD", "PATH_INFO")
        if name in MALFORMED and not seen.calls:
            refused.append((name, seen))
    rule = "http-invalid-message-answered"
    if not refused:
        verify(rule).unsupported("nothing was refused")
    for name, seen in refused:
        response, expected = seen.response, "400, and the connection closed"
        good = response is not None and response.complete and response.status >= 300
        if judge(verify, rule, name, good, expected, seen):
            observed = f"{name}: {became(seen)}, and then the next request"
            verify(rule).true(not seen.fenced, f"{name}: {expected}", observed)


@probe("http-split-delivery")
def byte_by_byte(environ, start_response):
    """A request that comes in byte by byte is the same request."""
    inside = environ["conformance.inside"]
    inside.attempt("body", lambda: environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    return answer(start_response)


@byte_by_byte.client
def _(client, verify):
    data = request("POST", "/probe?q=1", [("X-Probe", "one, two")], b"hello")
    whole = [told(call) for call in deliver(client, data, fence=False).calls]
    conversation = client.open()
    for octet in data:
        conversation.send(bytes([octet]))
    seen = conversation.exchange(conversation.response("POST"))
    conversation.close()
    pieces = [told(call) for call in seen.calls]
    observed = repr(pieces) if pieces else became(seen)
    # By their texts, as an error that reading raised is equal to nothing else.
    same = repr(pieces) == repr(whole)
    verify("http-split-delivery").true(same, f"as in one piece: {whole}", observed)


def told(call):
    """Return what the application was told of a request, and the body that it read."""
    keys = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_X_PROBE", "CONTENT_LENGTH")
    return [*(call.environ.get(key) for key in keys), call.notes.get("body")]


UNFINISHED = {
    "within the request line": b"GET /pro",
    "behind the request line": b"GET /probe HTTP/1.1\r\n",
    "within a field": b"GET /probe HTTP/1.1\r\nHost: conformance.test\r\nX-Probe: on",
    "behind a field": b"GET /probe HTTP/1.1\r\nHost: conformance.test\r\n",
    # Nothing at all, and blanks alone, are nothing to be called for either.
    "before anything": b"",
    "behind a blank": b" \r\n",
}


@probe("http-unfinished-head")
def cut_off(environ, start_response):
    """A request whose head was cut off does not reach the application."""
    return answer(start_response)


@cut_off.client
def _(client, verify):
    for name, data in UNFINISHED.items():
        seen = deliver(client, data, half_close=True)
        keys = ("REQUEST_METHOD", "PATH_INFO", "HTTP_X_PROBE")
        rule = "http-unfinished-head"
        judge(verify, rule, f"cut off {name}", not seen.calls, "no call", seen, *keys)


@probe("http-half-close-answered")
def nothing_more_to_say(environ, start_response):
    """A client that has said all that it will still gets its response."""
    return answer(start_response)


@nothing_more_to_say.client
def _(client, verify):
    seen = deliver(client, head(), half_close=True)
    expected = "a response after the client half-closed"
    verify("http-half-close-answered").true(seen.succeeded, expected, str(seen))
