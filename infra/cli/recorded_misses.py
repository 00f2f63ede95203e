"""The misses that should be in a stack's queues, from the records of its runs: a look never receives a message.

A closed run has sent its misses, and has deleted the messages that it had received. So a miss still waits unless a
closed redrive received it. What was moved or deleted by hand, the records do not know.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from infra.cli.installation import Records
from infra.state.queued_misses import QueuedMiss, described, in_order
from nightfold.contract import Plan
from nightfold.misses import Miss
from nightfold.run_folders import NotARun, plan_of
from nightfold.storage import misses_key, plan_key, summary_key
from planner.accepted import may_have_ended_after

READERS = 16  # runs that are read at once
RETENTION = timedelta(days=14)  # the queues' MessageRetentionPeriod in template.yaml


@dataclass(frozen=True)
class _Closed:
    """What one run has left in the queues, and what it has taken from the miss queue."""

    sent: Sequence[Miss]
    parked: Sequence[Miss]
    received: frozenset[tuple[str | None, str]]  # the run that missed a site, and the site


def recorded_misses(records: Records, now: datetime | None = None) -> list[QueuedMiss]:
    """Waiting misses first; each queue from oldest to newest. Without those that SQS has deleted after 14 days."""
    at = now or datetime.now(UTC)
    names = [name for name in records.run_ids() if may_have_ended_after(name, at - RETENTION)]
    with ThreadPoolExecutor(READERS) as readers:
        closed = list(filter(None, readers.map(lambda name: _closed(records, name), names)))
    received = frozenset[tuple[str | None, str]]().union(*(run.received for run in closed))
    waiting = [miss for run in closed for miss in run.sent if (miss.run_id, miss.site.site_id) not in received]
    parked = [miss for run in closed for miss in run.parked]
    found = [described(miss, "waiting", at) for miss in waiting] + [described(miss, "parked", at) for miss in parked]
    return in_order((miss for miss in found if miss.age <= RETENTION.total_seconds()), at)


def not_closed(records: Records, now: datetime | None = None) -> Iterator[tuple[str, str]]:
    """The runs that have a plan and no census, each with its execution."""
    at = now or datetime.now(UTC)
    for name in records.run_ids():
        if may_have_ended_after(name, at - RETENTION) and records.get(summary_key(name)) is None:
            with suppress(NotARun):
                yield name, plan_of(name, records.get(plan_key(name))).execution_id


def _closed(records: Records, run_id: str) -> _Closed | None:
    """None if the run has not closed its census, or cannot be read."""
    if records.get(summary_key(run_id)) is None:
        return None
    try:
        plan = plan_of(run_id, records.get(plan_key(run_id)))
        misses = [Miss.model_validate_json(line) for line in (records.get(misses_key(run_id)) or b"").splitlines()]
    except (NotARun, ValidationError):
        return None
    return _Closed(
        sent=[miss for miss in misses if not miss.worn_out],
        parked=[*(miss for miss in misses if miss.worn_out), *(site.parked for site in plan.unlisted)],
        received=frozenset(_received(plan)),
    )


def _received(plan: Plan) -> Iterator[tuple[str | None, str]]:
    for site_id, messages in plan.messages.items():
        yield from ((message.run_id, site_id) for message in messages)
    for settled in plan.settled:
        yield from ((message.run_id, settled.site_id) for message in settled.messages)
    for unlisted in plan.unlisted:
        yield from ((message.run_id, unlisted.miss.site.site_id) for message in unlisted.messages)
