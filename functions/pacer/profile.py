"""What a later run may start from: how many at once held, and what an answer took."""

from collections.abc import Sequence
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from nightfold.observability import log_step
from nightfold.storage import PROFILE_KEY, Bucket
from nightfold.waves import Carried, read_profile
from pacer.concurrency import Means, Wave, speed


def found(history: Sequence[Wave], limit: int, carried: Carried | None, run_id: str, now: datetime) -> Carried | None:
    """What an `auto` run found; None where no answer came. One with too few sites to tell keeps the number."""
    means = Means.of(history, None)
    if not means.answers:
        return None
    at_once = speed(history, None, limit, carried).at_once
    most = max((wave.at_once for wave in history if wave.calm), default=1)
    limited = most >= at_once or any(wave.seen.rate_limited for wave in history)
    if carried is not None and all(wave.calm for wave in history) and most < carried.max_concurrency:
        most, limited = carried.max_concurrency, carried.limited
    return Carried(
        max_concurrency=min(at_once, most),
        limited=limited,
        held_s=means.held_s,
        latency_s=means.latency_s,
        input_tokens=means.input_tokens,
        output_tokens=means.output_tokens,
        run_id=run_id,
        found_at=now,
    )


def note(carried: Carried | None, bucket: Bucket, model: str, *, simulated: bool) -> None:
    """Best effort: if the note is lost, a later run needs a few waves more."""
    if carried is None:
        return
    try:
        current = bucket.get_with_etag(PROFILE_KEY)
        profile = read_profile(current[0] if current is not None else None)
        profile.of(simulated=simulated)[model] = carried
        document = profile.model_dump_json(indent=2).encode()
        if current is None:
            bucket.put_if_absent(PROFILE_KEY, document)
        else:
            bucket.replace(PROFILE_KEY, document, current[1])
    except (BotoCoreError, ClientError):
        log_step("pace", run_id=carried.run_id, error="ProfileNotNoted")
