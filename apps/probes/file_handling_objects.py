"""PEP 3333, Optional Platform-Specific File Handling: what a wrapper is, and all it may hold."""

import io
import socket

from conformance.probing import probe, request

from ._files import OCTETS, lacking, offered, pattern, pipe, real_file

SIZE = 20000


def received(data):
    """Return a file of a socket that data have been sent to, not more than fits into one."""
    near, far = socket.socketpair()
    with near, far:
        near.sendall(data)
        near.shutdown(socket.SHUT_WR)
        return far.makefile("rb")


class ReadOnly:
    """The least that is file-like: read() with an optional size."""

    def __init__(self, data, inside, most=2**20):
        self.inner = io.BytesIO(data)
        self.inside = inside
        self.most = most

    def read(self, size=-1):
        return self.inner.read(self.most if size is None or size < 0 else min(size, self.most))


class Closable(ReadOnly):
    """read() and close(), which it reports; no descriptor, no position."""

    def close(self):
        self.inside.event("closed")


class Undescribed(Closable):
    """Has no descriptor and says so the way files do."""

    def fileno(self):
        raise OSError("no descriptor here")


class Broken(Closable):
    """Fails after its first block."""

    def read(self, size=-1):
        if self.inner.tell():
            raise OSError("conformance: the file fails on purpose")
        return super().read(1000)


MAKERS = {
    "in memory": lambda data, inside: io.BytesIO(data),
    "real": lambda data, inside: real_file(data),
    "pipe": lambda data, inside: pipe(data),
    "socket": lambda data, inside: received(data),
    "read only": ReadOnly,
    "closable": Closable,
    "no descriptor": Undescribed,
    "short reads": lambda data, inside: Closable(data, inside, 700),
    "broken": Broken,
}


def made(environ, size=SIZE):
    """Return the file-like object of the kind that the client half asked for."""
    inside = environ["conformance.inside"]
    return MAKERS[inside.parameters["kind"]](pattern(size), inside)


def account(seen):
    """Return what arrived, for a verdict."""
    response = seen.answered
    return (
        f"{response}: {len(response.body)} bytes by {response.framing}, "
        f"beginning {response.body[:24]!r}"
        + ("" if response.complete else ", cut short")
        + (f", and behind it {seen.behind[:60]!r}" if seen.behind else "")
    )


@probe("file-wrapper-is-iterable", "file-wrapper-close-present")
@offered
def looks_at_the_wrapper(environ, start_response):
    """What wsgi.file_wrapper returns can be iterated, and closed where the file can be."""
    inside = environ["conformance.inside"]
    wrapper = environ["wsgi.file_wrapper"](made(environ))
    inside.note(close=callable(getattr(wrapper, "close", None)))
    inside.attempt("joined", lambda: b"".join(iter(wrapper)))
    start_response("200 OK", [OCTETS, ("Content-Length", "0")])
    return []


@looks_at_the_wrapper.client
def _(client, verify):
    for kind in ("in memory", "real", "closable"):
        seen = client.exchange(kind=kind)
        if lacking(seen, verify, "file-wrapper-is-iterable", "file-wrapper-close-present"):
            return
        verify("file-wrapper-close-present").true(
            seen.notes["close"],
            "a method close() of the wrapper, as the file has one",
            f"{kind}: {'there is one' if seen.notes['close'] else 'there is none'}",
        )
        if kind != "closable":
            joined = seen.notes["joined"]
            verify("file-wrapper-is-iterable").true(
                joined == pattern(SIZE),
                f"blocks of together {SIZE} bytes, the file's",
                f"{kind}: " + (f"{len(joined)} bytes" if type(joined) is bytes else repr(joined)),
            )


@probe("file-wrapper-close-delegates", "file-wrapper-fallback-close")
@offered
def closes_the_wrapper(environ, start_response):
    """close() of a wrapper closes the file, real or not."""
    inside = environ["conformance.inside"]
    file = made(environ)
    wrapper = environ["wsgi.file_wrapper"](file)
    inside.attempt("close", lambda: wrapper.close())
    inside.note(closed=getattr(file, "closed", None))
    start_response("200 OK", [OCTETS, ("Content-Length", "0")])
    return []


