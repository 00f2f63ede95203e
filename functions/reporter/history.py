"""The last runs as a bar chart. Numbers only; heights in percent of the chart."""

from dataclasses import dataclass

from nightfold.amounts import counted, duration, price
from reporter.records import PastRun, RunRecords


@dataclass(frozen=True)
class Column:
    """One run."""

    run: PastRun
    accepted: float
    missed: float
    cost: float
    duration: float
    words: str


@dataclass(frozen=True)
class History:
    """All columns, oldest first, and the values at full height. Costs are those of runs like this one, real or
    simulated: the two are not drawn on one scale."""

    columns: list[Column]
    most_sites: int
    most_cost: float
    most_seconds: float


def bars(records: RunRecords) -> History:
    """The charts of the last runs, this one last."""
    runs = records.history
    most_sites = max(run.planned for run in runs) or 1
    costs = [(run.cost_usd or 0.0) if run.simulated == records.summary.simulated else 0.0 for run in runs]
    most_cost = max(costs)
    most_seconds = max(run.duration_s for run in runs)
    return History(
        [
            Column(
                run=run,
                accepted=_of(run.accepted, most_sites),
                missed=_of(run.planned - run.accepted, most_sites),
                cost=_of(cost, most_cost),
                duration=_of(run.duration_s, most_seconds),
                words=f"{run.run_id}: {run.accepted:,} accepted, {counted(run.planned - run.accepted, 'miss')}, "
                f"{price(run.cost_usd, simulated=run.simulated)}, {duration(run.duration_s)}",
            )
            for run, cost in zip(runs, costs, strict=True)
        ],
        most_sites,
        most_cost,
        most_seconds,
    )


def _of(value: float, most: float) -> float:
    """In percent, but large enough to be visible if it is not 0."""
    return 0.0 if value <= 0 or most <= 0 else round(max(value / most * 100, 2.0), 2)
