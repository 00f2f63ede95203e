"""The output of `nightfold misses`, and the commands that collect misses."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from infra.cli.installation import Installation
from infra.cli.terminal import table, visible
from infra.state.queued_misses import QueuedMiss
from nightfold.amounts import counted, duration


def as_json(misses: Sequence[QueuedMiss]) -> str:
    return json.dumps([asdict(miss) for miss in misses], indent=2)


def as_text(misses: Sequence[QueuedMiss], at: Installation, width: int | None) -> list[str]:
    """The table and what it means."""
    waiting = [miss for miss in misses if miss.queue == "waiting"]
    parked = len(misses) - len(waiting)
    simulated = sum(miss.simulated for miss in waiting)
    of_which = f" ({simulated:,} simulated)" if simulated else ""
    lines = [f"{counted(len(waiting), 'miss')} waiting{of_which}, {parked:,} parked"]
    if misses:
        head = ("QUEUE", "SITE", "REASON", "ERROR", "ATTEMPTS", "AGE", "MESSAGE")
        lines += ["", *table([head, *map(_row, misses)], width)]
    if parked:
        lines += [
            "",
            "No redrive collects parked misses. To move them back into the queue, or to delete those of a site:",
            at.suggest("unpark"),
            at.suggest("drop SITE"),
        ]
    return lines


def passed_over(name: str, why: str) -> str:
    """A folder in runs/ that redrives skip."""
    return f"runs/{visible(name, 80)} is skipped: {visible(why)}."


def about_open_runs(at: Installation) -> Iterator[str]:
    """What is said of the runs that have not been closed."""
    from infra.cli.unfinished_runs import PassedOver, UnfinishedRun

    for run in at.open_runs():
        match run:
            case UnfinishedRun(plan=plan, stored=stored):
                kept = f"{stored:,} of {counted(len(plan.sites), 'outcome')} stored"
                yield f"Run {run.run_id} stopped before it finished: {kept}."
                yield f"`{at.redrive(simulated=plan.simulated)}` closes it and collects the rest."
            case PassedOver(name=name, why=why):
                yield passed_over(name, why)
            case _:
                yield f"Run {run.run_id} has not ended yet; `{at.suggest('watch')}` follows it."


def collects(command: str, *, simulated: bool) -> str:
    """What a command does for the waiting misses of one kind."""
    return f"`{command}` collects the {'simulated' if simulated else 'waiting'} misses."


def _row(miss: QueuedMiss) -> tuple[str, ...]:
    return (
        miss.queue,
        miss.site_id or "(no site)",
        miss.reason or "-",
        miss.error or "-",
        f"{miss.attempts}x",
        duration(miss.age),
        miss.message,
    )
