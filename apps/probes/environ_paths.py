"""PEP 3333, environ Variables and Unicode Issues: the parts of the URL, and bytes as characters."""

from urllib.parse import unquote_to_bytes

from conformance.probing import probe, request

ABSENT = "(absent)"


def answer(start_response):
    """Answer with nothing: what is looked at is the environ."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []


def path_of(environ):
    """Return the whole path; a slash too many at the seam is for other rules to find."""
    return environ.get("SCRIPT_NAME", "").rstrip("/") + environ.get("PATH_INFO", "")


def decoded(target):
    """Return what the path of a request-target should become."""
    return unquote_to_bytes(target.partition("?")[0]).decode("latin-1")


@probe("environ-script-name-value")
def place_of_the_application(environ, start_response):
    """SCRIPT_NAME is the application's own place: empty or absent at the root."""
    return answer(start_response)


@place_of_the_application.client
def _(client, verify):
    # Subjects are started with the application at the root, so no part of a path is its own.
    for target in ("/", "/mount/x"):
        seen = client.exchange(request(target=target))
        verify("environ-script-name-value").equal(seen.environ.get("SCRIPT_NAME", ""), "")


@probe("environ-path-split-complete")
def all_of_the_path(environ, start_response):
    """SCRIPT_NAME and PATH_INFO, one after the other, are the whole path."""
    return answer(start_response)


@all_of_the_path.client
def _(client, verify):
    for target in ("/", "/a", "/a/", "/a/b?q", "/a%20b/c"):
        seen = client.exchange(request(target=target))
        # Either may be left out when it is empty.
        place, rest = (seen.environ.get(key, "") for key in ("SCRIPT_NAME", "PATH_INFO"))
        verify("environ-path-split-complete").equal(place + rest, decoded(target))


REWRITTEN = ("/a//b", "/a/./b", "/a/../b", "/a;p=1")


@probe("environ-path-info-value")
def rest_of_the_path(environ, start_response):
    """PATH_INFO is the rest of the path and nothing of the query."""
    return answer(start_response)


@rest_of_the_path.client
def _(client, verify):
    rule = "environ-path-info-value"
    for target in ("/a/b/?q=1", "/a/b?x/y", "/a", "/?/q"):
        seen = client.exchange(request(target=target))
        place = seen.environ.get("SCRIPT_NAME", "").rstrip("/")
        verify(rule).equal(seen.environ.get("PATH_INFO", ""), decoded(target)[len(place) :])
    # Servers may bring a path into canonical form before they look at it; CGI has no parameters.
    for target in REWRITTEN:
        seen = client.exchange(request(target=target))
        if seen.calls and path_of(seen.environ) != target:
            verify(rule).info(f"{target} arrives as {path_of(seen.environ)}")


@probe("environ-path-info-value")
def place_not_repeated(environ, start_response):
    """What the server gives as SCRIPT_NAME does not stand at the head of PATH_INFO as well."""
    return answer(start_response)


@place_not_repeated.client
def _(client, verify):
    # A server can be told of a prefix that a front has taken away: then no target begins with it.
    for target in ("/a/b", "/other"):
        environ = client.exchange(request(target=target)).environ
        place, rest = (environ.get(key, "") for key in ("SCRIPT_NAME", "PATH_INFO"))
        again = bool(place) and not target.startswith(place) and rest.startswith(place)
        observed = f"SCRIPT_NAME={place!r}, PATH_INFO={rest!r}"
        verify("environ-path-info-value").true(not again, f"{target}: no prefix twice", observed)


@probe("environ-path-info-value")
def absolute_target(environ, start_response):
    """Of an absolute-form target only the path arrives in PATH_INFO."""
    return answer(start_response)


@absolute_target.client
def _(client, verify):
    # Only HTTP/1.1 servers must understand it (RFC 9112 section 3.2.2), and the PEP asks for none.
    seen = client.exchange(request(target="http://conformance.test/p/q?r"))
    if not seen.calls:
        verify("environ-path-info-value").info(f"refused: {seen.response}")
    elif path_of(seen.environ) == "/p/q":
        verify("environ-path-info-value").equal(path_of(seen.environ), "/p/q")
    else:
        verify("environ-path-info-value").info(f"arrives as {path_of(seen.environ)}")


@probe("environ-path-percent-decoded")
def escapes_in_the_path(environ, start_response):
    """Escapes in the path are decoded, once, to one character for each byte."""
    return answer(start_response)


@escapes_in_the_path.client
def _(client, verify):
    # A plus sign means a blank in form data, never in a path.
    for target in ("/%41%20%C3%A9%E2%82%AC", "/%2541", "/a+b%2Bc", "/%7e%3F%23"):
        seen = client.exchange(request(target=target))
        verify("environ-path-percent-decoded").equal(path_of(seen.environ), decoded(target))


