"""The report in a real browser: what a reader does with it, and what hostile bytes can not do.

Needs Chromium (Debian: ``apt-get install chromium``) and ``pip install -e '.[browser]'``; without
one of them these tests are skipped, and say so. One browser serves them all; files, no network.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from report_hostile import HOSTILE, filled
from test_results import sample, trace, verdict

from conformance.report import html
from conformance.report.html import render_html
from conformance.report.traceability import TraceRow
from conformance.results import Behaviour, GridCell, Results, SubjectResult
from conformance.results.model import Fact
from conformance.rules import load

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: pip install -e '.[browser]'"
)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"
)
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
RULES = load()
MUST, OTHER, *MORE = [rule for rule in RULES.values() if rule.level == "MUST"]
HTTP = next(rule for rule in RULES.values() if rule.family == "HTTP")
OPENED = ["pair=0", "agreement=PEP+3333", "versus=good@odd", "rows=@odd&columns=alike"]
NOWHERE = ["agreement=none", "versus=good@none", "versus=good@good", "rows=none&columns=none"]
LIMIT = 20_000
"""Milliseconds that a page may take on a busy machine; none of the tests waits that long."""


def report() -> Results:
    """Servers that differ, facts, a grid, both families."""
    results = sample()
    good, odd, _ = results.subjects
    for subject, outcome in ((good, "pass"), (odd, "fail")):
        of_http = replace(verdict(HTTP, outcome, f"{subject.name}:t1"), level="MUST", family="HTTP")
        subject.verdicts.append(of_http)
        subject.facts.append(Fact("keep-alive", f"{outcome} it", "facts.keep_alive"))
    odd.facts[0] = replace(odd.facts[0], trace="odd:t1")
    only = SubjectResult("slow", version="2", started=True)
    only.verdicts = [verdict(MUST, "hang", "good:t1"), verdict(OTHER, "pass")]
    results.subjects.append(only)
    right = Behaviour("text", "pass", "200", "200")
    wrong = Behaviour("upload", "fail", "all of it", "b''", "POST /upload HTTP/1.1\r\n\r\n")
    results.grid = [
        GridCell("good", "flask", "1.2.3", "3.1", "CPython 3.13", True, "", [right, wrong]),
        GridCell("good", "django", "1.2.3", "5.2", "CPython 3.13", True, "", [right]),
        GridCell("odd", "flask", failure="did not answer"),
    ]
    return results


def traceability() -> list[TraceRow]:
    """One rule with probes and twins; of the others, reasons."""
    rows = [TraceRow(rule, (), (), "why not") for rule in RULES if rule != MUST.id]
    return [TraceRow(MUST.id, ("section.probe",), ("Breaks",), None, ("AtTheBorder",)), *rows]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Addresses of the pages, by name."""
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for name, results in (("report", report()), ("hostile", filled(HOSTILE))):
        path = folder / f"{name}.html"
        path.write_text(render_html(results, RULES, traceability()), encoding="utf-8")
        found[name] = path.as_uri()
    return found


class Reader:
    """Somebody who opens pages; remembers what went wrong in them."""

    def __init__(self, browser: Browser, pages: dict[str, str]) -> None:
        self.browser, self.pages = browser, pages
        self.complaints: list[str] = []

    def open(self, name: str = "report", hash: str = "", **context: Any) -> Page:
        """Open a page, in a context of its own."""
        page = self.browser.new_context(**context).new_page()
        page.set_default_timeout(LIMIT)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        page.on("request", self._asked)
        page.goto(self.pages[name] + (f"#{hash}" if hash else ""))
        if context.get("java_script_enabled", True):
            page.wait_for_selector("html.ready")
        return page

    def _asked(self, request: Any) -> None:
        if not request.url.startswith("file:"):
            self.complaints.append(f"request for {request.url}")


@pytest.fixture
def reader(browser: Browser, pages: dict[str, str]) -> Iterator[Reader]:
    """A reader, whose pages must not have complained."""
    made = Reader(browser, pages)
    yield made
    for context in browser.contexts:
        context.close()
    assert made.complaints == []


def cell(page: Page, rule: str, subject: int) -> Locator:
    """A cell of the matrix, whose subject counts from 1."""
    return page.locator(f'tr[data-r="{rule}"] > td').nth(subject - 1)


