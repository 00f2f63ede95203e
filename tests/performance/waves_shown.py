"""How the part "waves" is shown, and what has to hold of its figures."""

from collections.abc import Sequence
from typing import Any

from tests.performance.part import Table
from tests.performance.virtual_waves import BARRIER_S

SHOWN = ("fixed 4", "fixed 16", "first", "second")
FIRST_ENTRY, FIRST, LATER = 3.0, 1.3, 1.25  # times the minutes of the best fixed number
FIRST_HANGING = 3.0
RATE_LIMITED_OF_100 = 1.0  # calls, on an account that is not shared
LOST_OF_100 = 5.0  # sites, with four fifths used by others
RUNS = 10  # that the bounds on minutes were found with; means of fewer runs are shown, and are not a rule
LARGE_MINUTES = 25.0
RUN_MINUTES = 360.0


def tables(figures: dict[str, Any]) -> list[Table]:
    sizes = sorted({row["sites"] for row in figures["rows"]})
    return [
        *(_minutes_table(figures, sites) for sites in sizes),
        *(_trouble_table(figures, sites) for sites in sizes),
        _large_table(figures),
    ]


def _rows(figures: dict[str, Any], sites: int) -> list[dict[str, Any]]:
    return [row for row in figures["rows"] if row["sites"] == sites]


def _named(row: dict[str, Any]) -> list[str]:
    shared = f"{row['others']:.0%} used by others" if row["others"] else "alone"
    return [row["tier"], shared, "hanging" if row["hanging"] else "calm"]


def _minutes_table(figures: dict[str, Any], sites: int) -> Table:
    def fixed(each: dict[str, Any] | None) -> str:
        return "-" if each is None else f"{each['minutes']:.1f} ({each['number']})"

    def auto(row: dict[str, Any], which: str) -> str:
        times = [ratio(row, which, best) for best in ("best power", "best")]
        shown = "/".join("-" if each is None else f"{each:.2f}" for each in times)
        cut = f", {row[which]['not_attempted']:.0f} not begun" if row[which]["not_attempted"] else ""
        return f"{row[which]['minutes']:.1f} ({shown}{cut})"

    return Table(
        title=f"Minutes for {sites:,} sites",
        headers=[
            "account",
            "",
            "",
            "fixed 4",
            "fixed 16",
            "best power of two",
            "best of all",
            "auto, first run",
            "auto, later run",
        ],
        rows=[
            [
                *_named(row),
                *(f"{row[name]['minutes']:.1f}" for name in SHOWN[:2]),
                fixed(row["best power"]),
                fixed(row["best"]),
                *(auto(row, which) for which in SHOWN[2:]),
            ]
            for row in _rows(figures, sites)
        ],
        note=f"Means of {figures['seeds']} virtual runs, 20 s and 500 tokens in the median, a barrier costs "
        f"{BARRIER_S:g} s and its slowest branch. Hanging: one site of a hundred is never answered. The best fixed "
        "number (in brackets) is one Map without barriers: the largest that met no 429 and lost nothing in any run; "
        "a dash where each does, or where it takes more than six hours. Auto: in brackets how many times as long as "
        "the best power of two and the best of all.",
    )


def _trouble_table(figures: dict[str, Any], sites: int) -> Table:
    def cells(name: str, row: dict[str, Any]) -> str:
        each = row[name]
        lost = 100 * each["lost"] / row["sites"]
        return f"{each['rate_limited_of_100']:.1f} · {lost:.2f} · {each['wasted']:.0f}"

    return Table(
        title=f"{sites:,} sites: 429s in 100 calls · sites lost of 100 · calls wasted",
        headers=[
            "account",
            "",
            "",
            "fixed 4",
            "fixed 16",
            "auto, first run",
            "auto, later run",
            "waves",
            "at most",
        ],
        rows=[
            [
                *_named(row),
                *(cells(name, row) for name in SHOWN),
                f"{row['first']['waves']:.0f} / {row['second']['waves']:.0f}",
                f"{row['first']['highest']:.0f} / {row['second']['highest']:.0f}",
            ]
            for row in _rows(figures, sites)
        ],
        note="Sites that are never answered are lost to every setting and not counted; their calls are wasted. Waves, "
        "and the most branches at once: first / later run.",
    )


def _large_table(figures: dict[str, Any]) -> Table:
    rows: Sequence[dict[str, Any]] = figures["large"]
    return Table(
        title="More sites than a run had room for, on the entry tier",
        headers=["setting", "sites", "minutes", "waves", "429s in 100 calls", "lost", "not begun"],
        rows=[
            [
                row["setting"],
                f"{row['sites']:,}",
                f"{row['minutes']:.1f}",
                f"{row['waves']:.0f}",
                f"{row['rate_limited_of_100']:.1f}",
                f"{row['lost']:.0f}",
                f"{row['not_attempted']:,.0f}",
            ]
            for row in rows
        ],
        note="20 s and 500 tokens in the mean. What no wave began is a miss in the run's own census: the clock ends it "
        "before the state machine would.",
    )


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