@closes_the_wrapper.client
def _(client, verify):
    for kind in ("real", "in memory", "closable", "no descriptor"):
        seen = client.exchange(kind=kind)
        if lacking(seen, verify, "file-wrapper-close-delegates", "file-wrapper-fallback-close"):
            return
        closed = seen.notes["closed"] is True or seen.call.count("probe-closed") > 0
        rule = "file-wrapper-close-delegates"
        if kind != "real":
            # What has no descriptor is what the fallback is for.
            rule = "file-wrapper-fallback-close"
        verify(rule).true(
            closed,
            "close() of the file, called by close() of the wrapper",
            f"{kind}: {'closed' if closed else 'not closed'}, close(): {seen.notes['close']!r}",
        )


@probe("file-wrapper-fallback-read", "file-wrapper-fallback-close")
@offered
def sends_what_has_no_descriptor(environ, start_response):
    """An object with read() and close() alone is sent by reading, and then closed."""
    start_response("200 OK", [OCTETS])
    return environ["wsgi.file_wrapper"](made(environ))


@sends_what_has_no_descriptor.client
def _(client, verify):
    for kind in ("closable", "short reads", "broken"):
        conversation = client.open(kind=kind)
        conversation.send(request())
        if kind == "broken":
            # What becomes of this response is for others to judge; it is not waited for.
            conversation.settled(lambda: any(call.settled for call in conversation.calls))
            seen = conversation.exchange(None)
        else:
            seen = conversation.exchange(conversation.response())
        if lacking(seen, verify, "file-wrapper-fallback-read", "file-wrapper-fallback-close"):
            return
        if kind != "broken":
            verify("file-wrapper-fallback-read").true(
                seen.answered.complete and seen.answered.body == pattern(SIZE),
                f"all {SIZE} bytes of an object that has read() and close()",
                f"{kind}: {account(seen)}",
            )
        call = seen.call
        closed = conversation.settled(lambda: call.count("probe-closed") > 0)
        conversation.close()
        verify("file-wrapper-fallback-close").true(
            closed,
            "close() of the file, when it has been sent or has failed",
            f"{kind}: {'closed' if closed else 'never closed'}",
        )


@probe("file-wrapper-fallback-read")
@offered
def reads_what_has_no_descriptor(environ, start_response):
    """Iterating over the wrapper of an object with read() and close() alone reads it to its end."""
    inside = environ["conformance.inside"]
    wrapper = environ["wsgi.file_wrapper"](made(environ))
    inside.attempt("joined", lambda: b"".join(iter(wrapper)))
    start_response("200 OK", [OCTETS, ("Content-Length", "0")])
    return []


@reads_what_has_no_descriptor.client
def _(client, verify):
    for kind in ("closable", "short reads"):
        seen = client.exchange(kind=kind)
        if lacking(seen, verify, "file-wrapper-fallback-read"):
            return
        joined = seen.notes["joined"]
        verify("file-wrapper-fallback-read").true(
            joined == pattern(SIZE),
            f"blocks of together {SIZE} bytes, those that read() gives",
            f"{kind}: " + (f"{len(joined)} bytes" if type(joined) is bytes else repr(joined)),
        )


@probe("file-wrapper-close-not-needed")
@offered
def sends_what_cannot_be_closed(environ, start_response):
    """An object that has read() and nothing else is sent, and nothing goes wrong for it."""
    start_response("200 OK", [OCTETS])
    return environ["wsgi.file_wrapper"](made(environ))


@sends_what_cannot_be_closed.client
def _(client, verify):
    for _ in range(2):
        seen = client.exchange(to_end=True, kind="read only")
        if lacking(seen, verify, "file-wrapper-close-not-needed"):
            return
        verify("file-wrapper-close-not-needed").true(
            seen.answered.complete
            and seen.answered.body == pattern(SIZE)
            and seen.fenced is not False,
            f"all {SIZE} bytes of an object without close(), and again for the next request",
            account(seen),
        )


