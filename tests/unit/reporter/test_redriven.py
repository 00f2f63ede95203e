"""reporter/redriven.py and digest.py: the page of a night shows what happened to its misses."""

from datetime import timedelta
from typing import Any

import pytest

from nightfold.misses import SettledSite, UnlistedSite, WaitingMessage
from nightfold.storage import digest_key, misses_key, plan_key, redriven_key, summary_key
from reporter.digest import Adapters, DigestTask, publish_digest
from reporter.page import render
from reporter.records import read_records
from reporter.redriven import read_redriven
from reporter.schedule import Schedule
from reporter.verdict import ReportContext, second_sentence
from tests.support.stored_runs import FOUR, STARTED, MemoryBucket, redriven, store_run

NIGHT, FIRST, SECOND = "nightly-2026-11-23", "redrive-2026-11-23", "redrive-2026-11-24"
MORNING = ReportContext(schedule=Schedule("cron(0 7 * * ? *)", "UTC", enabled=True))


class Heard:
    """A topic and links that go nowhere."""

    def __init__(self) -> None:
        self.subjects: list[str] = []

    def publish(self, subject: str, _: str) -> None:
        self.subjects.append(subject)

    def to(self, key: str) -> str:
        return f"https://bucket.example/{key}?X-Amz-Signature=0"

    def s3_uri(self, key: str) -> str:
        return f"s3://bucket/{key}"


def publish(shelf: MemoryBucket, run_id: str) -> None:
    outside: Any = Heard()
    publish_digest(DigestTask(run_id=run_id), MORNING, Adapters(bucket=shelf, links=outside, topic=outside))  # type: ignore[arg-type]


def page(shelf: MemoryBucket, run_id: str) -> str:
    return shelf.objects[digest_key(run_id)].decode()


def second_morning(shelf: MemoryBucket, *did: str) -> None:
    """What the first one missed again."""
    started = STARTED.replace(hour=7) + timedelta(days=1)
    store_run(shelf, {"meadow": did}, run_id=SECOND, mode="redrive", started=started, missed_in=FIRST)


def test_a_redrive_and_the_night_whose_misses_it_had_name_each_other() -> None:
    shelf = redriven()
    publish(shelf, NIGHT)
    assert "orchard, meadow wait for the next redrive, Mon 23 Nov at 07:00 UTC." in page(shelf, NIGHT)
    publish(shelf, FIRST)
    assert f'Redrive of misses of <a class="run-page" href="../{NIGHT}/digest.html">{NIGHT}</a>' in page(shelf, FIRST)
    night = page(shelf, NIGHT)
    assert "meadow waits for the next redrive, Tue 24 Nov at 07:00 UTC." in night
    assert f"orchard was collected later, by {FIRST}." in night
    link = f'<a class="run-page" href="../{FIRST}/digest.html">{FIRST}</a>'
    assert f"Collected later, by {link}" in night
    assert f"Missed again, by {link}" in night


def test_what_a_second_redrive_collects_is_on_the_page_of_the_night_too() -> None:
    shelf = redriven()
    publish(shelf, FIRST)
    second_morning(shelf, "ok")
    publish(shelf, SECOND)
    for run_id in (NIGHT, FIRST):
        assert f'Collected later, by <a class="run-page" href="../{SECOND}/digest.html">' in page(shelf, run_id)
        assert "Nothing now" in page(shelf, run_id)
    for run_id in (FIRST, NIGHT):
        assert f"../{run_id}/digest.html" in page(shelf, SECOND)
    assert second_sentence(read_records(NIGHT, shelf), MORNING) == (
        f"orchard, meadow were collected later, by {FIRST} and {SECOND}."
    )


def test_a_site_that_was_parked_waits_for_no_redrive() -> None:
    shelf = redriven()
    publish(shelf, FIRST)
    second_morning(shelf, "prose")
    key = misses_key(SECOND)
    shelf.objects[key] = shelf.objects[key].replace(b'"attempts": 1', b'"attempts": 3')
    publish(shelf, SECOND)
    assert "meadow was parked." in page(shelf, SECOND)
    for run_id in (NIGHT, FIRST):
        text = page(shelf, run_id)
        assert f'Parked, by <a class="run-page" href="../{SECOND}/digest.html">' in text
        assert "Parked: no redrive asks again until you move it back." in text
        assert "wait for the next redrive" not in text
        assert "Next try" not in text


