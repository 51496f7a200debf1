"""PEP 3333, Other HTTP Features, and Application Configuration."""

from conformance.probing import probe, request


@probe("http-inbound-connection-headers-handled")
def knows_nothing_of_connections(environ, start_response):
    """Connection: close is obeyed, and a connection that is kept is good for another request."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


# What is asked, whether the connection has to end after the answer, and how strictly that is taken:
# "any supported" lets a server say that it supports one spelling of one word and no list of them.
CONNECTIONS = (
    ("1.1", [("Connection", "close")], True, None),
    ("1.1", [("Connection", "Close")], True, "SHOULD"),
    ("1.1", [("Connection", "X-Foo, close"), ("X-Foo", "1")], True, "SHOULD"),
    ("1.0", [], True, None),
    ("1.1", [], False, None),
    ("1.0", [("Connection", "keep-alive")], False, None),
)


@knows_nothing_of_connections.client
def _(client, verify):
    rule = "http-inbound-connection-headers-handled"
    for version, headers, ends, level in CONNECTIONS:
        asked = f"HTTP/{version} with {headers or 'no Connection field'}"
        conversation = client.open()
        conversation.send(request(version=version, headers=headers))
        response = conversation.response()
        seen = conversation.exchange(response)
        _ = seen.call
        sound = response is not None and response.complete and response.body == b"ok"
        if not sound:
            verify(rule).true(False, "a complete response", f"{asked}: {seen}")
        elif ends:
            # Idle connections are closed as well, after seconds; another request tells them apart.
            ended = conversation.settled(lambda: conversation.ended, 1.0)
            answered = not ended and conversation.fence() is not None
            verify(rule, level).true(
                not answered,
                "the end of the connection after the response",
                f"{asked}: {'another request was answered' if answered else 'closed'}",
            )
        else:
            fenced = conversation.fence() if response.keeps_open else None
            verify(rule).true(
                fenced is not False,
                "a connection that answers another request, or ends",
                f"{asked}: the second request got {conversation.received[response.end :][:80]!r}",
            )
        conversation.close()


BODY = b"0123456789" * 10


@probe("http-ranges-not-doubled")
def answers_ranges(environ, start_response):
    """A 206 that the application made of a Range request arrives as it is, and so does a 200."""
    inside = environ["conformance.inside"]
    fields = [("Content-Type", "application/octet-stream"), ("Accept-Ranges", "bytes")]
    if inside.parameters["kind"] == "part":
        part = BODY[10:20]
        fields.append(("Content-Range", "bytes 10-19/100"))
        start_response("206 Partial Content", [*fields, ("Content-Length", str(len(part)))])
        return [part]
    if inside.parameters["kind"] == "refused":
        fields.append(("Content-Range", "bytes */100"))
        start_response("416 Range Not Satisfiable", [*fields, ("Content-Length", "4")])
        return [b"none"]
    start_response("200 OK", [*fields, ("Content-Length", str(len(BODY)))])
    return [BODY]


# The request's Range, what the application makes of it, and what the client must get.
RANGES = (
    ("bytes=10-19", "part", (206, b"bytes 10-19/100", BODY[10:20])),
    ("bytes=5-", "part", (206, b"bytes 10-19/100", BODY[10:20])),
    ("bytes=200-", "refused", (416, b"bytes */100", b"none")),
    (None, "whole", (200, None, BODY)),
)


@answers_ranges.client
def _(client, verify):
    for asked, kind, expected in RANGES:
        headers = [("Range", asked)] if asked else []
        seen = client.exchange(request(headers=headers), kind=kind)
        _ = seen.call
        response = seen.answered
        verify("http-ranges-not-doubled").equal(
            (response.status, response.first("Content-Range"), response.body), expected
        )


@probe("app-config-deployer-pairs")
def looks_for_configuration(environ, start_response):
    """A name-value pair that the deployer put into the process environment is in environ."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []


# As the launcher planted it; the second is how its UTF-8 bytes look in a native string.
NAME = "CONFORMANCE_PLANTED"
VALUES = ("caf\u00e9 \u20ac", "caf\u00e9 \u20ac".encode("utf-8").decode("latin-1"))


@looks_for_configuration.client
def _(client, verify):
    seen = client.exchange()
    if NAME not in seen.environ:
        verify("app-config-deployer-pairs").info(
            "not observed: variables of the process do not appear in environ",
            "a way for the deployer to put pairs into environ, this or another one",
        )
        return
    value = seen.environ[NAME]
    verify("app-config-deployer-pairs").true(
        isinstance(value, str) and value in VALUES,
        f"{NAME} with the value that was planted, as bytes in a native string",
        repr(value),
    )
