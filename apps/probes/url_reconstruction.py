"""PEP 3333, URL Reconstruction: what the algorithm there is fed with."""

from urllib.parse import quote

from conformance.probing import probe, request


def answer(start_response):
    """Answer with nothing: what is looked at is the environ."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []


def reconstruct(environ):
    """Return the URL as the PEP's own algorithm makes it, encoded as its strings are."""
    url = environ["wsgi.url_scheme"] + "://"
    if environ.get("HTTP_HOST"):
        url += environ["HTTP_HOST"]
    else:
        url += environ["SERVER_NAME"]
        default = "443" if environ["wsgi.url_scheme"] == "https" else "80"
        if environ["SERVER_PORT"] != default:
            url += ":" + environ["SERVER_PORT"]
    url += quote(environ.get("SCRIPT_NAME", ""), encoding="latin-1")
    url += quote(environ.get("PATH_INFO", ""), encoding="latin-1")
    if environ.get("QUERY_STRING"):
        url += "?" + environ["QUERY_STRING"]
    return url


def begins_with(claim, seen, authority):
    """Claim what the URL begins with; its scheme and path have rules of their own."""
    start = f"{seen.environ.get('wsgi.url_scheme')}://{authority}"
    url = seen.notes["url"]
    holds = isinstance(url, str) and url.startswith(start)
    claim.true(holds, "a reconstructed URL that begins with " + start, repr(url))


WILDCARDS = ("0.0.0.0", "::", "[::]", "*")


@probe("url-server-name-port-usable", "url-server-port-decimal")
def without_host(environ, start_response):
    """Without a Host field, SERVER_NAME and SERVER_PORT say where the server was reached."""
    environ["conformance.inside"].attempt("url", reconstruct, environ)
    return answer(start_response)


@without_host.client
def _(client, verify):
    # A request of HTTP/1.1 without Host should be refused; this one must not be.
    seen = client.exchange(request(target="/p?q", version="1.0", host=None))
    name, port = seen.environ.get("SERVER_NAME"), seen.environ.get("SERVER_PORT")
    listening = client.address[1]
    verify("url-server-port-decimal").true(
        isinstance(port, str) and port.isascii() and port.isdigit(), "decimal digits", repr(port)
    )
    usable = isinstance(name, str) and name and not set(name) & set("/ \t@?#")
    verify("url-server-name-port-usable").true(
        usable, "a SERVER_NAME that can be the host of a URL", f"SERVER_NAME={name!r}"
    )
    if client.proxied:
        # Whoever stands in front was connected to; what is behind may say where it is itself.
        verify("url-server-name-port-usable").info(f"SERVER_PORT={port!r} behind {listening}")
        return
    verify("url-server-name-port-usable").equal(port, str(listening))
    if name in WILDCARDS:
        verify("url-server-name-port-usable").info(f"SERVER_NAME={name!r}: no client gets there")
    elif not seen.environ.get("HTTP_HOST"):
        begins_with(verify("url-server-name-port-usable"), seen, f"{name}:{listening}/")


@probe("environ-http-host-verbatim")
def host_as_sent(environ, start_response):
    """HTTP_HOST is host and port as the client gave them."""
    environ["conformance.inside"].attempt("url", reconstruct, environ)
    return answer(start_response)


@host_as_sent.client
def _(client, verify):
    rule = "environ-http-host-verbatim"
    judged = False
    for host in ("example.test:8123", "example.test", "[2001:db8::1]:8123"):
        seen = client.exchange(request(target="/p?q", host=host))
        # A server may refuse a name that it does not serve, and leave out what it should have.
        if seen.calls and "HTTP_HOST" in seen.environ:
            judged = True
            verify(rule).equal(seen.environ["HTTP_HOST"], host)
            begins_with(verify(rule), seen, host + "/")
    if not judged:
        verify(rule).unsupported("no request with a Host field of ours led to an HTTP_HOST")
