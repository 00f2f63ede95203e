"""A run in virtual seconds: the Map's slots, the calls, the account's limits and the retrier, and nothing else.

The limits are the simulated API's own code, and so is the latencies' distribution. What a call takes and writes depends
on seed, site and number of the call alone, so that two settings are compared on the same run. A branch holds its slot
during its calls and during the waits between them, as it does in Step Functions. `simulation` plays one of these runs
on the real state machine too, and compares.
"""

import heapq
import json
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import exp
from pathlib import Path
from random import Random
from typing import Any, Literal

from infra.messages_api.rate_limits import RateLimits
from infra.messages_api.scenario import Latency, Limits
from nightfold.budget import CALLS_PER_ROUND, regeneration_branches, share
from nightfold.settings import RunConfiguration

STATE_MACHINE = Path(__file__).parents[2] / "infra" / "statemachine" / "nightly.asl.json"
ENTRY_TIER = Limits()
LATENCY_S = Latency(median=20, sigma=0.6)
ANSWER_TOKENS = Latency(median=500, sigma=0.5)  # log-normal as well, whatever its unit
INPUT_TOKENS = 300  # of a prompt with a brief of usual length


@dataclass(frozen=True)
class Retrier:
    """A retrier as Step Functions has it: interval, growth, cap and jitter."""

    interval_s: float
    rate: float
    max_delay_s: float
    jitter: Literal["NONE", "FULL"] = "FULL"

    @property
    def name(self) -> str:
        return f"{self.interval_s}/{self.rate:g}/{self.max_delay_s} {self.jitter}"

    @property
    def delays_s(self) -> tuple[float, ...]:
        """Before the first and the second retry, jitter aside: two retries are all there is to a retrier."""
        return tuple(min(self.interval_s * self.rate**n, self.max_delay_s) for n in range(CALLS_PER_ROUND - 1))

    def wait_s(self, number: int, rng: Random) -> float:
        """Before retry `number` (1 or 2)."""
        delay_s = self.delays_s[number - 1]
        return rng.uniform(0, delay_s) if self.jitter == "FULL" else delay_s


def own_retrier() -> Retrier:
    """The state machine's, of the network bucket."""
    machine = json.loads(STATE_MACHINE.read_text())
    retriers = machine["States"]["CollectSites"]["ItemProcessor"]["States"]["CollectSite"]["Retry"]
    [found] = [each for each in retriers if "RateLimited" in each["ErrorEquals"]]
    if found["MaxAttempts"] != CALLS_PER_ROUND - 1:
        raise ValueError(f"MaxAttempts {found['MaxAttempts']}: a branch makes {CALLS_PER_ROUND} calls at most")
    return Retrier(found["IntervalSeconds"], found["BackoffRate"], found["MaxDelaySeconds"], found["JitterStrategy"])


@dataclass(frozen=True)
class Setting:
    """What a run is given. The defaults are Nightfold's and the entry tier's."""

    sites: int = 400
    concurrency: int = 4
    output_token_budget: int = RunConfiguration().output_token_budget
    limits: Limits = ENTRY_TIER
    retrier: Retrier = field(default_factory=own_retrier)
    latency: Latency = LATENCY_S
    output_tokens: Latency = ANSWER_TOKENS
    input_tokens: int = INPUT_TOKENS
    request_timeout_s: float = RunConfiguration().request_timeout_s
    hanging: float = 0.0  # the share of sites whose calls are never answered
    used_elsewhere: float = 0.0  # the share of every limit that others use, all the time
    refused_s: float = 0.1  # a 429 is a Lambda call even though nothing is generated
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
    timed_out: int
    truncated: int
    output_tokens: int
    peak: int  # slots taken at one moment

    @property
    def wasted(self) -> int:
        """Calls that gained nothing."""
        return self.calls - (self.sites - self.lost)


@dataclass(frozen=True)
class Draw:
    """What one call takes and writes, unless it is refused."""

    latency_s: float
    output_tokens: int


def draw(setting: Setting, seed: int, site: int, number: int) -> Draw:
    """`number` counts the calls of the site that were let in."""
    rng = Random(f"{seed}/{site}/{number}")
    return Draw(setting.latency.draw(rng), max(1, round(setting.output_tokens.draw(rng))))


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
        # What others use never comes in: the bucket refills by so much less, and `limit` in the headers stays.
        self._limits = RateLimits(setting.limits, speed=1 - setting.used_elsewhere, clock=self._clock)
        self._rng = Random(f"{seed}/{luck}/waits")
        self._let_in = [0] * setting.sites
        hanging = round(setting.sites * setting.hanging)
        self._hanging = frozenset(Random(f"{seed}/hangs").sample(range(setting.sites), hanging))
        self._events: list[tuple[float, int, str, Branch, Any]] = []
        self._scheduled = 0
        self._counts = dict.fromkeys(
            ("lost", "hung", "calls", "rate_limited", "timed_out", "truncated", "output_tokens", "peak"), 0
        )

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
        return RunFigures(sites=self._setting.sites, duration_s=self._clock.now, **self._counts)

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
            elif self._fail(branch):
                taken -= 1
                self._ended(branch, None)
        return cut

    def _ended(self, branch: Branch, output_tokens: int | None) -> None:
        """A branch is over, with an answer of so many tokens or with none. For those who look closer."""

    def _call(self, branch: Branch) -> None:
        setting, now = self._setting, self._clock.now
        branch.calls += 1
        self._counts["calls"] += 1
        if self._limits.admit(setting.input_tokens):
            self._counts["rate_limited"] += 1
            branch.errors.append("RateLimited")
            self._at(now + setting.refused_s, "failure", branch)
        else:
            self._let_in[branch.site] += 1
            drawn = draw(setting, self._seed, branch.site, self._let_in[branch.site])
            branch.latency_s = drawn.latency_s
            if drawn.latency_s > setting.request_timeout_s or branch.site in self._hanging:
                self._counts["timed_out"] += 1
                branch.errors.append("ModelTimeout")
                self._at(now + setting.request_timeout_s, "failure", branch)
            else:
                self._at(now + drawn.latency_s, "answer", branch, drawn.output_tokens)

    def _fail(self, branch: Branch) -> bool:
        """True if the branch gives up, and its slot with it."""
        if branch.calls == CALLS_PER_ROUND:
            self._counts["lost"] += 1
            self._counts["hung"] += branch.site in self._hanging
            return True
        self._at(self._clock.now + self._setting.retrier.wait_s(branch.calls, self._rng), "call", branch)
        return False

    def _at(self, when: float, what: str, branch: Branch, detail: Any = None) -> None:
        self._scheduled += 1
        heapq.heappush(self._events, (when, self._scheduled, what, branch, detail))


def play(setting: Setting, seed: int, luck: int = 0) -> RunFigures:
    return VirtualRun(setting, seed, luck).play()


def under_pressure(setting: Setting, share_of_demand: float) -> Setting:
    """The same run with an account that has room for this share of what it asks."""
    return replace(setting, limits=scaled(demand(setting), share_of_demand))
