"""Waves on the real state machine beside virtual ones, with the same `pace()`; and `auto` beside a fixed 4 there.

The real ones are template, state machine and handlers in the embedded cloud against the simulated API over HTTP. Both
have an account that is several times as fast as the tier, and answers that take as much less time: what it carries at
once is the same, and so are the waves.
"""

from dataclasses import replace
from typing import Any

from infra.messages_api.scenario import Latency, Limits
from tests.performance.part import Options, Table
from tests.performance.real_run import RealRun, play_as_fast_account
from tests.performance.virtual_run import ENTRY_TIER, Retrier, Setting, own_retrier, scaled
from tests.performance.virtual_waves import RunInWaves, play_in_waves

SPEED, FASTER = 20.0, 4.0
TIER, TIER_LIMITS = "a tenth of the entry tier", scaled(ENTRY_TIER, 0.1)
OVERHEAD_S, BARRIER_S = 0.03, 0.3  # on this wall, of the embedded cloud: for a branch, for PaceRun and a Map
WAVES_APART, MOST_APART = 1, 0.25  # a share
SMALL_ACCOUNT = Limits(requests_per_minute=600)
HALF, FEW_429S = 0.5, 3


def measure(options: Options) -> dict[str, Any]:
    sites = 100 if options.quick else 400
    fast = faster(Setting(sites=sites, limits=TIER_LIMITS), SPEED)
    options.say(f"waves on the real state machine: {sites} sites, {SPEED:g} times as fast")
    real = play_as_fast_account(fast, options.seed, "auto", waits=SPEED, folder=options.work / "waves")
    virtual = play_in_waves(fast, options.seed, barrier_s=BARRIER_S)
    steady = Setting(sites=100 if options.quick else 300, limits=SMALL_ACCOUNT, latency=Latency(median=2))
    account = faster(steady, FASTER)
    times: dict[str, Any] = {}
    for number in ("auto", 4):
        options.say(f"{steady.sites} sites on 600 requests a minute, max_concurrency {number}")
        folder = options.work / f"steady-{number}"
        run = play_as_fast_account(account, options.seed, number, waits=FASTER, folder=folder)
        times[str(number)] = {"seconds": run.duration_s * FASTER, "rate_limited": run.rate_limited, "lost": run.lost}
    return {
        "sites": sites,
        "real": _of_real(real),
        "virtual": _of_virtual(virtual),
        "steady": {"sites": steady.sites, **times},
    }


def faster(setting: Setting, speed: float) -> Setting:
    """An account that is so many times as fast, with answers that take as much less time."""
    retrier, latency = own_retrier(), setting.latency
    return replace(
        setting,
        limits=scaled(setting.limits, speed),
        latency=Latency(median=latency.median / speed, sigma=latency.sigma),
        request_timeout_s=setting.request_timeout_s / speed,
        retrier=Retrier(retrier.interval_s / speed, retrier.rate, retrier.max_delay_s / speed, retrier.jitter),
        overhead_s=OVERHEAD_S,
    )


def _of_real(run: RealRun) -> dict[str, Any]:
    begun = [(wave["sites"], wave["max_concurrency"]) for wave in run.waves if wave["sites"]]
    return {"waves": begun} | _figures(run)


def _of_virtual(run: RunInWaves) -> dict[str, Any]:
    begun = [(wave.decision.sites, wave.decision.max_concurrency) for wave in run.waves]
    return {"waves": begun} | _figures(run.figures)


def _figures(run: Any) -> dict[str, Any]:
    return {
        "minutes": run.duration_s * SPEED / 60,
        "calls": run.calls,
        "rate_limited": run.rate_limited,
        "lost": run.lost,
        "peak": run.peak,
    }


def tables(figures: dict[str, Any]) -> list[Table]:
    real, virtual, steady = (figures[name] for name in ("real", "virtual", "steady"))

    def waves(side: dict[str, Any]) -> str:
        return ", ".join(f"{sites:,} at {at_once}" for sites, at_once in side["waves"])

    names = ("calls", "rate_limited", "lost", "peak")
    return [
        Table(
            f"{figures['sites']} sites in waves on {TIER}",
            ("", "real", "virtual"),
            [
                ["sites of each wave, at once", waves(real), waves(virtual)],
                ["minutes", f"{real['minutes']:.1f}", f"{virtual['minutes']:.1f}"],
                *([name.replace("_", " "), str(real[name]), str(virtual[name])] for name in names),
            ],
            f"{SPEED:g} times as fast, shown as the tier's minutes. How long the real run takes is not a rule.",
        ),
        Table(
            f"{steady['sites']} sites on an account of 600 requests a minute, answers of 2 s",
            ("max_concurrency", "seconds", "429s", "lost"),
            [
                [name, f"{steady[name]['seconds']:.0f}", str(steady[name]["rate_limited"]), str(steady[name]["lost"])]
                for name in ("auto", "4")
            ],
            f"On the real state machine, {FASTER:g} times as fast.",
        ),
    ]


def complaints(figures: dict[str, Any]) -> list[str]:
    real, virtual, steady = (figures[name] for name in ("real", "virtual", "steady"))
    wrong = []
    if abs(len(real["waves"]) - len(virtual["waves"])) > WAVES_APART:
        wrong.append(f"{len(real['waves'])} waves really, {len(virtual['waves'])} virtually")
    most = [max(at_once for _, at_once in side["waves"]) for side in (real, virtual)]
    if abs(most[0] - most[1]) > MOST_APART * most[1]:
        wrong.append(f"up to {most[0]} at once really, {most[1]} virtually")
    if real["lost"] > virtual["lost"]:
        wrong.append(f"waves lose {real['lost']} sites really, {virtual['lost']} virtually")
    auto, fixed = steady["auto"], steady["4"]
    if auto["rate_limited"] > FEW_429S or auto["lost"]:
        wrong.append(f"auto meets {auto['rate_limited']} 429s and loses {auto['lost']} sites")
    if auto["seconds"] > HALF * fixed["seconds"]:
        wrong.append(f"auto takes {auto['seconds']:.0f} s, a fixed 4 {fixed['seconds']:.0f} s")
    return wrong
