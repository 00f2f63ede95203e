"""The page as text; tests/e2e/test_page.py looks at it in a browser."""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightfold.branch import Outcome
from reporter.history import bars
from reporter.message import text as message_of
from reporter.page import render
from reporter.records import read_records
from reporter.schedule import Schedule
from reporter.verdict import ReportContext
from tests.support.hostile_outcomes import spoilt
from tests.support.questions import CANDIDATES
from tests.support.stored_runs import FOUR, HOSTILE, RUNS, MemoryBucket, large, lost, partial, store_run
from tests.unit.examples import STARTED

RUN = "nightly-2026-11-23"
MORNING = ReportContext(Schedule("cron(0 7 * * ? *)", "Europe/Berlin", enabled=True))


def page(shelf: MemoryBucket, run_id: str = RUN, context: ReportContext = MORNING) -> str:
    return render(read_records(run_id, shelf), context).decode()


class Elements(HTMLParser):
    """Every element with its attributes, and the contents of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        self._open = tag
        if tag in self.inside:
            self.inside[tag].append("")

    def handle_data(self, data: str) -> None:
        if self._open in self.inside:
            self.inside[self._open][-1] += data

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._open = ""


def asked(question: str, *entries: dict[str, Any], repeated: Sequence[str] = ()) -> str:
    """The page of a run whose sites were asked another question."""
    records = read_records(RUN, RUNS["good"]())
    results = {
        site: each.model_copy(update={"question": question, "entries": list(entries), "repeated": list(repeated)})
        for site, each in records.results.items()
    }
    plan = records.plan.model_copy(
        update={"configuration": records.plan.configuration.model_copy(update={"question": question})}
    )
    summary = records.summary.model_copy(update={"question": question})
    return render(replace(records, results=results, plan=plan, summary=summary), MORNING).decode()


def test_the_page_has_the_questions_noun_and_fields_and_folds_long_texts() -> None:
    long = {"article": "Boats", "outdated": "o" * 401, "effort": "small"}
    text = asked("articles_to_refresh", long, long | {"article": "Nets", "outdated": "Prices"}, repeated=["Nets"])
    assert '<h2 id="entries-title">Articles</h2>' in text
    assert '<span class="title" dir="auto">Boats</span> <button' in text
    assert f'<details class="detail" dir="auto"><summary>{"o" * 200}…</summary>{"o" * 401}</details>' in text
    assert '<span class="detail" dir="auto"><b>effort</b> small</span>' in text
    assert '<span class="title" dir="auto">Nets</span> <span class="note">suggested before</span>' in text
    assert 'href="../../sites/harbour/articles_to_refresh/memory.json"' in text


def test_a_question_that_is_gone_is_shown_by_the_fields_of_its_results() -> None:
    text = asked("long_gone", {"idea": "<b>Boats</b>", "price": 3, "tags": ["a", "b"]})
    assert '<h2 id="entries-title">Entries</h2>' in text
    assert '<span class="title" dir="auto">&lt;b&gt;Boats&lt;/b&gt;</span>' in text
    assert "<b>price</b> 3" in text
    assert '<span class="detail" dir="auto">a, b</span>' in text


def test_a_question_that_has_other_fields_by_now_is_shown_by_those_of_its_results() -> None:
    text = asked("articles_to_refresh", {"title": "Boats", "reason": "They float."})
    assert '<span class="title" dir="auto">Boats</span>' in text
    assert '<span class="detail" dir="auto">They float.</span>' in text


def test_a_noun_keeps_its_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reporter.records.shown", lambda *_: replace(CANDIDATES, noun="FAQ"))
    assert '<h2 id="entries-title">FAQs</h2>' in page(partial())


@pytest.mark.parametrize("name", ["good", "partial", "followed", "lost", "empty", "hostile"])
def test_a_page_asks_for_nothing_and_allows_only_its_own_script_and_style(name: str) -> None:
    text = page(RUNS[name](), "redrive-2026-11-23" if name == "empty" else RUN)
    elements = Elements(text)
    policy = next(a["content"] for _, a in elements.seen if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for content in (elements.inside["style"][0], elements.inside["script"][-1]):
        assert base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() in policy
    assert {tag for tag, _ in elements.seen} & {"iframe", "object", "embed", "form", "base", "audio", "video"} == set()
    for tag, attributes in elements.seen:
        assert not any(key.startswith("on") or key == "style" for key in attributes), tag
        assert (attributes.get("href") or "#").startswith(
            ("#", "data:image/svg+xml,", "../redrive-2026-11-23/digest.html", "../../sites/")
        )
        assert "src" not in attributes


def test_what_a_model_wrote_is_escaped_everywhere() -> None:
    text = page(RUNS["hostile"]())
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)" in text
    assert text.count("<script") == 2
    assert "\x1b" not in text
    assert "\u202e" not in text
    data = json.loads(Elements(text).inside["script"][0])
    assert data[0]["entries"][0]["title"] == HOSTILE


def test_a_miss_is_explained_with_its_next_try() -> None:
    text = page(partial())
    assert "meadow waits for the next redrive, Mon 23 Nov at 07:00 CET." in text
    for words in ("The answer broke the contract", "asks again, from the beginning", "Read the raw answer below"):
        assert words in text


def test_without_a_schedule_the_page_has_the_command_that_starts_a_redrive() -> None:
    text = page(partial(), context=ReportContext(redrive_command="/opt/nightfold redrive --state-dir '/a b'"))
    assert "Next try: when you start a redrive" in text
    assert "you start it, with the command below." in text
    assert "<code>/opt/nightfold redrive --state-dir &#39;/a b&#39;</code>" in text


def test_where_no_command_is_known_none_is_shown() -> None:
    text = page(partial(), context=ReportContext())
    assert "you start it." in text
    assert "<code>" not in text[text.index('id="missing"') : text.index('id="entries"')]


def test_money_is_only_spoken_of_where_it_was_paid() -> None:
    assert "usually $0.0220" in page(partial())
    shelf = MemoryBucket()
    store_run(shelf, {name: ["ok"] for name in FOUR}, run_id="paid", started=STARTED - timedelta(days=1))
    store_run(shelf, {name: ["ok", "Refused"] for name in FOUR}, simulated=True)
    text = page(shelf)
    assert "Simulated answers; real ones would cost about $0.0220" in text
    assert "Nothing was paid: the costs are what real answers would have cost." in text
    assert '<td class="number">nothing (simulated; real: about $0.0220)</td>' in text
    assert '<td class="number">$0.0220</td>' in text, "the run of the day before was paid"
    paid, simulated = bars(read_records(RUN, shelf)).columns
    assert (paid.cost, simulated.cost) == (0.0, 100.0), "the chart compares like with like"


def test_a_parked_site_is_promised_no_next_try() -> None:
    shelf = MemoryBucket()
    store_run(shelf, {"harbour": ["Refused"], "orchard": ["ok"]}, of_redrive={"attempts": {"harbour": 2}})
    assert "Next try" not in page(shelf)
    assert "Next redrive" not in page(shelf)
    message = message_of(read_records(RUN, shelf), MORNING, "link", "place")
    assert "Parked: no redrive asks again" in message
    assert "The next redrive" not in message


def test_records_without_times_are_not_drawn() -> None:
    shelf = MemoryBucket()
    store_run(shelf, {name: ["ok"] for name in FOUR}, times=False)
    assert "have no times" in page(shelf)


def test_what_has_to_be_acted_on_comes_first() -> None:
    text = page(lost())
    assert text.index("The API key was not accepted") < text.index("Claude had no capacity</h3>")


def unpacked(text: str) -> list[Any]:
    packed = re.search(r'id="sites-packed">([^<]*)<', text)
    assert packed
    entries: list[Any] = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    return entries


def test_ten_thousand_sites_fit_with_all_their_candidates() -> None:
    text = page(large())
    assert len(text.encode()) < 5_000_000
    entries = unpacked(text)
    assert len(entries) == 10_000
    assert sum(len(entry.get("entries", ())) for entry in entries) == 9_896 * 5
    assert "has no room" not in text


def test_what_does_not_fit_is_counted_and_its_key_is_shown() -> None:
    text = page(large(4_000, angle_words=60))
    assert "4,000 sites planned: 3,958 accepted, 42 missed</title>" in text
    assert len(text.encode()) < 5_000_000
    entries = unpacked(text)
    without = sum(entry.get("entries") == [] for entry in entries)
    assert without
    assert f"no room for the candidates of {without:,} sites" in text
    assert f"runs/{RUN}/results/SITE_ID.json" in text


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_page_is_rendered_whatever_the_stored_outcomes_say(data: st.DataObject) -> None:
    shelf = partial()
    keys = [key for key in shelf.objects if "/outcomes/" in key]
    assert len(keys) >= 4
    for key in keys:
        shelf.objects[key] = data.draw(spoilt(Outcome.model_validate_json(shelf.objects[key])))
    assert "3 of 4 sites are in." in page(shelf)
