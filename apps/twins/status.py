"""Applications and the status that they pass to start_response: its type and its characters."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus

from conformance.driver.twins import bad_app, good_app


class SafeText(str):
    """A str that template engines trust."""

    __slots__ = ()


class Answer(StrEnum):
    """Statuses by name."""

    OK = "200 OK"


# Type


@bad_app("status-native-str")
def status_in_bytes(environ, start_response):
    """The status is bytes, as on the wire."""
    start_response(b"200 OK", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-native-str")
def status_as_number(environ, start_response):
    """The status is the number alone."""
    start_response(200, [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-native-str")
def status_as_member_of_http_status(environ, start_response):
    """The status is a member of http.HTTPStatus, which is an int."""
    start_response(HTTPStatus.OK, [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-native-str")
def status_none(environ, start_response):
    """The status is None."""
    start_response(None, [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-native-str")
def status_as_pair(environ, start_response):
    """Code and reason come as a tuple."""
    start_response((200, "OK"), [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-native-str", level="SHOULD")
def status_in_subclass_of_str(environ, start_response):
    """The status is of a subclass of str."""
    start_response(SafeText("200 OK"), [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-native-str", level="SHOULD")
def status_as_member_of_str_enum(environ, start_response):
    """The status is a member of a StrEnum, which is a str of a class of its own."""
    start_response(Answer.OK, [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("status-native-str", "status-code-and-reason")
def status_made_of_http_status(environ, start_response):
    """The status is made of the parts of a member of http.HTTPStatus."""
    found = HTTPStatus.NOT_FOUND
    start_response(f"{found.value} {found.phrase}", [("Content-Type", "text/plain")])
    return [b"x"]


# Characters


@bad_app("status-latin1-only")
def status_beyond_latin1(environ, start_response):
    """The reason holds a euro sign."""
    start_response("402 Pay 5 \u20ac", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-latin1-only")
def status_with_lone_surrogate(environ, start_response):
    """The reason holds a byte that surrogateescape let through."""
    start_response("404 No \udce9t\udce9", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app("status-latin1-only", "status-no-control-chars", "status-code-and-reason")
def status_in_latin1(environ, start_response):
    """The reason is French, within Latin-1."""
    start_response("404 Pas trouv\xe9", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-no-control-chars")
def status_splits_response(environ, start_response):
    """A CR LF in the middle of the status would start a header."""
    start_response("200 OK\r\nX-Injected: yes", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-no-control-chars", also=("status-no-surrounding-whitespace",))
def status_ends_line(environ, start_response):
    """The status ends in CR LF."""
    start_response("200 OK\r\n", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-no-control-chars", also=("status-no-surrounding-whitespace",))
def status_ends_in_newline(environ, start_response):
    """The status ends in a newline, which a pattern with $ lets through."""
    start_response("200 OK\n", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-no-control-chars", also=("status-no-surrounding-whitespace",))
def status_ends_in_carriage_return(environ, start_response):
    """The status ends in CR."""
    start_response("200 OK\r", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-no-control-chars")
def status_with_null(environ, start_response):
    """A NUL is in the reason."""
    start_response("200 O\x00K", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-no-control-chars")
def status_with_delete(environ, start_response):
    """DEL is a control character too."""
    start_response("200 OK\x7f", [("Content-Type", "text/plain")])
    return [b"x"]


@bad_app("status-no-control-chars")
def status_with_tab(environ, start_response):
    """A TAB is between the words of the reason."""
    start_response("404 Not\tFound", [("Content-Type", "text/plain")])
    return [b"x"]


@good_app(notes=("status-no-control-chars",))
def status_with_c1_characters(environ, start_response):
    """UTF-8 carried as Latin-1 holds characters from U+0080 to U+009F."""
    reason = "Gr\u00f6\u00dfe \u00c0".encode().decode("latin-1")
    start_response(f"404 {reason}?", [("Content-Type", "text/plain")])
    return [b"x"]
