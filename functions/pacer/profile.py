"""What a later run may start from: how many at once held, and what an answer took."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from nightfold.waves import Carried, Profile
from pacer.concurrency import Means, Wave, speed

BELIEVED = timedelta(days=14)


def believed(profile: Profile | None, model: str, now: datetime) -> Carried | None:
    """What an earlier run found about `model`, unless it is too old."""
    carried = profile.models.get(model) if profile is not None else None
    return carried if carried is not None and now - carried.found_at <= BELIEVED else None


def found(history: Sequence[Wave], limit: int, carried: Carried | None, run_id: str, now: datetime) -> Carried | None:
    """What an `auto` run found; None where no answer came. One with too few sites to tell keeps the number."""
    means = Means.of(history, None)
    if not means.answers:
        return None
    at_once = speed(history, None, limit, carried).at_once
    most = max((wave.at_once for wave in history if wave.calm), default=1)
    if carried is not None and all(wave.calm for wave in history) and most < carried.max_concurrency:
        most = carried.max_concurrency
    return Carried(
        max_concurrency=min(at_once, most),
        held_s=means.held_s,
        latency_s=means.latency_s,
        input_tokens=means.input_tokens,
        output_tokens=means.output_tokens,
        run_id=run_id,
        found_at=now,
    )