def test_a_site_that_a_later_night_accepted_is_linked_to_that_night() -> None:
    """The redrive only acknowledged its miss."""
    shelf = redriven()
    settled = SettledSite(
        site_id="meadow",
        accepted_in="nightly-2026-11-24",
        messages=[WaitingMessage(message_id="1", receipt_handle="1", run_id=NIGHT)],
    )
    later = STARTED + timedelta(days=2)
    store_run(shelf, {}, run_id=SECOND, mode="redrive", started=later, of_redrive={"settled": [settled]})
    publish(shelf, SECOND)
    assert 'Collected later, by <a class="run-page" href="../nightly-2026-11-24/digest.html">' in page(shelf, NIGHT)


def test_a_site_that_can_no_longer_be_asked_is_parked_on_the_page_of_its_night() -> None:
    shelf = redriven()
    left = read_records(NIGHT, shelf).misses[-1]
    assert left.site.site_id == "meadow"
    messages = [WaitingMessage(message_id="1", receipt_handle="1", run_id=NIGHT)]
    unlisted = [UnlistedSite(explanation="it is not in the site list", miss=left, messages=messages)]
    later = STARTED + timedelta(days=2)
    store_run(shelf, {}, run_id=SECOND, mode="redrive", started=later, of_redrive={"unlisted": unlisted})
    publish(shelf, SECOND)
    text = page(shelf, NIGHT)
    assert f'Parked, by <a class="run-page" href="../{SECOND}/digest.html">' in text
    assert "meadow was parked." in second_sentence(read_records(NIGHT, shelf), MORNING)


def test_publishing_an_earlier_redrive_once_more_changes_no_word() -> None:
    shelf = redriven()
    publish(shelf, FIRST)
    second_morning(shelf, "Overloaded")
    publish(shelf, SECOND)
    before = dict(shelf.objects)
    publish(shelf, FIRST)
    publish(shelf, SECOND)
    assert shelf.objects == before
    assert read_redriven(NIGHT, shelf.get)["meadow"].run_id == SECOND


def test_a_site_that_was_accepted_stays_accepted() -> None:
    shelf = redriven()
    publish(shelf, FIRST)
    store_run(
        shelf, {"orchard": ["prose"]}, run_id=SECOND, mode="redrive", missed_in=NIGHT, started=STARTED.replace(day=24)
    )
    publish(shelf, SECOND)
    assert read_redriven(NIGHT, shelf.get)["orchard"].run_id == FIRST


@pytest.mark.parametrize("junk", [b"", b"hello", b"[]", b'{"sites": {"../x": {}}}'])
def test_a_note_that_cannot_be_read_is_made_anew(junk: bytes) -> None:
    shelf = redriven()
    shelf.objects[redriven_key(NIGHT)] = junk
    assert "wait for the next redrive" in render(read_records(NIGHT, shelf), MORNING).decode()
    publish(shelf, FIRST)
    assert read_redriven(NIGHT, shelf.get).keys() == {"orchard", "meadow"}


def test_runs_that_name_each_other_or_are_gone_are_no_endless_way() -> None:
    shelf = MemoryBucket()
    store_run(shelf, {"harbour": ["prose"]}, run_id="a", mode="redrive", missed_in="b")
    store_run(shelf, {"harbour": ["prose"]}, run_id="b", mode="redrive", missed_in="a")
    store_run(shelf, {"harbour": ["ok"]}, run_id="c", mode="redrive", missed_in="a")
    assert read_records("c", shelf).origins == {"a": {"harbour"}, "b": {"harbour"}}
    del shelf.objects[summary_key("b")]
    shelf.objects[plan_key("a")] = b"hello"
    assert read_records("c", shelf).origins == {}


def test_an_old_page_that_cannot_be_made_costs_nothing() -> None:
    shelf = redriven()
    shelf.objects[digest_key(NIGHT)] = b"the old page"
    shelf.objects[f"runs/{NIGHT}/round-1/items.json"] = b"hello"
    publish(shelf, FIRST)
    assert shelf.objects[digest_key(NIGHT)] == b"the old page"
    assert "Redrive of misses of" in page(shelf, FIRST)


def test_what_was_collected_later_needs_no_redrive() -> None:
    shelf = MemoryBucket()
    store_run(shelf, dict(zip(FOUR, (["ok"], ["ok"], ["ok"], ["prose"]), strict=True)))
    store_run(shelf, {"meadow": ["ok"]}, run_id=FIRST, mode="redrive", started=STARTED.replace(hour=7), missed_in=NIGHT)
    publish(shelf, FIRST)
    night = page(shelf, NIGHT)
    assert f"meadow was collected later, by {FIRST}." in night
    assert "Nothing more: it was collected later." in night
    for words in ("Next try", "Next redrive", "nightfold redrive"):
        assert words not in night
