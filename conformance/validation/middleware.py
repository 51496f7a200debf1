"""``Validator``: what a server calls in place of the application."""

from __future__ import annotations

import logging
from fnmatch import fnmatchcase
from typing import Any, Callable, Iterable

from conformance.validation.body import judge_blocks, make_shape, shapes
from conformance.validation.catalogue import RULES
from conformance.validation.environ import clean, problems_of
from conformance.validation.findings import ConformanceError, Finding, defined_at, show
from conformance.validation.starting import ABSENT, Starting

try:
    from _thread import get_ident
except ImportError:  # an interpreter without threads

    def get_ident() -> int:
        return 0


__all__ = ["Validator", "validator"]

logger = logging.getLogger("conformance.validator")
REPORTS = ("raise", "collect", "warn", "log")
# In place of a rule's name, these stand for all of a level.
LEVELS = {"MUST": ("MUST", "MUST NOT"), "SHOULD": ("SHOULD", "SHOULD NOT"), "note": ("undefined",)}
KEPT_AT_MOST = 1000

new = object.__new__


class Validator:
    """Checks an application and the server that calls it against PEP 3333.

    It is WSGI middleware, and transparent: both sides see what they would see without it. In
    environ, ``wsgi.input``, ``wsgi.errors`` and ``wsgi.file_wrapper`` are stood in for while the
    application may use them, and put back when the request is over. An exact list or tuple, and
    what ``wsgi.file_wrapper`` returned, go to the server as they are; of these it cannot see
    whether they are closed.

    Args:
        application: what is checked.
        report: what to do with a finding, beyond keeping it: ``"raise"`` a ``ConformanceError``
            for a MUST and warn of a SHOULD, at the border to the server, where no error handler of
            the application's can swallow it; ``"collect"`` nothing; ``"warn"`` of all;
            ``"log"`` all, as warnings of the logger ``conformance.validator``; or a callable that
            takes each ``Finding``.
        ignore: rule ids or globs of them, or ``"MUST"``, ``"SHOULD"``, ``"note"`` for a level,
            that are not reported and not kept.
        only: the same; nothing else is reported or kept.
        notes: also keep advice, findings of the level ``undefined``, which never count.

    Attributes:
        findings: what was found so far, the first thousand.
        dropped: how many there were beyond these.
        requests: how often it was called.
        failures: exceptions that checks of its own raised; empty, or there is a defect in them.

    Errors:
        ValueError: an unknown ``report``, or a pattern that fits no rule. ConformanceError: the
        application is not callable, and ``report`` is ``"raise"``.
    """

    entrance: Any
    """The code that calls the application."""

    def __init__(
        self,
        application: Callable[..., Any],
        *,
        report: str | Callable[[Finding], Any] = "raise",
        ignore: Iterable[str] = (),
        only: Iterable[str] = (),
        notes: bool = False,
    ) -> None:
        if not callable(report) and report not in REPORTS:
            raise ValueError(f"report={report!r}: not a callable, nor one of {', '.join(REPORTS)}")
        self.application = application
        self.report = report
        self.ignore, self.only = _patterns("ignore", ignore), _patterns("only", only)
        self.notes = notes
        self.findings: list[Finding] = []
        self.failures: list[BaseException] = []
        self.dropped = self.requests = 0
        # Requests of a server that says it runs one thread: identity -> thread.
        self.active: dict[int, int] = {}
        if not callable(application):
            where, request = "", "no request"
            found = self.found(
                "app-callable", None, "a callable", show(application), where, request
            )
            if found is not None and report == "raise":
                raise ConformanceError((found,))

    def __call__(
        self, environ: Any = ABSENT, start_response: Any = ABSENT, /, *more: Any, **kwargs: Any
    ) -> Any:
        self.requests += 1
        if more or kwargs or start_response is ABSENT:
            given = (each for each in (environ, start_response) if each is not ABSENT)
            return self._called_oddly((*given, *more), kwargs)
        exchange = Starting(self, environ, start_response)
        try:
            fine = type(environ) is dict and clean(environ) and callable(start_response)
        except Exception:
            fine = False
        if not fine or self.notes:
            exchange.guarded(_look_at_server, exchange)
        try:
            exchange.replace_streams(environ)
            if not environ["wsgi.multithread"]:
                self.active[id(exchange)] = get_ident()
                if len(self.active) > 1:
                    self._look_at_threads(exchange)
        except Exception as error:
            if fine:
                self.failed(error)
        # Called by a name of its own: an attribute is not looked up as a method then.
        application = self.application
        try:
            result = application(environ, exchange.start_response)
        except BaseException as error:
            self._application_raised(exchange, error)
            raise
        kind = type(result)
        if kind is list or kind is tuple:
            judge_blocks(exchange, result, self.application)
            exchange.finish()
        else:
            result = self._stand_in(exchange, result, kind)
        if exchange.pending:
            self._deliver(exchange, result)
        return result

    def _deliver(self, exchange: Starting, result: Any) -> None:
        """Raise what there is to raise in place of a result, which is closed then."""
        try:
            exchange.deliver()
        except BaseException:
            close = getattr(result, "close", None)
            if close is not None:
                close()
            exchange.finish()
            raise

    def _stand_in(self, exchange: Starting, result: Any, kind: type) -> Any:
        """Return what the server gets for a result, after a look at what it is."""
        if exchange.late is not None:
            exchange.went_on()
        if exchange.files and any(result is file for file in exchange.files):
            exchange.finish()
            return result
        shape = shapes.get(kind) or exchange.guarded(make_shape, kind)
        if shape is None:
            exchange.guarded(self._look_at_no_body, exchange, result)
            exchange.finish()
            return result
        if not shape.plain:
            if shape.is_file:
                expected = "wsgi.file_wrapper or an iterator of blocks around a file"
                where = self.application
                exchange.record("iterable-no-bare-file", expected, show(result), None, where)
            if shape.with_close is not None and exchange.guarded(hasattr, result, "close"):
                shape = shape.with_close
        exchange.closable = shape.closable
        exchange.counted = shape.counted or self.notes
        # Made without __init__(), whose call takes as long as all the rest.
        body = new(shape.made)
        body._exchange = exchange
        body._result = exchange.result = result
        return body

    def _look_at_no_body(self, exchange: Starting, result: Any) -> None:
        where = self.application
        observed = f"{type(result).__name__} {show(result)}"
        if isinstance(result, (bytes, str)):
            if result:
                expected = "an iterable of bytes, such as a list of one"
                exchange.record("iterable-yields-bytes", expected, observed, None, where)
        else:
            exchange.record("app-returns-iterable", "an iterable", observed, None, where)

    def _called_oddly(self, args: Any, kwargs: Any) -> Any:
        """Hand on a call that no server should make."""
        exchange = Starting(self, args[0] if args else None, None)
        exchange.request = "a call"
        if kwargs:
            observed = f"keywords {sorted(map(str, kwargs))}"
            exchange.record("app-called-positionally", "no keywords", observed)
        if len(args) + len(kwargs) != 2:
            observed = f"{len(args) + len(kwargs)} arguments"
            exchange.record("app-called-with-two-args", "environ and start_response", observed)
        if exchange.pending:
            exchange.deliver()
        return self.application(*args, **kwargs)

    def _application_raised(self, exchange: Starting, error: BaseException) -> None:
        traceback = error.__traceback__
        if not callable(self.application):
            pass
        elif isinstance(error, TypeError) and traceback is not None and traceback.tb_next is None:
            # No frame below ours: the call itself failed. Compiled code has no frames at all.
            known = bool(exchange.guarded(defined_at, self.application))
            observed = show(error) + ("" if known else ", perhaps for a reason of its own")
            level = None if known else "undefined"
            where = self.application
            expected = "a call with environ and start_response taken"
            exchange.record("app-accepts-two-arguments", expected, observed, level, where)
        try:
            exchange.application_raised(error)
        finally:
            exchange.finish()

    def _look_at_threads(self, exchange: Starting) -> None:
        own = get_ident()
        if any(thread != own for thread in list(self.active.values())):
            expected = "wsgi.multithread true, as another thread runs the application too"
            exchange.record("thread-multithread-true", expected, "false")

    def found(
        self,
        rule: str,
        level: str | None,
        expected: str,
        observed: str,
        where: str,
        request: str,
    ) -> Finding | None:
        """Keep a finding; return it where it has to be raised or warned of later."""
        own, party, url = RULES[rule]
        if level is None or own.startswith("undefined"):
            level = own
        if (level == "undefined" and not self.notes) or not self._wanted(rule, level):
            return None
        finding = Finding(rule, level, party, expected, observed, where, url, request)
        if len(self.findings) < KEPT_AT_MOST:
            self.findings.append(finding)
        else:
            self.dropped += 1
        if callable(self.report):
            self.report(finding)
        elif self.report == "log":
            logger.warning("%s", finding)
        elif self.report == "warn" or (self.report == "raise" and finding.counted):
            return finding
        return None

    def failed(self, error: BaseException) -> None:
        """Keep an exception that a check raised: a defect of the check, and nobody's finding."""
        if len(self.failures) < KEPT_AT_MOST:
            self.failures.append(error.with_traceback(None))

    def _wanted(self, rule: str, level: str) -> bool:
        if self.only and not _fits(self.only, rule, level):
            return False
        return not (self.ignore and _fits(self.ignore, rule, level))


