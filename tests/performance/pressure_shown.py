"""How the part "pressure" is shown."""

from collections.abc import Sequence
from typing import Any

from tests.performance.part import Chart, Table
from tests.performance.pressure_nights import (
    BEFORE,
    BOUNDS_S,
    CROWD_AT_ONCE,
    CROWD_BUCKET_S,
    HICCUPS,
    MORE_S,
    OUTAGE_BEGINS_S,
    PRESSURES,
    THRONG_AT_ONCE,
)
from tests.performance.pressure_verdict import (
    ALL_NIGHT_SITES,
    AS_GOOD,
    MAY_WAIT_S,
    affordable,
    lost_of_100,
    minutes,
    named,
    recommended,
    wasted_per_100,
)
from tests.performance.virtual_night import RetryAfter


def tables(figures: dict[str, Any]) -> list[Table]:
    return [
        _conditions_table(
            figures,
            "Limits at a share of demand: sites lost of 100 · wasted calls per 100 sites · minutes",
            [f"{share:.0%}" for share in PRESSURES],
            f"{figures['sites']} sites, {figures['at_once']} at once, means of {figures['seeds']} nights. A retrier is "
            "written interval/rate/cap jitter; it has two retries. While the account has no room, waiting costs no "
            "time: the account sets the duration, and a site that gives up early only makes the night look short. "
            + _about_the_header(figures),
        ),
        _conditions_table(
            figures,
            "529s: sites lost of 100 · wasted calls per 100 sites · minutes",
            [name for name in figures["policies"][0]["conditions"] if "529" in name],
            f"Outages begin {OUTAGE_BEGINS_S:g} s into the night. At {HICCUPS:.0%} each call gets a 529 with that "
            "chance: what patience costs in ordinary weather. The last column: how long an API that is out all night "
            f"would hold {ALL_NIGHT_SITES} sites at the default concurrency.",
            all_night=True,
        ),
        _conditions_table(
            figures,
            "A crowd, limits enforced in short stretches: sites lost of 100 · wasted calls per 100 sites · minutes",
            [name for name in figures["policies"][0]["conditions"] if "at once" in name],
            f"{CROWD_AT_ONCE} at once, a bucket holds what {CROWD_BUCKET_S} s refill, limits at 50 and 80 % of demand; "
            f"and {THRONG_AT_ONCE} at once at the entry tier, enforced per second: room enough for the night, but not "
            "for all branches in one second, and without jitter those that were refused together come back together.",
        ),
        _ranking_table(figures),
        _real_table(figures),
    ]


def charts(figures: dict[str, Any]) -> list[Chart]:
    shown = [each for each in _shown(figures) if each["name"] != figures["worst"]]
    return [
        Chart(
            title="Sites lost by pressure",
            kind="lines",
            x="limits, % of demand",
            y="sites lost of 100",
            series={
                _word(figures, each["name"]): [
                    (100 * share, each["conditions"][f"{share:.0%}"]["lost_of_100"]) for share in PRESSURES
                ]
                for each in shown
                if each["name"] in {figures["machine"], figures["before"], figures["best"], _twin(figures["best"])}
                or not each["retrier"]
            },
        ),
        Chart(
            title="What patience buys: sites lost over the mean time between the first call and the third",
            kind="lines",
            x="seconds of patience",
            y="sites lost of 100, mean of all conditions",
            series={
                jitter: sorted(
                    (each["patience_s"], lost_of_100(each))
                    for each in figures["policies"]
                    if each["retrier"] and each["name"].endswith(jitter)
                )
                for jitter in ("NONE", "FULL")
            },
            log=frozenset({"x"}),
        ),
    ]


