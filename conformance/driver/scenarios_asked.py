"""Scenarios that tell an application of its request in different ways; the validator judges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.driver.case import Case, RichGateway, scenario
from conformance.driver.environs import HOSTILE, LISTED, is_optional, rich, sparse, with_fields
from conformance.driver.exchange import Exchange, same_status
from conformance.driver.memory import ABSENT, Request
from conformance.driver.watched import SeekableInput, WatchedGateway, WholeErrors

__all__: list[str] = []

FORM = (b"Content-Type", b"application/x-www-form-urlencoded")
BODY = b"name=caf%C3%A9&empty=&name=two"
ANSWERS = "a response of any status"


class WholeStreams(WatchedGateway):
    """Leaves out of environ what it may, and gives streams with all that a file has."""

    make_input: type[Any] = SeekableInput
    make_errors: type[Any] = WholeErrors


class Unbounded(WatchedGateway):
    """Asks for items until there are none, so that those beyond Content-Length are seen."""

    def satisfied(self) -> bool:
        """Never."""
        return False


@scenario("rich")
def everything_there(case: Case) -> None:
    """A browser's request, from a server that gives all it could."""
    first, second = case.site.plain()
    case.exchanges += [first, second]


@scenario("sparse")
def nothing_optional(case: Case) -> None:
    """A request of HTTP/1.0 with no header, and an environ of the required keys alone."""
    request, changes = sparse(case.request)
    bare = case.send(request, "nothing optional", changes=changes)
    steady = case.steady()
    if steady is None:
        return
    if not bare.valid:
        # What a stream lacks is another matter than what environ lacks.
        bare = case.send(request, "whole streams", changes=changes, gateway=WholeStreams)
    left_out = {name for name, value in changes.items() if value is ABSENT}
    left_out |= {*steady.facts.variables} - {*bare.facts.variables}
    judge_absence(case, sorted(left_out), bare)


def judge_absence(case: Case, names: list[str], without: Exchange) -> None:
    """Judge an exchange in which some variables were left out, where with them all was well."""
    told = names[0] if len(names) == 1 else "all that is optional"
    if without.valid or cut_short(without):
        if any(name not in LISTED for name in names):
            expected = f"{ANSWERS} without {told}"
            for rule in ("environ-presence-checked", "environ-fallback-provided"):
                case.judge(rule, False, expected, without.outcome, without)
        return
    if not case.plain_again().valid:
        return
    missed = missed_key(without, names)
    if missed and missed in LISTED:
        rule = "environ-empty-variables-tolerated"
    elif missed == "wsgi.file_wrapper":
        rule = "file-wrapper-presence-checked"
    else:
        rule = "environ-presence-checked" if missed else "environ-fallback-provided"
    expected = f"{ANSWERS} without {missed or told}"
    case.judge(rule, True, expected, without.outcome, without)


def missed_key(exchange: Exchange, names: list[str]) -> str | None:
    """Return the variable whose KeyError escaped, if it is one of those left out."""
    error = exchange.facts.escaped
    if isinstance(error, KeyError) and error.args and error.args[0] in names:
        return str(error.args[0])
    return None


def cut_short(exchange: Exchange) -> bool:
    """Whether a response had no end and the driver left."""
    return exchange.facts.cut


@scenario("empty-variables")
def empty_or_absent(case: Case) -> None:
    """Variables that may be absent where they are empty: first empty, then absent."""
    for name in LISTED:
        request, changes = rich(case.request), dict[str, Any]()
        if name == "PATH_INFO":
            # Only the place where an application is mounted has none.
            changes = {"SCRIPT_NAME": "/mount"}
        elif name != "SCRIPT_NAME" and case.site.plain()[0].facts.variables.get(name):
            continue
        empty = case.send(request, f"{name} empty", changes={**changes, name: ""})
        again = case.send(request, f"{name} empty, again", changes={**changes, name: ""})
        if not (empty.valid and same_status(empty, again)):
            continue
        without = case.send(request, f"no {name}", changes={**changes, name: ABSENT})
        broken = not same_status(empty, without) and not cut_short(without)
        if broken:
            # Once more with an empty one, since an application may change its ways by itself.
            after = case.send(request, f"{name} empty, after", changes={**changes, name: ""})
            broken = same_status(empty, after)
        case.judge(
            "environ-empty-variables-tolerated",
            broken,
            f"the same without {name} as with an empty one, {empty.outcome}",
            without.outcome,
            without,
        )


