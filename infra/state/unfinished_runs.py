"""Runs that ended before they were closed: a plan without a summary, and no process at work on it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from infra.state.lock import in_use
from infra.state.regular_files import read_file
from nightfold.contract import Plan
from nightfold.sites import Site


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
    """What the next redrive will make of an unfinished run before anything else."""

    misses: list[Site]  # they will wait in the queue, and run
    acknowledged: frozenset[str]  # message ids whose sites the run had collected already


def unfinished_runs(state_dir: Path) -> Iterator[UnfinishedRun]:
    """None while a process holds the state directory: its run is not over."""
    if in_use(state_dir):
        return
    for file in sorted(state_dir.glob("runs/*/plan.json")):
        if (file.parent / "summary.json").exists():
            continue
        try:
            plan = Plan.model_validate_json(read_file(file))
        except (OSError, ValidationError):
            continue
        yield UnfinishedRun(plan, len(stored_sites(state_dir, plan.run_id)))


def closing_of(state_dir: Path, run: UnfinishedRun) -> Closing:
    """The aggregator's own judgement, beforehand."""
    from aggregator.judge import judge  # not needed to list runs

    misses: list[Site] = []
    acknowledged: set[str] = set()
    for site in run.plan.sites:
        words = [
            judge(site.site_id, run.run_id, round_, outcome)
            for round_ in (1, 2)
            if (outcome := _outcome(state_dir, run.run_id, round_, site.site_id)) is not None
        ]
        if not words or not words[-1].accepted:
            misses.append(site)
        else:
            acknowledged.update(message.message_id for message in run.plan.messages.get(site.site_id, []))
    return Closing(misses, frozenset(acknowledged))


def stored_sites(state_dir: Path, run_id: str) -> set[str]:
    """The sites of which an outcome is on disk."""
    return {path.stem for path in (state_dir / "runs" / run_id).glob("round-*/outcomes/*.json")}


def _outcome(state_dir: Path, run_id: str, round_: int, site_id: str) -> bytes | None:
    try:
        return read_file(state_dir / "runs" / run_id / f"round-{round_}" / "outcomes" / f"{site_id}.json")
    except OSError:
        return None
