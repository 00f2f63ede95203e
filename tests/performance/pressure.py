"""Backoff under pressure: which retrier loses fewest sites when the account has less room than the night asks for.

Every retrier that two retries allow, and the alternative of a Wait state that does as `retry-after` says, on the same
virtual nights: limits at 50, 80, 100 and 120 % of demand, outages in which every call gets a 529, scattered 529s, and a
crowd whose limits are enforced in short stretches, where coming back together hurts. Two retriers whose
two waits are the same are the same, so only one of them is played. Afterwards some of the nights are played on the real
state machine, and compared.
"""

import dataclasses
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from nightfold.settings import RunConfiguration
from tests.performance import real_night
from tests.performance.part import Options
from tests.performance.pressure_nights import AMPLE, AT_ONCE, BEFORE, BOUNDS_S, MORE_S, conditions, patience_s, retriers
from tests.performance.pressure_shown import charts, tables
from tests.performance.pressure_verdict import ALL_NIGHT_SITES, complaints, recommended, worst
from tests.performance.virtual_night import (
    Night,
    Outage,
    Policy,
    Retrier,
    RetryAfter,
    Setting,
    definition,
    play,
    retrier_in,
    under_pressure,
)

__all__ = ["TITLE", "charts", "complaints", "measure", "tables"]

TITLE = "Backoff under pressure"
REAL_SPEED, QUICK_SPEED = 25.0, 40.0
REFUSED_S, OVERHEAD_S = 0.03, 0.02  # on this wall, what the embedded cloud takes for a refused call and for a branch


def measure(options: Options) -> dict[str, Any]:
    present = retrier_in(definition())
    sites, seeds = (150, 3) if options.quick else (400, 8)
    base = Setting(sites=sites, concurrency=AT_ONCE, output_token_budget=AMPLE * AT_ONCE)
    contestants: dict[str, Policy] = {}
    grid = retriers((4, 15, 30, 60), (1, 1.5, 2, 3)) if options.quick else retriers()
    headers = [RetryAfter(b, more, present) for b in BOUNDS_S for more in MORE_S]
    compared: list[Policy] = [present, BEFORE, *grid, *(headers[4:8] if options.quick else headers)]
    for policy in compared:
        if policy not in contestants.values():
            contestants[policy.name] = policy
    policies = []
    for number, policy in enumerate(contestants.values()):
        if number % 20 == 0:
            options.say(
                f"{number} of {len(contestants)} policies, {len(conditions(base))} conditions, {seeds} nights each"
            )
        policies.append(_judged(policy, base, options.seed, seeds))
    figures: dict[str, Any] = {
        "sites": sites,
        "seeds": seeds,
        "at_once": AT_ONCE,
        "machine": present.name,
        "before": BEFORE.name,
        "policies": policies,
    }
    best, last = recommended(figures)["name"], worst(figures)["name"]
    shown = [contestants[name] for name in dict.fromkeys((present.name, BEFORE.name, best, last))]
    figures |= {"best": best, "worst": last}
    figures["real"] = _beside_the_real([present] if options.quick else shown, options)
    return figures


def _judged(policy: Policy, base: Setting, seed: int, seeds: int) -> dict[str, Any]:
    out_all_night = Setting(
        sites=ALL_NIGHT_SITES, concurrency=RunConfiguration().max_concurrency, policy=policy, outage=Outage(0, 10**9)
    )
    results = {}
    longest_s = 0.0
    for condition, setting in conditions(dataclasses.replace(base, policy=policy)).items():
        nights = [
            play(setting, seed + number) for number in range(seeds if setting.sites == base.sites else -(-seeds // 3))
        ]
        results[condition] = _means(nights)
        longest_s = max(longest_s, *(night.longest_retry_after_s for night in nights))
    return {
        "name": policy.name,
        "retrier": isinstance(policy, Retrier),
        "delays_s": policy.delays_s if isinstance(policy, Retrier) else None,
        "patience_s": patience_s(policy) if isinstance(policy, Retrier) else None,
        "longest_retry_after_s": longest_s,
        "out_all_night_h": play(out_all_night, seed).duration_s / 3600,
        "conditions": results,
    }


def _means(nights: Sequence[Night]) -> dict[str, float]:
    return {
        "lost_of_100": 100 * fmean(night.lost / night.sites for night in nights),
        "wasted_per_100": 100 * fmean(night.wasted / night.sites for night in nights),
        "minutes": fmean(night.duration_s for night in nights) / 60,
        "rate_limited": fmean(night.rate_limited for night in nights),
        "idle_share": fmean(night.waited_s / (night.duration_s * night.peak) for night in nights),
    }


def _beside_the_real(policies: Sequence[Policy], options: Options) -> list[dict[str, Any]]:
    speed, sites = (QUICK_SPEED, 30) if options.quick else (REAL_SPEED, 60)
    rows = []
    for number, policy in enumerate(policies):
        options.say(f"the real state machine with {policy.name}: {sites} sites, {speed:g} times as fast")
        setting = under_pressure(
            Setting(
                sites=sites,
                concurrency=AT_ONCE,
                output_token_budget=AMPLE * AT_ONCE,
                policy=policy,
                refused_s=REFUSED_S * speed,
                overhead_s=OVERHEAD_S * speed,
            ),
            0.5,
        )
        real = real_night.play(setting, options.seed, speed=speed, folder=options.work / f"real-{number}")
        virtual = [play(setting, options.seed, luck) for luck in range(20)]
        rows.append(
            {
                "name": policy.name,
                "sites": sites,
                "speed": speed,
                "took_s": real.took_s,
                **{
                    figure: {
                        "real": getattr(real, figure),
                        "virtual": fmean(getattr(night, figure) for night in virtual),
                        "lowest": min(getattr(night, figure) for night in virtual),
                        "highest": max(getattr(night, figure) for night in virtual),
                    }
                    for figure in ("calls", "rate_limited", "lost", "duration_s", "peak")
                },
            }
        )
    return rows
