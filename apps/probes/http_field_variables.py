"""RFC 3875 section 4.1.18, Protocol-Specific Meta-Variables: from fields to variables."""

from conformance.probing import probe, request

from ._requests import answer, became, deliver, head, judge, value


@probe("cgi-repeated-fields-combined", facts=("repeated-content-type",))
def same_name_again(environ, start_response):
    """Fields of one name, in whatever case, become one list in their order."""
    return answer(start_response)


@same_name_again.client
def _(client, verify):
    seen = deliver(client, head(b"X-Probe: a", b"x-probe: b", b"X-PROBE: c"))
    got = value(seen, "HTTP_X_PROBE")
    claim = verify("cgi-repeated-fields-combined")
    if got is None:
        claim.unsupported(became(seen, "HTTP_X_PROBE"))
    else:
        members = [member.strip(" ") for member in str(got).split(",")]
        expected = "a, b and c, in this order, with commas between them"
        claim.true(members == ["a", "b", "c"], expected, f"HTTP_X_PROBE={got!r}")
    fields = [("Content-Type", "text/a"), ("Content-Type", "text/b")]
    seen = deliver(client, request(headers=fields))
    verify.fact("repeated-content-type", became(seen, "CONTENT_TYPE"))


@probe("http-cookie-fields-joined")
def two_cookie_fields(environ, start_response):
    """Two Cookie fields become one that is still a list of cookies."""
    return answer(start_response)


@two_cookie_fields.client
def _(client, verify):
    seen = deliver(client, head(b"Cookie: a=1", b"Cookie: b=2"))
    claim = verify("http-cookie-fields-joined")
    if seen.calls:
        claim.equal(value(seen, "HTTP_COOKIE"), "a=1; b=2")
    else:
        claim.info(became(seen))


@probe("cgi-field-name-underscore", facts=("script-name-field",))
def names_that_meet(environ, start_response):
    """A field whose name has underscores does not change the variable of one with hyphens."""
    return answer(start_response)


@names_that_meet.client
def _(client, verify):
    lines = (b"X-Auth-User: alice", b"X_Auth_User: mallory")
    for name, pair in (("behind", lines), ("before", lines[::-1])):
        seen = deliver(client, head(*pair))
        key = "HTTP_X_AUTH_USER"
        good = "mallory" not in str(value(seen, key, ""))
        expected = "refused, or 'alice' alone"
        judge(verify, "cgi-field-name-underscore", f"X_Auth_User {name}", good, expected, seen, key)
    seen = deliver(client, head(b"SCRIPT_NAME: /mounted"))
    verify.fact("script-name-field", became(seen, "SCRIPT_NAME", "HTTP_SCRIPT_NAME"))


@probe("environ-http-vars-value")
def name_of_the_environment(environ, start_response):
    """A header counts, whatever variable of its name the server's process was started with."""
    return answer(start_response)


@name_of_the_environment.client
def _(client, verify):
    # Servers are started with a variable HTTP_X_CONFORMANCE_PLANTED of another value.
    seen = deliver(client, head(b"X-Conformance-Planted: from the client"))
    got = value(seen, "HTTP_X_CONFORMANCE_PLANTED")
    claim = verify("environ-http-vars-value")
    if got is None:
        claim.unsupported(became(seen, "HTTP_X_CONFORMANCE_PLANTED"))
    else:
        claim.equal(got, "from the client")
