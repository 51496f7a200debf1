"""RFC 9112 sections 2.3 and 3, HTTP Version and Request Line; RFC 9110 section 9, Methods."""

import re

from conformance.probing import probe, request

from ._requests import PATIENCE, answer, became, deliver, head, judge, path, value

INVALID = {
    "no target": b"GET HTTP/1.1",
    "nothing for a target": b"GET  HTTP/1.1",
    "no method": b" /probe HTTP/1.1",
    "a blank in the target": b"GET /pro be HTTP/1.1",
    "a fourth word": b"GET /probe HTTP/1.1 again",
    "LF behind the method": b"GET\n/probe HTTP/1.1",
    "LF behind the target": b"GET /probe\nHTTP/1.1",
    "a relative target": b"GET probe HTTP/1.1",
    "a target of one mark": b"GET ! HTTP/1.1",
    "brackets in the method": b"GET[] /probe HTTP/1.1",
    "a comma in the method": b"GET,POST /probe HTTP/1.1",
    "NUL behind the method": b"GET\x00 /probe HTTP/1.1",
    "a method beyond ASCII": b"G\xcbT /probe HTTP/1.1",
}
LEGACY = b"GET /probe\r\n\r\n"


@probe("http-request-line-invalid", facts=("http09-request",))
def malformed_lines(environ, start_response):
    """A malformed request line is refused, and not repaired."""
    return answer(start_response)


@malformed_lines.client
def _(client, verify):
    for name, line in INVALID.items():
        seen = deliver(client, head(start=line))
        keys = ("REQUEST_METHOD", "PATH_INFO", "SERVER_PROTOCOL")
        expected = "400, or a redirect"
        judge(verify, "http-request-line-invalid", name, not seen.calls, expected, seen, *keys)
    seen = deliver(client, LEGACY)
    verify.fact("http09-request", became(seen, "SERVER_PROTOCOL"))


LENIENT = {
    "two spaces behind the method": b"GET  /probe?q HTTP/1.1",
    "two spaces behind the target": b"GET /probe?q  HTTP/1.1",
    "HTAB for a space": b"GET\t/probe?q\tHTTP/1.1",
    "VT for a space": b"GET\x0b/probe?q HTTP/1.1",
    "FF for a space": b"GET /probe?q\x0cHTTP/1.1",
    "a space behind the version": b"GET /probe?q HTTP/1.1 ",
}


@probe("http-request-line-whitespace")
def lenient_blanks(environ, start_response):
    """White space too much in a request line is refused, or passed over altogether."""
    return answer(start_response)


@lenient_blanks.client
def _(client, verify):
    for name, line in LENIENT.items():
        seen = deliver(client, head(start=line))
        keys = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL")
        told = (value(seen, keys[0]), path(seen), value(seen, keys[2]))
        # Which version is told is for another rule, but a blank is no part of it.
        exact = re.fullmatch(r"HTTP/[0-9.]+", value(seen, keys[3], ""))
        good = not seen.calls or (told == ("GET", "/probe", "q") and exact)
        expected = "refused, or GET, /probe, q and HTTP/1.1"
        judge(verify, "http-request-line-whitespace", name, good, expected, seen, *keys)


VERSIONS = (
    *("HTTP/1", "HTTP/01.1", "HTTP/1.32", "HTTP/1.1x", "http/1.1", "HTTPS/1.1"),
    *("HTTP/4294967297.1", "HTTP/1_1", "HTTP/+1.1", "HTTP/1.1.1", "HTTP/ 1.1", "HTTP/\r\r1.1"),
)


@probe("http-version-invalid", facts=("http20-request", "http99-request", "http2-preface"))
def malformed_versions(environ, start_response):
    """A malformed version is refused."""
    return answer(start_response)


@malformed_versions.client
def _(client, verify):
    for version in VERSIONS:
        seen = deliver(client, head(start=b"GET /probe " + version.encode("ascii")))
        expected, key = "refused with 400, or 505", "SERVER_PROTOCOL"
        name = repr(version)[1:-1]
        judge(verify, "http-version-invalid", name, not seen.calls, expected, seen, key)
    for version in ("2.0", "9.9"):
        seen = deliver(client, request(version=version), fence=False)
        verify.fact(f"http{version[0]}{version[2]}-request", became(seen, "SERVER_PROTOCOL"))
    verify.fact("http2-preface", of_preface(client))


def of_preface(client):
    """Return what becomes of a client that begins to speak HTTP/2; the answer may be frames."""
    conversation = client.open()
    conversation.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    conversation.settled(lambda: conversation.received or conversation.ended, PATIENCE)
    start = conversation.received[:12]
    conversation.close()
    if not start:
        return "closed" if conversation.ended else "not answered"
    if start.startswith(b"HTTP/1"):
        return "answered with " + start[9:].decode("latin-1")
    return "answered in HTTP/2" if start[3:4] == b"\x04" else f"answered with {start!r}"


@probe("http-version-minor")
def higher_minor_version(environ, start_response):
    """A request of HTTP/1.2 is served."""
    return answer(start_response)


@higher_minor_version.client
def _(client, verify):
    for version in ("1.2", "1.9"):
        seen = deliver(client, request(version=version))
        expected = "called, as with HTTP/1.1"
        judge(verify, "http-version-minor", f"HTTP/{version}", seen.calls, expected, seen)


@probe("http-method-unrecognized", facts=("method-connect", "method-trace"))
def unknown_methods(environ, start_response):
    """An unknown method is the application's business, or 501."""
    return answer(start_response)


@unknown_methods.client
def _(client, verify):
    for method in ("FROB", "frob", "M!#$%&'*+-.^_`|~9"):
        seen = deliver(client, request(method))
        status = seen.response.status if seen.response is not None else 0
        good = value(seen, "REQUEST_METHOD") == method if seen.calls else status in (405, 501)
        expected = "called with it, or 501, or 405"
        judge(verify, "http-method-unrecognized", method, good, expected, seen, "REQUEST_METHOD")
    seen = deliver(client, request("CONNECT", "conformance.test:80"), fence=False)
    verify.fact("method-connect", became(seen, "PATH_INFO"))
    seen = deliver(client, request("TRACE"), fence=False)
    verify.fact("method-trace", became(seen))


@probe("http-trace-secrets")
def trace(environ, start_response):
    """TRACE gives away neither cookies nor credentials."""
    return answer(start_response)


@trace.client
def _(client, verify):
    fields = [("Cookie", "a=secret-1"), ("Authorization", "Basic secret-2")]
    seen = deliver(client, request("TRACE", headers=fields))
    body = seen.response.body if seen.response is not None and not seen.calls else b""
    observed = became(seen) + (", with what was to be kept secret" if b"secret-" in body else "")
    expected = "neither Cookie nor Authorization in the response"
    verify("http-trace-secrets").true(b"secret-" not in body, expected, observed)
