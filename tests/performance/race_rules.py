"""What has to hold after a race, and how its figures are read."""

from typing import Any

from tests.performance.contestant import OURS
from tests.performance.workloads import ACCOUNT, FAULTS, FOUR, SITES

Figures = dict[str, Any]
Run = dict[str, Any]
UNCAPPED = "all at once"


def complaints(figures: Figures) -> list[str]:
    """Work that is not the first contestant's, a census that does not add up, a site of ours that is lost."""
    return [*_other_work(figures), *_broken_census(figures), *_not_kept(figures), *_on_the_account(figures)]


def _other_work(figures: Figures) -> list[str]:
    found = []
    # On the small account an answer may be a site's second call, and the simulated Claude then says something else.
    for workload, compared in ((FOUR, ("prompts", "candidates")), (ACCOUNT, ("prompts",))):
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
        f"{FOUR}: {each['contestant']} kept {len(each['kept'])} of {each['planned']}: {each['last_words']}"
        for each in runs_of(figures, FOUR)
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


def runs_of(figures: Figures, workload: str, name: str | None = None) -> list[Run]:
    return [each for each in figures["runs"] if each["workload"] == workload and name in (None, each["contestant"])]


def by_morning(each: Run) -> list[str]:
    """A run that is started again by hand does not count."""
    return list(each["morning"]["kept"] if each.get("morning") else each["kept"])
