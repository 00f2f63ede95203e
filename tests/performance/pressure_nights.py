"""What the part "pressure" plays: the policies that contend, and the nights in which they do."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from tests.performance.virtual_night import Outage, Retrier, Setting, under_pressure

INTERVALS_S = (1, 2, 4, 8, 15, 30, 45, 60, 90)
RATES = (1, 1.5, 2, 3, 4)
CAPS_S = (30, 60, 120, 300)
BEFORE = Retrier(4, 3, 60)  # the state machine's until it was measured
BOUNDS_S = (30, 60, 120)
MORE_S = (0, 5, 30, 60)

PRESSURES = (0.5, 0.8, 1.0, 1.2)
OUTAGES_S = (5, 15, 30, 60)
OUTAGE_BEGINS_S = 120.0
HICCUPS = 0.05
AT_ONCE = 8
AMPLE = 8_192  # tokens for each answer: nothing is cut, so that every loss is the retrier's
CROWD_AT_ONCE, CROWD_BUCKET_S = 64, 10
THRONG_AT_ONCE, THRONG_BUCKET_S = 128, 1  # the entry tier has room enough for it, but not in its first second


def conditions(base: Setting) -> dict[str, Setting]:
    crowd = _many(base, CROWD_AT_ONCE, CROWD_BUCKET_S)
    return {
        **{f"{share:.0%}": under_pressure(base, share) for share in PRESSURES},
        **{f"{s} s of 529": dataclasses.replace(base, outage=Outage(OUTAGE_BEGINS_S, s)) for s in OUTAGES_S},
        f"{HICCUPS:.0%} of 529": dataclasses.replace(base, hiccups=HICCUPS),
        **{f"{CROWD_AT_ONCE} at once, {share:.0%}": under_pressure(crowd, share) for share in PRESSURES[:2]},
        f"{THRONG_AT_ONCE} at once": _many(base, THRONG_AT_ONCE, THRONG_BUCKET_S),
    }


def _many(base: Setting, at_once: int, bucket_s: float) -> Setting:
    """Twice as many sites, but at least six for each slot, so that slots are taken again."""
    sites = max(2 * base.sites, 6 * at_once)
    budget = AMPLE * at_once
    return dataclasses.replace(base, sites=sites, concurrency=at_once, output_token_budget=budget, bucket_s=bucket_s)


def retriers(intervals_s: Sequence[int] = INTERVALS_S, rates: Sequence[float] = RATES) -> list[Retrier]:
    """All that differ in at least one of their two waits, each written with its lowest cap."""
    by_waits: dict[Any, Retrier] = {}
    for interval_s in intervals_s:
        for rate in rates:
            for cap_s in CAPS_S:
                for jitter in ("NONE", "FULL"):
                    each = Retrier(interval_s, rate, cap_s, jitter)
                    if cap_s > interval_s:
                        by_waits.setdefault((each.delays_s, jitter), each)
    return list(by_waits.values())


def patience_s(policy: Retrier) -> float:
    """The time between the first call and the third, in the mean."""
    return sum(policy.delays_s) / (2 if policy.jitter == "FULL" else 1)
