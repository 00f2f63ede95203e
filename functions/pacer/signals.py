"""What a wave saw, from the records of its branches. Counts and headers, no texts.

What others use of the account is in no header, but in the balance: between two answers a limit's `remaining` rises by
what refills it, less what others and this run have used. While it is full some of the refill is lost, so a stretch that
begins after the last time it was full tells how much is free; the higher of two such stretches counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from nightfold.waves import Family, Limit, Seen

STRAIN = frozenset({"Overloaded", "NetworkError", "ModelTimeout", "Sandbox.Timedout", "States.Timeout"})
FAMILIES: tuple[Family, ...] = get_args(Family)
FULL = 0.97  # from here on a limit tells nothing about others: what is refilled runs over
ANSWERS_TO_TELL = 8  # that a stretch needs, or its balance is noise


@dataclass(frozen=True, slots=True)
class Remaining:
    """One limit in the headers of one answer."""

    limit: float
    remaining: float


@dataclass(frozen=True, slots=True)
class Branch:
    """How one branch ended, as far as the pace depends on it. An answer has no `error`."""

    error: str | None = None
    message: str = ""
    earlier_errors: Sequence[str] = ()
    ended_s: float = 0.0  # on any clock, the same for all branches
    held_s: float = 0.0  # from its first call to its end, waits included
    latency_s: float = 0.0  # of the call that was answered
    input_tokens: int = 0
    output_tokens: int = 0
    headers: Mapping[Family, Remaining] | None = None


def see(branches: Sequence[Branch]) -> Seen:
    """`branches` are those that left an outcome, in any order."""
    answers = sorted((each for each in branches if each.error is None), key=lambda each: each.ended_s)
    failures = [each for each in branches if each.error is not None]
    messages = {each.message for each in failures}
    failed: dict[str, int] = {}
    for each in failures:
        failed[each.error or ""] = failed.get(each.error or "", 0) + 1
    errors = [error for each in branches for error in (*each.earlier_errors, each.error)]
    limits = {family: _limit(family, answers) for family in FAMILIES}
    return Seen(
        outcomes=len(branches),
        answered=len(answers),
        failed=failed,
        same_message=messages.pop() if len(messages) == 1 else None,
        rate_limited=errors.count("RateLimited"),
        strained=sum(any(error in STRAIN for error in (*each.earlier_errors, each.error)) for each in branches),
        held_s=sum(each.held_s for each in branches),
        latency_s=sum(each.latency_s for each in answers),
        input_tokens=sum(each.input_tokens for each in answers),
        output_tokens=sum(each.output_tokens for each in answers),
        limits={family: limit for family, limit in limits.items() if limit is not None},
    )


def _limit(family: Family, answers: Sequence[Branch]) -> Limit | None:
    """None where no header named it."""
    readings = [(each.ended_s, each.headers[family]) for each in answers if each.headers and family in each.headers]
    if not readings or not readings[-1][1].limit:
        return None
    most = readings[-1][1].limit
    shares = [min(1.0, max(0.0, header.remaining / most)) for _, header in readings]
    lowest = min(range(len(readings)), key=shares.__getitem__)
    charges = _charges(family, answers)
    full = [number for number, share in enumerate(shares) if share >= FULL]
    balances = [
        _balance(readings[start], readings[end], charges)
        for end in {lowest, len(readings) - 1}
        for start in (max((number for number in full if number < end), default=0),)
        if end - start >= ANSWERS_TO_TELL
    ]
    known = [balance for balance in balances if balance is not None]
    return Limit(per_minute=most, lowest=shares[lowest], last=shares[-1], free=min(most, max(known)) if known else None)


def _charges(family: Family, answers: Sequence[Branch]) -> list[tuple[float, float]]:
    """When each answer was charged to a limit, and how much: output when it is written, the rest on arrival."""
    if family == "output-tokens":
        return [(each.ended_s, each.output_tokens) for each in answers]
    return [(each.ended_s - each.latency_s, 1 if family == "requests" else each.input_tokens) for each in answers]


def _balance(
    start: tuple[float, Remaining], end: tuple[float, Remaining], charges: Sequence[tuple[float, float]]
) -> float | None:
    """What was free per minute between two answers."""
    (since_s, before), (until_s, after) = start, end
    if until_s - since_s < 1:
        return None
    ours = sum(amount for at_s, amount in charges if since_s < at_s <= until_s)
    return max(0.0, (ours + after.remaining - before.remaining) / (until_s - since_s) * 60)
