"""The miss queue and the parked queue, as the aggregator uses them: it sends and acknowledges.

botocore retries a call that failed, but not the failed entries of a batch that returned 200. Those are sent again here.
If some still fail, the aggregator raises, so that its step runs again.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import boto3

from nightfold.errors import AwsUnavailable
from nightfold.storage import CALLS

TRIES = 4
PAUSE_S = 0.2  # doubled at every try
BATCH_LIMIT = 1_000_000  # bytes; SQS takes 1 MiB, in one message or in all of a batch together

Entry = dict[str, Any]


class MissQueue:
    """One SQS queue."""

    def __init__(self, url: str, client: Any = None) -> None:
        self.url = url
        self._sqs = client or boto3.client("sqs", config=CALLS)

    def send(self, bodies: Iterable[str]) -> list[str]:
        """Sends each body at least once, and returns the ids of the messages. Raises AwsUnavailable if SQS keeps
        refusing some."""
        sent = self.in_batches(self._sqs.send_message_batch, ({"MessageBody": body} for body in bodies))
        return [each["MessageId"] for each in sent]

    def acknowledge(self, receipt_handles: Iterable[str]) -> None:
        """Deletes the messages; one that is already gone is not an error."""
        self.in_batches(self._sqs.delete_message_batch, ({"ReceiptHandle": handle} for handle in receipt_handles))

    def in_batches(self, call: Callable[..., Any], entries: Iterable[Entry]) -> list[Entry]:
        """Calls until SQS has confirmed all entries, and returns its results in their order, without those of messages
        that are gone. Raises AwsUnavailable."""
        results: list[Entry] = []
        for batch in _batches(entries):
            waiting = {str(number): {"Id": str(number), **entry} for number, entry in enumerate(batch)}
            done: list[Entry] = []
            for attempt in range(TRIES):
                response = call(QueueUrl=self.url, Entries=list(waiting.values()))
                failed = response.get("Failed", [])
                done += response.get("Successful", [])
                # A handle that SQS no longer knows is the sender's fault, and is not sent again. A refused body is the
                # sender's fault too, but a miss must not get lost: it raises. So does what SQS does not mention: of an
                # answer that is cut short botocore makes one without fields.
                over = {entry["Id"] for entry in done}
                over |= {
                    entry["Id"] for entry in failed if entry["SenderFault"] and "ReceiptHandle" in waiting[entry["Id"]]
                }
                waiting = {number: entry for number, entry in waiting.items() if number not in over}
                if not waiting:
                    break
                if attempt < TRIES - 1:
                    time.sleep(PAUSE_S * 2**attempt)
            else:
                code = failed[0]["Code"] if failed else "no answer"
                raise AwsUnavailable(f"SQS refused {len(waiting)} entries {TRIES} times: {code}")
            results += sorted(done, key=lambda each: int(each["Id"]))
        return results


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """At most ten entries, and at most BATCH_LIMIT bytes of bodies, at a time."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        length = len(entry.get("MessageBody", "").encode())
        if batch and (len(batch) == 10 or size + length > BATCH_LIMIT):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch
