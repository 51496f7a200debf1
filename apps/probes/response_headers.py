"""PEP 3333, The start_response() Callable: the head that is sent."""

import calendar
import email.utils
import time

from conformance.probing import probe, request

TYPE = ("Content-Type", "text/plain")
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


def names_in(fields):
    """Return the lower-case names of some field lines."""
    return [name.lower() for name, _ in fields]


@probe("status-code-as-given", "status-reason-as-given")
def given_status(environ, start_response):
    """Code and reason reach the client as the application gave them."""
    start_response(environ["conformance.inside"].parameters["status"], [TYPE])
    return [b"body"]


@given_status.client
def _(client, verify):
    for status in (
        "200 OK",
        "200 Froody",
        "299 Odd But Fine",
        "404 Nobody Home",
        "410 gone: really",
        "500 Oops",
    ):
        seen = client.exchange(status=status)
        code, _, reason = status.partition(" ")
        response = seen.response
        verify("status-code-as-given").true(
            response is not None and response.status == int(code),
            f"{status}: the code {code}",
            str(seen),
        )
        if response is not None and response.status == int(code):
            verify("status-reason-as-given").equal(response.reason, reason.encode("ascii"))
        else:
            verify("status-reason-as-given").unsupported("another code", "the code as given")


@probe("headers-required-added", "headers-date-supplied")
def no_headers(environ, start_response):
    """What HTTP requires of a head, and the application left out, the server adds."""
    environ["conformance.inside"].note(now=time.time())
    start_response("200 OK", [])
    return (block for block in (b"one ", b"two"))


@no_headers.client
def _(client, verify):
    for version in ("1.1", "1.0"):
        seen = client.exchange(request(version=version))
        response = seen.answered
        dates = response.all("Date")
        # HTTP/1.0 asks for no Date, and ends a body by closing.
        if response.version == "1.1":
            verify("headers-required-added").true(
                dates,
                "a Date in an HTTP/1.1 response",
                f"the header names {names_in(response.fields)}",
            )
        if response.version == "1.1" and version == "1.1":
            verify("headers-required-added").true(
                response.framing != "close" or "close" in response.tokens("Connection"),
                "Content-Length, chunked, or Connection: close to tell where the body ends",
                f"the header names {names_in(response.fields)}",
            )
        verify("headers-required-added").true(
            response.complete and response.body == b"one two",
            "the whole body b'one two' by the framing that the head announces",
            f"{seen}, framing {response.framing}",
        )
        verify("headers-date-supplied").true(
            len(dates) == 1 and is_near(dates[0], seen.notes["now"]),
            "one Date header in the form of HTTP, near the present",
            f"Date: {dates}",
        )


def is_near(date, now):
    """Whether an HTTP date (RFC 9110 section 5.6.7) lies within minutes of a time."""
    parsed = email.utils.parsedate(date.decode("latin-1"))
    if parsed is None or len(date) != len(DATE) or not date.endswith(b" GMT"):
        return False
    return abs(calendar.timegm(parsed) - now) < 300


SPELLINGS = {
    "usual": ("Date", "Server", "Content-Type", "Content-Length"),
    "odd": ("dAtE", "SERVER", "content-TYPE", "cOnTeNt-LeNgTh"),
}


@probe("headers-not-duplicated", "headers-case-insensitive")
def own_headers(environ, start_response):
    """A header that the application gives is not sent a second time, however it is spelled."""
    spelling = SPELLINGS[environ["conformance.inside"].parameters["spelling"]]
    values = (DATE, "probe/1", "text/plain", "8")
    start_response("200 OK", list(zip(spelling, values)))
    return [b"one ", b"two."]


@own_headers.client
def _(client, verify):
    usual = client.exchange(spelling="usual")
    doubled = doubled_names(usual.answered)
    verify("headers-not-duplicated").true(
        not doubled,
        "Date, Server, Content-Type and Content-Length of the application once each",
        doubled or "once each",
    )
    odd = client.exchange(spelling="odd")
    doubled = {
        name: values for name, values in doubled_names(odd.answered).items() if name not in doubled
    }
    verify("headers-case-insensitive").true(
        not doubled,
        "the same in another spelling: " + ", ".join(SPELLINGS["odd"]),
        doubled or "as in the usual spelling",
    )
    verify("headers-case-insensitive").true(
        odd.succeeded
        and odd.response.body == b"one two."
        # What stands in front may frame every body anew.
        and (odd.response.framing != "chunked" or client.proxied),
        "cOnTeNt-LeNgTh: 8 delimits the body b'one two.'",
        f"{odd}, framing {odd.answered.framing}",
    )


def doubled_names(response):
    """Return the values of those headers that came more than once."""
    return {name: response.all(name) for name in SPELLINGS["usual"] if len(response.all(name)) > 1}


@probe("headers-precede-body")
def head_first(environ, start_response):
    """The head comes before the body, yielded or written."""
    written = environ["conformance.inside"].parameters["written"]
    write = start_response("200 OK", [TYPE])
    if written:
        write(b"the-first-of-the-body")
    return [b"the-rest-of-the-body"] if written else [b"the-first-of-the-body", b"the-rest"]


@head_first.client
def _(client, verify):
    for written in (False, True):
        # What is no response has an end only where the connection has.
        data = request(target="/head-first", headers=[("Connection", "close")])
        seen = client.exchange(data, fence=False, written=written)
        received = bytes(seen.connection.received)
        # Looked for in the body as it is framed: its blocks may come in any number of chunks.
        body = seen.response.body if seen.response is not None else b""
        verify("headers-precede-body").true(
            received.startswith(b"HTTP/1.") and body.startswith(b"the-first-of-the-body"),
            "status line, headers and an empty line, and only then the body",
            received[:200],
        )


