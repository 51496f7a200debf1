"""What a scenario works with: it sends requests and says what it makes of the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from conformance.driver.environs import RICH, rich
from conformance.driver.exchange import Driver, Exchange, same_status
from conformance.driver.memory import Request
from conformance.driver.watched import SeekableInput, WatchedGateway, WholeErrors

__all__ = ["SCENARIOS", "Case", "Judgement", "RichGateway", "Scenario", "Site", "scenario"]


class RichGateway(WatchedGateway):
    """Gives everything that a generous server gives."""

    make_input: type[Any] = SeekableInput
    make_errors: type[Any] = WholeErrors

    def environ(self) -> dict[str, Any]:
        """Return an environ with more in it, but for what the exchange changes."""
        environ = super().environ()
        for key, value in RICH.items():
            if key not in self.changes:
                environ[key] = value
        return environ


@dataclass
class Judgement:
    """What a scenario itself makes of a rule that no look at one exchange can judge.

    Attributes:
        broken: whether the rule does not hold. exchange: the one that shows it.
        level: a weaker level than the rule's own for this observation, or None.
    """

    rule: str
    broken: bool
    expected: str
    observed: str
    exchange: Exchange
    level: str | None = None


class Site:
    """One URL of the application, with the plain exchanges that others are compared with."""

    def __init__(self, driver: Driver, request: Request, chosen: bool = False) -> None:
        self.driver = driver
        self.request = request
        self.chosen = chosen
        self._plain: tuple[Exchange, Exchange] | None = None

    def plain(self) -> tuple[Exchange, Exchange]:
        """Return two exchanges of the very same request, in which nothing was unusual."""
        if self._plain is None:
            request = rich(self.request)
            first = self.driver.exchange(request, "plain", gateway=RichGateway)
            second = self.driver.exchange(request, "plain, again", gateway=RichGateway)
            self._plain = (first, second)
        return self._plain


@dataclass
class Case:
    """One scenario on one URL.

    Attributes:
        site: the URL. exchanges: those sent so far. judgements: those made so far.
    """

    site: Site
    exchanges: list[Exchange] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)

    @property
    def request(self) -> Request:
        """The request as the user asked for it."""
        return self.site.request

    def send(self, request: Request | None = None, label: str = "", **options: Any) -> Exchange:
        """Send a request, whose findings then belong to this scenario.

        Args:
            request: a rich one for this URL where it is None.
            options: of ``Driver.exchange``.

        Errors:
            Gone: the application raised SystemExit or KeyboardInterrupt.
        """
        if request is None:
            request = rich(self.request)
            options.setdefault("gateway", RichGateway)
        done = self.site.driver.exchange(request, label, **options)
        self.exchanges.append(done)
        return done

    def judge(
        self,
        rule: str,
        broken: bool,
        expected: str,
        observed: str,
        exchange: Exchange,
        level: str | None = None,
    ) -> None:
        """Say what came of a rule."""
        self.judgements.append(Judgement(rule, broken, expected, observed, exchange, level))

    def plain_again(self) -> Exchange:
        """Return one more plain exchange.

        What something unusual made different counts only if the application has not changed its
        ways of its own accord.
        """
        request = rich(self.request)
        return self.site.driver.exchange(request, "plain, once more", gateway=RichGateway)

    def steady(self) -> Exchange | None:
        """Return a plain exchange that came out well, twice and alike; None where there is none."""
        first, second = self.site.plain()
        return second if first.valid and second.valid and same_status(first, second) else None


Play = Callable[[Case], None]


@dataclass(frozen=True)
class Scenario:
    """A scenario.

    Attributes:
        name: of it. about: what it does, in a line. play: the function that plays it.
        last: whether it may leave an application that breaks a rule of no use for the others.
    """

    name: str
    about: str
    play: Play
    last: bool = False


SCENARIOS: dict[str, Scenario] = {}
"""All scenarios by name, in the order they are played."""


def scenario(name: str, last: bool = False) -> Callable[[Play], Play]:
    """Declare a scenario; the first line of the function's docstring says what it is about."""

    def declare(play: Play) -> Play:
        about = (play.__doc__ or "").strip().partition("\n")[0]
        SCENARIOS[name] = Scenario(name, about, play, last)
        return play

    return declare
