"""RFC 9110 and 9112: what of an application's status and headers may not reach the wire."""

import re

from conformance.probing import probe

from ._responses import TOKEN, TYPE, closing, head_of, lines_of, refused

# A line that only a line break inside a name, a value or the status can have made.
INJECTED = b"x-injected"


def asked(client, **parameters):
    """Send a request to which the server closes, whatever a broken head makes of the framing."""
    return client.exchange(closing(), fence=False, **parameters)


def injected(seen):
    """Whether a field line was made by a line break, wherever it then stands."""
    return any(
        line.lower().startswith(INJECTED) for line in lines_of(bytes(seen.connection.received))
    )


def fate(seen, mark=b""):
    """Return in words what became of the response, and the line that holds a mark."""
    if seen.response is None or not seen.response.status:
        return str(seen)
    lines = [line for line in lines_of(head_of(seen)) if mark and mark in line.lower()]
    return "{}{}".format(seen.response, "".join(f", {line[:60]!r}" for line in lines))


# name: the value, what may not be in the head for it, the level
VALUES = {
    "CR LF": ("a\r\nX-Injected: 1", None, None),
    "LF": ("a\nX-Injected: 1", None, None),
    "two line breaks": ("a\r\n\r\nX-Injected: 1", None, None),
    "NUL": ("a\0b", b"\0", None),
    "NUL at the end": ("ab\0", b"\0", None),
    "U+0001": ("a\x01b", b"\x01", "SHOULD"),
    "escape": ("a\x1bb", b"\x1b", "SHOULD"),
    "DEL": ("a\x7fb", b"\x7f", "SHOULD"),
}


@probe("http-value-no-crlf-nul")
def value_with_controls(environ, start_response):
    """A control character in a header value does not reach the wire."""
    value = VALUES[environ["conformance.inside"].parameters["kind"]][0]
    start_response("200 OK", [TYPE, ("X-Probe", value), ("Content-Length", "4")])
    return [b"body"]


@value_with_controls.client
def _(client, verify):
    for kind, (_, octet, level) in VALUES.items():
        seen = asked(client, kind=kind)
        there = injected(seen) if octet is None else octet in head_of(seen)
        verify("http-value-no-crlf-nul", level).true(
            not there,
            f"{kind} in a value: an error, or nothing of it sent",
            "{}: {}".format(kind, fate(seen, b"x-")),
        )


NAMES = {
    "CR LF": "X-Probe: 1\r\nX-Injected",
    "LF": "X-Probe: 1\nX-Injected",
    "NUL": "X-Pro\0be",
    "a blank": "X Probe",
    "a blank at the end": "X-Probe ",
    "a slash": "X/Probe",
    "nothing": "",
}


@probe("http-name-is-token")
def name_with_anything(environ, start_response):
    """A name that is no token does not reach the wire."""
    name = NAMES[environ["conformance.inside"].parameters["kind"]]
    start_response("200 OK", [TYPE, (name, "made up"), ("Content-Length", "4")])
    return [b"body"]


@name_with_anything.client
def _(client, verify):
    for kind in NAMES:
        seen = asked(client, kind=kind)
        names = [line.partition(b":")[0] for line in lines_of(head_of(seen))]
        wrong = [name for name in names if not TOKEN.fullmatch(name)]
        verify("http-name-is-token").true(
            not wrong and not injected(seen),
            f"{kind} in a name: an error, or field lines whose names are tokens",
            "{}: {}".format(kind, fate(seen, b"made up")),
        )


FOLDED = {
    "CR LF and a blank": "a\r\n folded",
    "CR LF and a tab": "a\r\n\tfolded",
    "LF and a blank": "a\n folded",
}


@probe("http-line-folding-not-sent")
def folded_value(environ, start_response):
    """A value is not continued on a line of its own."""
    value = FOLDED[environ["conformance.inside"].parameters["kind"]]
    start_response("200 OK", [TYPE, ("X-Probe", value), ("Content-Length", "4")])
    return [b"body"]


@folded_value.client
def _(client, verify):
    for kind in FOLDED:
        seen = asked(client, kind=kind)
        folded = [line for line in lines_of(head_of(seen)) if line[:1] in (b" ", b"\t")]
        verify("http-line-folding-not-sent").true(
            not folded,
            f"{kind}: an error, or one line",
            "{}: {}".format(kind, folded or fate(seen, b"x-probe")),
        )


CRS = {
    "a value": ("200 OK", ("X-Probe", "a\rb")),
    "the end of a value": ("200 OK", ("X-Probe", "ab\r")),
    "a name": ("200 OK", ("X-Pro\rbe", "1")),
    "the reason": ("200 O\rK", ("X-Probe", "1")),
}
BARE_CR = re.compile(rb"\r(?!\n)|\r\r\n")


@probe("http-bare-cr-not-sent")
def carriage_return(environ, start_response):
    """A CR by itself does not reach the wire."""
    status, field = CRS[environ["conformance.inside"].parameters["kind"]]
    start_response(status, [TYPE, field, ("Content-Length", "4")])
    return [b"body"]


