"""What the scenes of a middleware work with: they play requests and make claims about rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from conformance.driver.ledger import Ledger
from conformance.driver.memory import Request
from conformance.driver.sandwich import Played, Wrap, play
from conformance.driver.sandwich_below import Behaviour
from conformance.paths import PACKAGE
from conformance.validation import Finding

__all__ = ["HTML", "LATE", "PLAIN", "TEXT", "Bench", "Scene", "is_nothing", "scene"]

HTML = ("Content-Type", "text/html; charset=utf-8")
PLAIN = ("Content-Type", "text/plain; charset=utf-8")
LATE = "an application that starts its response in its first step"
# Long and repetitive enough for compression to be worth while, with all that a page has.
TEXT = (
    b"<!doctype html><html><head><title>A page</title></head><body>"
    + b"<p>Some text of a page, in paragraphs of one kind.</p>" * 40
    + b"</body></html>"
)

ANY = "middleware-conforms-both-sides"
STRINGS = "middleware-strings-native"
# What a validator's rule is called where a middleware is bound by it; the first that fits.
UPPER_RULES = (
    ("start-response-called-positionally", "middleware-calls-positionally"),
    ("write-called-positionally", "middleware-calls-positionally"),
    ("status-native-str", STRINGS),
    ("status-latin1-only", STRINGS),
    ("headers-*-native-str", STRINGS),
    ("headers-latin1-only", STRINGS),
    ("headers-list-not-reused", ANY),
    ("status-*", "middleware-response-well-formed"),
    ("headers-*", "middleware-response-well-formed"),
    ("http-hop-headers-not-sent", "middleware-hop-headers-not-sent"),
    ("http-hop-features-not-used", "middleware-hop-features-not-used"),
    ("http-http10-equivalents-not-used", "middleware-hop-features-not-used"),
    ("http-body-not-transfer-coded", "middleware-hop-features-not-used"),
    ("http-persistence-headers-not-sent", "middleware-persistence-headers-not-sent"),
)
LOWER_RULES = (
    ("app-called-with-two-args", "middleware-calls-positionally"),
    ("app-called-positionally", "middleware-calls-positionally"),
    ("environ-builtin-dict", "middleware-environ-builtin-dict"),
    ("environ-keys-native-str", STRINGS),
    ("unicode-environ-*", STRINGS),
    ("start-response-third-arg", "middleware-accepts-third-argument"),
)
# The scenes themselves tell these, by their causes.
SCENES_TELL = (
    "buffering-",
    "close-",
    "errors-trapped-by-application",
    "start-response-error-returns-write",
    "start-response-returns-write",
)


def renamed(finding: Finding, names: tuple[tuple[str, str], ...]) -> str:
    """Return the middleware's rule for a validator's finding."""
    return next((name for glob, name in names if fnmatchcase(finding.rule, glob)), ANY)


@dataclass(kw_only=True)
class Bench(Ledger):
    """The middleware, and all that was found so far.

    Attributes:
        wrap: the middleware.
        target: of most requests. prefix: of the URLs it routes, or an empty string.
        timed: called before every request, so that a watch can be set.
        scene: the one that is being played. requests: how many were sent.
        plain: whether an ordinary request came out well; None before there was one.
        changes: media types whose bodies the middleware changes.
        swallows: whether it lets a late start_response with exc_info return.
        foreign: findings about the harness itself.
    """

    wrap: Wrap
    target: bytes = b"/"
    prefix: str = ""
    timed: Callable[[], None] | None = None
    scene: str = ""
    requests: int = 0
    plain: Played | None = None
    changes: set[str] = field(default_factory=set)
    swallows: bool = False
    foreign: list[Finding] = field(default_factory=list)
    kept: list[Played] = field(default_factory=list)

    def request(
        self,
        method: bytes = b"GET",
        fields: list[tuple[bytes, bytes]] | None = None,
        body: bytes = b"",
        gzip: bool = False,
    ) -> Request:
        """Return a request for the target; ``gzip`` says that its client takes that coding."""
        fields = list(fields or [])
        if gzip:
            fields.append((b"Accept-Encoding", b"gzip, deflate"))
        return Request(method, self.target, fields=fields, body=body)

    def play(
        self,
        behave: Behaviour,
        label: str,
        *,
        request: Request | None = None,
        judged: bool = True,
        validators: bool = True,
        **options: Any,
    ) -> Played:
        """Send a request through the middleware.

        Args:
            judged: whether what the validators find is the middleware's, as the two sides are
                clean; and whether an exception of its own is a fault of it.
            options: of ``sandwich.play``.
        """
        self.requests += 1
        if self.timed:
            self.timed()
        label = f"{self.scene}: {label}" if label else self.scene
        played = play(
            self.wrap,
            behave,
            label,
            request=request or self.request(),
            validators=validators,
            **options,
        )
        self.kept.append(played)
        if judged:
            self.foreign += played.foreign
            self.take_findings(played)
        return played

    def take_findings(self, played: Played) -> None:
        """Make claims of what the two validators found."""
        sides = (("server", played.upper, UPPER_RULES), ("application", played.lower, LOWER_RULES))
        for side, findings, names in sides:
            for finding in findings:
                rule = renamed(finding, names)
                if finding.rule.startswith("content-length-") and side == "server":
                    changed = decoded_differs(played)
                    rule = "middleware-transform-fixes-length" if changed else ANY
                if rule == ANY and finding.rule in (
                    "iterable-yields-bytes",
                    "write-argument-bytes",
                ):
                    continue  # a claim of the scenes: it may be of several rules
                if finding.rule.startswith(SCENES_TELL) or finding.rule.endswith("-supported"):
                    continue
                errors = any(start.with_error for start in played.below.starts)
                if errors and finding.rule.startswith("start-response-"):
                    continue
                if finding.rule == "write-not-from-iterable" and not played.below.writes:
                    continue  # so does the scene of write()
                ours = finding.location.startswith(str(PACKAGE))
                where = f" at {finding.location}" if finding.location and not ours else ""
                self.claim(
                    rule,
                    False,
                    f"towards the {side}: {finding.expected}",
                    f"{finding.observed}{where} ({finding.rule})",
                    played,
                    finding.level,
                )

    def fine(
        self, played: Played, rule: str = ANY, what: str = "", level: str | None = None
    ) -> bool:
        """Claim that a request that a conforming application answers is answered.

        Args:
            rule: what is broken where the middleware raises instead.
            what: what the application does that is legal.
        """
        given = [str(start.status)[:3] for start in played.below.starts]
        # Some make a page of any exception, their own ones too.
        failed = played.error is not None or (played.status[:3] == "500" and "500" not in given)
        expected = f"an answer, and no error of the middleware's, for {what or 'what is legal'}"
        return self.claim(
            rule, not failed, expected, played.outcome(), played, level, exercised=rule != ANY
        )


def is_nothing(item: Any) -> bool:
    """Whether an item stands for b'' and is not it: None, or an empty str."""
    return item is None or (isinstance(item, str) and not item)


def decoded_differs(played: Played) -> bool:
    """Whether the bytes that reached the server are others than the application gave."""
    return bool(played.body != played.below.notes.get("body", played.body))


Scene = Callable[[Bench], None]


def scene(name: str) -> Callable[[Scene], Scene]:
    """Give a scene its name."""

    def declare(function: Scene) -> Scene:
        function.scene = name  # type: ignore[attr-defined]
        return function

    return declare
