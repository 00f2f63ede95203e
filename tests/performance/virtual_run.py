"""A run in virtual seconds: the Map's slots, the calls, the account's limits and the retrier, and nothing else.

The limits are the simulated API's own code, and so are the latencies' distribution and the `retry-after` header. What
a call takes and writes depends on seed, site and number of the call alone, so that two settings are compared on the
same run. A branch holds its slot during its calls and during the waits between them, as it does in Step Functions.
`simulation` plays one of these runs on the real state machine too, and compares.
"""

import heapq
import json
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import exp
from pathlib import Path
from random import Random
from typing import Any, Literal, Protocol

from infra.messages_api.rate_limits import RateLimits
from infra.messages_api.scenario import Latency, Limits
from infra.messages_api.simulated_errors import retry_headers
from nightfold.budget import CALLS_PER_ROUND, regeneration_branches, share
from nightfold.settings import RunConfiguration

STATE_MACHINE = Path(__file__).parents[2] / "infra" / "statemachine" / "nightly.asl.json"
ENTRY_TIER = Limits()
LATENCY_S = Latency(median=20, sigma=0.6)
ANSWER_TOKENS = Latency(median=500, sigma=0.5)  # log-normal as well, whatever its unit
INPUT_TOKENS = 300  # of a prompt with a brief of usual length


class Policy(Protocol):
    """How long a branch waits before retry `number` (1 or 2), and in which words a person knows this."""

    @property
    def name(self) -> str: ...
    def wait_s(self, number: int, retry_after_s: float | None, rng: Random) -> float: ...


@dataclass(frozen=True)
class Retrier:
    """A retrier as Step Functions has it: interval, growth, cap and jitter."""

    interval_s: int
    rate: float
    max_delay_s: int
    jitter: Literal["NONE", "FULL"] = "FULL"

    @property
    def name(self) -> str:
        return f"{self.interval_s}/{self.rate:g}/{self.max_delay_s} {self.jitter}"

    @property
    def delays_s(self) -> tuple[float, ...]:
        """Before the first and the second retry, jitter aside: two retries are all there is to a retrier."""
        return tuple(min(self.interval_s * self.rate**n, self.max_delay_s) for n in range(CALLS_PER_ROUND - 1))

    def wait_s(self, number: int, retry_after_s: float | None, rng: Random) -> float:  # noqa: ARG002 - it cannot see it
        delay_s = self.delays_s[number - 1]
        return rng.uniform(0, delay_s) if self.jitter == "FULL" else delay_s


@dataclass(frozen=True)
class RetryAfter:
    """What a Wait state could do: as long as the header says, bounded, and a little more so that those who were refused
    together do not come back together. Errors without the header are left to a retrier."""

    bound_s: float
    more_s: float
    otherwise: Retrier

    @property
    def name(self) -> str:
        return f"retry-after ≤ {self.bound_s:g} s" + (f" + 0…{self.more_s:g} s" if self.more_s else "")

    def wait_s(self, number: int, retry_after_s: float | None, rng: Random) -> float:
        if retry_after_s is None:
            return self.otherwise.wait_s(number, None, rng)
        return min(retry_after_s, self.bound_s) + rng.uniform(0, self.more_s)


def definition(path: Path = STATE_MACHINE) -> Any:
    return json.loads(path.read_text())


def network_retrier(machine: Any) -> dict[str, Any]:
    """Of the network bucket, in a parsed definition; the very entry, so that it can be changed there."""
    retriers = machine["States"]["CollectSites"]["ItemProcessor"]["States"]["CollectSite"]["Retry"]
    [found] = [each for each in retriers if "RateLimited" in each["ErrorEquals"]]
    if found["MaxAttempts"] != CALLS_PER_ROUND - 1:
        raise ValueError(f"MaxAttempts {found['MaxAttempts']}: a branch makes {CALLS_PER_ROUND} calls at most")
    entry: dict[str, Any] = found
    return entry


def retrier_in(machine: Any) -> Retrier:
    entry = network_retrier(machine)
    return Retrier(
        entry["IntervalSeconds"], entry["BackoffRate"], entry["MaxDelaySeconds"], entry.get("JitterStrategy", "NONE")
    )


@dataclass(frozen=True)
class Outage:
    """Every call that arrives within it gets a 529."""

    begins_s: float
    lasts_s: float

    def strikes(self, now: float) -> bool:
        return self.begins_s <= now < self.begins_s + self.lasts_s


