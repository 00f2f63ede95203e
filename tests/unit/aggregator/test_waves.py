"""aggregator/aggregate.py: sites for which no wave began, and the waves in the census."""

import pytest

from aggregator.aggregate import Adapters, AggregateTask, aggregate
from nightfold.misses import Miss, WaitingMessage
from nightfold.storage import items_key, outcome_key, pace_key
from nightfold.waves import Pace, Stop
from tests.unit.aggregator.test_aggregate import close, store, summary
from tests.unit.examples import answered, failed, plan, raised, wave
from tests.unit.outside import Outside, Wire

DENIED = raised("AccessDenied", "attempt 1: 401 authentication_error: invalid x-api-key")
STOP = Stop(reason="unknown", message="every call of a wave failed; the API refused the key")
SITES = ("harbour", "orchard", "lantern", "meadow")


def stopped(number: int, first: int, round_: int = 1, stop: Stop = STOP) -> Pace:
    return wave(plan(*SITES), number, round_=round_, first=first, sites=0, why=stop.message, stop=stop)


def misses(outside: Outside) -> dict[str, Miss]:
    return {body["site"]["site_id"]: Miss.model_validate(body) for body in outside.drain(outside.miss_queue)}


def test_a_site_in_no_wave_is_not_attempted_for_the_reason_that_stopped_the_run(
    outside: Outside, aggregating: Adapters
) -> None:
    first = wave(plan(*SITES), sites=2)
    store(outside, plan(*SITES), first, stopped(2, 2), failed("night", "harbour", DENIED, reason="unknown"))
    wire = Wire(outside.s3)
    state = close(aggregating, 1)
    assert wire.sent.count("GetObject") == 6, "summary, plan, three paces, one outcome: nothing of what never began"
    assert (state.status, state.planned, state.missed) == ("failed", 4, 4)
    counted = summary(outside)
    assert [(site.site_id, site.error) for site in counted.sites] == [
        ("harbour", "AccessDenied"),
        ("orchard", "Unaccounted"),
        ("lantern", "NotAttempted"),
        ("meadow", "NotAttempted"),
    ]
    assert (counted.not_attempted, counted.missed.unknown, counted.model_calls) == (2, 4, 1)
    assert [(each.wave, each.sites, each.max_concurrency, each.why) for each in counted.waves] == [
        (1, 2, 4, "a start with 4"),
        (2, 0, 4, STOP.message),
    ]
    left = misses(outside)
    assert (left["lantern"].message, left["lantern"].reason, left["lantern"].attempts) == (STOP.message, "unknown", 0)
    assert (left["harbour"].attempts, left["orchard"].attempts) == (1, 1)


def test_it_never_parks_a_site(outside: Outside, aggregating: Adapters) -> None:
    messages = {"harbour": [WaitingMessage(message_id="1", receipt_handle="x" * 200)]}
    redrive = plan("harbour", mode="redrive", of_redrive={"messages": messages, "attempts": {"harbour": 2}})
    store(outside, redrive, stopped(1, 0))
    close(aggregating, 1)
    assert misses(outside)["harbour"].attempts == 2
    assert outside.drain(outside.parked_queue) == []


def test_an_outcome_counts_whatever_the_waves_say(outside: Outside, aggregating: Adapters) -> None:
    store(outside, plan(*SITES), stopped(1, 0), *(answered("night", name) for name in SITES))
    assert close(aggregating, 1).status == "complete"


@pytest.mark.parametrize("dead", [False, True])
def test_without_a_stop_the_run_ended_before_their_turn_came(
    outside: Outside, aggregating: Adapters, dead: bool
) -> None:
    store(outside, plan(*SITES), wave(plan(*SITES), sites=1), answered("night", "harbour"))
    aggregate(AggregateTask(run_id="night", round=2, dead=dead), aggregating)
    left = misses(outside)
    assert {(miss.error, miss.reason, miss.attempts) for miss in left.values()} == {("NotAttempted", "network", 0)}
    assert {miss.message for miss in left.values()} == {"the run ended before its turn came"}


def test_a_stop_before_round_2_leaves_the_verdict_of_round_1(outside: Outside, aggregating: Adapters) -> None:
    store(
        outside,
        plan("harbour", "orchard"),
        answered("night", "harbour", "prose"),
        answered("night", "orchard", "more prose"),
    )
    assert close(aggregating, 1).status == "regenerate"
    assert [item["site_id"] for item in outside.read(items_key("night", 2))] == ["harbour", "orchard"]
    two = plan("harbour", "orchard")
    dear = Stop(reason="unknown", message="cost_ceiling_usd is $0.10, $0.09 of it is spent")
    store(outside, wave(two, round_=2, sites=1), stopped(2, 1, 2, dear), answered("night", "harbour", round_=2))
    assert close(aggregating).status == "partial"
    counted = summary(outside)
    assert [(site.error, site.rounds) for site in counted.sites] == [(None, 2), ("SchemaViolation", 1)]
    assert (counted.regenerated, counted.not_attempted) == (1, 0)
    assert [(each.round, each.sites) for each in counted.waves] == [(1, 2), (2, 1), (2, 0)]
    left = misses(outside)["orchard"]
    assert (left.raw_answer, left.raw_answer_key) == ("more prose", outcome_key("night", 1, "orchard"))


def test_a_decision_that_cannot_be_read_loses_no_site(outside: Outside, aggregating: Adapters) -> None:
    store(outside, plan(*SITES), answered("night", "harbour"))
    outside.put(pace_key("night", 1, 1), {"hello": "world"})
    state = close(aggregating, 1)
    assert (state.planned, state.accepted, state.missed) == (4, 1, 3)
