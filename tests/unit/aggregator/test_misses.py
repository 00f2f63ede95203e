"""aggregator/misses.py: what a run that closes leaves in the queues."""

from aggregator.aggregate import Adapters, AggregateTask, aggregate
from nightfold.misses import MAX_ATTEMPTS, Miss, Settled, SettledSite, UnlistedSite
from nightfold.storage import misses_key
from tests.unit.aggregator.test_aggregate import OVERLOADED, close, received, store, summary
from tests.unit.examples import failed, miss, plan
from tests.unit.outside import Outside, Wire


def test_a_miss_carries_what_a_redrive_repeats(outside: Outside, aggregating: Adapters) -> None:
    overrides = {"max_concurrency": 2}
    store(outside, plan("a", simulated=True, overrides=overrides), failed("night", "a", OVERLOADED))
    close(aggregating)
    (sent,) = map(Miss.model_validate, outside.drain(outside.miss_queue))
    assert (sent.attempts, sent.overrides, sent.simulated) == (1, overrides, True)
    assert Miss.model_validate_json(outside.text(misses_key("night"))) == sent
    assert summary(outside).simulated


def redriven(outside: Outside, *attempts: int) -> None:
    """A redrive over messages of one site that is missed again."""
    messages = {"a": received(outside, *[miss("a", attempts=each).model_dump_json() for each in attempts])}
    known = {"messages": messages, "attempts": {"a": max(attempts)}}
    store(outside, plan("a", mode="redrive", of_redrive=known), failed("night", "a", OVERLOADED))


def test_a_site_that_is_missed_again_gets_one_new_message_before_the_old_ones_are_deleted(
    outside: Outside, aggregating: Adapters
) -> None:
    redriven(outside, 1, 0)
    wire = Wire(outside.sqs)
    assert close(aggregating).status == "failed"
    assert wire.sent == ["SendMessageBatch", "DeleteMessageBatch"]
    assert outside.count(outside.miss_queue) == (1, 0)
    (again,) = outside.drain(outside.miss_queue)
    assert (again["attempts"], again["error"], again["run_id"]) == (2, "Overloaded", "night")


def test_after_three_attempts_it_is_parked(outside: Outside, aggregating: Adapters) -> None:
    redriven(outside, MAX_ATTEMPTS - 1)
    close(aggregating)
    assert outside.count(outside.miss_queue) == (0, 0)
    (parked,) = outside.drain(outside.parked_queue)
    assert (parked["attempts"], parked["site"]["site_id"]) == (3, "a")


def test_runs_that_died_before_they_asked_park_nothing(outside: Outside, aggregating: Adapters) -> None:
    messages = {"a": received(outside, miss("a", attempts=2).model_dump_json())}
    messages["b"] = received(outside, miss("b", attempts=2).model_dump_json())
    store(
        outside,
        plan("a", "b", mode="redrive", of_redrive={"messages": messages, "attempts": {"a": 2, "b": 2}}),
        failed("night", "b", OVERLOADED),
    )
    aggregate(AggregateTask(run_id="night", round=2, dead=True), aggregating)
    (waiting,) = outside.drain(outside.miss_queue)
    (parked,) = outside.drain(outside.parked_queue)
    assert [(each["site"]["site_id"], each["attempts"]) for each in (waiting, parked)] == [("a", 2), ("b", 3)]


def test_what_is_settled_is_acknowledged_and_reported(outside: Outside, aggregating: Adapters) -> None:
    messages = received(outside, miss("a").model_dump_json())
    settled = SettledSite(site_id="a", accepted_in="nightly-2026-11-23", messages=messages)
    store(outside, plan(mode="redrive", of_redrive={"settled": [settled]}))
    assert close(aggregating).status == "complete"
    assert outside.count(outside.miss_queue) == (0, 0)
    assert summary(outside).settled == [Settled(site_id="a", accepted_in="nightly-2026-11-23")]


def test_a_site_that_left_the_list_is_parked_with_the_explanation_once(outside: Outside, aggregating: Adapters) -> None:
    for night in ("first", "second"):  # moved back by hand in between
        messages = received(outside, miss("a").model_dump_json())
        known = outside.drain(outside.parked_queue)
        left = UnlistedSite(miss=Miss.model_validate(known[0]) if known else miss("a"), messages=messages)
        store(outside, plan(run_id=night, mode="redrive", of_redrive={"unlisted": [left]}))
        assert close(aggregating, run_id=night).status == "complete"
    assert outside.count(outside.miss_queue) == (0, 0)
    (parked,) = map(Miss.model_validate, outside.drain(outside.parked_queue))
    assert parked.message == f"no longer in the site list, so it was not asked again; before: {miss('a').message}"
    assert summary(outside, "second").unlisted == ["a"]
