"""The misses that should be in a stack's queues, from the records of its runs: a look never receives a message.

A closed run has sent its misses, and has deleted the messages that it had received. So a miss still waits unless a
closed redrive received it. `unpark` and `drop` leave notes of what they took out of the parked queue. What was moved or
deleted by hand, the records do not know.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError

from infra.stack.unparked import NOTES, Taken, is_note_since
from infra.state.queued_misses import RETENTION, QueuedMiss, described, in_order
from nightfold.contract import Plan
from nightfold.misses import Miss
from nightfold.run_folders import NotARun, plan_of
from nightfold.storage import Source, misses_key, plan_key, summary_key
from planner.accepted import may_have_ended_after

READERS = 16  # runs that are read at once

type _About = tuple[str | None, str]  # the run that missed a site, and the site


@dataclass(frozen=True)
class _Received:
    """What a run has received."""

    abouts: frozenset[_About]
    message_ids: frozenset[str]


@dataclass(frozen=True)
class _Closed:
    """What one run has left in the queues, and what it has taken from the miss queue."""

    sent: Sequence[Miss]
    parked: Sequence[tuple[datetime, Miss]]  # since when
    received: _Received


@dataclass(frozen=True)
class Recorded:
    """The misses in both queues, without those that SQS has deleted after 14 days."""

    waiting: Sequence[Miss]
    parked: Sequence[Miss]

    def listed(self, now: datetime | None = None) -> list[QueuedMiss]:
        """Waiting misses first; each queue from oldest to newest."""
        at = now or datetime.now(UTC)
        found = [described(miss, "waiting", at) for miss in self.waiting]
        return in_order((*found, *(described(miss, "parked", at) for miss in self.parked)), at)


def recorded_misses(records: Source, unfinished: Iterable[Plan] = (), now: datetime | None = None) -> Recorded:
    """What waits and what is parked; without what these unfinished runs have received."""
    oldest = (now or datetime.now(UTC)) - RETENTION
    notes = list(_notes(records, oldest))
    taken: dict[_About, datetime] = {miss.about: note.at for note in notes for miss in note.misses}
    noted = {run_id for run_id, _ in taken}
    names = [name for name in records.run_ids() if name in noted or may_have_ended_after(name, oldest)]
    with ThreadPoolExecutor(READERS) as readers:
        closed = list(filter(None, readers.map(lambda name: _closed(records, name), names)))
    sent = [miss for run in closed for miss in run.sent]
    parked = sorted((each for run in closed for each in run.parked), key=lambda each: each[0])
    known = {_about(miss): miss for miss in (*sent, *(miss for _, miss in parked))}

    received = [*(run.received for run in closed), *map(_received_by, unfinished)]
    gone = taken.keys() | frozenset[_About]().union(*(each.abouts for each in received))
    waiting = [(miss.missed_at, miss) for miss in sent if _about(miss) not in gone]
    message_ids = frozenset[str]().union(*(each.message_ids for each in received))
    waiting += [
        (note.at, known[miss.about].model_copy(update={"attempts": 0}))
        for note in notes
        for miss in note.misses
        if miss.message_id and miss.message_id not in message_ids and miss.about in known
    ]
    parked = [(since, miss) for since, miss in parked if _about(miss) not in taken or taken[_about(miss)] < since]
    return Recorded(
        waiting=[miss for since, miss in waiting if since >= oldest],
        parked=[miss for since, miss in parked if since >= oldest],
    )


def _closed(records: Source, run_id: str) -> _Closed | None:
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
        parked=[
            *((miss.missed_at, miss) for miss in misses if miss.worn_out),
            *((plan.started_at, site.parked) for site in plan.unlisted),
        ],
        received=_received_by(plan),
    )


def _notes(records: Source, since: datetime) -> Iterator[Taken]:
    """Oldest first."""
    for key in sorted(key for key in records.keys(NOTES) if is_note_since(key, since)):
        with suppress(ValidationError):
            yield Taken.model_validate_json(records.get(key) or b"")


def _about(miss: Miss) -> _About:
    return miss.run_id, miss.site.site_id


def _received_by(plan: Plan) -> _Received:
    return _Received(frozenset(_abouts(plan)), frozenset(message.message_id for message in plan.received))


def _abouts(plan: Plan) -> Iterator[_About]:
    for site_id, messages in plan.messages.items():
        yield from ((message.run_id, site_id) for message in messages)
    for settled in plan.settled:
        yield from ((message.run_id, settled.site_id) for message in settled.messages)
    for unlisted in plan.unlisted:
        yield from ((message.run_id, unlisted.miss.site.site_id) for message in unlisted.messages)
