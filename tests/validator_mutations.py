"""What can be wrong with an exchange: each mutation makes a valid one break one rule."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from validator_exchanges import Exchange, Start

from conformance.driver.memory import MemoryGateway

# Draws a value for one of these: a position, a choice.
Pick = Callable[[int], int]


@dataclass(frozen=True)
class Mutation:
    """One fault.

    Attributes:
        name: of the function that makes it.
        rule: that it breaks; ``also``: others of which one is as good a name for it.
        party: at fault.
        apply: changes an exchange in place; ``pick(n)`` gives it a number below n.
        gateway: the server to run it with.
    """

    name: str
    rule: str
    party: str
    apply: Callable[[Exchange, Pick], None]
    gateway: type[MemoryGateway] = MemoryGateway
    also: tuple[str, ...] = ()

    @property
    def rules(self) -> set[str]:
        """The rules one of which has to be named."""
        return {self.rule, *self.also}


MUTATIONS: dict[str, Mutation] = {}
APPLICATION, SERVER = "application", "server"


def mutation(rule: str, *also: str) -> Callable[[Any], Any]:
    """Declare a fault of the application's, named after the function."""

    def decorate(apply: Callable[[Exchange, Pick], None]) -> Any:
        name = apply.__name__
        MUTATIONS[name] = Mutation(name, rule, APPLICATION, apply, also=also)
        return apply

    return decorate


def plain(made: Exchange) -> None:
    """Make an exchange one that is answered for sure, with a body, by a plain application."""
    made.request = {**made.request, "method": b"GET", "gone_after": None}
    made.deferred = made.restart = False
    made.status, made.shape, made.writes, made.blocks = "200 OK", "list", [], [b"block", b"block"]
    made.headers = [(name, value) for name, value in made.headers if name != "Content-Length"]


def called(made: Exchange) -> None:
    """Make sure that start_response is called with just the exchange's status and headers."""
    made.request = {**made.request, "gone_after": None}
    made.restart = False
    if made.status.startswith("304"):
        plain(made)


def put(text: str, part: str, pick: Pick, start: int = 0) -> str:
    """Return a text with a part put in, not before ``start``."""
    place = start + pick(len(text) - start + 1)
    return text[:place] + part + text[place:]


def one_of(pick: Pick, *choices: Any) -> Any:
    return choices[pick(len(choices))]


def inside(made: Exchange, item: Any, pick: Pick) -> None:
    """Put an item among the headers."""
    made.headers.insert(pick(len(made.headers) + 1), item)


# The status


@mutation("status-native-str")
def status_of_another_type(made: Exchange, pick: Pick) -> None:
    called(made)
    made.status = one_of(pick, made.status.encode("latin-1"), 200, None, ("200", "OK"))


@mutation("status-code-three-digits", "status-code-and-reason")
def status_code_wrong(made: Exchange, pick: Pick) -> None:
    called(made)
    code = one_of(pick, "20", "2000", "2O0", "\uff12\uff10\uff10", "\u00b2\u00b2\u00b2", "+20", "")
    made.status = code + made.status[3:]


@mutation("status-code-and-reason")
def status_without_reason(made: Exchange, pick: Pick) -> None:
    called(made)
    made.status = made.status[: 3 + pick(2)]


@mutation("status-single-space")
def status_with_two_spaces(made: Exchange, pick: Pick) -> None:
    called(made)
    made.status = made.status[:4] + " " * (1 + pick(3)) + made.status[4:]


@mutation("status-no-surrounding-whitespace")
def status_with_space_behind(made: Exchange, pick: Pick) -> None:
    called(made)
    made.status += " " * (1 + pick(3))


@mutation("status-no-control-chars")
def status_with_control_character(made: Exchange, pick: Pick) -> None:
    called(made)
    made.status = put(made.status, one_of(pick, "\r\n", "\n", "\r", "\0", "\t", "\x7f"), pick, 4)


