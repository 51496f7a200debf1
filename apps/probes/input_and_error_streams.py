"""PEP 3333, Input and Error Streams."""

from conformance.probing import probe, request


@probe("input-read-semantics", "input-empty-when-exhausted")
def read_past_the_end(environ, start_response):
    """Reading beyond the body returns what is there, then b''."""
    stream, inside = environ["wsgi.input"], environ["conformance.inside"]
    inside.attempt("first", stream.read, 100)
    inside.attempt("second", stream.read, 100)
    start_response("200 OK", [("Content-Length", "0")])
    return []


@read_past_the_end.client
def _(client, verify):
    seen = client.exchange(request("POST", body=b"hello"))
    verify("input-read-semantics").equal(seen.notes["first"], b"hello")
    verify("input-empty-when-exhausted").equal(seen.notes["second"], b"")
