"""The account's rate limits, as token buckets that refill continuously.

Requests and input tokens are charged on arrival. Output tokens are charged when the answer is written, by
their real number: `max_tokens` does not count, so many concurrent calls can overdraw that bucket, and
the next call is refused.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from infra.messages_api.scenario import Limits


class TokenBucket:
    """Holds one minute's quota, and refills by a sixtieth of it each second (of simulated time)."""

    def __init__(self, per_minute: int, *, speed: float, clock: Callable[[], float]) -> None:
        self.per_minute = per_minute
        self._level = float(per_minute)
        self._per_second = per_minute / 60 * speed
        self._clock = clock
        self._filled_at = clock()

    def level(self) -> float:
        """The tokens in it now; below zero when it is overdrawn."""
        now = self._clock()
        self._level = min(self.per_minute, self._level + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        return self._level

    def seconds_until(self, amount: float) -> float:
        return max(0.0, (amount - self.level()) / self._per_second)

    def spend(self, amount: float) -> None:
        self._level = self.level() - amount


@dataclass(frozen=True, slots=True)
class Exceeded:
    """The limit that a call would have exceeded, and when to retry (in real seconds)."""

    limit: str
    retry_after_s: float


class RateLimits:
    """All limits of one account. Safe to share between threads."""

    def __init__(self, limits: Limits, *, speed: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = Lock()
        self._requests, self._input, self._output = (
            TokenBucket(per_minute, speed=speed, clock=clock)
            for per_minute in (
                limits.requests_per_minute,
                limits.input_tokens_per_minute,
                limits.output_tokens_per_minute,
            )
        )

    def admit(self, input_tokens: int) -> Exceeded | None:
        """Admit one call and charge it, or return the limit that it would exceed and charge nothing."""
        with self._lock:
            for bucket, needed, unit in (
                (self._requests, 1, "requests"),
                (self._input, input_tokens, "input tokens"),
                (self._output, 1, "output tokens"),
            ):
                if wait_s := bucket.seconds_until(needed):
                    return Exceeded(f"{bucket.per_minute:,} {unit} per minute", wait_s)
            self._requests.spend(1)
            self._input.spend(input_tokens)
            return None

    def spend_output(self, tokens: int) -> None:
        with self._lock:
            self._output.spend(tokens)

    def headers(self) -> dict[str, str]:
        """The `anthropic-ratelimit-*` family: tokens in thousands, as the real API rounds them."""
        with self._lock:
            families = {
                "requests": (self._requests,),
                "tokens": (self._input, self._output),
                "input-tokens": (self._input,),
                "output-tokens": (self._output,),
            }
            now = time.time()
            headers: dict[str, str] = {}
            for family, buckets in families.items():
                remaining = sum(max(0.0, bucket.level()) for bucket in buckets)
                full_at = now + max(bucket.seconds_until(bucket.per_minute) for bucket in buckets)
                prefix = f"anthropic-ratelimit-{family}"
                headers[f"{prefix}-limit"] = str(sum(bucket.per_minute for bucket in buckets))
                headers[f"{prefix}-remaining"] = str(int(remaining if family == "requests" else round(remaining, -3)))
                headers[f"{prefix}-reset"] = datetime.fromtimestamp(full_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            return headers