@dataclass(frozen=True)
class Setting:
    """What a run is given. The defaults are Nightfold's and the entry tier's."""

    sites: int = 400
    concurrency: int = RunConfiguration().max_concurrency
    output_token_budget: int = RunConfiguration().output_token_budget
    limits: Limits = ENTRY_TIER
    policy: Policy = field(default_factory=lambda: retrier_in(definition()))
    outage: Outage | None = None
    latency: Latency = LATENCY_S
    output_tokens: Latency = ANSWER_TOKENS
    input_tokens: int = INPUT_TOKENS
    request_timeout_s: float = RunConfiguration().request_timeout_s
    hiccups: float = 0.0  # the share of calls that get a 529 for no reason
    hanging: float = 0.0  # the share of sites whose calls are never answered
    used_elsewhere: float = 0.0  # the share of every limit that others use, all the time
    bucket_s: float = 60  # how many seconds' worth of the limits can be saved up
    refused_s: float = 0.1  # a 429 or 529 is a Lambda call even though nothing is generated
    overhead_s: float = 0.0  # what the state machine takes for a branch, on top of its calls and waits


@dataclass(frozen=True)
class RunFigures:
    """How it went. Seconds are virtual."""

    sites: int
    lost: int  # three calls failed, or two answers were cut
    hung: int  # of the lost ones: none of their calls is ever answered
    duration_s: float
    calls: int
    rate_limited: int  # 429
    overloaded: int  # 529
    timed_out: int
    truncated: int
    output_tokens: int
    peak: int  # slots taken at one moment
    waited_s: float  # by all slots together, between calls
    most_calls: int  # of one site in one round
    longest_retry_after_s: float  # that a 429 named

    @property
    def wasted(self) -> int:
        """Calls that gained nothing."""
        return self.calls - (self.sites - self.lost)


@dataclass(frozen=True)
class Draw:
    """What one call takes and writes, unless it is refused."""

    latency_s: float
    output_tokens: int
    luck: float  # below the share of hiccups it gets a 529


def draw(setting: Setting, seed: int, site: int, number: int) -> Draw:
    """`number` counts the calls of the site that were let in."""
    rng = Random(f"{seed}/{site}/{number}")
    return Draw(setting.latency.draw(rng), max(1, round(setting.output_tokens.draw(rng))), rng.random())


def mean(distribution: Latency) -> float:
    """Of a log-normal distribution, whose median is lower."""
    return distribution.median * exp(distribution.sigma**2 / 2)


def demand(setting: Setting) -> Limits:
    """What the run asks per minute while all its slots are busy and nothing refuses it."""
    requests = 60 * setting.concurrency / (mean(setting.latency) + setting.overhead_s)
    return Limits(
        requests_per_minute=round(requests),
        input_tokens_per_minute=round(requests * setting.input_tokens),
        output_tokens_per_minute=round(requests * mean(setting.output_tokens)),
    )


def scaled(limits: Limits, factor: float) -> Limits:
    """An account that has room for this share of `limits`, in every respect."""
    return Limits(**{name: max(1, round(value * factor)) for name, value in limits})


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class Branch:
    """One site's way through the Map, as far as it has come."""

    site: int
    began_s: float = 0.0
    calls: int = 0
    latency_s: float = 0.0  # of the newest call
    errors: list[str] = field(default_factory=list)  # of the calls that failed, by the state machine's names