@probe("environ-path-percent-decoded")
def escapes_without_one_meaning(environ, start_response):
    """An escaped slash, or an escape that is none, is decoded, kept, or refused."""
    return answer(start_response)


@escapes_without_one_meaning.client
def _(client, verify):
    rule = "environ-path-percent-decoded"
    for target, usual in (("/a%zz", ("/a%zz",)), ("/a%2Fb", ("/a/b", "/a%2Fb", "/a%2fb"))):
        seen = client.exchange(request(target=target))
        if not seen.calls:
            verify(rule).true(True, "any treatment", f"{target} is refused: {seen.response}")
        elif path_of(seen.environ) in usual:
            observed = f"{target} arrives as {path_of(seen.environ)}"
            verify(rule).true(True, "any treatment", observed)
        else:
            verify(rule).info(f"{target} arrives as {path_of(seen.environ)}")


@probe("environ-query-string-raw")
def query_as_sent(environ, start_response):
    """QUERY_STRING is what follows the first question mark, as it stands."""
    return answer(start_response)


@query_as_sent.client
def _(client, verify):
    for query in ("a=%20b+c&d=?e", "%41=%2541;b=/c/", "a"):
        seen = client.exchange(request(target="/p?" + query))
        value = seen.environ.get("QUERY_STRING", ABSENT)
        verify("environ-query-string-raw").equal(value, query)
    for target in ("/p", "/p?"):
        seen = client.exchange(request(target=target))
        verify("environ-query-string-raw").equal(seen.environ.get("QUERY_STRING", ""), "")


@probe("unicode-environ-byte-preserving")
def bytes_of_a_path_in_utf8(environ, start_response):
    """A path in UTF-8 comes through as its bytes, not as its characters."""
    return answer(start_response)


@bytes_of_a_path_in_utf8.client
def _(client, verify):
    seen = client.exchange(request(target="/%E2%82%AC"))
    verify("unicode-environ-byte-preserving").equal(path_of(seen.environ), "/\xe2\x82\xac")


@probe("unicode-environ-byte-preserving")
def bytes_of_a_path(environ, start_response):
    """A path that is no valid UTF-8 comes through byte for byte."""
    return answer(start_response)


@bytes_of_a_path.client
def _(client, verify):
    # 0xFF is what tells keeping bytes from decoding them as UTF-8 and encoding them again.
    seen = client.exchange(request(target="/%E2%82%AC%FF"))
    verify("unicode-environ-byte-preserving").equal(path_of(seen.environ), "/\xe2\x82\xac\xff")


@probe("unicode-environ-byte-preserving")
def bytes_of_a_field(environ, start_response):
    """A header that is no valid UTF-8 comes through byte for byte."""
    return answer(start_response)


@bytes_of_a_field.client
def _(client, verify):
    rule = "unicode-environ-byte-preserving"
    seen = client.exchange(request(headers=[("X-Probe", "\xc3\xa9\xff")]))
    if not seen.calls and seen.response is not None:
        verify(rule).unsupported(f"refused with {seen.response}")
    elif "HTTP_X_PROBE" not in seen.environ:
        verify(rule).unsupported("the header was left out")
    else:
        verify(rule).equal(seen.environ["HTTP_X_PROBE"], "\xc3\xa9\xff")


OF_THE_REQUEST = ("HTTP_", "PATH_INFO", "QUERY_STRING", "SCRIPT_NAME")
EURO = "\xe2\x82\xac"  # in UTF-8
BEYOND_ASCII = {
    "an escaped path": request(target="/%E2%82%AC"),
    "an escaped query": request(target="/?%E2%82%AC"),
    "a raw path": request(target="/" + EURO),
    "a raw query": request(target="/?" + EURO),
    "a header": request(headers=[("X-Probe", EURO)]),
    "a cookie": request(headers=[("Cookie", "a=" + EURO)]),
}


@probe("unicode-environ-latin1-only")
def characters_of_a_request(environ, start_response):
    """Nothing that a request can hold becomes a character beyond U+00FF."""
    return answer(start_response)


@characters_of_a_request.client
def _(client, verify):
    for place, data in BEYOND_ASCII.items():
        seen = client.exchange(data)
        if not seen.calls and place != "an escaped path":
            continue  # refusing raw bytes is right: they are no valid HTTP in a target
        # What the server's process was started with is judged in every exchange.
        inherited = seen.call.called.get("inherited", ())
        wrong = [
            f"{key}={value!a}"
            for key, value in seen.environ.items()
            if isinstance(key, str)
            and isinstance(value, str)
            and key not in inherited
            and key.startswith(OF_THE_REQUEST)
            and any(character > "\xff" for character in value)
        ]
        verify("unicode-environ-latin1-only").true(
            not wrong,
            f"no character beyond U+00FF for UTF-8 in {place}",
            ", ".join(wrong) or "none",
        )
