"""The waves of a run on its page and in its message: what was decided, when, why, and what stopped it."""

import json
import re
from typing import Any

import pytest

from nightfold.contract import Summary
from nightfold.storage import pace_key, summary_key
from nightfold.waves import Pace
from reporter.message import plain_text
from reporter.message import text as message_of
from reporter.page import render
from reporter.records import RunRecords, read_records
from reporter.timeline import COLUMNS, draw
from reporter.verdict import ReportContext
from reporter.waves import FIRST, LAST, rows, stopped
from tests.support.stored_runs import FOUR, HOSTILE, RUNS, STARTED, MemoryBucket, partial, store_run
from tests.support.stored_runs import stopped as stopped_run

RUN = "nightly-2026-11-23"


def page(records: RunRecords) -> str:
    return render(records, ReportContext()).decode()


def paces(*sites: int, **fields: Any) -> list[Pace]:
    """The decisions about waves of so many sites; each wave costs a cent."""
    decision = {"run_id": RUN, "round": 1, "decided_at": STARTED, "first": 0, "left": 0, "max_concurrency": 4}
    return [
        Pace.model_validate(
            decision | {"wave": wave, "sites": each, "why": f"why {wave}", "spent_usd": (wave - 1) / 100} | fields
        )
        for wave, each in enumerate(sites, 1)
    ]


def several_waves(**fields: Any) -> MemoryBucket:
    """Four sites in three waves."""
    bucket = MemoryBucket()
    store_run(bucket, {name: ["ok"] for name in FOUR})
    for pace in paces(1, 1, 2, **fields):
        bucket.objects[pace_key(RUN, 1, pace.wave)] = pace.model_dump_json().encode()
    return bucket


def test_each_wave_has_a_row_with_what_was_spent_when_it_was_over() -> None:
    found = rows(paces(4, 8, 16, 0))
    assert found is not None
    assert [(row.name, row.sites, row.why, row.spent_usd) for row in found.first] == [
        ("wave 1", 4, "why 1", 0.01),
        ("wave 2", 8, "why 2", 0.02),
        ("wave 3", 16, "why 3", 0.03),
    ]


def test_of_many_waves_the_first_and_the_last_have_a_row_and_the_rest_are_counted() -> None:
    found = rows(paces(*[1] * 90))
    assert found is not None
    assert (len(found.first), found.between, len(found.last)) == (FIRST, 60, LAST)
    assert (found.first[0].name, found.last[-1].name) == ("wave 1", "wave 90")
    every = rows(paces(*[1] * (FIRST + LAST + 1)))
    assert every is not None
    assert (len(every.first), every.between, every.last) == (FIRST + LAST + 1, 0, [])


def test_one_wave_is_no_news() -> None:
    assert rows(paces(4, 0)) is None
    assert "<h3>Waves</h3>" not in page(read_records(RUN, partial()))


def test_the_page_lists_the_waves_and_marks_them_in_the_chart() -> None:
    records = read_records(RUN, several_waves())
    text = page(records)
    assert "<h3>Waves</h3>" in text
    assert '<th scope="row">wave 3</th><td class="number">2</td><td class="number">4</td>' in text
    assert "<title>wave 3: 2 sites, 4 at once, why 3</title>" in text
    marks = draw(records).marks
    assert [mark.max_concurrency for mark in marks] == [4, 4, 4]
    assert all(0 <= mark.x <= COLUMNS for mark in marks)


def test_the_line_of_what_was_allowed_goes_from_mark_to_mark() -> None:
    records = read_records(RUN, several_waves())
    allowed = re.search('class="allowed" d="([^"]*)"', page(records))
    assert allowed
    steps = re.findall(r"([A-Z])([^A-Z]*)", allowed[1])
    assert [letter for letter, _ in steps] == ["M", "H", "L", "H", "L", "H"]
    assert [len(numbers.split()) for _, numbers in steps] == [2, 1] * 3


def test_what_the_api_wrote_into_a_reason_is_escaped_and_cut() -> None:
    bucket = several_waves(why=f"{HOSTILE}\x1b[31m\u202e {'x' * 2_000}")
    summary = json.loads(bucket.objects[summary_key(RUN)])
    summary |= {"not_attempted": 1}
    summary["waves"].append(
        {"round": 1, "wave": 4, "sites": 0, "max_concurrency": 1, "why": f"{HOSTILE}\x1b www.evil.example"}
    )
    bucket.objects[summary_key(RUN)] = json.dumps(summary).encode()
    records = read_records(RUN, bucket)
    text = page(records)
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)" in text
    assert not {"\x1b", "\u202e"} & set(text)
    assert "x" * 600 not in text
    message = message_of(records, ReportContext(), "https://link.example", "s3://bucket/key")
    assert "\x1b" not in message
    assert "www.evil.example" not in message


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ({}, "auto: never more than 100 at once, 2,048 output tokens for each answer."),
        ({"max_concurrency": 2}, "at most 2 at once, 4,096 output tokens shared by all of them."),
    ],
)
def test_the_page_names_the_configured_concurrency(configuration: dict[str, Any], words: str) -> None:
    bucket = MemoryBucket()
    store_run(bucket, {name: ["ok"] for name in FOUR}, **configuration)
    assert f"claude-sonnet-5-5, {words}" in page(read_records(RUN, bucket))


def test_a_run_that_stopped_itself_says_why_on_page_and_in_the_message() -> None:
    records = read_records(RUN, RUNS["stopped"]())
    said = (
        "The run stopped early, and 496 of 500 sites were not attempted: every call of a wave failed; the API refused"
    )
    text = page(records)
    assert f'<p class="second stopped" dir="auto">{said}' in text
    assert '<tr class="no-wave"><th scope="row">no further wave</th>' in text
    message = message_of(records, ReportContext(), "https://link.example", "s3://bucket/key")
    assert said in " ".join(message.split())
    assert said in " ".join(plain_text(records.summary, "s3://bucket/key").split())


def test_what_stopped_the_run_comes_before_what_was_not_attempted() -> None:
    text = page(read_records(RUN, RUNS["stopped"]()))
    assert text.index("<h3>The API key was not accepted</h3>") < text.index("<h3>Not attempted</h3>")


def test_sites_without_a_wave_have_no_row_in_the_timeline() -> None:
    records = read_records(RUN, RUNS["stopped"]())
    assert len(records.branches) == 4
    assert (draw(records).sites, draw(records).untimed) == (4, 0)


def test_ten_thousand_sites_without_a_wave_fit_on_the_page_and_in_the_message() -> None:
    records = read_records(RUN, stopped_run(10_000))
    text = page(records)
    assert len(text) < 500_000
    assert text.count("every call of a wave failed") < 10
    assert len(message_of(records, ReportContext(), "https://link.example", "s3://bucket/key").splitlines()) < 40


def test_a_run_that_died_between_waves_says_so_without_a_reason() -> None:
    summary = read_records(RUN, partial()).summary
    assert stopped(summary) is None
    died = Summary.model_validate(summary.model_dump() | {"not_attempted": 1})
    assert stopped(died) == "The run ended before its last wave, and 1 of 4 sites was not attempted."
