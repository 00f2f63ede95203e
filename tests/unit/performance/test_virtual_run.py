"""The simulation that the retrier was chosen with: does it do what Step Functions and the account's limits do?"""

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from infra.messages_api.scenario import Latency, Limits
from tests.performance import shape, simulation
from tests.performance.virtual_run import (
    STATE_MACHINE,
    Outage,
    Retrier,
    RetryAfter,
    Setting,
    definition,
    demand,
    draw,
    mean,
    network_retrier,
    play,
    retrier_in,
    under_pressure,
)

STEADY = Setting(
    sites=10,
    concurrency=4,
    output_token_budget=4 * 8_192,
    latency=Latency(median=20),
    output_tokens=Latency(median=500),
)
TIGHT = under_pressure(replace(STEADY, sites=200, concurrency=8, output_token_budget=8 * 8_192), 0.5)


class Scripted:
    """A policy that writes down what it is asked."""

    name = "scripted"

    def __init__(self, waits_s: Sequence[float]) -> None:
        self.waits_s = waits_s
        self.asked: list[tuple[int, float | None]] = []

    def wait_s(self, number: int, retry_after_s: float | None, _: Random) -> float:
        self.asked.append((number, retry_after_s))
        return self.waits_s[number - 1]


# --- slots and time --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sites", "at_once", "waves"), [(10, 4, 3), (8, 4, 2), (9, 4, 3), (3, 4, 1), (7, 1, 7), (64, 64, 1)]
)
def test_a_run_of_equal_calls_lasts_as_many_waves_as_it_takes(sites: int, at_once: int, waves: int) -> None:
    setting = replace(STEADY, sites=sites, concurrency=at_once, output_token_budget=at_once * 8_192)
    run = play(setting, 1)
    assert run.duration_s == pytest.approx(waves * 20)
    assert (run.calls, run.lost, run.wasted, run.peak) == (sites, 0, 0, min(sites, at_once))


def test_unequal_calls_take_the_next_free_slot() -> None:
    setting = replace(STEADY, sites=30, latency=Latency(median=20, sigma=0.6))
    free_at = [0.0] * setting.concurrency
    for site in range(setting.sites):
        free_at.sort()
        free_at[0] += draw(setting, 7, site, 1).latency_s
    assert max(draw(setting, 7, site, 1).latency_s for site in range(30)) < setting.request_timeout_s
    assert play(setting, 7).duration_s == pytest.approx(max(free_at))


def test_what_the_state_machine_takes_for_a_branch_is_time_too() -> None:
    assert play(replace(STEADY, overhead_s=2), 1).duration_s == pytest.approx(3 * 22)


@pytest.mark.parametrize("seed", range(5))
def test_slots_never_exceed_the_cap_and_are_all_used(seed: int) -> None:
    assert play(TIGHT, seed).peak == TIGHT.concurrency


def test_a_branch_holds_its_slot_while_it_waits() -> None:
    outage = replace(STEADY, sites=2, concurrency=1, policy=Scripted([100, 100]), outage=Outage(0, 50), refused_s=0)
    assert play(outage, 1).duration_s == pytest.approx(100 + 20 + 20)


# --- retries ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_every_call_is_a_site_s_first_or_a_retry_and_none_makes_more_than_three(seed: int) -> None:
    policy = Scripted([5, 10])
    run = play(replace(TIGHT, policy=policy), seed)
    assert run.calls == run.sites + len(policy.asked)
    assert run.most_calls == 3
    assert {number for number, _ in policy.asked} == {1, 2}
    assert run.calls == (run.sites - run.lost) + run.rate_limited
    assert run.wasted == run.rate_limited > 0
    assert run.lost > 0


def test_an_api_that_is_always_out_costs_every_site_three_calls_and_both_waits() -> None:
    run = play(replace(STEADY, policy=Retrier(7, 3, 60, "NONE"), outage=Outage(0, 10**9), refused_s=0), 1)
    assert (run.lost, run.calls, run.overloaded) == (10, 30, 30)
    assert run.duration_s == pytest.approx(3 * (7 + 21))


def test_an_outage_strikes_only_calls_that_arrive_within_it() -> None:
    run = play(replace(STEADY, policy=Retrier(7, 3, 60, "NONE"), outage=Outage(19, 2)), 1)
    assert (run.overloaded, run.lost) == (4, 0)
    assert play(replace(STEADY, outage=Outage(1, 18)), 1).overloaded == 0


def test_a_call_that_takes_too_long_is_retried() -> None:
    run = play(replace(STEADY, request_timeout_s=19, policy=Retrier(1, 1, 30, "NONE")), 1)
    assert (run.lost, run.timed_out, run.calls) == (10, 30, 30)


