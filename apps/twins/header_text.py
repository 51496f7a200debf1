"""Applications and the characters of their header names and values."""

from __future__ import annotations

from conformance.driver.twins import bad_app, good_app

# Characters


@bad_app("headers-latin1-only")
def value_beyond_latin1(environ, start_response):
    """A value holds a euro sign."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Price", "5 \u20ac")])
    return [b"x"]


@bad_app("headers-latin1-only")
def value_with_lone_surrogate(environ, start_response):
    """A value holds a byte that surrogateescape let through."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-File", "\udce9t\udce9")])
    return [b"x"]


@bad_app("headers-latin1-only", also=("headers-name-token",))
def name_beyond_latin1(environ, start_response):
    """A name holds a euro sign."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-\u20ac", "5")])
    return [b"x"]


@good_app("headers-latin1-only", "headers-value-no-control-chars")
def value_in_latin1(environ, start_response):
    """A value holds Latin-1 characters, up to the last one."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A", "\xa0caf\xe9 \xff")])
    return [b"x"]


@good_app("headers-latin1-only", notes=("headers-value-no-control-chars",))
def value_in_utf8(environ, start_response):
    """A value is UTF-8 carried as Latin-1, in which U+0080 to U+009F occur."""
    value = "\u20ac \u00c0 \U0001f40d".encode().decode("latin-1")
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A", value)])
    return [b"x"]


@good_app("headers-latin1-only", "headers-value-no-control-chars")
def value_extended(environ, start_response):
    """A file name beyond Latin-1 in the notation of RFC 8187, which is ASCII."""
    disposition = "attachment; filename=\"x\"; filename*=UTF-8''%e2%82%ac.txt"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Disposition", disposition)])
    return [b"x"]


@good_app("headers-latin1-only")
def value_as_encoded_word(environ, start_response):
    """Text beyond Latin-1 as an encoded word of RFC 2047."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A", "=?utf-8?q?=E2=82=AC?=")])
    return [b"x"]


@bad_app("headers-value-no-control-chars")
def value_splits_response(environ, start_response):
    """A CR LF in a value would start another header."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A", "a\r\nSet-Cookie: admin=1")])
    return [b"x"]


@bad_app("headers-value-no-control-chars")
def value_folded(environ, start_response):
    """A value is folded over two lines, as email does it."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A", "a;\n b")])
    return [b"x"]


@bad_app("headers-value-no-control-chars", also=("http-field-value-whitespace",))
def value_ends_in_newline(environ, start_response):
    """A value ends in a newline, as base64 makes it."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A", "YQ==\n")])
    return [b"x"]


@bad_app("headers-value-no-control-chars", also=("http-field-value-whitespace",))
def value_ends_in_carriage_return(environ, start_response):
    """A value ends in CR."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A", "a\r")])
    return [b"x"]


@bad_app("headers-value-no-control-chars")
def value_with_null(environ, start_response):
    """A value holds a NUL."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A", "a\x00b")])
    return [b"x"]


@bad_app("headers-value-no-control-chars")
def value_with_delete(environ, start_response):
    """A value holds DEL."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A", "a\x7fb")])
    return [b"x"]


@bad_app("headers-value-no-control-chars")
def value_with_tab(environ, start_response):
    """A value holds a TAB, which HTTP would allow."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A", "a\tb")])
    return [b"x"]


# Names


@bad_app("headers-name-token")
def name_empty(environ, start_response):
    """A name is empty."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("", "a")])
    return [b"x"]


@bad_app("headers-name-token")
def name_with_space(environ, start_response):
    """A name has a space in it."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X A", "a")])
    return [b"x"]


@bad_app("headers-name-token")
def name_with_quote(environ, start_response):
    """A name has a double quote in it."""
    start_response("200 OK", [("Content-Type", "text/plain"), ('X"A', "a")])
    return [b"x"]


@bad_app("headers-name-token")
def name_with_colon_inside(environ, start_response):
    """A name has a colon in the middle."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X:A", "a")])
    return [b"x"]


@bad_app("headers-name-token")
def name_splits_response(environ, start_response):
    """A name holds CR LF."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A: a\r\nX-B", "b")])
    return [b"x"]


@bad_app("headers-name-token")
def name_ends_in_newline(environ, start_response):
    """A name ends in a newline, which a pattern with $ lets through."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A\n", "a")])
    return [b"x"]


@bad_app("headers-name-token")
def name_with_latin1_letter(environ, start_response):
    """A name holds a letter beyond ASCII."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Caf\xe9", "a")])
    return [b"x"]


@bad_app("headers-name-token")
def name_in_parentheses(environ, start_response):
    """A name ends in punctuation that is no token character."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X(A)", "a")])
    return [b"x"]


@bad_app("headers-name-no-colon")
def name_ends_in_colon(environ, start_response):
    """A name has the colon of its line."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A:", "a")])
    return [b"x"]


@good_app("headers-name-token", notes=("headers-name-no-colon",))
def name_ends_in_token_punctuation(environ, start_response):
    """Names end in punctuation that a token may hold."""
    start_response(
        "200 OK", [("Content-Type", "text/plain"), ("X-A-", "a"), ("X_", "b"), ("X!", "c")]
    )
    return [b"x"]


@good_app("headers-name-token", "headers-name-no-colon")
def name_of_any_token(environ, start_response):
    """Names that begin with a digit, hold a dot, or are every token character there is."""
    start_response(
        "200 OK",
        [
            ("Content-Type", "text/plain"),
            ("2fa", "a"),
            ("X.A", "b"),
            ("0", "c"),
            ("!#$%&'*+-.^_`|~0aZ", "d"),
        ],
    )
    return [b"x"]


@bad_app("cgi-status-field")
def name_status(environ, start_response):
    """A header named Status, which a CGI gateway would send twice."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Status", "200 OK")])
    return [b"x"]


@good_app("cgi-status-field", "headers-name-token")
def name_like_status(environ, start_response):
    """Names that hold the word Status."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Status", "a"), ("Status2", "b")])
    return [b"x"]


@good_app("headers-two-tuples", "headers-name-token")
def name_repeated(environ, start_response):
    """One name stands several times, in several spellings."""
    start_response(
        "200 OK",
        [("CONTENT-TYPE", "text/plain"), ("Set-Cookie", "a=1"), ("set-cookie", "b=2"), ("X", "")],
    )
    return [b"x"]