@mutation("status-latin1-only")
def status_beyond_latin1(made: Exchange, pick: Pick) -> None:
    called(made)
    made.status = put(made.status, one_of(pick, "\u0100", "\u20ac", "\U0001f600"), pick, 4)


@mutation("http-expect-left-to-server")
def status_continue(made: Exchange, pick: Pick) -> None:
    called(made)
    made.status = "100 Continue"


# The headers


@mutation("headers-exact-list")
def headers_of_another_type(made: Exchange, pick: Pick) -> None:
    called(made)
    kind = one_of(pick, tuple, type("Headers", (list,), {}), iter, lambda headers: None)
    made.headers = kind(made.headers)


@mutation("headers-two-tuples")
def header_is_no_pair(made: Exchange, pick: Pick) -> None:
    called(made)
    inside(made, one_of(pick, ["X", "1"], ("X",), ("X", "1", "2"), "X1", None), pick)


@mutation("headers-name-native-str")
def header_name_of_another_type(made: Exchange, pick: Pick) -> None:
    called(made)
    inside(made, (one_of(pick, b"X", None, 1), "1"), pick)


@mutation("headers-value-native-str")
def header_value_of_another_type(made: Exchange, pick: Pick) -> None:
    called(made)
    inside(made, ("X", one_of(pick, b"1", None, 1)), pick)


@mutation("headers-name-token")
def header_name_no_token(made: Exchange, pick: Pick) -> None:
    called(made)
    name = put("X-Name", one_of(pick, " ", "\u00e9", "(", "/", '"', "\x7f"), pick)
    inside(made, (one_of(pick, name, name, name, ""), "1"), pick)


@mutation("headers-name-no-colon", "headers-name-token")
def header_name_with_colon(made: Exchange, pick: Pick) -> None:
    called(made)
    inside(made, ("X:", "1"), pick)


@mutation("headers-value-no-control-chars")
def header_value_with_control_character(made: Exchange, pick: Pick) -> None:
    called(made)
    char = one_of(pick, "\r\n", "\n", "\r", "\0", "\x0b", "\x1f", "\x7f", "\r\n ")
    inside(made, ("X", put("value", char, pick)), pick)


@mutation("headers-latin1-only")
def header_beyond_latin1(made: Exchange, pick: Pick) -> None:
    called(made)
    inside(made, ("X", put("value", one_of(pick, "\u0100", "\u20ac"), pick)), pick)


@mutation("http-hop-headers-not-sent")
def header_hop_by_hop(made: Exchange, pick: Pick) -> None:
    called(made)
    name = one_of(pick, "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Proxy-Authenticate")
    inside(made, (one_of(pick, name, name.lower(), name.upper()), "chunked"), pick)


@mutation("http-persistence-headers-not-sent", "http-hop-headers-not-sent")
def header_connection(made: Exchange, pick: Pick) -> None:
    called(made)
    inside(made, ("Connection", "close"), pick)


# Calls


def starting(rule: str, *also: str) -> Callable[[Any], Any]:
    """Declare a fault in how start_response is called: a function of exchange and callable."""

    def decorate(start: Callable[[Exchange, Start], Any]) -> Any:
        def apply(made: Exchange, pick: Pick) -> None:
            plain(made)
            made.start = start

        name = start.__name__
        MUTATIONS[name] = Mutation(name, rule, APPLICATION, apply, also=also)
        return start

    return decorate


@starting("start-response-before-body", "start-response-always-called")
def never_starts(made: Exchange, start_response: Start) -> None:
    """Do not call it."""


@starting("start-response-no-second-call")
def starts_again(made: Exchange, start_response: Start) -> Any:
    start_response(made.status, made.headers)
    return start_response(made.status, made.headers)


@starting("start-response-called-positionally")
def starts_by_keyword(made: Exchange, start_response: Start) -> Any:
    return start_response(status=made.status, headers=made.headers)


