"""The misses of the state directory in words."""

import json
from collections.abc import Iterator, Sequence, Set
from dataclasses import asdict
from pathlib import Path

from infra.cli.invocation import redrive_of, suggest
from infra.cli.terminal import table, visible
from infra.state.queued_misses import QueuedMiss
from nightfold.amounts import counted, duration
from nightfold.contract import Miss

RETENTION_S = 14 * 86_400  # the queues' MessageRetentionPeriod in template.yaml


def as_json(misses: Sequence[QueuedMiss]) -> str:
    return json.dumps([asdict(miss) for miss in misses], indent=2)


def as_text(misses: Sequence[QueuedMiss], width: int | None) -> list[str]:
    """The table and what it means, for a person."""
    waiting = [miss for miss in misses if miss.queue == "waiting"]
    parked = len(misses) - len(waiting)
    simulated = sum(miss.simulated for miss in waiting)
    old = sum(miss.age > RETENTION_S for miss in misses)
    of_which = f" ({simulated:,} simulated)" if simulated else ""
    lines = [f"{counted(len(waiting), 'miss')} waiting{of_which}, {parked:,} parked"]
    if misses:
        head = ("QUEUE", "SITE", "REASON", "ERROR", "ASKED", "AGE", "MESSAGE")
        lines += ["", *table([head, *map(_row, misses)], width)]
    if old:
        lines += ["", f"{old:,} of these would be gone from the queue of a stack after 14 days. Here none expires."]
    if parked:
        lines += ["", "What is parked waits for you: no redrive asks again. `nightfold unpark` moves misses back."]
    return lines


def passed_over(name: str, why: str) -> str:
    """A folder below runs/ that redrives leave alone."""
    return f"runs/{visible(name, 80)} is passed over: {visible(why)}."


def redrives(kinds: Set[bool], state_dir: Path) -> Iterator[str]:
    """The commands that collect what waits: real misses, simulated ones (`kinds` has True), or both."""
    for simulated in sorted(kinds):
        command = suggest(redrive_of(simulated=simulated), state_dir)
        yield f"`{command}` collects {'what is simulated' if simulated else 'what waits'}."


def moved_as_json(misses: Sequence[Miss]) -> str:
    """What `nightfold unpark` has moved back."""
    return json.dumps(
        [{"site_id": miss.site.site_id, "run_id": miss.run_id, "error": miss.error} for miss in misses], indent=2
    )


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
