"""Waves: what a run that finds its own concurrency takes, beside the best number that can be configured.

Whole runs in virtual time with the real `pace()`: three accounts, alone and shared, calm and with one site of a
hundred whose calls all hang; `auto` on a first and on a later run, and fixed numbers. The best fixed number is found
by search: one Map over all sites, without barriers, as a person would configure it who had tried every number.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from infra.messages_api.scenario import Latency
from nightfold.waves import RUN_S
from tests.performance.part import Options
from tests.performance.virtual_run import ANSWER_TOKENS as ANSWER_LENGTHS
from tests.performance.virtual_run import ENTRY_TIER, LATENCY_S, RunFigures, Setting, mean, play, scaled
from tests.performance.virtual_waves import ANSWER_TOKENS, CONCURRENCY_LIMIT, RunInWaves, play_in_waves
from tests.performance.waves_shown import complaints, tables

__all__ = ["complaints", "measure", "tables"]

TIERS = {"entry tier": ENTRY_TIER, "a tenth": scaled(ENTRY_TIER, 0.1), "a fiftieth": scaled(ENTRY_TIER, 0.02)}
SHARES = (0.0, 0.5, 0.8)  # of the account, used by others
HANGING = (0.0, 0.01)
NUMBERS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 32, 36, 40, 48, 56, 64, 80, 100)
POWERS = (1, 2, 4, 8, 16, 32, 64, CONCURRENCY_LIMIT)
LATER = 1_000  # between the seeds of a first and of a later run: other calls hang, others are long
SEARCHED = 4  # runs of the search over thousands of sites
LARGE, LARGE_LIMIT = 10_000, 300


def measure(options: Options) -> dict[str, Any]:
    seeds = range(options.seed, options.seed + (2 if options.quick else 10))
    rows = []
    for sites in (400,) if options.quick else (400, 4_000):
        for others in SHARES:
            for hanging in HANGING:
                options.say(f"{sites} sites, {others:.0%} used by others, {hanging:.0%} hanging, {len(seeds)} runs")
                rows += [
                    _row(
                        name,
                        replace(Setting(sites=sites, limits=limits), used_elsewhere=others, hanging=hanging),
                        seeds,
                    )
                    for name, limits in TIERS.items()
                ]
    sites = LARGE // 10 if options.quick else LARGE
    options.say(f"{sites} sites at the entry tier")
    return {"seeds": len(seeds), "rows": rows, "large": _large(sites, options.seed)}


def _row(tier: str, setting: Setting, seeds: Sequence[int]) -> dict[str, Any]:
    first = [play_in_waves(setting, seed) for seed in seeds]
    second = [play_in_waves(setting, seed + LATER, carried=run.carried) for seed, run in zip(seeds, first, strict=True)]
    return {
        "sites": setting.sites,
        "tier": tier,
        "others": setting.used_elsewhere,
        "hanging": setting.hanging,
        "first": _means(first),
        "second": _means(second),
        **{
            f"fixed {number}": _means([play_in_waves(setting, seed, fixed=number) for seed in seeds])
            for number in (4, 16)
        },
        "best": _best(setting, seeds, NUMBERS),
        "best power": _best(setting, seeds, POWERS),
    }


def _means(runs: Sequence[RunInWaves]) -> dict[str, float]:
    figures = _figures([each.figures for each in runs])
    return figures | {
        "wasted": figures["wasted"] + fmean(each.not_attempted for each in runs),
        "waves": fmean(len(each.waves) for each in runs),
        "not_attempted": fmean(each.not_attempted for each in runs),
        "highest": fmean(max(wave.decision.max_concurrency for wave in each.waves) for each in runs),
    }


def _figures(runs: Sequence[RunFigures]) -> dict[str, float]:
    """Sites whose calls hang are lost to every setting, and count for none."""
    return {
        "minutes": fmean(run.duration_s for run in runs) / 60,
        "rate_limited_of_100": 100 * fmean(run.rate_limited / run.calls for run in runs),
        "lost": fmean(run.lost - run.hung for run in runs),
        "wasted": fmean(run.wasted for run in runs),
    }


def _best(setting: Setting, seeds: Sequence[int], numbers: Sequence[int]) -> dict[str, Any] | None:
    """The largest number that met no 429 and lost nothing in any run; None where there is none, or where it takes
    longer than a run may. A larger number never meets fewer 429s: bisection finds it."""
    searched = seeds if setting.sites <= 400 else seeds[:SEARCHED]
    best: dict[str, Any] | None = None
    low, high = 0, len(numbers)
    while low < high:
        middle = (low + high) // 2
        number = numbers[middle]
        one_map = replace(setting, concurrency=number, output_token_budget=number * ANSWER_TOKENS)
        figures = _figures([play(one_map, seed) for seed in searched])
        if figures["rate_limited_of_100"] or figures["lost"]:
            high = middle
        else:
            best, low = {"number": number, **figures}, middle + 1
    return best if best is not None and best["minutes"] * 60 <= RUN_S else None


def _large(sites: int, seed: int) -> list[dict[str, Any]]:
    """More sites than a run had room for: at a higher limit, and one at a time until the clock stops it. A call takes
    20 s and writes 500 tokens in the mean, so that the entry tier alone allows 800 a minute."""
    setting = Setting(sites=sites, latency=_with_mean(20, LATENCY_S), output_tokens=_with_mean(500, ANSWER_LENGTHS))
    runs = {
        f"auto, concurrency_limit {LARGE_LIMIT}": play_in_waves(setting, seed, limit=LARGE_LIMIT),
        "max_concurrency 1": play_in_waves(setting, seed, fixed=1),
    }
    return [{"sites": sites, "setting": name, **_means([run])} for name, run in runs.items()]


def _with_mean(wanted: float, spread: Latency) -> Latency:
    """As widely spread as it is; most are below the mean."""
    return Latency(median=spread.median * wanted / mean(spread), sigma=spread.sigma)