@carriage_return.client
def _(client, verify):
    for kind in CRS:
        seen = asked(client, kind=kind)
        head = head_of(seen)
        found = BARE_CR.search(head)
        verify("http-bare-cr-not-sent").true(
            found is None,
            f"CR in {kind}: an error, or no CR without LF",
            "{}: {}".format(
                kind,
                repr(head[max(found.start() - 30, 0) :][:60]) if found else fate(seen, b"x-pro"),
            ),
        )


STATUSES = {
    "CR LF": "200 OK\r\nX-Injected: 1",
    "LF": "200 OK\nX-Injected: 1",
    "NUL": "200 O\0K",
    "two digits": "20 OK",
    "four digits": "2000 OK",
    "a word": "OK then",
    "a sign": "+20 OK",
}
STATUS_LINE = re.compile(rb"HTTP/1\.[01] [0-9]{3}( [\t\x20-\x7e\x80-\xff]*)?")


@probe("http-status-line-clean")
def odd_status(environ, start_response):
    """A status line has three digits and one line, whatever the status."""
    start_response(STATUSES[environ["conformance.inside"].parameters["kind"]], [TYPE])
    return [b"body"]


@odd_status.client
def _(client, verify):
    for kind in STATUSES:
        seen = asked(client, kind=kind)
        received = bytes(seen.connection.received)
        line = received.partition(b"\n")[0].rstrip(b"\r")
        verify("http-status-line-clean").true(
            not received or (STATUS_LINE.fullmatch(line) and not injected(seen)),
            f"{kind}: an error, or a status line with three digits",
            "{}: {!r}{}".format(kind, line, ", and a line of it" if injected(seen) else ""),
        )


@probe("http-status-line-space")
def no_reason(environ, start_response):
    """The blank behind the code is there without a reason, too."""
    start_response(environ["conformance.inside"].parameters["status"], [TYPE])
    return [b"body"]


@no_reason.client
def _(client, verify):
    for status in ("200 ", "200"):
        line = bytes(asked(client, status=status).connection.received).partition(b"\r\n")[0]
        # A code alone is the application's fault first, and does little harm.
        verify("http-status-line-space", None if status.endswith(" ") else "SHOULD").true(
            not line or line[12:13] == b" ",
            f"{status!r}: an error, or a blank behind the code",
            f"{status!r}: {line!r}",
        )


LENGTHS = {
    "letters": ["abc"],
    "a minus": ["-4"],
    "a plus": ["+4"],
    "a blank inside": ["4 4"],
    "hexadecimal": ["0x4"],
    "an underscore": ["0_4"],
    "nothing": [""],
    "two that differ": ["4", "5"],
}


@probe("http-length-valid")
def odd_length(environ, start_response):
    """A Content-Length that is no number does not reach the wire."""
    lengths = LENGTHS[environ["conformance.inside"].parameters["kind"]]
    start_response("200 OK", [TYPE, *(("Content-Length", length) for length in lengths)])
    return [b"body"]


@odd_length.client
def _(client, verify):
    for kind in LENGTHS:
        seen = asked(client, kind=kind)
        lengths = [] if refused(seen) else seen.response.all("Content-Length")
        verify("http-length-valid").true(
            not lengths or (len({*lengths}) == 1 and re.fullmatch(rb"[0-9]+", lengths[0])),
            f"{kind}: an error, or one decimal number",
            f"{kind}: {lengths or fate(seen)}",
        )


@probe("http-101-not-unasked")
def switches(environ, start_response):
    """A 101 that the client did not ask for is not sent."""
    start_response("101 Switching Protocols", [])
    return []


@switches.client
def _(client, verify):
    conversation = client.open()
    conversation.send(closing())
    conversation.settled(
        lambda: b"\r\n\r\n" in conversation.received or conversation.ended, or_idle=True
    )
    line = conversation.received.partition(b"\r\n")[0]
    conversation.close()
    verify("http-101-not-unasked", "SHOULD").true(
        line[9:12] != b"101", "an error, or another status", repr(line)
    )


BLANKS = ("  two before", "two behind  ", "\ta tab before", "a tab behind\t")


@probe(facts=("response.blanks-around-values",))
def blanks_around(environ, start_response):
    """What becomes of blanks around a header value."""
    fields = [(f"X-Probe-{number}", value) for number, value in enumerate(BLANKS)]
    start_response("200 OK", [TYPE, *fields])
    return [b"body"]


@blanks_around.client
def _(client, verify):
    seen = asked(client)
    lines = [line for line in lines_of(head_of(seen)) if line.lower().startswith(b"x-probe-")]
    values = [line.partition(b":")[2] for line in lines]
    kept = [value for value, given in zip(values, BLANKS) if given.encode("ascii") in value]
    if refused(seen):
        found = "refused: " + fate(seen)
    else:
        found = "sent as given" if kept else "taken off" if lines else "fields left out"
    verify.fact("response.blanks-around-values", found)
