"""What has to hold after a race, and how its figures are read."""

from statistics import median
from typing import Any

from tests.performance.contestant import OURS, SCRIPT
from tests.performance.workloads import ACCOUNT, FAULTS, FOUR, MANY, SITES

Figures = dict[str, Any]
Run = dict[str, Any]
UNCAPPED = "all at once"
# How many times as much Nightfold may take as the script. One call after the other would be a ratio of nearly 4 in wall
# clock; in processor time pairs gave up to 3.1 (four sites) and 3.6 (400) on a busy machine. In the part "scale" a site
# of thousands costs no more than one of 400.
LIMITS = ((FOUR, "wall_s", 2.5), (FOUR, "cpu_s", 4.0), (MANY, "cpu_s", 5.0))


def complaints(figures: Figures) -> list[str]:
    """Work that is not the first contestant's, a census that does not add up, a site of ours that is lost."""
    return [
        *_other_work(figures),
        *_broken_census(figures),
        *_not_kept(figures),
        *_on_the_account(figures),
        *_too_much(figures),
    ]


def _other_work(figures: Figures) -> list[str]:
    found = []
    # On the small account an answer may be a site's second call, and the simulated Claude then says something else.
    for workload, compared in ((FOUR, ("prompts", "candidates")), (MANY, ("prompts",)), (ACCOUNT, ("prompts",))):
        first, *others = runs_of(figures, workload) or [{}]
        for each in others:
            found += [
                f"{workload}: {each['contestant']} has other {what} than {first['contestant']}"
                for what in compared
                if each[what] != first[what]
            ]
    return found


def _broken_census(figures: Figures) -> list[str]:
    found = []
    for each in figures["runs"]:
        if each["contestant"] != OURS:
            continue
        where = f"{each['workload']}: {each['contestant']}"
        if each["summary"] is None:
            found.append(f"{where}: the night has no summary ({each['last_words']})")
        found += [
            f"{where}: planned {known['planned']} is not accepted {known['accepted']} + missed {known['missed']}"
            for known in (each["summary"], (each.get("morning") or {}).get("summary"))
            if known and known["planned"] != known["accepted"] + sum(known["missed"].values())
        ]
    return found


def _not_kept(figures: Figures) -> list[str]:
    found = [
        f"{workload}: {each['contestant']} kept {len(each['kept'])} of {each['planned']}: {each['last_words']}"
        for workload in (FOUR, MANY)
        for each in runs_of(figures, workload)
        if len(each["kept"]) < each["planned"]
    ]
    for name in figures["contestants"]:
        kept = {
            fault: min((len(by_morning(each)) for each in runs_of(figures, fault, name)), default=0) for fault in FAULTS
        }
        if name == OURS:
            found += [
                f"{fault}: {name} has {number} of {len(SITES)} by the morning"
                for fault, number in kept.items()
                if number < len(SITES) and runs_of(figures, fault, name)
            ]
        elif min(kept.values()) == len(SITES):
            found.append(f"{name} has all sites in every fault row: it is not Nightfold alone any more")
    return found


def _on_the_account(figures: Figures) -> list[str]:
    found = []
    for each in runs_of(figures, ACCOUNT):
        if each["contestant"] == OURS and (each["limited"] or len(each["kept"]) < each["planned"]):
            kept = f"kept {len(each['kept'])} of {each['planned']}"
            found.append(f"{ACCOUNT}: {each['contestant']} met {each['limited']} 429s and {kept}")
        if each["contestant"] == UNCAPPED and not each["limited"]:
            found.append(f"{ACCOUNT}: {UNCAPPED} met no 429, so that the account is not small")
    return found


def _too_much(figures: Figures) -> list[str]:
    return [
        f"{workload}: Nightfold takes {times:.2f} times the script's {figure}, more than {limit:g}"
        for workload, figure, limit in LIMITS
        if (times := ratio(figures, workload, figure)) > limit
    ]


def ratio(figures: Figures, workload: str, figure: str) -> float:
    """Nightfold's / the script's, as medians."""
    ours, theirs = (median(each[figure] for each in runs_of(figures, workload, name)) for name in (OURS, SCRIPT))
    return float(ours / theirs)


def runs_of(figures: Figures, workload: str, name: str | None = None) -> list[Run]:
    return [each for each in figures["runs"] if each["workload"] == workload and name in (None, each["contestant"])]


def by_morning(each: Run) -> list[str]:
    """A run that is started again by hand does not count."""
    return list(each["morning"]["kept"] if each.get("morning") else each["kept"])
