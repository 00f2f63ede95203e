"""The misses of the state directory in words."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from infra.cli.terminal import counted, duration, table, visible
from infra.state.queued_misses import QueuedMiss

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
        lines += ["", "What is parked waits for a person; no redrive takes it up again."]
    return lines


def passed_over(name: str, why: str) -> str:
    """A folder below runs/ that redrives leave alone."""
    return f"runs/{visible(name, 80)} is passed over: {visible(why)}."


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
