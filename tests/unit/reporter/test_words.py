"""Every error has words, and the runbook has the same."""

import re
from datetime import datetime
from pathlib import Path

import pytest

from nightfold import errors
from reporter.schedule import NEVER, Schedule
from reporter.words import ERRORS, OTHER, markdown, words_for
from tests.support.failure_table import TABLE
from tests.support.stored_runs import STARTED

ROOT = Path(__file__).parents[3]


def test_every_error_that_a_miss_can_have_has_words() -> None:
    assert set(errors.BRANCH_ERRORS) >= {row.error for row in TABLE if row.error}
    assert {name for name in errors.BRANCH_ERRORS if words_for(name) is OTHER} == set()
    assert {name for name in ERRORS if name not in errors.BRANCH_ERRORS} == {"Lambda.*"}
    assert words_for("Lambda.TooManyRequestsException") is ERRORS["Lambda.*"]
    assert words_for("Whatever") is OTHER


def test_no_words_have_half_a_command() -> None:
    """A stack's page and a laptop's would need different ones."""
    assert set(re.findall("nightfold [a-z].*?`", markdown())) == {"nightfold key --stack NAME`"}


def test_the_runbook_has_the_same_table() -> None:
    assert markdown() in (ROOT / "infra/docs/runbook.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Schedule("cron(0 7 * * ? *)", "UTC", enabled=True), "Mon 23 Nov at 07:00 UTC"),
        (Schedule("cron(0 3 * * ? *)", "UTC", enabled=True), "Tue 24 Nov at 03:00 UTC"),
        (Schedule("cron(30 6 * * ? *)", "Europe/Berlin", enabled=True), "Mon 23 Nov at 06:30 CET"),
        (Schedule("cron(0 7 * * ? *)", "Nowhere/None", enabled=True), "Mon 23 Nov at 07:00 UTC"),
        (Schedule("rate(1 day)", "UTC", enabled=True), "on the schedule rate(1 day) (UTC)"),
        (Schedule("cron(0 7 * * ? *)", "UTC", enabled=False), None),
        (NEVER, None),
    ],
)
def test_the_next_redrive_in_words(schedule: Schedule, words: str | None) -> None:
    assert schedule.next_redrive(STARTED) == words


@pytest.mark.parametrize(
    ("time", "zone", "after", "words"),
    [
        # On the 29th, 2 o'clock is followed by 3:00.
        ("30 2", "Europe/Berlin", "2026-03-28T12:00Z", "Mon 30 Mar at 02:30 CEST"),
        ("30 3", "Europe/Berlin", "2026-03-28T12:00Z", "Sun 29 Mar at 03:30 CEST"),
        ("30 2", "Europe/Berlin", "2026-10-24T12:00Z", "Sun 25 Oct at 02:30 CEST"),  # comes twice, and is taken once
        ("15 2", "Australia/Lord_Howe", "2026-10-03T00:00Z", "Mon 5 Oct at 02:15 +11"),  # clocks skip half an hour
    ],
)
def test_a_time_that_clocks_skip_is_no_time_of_a_redrive(time: str, zone: str, after: str, words: str) -> None:
    schedule = Schedule(f"cron({time} * * ? *)", zone, enabled=True)
    assert schedule.next_redrive(datetime.fromisoformat(after)) == words
