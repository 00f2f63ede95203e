"""Moves parked misses back into the miss queue, as new ones, or deletes them."""

import json
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from infra.state.directory import StateDirectory
from infra.state.message_files import Messages, StoredMessage
from infra.state.queued_misses import QUEUES, read_messages
from nightfold.misses import Miss


@dataclass(frozen=True)
class ParkedMiss:
    """A message of the parked queue that is a miss."""

    message_id: str
    miss: Miss


def parked_misses(state_dir: Path) -> Iterator[ParkedMiss]:
    """Oldest first. Messages that are not misses of Nightfold stay parked and are not included."""
    for message in read_messages(state_dir, "parked"):
        try:
            yield ParkedMiss(message.message_id, Miss.model_validate_json(message.body))
        except ValidationError:
            continue


def unpark(state_dir: Path, chosen: Sequence[ParkedMiss]) -> list[Miss]:
    """Sends the misses that are still parked to the miss queue with 0 attempts, then deletes the parked ones. A process
    that ends in between leaves a miss in both queues, which a redrive still collects in one branch. Raises what
    opening the state directory raises."""
    with closing(StateDirectory(state_dir).open()) as state:
        parked = _still_parked(state_dir, chosen)
        fresh = [miss.model_copy(update={"attempts": 0}) for miss in parked.values()]
        waiting = Messages(state, QUEUES["waiting"])
        for miss in fresh:
            body = json.dumps(miss.model_dump(mode="json"))
            waiting.put(StoredMessage(str(uuid.uuid4()), body, sent_at=int(time.time() * 1000)))
        _delete(state, parked)
    return fresh


def drop(state_dir: Path, chosen: Sequence[ParkedMiss]) -> list[Miss]:
    """Deletes the misses that are still parked. Raises what opening the state directory raises."""
    with closing(StateDirectory(state_dir).open()) as state:
        parked = _still_parked(state_dir, chosen)
        _delete(state, parked)
    return list(parked.values())


def _still_parked(state_dir: Path, chosen: Sequence[ParkedMiss]) -> dict[str, Miss]:
    there = {each.message_id for each in read_messages(state_dir, "parked")}
    return {each.message_id: each.miss for each in chosen if each.message_id in there}


def _delete(state: StateDirectory, message_ids: Iterable[str]) -> None:
    parked = Messages(state, QUEUES["parked"])
    for message_id in message_ids:
        parked.delete(message_id)
