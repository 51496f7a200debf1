"""PEP 3333, Unicode Issues: strings of the response."""

from conformance.probing import probe, request

TYPE = ("Content-Type", "text/plain")
# All of Latin-1 but ASCII and the control characters U+0080 to U+009F, which are unsettled.
LATIN1 = "caf" + "".join(map(chr, range(0xA0, 0x100))) + "e"
REASON = "Pr\u00eat \u00e0 porter\u00ff"


@probe("unicode-headers-byte-preserving")
def latin1_value(environ, start_response):
    """A Latin-1 character in a header value is sent as the byte of the same value."""
    start_response("200 OK", [TYPE, ("X-Probe", LATIN1)])
    return [b"body"]


@latin1_value.client
def _(client, verify):
    seen = client.exchange()
    verify("unicode-headers-byte-preserving").equal(
        seen.answered.first("X-Probe"), LATIN1.encode("latin-1")
    )


@probe("unicode-headers-byte-preserving")
def latin1_reason(environ, start_response):
    """A Latin-1 character in a reason phrase is sent as the byte of the same value."""
    start_response("200 " + REASON, [TYPE])
    return [b"body"]


@latin1_reason.client
def _(client, verify):
    seen = client.exchange()
    response = seen.answered
    claim = verify("unicode-headers-byte-preserving")
    if response.status == 200 and not response.reason.startswith(b"Pr"):
        claim.info(response.reason, "a reason phrase of the server's own is for another rule")
    else:
        claim.true(
            response.reason == REASON.encode("latin-1"),
            "the reason " + repr(REASON.encode("latin-1")),
            f"{response.status} {response.reason!r}",
        )


BEYOND = {
    "status": ("200 O\u0100K", [TYPE]),
    "value": ("200 OK", [TYPE, ("X-Probe", "\u20ac")]),
    "value beyond U+FFFF": ("200 OK", [TYPE, ("X-Probe", "\U0001f40d")]),
    "name": ("200 OK", [TYPE, ("X-Pr\u014dbe", "1")]),
    # U+010D and U+010A end in the octets of CR and LF.
    "value that ends a line when cut to octets": (
        "200 OK",
        [TYPE, ("X-Probe", "1\u010d\u010aX-Injected: 1")],
    ),
    "status that ends a line when cut to octets": ("200 OK\u010d\u010aX-Injected: 1", [TYPE]),
}


@probe("unicode-non-latin1-refused")
def beyond_latin1(environ, start_response):
    """A character beyond Latin-1 makes the response fail; nothing else is sent for it."""
    start_response(*BEYOND[environ["conformance.inside"].parameters["kind"]])
    return [b"body"]


@beyond_latin1.client
def _(client, verify):
    for kind in BEYOND:
        seen = client.exchange(request(headers=[("Connection", "close")]), fence=False, kind=kind)
        received = bytes(seen.connection.received)
        verify("unicode-non-latin1-refused").true(
            not seen.succeeded,
            f"{kind}: an error response or a closed connection",
            f"{kind}: {received[:300]!r}",
        )
        verify("unicode-non-latin1-refused").true(
            b"\nX-Injected" not in received,
            f"{kind}: no header line made of characters cut to octets",
            f"{kind}: the client got an injected X-Injected line",
        )
