"""RFC 9112 section 7.1: chunks that are well-formed, and chunks that are not.

An application may be called before a chunk that is wrong has come; then its reading has to fail,
because all that a WSGI application knows of the end of such a body is that read() gives b"".
"""

from conformance.probing import probe

from ._framing import CHUNKED, HELLO, Tally, chunks, closes, read_the_body, stage_for

LAST = b"0\r\n\r\n"
FAILED = "refused, or an error from read()"


def failed(trial):
    return trial.read is None


def chunk(size, data=HELLO, end=b"\r\n"):
    """Return one chunk, its size and its line ends as given."""
    return size + b"\r\n" + data + end


FORMS = {
    "'A'": (chunk(b"A", HELLO * 2) + LAST, HELLO * 2),
    "'a'": (chunk(b"a", HELLO * 2) + LAST, HELLO * 2),
    "'0005'": (chunk(b"0005") + LAST, HELLO),
    "'000' last": (chunk(b"5") + b"000\r\n\r\n", HELLO),
    "one byte each": (chunks(*[bytes([byte]) for byte in HELLO]), HELLO),
    "none": (LAST, b""),
    "like chunks inside": (chunks(LAST), LAST),
}


@probe("http-chunk-size-forms", "http-chunk-extension-ignored")
def read_chunks_in_all_forms(environ, start_response):
    """Sizes in either case and with zeros in front, and extensions, decode to the same body."""
    return read_the_body(environ, start_response)


EXTENSIONS = {
    ";a": None,
    ";a=b;c": None,
    ';a="b;c"': None,
    ';a="\\""': None,
    # Blanks are there to be read but not to be sent: whether they must be, few know.
    " ; a = b": "undefined",
}


@read_chunks_in_all_forms.client
def _(client, verify):
    rules = ["http-chunk-size-forms", "http-chunk-extension-ignored"]
    stage = stage_for(client, verify, rules, chunked=True)
    if stage is None:
        return
    forms = Tally(verify, rules[0], "the body decoded, and the request behind served or lost")
    for what, (coded, body) in FORMS.items():
        trial = stage.try_out(CHUNKED, coded, read="whole")
        forms.add(trial.read == body, what, trial)
    forms.claim()
    ignored = Tally(verify, rules[1], f"{HELLO!r} read as though there were no extension")
    for extension, level in EXTENSIONS.items():
        coded = chunk(b"5" + extension.encode("ascii")) + b"0" + extension.encode("ascii")
        trial = stage.try_out(CHUNKED, coded + b"\r\n\r\n", read="whole")
        # A clean refusal harms nobody.
        ignored.add(trial.read == HELLO, extension, trial, level or refusal_level(trial))
    ignored.claim()


def refusal_level(trial):
    return "SHOULD" if trial.read is None and not trial.goes_on else None


SIZES = {
    **dict.fromkeys((b"0x5", b"+5", b"-5", b"0_5", b"5g", b"5.", b"", b"g", b"5\x0b", b"\xa05")),
    # Nobody reads these as another number; they are no chunk sizes either.
    **dict.fromkeys((b" 5", b"\t5", b"5 ", b"5\t"), "undefined"),
}


@probe("http-chunk-size-hex", "http-chunk-size-overflow-safe", "http-framing-error-closes")
def read_chunks_of_no_size(environ, start_response):
    """A chunk size that is not hexadecimal digits alone ends the message in an error."""
    return read_the_body(environ, start_response)


@read_chunks_of_no_size.client
def _(client, verify):
    rules = ["http-chunk-size-hex", "http-chunk-size-overflow-safe", "http-framing-error-closes"]
    stage = stage_for(client, verify, rules, chunked=True)
    if stage is None:
        return
    sizes = Tally(verify, rules[0], FAILED)
    overflow = Tally(verify, rules[1], "refused, an error from read(), or no end of the body")
    closed = Tally(verify, rules[2], "nothing behind a message found wrong taken for a request")
    for size, level in SIZES.items():
        trial = stage.try_out(CHUNKED, chunk(size) + LAST, read="whole")
        sizes.add(failed(trial), repr(size)[1:], trial, level)
        closes(closed, repr(size)[1:], trial)
    for power in (32, 64, 128):
        coded = chunk(b"%x" % (2**power + 5)) + LAST
        trial = stage.try_out(CHUNKED, coded, cut=True, read="whole")
        endless = trial.read is None or not trial.goes_on
        overflow.add(endless and trial.read != HELLO, f"2**{power}+5", trial)
        closes(closed, f"2**{power}+5", trial)
    for tally in (sizes, overflow, closed):
        tally.claim()