Validator.entrance = Validator.__call__.__code__


def validator(application: Callable[..., Any]) -> Validator:
    """Wrap an application, in place of ``wsgiref.validate.validator``."""
    return Validator(application)


def _look_at_server(exchange: Starting) -> None:
    """Say what is wrong with what the server passed."""
    environ = exchange.environ
    if type(environ) is not dict:
        expected = "an environ that is exactly a dict"
        exchange.record("environ-builtin-dict", expected, type(environ).__name__)
    if not callable(exchange.forward):
        observed = show(exchange.forward)
        exchange.record("start-response-two-args", "a callable start_response", observed)
    if isinstance(environ, dict):
        exchange.record_all(problems_of(environ))


def _patterns(name: str, patterns: Iterable[str]) -> tuple[str, ...]:
    if isinstance(patterns, str):
        raise ValueError(f"{name}={patterns!r}: write a tuple of patterns, ({patterns!r},)")
    given = tuple(patterns)
    for pattern in given:
        if pattern not in LEVELS and not any(fnmatchcase(rule, pattern) for rule in RULES):
            raise ValueError(f"{name}: no rule matches {pattern!r}")
    return given


def _fits(patterns: tuple[str, ...], rule: str, level: str) -> bool:
    return any(level in LEVELS.get(each, ()) or fnmatchcase(rule, each) for each in patterns)
