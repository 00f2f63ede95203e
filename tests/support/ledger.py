"""Checks what a state directory says about every site that was ever planned.

Reads only the files, as a user would, without the code that wrote them.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nightfold.contract import Plan, Summary
from nightfold.misses import Miss
from nightfold.question import load
from nightfold.results import SiteResults


class Broken(AssertionError):  # noqa: N818
    """A guarantee was broken."""


@dataclass(frozen=True)
class Paid:
    """One invocation of the collector: one call of the model."""

    run_id: str
    round: int
    site_id: str


@dataclass
class Ledger:
    """All runs of a state directory in order of their start, and the messages in its queues."""

    plans: dict[str, Plan] = field(default_factory=dict)
    summaries: dict[str, Summary] = field(default_factory=dict)
    queued: list[Miss] = field(default_factory=list)
    set_aside: list[Miss] = field(default_factory=list)  # in the parked queue

    @classmethod
    def read(cls, state_dir: Path) -> "Ledger":
        """Raises Broken if a file has unexpected content."""
        ledger = cls()
        plans = [Plan.model_validate_json(path.read_bytes()) for path in (state_dir / "runs").glob("*/plan.json")]
        for plan in sorted(plans, key=lambda plan: plan.started_at):  # a copied folder's plan names its original
            ledger.plans[plan.run_id] = plan
            run = state_dir / "runs" / plan.run_id
            _check_waves(run)
            if (run / "summary.json").exists():
                summary = Summary.model_validate_json((run / "summary.json").read_bytes())
                _check_census(plan, summary, run)
                ledger.summaries[plan.run_id] = summary
        ledger.queued = list(_misses_in(state_dir / "queues" / "MissQueue"))
        ledger.set_aside = list(_misses_in(state_dir / "queues" / "ParkedQueue"))
        return ledger

    @property
    def waiting(self) -> Counter[str]:
        """How many messages wait for each site."""
        return Counter(miss.site.site_id for miss in self.queued)

    @property
    def parked(self) -> Counter[str]:
        return Counter(miss.site.site_id for miss in self.set_aside)

    @property
    def planned(self) -> set[str]:
        return {site.site_id for plan in self.plans.values() for site in plan.sites}

    @property
    def accepted(self) -> set[str]:
        return {site.site_id for summary in self.summaries.values() for site in summary.sites if site.accepted}

    @property
    def unclosed(self) -> set[str]:
        """Runs that died or are still running."""
        return self.plans.keys() - self.summaries.keys()

    def check(self) -> None:
        """No site is lost: it was accepted, or its miss is in a queue, or a redrive will close its run."""
        to_be_closed = {site.site_id for run_id in self.unclosed for site in self.plans[run_id].sites}
        lost = self.planned - self.accepted - self.waiting.keys() - self.parked.keys() - to_be_closed
        if lost:
            raise Broken(f"lost: {sorted(lost)}")
        self._check_attempts()

    def _check_attempts(self) -> None:
        """An attempt is a run that asked for the site, however often its messages were received; three park it."""
        runs = Counter(site.site_id for plan in self.plans.values() for site in plan.sites)
        runs -= Counter(site_id for _, site_id in self._not_attempted)
        for miss in (*self.queued, *self.set_aside):
            if miss.attempts > runs[miss.site.site_id]:
                raise Broken(f"{miss.site.site_id}: {miss.attempts} attempts in {runs[miss.site.site_id]} runs")
        early = [
            m.site.site_id for m in self.set_aside if m.attempts < 3 and "no longer in the site list" not in m.message
        ]
        if early:
            raise Broken(f"parked before three attempts: {early}")

    @property
    def _not_attempted(self) -> set[tuple[str, str]]:
        """Run and site."""
        return {
            (run_id, site.site_id)
            for run_id, summary in self.summaries.items()
            for site in summary.sites
            if site.error == "NotAttempted"
        }

    def check_payments(self, paid: Iterable[Paid]) -> None:
        """At most three calls per round; none for a site that an earlier run accepted or that its own run did not
        attempt, or without a plan."""
        calls = Counter(paid)
        if asked := self._not_attempted & {(call.run_id, call.site_id) for call in calls}:
            raise Broken(f"asked, and not attempted all the same: {sorted(asked)}")
        too_many = {key: count for key, count in calls.items() if count > 3}
        if too_many:
            raise Broken(f"more than three calls in a round: {too_many}")
        order = list(self.plans)
        accepted_in = {
            site.site_id: run_id
            for run_id in reversed(self.summaries)
            for site in self.summaries[run_id].sites
            if site.accepted
        }
        for call in calls:
            if call.run_id not in self.plans:
                raise Broken(f"paid without a plan: {call}")
            first = accepted_in.get(call.site_id)
            if first is not None and order.index(first) < order.index(call.run_id):
                raise Broken(f"{call.site_id} was accepted in {first} and paid for again in {call.run_id}")


def _check_waves(run: Path) -> None:
    """Each site of a round is in one wave at most, and the waves take them in their order; no other site has an
    outcome."""
    for round_ in run.glob("round-*"):
        items = json.loads((round_ / "items.json").read_bytes()) if (round_ / "items.json").exists() else []
        begun, decisions = 0, 0
        while (decided := round_ / f"wave-{decisions + 1}" / "pace.json").exists():
            pace = json.loads(decided.read_bytes())
            wave = items[begun : begun + pace["sites"]]
            if pace["first"] != begun or len(wave) != pace["sites"] or begun + len(wave) + pace["left"] != len(items):
                raise Broken(f"{decided}: does not continue the waves before it")
            stored = decided.with_name("items.json")
            if stored.exists() and json.loads(stored.read_bytes()) != wave:
                raise Broken(f"{stored}: other items than the decision took")
            begun, decisions = begun + len(wave), decisions + 1
        outcomes = {path.stem for path in (round_ / "outcomes").glob("*.json")}
        if strays := outcomes - {item["site_id"] for item in items[:begun]}:
            raise Broken(f"{round_}: outcomes of sites that no wave had: {sorted(strays)}")


def _check_census(plan: Plan, summary: Summary, run: Path) -> None:
    missed = summary.missed.network + summary.missed.schema_ + summary.missed.unknown
    if not len(plan.sites) == summary.planned == summary.accepted + missed == len(summary.sites):
        raise Broken(f"{plan.run_id}: the census does not add up: {summary!r}")
    if Counter(site.site_id for site in summary.sites) != Counter(site.site_id for site in plan.sites):
        raise Broken(f"{plan.run_id}: the summary names other sites than the plan")
    if summary.accepted != sum(site.accepted for site in summary.sites):
        raise Broken(f"{plan.run_id}: accepted sites are counted wrong")
    files = {path.stem: json.loads(path.read_bytes()) for path in (run / "results").glob("*.json")}
    if files.keys() != {site.site_id for site in summary.sites if site.accepted}:
        raise Broken(f"{plan.run_id}: results of {sorted(files)}, accepted are others: {summary.sites}")
    for site in summary.sites:
        if site.accepted:
            _check_results(files[site.site_id], site.entries)
    lines = (run / "misses.jsonl").read_text("utf-8").splitlines()
    of_misses = sorted(Miss.model_validate_json(line).site.site_id for line in lines)
    if of_misses != sorted(site.site_id for site in summary.sites if not site.accepted):
        raise Broken(f"{plan.run_id}: misses.jsonl names {of_misses}")


def _check_results(document: dict[str, Any], count: int) -> None:
    results = SiteResults.model_validate(document)
    entries = [load(results.question).entry.model_validate(entry) for entry in results.entries]
    if not len(entries) == count >= 1:
        raise Broken(f"{results.site_id}: {len(entries)} entries, and the summary says {count}")


def _misses_in(folder: Path) -> Iterator[Miss]:
    for path in filter(Path.is_file, folder.glob("*.json")):  # reading a pipe would hang
        try:
            yield Miss.model_validate_json(json.loads(path.read_bytes())["body"])
        except (FileNotFoundError, ValueError):  # acknowledged meanwhile, or unrecognized
            continue
