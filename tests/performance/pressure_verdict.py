"""What follows from the figures of the part "pressure": which retrier is best, and what does not hold."""

from statistics import fmean
from typing import Any

from tests.performance.pressure_nights import PRESSURES

# In sites of 100.
AS_GOOD = 0.5  # in the mean over all conditions
TOLERATED = 2.0  # in any one condition
TOLERATED_AT_HALF = 5.0  # with room for half of the demand, where patience alone decides
MAY_WAIT_S = 90  # both waits together: the same state machine runs with a person before it, and in a morning
ALL_NIGHT_SITES = 400
LOST_APART, CALLS_APART, DURATION_APART = 10.0, 0.15, 0.40  # virtual beside real: sites of 100, shares


def lost_of_100(policy: dict[str, Any]) -> float:
    """In the mean over all conditions."""
    return fmean(result["lost_of_100"] for result in policy["conditions"].values())


def wasted_per_100(policy: dict[str, Any]) -> float:
    return fmean(result["wasted_per_100"] for result in policy["conditions"].values())


def minutes(policy: dict[str, Any]) -> float:
    return fmean(result["minutes"] for result in policy["conditions"].values())


def affordable(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """Exponential with full jitter, as the design wants it, and no more patient than a person would be: patience saves
    sites, but somebody may be watching, and an API that is out all night holds each of them as long."""
    return [
        each
        for each in figures["policies"]
        if each["retrier"]
        and each["name"].endswith("FULL")
        and each["delays_s"][1] > each["delays_s"][0]
        and sum(each["delays_s"]) <= MAY_WAIT_S
    ]


def recommended(figures: dict[str, Any]) -> dict[str, Any]:
    """The fewest sites lost; of those as good as that, the least patient, and the soonest back: most errors are gone
    at the first retry, and patience holds a slot. Then wasted calls, then duration."""
    candidates = affordable(figures)
    fewest = min(map(lost_of_100, candidates))
    as_good = [each for each in candidates if lost_of_100(each) <= fewest + AS_GOOD]
    return min(as_good, key=lambda each: (each["patience_s"], each["delays_s"][0], wasted_per_100(each), minutes(each)))


def worst(figures: dict[str, Any]) -> dict[str, Any]:
    return max((each for each in figures["policies"] if each["retrier"]), key=lost_of_100)


def named(figures: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [each for each in figures["policies"] if each["name"] == name]
    policy: dict[str, Any] = found
    return policy


def complaints(figures: dict[str, Any]) -> list[str]:
    return [*_too_many_lost(figures), *_apart(figures)]


def _too_many_lost(figures: dict[str, Any]) -> list[str]:
    """The state machine's own retrier beside every other that gives up in time."""
    machine = named(figures, figures["machine"])
    wrong = []
    if machine not in affordable(figures):
        wrong.append(
            f"{machine['name']}: waits {sum(machine['delays_s']):g} s of {MAY_WAIT_S} s, or in step, or not longer"
        )
    for condition, result in machine["conditions"].items():
        tolerated = TOLERATED_AT_HALF if condition.endswith(f"{PRESSURES[0]:.0%}") else TOLERATED
        other = min(affordable(figures), key=lambda each: each["conditions"][condition]["lost_of_100"])
        least = other["conditions"][condition]["lost_of_100"]
        if result["lost_of_100"] > least + tolerated:
            wrong.append(
                f"{machine['name']} loses {result['lost_of_100']:.1f} of 100 sites at {condition}, "
                f"{other['name']} {least:.1f}"
            )
    return wrong


def _apart(figures: dict[str, Any]) -> list[str]:
    wrong = []
    for row in figures["real"]:
        calls, lost, duration = row["calls"], row["lost"], row["duration_s"]
        if abs(calls["real"] / calls["virtual"] - 1) > CALLS_APART:
            wrong.append(f"{row['name']}: {calls['real']} calls really, {calls['virtual']:.0f} virtually")
        if abs(lost["real"] - lost["virtual"]) * 100 / row["sites"] > LOST_APART:
            wrong.append(f"{row['name']}: {lost['real']} sites lost really, {lost['virtual']:.1f} virtually")
        if abs(duration["real"] / duration["virtual"] - 1) > DURATION_APART:
            wrong.append(f"{row['name']}: {duration['real']:.0f} s really, {duration['virtual']:.0f} s virtually")
        if row["peak"]["real"] > figures["at_once"]:
            wrong.append(f"{row['name']}: {row['peak']['real']} calls at once, the Map allows {figures['at_once']}")
    if not figures["real"]:
        wrong.append("nothing was compared with the real state machine")
    return wrong
