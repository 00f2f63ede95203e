"""What a run left, read back."""

import json
from datetime import timedelta

import pytest

from nightfold.errors import UnexpectedError
from nightfold.storage import outcome_key, summary_key
from reporter.records import read_records
from tests.support.effort import steps
from tests.support.stored_runs import FOUR, STARTED, MemoryBucket, good, lost, partial, store_run

RUN = "nightly-2026-11-23"


def test_every_branch_of_both_rounds_is_there() -> None:
    records = read_records(RUN, partial())
    rounds = [(branch.task.round, branch.task.site_id, branch.rejected) for branch in records.branches]
    assert rounds == [
        (1, "harbour", False),
        (1, "orchard", False),
        (1, "lantern", True),
        (1, "meadow", True),
        (2, "lantern", False),
        (2, "meadow", True),
    ]
    assert [miss.site.site_id for miss in records.misses] == ["meadow"]
    assert {site: len(kept.entries) for site, kept in records.results.items()} == {
        "harbour": 5,
        "orchard": 5,
        "lantern": 5,
    }


def test_a_failure_has_its_calls_and_how_they_ended() -> None:
    by_site = {branch.task.site_id: branch for branch in read_records(RUN, lost()).branches}
    assert (by_site["lantern"].error, by_site["lantern"].calls) == ("Overloaded", 3)
    assert by_site["lantern"].earlier_errors == ["Overloaded", "Overloaded"]
    assert (by_site["meadow"].outcome, by_site["meadow"].calls) == (None, None)


def test_an_outcome_may_be_quoted_as_aws_stores_it_or_unreadable() -> None:
    shelf = partial()
    key = outcome_key(RUN, 1, "harbour")
    shelf.objects[key] = json.dumps(shelf.objects[key].decode()).encode()
    shelf.objects[outcome_key(RUN, 1, "orchard")] = b"{"
    branches = read_records(RUN, shelf).branches
    assert branches[0].outcome is not None
    assert branches[1].outcome is None


@pytest.mark.parametrize("what", ["summary", "plan"])
def test_a_run_that_is_not_closed_has_no_page(what: str) -> None:
    shelf = partial()
    del shelf.objects[f"runs/{RUN}/{what}.json"]
    with pytest.raises(UnexpectedError, match=what):
        read_records(RUN, shelf)


def test_what_became_of_many_misses_is_found_in_steps_that_grow_with_their_number() -> None:
    shelf = MemoryBucket()
    sites = {f"site-{number:03}": ["Refused"] for number in range(400)}
    store_run(shelf, sites, of_redrive={"attempts": dict.fromkeys(sites, 2)})
    records = read_records(RUN, shelf)
    with steps() as taken:
        assert len(records.parked) == len(records.misses_left) == 400
        assert records.waiting == 0
    assert taken.count < 20 * 400


def test_the_history_is_the_last_thirty_runs_up_to_this_one() -> None:
    shelf = good()
    tomorrow = STARTED + timedelta(days=1)
    store_run(shelf, {"harbour": ["ok"]}, run_id="nightly-2026-11-24", started=tomorrow)
    shelf.objects[summary_key("broken-2026-11-22")] = b"{"
    history = read_records(RUN, shelf).history
    assert len(history) == 30
    assert [history[0].run_id, history[-1].run_id] == ["nightly-2026-10-25", RUN]


def test_the_history_is_that_of_one_question() -> None:
    shelf = good()
    other = {"tried": STARTED - timedelta(hours=25), "nightly-2026-11-24": STARTED + timedelta(days=1)}
    for run_id, started in other.items():
        store_run(shelf, {"harbour": ["ok"]}, run_id=run_id, started=started)
        summary = json.loads(shelf.objects[summary_key(run_id)]) | {"question": "articles_to_refresh"}
        shelf.objects[summary_key(run_id)] = json.dumps(summary).encode()
    assert "tried" not in {past.run_id for past in read_records(RUN, shelf).history}
    assert [past.run_id for past in read_records("nightly-2026-11-24", shelf).history] == [*other]


def test_the_history_reads_a_bounded_number_of_summaries() -> None:
    read: list[str] = []

    class Counting(MemoryBucket):
        def get(self, key: str) -> bytes | None:
            read.append(key)
            return super().get(key)

    shelf = Counting()
    store_run(shelf, {name: ["ok"] for name in FOUR}, run_id="by-hand")
    for day in range(400):
        shelf.objects[summary_key(f"nightly-{STARTED - timedelta(days=day):%Y-%m-%d}")] = b"{}"
    read_records("by-hand", shelf)
    assert len([key for key in read if key.endswith("summary.json")]) <= 91
