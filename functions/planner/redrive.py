"""The lease of a redrive: only one runs at a time."""

import json

from nightfold.observability import log_step
from nightfold.storage import REDRIVE_LEASE_KEY, Bucket
from planner.executions import Executions


def lease(execution_id: str, bucket: Bucket, executions: Executions) -> bool:
    """Whether this execution may redrive: two at once could each hold a message of the same site."""
    mine = json.dumps({"schema_version": 1, "execution_id": execution_id}).encode()
    if bucket.put_if_absent(REDRIVE_LEASE_KEY, mine):
        return True
    held = bucket.get_with_etag(REDRIVE_LEASE_KEY)
    if held is None:
        return False  # it was there a moment ago: another execution is working on it
    holder = _holder(held[0])
    if holder == execution_id:
        return True
    if holder is None:
        log_step("plan", run_id=execution_id.rpartition(":")[2], error="UnreadableLease")
    elif not executions.over(holder, execution_id):
        return False
    # Not replaced: another execution was faster, or our own write succeeded and its response was lost.
    return bucket.replace(REDRIVE_LEASE_KEY, mine, held[1]) or bucket.get(REDRIVE_LEASE_KEY) == mine


def _holder(lease: bytes) -> str | None:
    """The execution that holds the lease; None if the lease cannot be read, which makes it free."""
    try:
        return str(json.loads(lease)["execution_id"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