def shown_rules(page: Page) -> list[str]:
    """Ids of the rows that are not filtered away."""
    found: list[str] = page.eval_on_selector_all(
        "tr[data-r]", "rows => rows.filter(row => !row.hidden).map(row => row.dataset.r)"
    )
    return found


def unfold(page: Page) -> None:
    """Open all that can be unfolded."""
    page.evaluate(
        "() => { for (const one of document.querySelectorAll('details')) one.open = true }"
    )


def shut(page: Page) -> None:
    """Close what is open, and wait until the address says so: the event comes after the key."""
    page.keyboard.press("Escape")
    page.wait_for_function("() => !/[#&](cell|rule|server|pair|fact)=/.test(location.hash)")


def hash_of(page: Page) -> str:
    """What the address holds of the page's state."""
    found: str = page.evaluate("decodeURIComponent(location.hash)")
    return found


def test_a_cell_opens_with_its_evidence(reader: Reader) -> None:
    page = reader.open()
    cell(page, MUST.id, 2).click()
    panel = page.locator("#panel")
    panel.locator(".life svg").wait_for()
    assert hash_of(page) == f"#cell={MUST.id}@odd"
    said = panel.inner_text()
    for words in (
        "Odd server",
        "b'hello'",
        "b'hell'",
        "connect",
        "start_response",
        "REQUEST_METHOD",
    ):
        assert words in said
    assert "wsgi-conformance run odd --probe section.probe" in said
    assert f"wsgi-conformance replay results.json odd {MUST.id}" in said
    assert "POST / HTTP/1.1\\r\\n" in panel.locator("figure.sent pre").first.inner_text()
    kinds = panel.locator(".life g").evaluate_all("all => all.map(one => one.className.baseVal)")
    assert any("k-open" in kind for kind in kinds)
    assert any("app k-called" in kind for kind in kinds)


def test_bytes_are_shown_in_hexadecimal(reader: Reader) -> None:
    page = reader.open(hash=f"cell={MUST.id}@good")
    figure = page.locator("figure.sent").first
    figure.get_by_role("button", name="hex").click()
    assert "50 4f 53 54 20 2f 20 48" in figure.locator("pre").inner_text()


def test_the_script_reads_the_evidence_as_it_was_stored(reader: Reader) -> None:
    page = reader.open()
    for number, key in enumerate(("good:t1", "odd:t1")):
        shown = page.evaluate("at => eventsOf(at)", number)["events"]
        for stored, found in zip(report().traces[key]["events"], shown, strict=True):
            if "deflate" in stored.get("bytes", ""):
                stored, found = {**stored, "bytes": 0}, {**found, "bytes": 0}
            assert found == stored


def of_request(environ: dict[str, Any], request: bytes) -> Results:
    """The report, where the one call that "odd" got had this environ for these bytes."""
    results = report()
    made = trace("odd")
    for event in made["events"]:
        if event["kind"] == "sent":
            event["bytes"] = {"latin1": request.decode("latin-1")}
        if event["kind"] == "called":
            event["environ"]["items"] = [list(item) for item in environ.items()]
            event["inherited"] = []
    results.traces["odd:t1"] = made
    return results


REQUEST = (
    b"POST /caf%C3%A9?a=%20b HTTP/1.1\r\nHost: conformance.test\r\nContent-Type: text/plain\r\n"
    b"X-One: 1\r\nX-One: 2\r\nX-Gone: 3\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
)
AS_ASKED = {
    "REQUEST_METHOD": "POST",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/caf\xc3\xa9",
    "QUERY_STRING": "a=%20b",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "CONTENT_TYPE": "text/plain",
    "CONTENT_LENGTH": "2",
    "HTTP_HOST": "conformance.test",
    "HTTP_X_ONE": "1,2",
    "HTTP_X_GONE": "3",
}


