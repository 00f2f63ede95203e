"""Waves as they come out of a run, and a round that is played by `pace` alone."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from nightfold.waves import Carried, Family, Limit, Seen
from pacer.concurrency import Wave
from pacer.pace import Decision, Work, pace

MODEL = "claude-sonnet-5-5"
FOUND = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)


def limits(lowest: float = 1.0, free: float | None = None, output: float = 400_000) -> dict[Family, Limit]:
    """Of an account whose output tokens are the tightest limit."""
    return {
        "requests": Limit(per_minute=output / 400, lowest=1, last=1),
        "input-tokens": Limit(per_minute=output * 5, lowest=1, last=1),
        "output-tokens": Limit(per_minute=output, lowest=lowest, last=lowest, free=free),
    }


def seen(answered: int, **fields: Any) -> Seen:
    """Answers of 20 s, 300 and 500 tokens."""
    given: dict[str, Any] = {
        "outcomes": answered,
        "answered": answered,
        "held_s": 20.0 * answered,
        "latency_s": 20.0 * answered,
        "input_tokens": 300 * answered,
        "output_tokens": 500 * answered,
        "limits": limits(),
    }
    return Seen.model_validate(given | fields)


def wave(sites: int, max_concurrency: int, **fields: Any) -> Wave:
    """One in which every site was answered."""
    return Wave(sites, max_concurrency, seen(sites, **fields))


def failing(sites: int, max_concurrency: int, error: str, message: str = "no") -> Wave:
    """One in which every branch ended in the same error."""
    refused = {"rate_limited": 3 * sites} if error == "RateLimited" else {}
    failed = {error: sites}
    return Wave(sites, max_concurrency, Seen(outcomes=sites, failed=failed, same_message=message, **refused))


TIGHT: dict[str, Any] = {"limits": limits(output=40_000)}  # carries 25: 0.95 * 80 answers a minute * 20 s
TIGHT_RAMP = [wave(sites, sites, **TIGHT) for sites in (4, 8, 16)]


def work(left: int, **fields: Any) -> Work:
    given: dict[str, Any] = {
        "elapsed_s": 0.0,
        "model": MODEL,
        "max_concurrency": None,
        "concurrency_limit": 100,
        "request_timeout_s": 120,
    }
    return Work(left=left, **(given | fields))


def carried(max_concurrency: int, **fields: Any) -> Carried:
    given: dict[str, Any] = {"held_s": 20, "latency_s": 20, "input_tokens": 300, "output_tokens": 500}
    given |= {"run_id": "nightly-2026-11-22", "found_at": FOUND}
    return Carried(max_concurrency=max_concurrency, **(given | fields))


def play(
    sites: int,
    met: Callable[[Decision], Seen],
    earlier: Carried | None = None,
    answer_usd: float = 0.0,
    **fields: Any,
) -> tuple[list[Wave], Decision]:
    """A whole round: its waves, and the decision that ended it. A wave takes 30 s a round of branches."""
    history: list[Wave] = []
    left, elapsed_s = sites, 0.0
    while True:
        prices = [answer_usd] * left
        decision = pace(history, work(left, elapsed_s=elapsed_s, answers_usd=prices, **fields), earlier)
        if not decision.sites:
            return history, decision
        history.append(Wave(decision.sites, decision.max_concurrency, met(decision)))
        left -= decision.sites
        elapsed_s += 30.0 * -(-decision.sites // decision.max_concurrency)
