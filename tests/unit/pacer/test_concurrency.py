"""pacer/concurrency.py: how many at once, by tables."""

from typing import Any

import pytest

from nightfold.waves import START, Carried
from pacer.concurrency import Means, Speed, Wave, speed
from tests.unit.pacer.waves import TIGHT, TIGHT_RAMP, carried, failing, limits, wave

CALM_RAMP = [wave(4, 4), wave(8, 8), wave(16, 16), wave(32, 32), wave(64, 64)]


def after(*history: Wave, limit: int = 100, earlier: Carried | None = None) -> Speed:
    return speed(history, None, limit, earlier)


def test_a_number_in_the_configuration_is_that_number_whatever_happens() -> None:
    for history in ([], CALM_RAMP, [failing(16, 16, "RateLimited")]):
        assert speed(history, 16, 100, carried(50)).at_once == 16


def test_a_first_run_starts_with_four_and_doubles_once_a_wave_up_to_the_limit() -> None:
    reached = [after(*CALM_RAMP[:waves]).at_once for waves in range(6)]
    assert reached == [START, 8, 16, 32, 64, 100]
    assert after(*CALM_RAMP, limit=80).at_once == 80
    assert after(limit=3).at_once == 3


def test_the_ramp_ends_at_what_the_account_carries() -> None:
    now = after(*TIGHT_RAMP)
    assert now.at_once == 25
    assert "the account carries 25" in now.why
    assert after(*TIGHT_RAMP, wave(75, 25, **TIGHT)).rounds is None


def test_slots_that_hang_leave_room_for_more_but_not_for_more_than_if_none_hung() -> None:
    assert after(*TIGHT_RAMP, wave(75, 25, held_s=75 * 24.0, **TIGHT)).at_once == 26  # 80 a minute, 20 s each, are 26.7


def test_waits_after_rate_limit_errors_are_not_what_a_slot_is_needed_for() -> None:
    history = [wave(10, 10, held_s=300), wave(10, 10, held_s=900, rate_limited=3)]
    assert Means.of(history, None).held_s == 25


def test_few_answers_say_too_little_to_stay_below_the_start() -> None:
    poor: dict[str, Any] = {"limits": limits(output=4_000)}  # carries 2
    assert [after(wave(4, 4, **poor)).at_once, after(wave(4, 4, **poor), wave(15, 5, **poor)).at_once] == [5, 2]


def test_a_limit_that_is_nearly_full_says_nothing_about_others() -> None:
    full = wave(75, 25, limits=limits(0.9, free=20_000, output=40_000))
    assert after(*TIGHT_RAMP, full).at_once == 25


def test_answers_of_another_length_move_what_the_account_carries() -> None:
    longer = wave(100, 25, output_tokens=100 * 1_000, **TIGHT)
    assert after(*TIGHT_RAMP, longer).at_once < 20


@pytest.mark.parametrize("lowest", [0.75, 0.5])
def test_what_others_use_is_left_to_them(lowest: float) -> None:
    shared = wave(75, 25, limits=limits(lowest, free=20_000, output=40_000))
    now = after(*TIGHT_RAMP, shared)
    assert now.at_once == 12  # of 25
    assert "others use the account" in now.why


def test_a_limit_that_is_nearly_used_up_is_given_time_to_recover() -> None:
    low, very_low = (wave(75, 25, limits=limits(share, free=20_000, output=40_000)) for share in (0.3, 0.1))
    assert after(*TIGHT_RAMP, very_low).at_once < after(*TIGHT_RAMP, low).at_once == 12


def test_little_left_of_a_limit_holds_the_ramp() -> None:
    held = after(wave(4, 4), wave(8, 8, limits=limits(0.3)))
    assert (held.at_once, held.why) == (8, "still 8: 30% of a limit remained")