@pytest.mark.parametrize(
    ("changes", "request_bytes", "marked"),
    [
        ({}, REQUEST, {}),
        ({"SCRIPT_NAME": "/caf\xc3\xa9", "PATH_INFO": ""}, REQUEST, {}),
        (
            {"PATH_INFO": "/caf\xe9", "HTTP_X_GONE": None, "HTTP_X_NEW": "4", "CONTENT_LENGTH": ""},
            REQUEST,
            {
                "PATH_INFO": "the request says '/caf",
                "HTTP_X_GONE": "not there",
                "HTTP_X_NEW": "no such field in the request",
                "CONTENT_LENGTH": "the request says '2'",
            },
        ),
        # Of what is not well-formed, or of two requests for one call, nothing is said.
        ({"PATH_INFO": "/"}, REQUEST.replace(b"X-One: 1", b"X One: 1"), {}),
        ({"PATH_INFO": "/"}, REQUEST * 2, {}),
    ],
)
def test_environ_beside_what_the_request_says(
    reader: Reader,
    tmp_path: Path,
    changes: dict[str, Any],
    request_bytes: bytes,
    marked: dict[str, str],
) -> None:
    environ = {name: value for name, value in {**AS_ASKED, **changes}.items() if value is not None}
    path = tmp_path / "asked.html"
    page = render_html(of_request(environ, request_bytes), RULES)
    path.write_text(page, encoding="utf-8")
    reader.pages = {"asked": path.as_uri()}
    opened = reader.open("asked", hash=f"cell={MUST.id}@odd")
    opened.locator("#panel .life").wait_for()
    found = {
        row.locator("th").inner_text(): row.locator("td").inner_text()
        for row in opened.locator("#panel .environ .marked").all()
    }
    assert found.keys() == marked.keys()
    assert all(words in found[key] for key, words in marked.items())
    said = opened.locator("#panel .call summary").first.inner_text()
    if request_bytes != REQUEST:
        assert "settles" not in said
    elif marked:
        assert f"{len(marked)} of the " in said
        assert "not as it says" in said
    else:
        assert "all " in said


def test_keys_that_the_check_speaks_of_come_first(reader: Reader, tmp_path: Path) -> None:
    results = of_request(AS_ASKED, REQUEST)
    odd = results.subjects[1]
    odd.verdicts = [replace(one, observed="QUERY_STRING is 'a= b'") for one in odd.verdicts]
    path = tmp_path / "spoken.html"
    path.write_text(render_html(results, RULES), encoding="utf-8")
    reader.pages = {"spoken": path.as_uri()}
    page = reader.open("spoken", hash=f"cell={MUST.id}@odd")
    page.locator("#panel .life").wait_for()
    table = page.locator("#panel .call details .environ").first
    assert (
        table.locator("th[scope=row]").first.inner_text() == "QUERY_STRING the check speaks of it"
    )


def test_questions_and_filters_choose_rows(reader: Reader) -> None:
    page = reader.open()
    every = shown_rules(page)
    page.locator("[data-ask=hangs]").click()
    assert MUST.id in shown_rules(page)
    assert len(shown_rules(page)) < len(every)
    assert hash_of(page) == "#ask=hangs"
    page.locator("[data-ask='']").click()
    page.get_by_label("Family").select_option("HTTP")
    assert shown_rules(page) == [HTTP.id]
    page.get_by_role("button", name="Reset").click()
    assert shown_rules(page) == every
    page.get_by_label("Find").fill(MUST.id)
    assert MUST.id in shown_rules(page)
    assert "of" in page.locator("#shown").inner_text()


def columns(page: Page) -> list[str]:
    """Names of the columns of the first table, from the left."""
    found: list[str] = page.locator("#matrix table").first.locator("a.head b").all_inner_texts()
    return found


def test_rows_are_sorted_by_what_a_server_did(reader: Reader) -> None:
    page = reader.open()
    as_it_was = shown_rules(page)
    head = page.locator("#matrix thead th", has_text="slow").first
    head.get_by_role("button", name="Sort the rules by what slow did").click()
    assert hash_of(page) == "#rows=@slow"
    assert head.get_attribute("aria-sort") == "descending"
    sorted_rules = shown_rules(page)
    assert sorted_rules[0] == MUST.id
    assert sorted(sorted_rules) == sorted(as_it_was)
    assert page.locator("tr.group", has_text="By what slow did").first.is_visible()
    # Whoever moves by the keyboard moves in the order that is seen.
    cell(page, sorted_rules[0], 1).click()
    shut(page)
    page.keyboard.press("ArrowDown")
    label = str(page.evaluate("() => document.activeElement.getAttribute('aria-label')"))
    assert f", {sorted_rules[1]}: " in label
    page.get_by_label("Rows by").select_option("rule")
    of_first = page.locator("tbody.sorted").first.locator("tr[data-r] > th > a").all_inner_texts()
    assert of_first == sorted(of_first)
    page.get_by_role("button", name="Reset").click()
    assert shown_rules(page) == as_it_was
    assert page.locator("tbody.sorted, [aria-sort]").count() == 0
    page.go_back()
    assert page.get_by_label("Rows by").input_value() == "rule"


