"""How much was checked in a session: numbers that add up over the workers of xdist."""

from __future__ import annotations

from typing import Any, Iterable

from conformance import Finding

__all__ = ["Counts"]

# Different findings against test clients, and defects, that the summary names.
MOST = 20
CLIENTS = "Werkzeug's, Flask's, WebTest's, Falcon's, httpx.WSGITransport"
DJANGO = (
    "Django's own test client calls no WSGI application: give another one get_wsgi_application()"
)


class Counts:
    """What the summary says.

    Attributes:
        requests: calls of applications that were checked; tests: in which there were any.
        findings, ignored: made, different ones in each test.
        client: findings against test clients, as text; defects: of the validator itself.
        django: whether Django's test client was imported, which does without WSGI.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.tests = 0
        self.findings = 0
        self.ignored = 0
        self.validated = False
        self.django = False
        self.client: list[str] = []
        self.defects: list[str] = []

    def take(
        self,
        requests: int,
        findings: Iterable[Finding],
        ignored: Iterable[Finding],
        client: Iterable[Finding],
    ) -> None:
        """Take in what one test gave."""
        self.validated = True
        self.requests += requests
        self.tests += requests > 0
        self.findings += sum(finding.counted for finding in findings)
        self.ignored += sum(1 for _ in ignored)
        self.take_texts(
            "client",
            (
                f"{each.level} {each.rule}: expected {each.expected}, observed {each.observed}"
                for each in client
                if each.counted
            ),
        )

    def take_texts(self, name: str, texts: Iterable[str]) -> None:
        """Take in texts for ``client`` or ``defects``, each once and not too many."""
        kept: list[str] = getattr(self, name)
        kept += [text for text in dict.fromkeys(texts) if text not in kept][: MOST - len(kept)]

    def stored(self) -> dict[str, Any]:
        """Return what can be sent to another process."""
        return dict(vars(self))

    def add(self, stored: dict[str, Any]) -> None:
        """Take in the counts of another process."""
        for name in ("requests", "tests", "findings", "ignored"):
            setattr(self, name, getattr(self, name) + stored[name])
        self.validated = self.validated or stored["validated"]
        self.django = self.django or stored["django"]
        self.take_texts("client", stored["client"])
        self.take_texts("defects", stored["defects"])

    def summary(self, *, whole: bool) -> list[tuple[str, dict[str, bool]]]:
        """Return the lines that a session ends with, and how they look.

        Args:
            whole: whether every request of the test clients was to be checked.
        """
        if not (whole or self.validated):
            return []
        if not self.requests:
            why = f"no known test client made one ({CLIENTS})" if whole else "no test made one"
            loud = {"red": True, "bold": True}
            lines = [f"wsgi-conformance: 0 requests checked: {why}"]
            if whole and self.django:
                lines.append(f"wsgi-conformance: {DJANGO}")
            return [(line, loud) for line in lines]
        text = (
            f"wsgi-conformance: {_many(self.requests, 'request')} checked in "
            f"{_many(self.tests, 'test')}, {_many(self.findings, 'finding')}, "
            f"{self.ignored} ignored"
        )
        shown: list[tuple[str, dict[str, bool]]] = [
            (text, {"yellow": True} if self.findings else {"green": True})
        ]
        if self.client:
            shown.append(("wsgi-conformance: against the test clients, no test failed for it:", {}))
            shown += [(f"  {each}", {}) for each in self.client]
        for each in self.defects:
            said = f"wsgi-conformance: the validator itself failed, please report it: {each}"
            shown.append((said, {"red": True}))
        return shown


def _many(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
