"""PEP 3333, environ Variables: the request, its headers and its body."""

import hashlib

from conformance.probing import probe, request

LISTED = (
    "REQUEST_METHOD",
    "PATH_INFO",
    "QUERY_STRING",
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
)
# What a proxy may add on its own; a client half cannot know whether there is one.
OF_PROXIES = ("HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_FORWARDED", "HTTP_X_REAL_IP")
# CGI's variables without a value in a plain request by nobody in particular.
VALUELESS = ("AUTH_TYPE", "PATH_TRANSLATED", "REMOTE_HOST", "REMOTE_IDENT", "REMOTE_USER")
DUMMIES = (None, "", "-", "None", "none", "null")
ABSENT = "(absent)"


def answer(start_response):
    """Answer with nothing: what is looked at is the environ."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []


def read_body(environ, length):
    """Read what was sent, or a server that closes with the body unread would reset."""
    environ["conformance.inside"].attempt("body", lambda: environ["wsgi.input"].read(length))


@probe("environ-cgi-variables-present")
def every_listed_variable(environ, start_response):
    """Each of CGI's variables that the PEP lists is there when the request gives it a value."""
    read_body(environ, 5)
    return answer(start_response)


@every_listed_variable.client
def _(client, verify):
    headers = [("Content-Type", "text/plain")]
    seen = client.exchange(request("POST", "/mount/x?q=1", headers, b"hello"))
    missing = [name for name in LISTED if name not in seen.environ]
    if "SCRIPT_NAME" in seen.environ and "PATH_INFO" in missing:
        missing.remove("PATH_INFO")  # all of the path may be the application's own place
    verify("environ-cgi-variables-present").true(
        not missing, "all of " + ", ".join(LISTED), "missing: " + (", ".join(missing) or "none")
    )


METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "M-SEARCH")


@probe("environ-request-method-value")
def any_method(environ, start_response):
    """REQUEST_METHOD is the method of the request, of an unknown one too."""
    return answer(start_response)


@any_method.client
def _(client, verify):
    # Methods are case-sensitive: to refuse "get" is right, to make another method of it is not.
    for method in (*METHODS, "get"):
        empty = [("Content-Length", "0")] if method in ("POST", "PUT", "PATCH") else []
        seen = client.exchange(request(method, headers=empty))
        if seen.calls or method == "GET":
            value = seen.environ.get("REQUEST_METHOD", ABSENT)
            verify("environ-request-method-value").equal(value, method)


@probe("environ-content-type-value")
def content_type(environ, start_response):
    """CONTENT_TYPE is the value of the Content-Type field; without one it is empty or absent."""
    if environ["conformance.inside"].parameters["body"]:
        read_body(environ, 5)
    return answer(start_response)


@content_type.client
def _(client, verify):
    value = 'text/x-probe; charset="q"'
    seen = client.exchange(request("POST", "/", [("Content-Type", value)], b"hello"), body=True)
    verify("environ-content-type-value").equal(seen.environ.get("CONTENT_TYPE", ABSENT), value)
    seen = client.exchange(body=False)
    verify("environ-content-type-value").true(
        seen.environ.get("CONTENT_TYPE", "") == "",
        "empty or absent in a request without Content-Type",
        repr(seen.environ.get("CONTENT_TYPE")),
    )


@probe("environ-content-length-value")
def content_length(environ, start_response):
    """CONTENT_LENGTH is the value of the Content-Length field, as a str."""
    if environ["conformance.inside"].parameters["body"]:
        read_body(environ, 5)
    return answer(start_response)


@content_length.client
def _(client, verify):
    rule = "environ-content-length-value"
    seen = client.exchange(request("POST", body=b"hello"), body=True)
    verify(rule).equal(seen.environ.get("CONTENT_LENGTH", ABSENT), "5")
    seen = client.exchange(body=False)
    value = seen.environ.get("CONTENT_LENGTH", "")
    if value == "0":
        verify(rule).info("'0' in a request that has no Content-Length and no body")
    else:
        expected = "empty or absent in a request without Content-Length"
        verify(rule).true(value == "", expected, repr(value))


@probe("environ-server-protocol-request-version")
def version_of_the_request(environ, start_response):
    """SERVER_PROTOCOL is the version that the client used."""
    return answer(start_response)