def test_columns_are_sorted_and_cells_go_along(reader: Reader) -> None:
    page = reader.open(hash="columns=broken")
    assert columns(page) == ["good", "slow", "odd", "absent"]
    odd = cell(page, MUST.id, 3)
    odd.hover()
    assert str(odd.get_attribute("aria-label")).startswith("odd, ")
    odd.click()
    page.locator("#panel .life").wait_for()
    assert hash_of(page) == f"#columns=broken&cell={MUST.id}@odd"
    assert "Odd server" in page.locator("#panel").inner_text()
    shut(page)
    page.keyboard.press("ArrowLeft")
    label = str(page.evaluate("() => document.activeElement.getAttribute('aria-label')"))
    assert label.startswith("slow, ")
    page.get_by_label("Columns by").select_option("alike")
    assert sorted(columns(page)) == ["absent", "good", "odd", "slow"]
    page.get_by_label("Columns by").select_option("")
    assert columns(page) == ["good", "odd", "absent", "slow"]


def test_all_is_unfolded_and_folded_at_once(reader: Reader) -> None:
    page = reader.open()
    shut = page.locator("#matrix details:not([open])")
    assert shut.count()
    page.get_by_role("button", name="Unfold all").click()
    assert shut.count() == 0
    page.get_by_role("button", name="Fold all").click()
    assert page.locator("#matrix details[open]").count() == 0


