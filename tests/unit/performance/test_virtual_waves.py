"""The part "waves": a run in waves is the same run, and what does not hold is found."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from infra.messages_api.scenario import Latency
from nightfold.waves import CANARY, KNOWN_CANARY
from tests.performance import waves
from tests.performance.virtual_run import ENTRY_TIER, Setting, play, scaled
from tests.performance.virtual_waves import ANSWER_TOKENS, BARRIER_S, play_in_waves

TENTH = Setting(sites=150, limits=scaled(ENTRY_TIER, 0.1))
STEADY = Setting(sites=40, latency=Latency(median=20), output_tokens=Latency(median=500))


def test_every_site_is_in_one_wave() -> None:
    run = play_in_waves(TENTH, 1)
    round_1 = [wave.decision.sites for wave in run.waves]
    assert sum(round_1) == TENTH.sites + run.figures.truncated
    assert (run.not_attempted, run.figures.lost) == (0, 0)


def test_a_wave_ends_with_its_slowest_branch_and_the_barrier_is_time_too() -> None:
    run = play_in_waves(STEADY, 1, fixed=4)
    assert [(wave.at_s, wave.decision.sites) for wave in run.waves] == [(0, CANARY), (20 + BARRIER_S, 36)]
    assert run.figures.duration_s == pytest.approx(10 * 20 + 2 * BARRIER_S)
    assert run.figures.peak == 4


def test_calls_are_those_of_the_run_in_one_map() -> None:
    at_once = replace(TENTH, concurrency=4, output_token_budget=4 * ANSWER_TOKENS)
    in_waves, whole = play_in_waves(TENTH, 3, fixed=4).figures, play(at_once, 3)
    assert (in_waves.calls, in_waves.truncated, in_waves.output_tokens) == (
        whole.calls,
        whole.truncated,
        whole.output_tokens,
    )
    assert whole.duration_s < in_waves.duration_s < 1.1 * whole.duration_s


def test_a_later_run_goes_on_from_what_an_earlier_one_found() -> None:
    first = play_in_waves(TENTH, 1)
    later = play_in_waves(TENTH, 2, carried=first.carried)
    assert first.waves[0].decision.sites == CANARY
    assert later.waves[0].decision.sites == KNOWN_CANARY
    assert later.figures.duration_s < first.figures.duration_s


def test_others_make_a_run_slower_and_lose_it_few_sites() -> None:
    alone, shared = (play_in_waves(replace(TENTH, sites=400, used_elsewhere=others), 1) for others in (0.0, 0.8))
    assert shared.figures.duration_s > 2 * alone.figures.duration_s
    assert shared.figures.lost <= 20
    assert alone.figures.rate_limited == 0
    assert shared.waves[-1].decision.max_concurrency < alone.waves[-2].decision.max_concurrency / 3


def test_sites_that_hang_are_lost_and_hold_their_wave() -> None:
    calm, hanging = (play_in_waves(replace(TENTH, hanging=share), 1) for share in (0.0, 0.02))
    assert (calm.figures.hung, hanging.figures.hung, hanging.figures.lost) == (0, 3, 3)
    assert hanging.figures.timed_out >= 9
    assert hanging.figures.duration_s > calm.figures.duration_s + 300


def test_ten_thousand_sites_fit_into_half_an_hour_or_are_ended_by_the_clock() -> None:
    [fast, slow] = waves._large(10_000, 0)
    assert fast["minutes"] < 25
    assert (fast["not_attempted"], fast["lost"]) == (0, 0)
    assert 300 < slow["minutes"] < 360
    assert slow["not_attempted"] > 8_500
    assert slow["wasted"] < 100


# --- what does not hold ----------------------------------------------------------------------------------------------


def figures(**changed: Any) -> dict[str, Any]:
    calm = {"minutes": 10.0, "rate_limited_of_100": 0.0, "lost": 0.0, "not_attempted": 0.0, "wasted": 0.0}
    calm |= {"waves": 5.0, "highest": 25.0}
    row: dict[str, Any] = {"sites": 400, "tier": "a tenth", "others": 0.0, "hanging": 0.0}
    row |= {name: dict(calm) for name in ("first", "second", "fixed 4", "fixed 16")}
    row |= {name: {"number": 16, **calm} for name in ("best", "best power")}
    for path, value in changed.items():
        name, _, figure = path.partition("__")
        if figure:
            row[name][figure] = value
        else:
            row[name] = value
    large = [{"sites": 10_000, "setting": name, **calm} for name in ("auto", "max_concurrency 1")]
    return {"seeds": 10, "rows": [row], "large": large}


@pytest.mark.parametrize(
    ("changed", "complaints"),
    [
        ({}, 0),
        ({"first__minutes": 12.9, "second__minutes": 12.4}, 0),
        ({"first__minutes": 13.1}, 1),
        ({"second__minutes": 12.6}, 1),
        ({"first__lost": 0.1}, 1),
        ({"second__rate_limited_of_100": 1.1}, 1),
        ({"tier": "entry tier", "first__minutes": 29.9}, 0),
        ({"tier": "entry tier", "first__minutes": 30.1}, 1),
        ({"hanging": 0.01, "first__minutes": 30.1}, 1),
        ({"hanging": 0.01, "second__minutes": 12.6}, 1),
        ({"others": 0.8, "first__lost": 19.9, "first__minutes": 99, "first__rate_limited_of_100": 9}, 0),
        ({"others": 0.8, "first__lost": 20.1}, 1),
        ({"best power": None, "first__minutes": 99}, 0),
        ({"first__not_attempted": 3, "first__minutes": 99}, 0),
    ],
)
def test_what_misses_its_target_is_a_complaint(changed: dict[str, Any], complaints: int) -> None:
    assert len(waves.complaints(figures(**changed))) == complaints


@pytest.mark.parametrize(("row", "figure", "value"), [(0, "minutes", 26), (0, "not_attempted", 1), (1, "minutes", 361)])
def test_the_large_runs_have_targets_too(row: int, figure: str, value: float) -> None:
    large = deepcopy(figures())
    large["large"][row][figure] = value
    assert len(waves.complaints(large)) == 1


def test_tables_show_all_of_it() -> None:
    shown = figures(best=None)
    tables = waves.tables(shown)
    assert [len(table.rows) for table in tables] == [1, 1, 2]
    assert all(len(row) == len(table.headers) for table in tables for row in table.rows)
    assert "10.0 (1.00/-)" in tables[0].rows[0]