@version_of_the_request.client
def _(client, verify):
    for version in ("1.0", "1.1"):
        seen = client.exchange(request(version=version))
        value = seen.environ.get("SERVER_PROTOCOL", ABSENT)
        verify("environ-server-protocol-request-version").equal(value, "HTTP/" + version)


@probe("environ-http-vars-naming")
def name_of_a_header(environ, start_response):
    """A header's variable is HTTP_ and its name in upper case, with underscores for hyphens."""
    return answer(start_response)


@name_of_a_header.client
def _(client, verify):
    seen = client.exchange(request(headers=[("x-MiXeD-case", "v-0a1b2c")]))
    # A key with a dot is the server's own business, such as a list of headers as received.
    keys = [
        key
        for key, value in seen.environ.items()
        if value == "v-0a1b2c" and isinstance(key, str) and "." not in key
    ]
    if keys:
        verify("environ-http-vars-naming").equal(keys, ["HTTP_X_MIXED_CASE"])
    else:
        verify("environ-http-vars-naming").unsupported("no variable has the header's value")


SENT = {
    "HTTP_ACCEPT": ("Accept", "text/plain"),
    "HTTP_ACCEPT_LANGUAGE": ("Accept-Language", "eo, en;q=0.5"),
    "HTTP_COOKIE": ("Cookie", 'a=1; b="two"'),
    "HTTP_HOST": ("Host", "conformance.test"),
    "HTTP_USER_AGENT": ("User-Agent", "probe/1.0 (of headers)"),
    "HTTP_X_PROBE": ("X-Probe", "1"),
}


@probe("environ-http-vars-present")
def headers_of_the_request(environ, start_response):
    """Every ordinary header of the request has its variable."""
    return answer(start_response)


@headers_of_the_request.client
def _(client, verify):
    # Names with underscores, Proxy and Authorization are left out: dropping them is a defence.
    seen = client.exchange(request(headers=SENT.values()))
    missing = [key for key in SENT if key not in seen.environ]
    verify("environ-http-vars-present").true(
        not missing, "all of " + ", ".join(SENT), "missing: " + (", ".join(missing) or "none")
    )


@probe("environ-http-vars-value")
def value_of_a_header(environ, start_response):
    """A header's variable is the value as sent, without the blanks around it."""
    return answer(start_response)


@value_of_a_header.client
def _(client, verify):
    rule = "environ-http-vars-value"
    seen = client.exchange(request(headers=[(k, " \t" + v + " \t") for k, v in SENT.values()]))
    for key, (_, value) in SENT.items():
        if key == "HTTP_HOST":
            continue  # a rule of its own
        got = seen.environ.get(key, value)
        inner = got.strip(" \t") if isinstance(got, str) else got
        verify(rule).true(inner == value, f"{key}={value!r}", f"{key}={got!r}")
        # HTTP says that blanks around a value are no part of it; the PEP says nothing of them.
        expected = f"{key}={value!r}, without the blanks around it"
        verify(rule, "SHOULD").true(got == value, expected, f"{key}={got!r}")
    # Two fields of a list may be joined; a joined Cookie is read too often to be judged here.
    seen = client.exchange(request(headers=[("Accept", "text/a"), ("Accept", "text/b")]))
    if seen.calls and "HTTP_ACCEPT" in seen.environ:
        value = seen.environ["HTTP_ACCEPT"]
        verify(rule).true(isinstance(value, str), "a str for a repeated field", repr(value))
        both = isinstance(value, str) and "text/a" in value and "text/b" in value
        verify(rule, "SHOULD").true(both, "both values of a repeated list field", repr(value))


@probe("environ-http-vars-value")
def bytes_of_a_header(environ, start_response):
    """Bytes beyond ASCII in a header arrive as Latin-1 characters, none of them lost as a blank."""
    return answer(start_response)


@bytes_of_a_header.client
def _(client, verify):
    # As characters of Unicode, 0x85 and 0xA0 are white space: str.strip() would eat them. In UTF-8
    # they end an ordinary letter.
    value = "a b\xe9 \xc3\xa0"
    seen = client.exchange(request(headers=[("X-Probe", value)]))
    if not seen.calls and seen.response is not None:
        verify("environ-http-vars-value").unsupported(f"refused with {seen.response}")
    elif "HTTP_X_PROBE" not in seen.environ:
        verify("environ-http-vars-value").unsupported("the header was left out")
    else:
        verify("environ-http-vars-value").equal(seen.environ["HTTP_X_PROBE"], value)


