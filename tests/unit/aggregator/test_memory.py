"""aggregator/memory.py: what a site was offered before is not accepted again, and what it is offered is remembered."""

import json
from datetime import timedelta
from typing import Any

import pytest

from aggregator.aggregate import Adapters, AggregateTask, aggregate
from nightfold.contract import Plan
from nightfold.errors import AwsUnavailable
from nightfold.memory import Memory, read_memory
from nightfold.misses import Miss
from nightfold.results import SiteResults
from nightfold.storage import items_key, memory_key, misses_key, outcome_key, results_key, summary_key
from planner.draft import items
from tests.unit.aggregator.test_aggregate import close, store, summary
from tests.unit.examples import STARTED, answered, plan, site, titled
from tests.unit.outside import Outside, Wire, error

KEY = memory_key("harbour", "article_candidates")


def night(outside: Outside, run_id: str, *titles: str, round_: int = 1, days: int = 0, **fields: Any) -> Plan:
    """A run over one site, whose answer has these titles."""
    made = plan("harbour", run_id=run_id, **fields)
    made = made.model_copy(update={"started_at": STARTED + timedelta(days=days)})
    store(outside, made, answered(run_id, "harbour", titled(*titles), round_))
    outside.put(items_key(run_id, 1), json.loads(items(made)))
    return made


def again(outside: Outside, run_id: str, *titles: str) -> None:
    """The answer of round 2."""
    store(outside, answered(run_id, "harbour", titled(*titles), round_=2))


def accepted(outside: Outside, run_id: str) -> list[Any]:
    document = outside.text(results_key(run_id, "harbour")).encode()
    return [entry["title"] for entry in SiteResults.model_validate_json(document).entries]


def memory(outside: Outside, key: str = KEY) -> Memory:
    found = read_memory(outside.text(key).encode())
    assert found is not None
    return found


def headings(outside: Outside, *, simulated: bool = False) -> list[str]:
    return [each.heading for each in memory(outside).of(simulated=simulated)]


# --- dropped ------------------------------------------------------------------------------------------------------


def test_what_was_suggested_before_is_dropped_and_the_rest_is_accepted(outside: Outside, aggregating: Adapters) -> None:
    night(outside, "monday", "One", "Two")
    assert close(aggregating, 1, "monday").status == "complete"
    night(outside, "tuesday", "ONE.", "Three", "two!", "Three", days=1)
    assert close(aggregating, 1, "tuesday").status == "complete"
    assert accepted(outside, "tuesday") == ["Three"]
    assert [entry.entries for entry in summary(outside, "tuesday").sites] == [1]
    assert headings(outside) == ["One", "Two", "Three"]
    assert memory(outside).real[-1].run_id == "tuesday"


def test_nothing_new_is_regenerated_once_with_what_was_proposed_and_then_a_miss(
    outside: Outside, aggregating: Adapters
) -> None:
    night(outside, "monday", "One", "Two")
    close(aggregating, 1, "monday")
    night(outside, "tuesday", "One", "Two", days=1)
    assert close(aggregating, 1, "tuesday").status == "regenerate"
    (item,) = outside.read(items_key("tuesday", 2))
    assert (item["violation"], item["earlier"]) == ("every candidate was suggested before", ["One", "Two"])
    again(outside, "tuesday", "two", "one")
    assert close(aggregating, 2, "tuesday").status == "failed"
    (missed,) = outside.drain(outside.miss_queue)
    assert (missed["error"], missed["reason"], missed["attempts"]) == ("NothingNew", "schema", 1)
    assert missed["raw_answer"] == titled("two", "one")
    assert missed["raw_answer_key"] == outcome_key("tuesday", 2, "harbour")
    assert Miss.model_validate_json(outside.text(misses_key("tuesday"))).model_dump(mode="json") == missed
    assert headings(outside) == ["One", "Two"]


def test_something_new_in_round_2_is_accepted(outside: Outside, aggregating: Adapters) -> None:
    night(outside, "monday", "One")
    close(aggregating, 1, "monday")
    night(outside, "tuesday", "One", days=1)
    close(aggregating, 1, "tuesday")
    again(outside, "tuesday", "One", "Two")
    assert close(aggregating, 2, "tuesday").status == "complete"
    assert accepted(outside, "tuesday") == ["Two"]


def test_without_a_memory_nothing_is_dropped_and_all_is_remembered(outside: Outside, aggregating: Adapters) -> None:
    night(outside, "monday", "One")
    close(aggregating, 1, "monday")
    night(outside, "tuesday", "One", days=1, remember=0)
    assert close(aggregating, 1, "tuesday").status == "complete"
    assert accepted(outside, "tuesday") == ["One"]
    assert headings(outside) == ["One", "One"]


def test_simulated_and_real_runs_remember_apart(outside: Outside, aggregating: Adapters) -> None:
    night(outside, "played", "One", simulated=True)
    night(outside, "real", "One", days=1)
    assert [close(aggregating, 1, run_id).status for run_id in ("played", "real")] == ["complete", "complete"]
    assert headings(outside, simulated=True) == headings(outside) == ["One"]


