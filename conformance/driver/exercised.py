"""When a rule was put to the test by one exchange, so that nothing found means a pass.

A rule that is not here never passes by itself: the validator may find it broken, and that is all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance.driver.exchange import Exchange

__all__ = ["EXERCISED", "exercised"]

Test = Callable[[Exchange], bool]


def started(exchange: Exchange) -> bool:
    """It called start_response."""
    return exchange.facts.starts > 0


def called(exchange: Exchange) -> bool:
    """It was called."""
    return exchange.facts.called


def returned(exchange: Exchange) -> bool:
    """Its call came to an end by returning."""
    return exchange.facts.returned


def with_headers(exchange: Exchange) -> bool:
    """It gave at least one header."""
    return bool(exchange.facts.names)


def with_error(exchange: Exchange) -> bool:
    """It gave exc_info."""
    return exchange.facts.with_error > 0


def wrote(exchange: Exchange) -> bool:
    """It called write()."""
    return exchange.facts.writes > 0


def yielded(exchange: Exchange) -> bool:
    """Its iterable gave an item."""
    return exchange.facts.items > 0


def exhausted(exchange: Exchange) -> bool:
    """Its iterable came to an end of its own."""
    return exchange.facts.exhausted


def logged(exchange: Exchange) -> bool:
    """It wrote to wsgi.errors."""
    return exchange.facts.texts > 0


def used_errors(exchange: Exchange) -> bool:
    """It used wsgi.errors at all."""
    return exchange.facts.error_uses > 0


def read(exchange: Exchange) -> bool:
    """It read from wsgi.input."""
    return exchange.facts.reads > 0


def read_sized(exchange: Exchange) -> bool:
    """It asked wsgi.input for a number of bytes, and the length was known."""
    known = any(name.lower() == b"content-length" for name, _ in exchange.request.fields)
    return known and exchange.facts.sized_reads > 0


def measured(exchange: Exchange) -> bool:
    """It declared the length of a body that it may have, and gave it in a form that shows."""
    facts = exchange.facts
    return facts.length and not facts.no_body and facts.kind != "wrapper"


def wrapped(exchange: Exchange) -> bool:
    """It called wsgi.file_wrapper."""
    return exchange.facts.wrapped > 0


def _failed_late(exchange: Exchange) -> bool:
    return exchange.facts.late > 0


STARTED = (
    "start-response-called-positionally",
    "headers-exact-list",
    "status-code-and-reason",
    "status-single-space",
    "status-code-three-digits",
    "status-no-surrounding-whitespace",
    "status-no-control-chars",
    "status-native-str",
    "status-latin1-only",
    "http-hop-headers-not-sent",
    "http-hop-features-not-used",
    "http-persistence-headers-not-sent",
    "http-expect-left-to-server",
)
WITH_HEADERS = (
    "headers-two-tuples",
    "headers-name-token",
    "headers-name-no-colon",
    "headers-value-no-control-chars",
    "headers-name-native-str",
    "headers-value-native-str",
    "headers-latin1-only",
)

EXERCISED: Mapping[str, Test] = {
    **dict.fromkeys(STARTED, started),
    **dict.fromkeys(WITH_HEADERS, with_headers),
    "app-callable": called,
    "app-accepts-two-arguments": called,
    "app-returns-iterable": returned,
    "errors-trapped-by-application": lambda e: e.facts.escaped is not None or e.facts.exhausted,
    "buffering-done-by-application": exhausted,
    "iterable-len-accurate": lambda e: e.facts.exhausted and e.facts.sized,
    "iterable-no-bare-file": returned,
    "iterable-yields-bytes": yielded,
    "start-response-before-body": lambda e: e.facts.filled > 0,
    "start-response-always-called": exhausted,
    "start-response-no-second-call": lambda e: e.facts.starts > 0 and e.facts.exhausted,
    "start-response-no-plain-retry": lambda e: bool(e.facts.start_errors),
    "start-response-exc-info-tuple": with_error,
    "start-response-exc-info-genuine": with_error,
    "start-response-exc-info-supplied": lambda e: (e.facts.status or 0) >= 500,
    "start-response-error-not-trapped": _failed_late,
    "start-response-error-propagates": _failed_late,
    "app-no-late-error-page": _failed_late,
    "http-http10-equivalents-not-used": lambda e: started(e) and e.request.version == b"1.0",
    "http-body-not-transfer-coded": lambda e: (
        e.facts.exhausted and e.facts.filled > 0 and not (e.facts.length or e.facts.encoded)
    ),
    "content-length-not-exceeded": measured,
    "content-length-delivered-in-full": lambda e: measured(e) and e.facts.exhausted,
    "errors-newline-plain": logged,
    "errors-written-native-str": logged,
    "errors-flush-when-needed": logged,
    "errors-listed-methods-only": used_errors,
    "errors-not-closed": used_errors,
    "input-no-overread": read_sized,
    "input-listed-methods-only": read,
    "input-not-closed": read,
    "write-called-positionally": wrote,
    "write-argument-bytes": wrote,
    "write-not-from-iterable": wrote,
    "write-avoided": lambda e: e.facts.starts > 0 and e.facts.exhausted,
    "write-avoided-by-frameworks": lambda e: e.facts.starts > 0 and e.facts.exhausted,
    "http-field-value-whitespace": with_headers,
    "http-no-content-empty": lambda e: e.facts.status in (204, 304) and e.facts.exhausted,
    "http-content-type-present": lambda e: e.facts.filled > 0 and not e.facts.no_body,
    "http-content-length-valid": lambda e: e.facts.length,
    "http-content-length-no-content": lambda e: e.facts.status == 204,
    "http-etag-valid": lambda e: "etag" in {name.lower() for name in e.facts.names},
    "http-head-empty": lambda e: e.request.method == b"HEAD" and e.facts.exhausted,
    "http-status-code-class": started,
    "http-not-modified-metadata": lambda e: e.facts.status == 304,
    "cgi-status-field": with_headers,
    "file-wrapper-called-positionally": wrapped,
    "file-wrapper-object-has-read": wrapped,
    "file-wrapper-object-binary": wrapped,
}


def exercised(exchange: Exchange) -> set[str]:
    """Return the rules that an exchange put to the test."""
    return {rule for rule, test in EXERCISED.items() if test(exchange)}
