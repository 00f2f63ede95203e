"""The message of the morning."""

import json

import pytest

from nightfold.storage import redriven_key
from reporter.message import subject, text
from reporter.records import read_records
from reporter.verdict import ReportContext
from tests.support.stored_runs import FOUR, RUNS, MemoryBucket, partial, store_run

RUN = "nightly-2026-11-23"
MORNING = ReportContext()


def test_a_simulated_run_was_not_paid_for_and_shows_what_it_would_have_cost() -> None:
    shelf = MemoryBucket()
    store_run(shelf, {name: ["ok"] for name in FOUR}, simulated=True)
    records = read_records(RUN, shelf)
    assert subject(records.summary).endswith(": 4 of 4 sites, simulated")
    message = text(records, MORNING, "https://example.com/link", "s3://bucket/key")
    assert "cost      nothing (simulated; real: about $0.0220); 4 calls" in message


@pytest.mark.parametrize("length", [1, 40, 80])
def test_a_subject_is_ascii_and_shorter_than_a_hundred_characters(length: int) -> None:
    shelf = MemoryBucket()
    store_run(
        shelf, dict(zip(FOUR, (["Overloaded"], ["prose"], ["Refused"], ["ok"]), strict=True)), run_id="r" * length
    )
    line = subject(read_records("r" * length, shelf).summary)
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 100
    assert line.endswith(": 1 of 4 sites, 3 missed (network, schema, unknown), $0.0165")


@pytest.mark.parametrize("name", ["good", "partial", "lost", "empty", "hostile"])
def test_a_message_is_one_screen_of_plain_text(name: str) -> None:
    records = read_records("redrive-2026-11-23" if name == "empty" else RUN, RUNS[name]())
    message = text(records, MORNING, "https://example.com/link", "s3://bucket/key")
    assert len(message.splitlines()) <= 48
    assert all(character == "\n" or character.isprintable() for character in message)
    assert "https://example.com/link" in message
    assert "at most 12 hours" in message
    assert "aws s3 cp s3://bucket/key ." in message


def test_a_message_shows_what_is_missing_and_titles() -> None:
    message = text(read_records(RUN, partial()), MORNING, "link", "place")
    assert "Missed: meadow\n  Twice, Claude's answer was not" in message
    assert "harbour: Why retry storms deserve an afternoon 0 (+4)" in message


def test_the_name_of_a_site_is_not_broken_at_its_hyphens() -> None:
    shelf = MemoryBucket()
    names = [f"{name}-blog-of-the-north" for name in FOUR]
    store_run(shelf, dict.fromkeys(names, ("prose",)))
    message = text(read_records(RUN, shelf), MORNING, "link")
    assert all(f"{name}," in message for name in names[:3])
    assert max(map(len, message.splitlines())) <= 78


def test_a_message_of_an_earlier_run_names_only_what_is_still_missing() -> None:
    message = text(read_records(RUN, RUNS["followed"]()), MORNING, "link")
    assert "orchard was collected later, by redrive-2026-11-23." in " ".join(message.split())
    assert "Missed: meadow\n" in message
    assert "Missed: orchard" not in message


def test_a_miss_that_a_redrive_parked_waits_for_no_other() -> None:
    shelf = RUNS["followed"]()
    key = redriven_key(RUN)
    shelf.objects[key] = shelf.objects[key].replace(b'"missed"', b'"parked"')
    message = text(read_records(RUN, shelf), MORNING, "link")
    assert "Parked: no redrive asks again" in message
    assert "The next redrive asks" not in message


def test_a_title_makes_no_link() -> None:
    shelf = MemoryBucket()
    store_run(shelf, {"harbour": ["ok"]})
    key = f"runs/{RUN}/results/harbour.json"
    results = json.loads(shelf.objects[key])
    results["entries"][0]["title"] = "See https://evil.example now"
    shelf.objects[key] = json.dumps(results).encode()
    message = text(read_records(RUN, shelf), MORNING, "link", "place")
    assert "https://evil" not in message
    assert "See https: //evil. example now" in message
