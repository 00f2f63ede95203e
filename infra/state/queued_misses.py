"""The waiting and the parked misses, read from the message files alone, without a cloud or a lock."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from infra.state.message_files import UnreadableMessage, read_message
from nightfold.misses import Miss
from nightfold.text import one_line

RETENTION = timedelta(days=14)  # the queues' MessageRetentionPeriod in template.yaml
MAX_RECEIVES = 50  # the miss queue's maxReceiveCount in template.yaml: the next receive after these parks a message
QUEUES: dict[Literal["waiting", "parked"], str] = {"waiting": "MissQueue", "parked": "ParkedQueue"}


@dataclass(frozen=True, kw_only=True)
class QueuedMiss:
    """One message. If it is not a miss of Nightfold, site and reason are None and `message` explains it."""

    site_id: str | None = None
    domain: str | None = None
    reason: str | None = None
    error: str | None = None
    message: str
    age: float  # seconds since it was missed
    attempts: int = 0  # how many runs have asked about the site
    simulated: bool = False
    queue: Literal["waiting", "parked"]
    run_id: str | None = None
    missed_at: str | None = None
    raw_answer: str | None = None  # of a rejected answer, trimmed; the outcome under raw_answer_key has all of it
    raw_answer_key: str | None = None


@dataclass(frozen=True)
class Message:
    """A message file of the state directory."""

    message_id: str
    body: str
    sent_at: float  # seconds since 1970
    received: int


def read_misses(state_dir: Path, now: datetime | None = None) -> list[QueuedMiss]:
    """Waiting misses first; each queue from oldest to newest."""
    at = now or datetime.now(UTC)
    found = (_queued(message, queue, at) for queue in QUEUES for message in read_messages(state_dir, queue))
    return in_order(found, at)


def in_order(misses: Iterable[QueuedMiss], now: datetime) -> list[QueuedMiss]:
    """Waiting misses first; each queue from oldest to newest."""

    def place(miss: QueuedMiss) -> tuple[bool, str, str]:
        missed_at = miss.missed_at or (now - timedelta(seconds=miss.age)).isoformat()
        return miss.queue == "parked", missed_at, miss.site_id or ""

    return sorted(misses, key=place)


def read_messages(state_dir: Path, queue: Literal["waiting", "parked"]) -> list[Message]:
    """The messages of one queue, oldest first. Skips files that are not messages; the embedded cloud handles them."""
    return sorted(_messages(state_dir / "queues" / QUEUES[queue]), key=lambda each: (each.sent_at, each.message_id))


def unreadable_messages(state_dir: Path) -> Iterator[tuple[Path, str]]:
    """The files in both queues that are not messages, and why. The next run sets them aside."""
    for queue in QUEUES.values():
        for path in sorted(_files(state_dir / "queues" / queue)):
            try:
                with suppress(FileNotFoundError):
                    read_message(path)
            except UnreadableMessage as error:
                yield path, str(error)


def about_unreadable(state_dir: Path) -> Iterator[str]:
    """What the user should know about these files."""
    for path, why in unreadable_messages(state_dir):
        yield f"{path} is not a readable message ({one_line(why)}). The next run sets it aside."


def _messages(folder: Path) -> Iterator[Message]:
    for path in _files(folder):
        with suppress(UnreadableMessage, FileNotFoundError):
            stored = read_message(path)
            yield Message(stored.message_id, stored.body, stored.sent_at / 1000, stored.receive_count)


def _files(folder: Path) -> list[Path]:
    """Raises OSError if the folder cannot be listed, where `Path.glob` would find nothing."""
    with suppress(FileNotFoundError):
        return [path for path in folder.iterdir() if path.suffix == ".json"]
    return []


def _queued(message: Message, queue: Literal["waiting", "parked"], now: datetime) -> QueuedMiss:
    sent = datetime.fromtimestamp(message.sent_at, UTC)
    try:
        return described(Miss.model_validate_json(message.body), queue, now)
    except ValidationError:
        return QueuedMiss(message=_explanation(message.body, queue), age=_seconds(now, sent), queue=queue)


def described(miss: Miss, queue: Literal["waiting", "parked"], now: datetime) -> QueuedMiss:
    """A miss as it is in a queue."""
    return QueuedMiss(
        site_id=miss.site.site_id,
        domain=miss.site.domain,
        reason=miss.reason,
        error=miss.error,
        message=miss.message,
        age=_seconds(now, miss.missed_at),
        attempts=miss.attempts,
        simulated=miss.simulated,
        queue=queue,
        run_id=miss.run_id,
        missed_at=miss.missed_at.isoformat(),
        raw_answer=miss.raw_answer,
        raw_answer_key=miss.raw_answer_key,
    )


def _explanation(body: str, queue: Literal["waiting", "parked"]) -> str:
    if queue == "waiting":
        return "not a miss of Nightfold; the next redrive parks it with an explanation"
    try:
        return str(json.loads(body)["explanation"])  # as the aggregator parks it
    except (ValueError, TypeError, KeyError, RecursionError):
        return "not a miss of Nightfold"


def _seconds(now: datetime, then: datetime) -> float:
    return round(max((now - then).total_seconds(), 0.0), 1)