def test_how_far_each_pair_agrees(reader: Reader) -> None:
    page = reader.open()
    page.get_by_role("link", name="Agreement").click()
    assert hash_of(page) == "#agreement=PEP+3333"
    heads = page.locator(".agree tbody th").all_inner_texts()
    assert heads == ["good", "odd", "slow"]
    squares = page.locator(".agree tbody tr").first.locator("td").all_inner_texts()
    outcomes: list[list[str]] = page.evaluate(
        "() => [0, 1].map(at => rows.filter(one => one.family === 'PEP 3333')"
        ".map(one => WORD[one.cells[at].className]))"
    )
    both = [
        pair
        for pair in zip(*outcomes, strict=True)
        if not {None, "unsupported", "error"} & set(pair)
    ]
    same = sum(one == two for one, two in both)
    assert squares[:2] == ["\N{EN DASH}", str(100 * same // len(both))]
    page.locator(".agree td").first.focus()
    page.keyboard.press("ArrowRight")
    label = str(page.evaluate("() => document.activeElement.getAttribute('aria-label')"))
    assert label.startswith(f"good and odd: the same in {same} of {len(both)} rules of PEP 3333")
    page.keyboard.press("Enter")
    assert hash_of(page) == "#versus=good@odd"
    differ = page.locator(".versus li", has_text=MUST.id).inner_text()
    assert "good pass" in differ
    assert "odd fail observed b'hell'" in differ
    page.go_back()
    page.get_by_role("button", name="HTTP", exact=True).click()
    assert hash_of(page) == "#agreement=HTTP"
    assert page.locator(".agree td").nth(1).inner_text() == "0"


def test_one_server_by_gravity(reader: Reader) -> None:
    page = reader.open()
    page.get_by_label("Look at").select_option("odd")
    assert not page.locator("#matrix").is_visible()
    titles = page.locator("#list summary").all_inner_texts()
    found = [title.split()[0] for title in titles]
    assert found.index("Crashes") < found.index("Hangs") < found.index("Broken")
    page.locator("#list .link", has_text=MUST.id).first.click()
    page.locator("#panel .life").wait_for()
    shut(page)
    assert hash_of(page) == "#of=odd"


def test_back_and_forward_walk_what_was_opened(reader: Reader) -> None:
    page = reader.open()
    page.locator("[data-ask=differs]").click()
    cell(page, MUST.id, 2).click()
    page.locator("#panel .link", has_text="the rule and how it is checked").click()
    assert hash_of(page) == f"#ask=differs&rule={MUST.id}"
    page.go_back()
    assert hash_of(page) == f"#ask=differs&cell={MUST.id}@odd"
    assert "Odd server" in page.locator("#panel").inner_text()
    page.go_back()
    page.locator("#panel").wait_for(state="hidden")
    page.go_back()
    assert page.locator("[data-ask='']").get_attribute("aria-pressed") == "true"
    page.go_forward()
    page.go_forward()
    page.locator("#panel").wait_for(state="visible")


def test_a_link_to_a_cell_opens_it(reader: Reader) -> None:
    page = reader.open(hash=f"ask=differs&cell={MUST.id}@odd")
    assert "Odd server" in page.locator("#panel").inner_text()
    assert page.locator("[data-ask=differs]").get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize(
    "hash", ["cell=none@none", "rule=none", "%ff", "pair=99", "ask=none&of=x", *NOWHERE]
)
def test_a_link_to_nothing_shows_the_matrix(reader: Reader, hash: str) -> None:
    page = reader.open(hash=hash)
    assert page.locator("#matrix").is_visible()
    assert not page.locator("#panel").is_visible()


def test_keyboard(reader: Reader) -> None:
    page = reader.open()
    page.locator("#matrix td[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    here = "() => document.activeElement.getAttribute('aria-label')"
    assert str(page.evaluate(here)).startswith("odd, ")
    outline = page.evaluate(
        "() => getComputedStyle(document.activeElement, '::before').outlineStyle"
    )
    assert outline == "solid"
    page.keyboard.press("ArrowDown")
    label = page.evaluate(here)
    page.keyboard.press("Enter")
    page.locator("#panel").wait_for(state="visible")
    opened = hash_of(page)
    page.keyboard.press("ArrowRight")
    assert hash_of(page) != opened
    page.keyboard.press("ArrowLeft")
    assert hash_of(page) == opened
    shut(page)
    page.locator("#panel").wait_for(state="hidden")
    assert page.evaluate(here) == label
    assert hash_of(page) == ""


def test_pages_of_a_rule_a_server_a_fact_and_a_pair(reader: Reader) -> None:
    page = reader.open(hash=f"rule={MUST.id}")
    panel = page.locator("#panel")
    for words in (MUST.summary, "Breaks", "AtTheBorder", "section.probe", "Everyone's result"):
        assert words in panel.inner_text()
    page = reader.open(hash="server=absent")
    assert "exited with status 1" in page.locator("#panel").inner_text()
    page = reader.open()
    page.locator(".who", has_text="odd").click()
    page.locator("#panel .life").wait_for()
    assert "fail it" in page.locator("#panel").inner_text()
    shut(page)
    page.locator("[data-g='0']").click()
    said = page.locator("#panel").inner_text()
    assert "flask on good" in said
    assert "POST /upload" in said


def test_an_issue_names_versions_bytes_and_others(reader: Reader) -> None:
    page = reader.open(hash=f"cell={MUST.id}@odd")
    page.locator("#panel .life").wait_for()
    written = page.evaluate(
        "async () => issue(index.subjects[1], verdicts[1].values().next().value[0], "
        "(await eventsOf(1)).events)"
    )
    for words in ("Odd server 0.9", "expected: b'hello'", "POST / HTTP/1.1", "- pass: good 1.2.3"):
        assert words in written


def test_without_javascript_matrix_verdicts_and_rules_are_there(reader: Reader) -> None:
    page = reader.open(java_script_enabled=False)
    row = page.locator("#matrix tr", has=page.get_by_role("link", name=MUST.id, exact=True))
    assert row.is_visible()
    assert row.locator("> td").nth(1).inner_text() == "fail"
    article = page.locator(f'article[id="rule-{MUST.id}"]')
    page.locator("details", has=article).locator("> summary").click()
    assert MUST.summary in article.inner_text()
    assert "b'hell'" in article.inner_text()
    assert not page.locator(".filters").is_visible()
    assert page.locator("noscript").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 768])
def test_nothing_is_wider_than_the_screen(reader: Reader, width: int, scheme: Any) -> None:
    page = reader.open(viewport={"width": width, "height": 640}, color_scheme=scheme)
    wide = "() => document.documentElement.scrollWidth"
    assert page.evaluate(wide) <= width
    unfold(page)
    assert page.evaluate(wide) <= width
    cell(page, MUST.id, 2).click()
    page.locator("#panel .life").wait_for()
    assert page.evaluate("() => document.querySelector('#panel').scrollWidth") <= width
    page.evaluate("() => go({ agreement: 'PEP 3333' })")
    assert page.evaluate("() => document.querySelector('#panel').scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("hash", ["", f"cell={MUST.id}@odd", f"rule={MUST.id}", "of=odd", *OPENED])
def test_axe_finds_nothing(reader: Reader, hash: str, scheme: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = reader.open(hash=hash, color_scheme=scheme, reduced_motion="reduce")
    if "cell" in hash:
        page.locator("#panel .life").wait_for()
    if not hash:
        unfold(page)
    found = axe.Axe().run(page).response["violations"]
    told = [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found]
    assert told == [], json.dumps(told, indent=1)


def test_the_switch_changes_the_colours(reader: Reader) -> None:
    page = reader.open(color_scheme="light")
    paper = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.locator("#theme").click()
    assert page.evaluate(paper) != light
    page.locator("#theme").click()
    assert page.evaluate(paper) == light


def test_print_unfolds_the_matrix_and_drops_the_controls(reader: Reader) -> None:
    page = reader.open()
    page.emulate_media(media="print")
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#matrix details:not([open])").count() == 0
    assert not page.locator(".filters").is_visible()
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert page.locator("#matrix details[open]").count() == 0


def test_hostile_bytes_run_nothing_and_break_nothing(reader: Reader) -> None:
    page = reader.open("hostile")
    first = page.evaluate("() => index.subjects.map(subject => subject.key)")
    assert all("</script>" in key for key in first)
    for number in (0, 1):
        rule = page.evaluate("at => verdicts[at].keys().next().value", number)
        page.evaluate("([rule, key]) => go({ cell: `${rule}@${key}` })", [rule, first[number]])
        page.locator("#panel .life").wait_for()
        unfold(page)
        assert page.locator("#panel img, #panel script").count() == 0
        said = page.locator("#panel").inner_text()
        assert "</script>" in said
        assert "\\u202e" in said
        assert not set("\u202e\x1b\x00\u2028") & set(said)
    for name, value in (("server", first[2]), ("rule", rule), ("of", first[1]), ("pair", "0")):
        page.evaluate("pair => { location.hash = new URLSearchParams([pair]) }", [name, value])
        page.wait_for_function("name => location.hash.startsWith(`#${name}=`)", arg=name)
        assert page.locator("#panel img, #list img, #panel script").count() == 0
    assert page.evaluate("() => window.owned") is None


def test_no_script_of_a_page_runs_but_its_own(reader: Reader) -> None:
    page = reader.open()
    page.evaluate(
        "() => { const made = document.createElement('script'); made.textContent = 'owned = 1';"
        " document.body.append(made);"
        " const image = document.createElement('img'); image.setAttribute('onerror', 'owned = 1');"
        " image.src = 'data:,'; document.body.append(image); }"
    )
    assert page.evaluate("() => window.owned") is None
    assert reader.complaints
    assert all("Content Security Policy" in complaint for complaint in reader.complaints)
    reader.complaints.clear()


def test_many_servers(reader: Reader, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(html, "MANY_CELLS", 1)
    results = report()
    path = tmp_path / "many.html"
    path.write_text(render_html(results, RULES, traceability()), encoding="utf-8")
    reader.pages = {"many": path.as_uri()}
    page = reader.open("many")
    for row in page.locator("#matrix tr[data-r]").all():
        assert row.locator("> td").count() == len(results.subjects)
    cell(page, MUST.id, 2).click()
    page.locator("#panel .life").wait_for()
    assert "Odd server" in page.locator("#panel").inner_text()
    shut(page)
    page.locator("#matrix tbody th > a", has_text=MUST.id).click()
    assert hash_of(page) == f"#rule={MUST.id}"
    page = reader.open("many", java_script_enabled=False)
    row = page.locator("#matrix tbody tr", has_text=MUST.summary)
    assert row.locator("> td").all_inner_texts()[:2] == ["pass", "fail"]


def test_bytes_of_long_traces(reader: Reader, tmp_path: Path) -> None:
    results = report()
    results.traces["odd:t1"] = trace("odd", bytes(range(256)) * 400)
    path = tmp_path / "long.html"
    path.write_text(render_html(results, RULES), encoding="utf-8")
    reader.pages = {"long": path.as_uri()}
    page = reader.open("long", hash=f"cell={MUST.id}@odd")
    assert "bytes are not shown" in page.locator("figure .gap").first.inner_text()
