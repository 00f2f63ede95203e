"""The page in a real browser: for sighted users, for screen readers, and with a hostile model."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("selenium")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from nightfold.storage import outcome_key, results_key
from nightfold.text import unlinked
from reporter.export import Section, cell, markdown
from reporter.page import render
from reporter.records import read_records
from reporter.schedule import Schedule
from reporter.verdict import ReportContext
from tests.e2e.chromium import Browser, browser, missing
from tests.support.clouds import PATIENCE_S
from tests.support.hostile_texts import TEXTS
from tests.support.links import LINKS_AND_NONE
from tests.support.stored_runs import HOSTILE, RUNS, lengthy, partial

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")
MORNING = ReportContext(Schedule("cron(0 7 * * ? *)", "UTC", enabled=True))
HEADLINES = {
    "good": "All 4 sites are in.",
    "partial": "3 of 4 sites are in.",
    "followed": "2 of 4 sites are in.",
    "morning": "1 of 2 sites is in.",
    "lost": "Nothing was collected.",
    "stopped": "Nothing was collected.",
    "empty": "No site was asked.",
    "hostile": "2 of 4 sites are in.",
    "large": "9,896 of 10,000 sites are in.",
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    made = {}
    for name, run in RUNS.items():
        run_id = "redrive-2026-11-23" if name in {"empty", "morning"} else "nightly-2026-11-23"
        made[name] = folder / f"{name}.html"
        made[name].write_bytes(render(read_records(run_id, run()), MORNING))
    return made


@pytest.fixture(scope="module")
def longest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("longest") / "page.html"
    file.write_bytes(render(read_records("r" * 80, lengthy()), MORNING))
    return file


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as window:
        window.cdp("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        yield window


def click(chromium: Browser, selector: str) -> None:
    chromium.driver.find_element(By.CSS_SELECTOR, selector).click()


def text(chromium: Browser, selector: str) -> str:
    return chromium.driver.find_element(By.CSS_SELECTOR, selector).text


def until(chromium: Browser, expression: str) -> None:
    WebDriverWait(chromium.driver, PATIENCE_S).until(lambda _: chromium.js(expression))


def look_for(chromium: Browser, words: str) -> str:
    """What the page says when it has searched."""
    chromium.driver.execute_script(
        "document.querySelector('#found').replaceChildren();"
        "const search = document.querySelector('#search'); search.value = arguments[0];"
        "search.dispatchEvent(new Event('input'))",
        words,
    )
    until(chromium, "document.querySelector('#found').textContent.includes('match')")
    return text(chromium, "#found")


def clipboard(chromium: Browser) -> str:
    until(chromium, "document.querySelector('#status').textContent !== ''")
    copied: str = chromium.driver.execute_async_script(
        "navigator.clipboard.readText().then(arguments[arguments.length - 1])"
    )
    return copied


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", RUNS)
def test_a_page_opens_without_errors_requests_or_barriers(
    chromium: Browser, pages: dict[str, Path], name: str, dark: bool
) -> None:
    chromium.open(pages[name], dark=dark)
    assert text(chromium, "h1") == HEADLINES[name]
    chromium.screenshot(f"page-{name}-{'dark' if dark else 'light'}", whole=name != "large")
    assert chromium.complaints() == []
    asked = chromium.requests()
    assert asked
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert chromium.barriers() == []


@pytest.mark.parametrize("name", RUNS)
def test_the_four_answers_are_visible_without_scrolling_and_nothing_is_wider_than_the_window(
    chromium: Browser, pages: dict[str, Path], name: str
) -> None:
    chromium.open(pages[name])
    answers = chromium.driver.find_elements(By.CSS_SELECTOR, ".answer")
    assert [each.find_element(By.TAG_NAME, "h2").text for each in answers] == [
        "Did it work?",
        "What did I get?",
        "What is missing?",
        "What did it cost?",
    ]
    assert all(each.rect["y"] + each.rect["height"] <= 800 for each in answers)
    assert chromium.js("document.documentElement.scrollWidth") <= 1280
    chromium.open(pages[name], width=390, height=844)
    chromium.screenshot(f"page-{name}-phone", whole=name != "large")
    assert chromium.js("document.documentElement.scrollWidth") <= 390
    assert chromium.barriers() == []


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1280])
def test_the_longest_names_fit_into_every_window(chromium: Browser, longest: Path, width: int) -> None:
    chromium.open(longest, width=width)
    chromium.screenshot(f"page-longest-{width}", whole=True)
    assert chromium.js("document.documentElement.scrollWidth") <= width
    assert chromium.barriers() == []


def test_it_shows_which_site_is_missing_why_and_when_it_is_tried_again(
    chromium: Browser, pages: dict[str, Path]
) -> None:
    chromium.open(pages["partial"])
    card = chromium.driver.find_elements(By.CSS_SELECTOR, ".answer")[2].text
    assert "meadow: The answer broke the contract" in card
    assert "Next try: Mon 23 Nov at 07:00 UTC" in card


def test_the_redrives_page_is_a_link_and_its_key_where_a_link_would_be_denied(
    chromium: Browser, pages: dict[str, Path]
) -> None:
    chromium.open(pages["morning"])
    assert text(chromium, ".origins") == "Redrive of misses of nightly-2026-11-23"
    chromium.open(pages["followed"])
    assert chromium.js("document.querySelectorAll('a.run-page').length") == 3
    missing = chromium.driver.find_elements(By.CSS_SELECTOR, "#missing .later")
    assert [each.text for each in missing] == [
        "Missed again, by redrive-2026-11-23",
        "Collected later, by redrive-2026-11-23",
    ]
    chromium.driver.get(f"{pages['followed'].as_uri()}?X-Amz-Signature=0")
    assert chromium.js("document.querySelectorAll('a.run-page').length") == 0
    assert "Collected later, by redrive-2026-11-23 (runs/redrive-2026-11-23/digest.html)" in text(chromium, "#missing")


def test_what_a_model_wrote_is_only_text(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.open(pages["hostile"])
    assert text(chromium, "#site-list .title") == HOSTILE
    assert chromium.js("document.querySelectorAll('main img, main iframe, main script').length") == 0
    assert chromium.js("document.scripts.length") == 2  # the sites' data, and our own
    assert (
        chromium.js(
            "[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => /^on/.test(a.name))).length"
        )
        == 0
    )
    click(chromium, "details summary")
    chromium.driver.find_element(By.ID, "search").send_keys("alert")
    until(chromium, "document.querySelector('#found').textContent.startsWith('1 site matches')")
    assert text(chromium, "#site-list .title") == HOSTILE
    assert chromium.complaints() == []


def test_the_content_security_policy_refuses_foreign_code(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.open(pages["partial"])
    chromium.js(
        "(() => { try { const s = document.createElement('script'); s.textContent = 'window.acted = 1';"
        " document.body.append(s) } catch {} })()"
    )
    chromium.js("(() => { new Image().src = 'https://example.com/x.png' })()")
    assert chromium.js("window.acted") is None
    assert any("Content Security Policy" in complaint for complaint in chromium.complaints())
    assert chromium.requests()["https://example.com/x.png"] == "csp"


def test_copying_one_candidate_one_site_and_all(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.open(pages["partial"])
    click(chromium, "#site-list li button")
    assert clipboard(chromium) == (
        "Why retry storms deserve an afternoon 0\nA small experiment that any reader can repeat in an hour."
    )
    click(chromium, "#site-list header button")
    assert clipboard(chromium).startswith(
        "## harbour (harbour.example)\n\n* **Why retry storms deserve an afternoon 0**: "
    )
    click(chromium, "[data-do=copy-all]")
    until(chromium, "document.querySelector('#status').textContent.includes('all candidates')")
    whole = clipboard(chromium)
    assert whole.startswith("# Candidates, nightly-2026-11-23\n")
    assert [line for line in whole.splitlines() if line.startswith("## ")] == [
        "## harbour (harbour.example)",
        "## orchard (orchard.example)",
        "## lantern (lantern.example)",
    ]
    assert whole.count("\n* **") == 15


def test_markdown_of_a_hostile_model_is_text_too(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.open(pages["hostile"])
    click(chromium, "[data-do=copy-all]")
    whole = clipboard(chromium)
    assert "\\<script\\>" in whole
    assert "<script>" not in whole
    assert "\\[a\\](javascript: 1)" in whole
    assert '=HYPERLINK("https: //evil. example"); @ all' in whole


def test_a_formula_is_copied_as_text(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.open(pages["hostile"])
    click(chromium, "#site-list li:nth-of-type(2) button")
    assert clipboard(chromium).splitlines()[0] == """'=HYPERLINK("https: //evil. example");' @ all"""


def test_the_page_exports_what_the_command_line_exports(chromium: Browser, tmp_path: Path) -> None:
    entries = [{"title": f"t {text}", "angle": text} for text in TEXTS] + [
        {"title": text, "angle": 1} for text in TEXTS
    ]
    bucket = partial()
    key = results_key("nightly-2026-11-23", "harbour")
    bucket.objects[key] = json.dumps(json.loads(bucket.objects[key]) | {"entries": entries}).encode()
    records = read_records("nightly-2026-11-23", bucket)
    (tmp_path / "page.html").write_bytes(render(records, MORNING))
    chromium.open(tmp_path / "page.html")
    click(chromium, "[data-do=copy-all]")
    until(chromium, "document.querySelector('#status').textContent.includes('all candidates')")
    sections = [
        Section(f"{site_id} ({site_id}.example)", records.question_of(site_id), records.results[site_id].entries)
        for site_id in ("harbour", "orchard", "lantern")
    ]
    assert clipboard(chromium) == markdown("candidate", "nightly-2026-11-23", sections)
    for number in range(len(TEXTS) + 1, len(entries) + 1):
        click(chromium, f"#site-list li:nth-of-type({number}) button")
        assert clipboard(chromium) == f"{cell(entries[number - 1]['title'])}\n1"


def test_the_page_breaks_links_where_the_message_does(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.open(pages["good"])
    for text in LINKS_AND_NONE:
        script = "arguments[0].replace(new RegExp(JSON.parse(document.body.dataset.patterns)[0], 'gu'), ' ')"
        assert chromium.js(script, text) == unlinked(text)


def test_saving_all_as_a_file(chromium: Browser, pages: dict[str, Path], tmp_path: Path) -> None:
    chromium.open(pages["partial"])
    chromium.cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    click(chromium, "[data-do=save-all]")
    saved = tmp_path / "nightly-2026-11-23.md"
    WebDriverWait(chromium.driver, PATIENCE_S).until(lambda _: saved.exists())
    assert saved.read_text().count("\n* **") == 15
    assert chromium.complaints() == []


def test_the_page_can_be_used_with_the_keyboard_alone(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.open(pages["partial"])
    body = chromium.driver.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    assert chromium.js("document.activeElement.className") == "skip"
    body.send_keys("/")
    assert chromium.js("document.activeElement.id") == "search"
    search = chromium.driver.find_element(By.ID, "search")
    search.send_keys("meadow")
    until(chromium, "document.querySelector('#found').textContent === '1 site matches.'")
    assert "missed: SchemaViolation" in text(chromium, "#site-list")
    search.send_keys(Keys.ESCAPE)
    until(chromium, "document.querySelectorAll('#site-list article').length === 3")
    assert chromium.js("document.querySelector('#found').textContent") == ""


def test_ten_thousand_sites_make_few_elements_and_can_all_be_found(chromium: Browser, pages: dict[str, Path]) -> None:
    assert pages["large"].stat().st_size < 5_000_000
    chromium.open(pages["large"])
    elements = chromium.js("document.getElementsByTagName('*').length")
    assert elements < 10_000  # 3,000 open in a fifth of a second, one for each candidate would be 50,000
    search = chromium.driver.find_element(By.ID, "search")
    search.send_keys("site-09876")
    until(chromium, "document.querySelector('#found').textContent === '1 site matches.'")
    assert text(chromium, "#site-list h3") == "site-09876"
    assert len(chromium.driver.find_elements(By.CSS_SELECTOR, "#site-list li")) == 5
    search.send_keys(Keys.CONTROL, "a")
    search.send_keys("site-09")
    until(chromium, "document.querySelector('#found').textContent.startsWith('1,000 sites match')")
    click(chromium, "#more")
    until(chromium, "document.querySelectorAll('#site-list article').length === 100")
    assert chromium.complaints() == []
    chromium.screenshot("page-large-search")


def test_a_search_finds_what_was_written_and_no_names_of_fields(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.open(pages["hostile"])
    assert look_for(chromium, '=hyperlink("https:') == "1 site matches."
    assert look_for(chromium, "angle") == "0 sites match."
    assert look_for(chromium, "truncated") == "1 site matches."


def test_every_site_that_a_search_finds_can_be_shown(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.open(pages["stopped"])
    assert not chromium.driver.find_element(By.ID, "more").is_displayed()
    assert look_for(chromium, "site-004") == "100 sites match, 50 shown."
    chromium.driver.find_element(By.ID, "more").send_keys(Keys.ENTER)
    until(chromium, "document.querySelectorAll('#site-list article').length === 100")
    assert text(chromium, "#found") == "100 sites match."
    assert not chromium.driver.find_element(By.ID, "more").is_displayed()
    assert chromium.js("document.activeElement.textContent") == "site-00450"
    assert chromium.js("document.querySelectorAll('#site-list a').length") == 0, "nothing is remembered of a miss"


def test_more_sites_are_counted(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.open(pages["large"])
    assert text(chromium, "#found") == "50 of 9,896 sites are shown; search finds all."
    click(chromium, "#more")
    until(chromium, "document.querySelectorAll('#site-list article').length === 100")
    assert text(chromium, "#found") == "100 of 9,896 sites are shown; search finds all."


def test_a_search_that_is_cleared_before_the_sites_are_loaded_leaves_all(
    chromium: Browser, pages: dict[str, Path]
) -> None:
    chromium.open(pages["large"])
    chromium.driver.execute_script(
        "document.querySelector('#found').replaceChildren();"
        "const search = document.querySelector('#search'); search.focus(); search.value = 'site-09876';"
        "search.dispatchEvent(new Event('input'));"
        "setTimeout(() => search.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape', bubbles: true})), 130)"
    )
    until(chromium, "document.querySelector('#search').value === ''")
    until(chromium, "document.querySelector('#found').textContent !== ''")
    assert len(chromium.driver.find_elements(By.CSS_SELECTOR, "#site-list article")) == 50


def test_an_entry_that_was_searched_looks_as_before(chromium: Browser, tmp_path: Path) -> None:
    bucket = partial()
    key = results_key("nightly-2026-11-23", "harbour")
    entries = [{"title": "Ships", "angle": f"{'x' * 199}🚢{'y' * 300}"}]
    bucket.objects[key] = json.dumps(json.loads(bucket.objects[key]) | {"entries": entries}).encode()
    (tmp_path / "page.html").write_bytes(render(read_records("nightly-2026-11-23", bucket), MORNING))
    chromium.open(tmp_path / "page.html")
    before = chromium.js("document.querySelector('#site-list ul').textContent")
    assert "🚢…" in before
    look_for(chromium, "ships")
    assert chromium.js("document.querySelector('#site-list ul').textContent").split() == before.split()


def test_calls_without_times_are_drawn_and_explained(chromium: Browser, tmp_path: Path) -> None:
    bucket = partial()
    key = outcome_key("nightly-2026-11-23", 1, "orchard")
    outcome = json.loads(bucket.objects[key])
    outcome["answer"]["calls"] = outcome["answer"]["calls"][1:]
    bucket.objects[key] = json.dumps(outcome).encode()
    (tmp_path / "page.html").write_bytes(render(read_records("nightly-2026-11-23", bucket), MORNING))
    chromium.open(tmp_path / "page.html")
    shown = chromium.driver.find_elements(By.CSS_SELECTOR, ".legend span")
    [legend] = [each for each in shown if each.text == "calls without times"]
    name = legend.get_attribute("class")
    assert legend.rect["width"] > 50
    assert chromium.js(f"document.querySelector('.gantt rect.{name}').getBoundingClientRect().width") > 5
    assert chromium.js(f"getComputedStyle(document.querySelector('.gantt rect.{name}')).clipPath") == "none"


def test_it_can_be_printed_and_read_without_scripts(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.open(pages["partial"])
    assert chromium.pdf().startswith(b"%PDF-")
    chromium.cdp("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.open(pages["partial"])
        body = text(chromium, "body")
        assert "Why retry storms deserve an afternoon 0" in body
        assert "need JavaScript" in body
    finally:
        chromium.cdp("Emulation.setScriptExecutionDisabled", value=False)
