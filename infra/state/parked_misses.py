"""Moves parked misses back into the miss queue, as new ones."""

import json
import time
import uuid
from collections.abc import Iterator, Sequence
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
    state = StateDirectory(state_dir).open()
    try:
        waiting, parked = (Messages(state, QUEUES[queue]) for queue in ("waiting", "parked"))
        there = {each.message_id for each in read_messages(state_dir, "parked")}
        moved = {each.message_id: each.miss for each in chosen if each.message_id in there}
        fresh = {message_id: miss.model_copy(update={"attempts": 0}) for message_id, miss in moved.items()}
        for miss in fresh.values():
            body = json.dumps(miss.model_dump(mode="json"))
            waiting.put(StoredMessage(str(uuid.uuid4()), body, sent_at=int(time.time() * 1000)))
        for message_id in fresh:
            parked.delete(message_id)
    finally:
        state.close()
    return list(fresh.values())
