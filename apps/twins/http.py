"""Applications and HTTP: hop-by-hop headers, statuses without content, metadata."""

from __future__ import annotations

from conformance.driver.memory import Request
from conformance.driver.twins import bad_app, good_app

HTTP10 = Request(version=b"1.0")
HOP = "http-hop-headers-not-sent"

# Headers of the connection


@bad_app(HOP)
def sends_transfer_encoding(environ, start_response):
    """The application sends Transfer-Encoding: chunked."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Transfer-Encoding", "chunked")])
    return [b"x"]


@bad_app(HOP)
def sends_identity(environ, start_response):
    """The application sends Transfer-Encoding: identity, in lower case."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("transfer-encoding", "identity")])
    return [b"x"]


@bad_app(HOP)
def sends_proxy_authenticate(environ, start_response):
    """A proxy that is an application cannot ask for a password."""
    start_response(
        "407 Proxy Authentication Required",
        [("Content-Type", "text/plain"), ("Proxy-Authenticate", 'Basic realm="x"')],
    )
    return [b"x"]


@bad_app(HOP)
def sends_proxy_authorization(environ, start_response):
    """The application sends Proxy-Authorization."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("PROXY-AUTHORIZATION", "Basic x")])
    return [b"x"]


@bad_app(HOP)
def sends_te(environ, start_response):
    """The application sends TE."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("TE", "trailers")])
    return [b"x"]


@bad_app(HOP)
def sends_trailer(environ, start_response):
    """The application announces trailers, as RFC 2616 section 14.40 spells it."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Trailer", "X-A")])
    return [b"x"]


@bad_app(HOP)
def sends_trailers(environ, start_response):
    """The application announces trailers, as RFC 2616 section 13.5.1 spells it."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Trailers", "X-A")])
    return [b"x"]


@bad_app(HOP)
def sends_upgrade(environ, start_response):
    """The application offers another protocol."""
    start_response("426 Upgrade Required", [("Content-Type", "text/plain"), ("Upgrade", "h2c")])
    return [b"x"]


@bad_app("http-persistence-headers-not-sent")
def sends_connection_close(environ, start_response):
    """The application sends Connection: close."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Connection", "close")])
    return [b"x"]


@bad_app("http-persistence-headers-not-sent")
def sends_keep_alive(environ, start_response):
    """The application sends Keep-Alive."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Keep-Alive", "timeout=5")])
    return [b"x"]


@bad_app("http-persistence-headers-not-sent")
def sends_proxy_connection(environ, start_response):
    """The application sends Proxy-Connection, which no RFC knows."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Proxy-Connection", "close")])
    return [b"x"]


@bad_app("http-persistence-headers-not-sent", request=HTTP10)
def sends_connection_close_to_http10(environ, start_response):
    """The application sends Connection: close, which is what HTTP/1.0 does anyway."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("connection", "close")])
    return [b"x"]


@bad_app("http-http10-equivalents-not-used", request=HTTP10)
def keeps_connection_of_http10(environ, start_response):
    """The application negotiates keep-alive with a client of HTTP/1.0."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Connection", "Keep-Alive")])
    return [b"x"]


@bad_app("http-http10-equivalents-not-used", request=HTTP10)
def sends_keep_alive_to_http10(environ, start_response):
    """The application sends Keep-Alive to a client of HTTP/1.0."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Keep-Alive", "timeout=5")])
    return [b"x"]


