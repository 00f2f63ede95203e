"""What has to hold of the figures of the part "waves"."""

from typing import Any

FIRST_ENTRY, FIRST, LATER = 3.0, 1.3, 1.25  # times the minutes of the best fixed number
FIRST_HANGING = 3.0
RATE_LIMITED_OF_100 = 1.0  # calls, on an account that is not shared
LOST_OF_100 = 5.0  # sites, with four fifths used by others
RUNS = 10  # that the bounds on minutes were found with; means of fewer runs are shown, and are not a rule
LARGE_MINUTES = 25.0
RUN_MINUTES = 360.0


def complaints(figures: dict[str, Any]) -> list[str]:
    """The best fixed number that is asked for is a power of two: few would try every number. A run that the clock
    ends has too many sites for its account, with any number, and one in ten of them may lose a site to a 429."""
    enough = figures["seeds"] >= RUNS
    return [
        *(complaint for row in figures["rows"] for complaint in _about(row, enough)),
        *_about_the_large(figures["large"]),
    ]


def _about(row: dict[str, Any], enough: bool) -> list[str]:
    run = f"{row['sites']} sites, {row['tier']}, {row['others']:.0%} used by others, {row['hanging']:.0%} hanging"
    wrong = []
    for which in ("first", "second"):
        each = row[which]
        if not row["others"]:
            if each["lost"] and not each["not_attempted"]:
                wrong.append(f"{run}: the {which} run loses {each['lost']:.1f} sites")
            if each["rate_limited_of_100"] > RATE_LIMITED_OF_100:
                wrong.append(f"{run}: the {which} run meets {each['rate_limited_of_100']:.1f} 429s in 100 calls")
            times, most = ratio(row, which), _most(row, which)
            if enough and times is not None and times > most:
                wrong.append(f"{run}: the {which} run takes {times:.2f} times the best number's minutes, not {most}")
        elif 100 * each["lost"] / row["sites"] > LOST_OF_100:
            wrong.append(f"{run}: the {which} run loses {100 * each['lost'] / row['sites']:.1f} of 100 sites")
    return wrong


def _most(row: dict[str, Any], which: str) -> float:
    if which == "second":
        return LATER
    if row["hanging"]:
        return FIRST_HANGING
    return FIRST_ENTRY if row["tier"] == "entry tier" else FIRST


def ratio(row: dict[str, Any], which: str, best: str = "best power") -> float | None:
    """To the best fixed number; None where there is none, or where the run itself was ended by the clock."""
    if row[best] is None or row[which]["not_attempted"]:
        return None
    times: float = row[which]["minutes"] / row[best]["minutes"]
    return times


def _about_the_large(rows: list[dict[str, Any]]) -> list[str]:
    fast, slow = rows
    wrong = []
    if fast["minutes"] > LARGE_MINUTES or fast["not_attempted"] or fast["lost"]:
        wrong.append(f"{fast['sites']} sites, {fast['setting']}: {fast['minutes']:.1f} min, {fast['lost']:.0f} lost")
    if slow["minutes"] > RUN_MINUTES:
        wrong.append(f"{slow['sites']} sites, {slow['setting']}: {slow['minutes']:.0f} min are more than six hours")
    return wrong
