"""pacer/pace.py: how long a wave is, and what holds for every history."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightfold.waves import BELIEVED, CANARY, KNOWN_CANARY, ONE_WAVE, Carried, Profile, Seen, believed
from pacer.concurrency import PROBE, Wave, speed
from pacer.pace import Decision, pace
from pacer.profile import found
from tests.unit.pacer.waves import FOUND, MODEL, TIGHT, TIGHT_RAMP, carried, failing, limits, play, seen, wave, work


def calm(now: Decision) -> Seen:
    return seen(now.sites)


@pytest.mark.parametrize("fixed", [None, 4, 16])
@pytest.mark.parametrize("sites", [1, 4, ONE_WAVE])
def test_few_sites_are_one_wave(sites: int, fixed: int | None) -> None:
    waves, end = play(sites, calm, max_concurrency=fixed)
    assert [each.sites for each in waves] == [sites]
    assert (end.stop, end.sites) == (None, 0)


def test_a_fixed_number_has_a_canary_and_then_the_rest() -> None:
    waves, _ = play(400, calm, max_concurrency=16)
    assert [(each.sites, each.max_concurrency) for each in waves] == [(CANARY, 16), (396, 16)]


def test_a_first_night_climbs_by_one_round_a_wave_and_then_takes_long_waves() -> None:
    waves, _ = play(4_000, lambda now: seen(now.sites, **TIGHT))
    assert [(each.sites, each.max_concurrency) for each in waves[:4]] == [(4, 4), (8, 8), (16, 16), (PROBE * 25, 25)]
    assert all(each.max_concurrency == 25 for each in waves[4:])
    long = [each.sites for each in waves[4:]]
    assert long[1] == 2 * long[0]


def test_a_later_night_asks_two_sites_and_then_all() -> None:
    waves, _ = play(400, calm, carried(100))
    assert [(each.sites, each.max_concurrency) for each in waves] == [(KNOWN_CANARY, KNOWN_CANARY), (398, 100)]


def test_a_wave_takes_all_that_is_left_where_that_is_less_than_two() -> None:
    history = [*TIGHT_RAMP, wave(75, 25, **TIGHT)]
    assert [pace(history, work(left)).sites for left in (375, 750, 751)] == [375, 750, 375]


def test_trouble_makes_the_next_wave_short_again() -> None:
    history = [*TIGHT_RAMP, *(wave(sites, 25, **TIGHT) for sites in (75, 375, 750))]
    third = pace(history, work(100_000)).sites
    after_trouble = pace([*history[:-1], wave(750, 25, rate_limited=1, **TIGHT)], work(100_000)).sites
    assert after_trouble < history[4].sites < third


def test_after_a_wave_without_an_answer_only_a_few_are_asked() -> None:
    assert pace([wave(4, 4), failing(8, 8, "Overloaded")], work(1_000)).sites == CANARY


# --- for every history -----------------------------------------------------------------------------------------------


def random_seen(rng: Random, now: Decision) -> Seen:
    """Anything that a wave may meet."""
    sites = now.sites
    outcomes = sites if rng.random() < 0.9 else rng.randint(0, sites)
    answered = outcomes if rng.random() < 0.6 else rng.randint(0, outcomes)
    errors = ["RateLimited", "Overloaded", "ModelTimeout", "RequestRejected", "AccessDenied", "UnexpectedError"]
    free = rng.choice([None, rng.uniform(0, 40_000)])
    return seen(
        answered,
        outcomes=outcomes,
        failed={rng.choice(errors): outcomes - answered} if outcomes > answered else {},
        same_message=rng.choice([None, "no"]),
        rate_limited=rng.choice([0, 0, 0, rng.randint(0, 3 * sites)]),
        strained=rng.choice([0, 0, rng.randint(0, sites)]),
        held_s=rng.uniform(0, 450) * outcomes,
        output_tokens=rng.randint(0, 8_192) * answered,
        limits=rng.choice([{}, limits(), limits(rng.random(), free, rng.uniform(1, 400_000))]),
    )


@given(
    seed=st.integers(0, 10**9),
    sites=st.integers(1, 10_000),
    fixed=st.one_of(st.none(), st.integers(1, 1_000)),
    limit=st.integers(1, 1_000),
    good=st.one_of(st.none(), st.integers(1, 1_000)),
)
def test_every_site_is_in_exactly_one_wave_or_in_the_rest(
    seed: int, sites: int, fixed: int | None, limit: int, good: int | None
) -> None:
    rng = Random(seed)
    earlier = None if good is None else carried(good)
    bounds: dict[str, Any] = {"max_concurrency": fixed, "concurrency_limit": limit}
    waves, end = play(sites, lambda now: random_seen(rng, now), earlier, **bounds)
    begun = sum(each.sites for each in waves)
    assert all(each.sites > 0 for each in waves)
    assert begun <= sites
    assert (end.stop is None) == (begun == sites)
    assert end.why
    for each in waves:
        assert 1 <= each.max_concurrency <= (limit if fixed is None else fixed)
    numbers = [speed(waves[:count], fixed, limit, earlier).at_once for count in range(len(waves) + 1)]
    assert all(after <= 2 * before for before, after in pairwise(numbers))
    task = work(max(1, sites - begun), **bounds)
    assert pace(waves, task, earlier) == pace(list(waves), replace(task), earlier)


# --- what a later run may start from ---------------------------------------------------------------------------------


def left_by(waves: list[Wave], earlier: Carried | None = None) -> Carried:
    left = found(waves, 100, earlier, "night", FOUND)
    assert left is not None
    return left


def test_a_run_leaves_what_held() -> None:
    waves, _ = play(1_000, lambda now: seen(now.sites, **TIGHT))
    left = left_by(waves)
    assert (left.max_concurrency, left.held_s, left.output_tokens) == (25, 20, 500)


def test_what_met_trouble_was_not_good_and_neither_is_more_than_others_leave() -> None:
    ramp = TIGHT_RAMP[:2]
    assert left_by([*ramp, wave(16, 16, rate_limited=1, **TIGHT)]).max_concurrency == 8
    shared = wave(48, 16, limits=limits(0.5, free=8_000, output=40_000))
    assert left_by([*ramp, shared]).max_concurrency == 5


def test_a_few_sites_do_not_shrink_what_is_known() -> None:
    assert left_by([wave(4, 48)], carried(60)).max_concurrency == 60
    assert left_by([wave(4, 48, rate_limited=1)], carried(60)).max_concurrency < 48


def test_a_first_run_of_few_sites_does_not_hold_the_next_one_back() -> None:
    few = left_by([wave(4, 4)])
    assert (few.max_concurrency, few.limited) == (4, False)
    waves, _ = play(400, lambda now: wave(now.sites, now.max_concurrency).seen, few)
    assert [each.max_concurrency for each in waves][:5] == [2, 4, 8, 16, 32]
    assert left_by(waves, few).max_concurrency > 90
    assert left_by([wave(4, 4, **TIGHT), wave(16, 16, **TIGHT), wave(75, 25, **TIGHT)], few).limited


def test_a_run_without_an_answer_leaves_nothing() -> None:
    assert found([failing(4, 4, "AccessDenied")], 100, None, "night", FOUND) is None


def test_what_is_old_or_of_another_model_is_not_believed() -> None:
    profile = Profile(models={MODEL: carried(60)})
    assert believed(profile, MODEL, FOUND + BELIEVED, simulated=False) == carried(60)
    assert believed(profile, MODEL, FOUND + BELIEVED + timedelta(seconds=1), simulated=False) is None
    assert believed(profile, MODEL, FOUND, simulated=True) is None
    assert believed(profile, "claude-haiku-5-5", FOUND, simulated=False) is None
