"""Runs that ended before they were closed: they have a plan and no summary, and no process is working on them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

from nightfold.contract import Plan
from nightfold.misses import Miss
from nightfold.question import load
from nightfold.run_folders import NotARun, check_name, closed_runs, left_alone, plan_of, read_set_aside
from nightfold.storage import (
    CLOSED_RUNS_KEY,
    Source,
    outcome_key,
    outcomes_prefix,
    plan_key,
    summary_key,
    unclosable_key,
)

READERS = 16  # outcomes that are read at once


@dataclass(frozen=True)
class UnfinishedRun:
    """A run whose execution ended before its census."""

    plan: Plan
    stored: int  # sites with a stored outcome

    @property
    def run_id(self) -> str:
        return self.plan.run_id


@dataclass(frozen=True)
class Closing:
    """How the next redrive will first close an unfinished run."""

    plan: Plan  # the messages that it names are replaced
    misses: list[Miss]  # sites that will wait in the queue or be parked


@dataclass(frozen=True)
class PassedOver:
    """A folder below runs/ that no redrive closes, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class RunningRun:
    """A run that has not ended yet."""

    run_id: str


type OpenRun = UnfinishedRun | PassedOver | RunningRun


def open_runs(records: Source, is_running: Callable[[str], bool]) -> Iterator[OpenRun]:
    """The folders without a census, by name, as the planner's own code finds them. `is_running` is asked about the
    executions of runs."""
    closed = closed_runs(records.get(CLOSED_RUNS_KEY))
    for name in sorted(set(records.run_ids()) - closed):
        try:
            check_name(name)
            if records.get(summary_key(name)) is not None:
                continue
            plan = plan_of(name, records.get(plan_key(name)))
        except NotARun as why:
            yield PassedOver(name, str(why))
            continue
        set_aside = records.get(unclosable_key(name))
        if set_aside is not None and left_alone(set_aside, "the next redrive"):
            yield PassedOver(name, why_set_aside(records, name) or "")
        elif is_running(plan.execution_id):
            yield RunningRun(name)
        else:
            yield UnfinishedRun(plan, len(stored_sites(records, name)))


def why_set_aside(records: Source, run_id: str) -> str | None:
    """Why a redrive could not close the run, and what to do; None if it has not tried, or has closed it."""
    document = records.get(unclosable_key(run_id))
    if document is None or records.get(summary_key(run_id)) is not None:
        return None
    set_aside = read_set_aside(document)
    error = set_aside.error if set_aside else "an error that cannot be read"
    return f"it could not be closed ({error}) and is set aside; delete its unclosable.json to have it tried again"


def closing_of(records: Source, run: UnfinishedRun) -> Closing:
    """What the aggregator's own code would decide, computed in advance."""
    from aggregator.judge import judge  # not needed to list runs
    from aggregator.misses import miss_of

    rounds = [
        {
            site.site_id: judge(site.site_id, run.run_id, round_, outcome, load(run.plan.question_of(site.site_id)))
            for site in run.plan.sites
            if (outcome := outcomes.get(site.site_id)) is not None or round_ == 1
        }
        for round_ in (1, 2)
        for outcomes in [_outcomes(records, run.run_id, round_)]
    ]
    last = rounds[0] | rounds[1]
    misses = [miss_of(run.plan, site, rounds, dead=True) for site in run.plan.sites if not last[site.site_id].accepted]
    return Closing(run.plan, misses)


def stored_sites(records: Source, run_id: str) -> set[str]:
    """The sites that have a stored outcome."""
    return {site_id for round_ in (1, 2) for site_id in _sites(records, run_id, round_)}


def _outcomes(records: Source, run_id: str, round_: int) -> dict[str, bytes | None]:
    site_ids = list(_sites(records, run_id, round_))
    with ThreadPoolExecutor(READERS) as readers:
        found = readers.map(lambda site_id: records.get(outcome_key(run_id, round_, site_id)), site_ids)
        return dict(zip(site_ids, found, strict=True))


def _sites(records: Source, run_id: str, round_: int) -> Iterator[str]:
    for key in records.keys(outcomes_prefix(run_id, round_)):
        if (path := PurePosixPath(key)).suffix == ".json":
            yield path.stem