class VirtualRun:
    """One run, event after event."""

    def __init__(self, setting: Setting, seed: int, luck: int = 0) -> None:
        """`seed` draws what the calls are, `seed` and `luck` the jitter."""
        self._setting, self._seed = setting, seed
        self._clock = _Clock()
        minute = setting.bucket_s / 60  # the buckets hold one minute's worth, so theirs is made shorter
        # What others use never comes in: the bucket refills by so much less, and `limit` in the headers stays.
        left = 1 - setting.used_elsewhere
        self._limits = RateLimits(scaled(setting.limits, minute), speed=left / minute, clock=self._clock)
        self._rng = Random(f"{seed}/{luck}/waits")
        self._let_in = [0] * setting.sites
        hanging = round(setting.sites * setting.hanging)
        self._hanging = frozenset(Random(f"{seed}/hangs").sample(range(setting.sites), hanging))
        self._events: list[tuple[float, int, str, Branch, Any]] = []
        self._scheduled = 0
        self._counts = dict.fromkeys(
            ("lost", "hung", "calls", "rate_limited", "overloaded", "timed_out", "truncated", "output_tokens", "peak"),
            0,
        )
        self._most_calls, self._waited_s, self._longest_retry_after_s = 0, 0.0, 0.0

    def play(self) -> RunFigures:
        """Both rounds: answers that were cut are asked for once more, at most half as many at once."""
        setting = self._setting
        at_once = min(setting.sites, setting.concurrency)
        cut = self._round(range(setting.sites), at_once, share(setting.output_token_budget, at_once))
        if cut:
            again = regeneration_branches(len(cut), at_once, truncated=True)
            self._counts["lost"] += len(self._round(cut, again, share(setting.output_token_budget, again)))
        return self._result()

    def _result(self) -> RunFigures:
        return RunFigures(
            sites=self._setting.sites,
            duration_s=self._clock.now,
            most_calls=self._most_calls,
            waited_s=self._waited_s,
            longest_retry_after_s=self._longest_retry_after_s,
            **self._counts,
        )

    def _round(self, sites: Iterable[int], slots: int, max_tokens: int) -> Sequence[int]:
        """The Map: the sites whose answers were cut."""
        waiting, taken, cut = deque(sites), 0, list[int]()
        while waiting or taken:
            while waiting and taken < slots:
                taken += 1
                branch = Branch(waiting.popleft(), began_s=self._clock.now)
                self._at(self._clock.now + self._setting.overhead_s, "call", branch)
            self._counts["peak"] = max(self._counts["peak"], taken)
            self._clock.now, _, what, branch, detail = heapq.heappop(self._events)
            if what == "call":
                self._call(branch)
            elif what == "answer":
                tokens = min(detail, max_tokens)
                self._limits.spend_output(tokens)
                self._counts["output_tokens"] += tokens
                taken -= 1
                self._ended(branch, tokens)
                if detail > max_tokens:
                    self._counts["truncated"] += 1
                    cut.append(branch.site)
            elif self._fail(branch, detail):
                taken -= 1
                self._ended(branch, None)
        return cut

    def _ended(self, branch: Branch, output_tokens: int | None) -> None:
        """A branch is over, with an answer of so many tokens or with none. For those who look closer."""

    def _call(self, branch: Branch) -> None:
        setting, now = self._setting, self._clock.now
        branch.calls += 1
        self._counts["calls"] += 1
        self._most_calls = max(self._most_calls, branch.calls)
        if setting.outage is not None and setting.outage.strikes(now):
            self._counts["overloaded"] += 1
            branch.errors.append("Overloaded")
            self._at(now + setting.refused_s, "failure", branch)
        elif exceeded := self._limits.admit(setting.input_tokens):
            self._counts["rate_limited"] += 1
            branch.errors.append("RateLimited")
            retry_after_s = float(retry_headers(429, exceeded.retry_after_s)["retry-after"])
            self._longest_retry_after_s = max(self._longest_retry_after_s, retry_after_s)
            self._at(now + setting.refused_s, "failure", branch, retry_after_s)
        else:
            self._let_in[branch.site] += 1
            drawn = draw(setting, self._seed, branch.site, self._let_in[branch.site])
            branch.latency_s = drawn.latency_s
            if drawn.luck < setting.hiccups:
                self._counts["overloaded"] += 1
                branch.errors.append("Overloaded")
                self._at(now + setting.refused_s, "failure", branch)
            elif drawn.latency_s > setting.request_timeout_s or branch.site in self._hanging:
                self._counts["timed_out"] += 1
                branch.errors.append("ModelTimeout")
                self._at(now + setting.request_timeout_s, "failure", branch)
            else:
                self._at(now + drawn.latency_s, "answer", branch, drawn.output_tokens)

    def _fail(self, branch: Branch, retry_after_s: float | None) -> bool:
        """True if the branch gives up, and its slot with it."""
        if branch.calls == CALLS_PER_ROUND:
            self._counts["lost"] += 1
            self._counts["hung"] += branch.site in self._hanging
            return True
        wait_s = self._setting.policy.wait_s(branch.calls, retry_after_s, self._rng)
        self._waited_s += wait_s
        self._at(self._clock.now + wait_s, "call", branch)
        return False

    def _at(self, when: float, what: str, branch: Branch, detail: Any = None) -> None:
        self._scheduled += 1
        heapq.heappush(self._events, (when, self._scheduled, what, branch, detail))


def play(setting: Setting, seed: int, luck: int = 0) -> RunFigures:
    return VirtualRun(setting, seed, luck).play()


def under_pressure(setting: Setting, share_of_demand: float) -> Setting:
    """The same run with an account that has room for this share of what it asks."""
    return replace(setting, limits=scaled(demand(setting), share_of_demand))
