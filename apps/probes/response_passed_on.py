"""PEP 3333, Other HTTP Features: the application's control over its output, and its limits."""

from conformance.probing import probe, request

TYPE = ("Content-Type", "text/plain")
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


GIVEN = (
    ("X-Probe", 'a, b;  c="d"'),
    ("Server", "probe/1"),
    ("Date", DATE),
    ("Content-Type", "text/x-probe; charset=x-probe"),
    ("Cache-Control", "private, max-age=17"),
    ("Set-Cookie", "a=b; Path=/; HttpOnly"),
    ("ETag", '"probe"'),
    ("Last-Modified", DATE),
    ("Content-Language", "tlh"),
)


@probe("headers-passed-through")
def end_to_end_headers(environ, start_response):
    """End-to-end headers arrive as they were given."""
    start_response("200 OK", list(GIVEN))
    return [b"body"]


@end_to_end_headers.client
def _(client, verify):
    response = client.exchange().answered
    changed = {
        name: response.all(name)
        for name, value in GIVEN
        if value.encode("ascii") not in response.all(name)
    }
    verify("headers-passed-through").true(
        not changed and response.status == 200,
        "each of {} with the value given".format(", ".join(name for name, _ in GIVEN)),
        f"{response}, other values: {changed}" if changed else str(response),
    )


@probe("headers-duplicates-kept")
def repeated_headers(environ, start_response):
    """Repeated headers all arrive, in order."""
    fields = [TYPE, ("Set-Cookie", "a=1"), ("X-M", "1"), ("Set-Cookie", "b=2"), ("X-M", "2")]
    start_response("200 OK", fields)
    return [b"body"]


@repeated_headers.client
def _(client, verify):
    response = client.exchange().answered
    verify("headers-duplicates-kept").equal(response.all("Set-Cookie"), [b"a=1", b"b=2"])
    # One line with both values says the same.
    values = [part.strip() for part in b",".join(response.all("X-M")).split(b",")]
    verify("headers-duplicates-kept").equal(values, [b"1", b"2"])


# RFC 2616 section 13.5.1, which the PEP refers to. "Trailers" in it and "Trailer" elsewhere are the
# same field; a server may know it by either name, so it is left out.
HOP_BY_HOP = (
    ("Connection", "close"),
    ("Keep-Alive", "timeout=17"),
    ("Proxy-Authenticate", "Probe"),
    ("TE", "trailers"),
    ("Transfer-Encoding", "chunked"),
    ("Upgrade", "probe/1"),
)


@probe("http-hop-by-hop-raises", "http-hop-by-hop-fatal")
def hop_by_hop_header(environ, start_response):
    """A hop-by-hop header from the application makes start_response raise."""
    inside = environ["conformance.inside"]
    header = tuple(inside.parameters["header"])
    try:
        start_response("200 OK", [TYPE, header])
    except Exception as error:
        inside.note(outcome="raised " + type(error).__name__)
        raise
    inside.note(outcome="returned")
    return [b"body"]


@hop_by_hop_header.client
def _(client, verify):
    returned, succeeded = [], []
    for name, value in HOP_BY_HOP:
        # A response that is framed by what the application said may have no end but this.
        data = request(headers=[("Connection", "close")])
        seen = client.exchange(data, fence=False, header=[name, value])
        if seen.notes["outcome"] == "returned":
            returned.append(name)
        response = seen.response
        if response is not None and 200 <= response.status <= 299:
            passed = value.encode("ascii") in response.all(name)
            # The server has a Connection and a Transfer-Encoding of its own.
            own = passed and name in ("Connection", "Transfer-Encoding")
            fate = "passed on or its own" if own else "passed on" if passed else "dropped"
            succeeded.append(f"{name} ({fate})")
    names = ", ".join(name for name, _ in HOP_BY_HOP)
    verify("http-hop-by-hop-raises").true(
        not returned,
        "start_response raises for each of " + names,
        "it returned for: " + (", ".join(returned) or "none of them"),
    )
    verify("http-hop-by-hop-fatal").true(
        not succeeded,
        "no normal 2xx response with any of " + names,
        "a 2xx response for: " + (", ".join(succeeded) or "none of them"),
    )


LARGE = bytes(range(256)) * 4096
GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x00\x00\x83\x16\xdc\x8c\x01\x00\x00\x00"

# name: status, headers, body
MEANT = {
    "an error page": ("404 Nobody Home", (("Content-Type", "text/x-probe"),), b"not here"),
    "a page for a server's error": ("500 Oops", (("Content-Type", "text/x-probe"),), b"an error"),
    "an error without a body": ("503 Sorry", (("Retry-After", "17"),), b""),
    "a redirect to a relative place": ("302 Found", (("Location", "../other?a=b"),), b"moved"),
    "a redirect to a path": ("303 See Other", (("Location", "/other"),), b""),
    "a demand for credentials": ("401 Who", (("WWW-Authenticate", 'Probe a="b"'),), b"who"),
    "an empty Content-Type": ("200 OK", (("Content-Type", ""),), b"body"),
    "a body that says it is encoded": ("200 OK", (("Content-Encoding", "gzip"),), GZIP),
    "a body of 1 MiB": ("200 OK", (("Content-Type", "application/octet-stream"),), LARGE),
    "a part": ("206 Part", (("Content-Range", "bytes 0-3/8"),), b"part"),
    "a validator": ("200 OK", (("ETag", '"probe"'), ("Last-Modified", DATE)), b"body"),
}


@probe("http-response-meaning-kept")
def meant(environ, start_response):
    """Status, end-to-end headers and body of a response arrive as the application meant them."""
    status, fields, body = MEANT[environ["conformance.inside"].parameters["response"]]
    start_response(status, list(fields))
    return [body] if body else []


@meant.client
def _(client, verify):
    for name, (status, fields, body) in MEANT.items():
        seen = client.exchange(response=name)
        response = seen.answered
        changed = [
            f"{field}: {response.all(field)}"
            for field, value in fields
            if value.encode("ascii") not in response.all(field)
        ]
        if response.status != int(status[:3]):
            changed.append(str(response))
        if not response.complete or response.body != body:
            changed.append(f"{len(response.body)} bytes of body, {response.body[:40]!r}")
        verify("http-response-meaning-kept").true(
            not changed,
            "{}: {}, {}, {} bytes of body".format(
                name, status[:3], ", ".join(": ".join(field) for field in fields), len(body)
            ),
            f"{name}: " + ("; ".join(changed) or "so it is"),
        )
