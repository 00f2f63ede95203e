"""The morning run's part of the plan: one at a time, and one branch per site."""

import json
from collections.abc import Iterable
from datetime import datetime

from pydantic import ValidationError

from nightfold.contract import ForeignMessage, Miss, WaitingMessage
from nightfold.observability import log_step
from nightfold.sites import Site
from nightfold.storage import REDRIVE_LEASE_KEY, Bucket
from nightfold.text import one_line
from planner.executions import Executions
from planner.miss_queue import Received


def lease(execution_id: str, bucket: Bucket, executions: Executions) -> bool:
    """Whether this execution may redrive: two at a time could each hold a message of the same site."""
    mine = json.dumps({"schema_version": 1, "execution_id": execution_id}).encode()
    if bucket.put_if_absent(REDRIVE_LEASE_KEY, mine):
        return True
    held = bucket.get_with_etag(REDRIVE_LEASE_KEY)
    if held is None:
        return False  # it was there a moment ago: somebody is at work on it
    holder = _holder(held[0])
    if holder == execution_id:
        return True
    if holder is None:
        log_step("plan", run_id=execution_id.rpartition(":")[2], error="UnreadableLease")
    elif not executions.over(holder, execution_id):
        return False
    # Not replaced: somebody was faster, or an own write succeeded whose response was lost.
    return bucket.replace(REDRIVE_LEASE_KEY, mine, held[1]) or bucket.get(REDRIVE_LEASE_KEY) == mine


def _holder(lease: bytes) -> str | None:
    """The execution that holds the lease; None where that cannot be read, and then it is free."""
    try:
        return str(json.loads(lease)["execution_id"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def sort_messages(
    received: Iterable[Received],
) -> tuple[list[Site], dict[str, list[WaitingMessage]], list[ForeignMessage]]:
    """Sites to collect (as the newest of their messages describes them), their messages, and what is no miss."""
    newest: dict[str, tuple[datetime, Site]] = {}  # not the misses themselves: ten thousand raw answers are 200 MB
    messages: dict[str, list[WaitingMessage]] = {}
    foreign: list[ForeignMessage] = []
    for message in received:
        try:
            miss = Miss.model_validate_json(message.body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            foreign.append(
                ForeignMessage(
                    message_id=message.message_id,
                    receipt_handle=message.receipt_handle,
                    body=message.body,
                    explanation=one_line(
                        f"not a miss of Nightfold: {'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}"
                    ),
                )
            )
            continue
        site_id = miss.site.site_id
        messages.setdefault(site_id, []).append(
            WaitingMessage(message_id=message.message_id, receipt_handle=message.receipt_handle)
        )
        if site_id not in newest or newest[site_id][0] < miss.missed_at:
            newest[site_id] = (miss.missed_at, miss.site)
    return [site for _, site in newest.values()], messages, foreign
