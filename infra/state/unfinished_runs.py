"""Runs that ended before they were closed: they have a plan and no summary, and no process is working on them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.state.lock import in_use
from infra.state.regular_files import read_file
from nightfold.contract import Plan
from nightfold.misses import Miss
from nightfold.question import load
from nightfold.run_folders import NotARun, check_name, closed_runs, left_alone, plan_of, read_set_aside


@dataclass(frozen=True)
class UnfinishedRun:
    """A run whose process ended before its census."""

    plan: Plan
    stored: int  # sites with an outcome on disk

    @property
    def run_id(self) -> str:
        return self.plan.run_id


@dataclass(frozen=True)
class Closing:
    """How the next redrive will first close an unfinished run."""

    misses: list[Miss]  # sites that will wait in the queue or be parked
    acknowledged: frozenset[str]  # ids of the messages that the run had received; they are replaced


@dataclass(frozen=True)
class PassedOver:
    """A folder below runs/ that no redrive closes, and why."""

    name: str
    why: str


def unfinished_runs(state_dir: Path) -> Iterator[UnfinishedRun]:
    """The runs that the next redrive closes first. None while a process has the state directory open."""
    return (found for found in _looked_at(state_dir) if isinstance(found, UnfinishedRun))


def passed_over_runs(state_dir: Path) -> Iterator[PassedOver]:
    """The folders that the next redrive leaves alone: those that are not runs, and runs that could not be closed."""
    return (found for found in _looked_at(state_dir) if isinstance(found, PassedOver))


def _looked_at(state_dir: Path) -> Iterator[UnfinishedRun | PassedOver]:
    """The folders as the planner's own code finds them."""
    if in_use(state_dir):
        return
    closed = closed_runs(_content(state_dir / "config" / "closed-runs.json"))
    for folder in sorted((state_dir / "runs").glob("*/")):
        if folder.name in closed or folder.is_symlink():
            continue
        try:
            check_name(folder.name)
            if (folder / "summary.json").exists():
                continue
            plan = plan_of(folder.name, _content(folder / "plan.json"))
        except NotARun as why:
            yield PassedOver(folder.name, str(why))
            continue
        set_aside = _content(folder / "unclosable.json")
        if set_aside is not None and left_alone(set_aside, "the next redrive"):
            yield PassedOver(folder.name, why_set_aside(state_dir, folder.name) or "")
        else:
            yield UnfinishedRun(plan, len(stored_sites(state_dir, folder.name)))


def why_set_aside(state_dir: Path, run_id: str) -> str | None:
    """Why a redrive could not close the run, and what to do; None if it has not tried, or has closed it."""
    folder = state_dir / "runs" / run_id
    document = _content(folder / "unclosable.json")
    if document is None or (folder / "summary.json").exists():
        return None
    set_aside = read_set_aside(document)
    error = set_aside.error if set_aside else "an error that cannot be read"
    return f"it could not be closed ({error}) and is set aside; delete its unclosable.json to have it tried again"


def closing_of(state_dir: Path, run: UnfinishedRun) -> Closing:
    """What the aggregator's own code would decide, computed in advance."""
    from aggregator.judge import judge  # not needed to list runs
    from aggregator.misses import miss_of

    rounds = [
        {
            site.site_id: judge(site.site_id, run.run_id, round_, outcome, load(run.plan.question_of(site.site_id)))
            for site in run.plan.sites
            if (outcome := _outcome(state_dir, run.run_id, round_, site.site_id)) is not None or round_ == 1
        }
        for round_ in (1, 2)
    ]
    last = rounds[0] | rounds[1]
    misses = [miss_of(run.plan, site, rounds, dead=True) for site in run.plan.sites if not last[site.site_id].accepted]
    return Closing(misses, frozenset(message.message_id for message in run.plan.received))


def stored_sites(state_dir: Path, run_id: str) -> set[str]:
    """The sites that have an outcome on disk."""
    return {path.stem for path in (state_dir / "runs" / run_id).glob("round-*/outcomes/*.json")}


def _outcome(state_dir: Path, run_id: str, round_: int, site_id: str) -> bytes | None:
    return _content(state_dir / "runs" / run_id / f"round-{round_}" / "outcomes" / f"{site_id}.json")


def _content(file: Path) -> bytes | None:
    try:
        return read_file(file)
    except OSError:
        return None
