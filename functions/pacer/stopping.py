"""When no further wave begins, although sites are left: going on would be useless, too expensive or too late."""

from collections.abc import Sequence
from itertools import accumulate, takewhile

from nightfold.budget import CALLS_PER_ROUND
from nightfold.waves import RESERVE_S, RUN_S, Stop
from pacer.concurrency import Wave

WAIT_S = 45  # what the waits between a branch's calls take in the mean, of 90 s at most
MARGIN_S = 90  # by which the last branch may be later than the mean
CALL_S = 2  # of Lambda and Step Functions, on top of the call itself
FINAL = {"AccessDenied", "SpendLimitReached"}

_ADVICE = {
    "AccessDenied": "the API refused the key: check it and the account, then run again",
    "SpendLimitReached": "the account may not spend more: raise its limit, then run again",
}


def useless(history: Sequence[Wave]) -> Stop | None:
    """By what the last waves met."""
    if not history:
        return None
    last = history[-1]
    seen = last.seen
    if not seen.outcomes:
        return Stop(reason="network", message="a whole wave left no outcome: the Map itself failed")
    if sum(seen.failed.values()) < last.sites:
        return None
    met = set(seen.failed)
    if met <= FINAL:
        return Stop(reason="unknown", message=f"every call of a wave failed; {_ADVICE[min(met)]}")
    if met == {"RateLimited"} and last.max_concurrency == 1:
        return Stop(reason="network", message="only rate-limit errors (429), even with one call at a time")
    if _rejected(last) and len(history) > 1 and _rejected(history[-2]) == _rejected(last):
        message = f"every request of two waves was rejected with the same message: {seen.same_message}"
        return Stop(reason="unknown", message=message)
    return None


def _rejected(wave: Wave) -> str | None:
    """The message with which all of a wave's requests were rejected."""
    every = wave.seen.failed.get("RequestRejected") == wave.sites
    return wave.seen.same_message if every else None


def affordable(spent_usd: float, ceiling_usd: float, answers_usd: Sequence[float]) -> int:
    """How many of the next sites the ceiling has room for, one answer of full length each."""
    spent = accumulate(answers_usd, initial=spent_usd)
    next(spent)
    return sum(1 for _ in takewhile(lambda total: total <= ceiling_usd, spent))


def rounds_in_time(elapsed_s: float, request_timeout_s: float) -> int:
    """How many branches one after the other would end in time, even if each of their calls timed out."""
    branch_s = CALLS_PER_ROUND * (request_timeout_s + CALL_S) + WAIT_S
    return max(0, int((RUN_S - RESERVE_S - MARGIN_S - elapsed_s) / branch_s))