@pytest.mark.parametrize(
    ("retrier", "delays_s"),
    [
        (Retrier(4, 3, 60), (4, 12)),
        (Retrier(30, 4, 60), (30, 60)),
        (Retrier(15, 1.5, 300), (15, 22.5)),
        (Retrier(60, 2, 30), (30, 30)),
    ],
)
def test_waits_grow_by_the_rate_up_to_the_cap(retrier: Retrier, delays_s: tuple[float, float]) -> None:
    plain = replace(retrier, jitter="NONE")
    assert retrier.delays_s == delays_s == tuple(plain.wait_s(number, None, Random(1)) for number in (1, 2))
    assert plain.wait_s(1, 999, Random(1)) == delays_s[0]  # it cannot see the header


def test_full_jitter_lies_between_nothing_and_the_whole_delay_and_uses_all_of_it() -> None:
    rng, retrier = Random(1), Retrier(4, 3, 60, "FULL")
    for number, delay_s in ((1, 4), (2, 12)):
        waits = [retrier.wait_s(number, None, rng) for _ in range(2_000)]
        assert 0 <= min(waits) < 0.02 * delay_s
        assert 0.98 * delay_s < max(waits) <= delay_s
        assert sum(waits) / len(waits) == pytest.approx(delay_s / 2, rel=0.05)


def test_a_wait_state_does_as_the_header_says_within_its_bound() -> None:
    rng, policy = Random(1), RetryAfter(30, 5, Retrier(4, 3, 60, "NONE"))
    assert all(10 <= policy.wait_s(1, 10, rng) <= 15 for _ in range(100))
    assert all(30 <= policy.wait_s(2, 90, rng) <= 35 for _ in range(100))
    assert policy.wait_s(2, None, rng) == 12


# --- limits ----------------------------------------------------------------------------------------------------------


def test_a_429_names_the_seconds_until_the_next_call_fits() -> None:
    policy = Scripted([60, 60])
    limits = Limits(requests_per_minute=3)
    run = play(replace(STEADY, sites=4, limits=limits, policy=policy), 1)
    assert (run.rate_limited, run.lost) == (1, 0)
    assert policy.asked == [(1, 20.0)]
    assert run.longest_retry_after_s == 20


def test_output_tokens_are_charged_when_the_answer_is_written() -> None:
    limits = Limits(output_tokens_per_minute=1_000)
    four = replace(STEADY, sites=4, limits=limits)
    assert play(four, 1).rate_limited == 0  # all were let in before one of them had written
    assert play(four, 1).output_tokens == 2_000
    five = play(replace(four, sites=5, policy=Scripted([120, 120])), 1)
    assert (five.rate_limited, five.lost) == (1, 0)


def test_limits_that_are_enforced_per_second_let_fewer_in_at_once() -> None:
    crowd = replace(STEADY, sites=120, concurrency=120, output_token_budget=120 * 256)
    assert play(crowd, 1).rate_limited == 0
    assert play(replace(crowd, bucket_s=1, policy=Scripted([60, 60])), 1).rate_limited >= 100


def test_however_short_the_stretch_the_limits_refill_as_fast() -> None:
    policy = Scripted([60, 60])
    run = play(replace(STEADY, sites=4, limits=Limits(requests_per_minute=120), bucket_s=1, policy=policy), 1)
    assert (run.rate_limited, policy.asked) == (2, [(1, 0.5), (1, 0.5)])


def test_demand_is_what_all_slots_ask_in_a_minute() -> None:
    asked = demand(STEADY)
    assert (asked.requests_per_minute, asked.output_tokens_per_minute) == (12, 6_000)
    assert mean(Latency(median=20, sigma=0.6)) == pytest.approx(23.94, abs=0.01)


def test_less_room_is_never_kinder() -> None:
    base = replace(Setting(), sites=200, concurrency=8, output_token_budget=8 * 8_192)
    lost = [sum(play(under_pressure(base, room), seed).lost for seed in range(3)) for room in (0.5, 0.8, 1.2)]
    assert lost == sorted(lost, reverse=True)
    assert lost[0] > 5 * max(1, lost[-1])


# --- answers ---------------------------------------------------------------------------------------------------------


def test_a_cut_answer_is_asked_for_once_more_by_half_as_many_with_twice_the_tokens() -> None:
    run = play(replace(STEADY, sites=4, output_token_budget=4 * 400), 1)
    assert (run.truncated, run.lost, run.calls) == (4, 0, 8)
    assert run.output_tokens == 4 * 400 + 4 * 500
    assert run.duration_s == pytest.approx(20 + 2 * 20)


def test_a_site_whose_answer_is_cut_twice_is_lost() -> None:
    run = play(replace(STEADY, sites=4, output_tokens=Latency(median=9_000)), 1)
    assert (run.truncated, run.lost, run.calls) == (8, 4, 8)


