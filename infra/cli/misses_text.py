"""The output of `nightfold misses`, and the commands that collect misses."""

import json
from collections.abc import Iterator, Sequence, Set
from dataclasses import asdict
from pathlib import Path

from infra.cli.invocation import redrive_of, suggest
from infra.cli.terminal import table, visible
from infra.state.queued_misses import QueuedMiss
from nightfold.amounts import counted, duration

RETENTION_S = 14 * 86_400  # the queues' MessageRetentionPeriod in template.yaml


def as_json(misses: Sequence[QueuedMiss]) -> str:
    return json.dumps([asdict(miss) for miss in misses], indent=2)


def as_text(misses: Sequence[QueuedMiss], state_dir: Path, width: int | None) -> list[str]:
    """The table and what it means."""
    waiting = [miss for miss in misses if miss.queue == "waiting"]
    parked = len(misses) - len(waiting)
    simulated = sum(miss.simulated for miss in waiting)
    old = sum(miss.age > RETENTION_S for miss in misses)
    of_which = f" ({simulated:,} simulated)" if simulated else ""
    lines = [f"{counted(len(waiting), 'miss')} waiting{of_which}, {parked:,} parked"]
    if misses:
        head = ("QUEUE", "SITE", "REASON", "ERROR", "ATTEMPTS", "AGE", "MESSAGE")
        lines += ["", *table([head, *map(_row, misses)], width)]
    if old:
        lines += ["", f"On AWS, {old:,} of these would have expired after 14 days. Here none expires."]
    if parked:
        lines += [
            "",
            "No redrive collects parked misses. To move them back into the queue, or to delete those of a site:",
        ]
        lines += [suggest("unpark", state_dir), suggest("drop SITE", state_dir)]
    return lines


def passed_over(name: str, why: str) -> str:
    """A folder in runs/ that redrives skip."""
    return f"runs/{visible(name, 80)} is skipped: {visible(why)}."


def redrives(kinds: Set[bool], state_dir: Path) -> Iterator[str]:
    """The commands that collect the waiting misses. `kinds` has True if some are simulated, False if some are real."""
    for simulated in sorted(kinds):
        command = suggest(redrive_of(simulated=simulated), state_dir)
        yield f"`{command}` collects the {'simulated' if simulated else 'waiting'} misses."


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