@starting("start-response-exc-info-tuple")
def starts_with_exception(made: Exchange, start_response: Start) -> Any:
    return start_response("500 Sorry", made.headers, LookupError())


@starting("start-response-exc-info-tuple")
def starts_with_two_of_three(made: Exchange, start_response: Start) -> Any:
    return start_response("500 Sorry", made.headers, (LookupError, LookupError()))


@starting("write-argument-bytes")
def writes_text(made: Exchange, start_response: Start) -> None:
    start_response(made.status, made.headers)("text")


@starting("write-argument-bytes")
def writes_bytearray(made: Exchange, start_response: Start) -> None:
    start_response(made.status, made.headers)(bytearray(b"data"))


@starting("write-called-positionally")
def writes_by_keyword(made: Exchange, start_response: Start) -> None:
    start_response(made.status, made.headers)(data=b"data")


@starting("write-called-positionally")
def writes_two(made: Exchange, start_response: Start) -> None:
    start_response(made.status, made.headers)(b"data", b"data")


@starting("content-length-not-exceeded")
def writes_too_much(made: Exchange, start_response: Start) -> None:
    start_response(made.status, [*made.headers, ("Content-Length", "3")])(b"data")


@starting("start-response-error-not-trapped", "start-response-error-propagates")
def traps_late_error(made: Exchange, start_response: Start) -> Any:
    write = start_response(made.status, made.headers)
    write(b"data")
    try:
        raise LookupError("trapped")
    except LookupError:
        try:
            start_response("500 Sorry", [], sys.exc_info())
        except LookupError:
            return write


# The body


@mutation("iterable-yields-bytes")
def block_of_another_type(made: Exchange, pick: Pick) -> None:
    plain(made)
    made.shape = one_of(pick, "list", "tuple", "generator", "closed", "own iterator", "indexed")
    wrong = one_of(pick, "text", bytearray(b"data"), memoryview(b"data"), 1, None, [b"data"])
    made.blocks.insert(pick(len(made.blocks) + 1), wrong)


@mutation("app-returns-iterable")
def result_not_iterable(made: Exchange, pick: Pick) -> None:
    plain(made)
    wrong = one_of(pick, None, 5, object(), True)
    made.result = lambda environ, result: wrong


@mutation("iterable-len-accurate")
def length_wrong(made: Exchange, pick: Pick) -> None:
    plain(made)
    made.result = lambda environ, result: Miscounted(result)


class Miscounted:
    """An iterable that is longer than it says."""

    def __init__(self, blocks: Any) -> None:
        self.blocks = blocks

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Any:
        return iter(self.blocks)


@mutation("write-not-from-iterable")
def writes_while_iterating(made: Exchange, pick: Pick) -> None:
    plain(made)
    kept: list[Any] = []

    def start(made: Exchange, start_response: Start) -> None:
        kept.append(start_response(made.status, made.headers))

    def generate(environ: Any, blocks: Any) -> Any:
        yield from blocks
        kept[-1](b"data")

    made.start, made.result = start, generate


@mutation("content-length-not-exceeded")
def body_too_long(made: Exchange, pick: Pick) -> None:
    plain(made)
    made.shape = one_of(pick, "list", "generator", "closed")
    made.headers.append(("Content-Length", str(one_of(pick, 3, 9, 0))))
    if made.headers[-1][1] != "9":
        made.blocks = [b"block"]


@mutation("content-length-delivered-in-full")
def body_too_short(made: Exchange, pick: Pick) -> None:
    plain(made)
    made.shape = one_of(pick, "list", "generator", "closed")
    made.headers.append(("Content-Length", str(11 + pick(9))))


@mutation("iterable-no-bare-file")
def result_is_file(made: Exchange, pick: Pick) -> None:
    plain(made)
    made.result = lambda environ, result: io.BytesIO(b"line\nline")
