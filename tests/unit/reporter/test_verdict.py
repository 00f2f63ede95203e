"""How a run went, in words."""

from typing import Any

import pytest

from reporter.records import read_records
from reporter.verdict import ReportContext, headline, second_sentence
from tests.support.stored_runs import FOUR, MemoryBucket, large, store_run
from tests.unit.examples import miss

RUN = "nightly-2026-11-23"


@pytest.mark.parametrize(
    ("did", "first", "second"),
    [
        ({}, "No site was asked.", "There was no miss to collect"),
        ({"harbour": ["ok"]}, "The one site is in.", "5 candidates, nothing missing."),
        ({"harbour": ["Refused"]}, "Nothing was collected.", "harbour waits for the next redrive."),
        ({"harbour": ["ok"], "meadow": ["cut"]}, "1 of 2 sites is in.", "meadow waits for the next redrive."),
        (
            dict.fromkeys(FOUR, ("Refused",)),
            "Nothing was collected.",
            "harbour, orchard, lantern and 1 more wait for the next redrive.",
        ),
    ],
)
def test_the_verdict(did: dict[str, list[str]], first: str, second: str) -> None:
    shelf = MemoryBucket()
    store_run(shelf, did)
    records = read_records(RUN, shelf)
    assert headline(records.summary) == first
    assert second_sentence(records, ReportContext()).startswith(second)


def of_redrive(did: dict[str, list[str]], **fields: Any) -> str:
    shelf = MemoryBucket()
    store_run(shelf, did, mode="redrive", of_redrive=fields)
    return second_sentence(read_records(RUN, shelf), ReportContext())


def test_what_a_redrive_did_not_ask_is_reported_with_the_reason() -> None:
    settled: list[dict[str, Any]] = [
        {"site_id": name, "accepted_in": "nightly-2026-11-24", "messages": []} for name in ("a", "b", "c", "d", "e")
    ]
    assert of_redrive({}, settled=settled) == (
        "a, b, c and 2 more were accepted after the miss, by nightly-2026-11-24, and not asked again."
    )
    unlisted = [{"miss": miss("gone"), "messages": []}]
    assert of_redrive({"harbour": ["ok"]}, unlisted=unlisted) == (
        "5 candidates, nothing missing. gone can no longer be asked, and is parked."
    )


def test_large_numbers_are_grouped() -> None:
    records = read_records(RUN, large(2_000))
    assert headline(records.summary) == "1,979 of 2,000 sites are in."
    assert "site-00199 and 18 more wait" in second_sentence(records, ReportContext())