# --- seeds -----------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    setting = under_pressure(replace(Setting(), sites=100, concurrency=8, output_token_budget=8 * 8_192), 0.6)
    assert play(setting, 3) == play(setting, 3)
    assert play(setting, 3) != play(setting, 4)
    assert play(setting, 3) != play(setting, 3, luck=1)


def test_a_call_is_the_same_under_every_policy() -> None:
    patient = replace(TIGHT, policy=Retrier(60, 2, 120))
    assert [draw(TIGHT, 1, site, 1) for site in range(5)] == [draw(patient, 1, site, 1) for site in range(5)]


# --- the state machine's own numbers ---------------------------------------------------------------------------------


def test_the_retrier_is_read_from_the_state_machine(tmp_path: Path) -> None:
    machine = json.loads(STATE_MACHINE.read_text())
    entry = network_retrier(machine)
    assert entry["MaxAttempts"] == 2
    present = retrier_in(definition())
    assert (present.interval_s, present.rate, present.max_delay_s, present.jitter) == (
        entry["IntervalSeconds"],
        entry["BackoffRate"],
        entry["MaxDelaySeconds"],
        entry["JitterStrategy"],
    )
    entry.update(IntervalSeconds=17, BackoffRate=2.5, MaxDelaySeconds=99)
    del entry["JitterStrategy"]
    changed = tmp_path / "changed.asl.json"
    changed.write_text(json.dumps(machine))
    assert retrier_in(definition(changed)) == Retrier(17, 2.5, 99, "NONE")


def test_a_state_machine_with_more_than_two_retries_is_refused() -> None:
    machine = definition()
    network_retrier(machine)["MaxAttempts"] = 3
    with pytest.raises(ValueError, match="3 calls at most"):
        retrier_in(machine)


# --- what the parts make of it ---------------------------------------------------------------------------------------


def beside_the_real(**real: float) -> dict[str, Any]:
    virtual = {"calls": (90, 100, 110), "lost": (4, 5, 6), "peak": (8, 8, 8)}
    return {
        "sites": 50,
        **{
            name: {"real": real.get(name, mean_), "virtual": mean_, "lowest": lowest, "highest": highest}
            for name, (lowest, mean_, highest) in virtual.items()
        },
    }


@pytest.mark.parametrize(
    ("real", "wrong"),
    [
        ({"calls": 126, "lost": 11}, ""),
        ({"calls": 77, "lost": 0}, ""),
        ({"calls": 127}, "127 calls"),
        ({"calls": 76}, "76 calls"),
        ({"lost": 12}, "12 sites"),
        ({"peak": 9}, "9 calls at once"),
    ],
)
def test_a_real_run_that_went_otherwise_is_complained_about(real: dict[str, float], wrong: str) -> None:
    found = simulation.complaints(beside_the_real(**real))
    assert [wrong in each for each in found] == ([True] if wrong else [])


def swept(**default: float) -> dict[str, Any]:
    plain = {"tier": "entry tier", "rate_limited": 0, "rate_limited_at_most": 0, "lost_at_most": 0, "truncated": 0}
    concurrency, budget = shape.DEFAULTS
    runs = [
        {**plain, "concurrency": concurrency, "budget": budget, "tokens": 1_024, "duration_s": 900, **default},
        {**plain, "concurrency": 8, "budget": 65_536, "tokens": 8_192, "duration_s": 500},
        {**plain, "concurrency": 16, "budget": 65_536, "tokens": 4_096, "duration_s": 490, "truncated": 3},
        {**plain, "concurrency": 64, "budget": 65_536, "tokens": 1_024, "duration_s": 90, "rate_limited_at_most": 1},
        {**plain, "concurrency": 32, "budget": 65_536, "tokens": 2_048, "duration_s": 99, "rate_limited": 5}
        | {"rate_limited_at_most": 9},
    ]
    return {"sites": 400, "runs": runs}


def test_the_fastest_setting_without_harm_sees_no_429_at_all_and_cuts_least() -> None:
    found = shape.fastest(swept(), "entry tier")
    assert found is not None
    assert found["concurrency"] == 8


def test_defaults_that_meet_a_429_or_lose_sites_are_complained_about() -> None:
    assert shape.complaints(swept()) == []
    assert "3 429s" in shape.complaints(swept(rate_limited_at_most=3))[0]
    assert "lose 5" in shape.complaints(swept(lost_at_most=5))[0]
    blind = swept() | {"runs": [run | {"rate_limited": 0} for run in swept()["runs"]]}
    assert "too narrow" in shape.complaints(blind)[0]


def test_defaults_are_nightfold_s_own() -> None:
    values = {field.name: field.default for field in fields(Setting)}
    assert (values["concurrency"], values["output_token_budget"]) == (4, 4_096) == shape.DEFAULTS
    assert values["limits"] == Limits()
