"""Legal requests made up by Hypothesis, and the least of them that shows each new finding.

Hypothesis is imported only when requests are made up; to send a stored one again it is not needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_to_bytes

from conformance.driver.case import Case, RichGateway, Site
from conformance.driver.check import Found, Played, Target, judge, outcome_at
from conformance.driver.environs import HOSTILE, sparse
from conformance.driver.exchange import Driver, Exchange, Gone
from conformance.driver.memory import Request
from conformance.driver.watched import WatchedGateway
from conformance.driver.worker import TRAPPED, Order, known_as

__all__ = ["ENVIRONS", "ReplayError", "read_replay", "run"]

ENVIRONS = ("plain", "rich", "sparse", "mounted", "https")
ROUNDS = 5
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
TARGET = re.compile(r"/[!-~]*")
SIMPLEST: Mapping[str, Any] = {
    "method": "GET",
    "target": "/",
    "headers": [],
    "body": "",
    "parts": 1,
    "chunked": False,
    "environ": "plain",
    "gone_after": None,
}
NAMES = (
    *("Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cookie", "Origin"),
    *("If-Modified-Since", "If-None-Match", "If-Range", "Range", "Referer", "User-Agent"),
    *("Cache-Control", "X-Forwarded-For", "X-Requested-With", "X-Http-Method-Override"),
)
VALUES = (
    *("*/*", "text/html", "application/json", "gzip, br;q=0", "en", "a=1", 'a="b; c"', "*"),
    *("bytes=0-0", "bytes=-1", "bytes=5-2", "Basic dTpw", "Basic ?", "Bearer x", "no-cache"),
    *("Thu, 01 Jan 1970 00:00:00 GMT", '"x"', 'W/"x"', "127.0.0.1, ::1", "http://a/", "DELETE"),
)
KINDS = (
    *("application/x-www-form-urlencoded", "application/json", "text/plain; charset=utf-8"),
    *("multipart/form-data; boundary=x", "multipart/form-data", "application/octet-stream"),
)

METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "QUERY", "get")
QUERIES = ("", "?", "?a=1", "?a=1&a=2", "?=&&", "?a[]=%00", "?a=%FF", "?q=%", "?page=-1")


class ReplayError(ValueError):
    """Not a stored request."""


class _Broken(Exception):
    """What the property fails with."""


def read_replay(line: str) -> dict[str, Any]:
    """Return the request that a line stores.

    Errors:
        ReplayError: it is not such a line.
    """
    try:
        stored = json.loads(line)
        if not isinstance(stored, dict) or not {*stored} <= {*SIMPLEST}:
            raise ValueError("not an object with " + ", ".join(SIMPLEST))
        whole = {**SIMPLEST, **stored}
        if not (TOKEN.fullmatch(whole["method"]) and TARGET.fullmatch(whole["target"])):
            raise ValueError("no method or no path")
        if whole["environ"] not in ENVIRONS:
            raise ValueError(f"environ is one of {', '.join(ENVIRONS)}")
        made(whole)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ReplayError(f"not a line that --fuzz printed: {error}") from error
    return whole


def store(whole: Mapping[str, Any]) -> str:
    """Return the line that stores a request: what differs from the simplest one."""
    different = {key: value for key, value in whole.items() if value != SIMPLEST[key]}
    return json.dumps(different, separators=(",", ":"))


def made(whole: Mapping[str, Any]) -> Request:
    """Return the request that is meant."""
    body = whole["body"].encode("latin-1")
    fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in whole["headers"]]
    if whole["chunked"]:
        fields.append((b"Transfer-Encoding", b"chunked"))
    return Request(
        whole["method"].encode("ascii"),
        whole["target"].encode("ascii"),
        fields=fields,
        body=body,
        parts=int(whole["parts"]),
        gone_after=whole["gone_after"],
        scheme="https" if whole["environ"] == "https" else "http",
    )


def send(driver: Driver, whole: Mapping[str, Any]) -> Exchange:
    """Send a stored request."""
    request = made(whole)
    changes: dict[str, Any] | None = None
    gateway: type[WatchedGateway] = WatchedGateway
    kind = whole["environ"]
    if kind == "rich":
        gateway = RichGateway
    elif kind == "sparse":
        request, changes = sparse(request)
    elif kind == "mounted":
        changes = {"SCRIPT_NAME": "/mount"}
    elif kind == "https":
        changes = dict(HOSTILE)
    return driver.exchange(request, f"made up, {kind} environ", gateway=gateway, changes=changes)


def run(
    driver: Driver, order: Order, targets: Sequence[Target], doing: dict[str, Any]
) -> Iterator[Played]:
    """Send what was ordered: one stored request, or many made-up ones.

    Args:
        doing: kept up to date with the request that is being sent, for whoever has to tell of it.
    """
    if order.replay is not None:
        whole = read_replay(order.replay)
        doing["request"] = order.replay
        yield from told(driver, order, [(whole, None)])
        return
    yield from Search(driver, order, targets, doing).run()


def told(
    driver: Driver,
    order: Order,
    wholes: Sequence[tuple[Mapping[str, Any], str | None]],
) -> Iterator[Played]:
    """Send requests once more and tell what is found, of each all rules or one."""
    for whole, rule in wholes:
        played = Played("fuzz", "", requests=1)
        case = Case(Site(driver, made(SIMPLEST)))
        try:
            case.exchanges.append(send(driver, whole))
        except Gone as error:
            case.exchanges.append(error.exchange)
            name = type(error.error).__name__
            played.gone = {"error": f"{name}: {error.error}", "request": store(whole)}
        judge(case, played)
        if rule is not None:
            played.found = [found for found in played.found if found.rule == rule]
        kept = [
            Found(**{**vars(found), "replay": store(whole)}) if found.outcome != "pass" else found
            for found in played.found
        ]
        played.found = kept
        yield played


class Search:
    """Makes requests up until there are enough, or enough is found.

    Args:
        driver, order, targets, doing: as for ``run``.
    """

    def __init__(
        self, driver: Driver, order: Order, targets: Sequence[Target], doing: dict[str, Any]
    ) -> None:
        self.driver = driver
        self.order = order
        self.doing = doing
        self.targets = [target.request.target.decode("ascii") for target in targets]
        self.known = set(order.known)
        self.least: dict[str, Mapping[str, Any]] = {}
        self.asked: str | None = None
        self.failing: Mapping[str, Any] | None = None
        self.gone: Mapping[str, Any] | None = None

    def run(self) -> Iterator[Played]:
        """Search, then send once more what was found."""
        before = self.driver.requests
        found: list[tuple[Mapping[str, Any], str | None]] = []
        for attempt in range(ROUNDS):
            left = self.order.fuzz - (self.driver.requests - before)
            if left <= 0:
                break
            self.asked = self.failing = None
            self.attempt(left, self.order.seed + attempt)
            if self.gone is not None:
                self.doing["request"] = store(self.gone)
                yield from told(self.driver, self.order, [(self.gone, None)])
                return
            if self.asked is None or self.failing is None:
                break
            found.append((self.failing, self.asked))
            self.known.add(self.asked)
        spent = Played("fuzz", "", requests=self.driver.requests - before)
        yield spent
        found += [
            (whole, key.partition(" ")[0])
            for key, whole in self.least.items()
            if key not in self.known
        ]
        yield from told(self.driver, self.order, found)

    def attempt(self, examples: int, seed: int) -> None:
        """Run the property once; what it fails with is left in ``failing`` and ``asked``."""
        import hypothesis
        from hypothesis import reporting

        settings = hypothesis.settings(
            max_examples=examples,
            database=None,
            deadline=None,
            print_blob=False,
            report_multiple_bugs=False,
            suppress_health_check=list(hypothesis.HealthCheck),
            verbosity=hypothesis.Verbosity.quiet,
            phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        )
        given: Any = hypothesis.given(self.requests())
        prop = hypothesis.seed(seed)(settings(given(self.one)))
        # A flaky one has failed at least once; what it was is kept.
        quiet = reporting.with_reporter(lambda text: None)
        with quiet, suppress(_Broken, hypothesis.errors.Flaky):
            prop()

    def one(self, whole: dict[str, Any]) -> None:
        """Send one request; the first rule it shows to be broken is looked for ever after."""
        if self.gone is not None:
            return
        self.doing["request"] = store(whole)
        try:
            exchange = send(self.driver, whole)
        except Gone:
            self.gone = whole
            return
        broken: list[str] = []
        for finding in exchange.findings:
            key = known_as(finding.rule, finding.location or finding.observed)
            if key in self.known or finding.party == "server":
                continue
            if outcome_at(finding.level) == "fail":
                broken.append(finding.rule)
            elif finding.rule == TRAPPED or outcome_at(finding.level) == "warn":
                self.keep_least(key, whole)
        if self.asked is None and broken:
            self.asked = broken[0]
        if self.asked in broken:
            self.failing = whole
            raise _Broken(self.asked)

    def keep_least(self, key: str, whole: Mapping[str, Any]) -> None:
        """Keep the shortest request that showed something."""
        old = self.least.get(key)
        if old is None or len(store(whole)) < len(store(old)):
            self.least[key] = whole

    def requests(self) -> Any:
        """Return the strategy: any legal request, the simplest first."""
        from hypothesis import strategies as st

        token = st.from_regex(r"[A-Za-z!#$%&'*+.^|~-]{1,8}", fullmatch=True)
        visible = st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_categories=["Cc"])
        text = st.text(visible | st.just(" "), max_size=20).map(lambda value: value.strip(" \xa0"))
        known = st.sampled_from(NAMES)
        # Said twice, it comes more often: a made-up name has less to show.
        names = st.one_of(known, known.map(str.lower), token.map(lambda name: "X-" + name))
        headers = st.lists(st.tuples(names, st.sampled_from(VALUES) | text).map(list), max_size=4)
        segment = st.binary(max_size=6).map(quoted)
        kinds = st.sampled_from(KINDS)
        query = st.sampled_from(QUERIES) | (
            st.binary(max_size=10).map(lambda value: "?" + quoted(value))
        )
        bases = st.sampled_from([each.partition("?")[0] for each in self.targets])
        paths = bases | st.builds(
            lambda base, more: base.rstrip("/") + "/" + "/".join(more),
            bases,
            st.lists(segment, max_size=3),
        )
        methods = st.sampled_from(METHODS)

        def whole(
            method: str,
            path: str,
            query: str,
            headers: list[list[str]],
            body: bytes,
            kind: str,
            parts: int,
            chunked: bool,
            environ: str,
            gone: int | None,
        ) -> dict[str, Any]:
            once = {name.lower(): [name, value] for name, value in headers}
            fields = [*once.values()]
            if body:
                fields.append(["Content-Type", kind])
            # A client of HTTP/1.0, which the sparse environ tells of, has no chunks.
            coded = bool(chunked and body and environ != "sparse")
            return {
                "method": method,
                "target": path + query,
                "headers": fields,
                "body": body.decode("latin-1"),
                "parts": parts if body else 1,
                "chunked": coded,
                "environ": environ,
                "gone_after": gone,
            }

        return st.builds(
            whole,
            methods,
            paths,
            query,
            headers,
            st.just(b"") | st.binary(max_size=40) | st.sampled_from((b"a=1&b=%FF", b'{"a": [1]}')),
            kinds,
            st.integers(1, 5),
            st.booleans(),
            st.sampled_from(ENVIRONS),
            st.none() | st.integers(0, 2),
        )


def quoted(value: bytes) -> str:
    """Return bytes as part of a path, those that need it percent-encoded."""
    text = "".join(chr(one) if chr(one).isalnum() and one < 128 else f"%{one:02X}" for one in value)
    assert unquote_to_bytes(text) == value
    return text
