"""pacer/stopping.py and what pace() makes of it: when no further wave begins."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightfold.budget import CALLS_PER_ROUND, cost_usd
from nightfold.waves import CANARY, RESERVE_S, RUN_S, Seen
from pacer.concurrency import Wave
from pacer.pace import pace
from pacer.stopping import CALL_S, MARGIN_S, WAIT_S, rounds_in_time
from tests.unit.pacer.waves import MODEL, failing, play, seen, wave, work

STATE_MACHINE = Path(__file__).parents[3] / "infra" / "statemachine" / "nightly.asl.json"


@pytest.mark.parametrize("fixed", [None, 4, 16])
@pytest.mark.parametrize("error", ["AccessDenied", "SpendLimitReached"])
def test_a_wrong_key_and_a_spend_limit_cost_one_wave(error: str, fixed: int | None) -> None:
    waves, end = play(500, lambda now: failing(now.sites, now.max_concurrency, error).seen, max_concurrency=fixed)
    assert [each.sites for each in waves] == [CANARY]
    assert end.stop is not None
    assert end.stop.reason == "unknown"
    assert end.why == end.stop.message


def test_a_model_that_is_rejected_costs_two_waves() -> None:
    waves, end = play(500, lambda now: failing(now.sites, now.max_concurrency, "RequestRejected", "model: no").seen)
    assert [each.sites for each in waves] == [CANARY, CANARY]
    assert end.stop is not None
    assert end.stop.reason == "unknown"
    assert "model: no" in end.stop.message


def test_sites_with_bad_briefs_stop_nobody() -> None:
    different = [failing(4, 4, "RequestRejected", "brief 1"), failing(4, 4, "RequestRejected", "brief 2")]
    assert pace(different, work(100)).sites
    mixed = Seen(outcomes=4, failed={"RequestRejected": 4}, same_message=None)
    assert pace([Wave(1, 4, 4, mixed), Wave(1, 4, 4, mixed)], work(100)).sites
    apart = [failing(4, 4, "RequestRejected"), wave(4, 4), failing(4, 4, "RequestRejected")]
    assert pace(apart, work(100)).sites


def test_a_key_that_is_refused_beside_other_trouble_stops_nobody() -> None:
    both = Seen(outcomes=4, failed={"AccessDenied": 2, "NetworkError": 2})
    assert pace([Wave(1, 4, 4, both)], work(100)).sites


@pytest.mark.parametrize("error", ["AccessDenied", "RateLimited"])
def test_one_answer_is_enough_to_go_on(error: str) -> None:
    one = seen(1, outcomes=4, failed={error: 3})
    assert pace([Wave(1, 4, 1, one)], work(100, max_concurrency=1)).sites


def test_only_rate_limit_errors_end_a_run_at_one_call_at_a_time() -> None:
    waves, end = play(500, lambda now: failing(now.sites, now.max_concurrency, "RateLimited").seen)
    assert [each.max_concurrency for each in waves] == [4, 2, 1]
    assert end.stop is not None
    assert end.stop.reason == "network"


def test_a_map_that_left_nothing_ends_the_run() -> None:
    waves, end = play(500, lambda _: Seen())
    assert len(waves) == 1
    assert end.stop is not None
    assert end.stop.reason == "network"


def test_an_api_that_is_down_is_asked_by_few_until_the_time_is_up() -> None:
    waves, end = play(
        10_000, lambda now: failing(now.sites, now.max_concurrency, "Overloaded").seen, max_concurrency=16
    )
    assert {each.sites for each in waves} == {CANARY}
    assert end.stop is not None
    assert end.stop.reason == "network"


# --- the ceiling -----------------------------------------------------------------------------------------------------

ANSWER_USD = cost_usd(MODEL, 1_000, 2_048) or 0.0


@given(st.integers(0, 4_000), st.integers(1, 300), st.one_of(st.none(), st.integers(1, 40)))
def test_a_ceiling_is_kept_to_the_cent(cents: int, sites: int, fixed: int | None) -> None:
    """Every answer as long as it may be."""
    ceiling = cents / 100 + ANSWER_USD
    history: list[Wave] = []
    left = sites
    while True:
        now = pace(
            history,
            work(left, max_concurrency=fixed, cost_ceiling_usd=ceiling, answers_usd=[ANSWER_USD] * left),
        )
        if not now.sites:
            break
        full = seen(now.sites, input_tokens=1_000 * now.sites, output_tokens=2_048 * now.sites)
        history.append(Wave(1, now.sites, now.max_concurrency, full))
        left -= now.sites
    begun = sites - left
    assert begun * ANSWER_USD <= ceiling + 1e-9
    assert begun == min(sites, int(ceiling / ANSWER_USD + 1e-9))
    assert (now.stop is None) == (left == 0)


def test_waves_get_smaller_before_the_ceiling_stops_a_run() -> None:
    history: list[Wave] = []
    left, ceiling = 400, 1.0
    while True:
        prices = [ANSWER_USD] * left
        now = pace(history, work(left, max_concurrency=4, cost_ceiling_usd=ceiling, answers_usd=prices))
        if not now.sites:
            break
        history.append(wave(now.sites, 4))
        left -= now.sites
    sizes = [each.sites for each in history]
    assert sizes[1:] == sorted(sizes[1:], reverse=True)
    assert len(sizes) > 5
    assert now.stop is not None
    assert now.stop.reason == "unknown"
    assert "cost_ceiling_usd is $1.00" in now.stop.message
    spent = cost_usd(MODEL, 300 * sum(sizes), 500 * sum(sizes)) or 0.0
    assert ceiling - ANSWER_USD < spent <= ceiling


def test_a_long_brief_ends_a_wave_before_it_and_not_the_run() -> None:
    now = pace([wave(4, 4)], work(8, max_concurrency=4, cost_ceiling_usd=0.15, answers_usd=[0.01] * 4 + [5.0] * 4))
    assert now.sites == 4


# --- the clock -------------------------------------------------------------------------------------------------------


def test_the_time_is_the_state_machine_s() -> None:
    machine = json.loads(STATE_MACHINE.read_text(encoding="utf-8"))
    assert machine["TimeoutSeconds"] == RUN_S
    states = machine["States"]
    retriers = states["CollectSites"]["ItemProcessor"]["States"]["CollectSite"]["Retry"]
    [network] = [each for each in retriers if "ModelTimeout" in each["ErrorEquals"]]
    waits = [
        min(network["IntervalSeconds"] * network["BackoffRate"] ** number, network["MaxDelaySeconds"])
        for number in range(network["MaxAttempts"])
    ]
    assert len(waits) == CALLS_PER_ROUND - 1
    assert sum(waits) / 2 == WAIT_S
    assert sum(waits) <= MARGIN_S
    assert states["AggregateOutcomes"]["TimeoutSeconds"] + states["PublishDigest"]["TimeoutSeconds"] <= RESERVE_S


@given(st.floats(0, RUN_S), st.integers(1, 600), st.integers(1, 1_000), st.integers(1, 10_000))
def test_no_wave_could_end_too_late(elapsed_s: float, timeout_s: int, fixed: int, left: int) -> None:
    """Even if every call of it times out."""
    given_work = work(left, elapsed_s=elapsed_s, request_timeout_s=timeout_s, max_concurrency=fixed)
    now = pace([wave(4, fixed)], given_work)
    rounds = -(-now.sites // fixed)
    assert elapsed_s + rounds * (3 * (timeout_s + CALL_S) + WAIT_S) <= RUN_S - RESERVE_S - MARGIN_S or not now.sites
    assert (now.stop is None) == (now.sites > 0)


def test_the_last_branch_may_be_later_than_the_mean() -> None:
    branch_s = CALLS_PER_ROUND * (120 + CALL_S) + WAIT_S
    last = RUN_S - RESERVE_S - MARGIN_S - branch_s
    assert [rounds_in_time(elapsed_s, 120) for elapsed_s in (last - branch_s, last, last + 1, RUN_S)] == [2, 1, 0, 0]


def test_ten_thousand_sites_one_at_a_time_end_by_themselves() -> None:
    waves, end = play(10_000, lambda now: seen(now.sites), max_concurrency=1)
    assert end.stop is not None
    assert end.stop.reason == "network"
    assert sum(each.sites for each in waves) > 600  # of 720 that fit into six hours
    assert len(waves) < 100
    assert rounds_in_time(30.0 * sum(each.sites for each in waves), 120) == 0
