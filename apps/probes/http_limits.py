"""RFC 9112 section 3 and RFC 9110 section 5.4: what is too long, and how that is said."""

from conformance.probing import probe

from ._requests import answer, became, deliver, head, judge, path, value

# What is taken costs time to look at; so between what is common and what is absurd there is a gap.
SIZES = tuple(1024 * size for size in (4, 8, 16, 32, 64, 512))


def first_refused(client, make, whole, sizes=SIZES):
    """Send more and more, and return the largest size that was taken and what became of the next.

    Args:
        make: returns the request of a size.
        whole: says of an exchange and a size whether all of it reached the application.
    """
    taken = 0
    for size in sizes:
        seen = deliver(client, make(size), fence=False)
        if not (seen.calls and whole(seen, size)):
            return taken, size, seen
        taken = size
    return taken, None, None


def limit(taken, refused, seen):
    """Return a text for what was taken and what was not."""
    if refused is None:
        return f"{taken} or more"
    return f"at least {taken}, less than {refused}: {became(seen)}"


def status_of(seen):
    return seen.response.status if seen.response is not None and not seen.calls else 0


@probe("http-request-line-8000", "http-target-too-long", facts=("longest-target",))
def long_target(environ, start_response):
    """A long target is taken, or answered with 414."""
    return answer(start_response)


@long_target.client
def _(client, verify):
    long = b"/" + b"a" * (8000 - len(b"GET / HTTP/1.1"))
    seen = deliver(client, head(start=b"GET " + long + b" HTTP/1.1"))
    good = seen.calls and path(seen) == long.decode("ascii")
    expected = "called with the whole path"
    judge(verify, "http-request-line-8000", "8000 octets", good, expected, seen)

    def make(size):
        return head(start=b"GET /" + b"a" * (size - 1) + b" HTTP/1.1")

    taken, refused, seen = first_refused(client, make, lambda seen, size: len(path(seen)) == size)
    verify.fact("longest-target", limit(taken, refused, seen))
    rule, expected = "http-target-too-long", "taken whole, or 414"
    if refused is None:
        verify(rule).true(True, expected, f"{taken} octets are taken")
        return
    level = "SHOULD" if status_of(seen) >= 400 else None
    judge(verify, rule, f"{refused} octets", status_of(seen) == 414, expected, seen, level=level)


@probe("http-method-too-long")
def long_method(environ, start_response):
    """A method of absurd length is answered."""
    return answer(start_response)


@long_method.client
def _(client, verify):
    rule, expected = "http-method-too-long", "501, or another error status, or called"
    seen = deliver(client, head(start=b"M" * 200000 + b" /probe HTTP/1.1"), fence=False)
    if status_of(seen) >= 400 and status_of(seen) != 501:
        verify(rule).info(became(seen), "501")
    else:
        judge(verify, rule, "200000 letters", seen.calls or status_of(seen), expected, seen)


@probe("http-fields-too-large", facts=("longest-field", "most-fields"))
def large_fields(environ, start_response):
    """Fields too large or too many are answered with 4xx."""
    return answer(start_response)


def judge_limit(verify, name, refused, seen):
    """Judge what became of the first request that was not taken, if there was one."""
    rule, expected = "http-fields-too-large", "taken whole, or 4xx"
    if refused is None:
        verify(rule).true(True, expected, f"{name}: all that were sent were taken")
        return
    good = 400 <= status_of(seen) <= 499
    level = "SHOULD" if status_of(seen) >= 500 else None
    judge(verify, rule, f"{refused} {name}", good, expected, seen, level=level)


@large_fields.client
def _(client, verify):
    taken, refused, seen = first_refused(
        client,
        lambda size: head(b"X-Probe: " + b"a" * size),
        lambda seen, size: len(value(seen, "HTTP_X_PROBE", "")) == size,
    )
    verify.fact("longest-field", limit(taken, refused, seen))
    judge_limit(verify, "octets in a field", refused, seen)
    size = 100000
    seen = deliver(client, head(b"X-" + b"a" * size + b": a"), fence=False)
    if value(seen, "HTTP_X_" + "A" * size) != "a":
        judge_limit(verify, "octets in a name", size, seen)
    taken, refused, seen = first_refused(
        client,
        lambda size: head(*[b"X-Probe: a"] * (size - 2), b"X-Last: last"),
        lambda seen, size: value(seen, "HTTP_X_LAST") == "last",
        (100, 300, 1000),
    )
    verify.fact("most-fields", limit(taken, refused, seen))
    judge_limit(verify, "fields", refused, seen)
