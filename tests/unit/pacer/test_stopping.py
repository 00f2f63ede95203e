"""pacer/stopping.py and what pace() makes of it: when no further wave begins."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightfold.budget import CALLS_PER_ROUND, cost_usd
from nightfold.waves import CANARY, RESERVE_S, RUN_S, Seen
from pacer.concurrency import Wave
from pacer.pace import Decision, pace
from pacer.stopping import CALL_S, MARGIN_S, WAIT_S, rounds_in_time
from tests.unit.pacer.waves import MODEL, failing, play, seen, wave, work

STATE_MACHINE = Path(__file__).parents[3] / "infra" / "statemachine" / "nightly.asl.json"


FIXED = (None, 4, 16)


def all_fail(error: str, message: str = "no") -> Callable[[Decision], Seen]:
    return lambda now: failing(now.sites, now.max_concurrency, error, message).seen


@pytest.mark.parametrize(
    ("met", "fixed", "waves", "reason", "words"),
    [
        *((all_fail("AccessDenied"), fixed, [(CANARY, fixed or 4)], "unknown", "refused the key") for fixed in FIXED),
        *((all_fail("SpendLimitReached"), fixed, [(CANARY, fixed or 4)], "unknown", "spend more") for fixed in FIXED),
        (all_fail("RequestRejected", "model: no"), None, [(CANARY, 4)] * 2, "unknown", "model: no"),
        (all_fail("RateLimited"), None, [(4, 4), (4, 2), (4, 1)], "network", "only rate-limit errors (429)"),
        (lambda _: Seen(), None, [(CANARY, 4)], "network", "the Map itself failed"),
    ],
)
def test_what_will_not_get_better_costs_a_few_calls(
    met: Callable[[Decision], Seen], fixed: int | None, waves: list[tuple[int, int]], reason: str, words: str
) -> None:
    history, end = play(500, met, max_concurrency=fixed)
    assert [(each.sites, each.max_concurrency) for each in history] == waves
    assert end.stop is not None
    assert (end.stop.reason, end.stop.message) == (reason, end.why)
    assert words in end.why


def test_an_api_that_is_down_is_asked_by_few_until_the_time_is_up() -> None:
    waves, end = play(10_000, all_fail("Overloaded"), max_concurrency=16)
    assert {each.sites for each in waves} == {CANARY}
    assert end.stop is not None
    assert end.stop.reason == "network"


def test_sites_with_bad_briefs_stop_nobody() -> None:
    different = [failing(4, 4, "RequestRejected", "brief 1"), failing(4, 4, "RequestRejected", "brief 2")]
    assert pace(different, work(100)).sites
    mixed = Seen(outcomes=4, failed={"RequestRejected": 4}, same_message=None)
    assert pace([Wave(4, 4, mixed), Wave(4, 4, mixed)], work(100)).sites
    apart = [failing(4, 4, "RequestRejected"), wave(4, 4), failing(4, 4, "RequestRejected")]
    assert pace(apart, work(100)).sites


def test_a_key_that_is_refused_beside_other_trouble_stops_nobody() -> None:
    both = Seen(outcomes=4, failed={"AccessDenied": 2, "NetworkError": 2})
    assert pace([Wave(4, 4, both)], work(100)).sites


@pytest.mark.parametrize("error", ["AccessDenied", "RateLimited"])
def test_one_answer_is_enough_to_go_on(error: str) -> None:
    one = seen(1, outcomes=4, failed={error: 3})
    assert pace([Wave(4, 1, one)], work(100, max_concurrency=1)).sites


# --- the ceiling -----------------------------------------------------------------------------------------------------

ANSWER_USD = cost_usd(MODEL, 1_000, 2_048) or 0.0


@given(st.integers(0, 4_000), st.integers(1, 300), st.one_of(st.none(), st.integers(1, 40)))
def test_a_ceiling_is_kept_to_the_cent(cents: int, sites: int, fixed: int | None) -> None:
    """Every answer as long as it may be."""
    ceiling = cents / 100 + ANSWER_USD
    waves, end = play(
        sites,
        lambda now: seen(now.sites, input_tokens=1_000 * now.sites, output_tokens=2_048 * now.sites),
        answer_usd=ANSWER_USD,
        max_concurrency=fixed,
        cost_ceiling_usd=ceiling,
    )
    begun = sum(each.sites for each in waves)
    assert begun * ANSWER_USD <= ceiling + 1e-9
    assert begun == min(sites, int(ceiling / ANSWER_USD + 1e-9))
    assert (end.stop is None) == (begun == sites)


def test_waves_get_smaller_before_the_ceiling_stops_a_run() -> None:
    waves, end = play(400, lambda now: seen(now.sites), answer_usd=ANSWER_USD, max_concurrency=4, cost_ceiling_usd=1.0)
    sizes = [each.sites for each in waves]
    assert sizes[1:] == sorted(sizes[1:], reverse=True)
    assert len(sizes) > 5
    assert end.stop is not None
    assert end.stop.reason == "unknown"
    assert "cost_ceiling_usd is $1.00" in end.stop.message
    spent = cost_usd(MODEL, 300 * sum(sizes), 500 * sum(sizes)) or 0.0
    assert 1.0 - ANSWER_USD < spent <= 1.0


def test_amounts_that_are_compared_have_the_same_digits() -> None:
    answers = {"max_concurrency": 4, "answers_usd": [0.06] * 8}
    over = pace([wave(22, 4)], work(8, cost_ceiling_usd=0.1262, **answers))
    assert over.stop is not None
    assert (
        "cost_ceiling_usd is $0.1262, $0.1232 of it is spent, and one more answer may cost $0.06" in over.stop.message
    )
    small = pace([wave(22, 4)], work(8, cost_ceiling_usd=0.2468, **answers))
    assert small.why.endswith("; a small wave: $0.1236 of the ceiling is left")


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
