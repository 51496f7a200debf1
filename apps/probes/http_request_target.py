"""RFC 9112 section 3.2, Request Target, with its four forms and with Host; RFC 3986."""

from urllib.parse import unquote_to_bytes

from conformance.probing import probe, request

from ._requests import answer, became, deliver, head, is_old, judge, judge_400, path, value


def get(target):
    """Return a request for a target of any octets."""
    return head(start=b"GET " + target + b" HTTP/1.1")


@probe("http-target-control-characters")
def control_characters(environ, start_response):
    """A control character in a target makes the request malformed."""
    return answer(start_response)


@control_characters.client
def _(client, verify):
    for octet in (b"\x00", b"\x01", b"\x7f"):
        seen = deliver(client, get(b"/pro" + octet + b"be"))
        name, expected = f"0x{octet.hex()} in the path", "refused with 400"
        rule = "http-target-control-characters"
        judge(verify, rule, name, not seen.calls, expected, seen, "PATH_INFO")


@probe("http-target-non-ascii", facts=("target-fragment",))
def beyond_ascii(environ, start_response):
    """An octet beyond ASCII in a target makes the request malformed."""
    return answer(start_response)


@beyond_ascii.client
def _(client, verify):
    for name, target in (("in the path", b"/\xe2\x82\xac"), ("in the query", b"/?\xe2\x82\xac")):
        seen = deliver(client, get(target))
        expected = "refused with 400, or redirected"
        keys = ("PATH_INFO", "QUERY_STRING")
        judge(verify, "http-target-non-ascii", name, not seen.calls, expected, seen, *keys)
    seen = deliver(client, get(b"/probe?q#part"))
    verify.fact("target-fragment", became(seen, "PATH_INFO", "QUERY_STRING"))


@probe("http-origin-form-double-slash")
def two_slashes_first(environ, start_response):
    """A target that begins with two slashes is a path, all of it."""
    return answer(start_response)


@two_slashes_first.client
def _(client, verify):
    rule = "http-origin-form-double-slash"
    for target in ("//foo/bar", "//foo", "///a"):
        seen = deliver(client, request(target=target))
        told = path(seen)
        if not seen.calls:
            verify(rule).info(f"{target}: {became(seen)}")
            continue
        level = "SHOULD" if told == "/" + target.lstrip("/") else None
        judge(verify, rule, target, told == target, target, seen, "PATH_INFO", level=level)


ABSOLUTE = {
    "http://conformance.test/p/q?r": (("/p/q",), "r"),
    "HTTP://conformance.test/p": (("/p",), ""),
    "http://conformance.test?r": (("/", ""), "r"),
    "http://conformance.test": (("/", ""), ""),
}


@probe("http-absolute-form-accepted")
def absolute_form(environ, start_response):
    """A target may be a whole URL."""
    return answer(start_response)


@absolute_form.client
def _(client, verify):
    for target, (paths, query) in ABSOLUTE.items():
        seen = deliver(client, request(target=target))
        good = seen.calls and path(seen) in paths and value(seen, "QUERY_STRING", "") == query
        level = "undefined" if is_old(seen) else None
        expected, keys = f"{paths[0]} and {query!r}", ("PATH_INFO", "QUERY_STRING")
        rule = "http-absolute-form-accepted"
        judge(verify, rule, target, good, expected, seen, *keys, level=level)


@probe("http-absolute-form-host")
def host_of_the_target(environ, start_response):
    """The host of an absolute-form target counts, and Host does not."""
    return answer(start_response)


@host_of_the_target.client
def _(client, verify):
    seen = deliver(client, request(target="http://target.test/p", host="other.test"))
    good = not seen.calls or value(seen, "HTTP_HOST", "target.test") == "target.test"
    level = "undefined" if is_old(seen) else "SHOULD"
    name, expected = "http://target.test/p with Host: other.test", "HTTP_HOST='target.test'"
    rule = "http-absolute-form-host"
    judge(verify, rule, name, good, expected, seen, "HTTP_HOST", level=level)


@probe("http-asterisk-form", "http-options-asterisk", facts=("options-asterisk",))
def asterisk(environ, start_response):
    """An asterisk is a target for OPTIONS, and for nothing else."""
    return answer(start_response)


@asterisk.client
def _(client, verify):
    seen = deliver(client, request("GET", "*"))
    judge(verify, "http-asterisk-form", "GET *", not seen.calls, "400", seen, "PATH_INFO")
    seen = deliver(client, request("OPTIONS", "*"))
    status = seen.response.status if seen.response is not None else 0
    good = seen.calls or 200 <= status <= 299 or status in (405, 501)
    expected = "called, or 2xx, 405 or 501"
    judge(verify, "http-options-asterisk", "OPTIONS *", good, expected, seen, "PATH_INFO")
    verify.fact("options-asterisk", became(seen, "PATH_INFO"))


@probe("http-target-octets", facts=("target-backslash", "target-raw-keys"))
def octets_of_a_path(environ, start_response):
    """Each escape in a path is one octet, and stays one."""
    return answer(start_response)


@octets_of_a_path.client
def _(client, verify):
    rule, expected = "http-target-octets", "refused, or decoded to these octets"
    for target in ("/a%00b", "/a%0D%0Ab", "/a%C0%AFb", "/a%FFb"):
        seen = deliver(client, request(target=target))
        decoded = unquote_to_bytes(target).decode("latin-1")
        if seen.calls and path(seen) == target:
            verify(rule).info(f"{target} is not decoded")
        else:
            good = not seen.calls or path(seen) == decoded
            judge(verify, rule, target, good, expected, seen, "PATH_INFO")
    seen = deliver(client, request(target="/a\\b"))
    verify.fact("target-backslash", became(seen, "PATH_INFO"))
    target = "/%70robe;p?%71=1"
    seen = deliver(client, request(target=target))
    environ = seen.calls[0].environ if seen.calls else {}
    keys = sorted(key for key, item in environ.items() if isinstance(item, str) and item == target)
    verify.fact("target-raw-keys", ", ".join(keys) or "in no variable")


@probe("http-host-required", facts=("http10-without-host",))
def no_host(environ, start_response):
    """A request of HTTP/1.1 has a Host, or is refused."""
    return answer(start_response)


@no_host.client
def _(client, verify):
    judge_400(verify, "http-host-required", "no Host", deliver(client, request(host=None)))
    seen = deliver(client, request(host=None, version="1.0"), fence=False)
    verify.fact("http10-without-host", became(seen, "SERVER_NAME"))


@probe("http-host-single")
def two_hosts(environ, start_response):
    """A request has one Host, or is refused."""
    return answer(start_response)


@two_hosts.client
def _(client, verify):
    for name, other in (("another one", "other.test"), ("the same again", "conformance.test")):
        fields = [("Host", "conformance.test"), ("Host", other)]
        seen = deliver(client, request(headers=fields))
        judge_400(verify, "http-host-single", f"two Host, {name}", seen, "HTTP_HOST")


HOSTS = (
    *(b"conformance .test", b"user@conformance.test", b"conformance.test/x", b"[::1"),
    *(b"conformance.test:http", b"conformance.test, other.test", b"http://conformance.test"),
)


@probe("http-host-invalid")
def no_hosts(environ, start_response):
    """A Host that is no host is refused."""
    return answer(start_response)


@no_hosts.client
def _(client, verify):
    for host in HOSTS:
        seen = deliver(client, head(host=b"Host: " + host))
        judge_400(verify, "http-host-invalid", host.decode("ascii"), seen, "HTTP_HOST")