LAST_LF = "LF behind the last size"
LINE_ENDS = {
    "LF behind a size": (b"5\nhello\r\n" + LAST, None),
    "LF behind the data": (b"5\r\nhello\n" + LAST, None),
    LAST_LF: (chunk(b"5") + b"0\n\r\n", None),
    "LF throughout": (b"5\nhello\n0\n\n", None),
    # The trailer section is made of field lines, whose ends a recipient may read so.
    "LF at the end": (chunk(b"5") + b"0\r\n\n", "undefined"),
}


@probe("http-chunk-line-crlf")
def read_chunks_with_other_line_ends(environ, start_response):
    """The lines of the chunked coding end in CR LF."""
    return read_the_body(environ, start_response)


@read_chunks_with_other_line_ends.client
def _(client, verify):
    rule = "http-chunk-line-crlf"
    stage = stage_for(client, verify, [rule], chunked=True)
    if stage is None:
        return
    tally = Tally(verify, rule, FAILED)
    # One that takes the end of the connection for the end of a body may still wait for a CR.
    tolerant = stage.try_out(CHUNKED, chunk(b"5") + b"0", cut=True, behind=False, read="whole")
    for what, (coded, level) in LINE_ENDS.items():
        if what == LAST_LF and not failed(tolerant):
            continue
        # No request behind: its lines would look like the end that is missing.
        trial = stage.try_out(CHUNKED, coded, cut=True, behind=False, read="whole")
        tally.add(trial.read != HELLO, what, trial, level)
    tally.claim()


DATA = {
    "longer than its size": chunk(b"3") + LAST,
    "no line end behind it": chunk(b"5", end=b"") + LAST,
    "XX for a line end": chunk(b"5", end=b"XX") + LAST,
    "CR X for a line end": chunk(b"5", end=b"\rX") + LAST,
    "X LF for a line end": chunk(b"5", end=b"X\n") + LAST,
}
# Whoever skips the empty line finds the same chunks as everybody.
EMPTY_LINE = chunk(b"5", end=b"\r\n\r\n") + LAST


@probe("http-chunk-data-delimited", "http-framing-error-closes")
def read_chunks_of_another_length(environ, start_response):
    """Behind as many bytes as a chunk's size says there is CR LF, and nothing else."""
    return read_the_body(environ, start_response)


@read_chunks_of_another_length.client
def _(client, verify):
    rules = ["http-chunk-data-delimited", "http-framing-error-closes"]
    stage = stage_for(client, verify, rules, chunked=True)
    if stage is None:
        return
    delimited = Tally(verify, rules[0], FAILED)
    closed = Tally(verify, rules[1], "nothing behind a message found wrong taken for a request")
    for what, coded in DATA.items():
        trial = stage.try_out(CHUNKED, coded, read="whole")
        delimited.add(failed(trial), what, trial)
        closes(closed, what, trial)
    trial = stage.try_out(CHUNKED, EMPTY_LINE, read="whole")
    delimited.add(failed(trial), "two line ends", trial, "SHOULD")
    delimited.claim()
    closed.claim()


# By the lines as they are: one chunk that is ignored from the semicolon on, and holds what ends a
# body. Where a lone CR ends a line: hello, and the end.
LOOKS_ENDED = b"5;a\rhello\r\n0\r\n\r\n\r\n" + LAST


@probe("http-chunk-bare-cr")
def read_chunks_with_a_bare_cr(environ, start_response):
    """A CR without LF ends no line of the chunked coding."""
    return read_the_body(environ, start_response)


