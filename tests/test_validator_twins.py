"""The Validator and the bad and good applications: it finds what is there, and makes nothing up."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from conformance import Validator
from conformance.driver.memory import Request, Seen, drive
from conformance.driver.twins import (
    AppTwin,
    bad_app,
    check_app_twin,
    load_app_twin,
    load_app_twins,
    run_app_twin,
    silent,
)
from conformance.paths import APPS
from conformance.reference.twins import TwinError
from conformance.rules import load

DIRECTORY = APPS / "twins"
# Those that only a driver's scenarios bring to light have a test of their own.
TWINS = {
    name: twin
    for name, twin in load_app_twins(DIRECTORY).items()
    if twin.file.name not in ("active.py", "middleware.py")
}
BAD = sorted(name for name, twin in TWINS.items() if twin.bad)
GOOD = sorted(name for name, twin in TWINS.items() if not twin.bad)
RULES = load()

# Rules that a Validator cannot judge from the traffic there happens to be: scenarios do.
ACTIVE = {
    "app-reinvocable",
    "environ-empty-variables-tolerated",
    "environ-fallback-provided",
    "environ-presence-checked",
    "environ-run-once-not-trusted",
    "file-wrapper-honest-attributes",
    "file-wrapper-presence-checked",
    "headers-list-not-reused",
    "iterable-full-consumption-not-assumed",
    "middleware-transparent-to-application",
    "start-response-kind-irrelevant",
    "start-response-not-introspected",
}
EXEMPT = {
    "unicode-encoding-by-application": "has no check of its own: those of each string stand for it",
}

# Each entry of the list of known bugs and false alarms of other checkers (W: wsgiref.validate,
# Z: Werkzeug's lint, T: WebTest's lint, R: Rack's, P: Plack's), and the applications that show that
# this one does better: good ones that it leaves in peace, or bad ones that the other lets through.
KNOWN = {
    # an environ without SCRIPT_NAME or PATH_INFO
    "W1": ("without_empty_variables", "mounted_without_path"),
    # repr of every key on every request
    "W2": ("with_counted_extension",),
    # an extension value whose repr raises
    "W3": ("with_unprintable_extension",),
    # read() without a size
    "W4": ("reads_all_without_size",),
    # Content-Type on redirects, 205, empty bodies
    "W5": (
        "redirect_without_type",
        "reset_content",
        "empty_page_without_type",
        "head_without_type",
        "no_content",
    ),
    # assertions without a message: test_finding_says_what_it_means
    "W6": ("yields_str", "writes_str", "reads_too_much", "headers_of_three"),
    # the server no longer sees what the body is
    "W7": ("returned_as_it_is", "KnowsItsLength", "looks_what_it_wrapped_by", "wraps_file"),
    # an AttributeError in __del__ besides the finding: an error in these tests
    "W8": ("returns_number", "returns_object"),
    "W9": (
        "status_splits_response",
        "status_beyond_latin1",
        "status_in_fullwidth_digits",
        "status_empty",
    ),
    # Content-Length of '1_0' and '+5'; those of an environ are the server's
    "W10": ("length_with_underscore", "length_with_sign"),
    # methods outside a list of eight
    "W13": ("with_unusual_methods", "connects", "options_of_server"),
    # 204 without Content-Length; one with it
    "Z1": ("no_content", "no_content_with_length"),
    # HEAD with a true Content-Length; a client that goes away
    "Z2": ("head_with_length", "length_cut_short_by_client"),
    # a relative Location
    "Z3": ("redirect_without_type", "created_with_location"),
    # readlines() is gone
    "Z4": ("reads_all_lines", "uses_listed_methods"),
    # no way to read a line
    "Z5": ("reads_lines",),
    # two arguments become three, the file wrapper is another one
    "Z6": ("ignores_write", "looks_what_it_wrapped_by", "wraps_by_function"),
    # one line for five bad requests: test_each_request_is_reported
    "Z7": ("status_with_tab",),
    # a crash after the warning
    "Z8": (
        "starts_with_nothing",
        "starts_with_status_alone",
        "headers_of_one",
        "returns_none",
        "status_in_bytes",
    ),
    # a bytes body, header names
    "Z9": ("returns_bare_bytes", "name_with_space", "name_ends_in_newline"),
    # a warning that raises while it is formatted
    "Z10": ("starts_with_four", "headers_of_none", "writes_nothing_at_all"),
    # a status in bytes
    "T1": ("status_in_bytes", "name_in_bytes", "value_in_bytes"),
    # four arguments to start_response
    "T2": ("starts_with_four",),
    # a reason of one letter
    "T3": ("status_with_one_letter",),
    # checks that are assert statements: nothing to show, ours are none
    "T4": ("writes_str", "returns_bare_str", "yields_number"),
    # what had to be made optional: a UnicodeDecodeError, CONNECT and odd hosts of proxies
    "T5": ("with_utf8_in_environ", "value_in_utf8", "connects", "with_underscore_in_host"),
    # iterables of __getitem__ alone refused; a subclass of bytes let through
    "T, A14": ("ItemsByNumber",),
    # header names as narrow as in a shell
    "W, E7": ("name_of_any_token", "name_ends_in_token_punctuation"),
    "R, paths read as authority": ("connects", "options_of_server", "with_double_slashes"),
    "R, HTTP_HOST too strict": ("with_underscore_in_host", "with_ipv6_host"),
    "R, input without rewind": ("rewinds_input",),
    "R, space and quote in names": ("name_with_space", "name_with_quote"),
    # the line of the message is the checker's own: AppTwinReport.misplaced
    "P, no line of the application": ("status_as_number", "writes_bytearray"),
    "P, M-SEARCH": ("with_unusual_methods",),
    "P, Latin-1": ("value_in_latin1", "status_in_latin1"),
    # one error hides the next
    "P, stops at the first error": ("three_rules_at_once",),
}
NOT_SHOWN = {
    "W11": "an iterable that is not closed is the server's fault, and a server shows it",
    "W12": "says how little that checker was tested",
}

# What a twin does to the server's own objects if the Validator does not stand between.
NOT_COMPARED = {
    "closes_errors": "the Validator keeps the server's error stream open",
    "closes_errors_by_with": "the Validator keeps the server's error stream open",
    "closes_input_by_wrapper": "the Validator keeps the server's input open",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_application(name: str) -> None:
    """It is found out for its rules, at the right level, in its own lines, and for nothing else."""
    report = check_app_twin(TWINS[name], RULES)
    assert report.missed == (), [str(finding) for finding in report.findings]
    assert [str(finding) for finding in report.unrelated] == []
    assert [str(finding) for finding in report.misplaced] == []
    assert report.failures == ()


@pytest.mark.parametrize("name", GOOD)
def test_good_application(name: str) -> None:
    """It is left in peace."""
    report = check_app_twin(TWINS[name], RULES)
    assert [str(finding) for finding in report.unrelated] == []
    assert report.failures == ()


@pytest.mark.parametrize("name", sorted(TWINS.keys() - NOT_COMPARED))
def test_server_sees_no_difference(name: str) -> None:
    """What is sent, which error gets out and what is left in environ are as without it."""
    twin = TWINS[name]
    bare = twin.application()
    checked = Validator(twin.application(), report="collect")
    for request in twin.requests:
        assert outcome(twin, checked, request) == outcome(twin, bare, request)


def outcome(twin: AppTwin, application: Any, request: Request) -> tuple[Any, ...]:
    """Return what a server and its client have of a request."""
    seen = Seen()
    with suppress(SystemExit):
        seen = drive(application, request, gateway=twin.gateway, changes=twin.changes)
    sent = (seen.status, seen.reason, seen.fields, seen.parts, seen.ended)
    left = {str(key): type(value) for key, value in seen.environ.items()}
    return (*sent, type(seen.error), left)


@pytest.mark.parametrize("name", BAD)
def test_finding_says_what_it_means(name: str) -> None:
    """Every finding says what was expected and observed, and where that is written."""
    for finding in run_app_twin(TWINS[name]).findings:
        assert finding.expected.strip()
        assert finding.observed.strip()
        assert finding.rule in RULES
        assert finding.url == RULES[finding.rule].url
        assert finding.rule in str(finding)
        assert len(str(finding)) < 1500


def test_each_request_is_reported() -> None:
    twin = TWINS["status_with_tab"]
    checked = Validator(twin.application(), report="collect")
    for _ in range(5):
        drive(checked)
    assert [finding.rule for finding in checked.findings] == ["status-no-control-chars"] * 5


PASSIVE = sorted(
    rule.id
    for rule in RULES.values()
    if rule.party in ("application", "framework")
    and rule.level != "MAY"
    and rule.observable in ("validator", "both")
    and rule.id not in ACTIVE
)


@pytest.mark.parametrize("rule", PASSIVE)
def test_rule_has_a_bad_application(rule: str) -> None:
    if rule in EXEMPT:
        pytest.skip(EXEMPT[rule])
    assert [twin.name for twin in TWINS.values() if twin.bad and rule in twin.rules]


@pytest.mark.parametrize("rule", PASSIVE)
def test_rule_has_a_good_application(rule: str) -> None:
    """Something at its border is left in peace, if only with a note."""
    if rule in EXEMPT or rule == "app-callable":
        pytest.skip("has no border")
    assert [twin.name for twin in TWINS.values() if not twin.bad and rule in twin.rules]


def test_twins_are_about_known_rules() -> None:
    about = {rule for twin in TWINS.values() for rule in (*twin.rules, *twin.also)}
    assert about - RULES.keys() == set()
    assert (ACTIVE | EXEMPT.keys()) - RULES.keys() == set()


def test_exemptions_are_needed() -> None:
    assert {
        rule for rule in EXEMPT if any(t.bad and rule in t.rules for t in TWINS.values())
    } == set()


@pytest.mark.parametrize("entry", KNOWN)
def test_known_false_alarm_is_shown(entry: str) -> None:
    assert [name for name in KNOWN[entry] if name not in TWINS] == []


def test_all_known_false_alarms_are_shown() -> None:
    numbered = {f"W{n}" for n in range(1, 14)} | {f"Z{n}" for n in range(1, 11)}
    numbered |= {f"T{n}" for n in range(1, 6)}
    assert numbered - KNOWN.keys() - NOT_SHOWN.keys() == set()


def test_silent_rules_allow_no_note() -> None:
    twin = TWINS["value_in_utf8"]
    assert silent(twin) == {"headers-latin1-only"}


# The loader


def test_loader_names_a_broken_file(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 +")
    with pytest.raises(TwinError, match=r"broken\.py: SyntaxError"):
        load_app_twins(tmp_path)


HEADER = "from conformance.driver.twins import bad_app\n"


def test_loader_asks_for_a_docstring(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(HEADER + "@bad_app('x')\ndef app(e, s): ...\n")
    with pytest.raises(TwinError, match="app has no docstring"):
        load_app_twins(tmp_path)


def test_loader_asks_for_a_rule(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(HEADER + "@bad_app()\ndef app(e, s): 'does'\n")
    with pytest.raises(TwinError, match="app is about no rule"):
        load_app_twins(tmp_path)


def test_loader_wants_names_once(tmp_path: Path) -> None:
    text = HEADER + "@bad_app('x')\ndef app(e, s): 'does'\n"
    (tmp_path / "a.py").write_text(text)
    (tmp_path / "b.py").write_text(text)
    with pytest.raises(TwinError, match=r"app is also in a\.py"):
        load_app_twins(tmp_path)


def test_one_is_loaded_by_name() -> None:
    spec = f"{DIRECTORY / 'status.py'}:status_as_number"
    assert load_app_twin(spec).rules == ("status-native-str",)
    with pytest.raises(TwinError, match="no bad or good application 'nobody'"):
        load_app_twin(f"{DIRECTORY / 'status.py'}:nobody")


def test_missed_made_up_and_misplaced() -> None:
    """The check of the checker can fail in each of its ways."""

    @bad_app("headers-exact-list", "status-native-str")
    def twin(environ: Any, start_response: Any) -> Any:
        start_response(200, [("Content-Type", "text/plain")])
        return [b"x"]

    declared = twin._app_twin  # type: ignore[attr-defined]
    one = AppTwin("twin", summary="", file=Path("other.py"), lines=(1, 2), thing=twin, **declared)
    report = check_app_twin(one, RULES)
    assert report.missed == ("headers-exact-list",)
    assert [finding.rule for finding in report.misplaced] == ["status-native-str"]
    assert report.unrelated == ()
