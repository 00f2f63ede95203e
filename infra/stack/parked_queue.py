"""The parked queue of a stack, while one command holds its messages.

To see a message is to receive it, which hides it from everybody else. So all are received, and what the command does
not take out is given back at once, however it ends.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import ValidationError

from aggregator.miss_queue import MissQueue
from infra.stack.aws_errors import explained
from infra.stack.unparked import Taken, TakenMiss, new_note_key
from nightfold.errors import InvalidInput
from nightfold.misses import Miss
from nightfold.storage import Bucket

HELD_S = 900  # that a message stays hidden: long enough to answer the command's question
LONG_POLL_S = 1  # asks all of SQS's servers
EMPTY_ANSWERS = 3  # until the command believes that it has all, if SQS counts more


class ParkedQueue:
    """The messages that are held. Raises InvalidInput where AWS refuses to answer."""

    def __init__(self, sqs: Any, bucket: Bucket, parked: str, waiting: str) -> None:
        """`parked` and `waiting` are the addresses of the two queues."""
        self._sqs, self._bucket = sqs, bucket
        self._parked, self._waiting = MissQueue(parked, sqs), MissQueue(waiting, sqs)
        self._held: dict[str, dict[str, Any]] = {}
        self._counted = 0

    def receive(self, counted: int) -> Iterator[int]:
        """Receives all messages; `counted` is how many SQS counts. Yields how many there are after each answer."""
        self._counted, empty = counted, 0
        self._hide(["none"], 0)  # if the credentials do not allow to give back, nothing is received
        while empty < EMPTY_ANSWERS:
            with explained("sqs"):
                received = self._sqs.receive_message(
                    QueueUrl=self._parked.url,
                    MaxNumberOfMessages=10,
                    VisibilityTimeout=HELD_S,
                    WaitTimeSeconds=LONG_POLL_S,
                    MessageSystemAttributeNames=["SentTimestamp"],
                ).get("Messages", [])
            self._held |= {message["MessageId"]: message for message in received}
            yield len(self._held)
            if not received and len(self._held) >= counted:
                break
            empty = 0 if received else empty + 1

    def give_back(self) -> None:
        """Makes every message visible again that was not taken out."""
        self._hide(self._handles(self._held), 0)

    def misses(self) -> dict[str, Miss]:
        found = {}
        in_order = sorted(self._held.items(), key=lambda each: (int(each[1]["Attributes"]["SentTimestamp"]), each[0]))
        for message_id, message in in_order:
            with suppress(ValidationError):
                found[message_id] = Miss.model_validate_json(message["Body"])
        return found

    def about(self) -> Iterator[str]:
        if (more := self._counted - len(self._held)) > 0:
            yield (
                f"SQS counts {more:,} more parked than it hands out. It counts with a minute's delay; or another "
                f"command, or the console, has received them, and they are back within {HELD_S // 60} minutes."
            )

    def unpark(self, chosen: Mapping[str, Miss]) -> list[Miss]:
        self._hold(chosen)
        fresh = [miss.model_copy(update={"attempts": 0}) for miss in chosen.values()]
        with explained("sqs"):
            sent = self._waiting.send(json.dumps(miss.model_dump(mode="json")) for miss in fresh)
        self._take("unparked", chosen, sent)
        return fresh

    def drop(self, chosen: Mapping[str, Miss]) -> list[Miss]:
        self._hold(chosen)
        self._take("dropped", chosen, [None] * len(chosen))
        return list(chosen.values())

    def left(self) -> int:
        return len(self._held)

    def _hold(self, chosen: Mapping[str, Miss]) -> None:
        """Hides the chosen messages anew. Raises InvalidInput if others may have received them meanwhile."""
        if self._hide(self._handles(chosen), HELD_S) < len(chosen):
            raise InvalidInput(
                f"--stack: parked messages are held for {HELD_S // 60} minutes, and some were given back meanwhile; "
                "nothing was changed, try again"
            )

    def _handles(self, message_ids: Iterable[str]) -> list[str]:
        return [self._held[message_id]["ReceiptHandle"] for message_id in message_ids]

    def _hide(self, handles: Iterable[str], seconds: int) -> int:
        """How many messages are hidden for so long; the others are no longer held."""
        entries = ({"ReceiptHandle": handle, "VisibilityTimeout": seconds} for handle in handles)
        with explained("sqs"):
            return len(self._parked.in_batches(self._sqs.change_message_visibility_batch, entries))

    def _take(
        self, what: Literal["unparked", "dropped"], chosen: Mapping[str, Miss], sent: Iterable[str | None]
    ) -> None:
        """Deletes the parked messages. The note comes first: if the process ends in between, they are still there and
        the same command finds and notes them again. The other way round the records would name a miss as parked for
        two weeks, and no command could correct that."""
        at = datetime.now(UTC)
        misses = [
            TakenMiss(run_id=miss.run_id, site_id=miss.site.site_id, message_id=message_id)
            for miss, message_id in zip(chosen.values(), sent, strict=True)
        ]
        note = Taken(what=what, at=at, misses=misses)
        with explained("s3"):
            self._bucket.put(new_note_key(at), note.model_dump_json(indent=2).encode())
        with explained("sqs"):
            self._parked.acknowledge(self._handles(chosen))
        for message_id in chosen:
            del self._held[message_id]
