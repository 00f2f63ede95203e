"""aggregator/aggregate.py and census.py: runs that a redrive closes, after their own execution had ended."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.aggregate import Adapters, AggregateTask, aggregate
from nightfold.errors import UnexpectedError
from nightfold.misses import Miss
from nightfold.storage import plan_key
from tests.unit.aggregator.test_aggregate import OVERLOADED, close, store, summary
from tests.unit.examples import STARTED, answered, failed, plan, wave
from tests.unit.outside import Outside


@pytest.mark.parametrize(("ended_s", "duration_s"), [([40, 61.5, 50], 61.5), ([], 0)])
def test_a_dead_run_ended_with_its_last_branch_and_not_when_it_is_closed(
    outside: Outside, aggregating: Adapters, ended_s: list[float], duration_s: float
) -> None:
    sites = ("harbour", "orchard", "lantern", "meadow")
    branches = [
        answered("night", site).model_copy(update={"ended_at": STARTED + timedelta(seconds=seconds)})
        for site, seconds in zip(sites, ended_s, strict=False)
    ]
    store(outside, plan(*sites), *branches)
    aggregate(AggregateTask(run_id="night", round=2, dead=True), aggregating)
    assert summary(outside).duration_s == duration_s


def test_what_a_dead_run_missed_was_missed_since_its_start_so_that_later_runs_settle_it(
    outside: Outside, aggregating: Adapters
) -> None:
    store(outside, plan("harbour", "orchard"), failed("night", "harbour", OVERLOADED))
    aggregate(AggregateTask(run_id="night", round=2, dead=True), aggregating)
    misses = map(Miss.model_validate, outside.drain(outside.miss_queue))
    assert {miss.site.site_id: miss.missed_at for miss in misses} == {"harbour": STARTED, "orchard": STARTED}


def test_a_site_that_was_asked_in_round_1_counts_as_asked_whatever_became_of_round_2(
    outside: Outside, aggregating: Adapters
) -> None:
    two = plan("harbour", "orchard")
    store(outside, two, answered("night", "harbour", "prose"))
    assert close(aggregating, 1).status == "regenerate"
    store(outside, wave(two, round_=2, sites=1))
    aggregate(AggregateTask(run_id="night", round=2, dead=True), aggregating)
    misses = map(Miss.model_validate, outside.drain(outside.miss_queue))
    assert {miss.site.site_id: (miss.error, miss.attempts) for miss in misses} == {
        "harbour": ("Unaccounted", 1),
        "orchard": ("Unaccounted", 0),
    }


def test_a_run_that_closes_itself_ends_now(outside: Outside, aggregating: Adapters) -> None:
    store(outside, plan("harbour"), answered("night", "harbour").model_copy(update={"ended_at": STARTED}))
    close(aggregating)
    assert summary(outside).duration_s > 0


def test_a_plan_of_another_run_is_refused(outside: Outside, aggregating: Adapters) -> None:
    outside.put(plan_key("night.backup"), plan("harbour", run_id="night").model_dump(mode="json"))
    with pytest.raises(UnexpectedError, match=r"the plan of run night\.backup is that of run night"):
        close(aggregating, run_id="night.backup")
    assert outside.keys() == {plan_key("night.backup")}
    assert outside.count(outside.miss_queue) == (0, 0)


def test_a_run_whose_clock_was_set_back_took_no_negative_time(outside: Outside, aggregating: Adapters) -> None:
    ahead = plan("harbour").model_copy(update={"started_at": datetime.now(UTC) + timedelta(hours=1)})
    store(outside, ahead, answered("night", "harbour"))
    close(aggregating)
    assert summary(outside).duration_s == 0
