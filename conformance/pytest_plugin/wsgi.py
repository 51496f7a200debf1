"""The application's side of the plugin: what was found in a test decides over the test.

A finding is kept when it is made. So it does not matter what becomes of the response, and a
framework that turns every exception into a page for the status 500 hides nothing.
"""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Callable, Generator, Iterable

import pytest

from conformance import Finding, Validator
from conformance.pytest_plugin.clients import Clients
from conformance.pytest_plugin.counts import Counts
from conformance.pytest_plugin.warned import REFUSED, warned
from conformance.validation.catalogue import RULES

__all__ = ["Recorder", "Wrap", "check_marks", "recorder_of"]

Wrap = Callable[..., Validator]

LEVELS = ("MUST", "SHOULD", "note")
# Different findings of one test that are kept; of more, only their number.
MOST = 100
SECTION = "wsgi-conformance"


def recorder_of(config: pytest.Config) -> Recorder:
    """Return the recorder of a session, made and registered when it is first asked for."""
    found = config.stash.get(RECORDER, None)
    if found is None:
        found = config.stash[RECORDER] = Recorder(config)
        config.pluginmanager.register(found, "wsgi-conformance-recorder")
    return found


def check_patterns(patterns: Iterable[str], where: str) -> None:
    """Make sure that each of some ids, globs or levels stands for something.

    Errors:
        pytest.UsageError: one does not; the message names where it stands and the nearest id.
    """
    for pattern in patterns:
        if pattern in LEVELS or any(fnmatchcase(rule, pattern) for rule in RULES):
            continue
        near = get_close_matches(pattern, RULES, 2, 0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "wsgi-conformance rules lists them"
        raise pytest.UsageError(f"{where}: no rule of applications is called {pattern!r}; {hint}")


def check_mark(mark: pytest.Mark, where: str) -> None:
    """Make sure that a ``wsgi_ignore`` mark names rules and gives a reason.

    Errors:
        pytest.UsageError: it does not.
    """
    example = 'pytest.mark.wsgi_ignore("headers-*", reason="...")'
    if not mark.args or not all(isinstance(pattern, str) for pattern in mark.args):
        raise pytest.UsageError(f"{where}: wsgi_ignore names no rule: {example}")
    unknown = sorted(set(mark.kwargs) - {"reason"})
    if unknown:
        raise pytest.UsageError(f"{where}: wsgi_ignore takes no {unknown[0]!r}: {example}")
    reason = mark.kwargs.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise pytest.UsageError(f"{where}: wsgi_ignore gives no reason: {example}")
    check_patterns(mark.args, f"{where}: wsgi_ignore")


def check_marks(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Check the marks of all items.

    Errors:
        pytest.UsageError: as ``check_mark``; in a worker of xdist, which would take the message
        for a crash, the tests concerned fail with it instead.
    """
    for item in items:
        try:
            for mark in item.iter_markers("wsgi_ignore"):
                check_mark(mark, item.nodeid)
        except pytest.UsageError as error:
            if not hasattr(config, "workerinput"):
                raise
            item.stash[MISTAKE] = str(error)
            recorder_of(config)


def matches(pattern: str, finding: Finding) -> bool:
    """Whether an id, a glob or a level stands for a finding."""
    if pattern == "note":
        return finding.level == "undefined"
    if pattern in LEVELS:
        return finding.level.startswith(pattern)
    return fnmatchcase(finding.rule, pattern)


class Tally:
    """What was found during one test.

    Attributes:
        findings: different ones, each with the number of times it was made; of the requests that
            showed it a finding names the first.
        ignored: different ones that an ignored rule stands for.
        client: different ones against the side that called the application, mostly a test client.
        dropped: findings beyond ``MOST`` different ones.
        shown: those that the test's outcome or a warning has told of.
        validators: those that the fixture made, for the test to be told if one saw no request.
    """

    def __init__(self, ignore: Iterable[str]) -> None:
        self.ignore = tuple(ignore)
        self.findings: dict[Finding, int] = {}
        self.ignored: set[Finding] = set()
        self.client: dict[Finding, int] = {}
        self._first: dict[Finding, Finding] = {}
        self.dropped = 0
        self.shown: set[Finding] = set()
        self.validators: list[Validator] = []
        self.around: dict[int, Validator] = {}

    def add(self, finding: Finding) -> None:
        """Keep a finding, those against the side that calls apart.

        Test clients have faults of their own: Werkzeug's, for one, leaves it to the test to close a
        response. The application that is tested with them does not fail for these.
        """
        if finding.party != "server":
            self.add_any(finding)
        elif not self._ignores(finding):
            self._keep(finding._replace(request="", location=""), self.client)

    def add_any(self, finding: Finding) -> None:
        """Keep a finding, whichever side is at fault."""
        if self._ignores(finding):
            self.ignored.add(finding._replace(request=""))
        else:
            self._keep(finding, self.findings)

    def _ignores(self, finding: Finding) -> bool:
        return any(matches(pattern, finding) for pattern in self.ignore)

    def _keep(self, finding: Finding, kept: dict[Finding, int]) -> None:
        # A second request that shows the same makes no second finding.
        first = self._first.setdefault(finding._replace(request=""), finding)
        if first in kept or len(kept) < MOST:
            kept[first] = kept.get(first, 0) + 1
        else:
            self.dropped += 1

    def news(self) -> list[Finding]:
        """Return the findings that nobody has been told of."""
        return [finding for finding in self.findings if finding not in self.shown]

    @property
    def requests(self) -> int:
        """Calls of the application that were seen."""
        return sum(each.requests for each in self._all())

    @property
    def defects(self) -> list[str]:
        """What went wrong within the validators themselves."""
        return [repr(failure) for each in self._all() for failure in each.failures]

    def _all(self) -> list[Validator]:
        return [*self.validators, *self.around.values()]


def described(finding: Finding, times: int, root: str) -> str:
    """Return a finding on lines of its own, its file relative to the root of the tests."""
    location = finding.location
    rows = [
        ("expected", finding.expected),
        ("observed", finding.observed),
        ("at", location[len(root) :] if location.startswith(root) else location),
        ("request", finding.request + (f" ({times} times)" if times > 1 else "")),
        ("rule", finding.url),
    ]
    head = f"{finding.level} {finding.rule} ({finding.party})"
    return "\n".join([head, *(f"  {name + ':':9} {text}" for name, text in rows if text)])


def told(findings: list[Finding], tally: Tally, config: pytest.Config) -> str:
    """Return what a failing test says: a line that says it all, then each finding."""
    names = ", ".join(dict.fromkeys(finding.rule for finding in findings))
    number = f"{len(findings)} finding{'s' if len(findings) > 1 else ''}"
    parts = [f"wsgi-conformance: {number}: {names}"]
    root = os.path.join(str(config.rootpath), "")
    parts += [described(finding, tally.findings[finding], root) for finding in findings]
    if tally.dropped:
        parts.append(f"and {tally.dropped} more that are not shown")
    return "\n\n".join(parts)


class Recorder:
    """Keeps what was found in each test of a session, and lets it decide over the test.

    Attributes:
        counts: what the summary says, for this process and, with xdist, its workers.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.counts = Counts()
        self.fail_on: str = config.getoption("wsgi_fail_on")
        self.ignore: list[str] = config.getini("wsgi_ignore")
        check_patterns(self.ignore, "wsgi_ignore in the configuration")
        self.clients: Clients | None = None
        self.current: Tally | None = None

    def look_into_clients(self) -> None:
        """Check every request of the known test clients from now on."""
        self.clients = Clients(self._around)

    def _around(self, application: Any) -> Any:
        tally = self.current
        if tally is None or isinstance(application, Validator):
            return application
        known = tally.around.get(id(application))
        if known is None:
            # It keeps the application, so that no other can come to have its id.
            made = Validator(application, report=tally.add)
            known = tally.around.setdefault(id(application), made)
        return known

    def tally_of(self, item: pytest.Item) -> Tally:
        """Return what is kept of a test that runs."""
        found = item.stash.get(TALLY, None)
        if found is None:
            marks = item.iter_markers("wsgi_ignore")
            patterns = [pattern for mark in marks for pattern in mark.args]
            found = item.stash[TALLY] = Tally([*self.ignore, *patterns])
        return found

    def wrap_for(self, item: pytest.Item) -> Wrap:
        """Return what the fixture gives to a test."""
        tally = self.tally_of(item)

        def wsgi_validator(
            application: Any,
            *,
            ignore: Iterable[str] = (),
            only: Iterable[str] = (),
            notes: bool = False,
            both_sides: bool = False,
        ) -> Validator:
            """Return the application in a validator whose findings decide over this test."""
            report = tally.add_any if both_sides else tally.add
            made = Validator(application, report=report, ignore=ignore, only=only, notes=notes)
            tally.validators.append(made)
            return made

        return wsgi_validator

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin with a test, or once more with one that is run again."""
        if MISTAKE in item.stash:
            pytest.fail(item.stash[MISTAKE], pytrace=False)
        if self.clients is not None:
            self.current = self.tally_of(item)
            self.clients.patch()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Make the test fail for what was found in it and in its fixtures so far."""
        if self.clients is not None:
            self.clients.patch()  # what a fixture has imported
        try:
            result = yield
        except (KeyboardInterrupt, pytest.exit.Exception):
            raise
        except BaseException as error:
            if not isinstance(error, pytest.skip.Exception):
                self._add_section(item)
                raise
            self._settle(item, requests_wanted=False)
            raise
        if getattr(item, "_excinfo", None):  # where pytest keeps how a unittest.TestCase failed
            self._add_section(item)
        else:
            self._settle(item, requests_wanted=True)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Let what was found while fixtures ended fail the teardown; count; forget the test."""
        try:
            result = yield
            if TALLY in item.stash:
                self._settle(item, requests_wanted=False)
            return result
        finally:
            self.current = None
            tally = item.stash.get(TALLY, None)
            if tally is not None:
                self.counts.take(tally.requests, tally.findings, tally.ignored, tally.client)
                self.counts.take_texts("defects", tally.defects)
                del item.stash[TALLY]

    def _add_section(self, item: pytest.Item) -> None:
        """Tell of findings beside a failure that the test has already."""
        tally = item.stash.get(TALLY, None)
        news = tally.news() if tally else []
        if tally and news:
            self._note_shown(item, tally, news)
            item.add_report_section("call", SECTION, told(news, tally, self.config))

    def _settle(self, item: pytest.Item, *, requests_wanted: bool) -> None:
        """Make the test fail, or warn, for what nobody has been told of.

        Errors:
            pytest.fail.Exception: the findings, one under the other.
        """
        tally = item.stash.get(TALLY, None)
        if tally is None:
            return
        news = tally.news()
        self._note_shown(item, tally, news)
        failing = [finding for finding in news if self._fails(finding)]
        others = [finding for finding in news if not self._fails(finding)]
        notes = [str(finding) for finding in others if finding.counted]
        if requests_wanted and not all(each.requests for each in tally.validators):
            notes.append("wsgi_validator: 0 requests checked: nothing called what it returned")
        refused = [text for text in notes if not warned(item, text)]
        texts = [told(failing, tally, self.config)] if failing else []
        if refused:
            texts.append("\n\n".join([REFUSED, *refused]))
        advice = [finding for finding in others if not finding.counted]
        if advice:
            item.add_report_section("call", SECTION, told(advice, tally, self.config))
        if texts:
            raise pytest.fail.Exception("\n\n".join(texts), pytrace=False) from None

    def _fails(self, finding: Finding) -> bool:
        if self.fail_on == "never":
            return False
        return finding.must or (self.fail_on == "should" and finding.counted)

    def _note_shown(self, item: pytest.Item, tally: Tally, news: list[Finding]) -> None:
        tally.shown.update(news)
        for rule in dict.fromkeys(finding.rule for finding in news if finding.counted):
            item.user_properties.append(("wsgi_rule", rule))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand the counts to the process that prints the summary."""
        if hasattr(session.config, "workeroutput"):
            if "django.test.client" in sys.modules:
                self.counts.django = True
            session.config.workeroutput["wsgi_conformance"] = self.counts.stored()

    def pytest_unconfigure(self) -> None:
        """Leave the test clients as they were found."""
        if self.clients is not None:
            self.clients.restore()

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say how much was checked, above all if it was nothing."""
        if "django.test.client" in sys.modules:
            self.counts.django = True
        for line, markup in self.counts.summary(whole=self.clients is not None):
            terminalreporter.write_line(line, **markup)


RECORDER = pytest.StashKey["Recorder"]()
TALLY = pytest.StashKey[Tally]()
MISTAKE = pytest.StashKey[str]()
