"""What a plan expects (planner/expectation.py) is what virtual runs with the real `pace()` take."""

from statistics import fmean
from typing import Literal

import pytest

from infra.messages_api.scenario import Latency
from nightfold.settings import RunConfiguration
from planner.expectation import ANSWER_S, expect
from tests.performance.virtual_run import ENTRY_TIER, LATENCY_S, Setting, mean, scaled
from tests.performance.virtual_waves import play_in_waves


@pytest.mark.parametrize("sites", [4, 60, 400])
@pytest.mark.parametrize("at_once", ["auto", 16])
def test_the_minutes_are_those_of_virtual_runs(sites: int, at_once: int | Literal["auto"]) -> None:
    as_assumed = Latency(median=LATENCY_S.median * ANSWER_S / mean(LATENCY_S), sigma=LATENCY_S.sigma)
    fixed = None if at_once == "auto" else at_once
    setting = Setting(sites=sites, latency=as_assumed)
    runs = [play_in_waves(setting, seed, fixed=fixed).figures.duration_s / 60 for seed in range(3)]
    assert expect(sites, RunConfiguration(max_concurrency=at_once), None).minutes == pytest.approx(fmean(runs), rel=0.2)


@pytest.mark.parametrize("tier", [1.0, 0.1])
def test_what_an_earlier_run_found_shows_how_long_the_next_one_takes(tier: float) -> None:
    setting = Setting(sites=400, limits=scaled(ENTRY_TIER, tier), latency=Latency(median=30, sigma=0.5))
    carried = play_in_waves(setting, 1).carried
    later = play_in_waves(setting, 2, carried=carried).figures.duration_s / 60
    assert expect(400, RunConfiguration(), carried).minutes == pytest.approx(later, rel=0.3)
