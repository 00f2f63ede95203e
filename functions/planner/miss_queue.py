"""The miss queue, as the planner uses it: it receives and never deletes.

A message is first hidden only for as long as the planner itself may take; once the plan that names it is stored, it is
hidden for the rest of the run. If the planner stops in between, its messages are visible again within minutes.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import batched
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from nightfold.errors import AwsUnavailable
from nightfold.storage import CALLS

PLANNING_S = 300  # the planner's Timeout in template.yaml; after a kill PlanRun waits longer before it tries again
RUN_S = 25_200  # the queue's VisibilityTimeout in template.yaml
LONG_POLL_S = 1  # asks all of SQS's servers, so that an empty answer means an empty queue


@dataclass(frozen=True)
class Received:
    """One message, not parsed yet."""

    message_id: str
    receipt_handle: str
    body: str


class MissQueue:
    """One SQS queue."""

    def __init__(self, url: str, client: Any = None) -> None:
        self.url = url
        self._sqs = client or boto3.client("sqs", config=CALLS)

    def receive(self, at_most: int) -> Iterator[Received]:
        """The waiting messages, at most `at_most`. Each is hidden for PLANNING_S seconds."""
        count = 0
        while count < at_most:
            response = self._sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=PLANNING_S,
                WaitTimeSeconds=LONG_POLL_S,
            )
            messages = response.get("Messages", [])
            if not messages:
                break
            for message in messages:
                count += 1
                yield Received(message["MessageId"], message["ReceiptHandle"], message["Body"])

    def keep(self, receipt_handles: Iterable[str]) -> None:
        """Hide the messages for the whole run."""
        self._hide(receipt_handles, RUN_S)

    def give_back(self, receipt_handles: Iterable[str]) -> None:
        """Make the messages visible again. Where SQS fails they are within PLANNING_S seconds."""
        with suppress(BotoCoreError, ClientError, AwsUnavailable):
            self._hide(receipt_handles, 0)

    def _hide(self, receipt_handles: Iterable[str], seconds: int) -> None:
        for batch in batched(receipt_handles, 10, strict=False):
            entries = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                for number, handle in enumerate(batch)
            ]
            response = self._sqs.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)
            # A sender's fault is a message that is visible again or gone: nothing to repeat.
            failed = [entry["Code"] for entry in response.get("Failed", []) if not entry["SenderFault"]]
            if failed:
                raise AwsUnavailable(f"{len(failed)} messages could not be hidden: {failed[0]}")
