"""Applications and the list of headers that they pass to start_response."""

from __future__ import annotations

from collections import deque, namedtuple
from contextlib import suppress
from wsgiref.headers import Headers

from conformance.driver.twins import bad_app, good_app

Header = namedtuple("Header", "name value")


class HeaderList(list):
    """A list with more methods."""


class SafeText(str):
    """A str that template engines trust."""

    __slots__ = ()


class Lazy:
    """Text that is made when it is looked at."""

    def __str__(self) -> str:
        return "en"


# The list


@bad_app("headers-exact-list")
def headers_in_tuple(environ, start_response):
    """The headers are a tuple."""
    start_response("200 OK", (("Content-Type", "text/plain"),))
    return [b"x"]


@bad_app("headers-exact-list")
def headers_in_dict_items(environ, start_response):
    """The headers are the items of a dict."""
    start_response("200 OK", {"Content-Type": "text/plain"}.items())
    return [b"x"]


@bad_app("headers-exact-list")
def headers_in_dict(environ, start_response):
    """The headers are a dict."""
    start_response("200 OK", {"Content-Type": "text/plain"})
    return [b"x"]


@bad_app("headers-exact-list")
def headers_in_subclass_of_list(environ, start_response):
    """The headers are in a subclass of list."""
    start_response("200 OK", HeaderList([("Content-Type", "text/plain")]))
    return [b"x"]


@bad_app("headers-exact-list")
def headers_in_generator(environ, start_response):
    """The headers are a generator."""
    start_response("200 OK", (pair for pair in [("Content-Type", "text/plain")]))
    return [b"x"]


@bad_app("headers-exact-list")
def headers_in_deque(environ, start_response):
    """The headers are a deque."""
    start_response("200 OK", deque([("Content-Type", "text/plain")]))
    return [b"x"]


@bad_app("headers-exact-list")
def headers_in_header_object(environ, start_response):
    """The headers are the object that holds the list, not the list."""
    start_response("200 OK", Headers([("Content-Type", "text/plain")]))
    return [b"x"]


@bad_app("headers-exact-list")
def headers_none(environ, start_response):
    """The headers are None, as there are none."""
    start_response("200 OK", None)
    return [b"x"]


@good_app("headers-exact-list")
def headers_empty(environ, start_response):
    """There are no headers at all."""
    start_response("200 OK", [])
    return []


@bad_app("headers-two-tuples")
def headers_of_lists(environ, start_response):
    """Each header is a list."""
    start_response("200 OK", [["Content-Type", "text/plain"]])
    return [b"x"]


@bad_app("headers-two-tuples")
def headers_of_three(environ, start_response):
    """One header is a tuple of three."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A", "a", "b")])
    return [b"x"]


@bad_app("headers-two-tuples")
def headers_of_one(environ, start_response):
    """One header is a tuple of one."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A",)])
    return [b"x"]


@bad_app("headers-two-tuples")
def headers_of_str(environ, start_response):
    """One header is a str of two characters, which can be unpacked like a pair."""
    start_response("200 OK", [("Content-Type", "text/plain"), "XY"])
    return [b"x"]


@bad_app("headers-two-tuples")
def headers_of_lines(environ, start_response):
    """One header is a whole line."""
    start_response("200 OK", ["Content-Type: text/plain"])
    return [b"x"]


@bad_app("headers-two-tuples")
def headers_of_none(environ, start_response):
    """None is among the headers."""
    start_response("200 OK", [("Content-Type", "text/plain"), None])
    return [b"x"]


@bad_app("headers-two-tuples", level="SHOULD")
def headers_of_namedtuples(environ, start_response):
    """Each header is a namedtuple."""
    start_response("200 OK", [Header("Content-Type", "text/plain")])
    return [b"x"]


# Types


@bad_app("headers-name-native-str", also=("http-content-type-present",))
def name_in_bytes(environ, start_response):
    """A name is bytes."""
    start_response("200 OK", [("Content-Type", "text/plain"), (b"X-A", "a")])
    return [b"x"]


@bad_app("headers-name-native-str")
def name_none(environ, start_response):
    """A name is None."""
    start_response("200 OK", [("Content-Type", "text/plain"), (None, "a")])
    return [b"x"]


@bad_app("headers-name-native-str", level="SHOULD")
def name_in_subclass_of_str(environ, start_response):
    """A name is of a subclass of str."""
    start_response("200 OK", [("Content-Type", "text/plain"), (SafeText("X-A"), "a")])
    return [b"x"]


@bad_app("headers-value-native-str", also=("http-content-length-valid",))
def value_length_as_number(environ, start_response):
    """Content-Length is an int."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", 1)])
    return [b"x"]


@bad_app("headers-value-native-str")
def value_in_bytes(environ, start_response):
    """A value is bytes."""
    start_response("200 OK", [("Content-Type", b"text/plain")])
    return [b"x"]


@bad_app("headers-value-native-str")
def value_none(environ, start_response):
    """A value is None."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-A", None)])
    return [b"x"]


@bad_app("headers-value-native-str")
def value_lazy(environ, start_response):
    """A value is an object that only str() makes text of."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Language", Lazy())])
    return [b"x"]


@bad_app("headers-value-native-str", level="SHOULD")
def value_in_subclass_of_str(environ, start_response):
    """A value is of a subclass of str."""
    start_response("200 OK", [("Content-Type", SafeText("text/plain"))])
    return [b"x"]


@good_app("headers-name-native-str", "headers-value-native-str")
def names_and_values_decoded(environ, start_response):
    """Names and values are made of bytes, numbers and objects of any kind."""
    start_response(
        "200 OK",
        [
            (b"Content-Type".decode("ascii"), str(SafeText("text/plain").encode(), "ascii")),
            ("Content-Length", str(1)),
            ("Content-Language", str(Lazy())),
        ],
    )
    return [b"x"]


@good_app("headers-exact-list", "headers-list-not-reused", times=2)
def headers_changed_later(environ, start_response):
    """The application goes on using its list after the call."""
    headers = [("Content-Type", "text/plain")]
    start_response("200 OK", headers)
    headers.append(("X-A", "too late"))
    return [b"x"]


# All together


@bad_app("headers-exact-list", "status-native-str", "iterable-yields-bytes")
def three_rules_at_once(environ, start_response):
    """Status, headers and body are wrong together: a first finding hides no second."""
    with suppress(Exception):
        start_response(b"200 OK", (("Content-Type", "text/plain"),))
    return ["x"]


@good_app(notes=("headers-list-not-reused",), times=2)
def headers_in_one_list_for_all(environ, start_response):
    """Two requests get the same list object, which by itself proves nothing."""
    start_response("200 OK", SHARED)
    return [b"x"]


SHARED = [("Content-Type", "text/plain")]


@good_app("headers-list-not-reused", times=3)
def headers_in_new_list_each_time(environ, start_response):
    """Each request gets a list of its own, though at an address that may recur."""
    start_response("200 OK", list(SHARED))
    return [b"x"]