BODY = b"body"
LENGTH = ("Content-Length", "4")

# name: version, method, status, headers, blocks (a list, or a tuple for a generator), written first
SHAPES = {
    "a list of one block": ("1.1", "GET", "200 OK", (), [b"body"], b""),
    "a list of two blocks": ("1.1", "GET", "200 OK", (), [b"bo", b"dy"], b""),
    "a generator": ("1.1", "GET", "200 OK", (), (b"bo", b"dy"), b""),
    "a generator, HTTP/1.0": ("1.0", "GET", "200 OK", (), (b"bo", b"dy"), b""),
    "a generator with empty blocks": ("1.1", "GET", "200 OK", (), (b"", b"bo", b"", b"dy"), b""),
    "a generator with Content-Length": ("1.1", "GET", "200 OK", (LENGTH,), (b"bo", b"dy"), b""),
    "a list with Content-Length": ("1.1", "GET", "200 OK", (LENGTH,), [b"bo", b"dy"], b""),
    "a generator without a block": ("1.1", "GET", "200 OK", (), (), b""),
    "an empty list": ("1.1", "GET", "200 OK", (), [], b""),
    "Content-Length: 0": ("1.1", "GET", "200 OK", (("Content-Length", "0"),), [], b""),
    "written": ("1.1", "GET", "200 OK", (), [], b"body"),
    "written and yielded": ("1.1", "GET", "200 OK", (), [b"dy"], b"bo"),
    "written and yielded with Content-Length": ("1.1", "GET", "200 OK", (LENGTH,), [b"dy"], b"bo"),
    "POST": ("1.1", "POST", "201 Made", (), [b"body"], b""),
    "404": ("1.1", "GET", "404 Nobody Home", (), (b"bo", b"dy"), b""),
    "HEAD": ("1.1", "HEAD", "200 OK", (), [b"body"], b""),
    "HEAD without a block": ("1.1", "HEAD", "200 OK", (), [], b""),
    "HEAD with Content-Length": ("1.1", "HEAD", "200 OK", (LENGTH,), [], b""),
    "204": ("1.1", "GET", "204 No Content", (), [], b""),
    "304": ("1.1", "GET", "304 Not Modified", (("ETag", '"probe"'),), [], b""),
}
KEPT_ALIVE = ("a list of one block", "a generator, HTTP/1.0", "a generator with Content-Length")


@probe("headers-response-well-formed")
def shapes(environ, start_response):
    """Whatever the shape of the response, its head is well-formed and its framing fits the body."""
    shape = environ["conformance.inside"].parameters["shape"]
    _, _, status, fields, blocks, written = SHAPES[shape]
    write = start_response(status, list(fields))
    if written:
        write(written)
    return (block for block in blocks) if isinstance(blocks, tuple) else list(blocks)


@shapes.client
def _(client, verify):
    for shape, (version, method, _, _, blocks, written) in SHAPES.items():
        # Where the framing gives the body no end, the closed connection does.
        fields = [("Connection", "close")]
        if method == "POST":
            # Without it some ask for a length, as they may of a method that has a body.
            fields.append(("Content-Length", "0"))
        data = request(method, version=version, headers=fields)
        seen = client.exchange(data, fence=False, shape=shape)
        claim_framed(
            verify, shape, version, seen, b"" if method == "HEAD" else written + b"".join(blocks)
        )


@probe("headers-response-well-formed")
def shapes_kept_alive(environ, start_response):
    """A client that asked for it is not told of a connection kept open and then left waiting."""
    return shapes(environ, start_response)


@shapes_kept_alive.client
def _(client, verify):
    for shape in KEPT_ALIVE:
        conversation = client.open(shape=shape)
        conversation.send(request(version="1.0", headers=[("Connection", "keep-alive")]))
        conversation.wait_received(b"body")
        # Ends the response also where nothing in it tells its end.
        conversation.half_close()
        seen = conversation.exchange(conversation.response())
        conversation.close()
        claim_framed(verify, shape + ", HTTP/1.0 with keep-alive", "1.0", seen, BODY)
        if seen.response is None:
            continue
        response = seen.response
        verify("headers-response-well-formed").true(
            response.framing != "close" or "keep-alive" not in response.tokens("Connection"),
            f"{shape}: no Connection: keep-alive on a response whose end only the closing tells",
            f"{shape}: Connection: {response.all('Connection')}, framing {response.framing}",
        )


def claim_framed(verify, shape, version, seen, body):
    """Claim that a response is well-formed, and framed so that it has a certain body."""
    response = seen.response
    if response is None:
        verify("headers-response-well-formed").true(False, f"{shape}: a response", str(seen))
        return
    wrong = [defect.text for defect in response.defects]
    if version == "1.0" and response.all("Transfer-Encoding"):
        wrong.append("Transfer-Encoding in the response to an HTTP/1.0 request")
    # HTTP bans the field there, and the PEP lets a server generate one for every empty body.
    generated = response.status == 204 and response.all("Content-Length") == [b"0"]
    verify("headers-response-well-formed", "undefined" if generated else "MUST").true(
        not wrong, f"{shape}: a well-formed response", f"{shape}: " + ("; ".join(wrong) or "it is")
    )
    verify("headers-response-well-formed").true(
        response.complete and response.body == body,
        f"{shape}: a framing by which the body is {body!r}",
        f"{shape}: {seen}, framing {response.framing}",
    )