@probe("file-wrapper-inspects-object")
@offered
def sends_all_kinds(environ, start_response):
    """Whatever has no descriptor, or one that cannot be sought, is sent whole."""
    start_response("200 OK", [OCTETS])
    return environ["wsgi.file_wrapper"](made(environ))


@sends_all_kinds.client
def _(client, verify):
    for kind in ("in memory", "closable", "no descriptor", "pipe", "socket"):
        seen = client.exchange(to_end=True, kind=kind)
        if lacking(seen, verify, "file-wrapper-inspects-object"):
            return
        verify("file-wrapper-inspects-object").true(
            seen.answered.complete and seen.answered.body == pattern(SIZE),
            f"all {SIZE} bytes",
            f"{kind}: {account(seen)}",
        )


@probe("file-wrapper-same-as-reading", "http-chunked-rfc-conformant")
@offered
def sends_either_way(environ, start_response):
    """A wrapper makes the response that a generator of the file's blocks makes."""
    parameters = environ["conformance.inside"].parameters
    size = parameters["size"]
    fields = [OCTETS, ("X-Conformance", "as given")]
    if parameters["declared"]:
        fields.append(("Content-Length", str(size + 5 * parameters["written"])))
    file = made(environ, size)
    write = start_response("203 As Given", fields)
    if parameters["written"]:
        write(b"head ")
    if parameters["wrapped"]:
        return environ["wsgi.file_wrapper"](file)
    return iter(lambda: file.read(8192), b"")


# Kind of file, its size, whether its length is declared, whether write() is used before.
CASES = (
    ("real", 0, False, False),
    ("real", 1, False, False),
    ("real", 8191, False, False),
    ("real", 8192, False, False),
    ("real", 8193, True, False),
    ("real", 200000, False, False),
    ("real", 200000, True, False),
    ("real", 200000, False, True),
    ("real", 200000, True, True),
    ("in memory", 0, False, False),
    ("in memory", 8192, True, False),
    ("in memory", 8192, False, True),
    ("pipe", SIZE, False, False),
    ("pipe", SIZE, True, False),
    ("short reads", SIZE, False, False),
)


@sends_either_way.client
def _(client, verify):
    def play(case, wrapped, method="GET"):
        kind, size, declared, written = case
        return client.exchange(
            request(method),
            to_end=True,
            kind=kind,
            size=size,
            declared=declared,
            written=written,
            wrapped=wrapped,
        )

    def view(seen):
        response = seen.answered
        given = (response.status, response.reason, response.first("X-Conformance"))
        return (*given, response.complete, seen.behind, response.body)

    chunked = False
    for method in ("GET", "HEAD"):
        for case in CASES if method == "GET" else CASES[5:7]:
            wrapped = play(case, True, method)
            if lacking(wrapped, verify, "file-wrapper-same-as-reading"):
                # Chunks without a wrapper are other probes' matter.
                verify("http-chunked-rfc-conformant").info("no wsgi.file_wrapper to try")
                return
            plain = play(case, False, method)
            kind, size, declared, written = case
            what = (
                f"{method} of a {kind} file of {size} bytes, {'with' if declared else 'without'} "
                f"Content-Length{', after write()' if written else ''}"
            )
            verify("file-wrapper-same-as-reading").true(
                view(wrapped) == view(plain),
                f"{what}: the same as without a wrapper, {account(plain)}",
                account(wrapped),
            )
            response = wrapped.answered
            if response.framing == "chunked":
                chunked = True
                verify("http-chunked-rfc-conformant").true(
                    not response.defects and not wrapped.behind,
                    f"{what}: well-formed chunks, one last chunk and nothing behind it",
                    "; ".join(defect.text for defect in response.defects) or account(wrapped),
                )
    if not chunked:
        verify("http-chunked-rfc-conformant").info("no chunks", "judged of chunked responses")