def test_two_questions_about_a_site_remember_apart(outside: Outside, aggregating: Adapters) -> None:
    night(outside, "ideas", "One")
    close(aggregating, 1, "ideas")
    harbour = site("harbour", facts={"articles": "One, Two"})
    refresh = json.dumps([{"article": "One", "outdated": "Its figures.", "effort": "small"}])
    store(outside, plan(harbour, run_id="refresh", question="articles_to_refresh"))
    store(outside, answered("refresh", "harbour", refresh))
    assert close(aggregating, 1, "refresh").status == "complete"
    assert [each.heading for each in memory(outside, memory_key("harbour", "articles_to_refresh")).real] == ["One"]
    assert headings(outside) == ["One"]


# --- never against itself (a crash at any call: test_crashes.py) ----------------------------------------------------


def test_a_dead_run_that_is_closed_after_later_nights_keeps_what_it_had_accepted(
    outside: Outside, aggregating: Adapters
) -> None:
    night(outside, "monday", "One", "Two")
    wire = Wire(outside.s3)
    wire.fail("PutObject", error(403, "AccessDenied"), about="results/")  # after its memory was written
    with pytest.raises(Exception, match="AccessDenied"):
        close(aggregating, 1, "monday")
    night(outside, "tuesday", "Two", "Three", days=1)
    close(aggregating, 1, "tuesday")
    aggregate(AggregateTask(run_id="monday", round=2, dead=True), aggregating)
    assert (accepted(outside, "monday"), accepted(outside, "tuesday")) == (["One", "Two"], ["Three"])
    assert headings(outside) == ["One", "Two", "Three"]


def test_of_two_runs_in_one_night_the_second_to_remember_gets_what_is_left(
    outside: Outside, aggregating: Adapters
) -> None:
    """Both read the memory before either has written it."""
    night(outside, "scheduled", "One", "Two")
    night(outside, "by-hand", "Two", "Three")
    conflicts: list[str] = []

    def other_first(_: Any) -> None:
        if not conflicts:
            conflicts.append("by-hand")
            close(aggregating, 1, "by-hand")

    Wire(outside.s3).fail("PutObject", other_first, about="memory.json")
    assert close(aggregating, 1, "scheduled").status == "complete"
    assert conflicts
    assert (accepted(outside, "by-hand"), accepted(outside, "scheduled")) == (["Two", "Three"], ["One"])
    assert sorted(headings(outside)) == ["One", "Three", "Two"]


def test_a_memory_that_others_write_all_the_time_makes_the_step_run_again(
    outside: Outside, aggregating: Adapters
) -> None:
    night(outside, "monday", "One")
    wire = Wire(outside.s3)
    wire.fail("PutObject", *[error(412, "PreconditionFailed")] * 5, about="memory.json")
    with pytest.raises(AwsUnavailable, match="memory of harbour"):
        close(aggregating, 1, "monday")
    assert results_key("monday", "harbour") not in outside.keys()  # noqa: SIM118 - a method of ours
    assert close(aggregating, 1, "monday").status == "complete"


def test_a_memory_that_is_emptied_while_it_is_written_is_written_anew(outside: Outside, aggregating: Adapters) -> None:
    night(outside, "monday", "One")
    close(aggregating, 1, "monday")
    night(outside, "tuesday", "Two", days=1)

    def forget(_: Any) -> None:
        outside.s3.delete_object(Bucket=outside.bucket, Key=KEY)

    Wire(outside.s3).fail("PutObject", forget, about="memory.json")
    assert close(aggregating, 1, "tuesday").status == "complete"
    assert headings(outside) == ["Two"]


def test_a_write_whose_answer_was_lost_is_not_a_conflict(outside: Outside, aggregating: Adapters) -> None:
    night(outside, "monday", "One")
    Wire(outside.s3).fail("PutObject", error(500, "InternalError"), about="memory.json", got_through=True)
    assert close(aggregating, 1, "monday").status == "complete"
    assert (accepted(outside, "monday"), headings(outside)) == (["One"], ["One"])


# --- what cannot be read ------------------------------------------------------------------------------------------


def test_a_damaged_memory_is_replaced_and_named_in_the_census_even_after_round_2(
    outside: Outside, aggregating: Adapters
) -> None:
    outside.s3.put_object(Bucket=outside.bucket, Key=KEY, Body=b"{")
    store(outside, plan("harbour", "orchard"), answered("night", "harbour", titled("One")))
    store(outside, answered("night", "orchard", "prose"))
    assert close(aggregating, 1).status == "regenerate"
    store(outside, answered("night", "orchard", titled("One"), round_=2))
    assert close(aggregating, 2).status == "complete"
    assert summary(outside).unreadable_memories == ["harbour"]
    assert headings(outside) == ["One"]


def test_a_memory_without_read_permission_stops_no_site(outside: Outside, aggregating: Adapters) -> None:
    night(outside, "monday", "One")
    Wire(outside.s3).fail("GetObject", error(403, "AccessDenied"), about="memory.json")
    assert close(aggregating, 1, "monday").status == "complete"
    assert summary(outside, "monday").unreadable_memories == ["harbour"]
    assert accepted(outside, "monday") == ["One"]


def test_a_bucket_that_fails_makes_the_step_run_again(outside: Outside, aggregating: Adapters) -> None:
    night(outside, "monday", "One")
    Wire(outside.s3).fail("GetObject", *[error(500, "InternalError")] * 5, about="memory.json")
    with pytest.raises(Exception, match="InternalError"):
        close(aggregating, 1, "monday")
    assert summary_key("monday") not in outside.keys()  # noqa: SIM118 - a method of ours