@scenario("optional-variables")
def one_left_out(case: Case) -> None:
    """Optional variables, of which one at a time is left out."""
    steady = case.steady()
    if steady is None:
        return
    names = [name for name, value in steady.facts.variables.items() if is_optional(name, value)]
    for name in sorted({*names, "wsgi.input_terminated"} - {*LISTED}):
        without = case.send(None, f"no {name}", changes={name: ABSENT})
        judge_absence(case, [name], without)


@scenario("mounted")
def below_a_prefix(case: Case) -> None:
    """An application mounted below /mount, and asked for the mount point itself."""
    case.send(rich(case.request), "below /mount", changes={"SCRIPT_NAME": "/mount"})
    root = {"SCRIPT_NAME": "/mount", "PATH_INFO": ""}
    case.send(rich(case.request), "the mount point itself", changes=root)


@scenario("hostile")
def odd_but_legal(case: Case) -> None:
    """Requests that are odd and legal: method, path, query, headers, host, version."""
    request = case.request
    path, _, query = request.target.partition(b"?")
    secure = replace(rich(request), server=("[::1]", 8443), scheme="https")
    secure.fields = [
        (name, b"[::1]:8443") if name.lower() == b"host" else (name, value)
        for name, value in secure.fields
    ]
    case.send(secure, "https, IPv6, keys of extensions", changes=HOSTILE)
    case.send(replace(rich(request), method=b"M-SEARCH"), "an odd method")
    odd_path = path.rstrip(b"/") + b"/caf%C3%A9/%FF%80//%20"
    case.send(replace(rich(request), target=odd_path), "bytes in the path that are no UTF-8")
    odd_query = path + b"?" + (query + b"&" if query else b"") + b"a=1&a=2&=&%FF&a[]=3;b"
    case.send(replace(rich(request), target=odd_query), "a repeated and broken query")
    long = (b"X-Long", b"x" * 8000)
    case.send(with_fields(request, long, (b"X-Bytes", b"caf\xe9")), "a long header")
    case.send(with_fields(request, (b"Cookie", b'a="b; c=\\"; =; d')), "a broken cookie")
    old = with_fields(request, (b"Connection", b"keep-alive"), version=b"1.0")
    case.send(old, "HTTP/1.0 that would keep the connection")


@scenario("head")
def no_body_wanted(case: Case) -> None:
    """HEAD."""
    case.send(replace(rich(case.request), method=b"HEAD"), "HEAD")


@scenario("exhausted")
def to_the_very_end(case: Case) -> None:
    """A server that goes on asking for items, also when Content-Length is reached."""
    ignored = ("content-length-stops-iterating",)
    case.send(rich(case.request), "to the end", gateway=Unbounded, ignore=ignored)


@scenario("input")
def bodies(case: Case) -> None:
    """A request body in small pieces, from an input that has the four methods and no more."""
    request = rich(case.request)
    if not request.body:
        if case.site.chosen:
            return
        request = with_fields(request, FORM)
        request = Request(
            b"POST", request.target, fields=request.fields, body=BODY, server=request.server
        )
    case.send(replace(request, parts=len(request.body)), "byte by byte")
    case.send(replace(request, parts=2), "an input with everything", gateway=RichGateway)
    chunked = replace(request, parts=3)
    chunked.fields = [
        *(field for field in request.fields if field[0].lower() != b"content-length"),
        (b"Transfer-Encoding", b"chunked"),
    ]
    case.send(chunked, "of no announced length")
