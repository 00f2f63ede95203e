"""Moves parked misses back into the miss queue, as new ones, or deletes them."""

import json
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from infra.state.directory import StateDirectory
from infra.state.message_files import Messages, StoredMessage
from infra.state.queued_misses import QUEUES, about_unreadable, read_messages
from nightfold.misses import Miss


@dataclass(frozen=True)
class ParkedMessages:
    """The parked messages of a state directory. What changes them raises what opening the state directory raises."""

    state_dir: Path

    def misses(self) -> dict[str, Miss]:
        found = {}
        for message in read_messages(self.state_dir, "parked"):
            with suppress(ValidationError):
                found[message.message_id] = Miss.model_validate_json(message.body)
        return found

    def about(self) -> Iterator[str]:
        yield from about_unreadable(self.state_dir)

    def unpark(self, chosen: Mapping[str, Miss]) -> list[Miss]:
        with closing(StateDirectory(self.state_dir).open()) as state:
            parked = self._still_parked(chosen)
            fresh = [miss.model_copy(update={"attempts": 0}) for miss in parked.values()]
            waiting = Messages(state, QUEUES["waiting"])
            for miss in fresh:
                body = json.dumps(miss.model_dump(mode="json"))
                waiting.put(StoredMessage(str(uuid.uuid4()), body, sent_at=int(time.time() * 1000)))
            _delete(state, parked)
        return fresh

    def drop(self, chosen: Mapping[str, Miss]) -> list[Miss]:
        with closing(StateDirectory(self.state_dir).open()) as state:
            parked = self._still_parked(chosen)
            _delete(state, parked)
        return list(parked.values())

    def left(self) -> int:
        return len(read_messages(self.state_dir, "parked"))

    def _still_parked(self, chosen: Mapping[str, Miss]) -> dict[str, Miss]:
        there = {each.message_id for each in read_messages(self.state_dir, "parked")}
        return {message_id: miss for message_id, miss in chosen.items() if message_id in there}


def _delete(state: StateDirectory, message_ids: Iterable[str]) -> None:
    parked = Messages(state, QUEUES["parked"])
    for message_id in message_ids:
        parked.delete(message_id)
