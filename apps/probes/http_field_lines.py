"""RFC 9112 section 5, Field Syntax; RFC 9110 sections 5.1 and 5.5, Field Names and Field Values."""

import re

from conformance.probing import probe

from ._requests import answer, became, deliver, head, judge, judge_400, value


@probe("http-space-before-colon")
def blank_before_colon(environ, start_response):
    """White space between a name and its colon has the request refused."""
    return answer(start_response)


@blank_before_colon.client
def _(client, verify):
    lines = {
        "SP before the colon": b"X-Probe : one",
        "HTAB before the colon": b"X-Probe\t: one",
        "SP before the colon of a second Host": b"Host : conformance.test",
    }
    for name, line in lines.items():
        judge_400(verify, "http-space-before-colon", name, deliver(client, head(line)))


@probe("http-obs-fold")
def folded(environ, start_response):
    """A folded value is refused, or unfolded."""
    return answer(start_response)


@folded.client
def _(client, verify):
    rule = "http-obs-fold"
    seen = deliver(client, head(b"X-Probe: one\r\n two\r\n\tthree"))
    got = value(seen, "HTTP_X_PROBE", "")
    if re.fullmatch("one[ \t]+two[ \t]+three", got) and "\t" in got:
        verify(rule).info(f"unfolded, with a TAB left: {got!r}")
        return
    good = not seen.calls or re.fullmatch("one +two +three", got)
    expected = "refused, or one, two and three with spaces between them"
    judge(verify, rule, "a value in three lines", good, expected, seen, "HTTP_X_PROBE")


# Lines that are no fields; of most of them a careless reader makes a field X-Probe.
NO_FIELDS = {
    "no colon": b"X-Probe",
    "a blank for a colon": b"X-Probe one",
    "a colon alone": b":",
    "no name": b": one",
    "brackets around the name": b"[X-Probe]: one",
    "a blank in the name": b"X Probe: one",
    "a name in two lines": b"X-Pro\r\n be: one",
    "NUL behind the name": b"X-Probe\x00: one",
    "VT behind the name": b"X-Probe\x0b: one",
    "0x85 behind the name": b"X-Probe\x85: one",
    "0xA0 behind the name": b"X-Probe\xa0: one",
    "0xA0 before the name": b"\xa0X-Probe: one",
    "a name beyond ASCII": b"X-Pr\xf6be: one",
}


@probe("http-field-line-invalid", "http-field-name-exact", "http-header-section-whole")
def no_fields(environ, start_response):
    """A line that is no field is refused; if not, nothing else is changed by it."""
    return answer(start_response)


@no_fields.client
def _(client, verify):
    for name, line in NO_FIELDS.items():
        seen = deliver(client, head(line, b"X-After: after"))
        judge(verify, "http-field-line-invalid", name, not seen.calls, "refused with 400", seen)
        good = value(seen, "HTTP_X_PROBE") is None
        expected = "refused, or no variable HTTP_X_PROBE"
        judge(verify, "http-field-name-exact", name, good, expected, seen, "HTTP_X_PROBE")
        good = not seen.calls or value(seen, "HTTP_X_AFTER") == "after"
        expected = "refused, or the field behind it is there"
        judge(verify, "http-header-section-whole", name, good, expected, seen, "HTTP_X_AFTER")


@probe("http-field-value-nul")
def nul_in_a_value(environ, start_response):
    """A NUL in a value is refused, or becomes a space."""
    return answer(start_response)


@nul_in_a_value.client
def _(client, verify):
    for name, sent in (("within", b"on\x00e"), ("first", b"\x00one"), ("last", b"one\x00")):
        seen = deliver(client, head(b"X-Probe: " + sent))
        got = value(seen, "HTTP_X_PROBE")
        whole = sent.decode("ascii").replace("\0", " ")
        if seen.calls and got is None:
            verify("http-field-value-nul").info(f"{name}: the field is left out")
            continue
        good = not seen.calls or got in (whole, whole.strip())
        expected = f"refused, or {whole!r}"
        judge(verify, "http-field-value-nul", name, good, expected, seen, "HTTP_X_PROBE")


@probe("http-field-value-stripped")
def blanks_that_are_none(environ, start_response):
    """Nothing but SP and HTAB is taken off a value."""
    return answer(start_response)


@blanks_that_are_none.client
def _(client, verify):
    rule = "http-field-value-stripped"
    for octet in (0x85, 0xA0, 0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x1F):
        sent = bytes([octet]) + b"one" + bytes([octet])
        seen = deliver(client, head(b"X-Probe: " + sent))
        name, got = f"0x{octet:02X} around it", value(seen, "HTTP_X_PROBE")
        if seen.calls and got is None:
            verify(rule).info(f"{name}: the field is left out")
            continue
        good = not seen.calls or got == sent.decode("latin-1")
        expected = "refused, or kept"
        level = "undefined" if octet < 0x20 else None
        judge(verify, rule, name, good, expected, seen, "HTTP_X_PROBE", level=level)


@probe("http-field-value-empty")
def empty_value(environ, start_response):
    """A field may have an empty value."""
    return answer(start_response)


@empty_value.client
def _(client, verify):
    rule, expected = "http-field-value-empty", "an empty value, and the next field behind it"
    for name, line in (("nothing", b"X-Probe:"), ("blanks", b"X-Probe: \t ")):
        seen = deliver(client, head(line, b"X-After: after"))
        got, after = value(seen, "HTTP_X_PROBE"), value(seen, "HTTP_X_AFTER")
        if seen.calls and got is None and after == "after":
            verify(rule).info(f"{name}: {became(seen)}, the field is left out")
        else:
            keys = ("HTTP_X_PROBE", "HTTP_X_AFTER")
            judge(verify, rule, name, (got, after) == ("", "after"), expected, seen, *keys)
