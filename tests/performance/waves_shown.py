"""How the part "waves" is shown."""

from collections.abc import Sequence
from typing import Any

from tests.performance.part import Table
from tests.performance.virtual_waves import BARRIER_S
from tests.performance.waves_verdict import ratio

RUNS = ("fixed 4", "fixed 16", "first", "second")


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
                *(f"{row[name]['minutes']:.1f}" for name in RUNS[:2]),
                fixed(row["best power"]),
                fixed(row["best"]),
                *(auto(row, which) for which in RUNS[2:]),
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
                *(cells(name, row) for name in RUNS),
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