@bad_app("http-http10-equivalents-not-used", request=HTTP10)
def sends_proxy_connection_to_http10(environ, start_response):
    """The application sends Proxy-Connection to a client of HTTP/1.0."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Proxy-Connection", "keep-alive")])
    return [b"x"]


@good_app(HOP, "http-persistence-headers-not-sent", "http-http10-equivalents-not-used")
def sends_end_to_end_headers(environ, start_response):
    """Content-Encoding, Date, Server, Via and the like are end-to-end."""
    start_response(
        "200 OK",
        [
            ("Content-Type", "text/plain"),
            ("Content-Encoding", "identity"),
            ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Server", "x"),
            ("Via", "1.1 x"),
            ("WWW-Authenticate", "Basic"),
            ("Connection-Id", "1"),
        ],
    )
    return [b"x"]


# Statuses that are not the application's


@bad_app("http-hop-features-not-used", also=("http-content-type-present", "http-no-content-empty"))
def switches_protocols(environ, start_response):
    """The application answers 101."""
    start_response("101 Switching Protocols", [])
    return []


@bad_app("http-expect-left-to-server")
def continues(environ, start_response):
    """The application answers 100 Continue."""
    start_response("100 Continue", [])
    return []


@bad_app("http-expect-left-to-server", level="SHOULD")
def sends_early_hints(environ, start_response):
    """The application answers 103, which cannot be followed by a final status."""
    start_response("103 Early Hints", [("Link", "</x.css>; rel=preload")])
    return []


@bad_app("http-expect-left-to-server", level="SHOULD")
def is_processing(environ, start_response):
    """The application answers 102."""
    start_response("102 Processing", [])
    return []


@good_app(
    "http-expect-left-to-server",
    "http-hop-features-not-used",
    request=Request(
        method=b"POST",
        body=b"xyz",
        fields=[
            (b"Expect", b"100-continue"),
            (b"Connection", b"Upgrade"),
            (b"Upgrade", b"websocket"),
        ],
    ),
)
def refuses_expectation(environ, start_response):
    """Expectation and upgrade are answered with a final status."""
    start_response("417 Expectation Failed", [("Content-Type", "text/plain")])
    return [b"x"]


# Statuses without content


@bad_app("http-no-content-empty")
def no_content_with_content(environ, start_response):
    """A 204 has a body."""
    start_response("204 No Content", [])
    return [b"deleted"]


@bad_app("http-no-content-empty")
def not_modified_with_content(environ, start_response):
    """A 304 has a body."""
    start_response("304 Not Modified", [("ETag", '"x"')])
    yield b""
    yield b"not modified"


@bad_app("http-no-content-empty")
def no_content_written(environ, start_response):
    """The body of a 204 is written."""
    write = start_response("204 No Content", [])
    write(b"deleted")
    return []


@good_app("http-no-content-empty", "http-content-type-present")
def no_content_in_empty_blocks(environ, start_response):
    """The blocks of a 204 are empty."""
    start_response("204 No Content", [])
    yield b""
    yield b""


@bad_app("http-not-modified-metadata")
def not_modified_with_type(environ, start_response):
    """A 304 says what type the body would have been of."""
    start_response("304 Not Modified", [("ETag", '"x"'), ("content-type", "text/html")])
    return []


@bad_app("http-not-modified-metadata")
def not_modified_with_encoding(environ, start_response):
    """A 304 says how the body would have been encoded."""
    start_response("304 Not Modified", [("ETag", '"x"'), ("Content-Encoding", "gzip")])
    return []


@bad_app("http-not-modified-metadata")
def not_modified_with_language(environ, start_response):
    """A 304 says in what language the body would have been."""
    start_response("304 Not Modified", [("ETag", '"x"'), ("Content-Language", "en")])
    return []


@good_app("http-not-modified-metadata", "http-etag-valid")
def not_modified_with_cache_headers(environ, start_response):
    """A 304 has what a cache needs."""
    start_response(
        "304 Not Modified",
        [
            ("Cache-Control", "max-age=60"),
            ("Content-Location", "/x"),
            ("Content-Range", "bytes */9"),
            ("ETag", '"x"'),
            ("Expires", "0"),
            ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Vary", "Accept"),
            ("Set-Cookie", "a=b"),
        ],
    )
    return []


# Content-Type


@bad_app("http-content-type-present")
def content_without_type(environ, start_response):
    """A page does not say of which type it is."""
    start_response("200 OK", [])
    return [b"x"]


@bad_app("http-content-type-present")
def written_content_without_type(environ, start_response):
    """What is written is of no type."""
    write = start_response("404 Not Found", [])
    write(b"x")
    return []


@good_app("http-content-type-present")
def redirect_without_type(environ, start_response):
    """A redirect to a relative URL has neither body nor type."""
    start_response("302 Found", [("Location", "../y?z#w")])
    return []


@good_app("http-content-type-present", "http-content-length-valid")
def empty_page_without_type(environ, start_response):
    """A page without a byte has no type."""
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]


@good_app("http-content-type-present", request=Request(method=b"HEAD"))
def head_without_type(environ, start_response):
    """The answer to HEAD says nothing of a type."""
    start_response("200 OK", [])
    return []


@good_app("http-content-type-present")
def created_with_location(environ, start_response):
    """A 201 gives a relative Location and no body."""
    start_response("201 Created", [("Location", "/things/1")])
    return []


@good_app("http-content-type-present")
def content_of_empty_type(environ, start_response):
    """The type is empty, and the header there."""
    start_response("200 OK", [("content-TYPE", "")])
    return [b"x"]


@good_app("http-content-type-present")
def redirect_with_type(environ, start_response):
    """A redirect may have a type, and a body to go with it."""
    start_response("301 Moved Permanently", [("Location", "//x/"), ("Content-Type", "text/html")])
    return [b"<a href=//x/>here</a>"]
