"""What happens next in a run: a pure function of what its waves so far saw.

It decides how many of the sites that are left begin now, in their order, and how many of them at once; or that none
begins any more, and why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from nightfold.amounts import dollars
from nightfold.budget import cost_usd
from nightfold.waves import CANARY, KNOWN_CANARY, ONE_WAVE, Carried, Stop
from pacer.concurrency import Means, Speed, Wave, speed
from pacer.stopping import affordable, rounds_in_time, useless

LONG_S = 300  # a first wave at a number that has held; each calm one doubles it
KNOWN_LONG_S = 900  # where an earlier run went well
REST = 2  # so many times as long may a wave be that leaves nothing
UNKNOWN_S = 30  # for an answer, while there is none to go by


@dataclass(frozen=True)
class Work:
    """What is left of a round, and the run's bounds."""

    left: int  # sites
    elapsed_s: float  # since the execution began
    model: str
    max_concurrency: int | None  # None: auto
    concurrency_limit: int
    request_timeout_s: float
    cost_ceiling_usd: float | None = None
    answers_usd: Sequence[float] = ()  # under a ceiling: an answer of full length, for each site that is left


@dataclass(frozen=True)
class Decision:
    """The next wave: the first `sites` of those that are left. None where `stop` says why, or where none are left."""

    sites: int
    max_concurrency: int
    why: str
    stop: Stop | None = None


def pace(history: Sequence[Wave], work: Work, carried: Carried | None = None) -> Decision:
    """`history`: all waves of the run, both rounds. `carried`: what an earlier run found about the model."""
    now = speed(history, work.max_concurrency, work.concurrency_limit, carried)
    if not work.left:
        return Decision(0, now.at_once, "no sites are left")
    if stop := useless(history):
        return _stopped(now, stop)
    wanted = min(work.left, _length(history, work, now, carried))
    in_time = now.at_once * rounds_in_time(work.elapsed_s, work.request_timeout_s)
    if not in_time:
        return _stopped(now, Stop(reason="network", message="no further wave could end before the run's time limit"))
    sites, why = min(wanted, in_time), now.why
    if work.cost_ceiling_usd is not None:
        spent = spent_usd(history, work.model) or 0.0
        paid = affordable(spent, work.cost_ceiling_usd, work.answers_usd[:sites])
        if not paid:
            return _stopped(now, _too_expensive(spent, work.cost_ceiling_usd, work.answers_usd[0]))
        if paid < sites:
            left = dollars(work.cost_ceiling_usd - spent, exact=True)
            sites, why = paid, f"{why}; a small wave: {left} of the ceiling is left"
    return Decision(sites, now.at_once if work.max_concurrency is not None else min(now.at_once, sites), why)


def spent_usd(history: Sequence[Wave], model: str) -> float | None:
    """By the tokens of all answers so far; None where the model's price is not known."""
    return cost_usd(
        model,
        sum(wave.seen.input_tokens for wave in history),
        sum(wave.seen.output_tokens for wave in history),
    )


def _length(history: Sequence[Wave], work: Work, now: Speed, carried: Carried | None) -> int:
    """How many sites a wave should have. A barrier costs the time of its slowest branch: few, once the number holds."""
    canary = CANARY if carried is None else KNOWN_CANARY
    if not history:
        return work.left if work.left <= ONE_WAVE else canary
    if not history[-1].seen.answered:
        return CANARY
    if work.max_concurrency is not None:
        return work.left
    if now.rounds is not None:
        return now.rounds * now.at_once
    each_s = Means.of(history, carried).held_s or UNKNOWN_S
    long = now.at_once * ceil((LONG_S if carried is None else KNOWN_LONG_S) * 2 ** _calm(history) / each_s)
    return work.left if work.left <= REST * long else long


def _calm(history: Sequence[Wave]) -> int:
    """Long waves without trouble since the last rate-limit error."""
    calm = 0
    for wave in history:
        if wave.seen.rate_limited:
            calm = 0
        elif wave.calm and wave.sites > 4 * wave.max_concurrency:
            calm += 1
    return calm


def _too_expensive(spent: float, ceiling: float, answer: float) -> Stop:
    return Stop(
        reason="unknown",
        message=f"cost_ceiling_usd is {dollars(ceiling, exact=True)}, {dollars(spent, exact=True)} of it is spent, and "
        f"one more answer may cost {dollars(answer, exact=True)}: the other sites need a higher ceiling",
    )


def _stopped(now: Speed, stop: Stop) -> Decision:
    return Decision(0, now.at_once, stop.message, stop)
