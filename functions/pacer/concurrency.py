"""How many branches at once, by what the waves so far saw.

Little's law gives what the account carries: answers per minute by its limits, less what others use of them, times how
long an answer takes. The number is doubled at most once a wave until it gets there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from nightfold.amounts import counted
from nightfold.waves import OF_LAST_TIME, START, Carried, Limit, Seen

HEADROOM = 0.95  # of what the limits allow: they hold a minute's worth, which evens out the answers' lengths
FEW_ANSWERS = 8  # an earlier run counts as so many; with fewer than these the account may carry more than it seems to
CUT = 0.7  # after rate-limit errors
LIFT = 0.25  # of a ceiling, after a calm wave at it
VISIBLE = 0.8  # a limit of which less than this remained tells what others use
LOW, VERY_LOW = 0.4, 0.2  # shares of a limit that remained
STRAINED = 0.1  # of a wave's branches: overloads, timeouts, connection errors
THROTTLED = ("Lambda.TooManyRequestsException", "KeyUnavailable")  # AWS starts no more at once, even after patience
PROBE = 3  # rounds of branches until a limit shows what a number does to it


@dataclass(frozen=True)
class Wave:
    """A wave that is over."""

    sites: int
    max_concurrency: int
    seen: Seen

    @property
    def at_once(self) -> int:
        """How many branches could run at once."""
        return min(self.sites, self.max_concurrency)

    @property
    def throttled(self) -> int:
        """Branches that AWS did not let begin."""
        return sum(self.seen.failed.get(error, 0) for error in THROTTLED)

    @property
    def refused(self) -> bool:
        return bool(self.seen.rate_limited or self.throttled)

    @property
    def calm(self) -> bool:
        """One branch in trouble is bad luck, also where it is more than a tenth of them."""
        seen = self.seen
        return bool(seen.answered) and not self.refused and seen.strained <= max(1, STRAINED * self.sites)


@dataclass(frozen=True)
class Means:
    """Of the answers so far."""

    answers: float = 0
    held_s: float = 0  # of a slot, by branches that got no answer too
    latency_s: float = 0
    input_tokens: float = 0
    output_tokens: float = 0

    @classmethod
    def of(cls, history: Sequence[Wave], carried: Carried | None) -> Self:
        """An earlier run counts as a few answers."""
        means = cls()
        if carried is not None:
            means = cls(FEW_ANSWERS, carried.held_s, carried.latency_s, carried.input_tokens, carried.output_tokens)
        for wave in history:
            means = means.with_those_of(wave.seen)
        return means

    def with_those_of(self, seen: Seen) -> Self:
        """Rate-limit errors make branches wait, which says nothing about how long a slot is needed."""
        if not seen.answered:
            return self
        answers = self.answers + seen.answered

        def mean(so_far: float, more: float) -> float:
            return (so_far * self.answers + more) / answers

        return type(self)(
            answers,
            mean(self.held_s, seen.latency_s if seen.rate_limited else seen.held_s),
            mean(self.latency_s, seen.latency_s),
            mean(self.input_tokens, seen.input_tokens),
            mean(self.output_tokens, seen.output_tokens),
        )


@dataclass(frozen=True)
class Speed:
    """What the next wave may have at once, and why. `rounds`: how many rounds of branches it has before the next look;
    None where the number has held. `ceiling`: where trouble began."""

    at_once: int
    why: str
    rounds: int | None = None
    ceiling: float | None = None


def speed(history: Sequence[Wave], fixed: int | None, limit: int, carried: Carried | None) -> Speed:
    """After `history`. `fixed` is a number that the configuration sets, `limit` what `auto` never passes."""
    if fixed is not None:
        return Speed(fixed, f"max_concurrency is {fixed}")
    now, means = _start(limit, carried), Means.of((), carried)
    good = now.at_once if carried is None else min(carried.max_concurrency, limit)
    for number, wave in enumerate(history):
        means = means.with_those_of(wave.seen)
        now = _after(wave, now, means, limit, unseen=now.at_once if number else good)
    return now


def _start(limit: int, carried: Carried | None) -> Speed:
    if carried is None:
        at_once = min(START, limit)
        return Speed(at_once, f"a start with {at_once}")
    good = min(carried.max_concurrency, limit)
    at_once = min(good, max(START, int(OF_LAST_TIME * good)))
    why = f"a start with {at_once}: run {carried.run_id} could have {good}"
    return Speed(at_once, why, ceiling=good) if carried.limited else Speed(at_once, why, rounds=1)


def _after(wave: Wave, now: Speed, means: Means, limit: int, unseen: int) -> Speed:
    """`unseen`: how many there may be after a wave that was answered and had too few sites to try a number."""
    seen, at_once = wave.seen, now.at_once
    alone, shared = (carries(means, seen, shared=each) for each in (False, True))
    if wave.refused:
        ceiling = max(1, at_once - 1)
        cut = max(1, min(ceiling, int(CUT * min(at_once, shared or at_once))))
        errors = counted(seen.rate_limited, "rate-limit error") + " (429)"
        aws = f"AWS throttled {counted(wave.throttled, 'branch')}"
        return Speed(cut, _said(at_once, cut, errors if seen.rate_limited else aws), ceiling=ceiling)
    if not wave.calm:
        why = _said(at_once, at_once, "too many timeouts, overloads or connection errors to have more")
        return replace(now, why=why, rounds=PROBE)
    if wave.at_once < at_once:
        kept = min(unseen, alone or unseen)
        return replace(now, at_once=kept, why=_said(at_once, kept, "calls are answered"))
    if alone is None or shared is None:
        return _grown(_lifted(now), at_once + 1, limit, "no rate-limit headers, and no trouble")
    lowest = min(each.lowest for each in seen.limits.values())
    if shared < alone:
        wanted = max(1, int(CUT * shared)) if lowest < VERY_LOW else shared
        why, now = f"others use the account, which has room for {shared}", replace(now, ceiling=shared)
    else:
        wanted, why, now = alone, f"the account carries {alone}", _lifted(now)
    if means.answers < FEW_ANSWERS:
        wanted = max(wanted, at_once + 1)
    if lowest < LOW and wanted > at_once:
        wanted = at_once
        why = f"{lowest:.0%} of a limit remained"
    return _grown(now, min(2 * at_once, wanted), limit, why)


def _lifted(now: Speed) -> Speed:
    if now.ceiling is None or now.at_once < int(now.ceiling):
        return now
    return replace(now, ceiling=now.ceiling + max(1, LIFT * now.ceiling))


def _grown(now: Speed, wanted: int, limit: int, why: str) -> Speed:
    at_once = max(1, min(wanted, limit, *([int(now.ceiling)] if now.ceiling is not None else [])))
    growth = at_once / now.at_once
    # On the way up one round of branches has to do: there is little to be seen of a limit that is far away.
    rounds = None if growth <= 1.15 else 1 if growth > 1.75 and at_once > PROBE else PROBE
    return Speed(at_once, _said(now.at_once, at_once, why), rounds, now.ceiling)


def carries(means: Means, seen: Seen, *, shared: bool) -> int | None:
    """How many the account carries at once, by `seen`'s headers; `shared`: less what others use. None without headers.

    Slots that wait for calls that hang leave room for more, but never for more than if none of them hung.
    """
    uses = {"requests": 1.0, "input-tokens": means.input_tokens, "output-tokens": means.output_tokens}
    rates = [_room(limit, shared=shared) / uses[family] for family, limit in seen.limits.items() if uses[family]]
    if not rates:
        return None
    per_second = min(rates) / 60
    return max(1, min(int(HEADROOM * per_second * means.held_s), int(per_second * means.latency_s)))


def _room(limit: Limit, *, shared: bool) -> float:
    return limit.per_minute if not shared or limit.free is None or limit.lowest >= VISIBLE else limit.free


def _said(before: int, after: int, why: str) -> str:
    if after > before:
        return f"{'doubled' if after == 2 * before else f'raised from {before}'} to {after}: {why}"
    return f"still {after}: {why}" if after == before else f"lowered from {before} to {after}: {why}"