@probe("environ-http-vars-absent")
def no_other_headers(environ, start_response):
    """There is no HTTP_ variable for a header that was not sent."""
    return answer(start_response)


@no_other_headers.client
def _(client, verify):
    seen = client.exchange(request())
    keys = [key for key in seen.environ if isinstance(key, str) and key.startswith("HTTP_")]
    others = [f"{key}={seen.environ[key]!r}" for key in keys if key != "HTTP_HOST"]
    if others and all(other.startswith(OF_PROXIES) for other in others):
        verify("environ-http-vars-absent").info("as a proxy adds them: " + ", ".join(others))
    else:
        verify("environ-http-vars-absent").true(
            not others,
            "no HTTP_ variable but HTTP_HOST for a request with Host alone, whatever variables "
            "the server's process was started with",
            ", ".join(others) or "none",
        )


@probe("environ-other-cgi-variables")
def other_cgi_variables(environ, start_response):
    """The server tells of the client and itself what CGI has variables for."""
    return answer(start_response)


@other_cgi_variables.client
def _(client, verify):
    seen = client.exchange()
    wanted = ("REMOTE_ADDR", "GATEWAY_INTERFACE", "SERVER_SOFTWARE")
    missing = [name for name in wanted if name not in seen.environ]
    if missing and "REMOTE_ADDR" not in missing:
        verify("environ-other-cgi-variables").info("missing: " + ", ".join(missing))
    else:
        verify("environ-other-cgi-variables").true(
            not missing,
            "REMOTE_ADDR at least, since the client has an address",
            "missing: " + (", ".join(missing) or "none"),
        )


@probe("environ-valueless-variables-omitted")
def nobody_logged_in(environ, start_response):
    """What has no value in this request, such as REMOTE_USER, is left out."""
    return answer(start_response)


@nobody_logged_in.client
def _(client, verify):
    seen = client.exchange()
    inherited = seen.call.called.get("inherited", ())
    empty = [
        f"{key}={seen.environ[key]!r}"
        for key in VALUELESS
        if key not in inherited
        and key in seen.environ
        and (seen.environ[key] in DUMMIES or key in ("AUTH_TYPE", "REMOTE_USER"))
    ]
    verify("environ-valueless-variables-omitted").true(
        not empty,
        "no empty or dummy value for " + ", ".join(VALUELESS),
        ", ".join(empty) or "none",
    )


@probe("environ-url-scheme-value")
def scheme_without_tls(environ, start_response):
    """Without TLS the scheme is http."""
    return answer(start_response)


@scheme_without_tls.client
def _(client, verify):
    rule = "environ-url-scheme-value"
    seen = client.exchange()
    verify(rule).equal(seen.environ.get("wsgi.url_scheme", ABSENT), "http")
    seen = client.exchange(request(headers=[("X-Forwarded-Proto", "https")]))
    if seen.calls and seen.environ.get("wsgi.url_scheme") != "http":
        value = seen.environ.get("wsgi.url_scheme")
        verify(rule).info(f"{value!r} where X-Forwarded-Proto from 127.0.0.1 says so")


BODY = bytes((i * i + (i >> 8)) & 0xFF for i in range(100 * 1024))


@probe("environ-input-present")
def body_in_parts(environ, start_response):
    """wsgi.input hands out the bytes of the body, however they came over the network."""

    def read():
        digest, left = hashlib.sha256(), len(BODY)
        while left:
            part = environ["wsgi.input"].read(min(left, 10000))
            if not part:
                break
            digest.update(part)
            left -= len(part)
        return len(BODY) - left, digest.hexdigest()

    if environ["REQUEST_METHOD"] == "POST":
        environ["conformance.inside"].attempt("read", read)
    return answer(start_response)


@body_in_parts.client
def _(client, verify):
    conversation = client.open()
    data = request("POST", "/body-in-parts", body=BODY)
    for start in range(0, len(data), 30000):
        conversation.send(data[start : start + 30000])
    seen = conversation.exchange(conversation.response("POST"))
    expected = (len(BODY), hashlib.sha256(BODY).hexdigest())
    verify("environ-input-present").equal(seen.notes["read"], expected)
    for method in ("GET", "HEAD"):
        value = client.exchange(request(method)).environ.get("wsgi.input")
        verify("environ-input-present").true(
            value is not None, "wsgi.input in a request without a body, too", repr(value)
        )
