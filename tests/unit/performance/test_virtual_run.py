"""The simulation that the retrier was chosen with: does it do what Step Functions and the account's limits do?"""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from infra.messages_api.scenario import Latency, Limits
from tests.performance import real_waves, simulation
from tests.performance.virtual_run import Retrier, Setting, demand, draw, mean, own_retrier, play, under_pressure

STEADY = Setting(
    sites=10,
    concurrency=4,
    output_token_budget=4 * 8_192,
    latency=Latency(median=20),
    output_tokens=Latency(median=500),
)
TIGHT = under_pressure(replace(STEADY, sites=200, concurrency=8, output_token_budget=8 * 8_192), 0.5)
PATIENT = Retrier(60, 1, 60, "NONE")


@pytest.mark.parametrize(("sites", "at_once", "waves"), [(10, 4, 3), (8, 4, 2), (3, 4, 1), (7, 1, 7), (64, 64, 1)])
def test_a_run_of_equal_calls_lasts_as_many_waves_as_it_takes(sites: int, at_once: int, waves: int) -> None:
    run = play(replace(STEADY, sites=sites, concurrency=at_once, output_token_budget=at_once * 8_192), 1)
    assert run.duration_s == pytest.approx(waves * 20)
    assert (run.calls, run.lost, run.wasted, run.peak) == (sites, 0, 0, min(sites, at_once))


def test_unequal_calls_take_the_next_free_slot() -> None:
    setting = replace(STEADY, sites=30, latency=Latency(median=20, sigma=0.6), overhead_s=2)
    free_at = [0.0] * setting.concurrency
    for site in range(setting.sites):
        free_at.sort()
        free_at[0] += 2 + draw(setting, 7, site, 1).latency_s
    assert max(draw(setting, 7, site, 1).latency_s for site in range(30)) < setting.request_timeout_s
    assert play(setting, 7).duration_s == pytest.approx(max(free_at))


@pytest.mark.parametrize("seed", range(5))
def test_every_call_is_a_site_s_first_or_a_retry_and_slots_never_exceed_the_cap(seed: int) -> None:
    run = play(TIGHT, seed)
    assert run.peak == TIGHT.concurrency
    assert run.calls == (run.sites - run.lost) + run.rate_limited
    assert run.wasted == run.rate_limited > 0
    assert run.lost > 0


def test_a_call_that_takes_too_long_is_retried_twice_and_holds_its_slot_between_the_calls() -> None:
    impatient = replace(STEADY, request_timeout_s=19, retrier=Retrier(7, 3, 20, "NONE"))
    run = play(impatient, 1)
    assert (run.lost, run.timed_out, run.calls) == (10, 30, 30)
    assert run.duration_s == pytest.approx(3 * (3 * 19 + 7 + 20))


def test_full_jitter_lies_between_nothing_and_the_whole_delay_and_uses_all_of_it() -> None:
    rng, retrier = Random(1), Retrier(4, 3, 60, "FULL")
    for number, delay_s in ((1, 4), (2, 12)):
        waits = [retrier.wait_s(number, rng) for _ in range(2_000)]
        assert 0 <= min(waits) < 0.02 * delay_s
        assert 0.98 * delay_s < max(waits) <= delay_s
        assert sum(waits) / len(waits) == pytest.approx(delay_s / 2, rel=0.05)


def test_output_tokens_are_charged_when_the_answer_is_written() -> None:
    four = replace(STEADY, sites=4, limits=Limits(output_tokens_per_minute=1_000))
    assert play(four, 1).rate_limited == 0  # all were let in before one of them had written
    assert play(four, 1).output_tokens == 2_000
    five = play(replace(four, sites=5, retrier=PATIENT), 1)
    assert (five.rate_limited, five.lost) == (1, 0)


def test_demand_is_what_all_slots_ask_in_a_minute() -> None:
    asked = demand(STEADY)
    assert (asked.requests_per_minute, asked.output_tokens_per_minute) == (12, 6_000)
    assert mean(Latency(median=20, sigma=0.6)) == pytest.approx(23.94, abs=0.01)


def test_a_cut_answer_is_asked_for_once_more_by_half_as_many_with_twice_the_tokens() -> None:
    run = play(replace(STEADY, sites=4, output_token_budget=4 * 400), 1)
    assert (run.truncated, run.lost, run.calls) == (4, 0, 8)
    assert run.output_tokens == 4 * 400 + 4 * 500
    assert run.duration_s == pytest.approx(20 + 2 * 20)


def test_a_site_whose_answer_is_cut_twice_is_lost() -> None:
    run = play(replace(STEADY, sites=4, output_tokens=Latency(median=9_000)), 1)
    assert (run.truncated, run.lost, run.calls) == (8, 4, 8)


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    assert play(TIGHT, 3) == play(TIGHT, 3)
    assert play(TIGHT, 3) != play(TIGHT, 4)
    assert play(TIGHT, 3) != play(TIGHT, 3, luck=1)


def test_the_retrier_is_the_state_machine_s() -> None:
    assert Setting().retrier == own_retrier() == Retrier(30, 2, 60, "FULL")


def in_waves() -> dict[str, Any]:
    """Figures of which nothing is to be complained about."""
    side = {"waves": [(4, 4), (8, 8), (16, 16), (72, 24)], "lost": 1}
    steady = {"auto": {"seconds": 40, "rate_limited": 3, "lost": 0}, "4": {"seconds": 150}}
    return {"real": dict(side), "virtual": dict(side), "steady": steady}


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"real": {"waves": [(4, 4), (8, 8), (16, 16), (30, 30), (42, 18)], "lost": 1}}, ""),
        ({"real": {"waves": [(50, 24), (50, 24)], "lost": 1}}, "2 waves really, 4 virtually"),
        ({"real": {"waves": [(4, 4), (8, 8), (16, 16), (72, 17)], "lost": 1}}, "up to 17 at once really, 24 virtually"),
        ({"real": {"waves": [(4, 4), (8, 8), (16, 16), (72, 24)], "lost": 2}}, "2 sites really, 1 virtually"),
        ({"steady": {"auto": {"seconds": 40, "rate_limited": 4, "lost": 0}, "4": {"seconds": 150}}}, "4 429s"),
        ({"steady": {"auto": {"seconds": 76, "rate_limited": 0, "lost": 0}, "4": {"seconds": 150}}}, "auto takes 76 s"),
    ],
)
def test_real_waves_that_went_otherwise_are_complained_about(changed: dict[str, Any], wrong: str) -> None:
    found = real_waves.complaints(in_waves() | changed)
    assert [wrong in each for each in found] == ([True] if wrong else [])


@pytest.mark.parametrize(
    ("real", "wrong"),
    [
        ({"calls": 126, "lost": 11}, ""),
        ({"calls": 60, "lost": 0}, ""),
        ({"calls": 127}, "127 calls"),
        ({"lost": 12}, "12 sites"),
        ({"gave_up": 1}, "1 sites given up"),
        ({"peak": 9}, "9 calls at once"),
    ],
)
def test_a_real_run_that_went_otherwise_is_complained_about(real: dict[str, float], wrong: str) -> None:
    virtual = {"calls": (90, 100, 110), "lost": (4, 5, 6), "peak": (8, 8, 8)}
    figures: dict[str, Any] = {"sites": 50, "gave_up": real.get("gave_up", 0), "waves": in_waves()}
    for name, (lowest, middle, highest) in virtual.items():
        figures[name] = {"real": real.get(name, middle), "virtual": middle, "lowest": lowest, "highest": highest}
    found = simulation.complaints(figures)
    assert [wrong in each for each in found] == ([True] if wrong else [])
