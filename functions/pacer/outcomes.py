"""What a wave left in the bucket, as the pacer needs it: counts, times and headers, no texts."""

import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from math import inf

from botocore.exceptions import ClientError

from nightfold.errors import refused
from nightfold.failure_message import read_caught
from nightfold.storage import Bucket, outcome_key
from nightfold.stored import read_outcome
from nightfold.waves import Family, Seen
from pacer.signals import FAMILIES, Branch, Remaining, see

READERS = 16  # outcomes that are read at once


def look_at(bucket: Bucket, run_id: str, round_: int, site_ids: Iterable[str]) -> Seen:
    """What the wave of these sites saw. An outcome that is missing or cannot be read is none."""

    def branch(site_id: str) -> Branch | None:
        try:
            return _branch(bucket.get(outcome_key(run_id, round_, site_id)))
        except ClientError as error:
            if not refused(error):
                raise  # S3 fails: the step runs again
            return None

    with ThreadPoolExecutor(READERS) as readers:
        return see([found for found in readers.map(branch, site_ids) if found is not None])


def _branch(document: bytes | None) -> Branch | None:
    outcome = read_outcome(document)
    if outcome is None:
        return None
    ended_s = outcome.ended_at.timestamp() if outcome.ended_at is not None else 0.0
    held_s = max(0.0, ended_s - outcome.started_at.timestamp()) if outcome.started_at is not None and ended_s else 0.0
    if (answer := outcome.answer) is not None:
        return Branch(
            earlier_errors=answer.earlier_errors,
            ended_s=ended_s,
            held_s=held_s or answer.latency_ms / 1_000,
            latency_s=answer.latency_ms / 1_000,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            headers=_limits(answer.rate_limits),
        )
    if outcome.failure is None:
        return None
    caught = read_caught(outcome.failure.caught)
    return Branch(
        error=caught.error,
        message=caught.message,
        earlier_errors=caught.earlier_errors,
        ended_s=ended_s,
        held_s=held_s,
    )


def _limits(headers: Mapping[str, str]) -> dict[Family, Remaining]:
    """`anthropic-ratelimit-<family>-{limit,remaining}` of one answer, where both are numbers."""
    found: dict[Family, Remaining] = {}
    for family in FAMILIES:
        limit, remaining = (
            _number(headers.get(f"anthropic-ratelimit-{family}-{part}")) for part in ("limit", "remaining")
        )
        if limit < inf and remaining < inf:
            found[family] = Remaining(limit, remaining)
    return found


def _number(header: str | None) -> float:
    """A server sends what it likes: infinite where it is not a plain number."""
    return float(header) if header is not None and re.fullmatch(r"[0-9]{1,12}", header) else inf