def _shown(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """What a person wants to see side by side: present, past, best, worst, the like with jitter, and the headers."""
    by_name = {each["name"]: each for each in figures["policies"]}
    names = [figures["machine"], figures["before"], figures["best"]]
    names += [_twin(name) for name in names]
    names += ["15/2/60 FULL", "15/2/60 NONE", "30/2/60 FULL", "30/2/60 NONE", "60/2/120 FULL", "60/2/120 NONE"]
    names += [figures["worst"], *(RetryAfter(BOUNDS_S[1], more, BEFORE).name for more in MORE_S)]
    return [by_name[name] for name in dict.fromkeys(names) if name in by_name]


def _twin(name: str) -> str:
    return name.replace("FULL", "NONE") if name.endswith("FULL") else name.replace("NONE", "FULL")


def _word(figures: dict[str, Any], name: str) -> str:
    what = [word for word in ("machine", "before", "best", "worst") if figures[word] == name]
    words = {"machine": "the state machine's", "before": "before it was measured", "best": "best", "worst": "worst"}
    return f"{name} ({', '.join(words[each] for each in what)})" if what else name


def _about_the_header(figures: dict[str, Any]) -> str:
    longest = max(each["longest_retry_after_s"] for each in figures["policies"])
    return (
        f"`retry-after` says when the next call fits, to everybody the same ({longest:g} s at most in all these "
        "nights, so that bounds of 30, 60 or 120 s hardly matter): those who wait for it come back together."
    )


def _conditions_table(
    figures: dict[str, Any], title: str, names: Sequence[str], note: str, *, all_night: bool = False
) -> Table:
    rows = []
    for policy in _shown(figures):
        results = [policy["conditions"][name] for name in names]
        cells = [f"{r['lost_of_100']:.1f} · {r['wasted_per_100']:.0f} · {r['minutes']:.1f}" for r in results]
        out = [f"{policy['out_all_night_h']:.1f} h"] if all_night else []
        rows.append([_word(figures, policy["name"]), *cells, *out])
    return Table(
        title=title, headers=["policy", *names, *(["out all night"] if all_night else [])], rows=rows, note=note
    )


def _ranking_table(figures: dict[str, Any]) -> Table:
    ranked = sorted((each for each in figures["policies"] if each["retrier"]), key=lost_of_100)
    best = recommended(figures)
    shown = [*ranked[:12], *(each for each in (best, named(figures, figures["machine"])) if each not in ranked[:12])]
    can = {each["name"] for each in affordable(figures)}
    return Table(
        title="The retriers that lose fewest sites",
        headers=[
            "retrier",
            "waits, s",
            "lost of 100",
            "wasted per 100",
            "minutes",
            "out all night",
            "may be taken",
        ],
        rows=[
            [
                _word(figures, each["name"]),
                " + ".join(f"{wait:g}" for wait in each["delays_s"]),
                f"{lost_of_100(each):.2f}",
                f"{wasted_per_100(each):.1f}",
                f"{minutes(each):.1f}",
                f"{each['out_all_night_h']:.1f} h",
                "yes" if each["name"] in can else "no",
            ]
            for each in shown
        ],
        note=f"Means over all {len(best['conditions'])} conditions, of {len(ranked)} different retriers. Best: the "
        f"fewest sites lost; of those within {AS_GOOD:g} of 100 the least patient, and of these the one that comes "
        "back soonest; among the exponential ones with full jitter whose two waits together are "
        f"{MAY_WAIT_S} s at most.",
    )


def _real_table(figures: dict[str, Any]) -> Table:
    def cell(row: dict[str, Any], figure: str, unit: float = 1) -> str:
        each = row[figure]
        real, virtual, lowest, highest = (each[key] / unit for key in ("real", "virtual", "lowest", "highest"))
        digits = 0 if unit == 1 else 1
        return f"{real:.{digits}f} / {virtual:.{digits}f} ({lowest:.{digits}f}-{highest:.{digits}f})"

    return Table(
        title="The real state machine beside the virtual night, limits at 50 % of demand: real / virtual (range)",
        headers=["retrier", "sites", "calls", "429s", "lost", "minutes", "at once"],
        rows=[
            [
                _word(figures, row["name"]),
                str(row["sites"]),
                cell(row, "calls"),
                cell(row, "rate_limited"),
                cell(row, "lost"),
                cell(row, "duration_s", 60),
                f"{row['peak']['real']} / {row['peak']['virtual']:g}",
            ]
            for row in figures["real"]
        ],
        note="Real: template, state machine and handlers in the embedded cloud against the simulated API, waits "
        f"{figures['real'][0]['speed']:g} times as fast, the same latencies and lengths call by call. Virtual: mean "
        "and range of 20 nights that differ in their jitter alone.",
    )