@read_chunks_with_a_bare_cr.client
def _(client, verify):
    rule = "http-chunk-bare-cr"
    stage = stage_for(client, verify, [rule], chunked=True)
    if stage is None:
        return
    tally = Tally(verify, rule, "refused, an error from read(), or the lines that end in CR LF")
    for what, coded, body in (
        ("in an extension", chunk(b"5;a\rb") + LAST, HELLO),
        ("behind an extension", chunk(b"5;a\r") + LAST, HELLO),
        ("before what looks like data", LOOKS_ENDED, LAST),
        # What a server that ends the line there, and drops a byte for the LF, takes for a chunk.
        ("and X for a line end", b"5\rXhello\r\n" + LAST, None),
    ):
        trial = stage.try_out(CHUNKED, coded, read="whole")
        tally.add(failed(trial) or trial.read == body, "CR " + what, trial)
    tally.claim()


CUT = {
    "in the first size": (b"5", None),
    "behind the first size": (b"5\r\n", None),
    "in the data": (b"5\r\nhel", None),
    "behind the data": (b"5\r\nhello", None),
    "behind the first chunk": (b"5\r\nhello\r\n", None),
    "in the last size line": (b"5\r\nhello\r\n0", None),
    # With the chunk of size zero there, a body is not incomplete by the words of section 8.
    "behind the last size line": (b"5\r\nhello\r\n0\r\n", "SHOULD"),
    "in the trailer": (b"5\r\nhello\r\n0\r\nX-Trailer: yes\r\n", "SHOULD"),
}


@probe("http-chunk-incomplete-told")
def read_chunks_that_break_off(environ, start_response):
    """A chunked body that the client breaks off does not look like the whole of one."""
    return read_the_body(environ, start_response)


@read_chunks_that_break_off.client
def _(client, verify):
    rule = "http-chunk-incomplete-told"
    stage = stage_for(client, verify, [rule], chunked=True)
    if stage is None:
        return
    tally = Tally(verify, rule, FAILED)
    for what, (coded, level) in CUT.items():
        trial = stage.try_out(CHUNKED, coded, cut=True, behind=False, read="whole")
        tally.add(failed(trial), "cut " + what, trial, level)
    tally.claim()


EVIL = (
    *("Host", "Authorization", "Content-Type", "Cookie", "X-Trailer", "X-Forwarded-For"),
    *("Remote-Addr", "Script-Name", "Path-Info", "Transfer-Encoding"),
)


@probe("http-trailer-not-merged")
def read_what_has_trailers(environ, start_response):
    """Trailer fields do not turn up in environ among the header fields."""
    return read_the_body(environ, start_response)


@read_what_has_trailers.client
def _(client, verify):
    rule = "http-trailer-not-merged"
    stage = stage_for(client, verify, [rule], chunked=True)
    if stage is None:
        return
    tally = Tally(verify, rule, "refused, or an environ without what the trailer fields say")
    every = "".join(f"{name}: evil\r\n" for name in EVIL) + "Content-Length: 3\r\n"
    head = [*CHUNKED, ("Content-Type", "text/plain"), ("X-Trailer", "good")]
    taken = 0
    for what, lines in (("all at once", every), ("X-Trailer", "X-Trailer: evil\r\n")):
        coded = chunk(b"5") + b"0\r\n" + lines.encode("ascii") + b"\r\n"
        trial = stage.try_out(head, coded, read="whole")
        merged = merged_keys(trial)
        tally.add(not merged, f"{what}, {merged}", trial)
        taken += trial.read == HELLO
    if not taken:
        verify(rule).unsupported("trailers are refused", "trailers taken")
        return
    tally.claim()


def merged_keys(trial):
    """Return the keys of environ that hold what was said in the trailer section alone."""
    before = trial.calls[0].environ if trial.calls else {}
    texts = {**{key: before[key] for key in before}, **(trial.note("texts") or {})}
    wrong = [key for key, value in texts.items() if isinstance(value, str) and "evil" in value]
    return sorted(wrong) + (["CONTENT_LENGTH"] if texts.get("CONTENT_LENGTH") == "3" else [])