def test_it_speeds_up_again_when_the_others_are_gone() -> None:
    shared = wave(75, 25, limits=limits(0.5, free=8_000, output=40_000))
    history = [*TIGHT_RAMP, shared]
    reached = [after(*history).at_once]
    for _ in range(10):
        now = after(*history)
        history.append(wave(3 * now.at_once, now.at_once, **TIGHT))
        reached.append(after(*history).at_once)
    assert reached[0] == 5
    assert reached == sorted(reached)
    assert 22 <= reached[-1] <= 25


def test_a_rate_limit_error_lowers_the_number_once_a_wave_and_sets_a_ceiling() -> None:
    for errors in (1, 40):
        cut = after(*CALM_RAMP[:3], wave(32, 32, rate_limited=errors))
        assert cut.at_once == 22
        assert "(429)" in cut.why
    again = after(*CALM_RAMP[:3], wave(32, 32, rate_limited=1), wave(200, 22))
    assert again.at_once == 31  # one less than what failed


@pytest.mark.parametrize("error", ["Lambda.TooManyRequestsException", "KeyUnavailable"])
def test_more_than_aws_starts_at_once_is_lowered_too(error: str) -> None:
    now = after(*CALM_RAMP[:4], wave(64, 64, failed={error: 4}))
    assert (now.at_once, now.ceiling) == (44, 63)
    assert "AWS throttled 4 branches" in now.why


def test_at_one_a_rate_limit_error_leaves_one() -> None:
    history = [failing(sites, sites, "RateLimited") for sites in (4, 2, 1)]
    assert [after(*history[:waves]).at_once for waves in range(4)] == [4, 2, 1, 1]


def test_without_headers_it_is_one_more_after_each_calm_wave() -> None:
    bare = [wave(count, count, limits={}) for count in (4, 5, 6)]
    assert [after(*bare[:waves]).at_once for waves in range(4)] == [4, 5, 6, 7]
    assert after(*bare, wave(7, 7, limits={}, rate_limited=1)).at_once == 4


@pytest.mark.parametrize(
    ("history", "at_once"),
    [
        ([wave(4, 4), wave(8, 8, strained=2)], 8),  # timeouts and overloads
        ([wave(4, 4), wave(8, 8, strained=8)], 8),
        ([wave(4, 4), failing(8, 8, "Overloaded")], 8),
        ([wave(4, 4, strained=1), wave(8, 8, strained=1)], 16),  # one branch that hangs holds nothing
    ],
)
def test_a_wave_that_struggled_or_had_no_answer_holds_it(history: list[Wave], at_once: int) -> None:
    assert after(*history).at_once == at_once


@pytest.mark.parametrize(("good", "start"), [(1, 1), (3, 3), (4, 4), (5, 4), (16, 12), (100, 80), (400, 80)])
def test_a_later_run_starts_below_what_was_good(good: int, start: int) -> None:
    assert after(earlier=carried(good)).at_once == start


def test_a_first_answer_is_enough_to_go_on_with_what_was_good() -> None:
    now = after(wave(2, 80), earlier=carried(100))
    assert (now.at_once, now.rounds) == (100, None)
    assert after(wave(2, 80, **TIGHT), earlier=carried(100)).at_once == 25  # another key, with smaller limits
    assert after(wave(2, 80, rate_limited=1), earlier=carried(100)).at_once == 56


def test_after_trouble_a_few_answers_do_not_bring_back_what_was_good() -> None:
    trouble = [wave(2, 80), wave(400, 100, rate_limited=50)]
    assert after(*trouble, wave(4, 70), earlier=carried(100)).at_once == after(*trouble, earlier=carried(100)).at_once


def test_every_number_has_its_sentence() -> None:
    assert after().why == "a start with 4"
    assert after(earlier=carried(20)).why == "a start with 16: run nightly-2026-11-22 could have 20"
    assert after(wave(4, 4)).why.startswith("doubled to 8: the account carries ")
    assert after(wave(4, 4), wave(8, 8, rate_limited=2)).why == "lowered from 8 to 5: 2 rate-limit errors (429)"
