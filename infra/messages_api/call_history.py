"""The simulated API's memory: which step is next for a site, what each call was, and how many ran at once."""

import threading
import time
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from random import Random

from infra.messages_api.messages_request import MessagesRequest
from infra.messages_api.scenario import OK, Scenario, Script, Step, StepLike, parse_script


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the Messages API. Times are seconds since the epoch.

    `behaviour` is the step's name or status, "rejected" (a bad request) or "limited" (over a rate limit).
    `status` and `answered_at` are None until the call is answered; if it never is, they stay None.
    """

    site: str  # "" if the prompt names none
    number: int  # 1 for the first call of the site
    behaviour: str
    request_id: str
    received_at: float
    model: str = ""
    max_tokens: int = 0
    input_tokens: int = 0
    prompt: str = ""  # system and user text; empty without keep_prompts
    status: int | None = None
    answered_at: float | None = None
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call that waits for its answer. Its random numbers depend only on seed, site and number."""

    place: int  # in the history
    call: Call
    step: Step
    rng: Random


class CallHistory:
    """Holds the scripts and records the calls. Safe to use from several threads."""

    def __init__(self, scenario: Scenario, *, seed: int, keep_prompts: bool) -> None:
        self._seed, self._keep_prompts, self._default = seed, keep_prompts, scenario.default
        self._lock = threading.Lock()
        self._scripts: dict[str, Script] = dict(scenario.sites)
        self._used: Counter[str] = Counter()
        self._arrived: Counter[str] = Counter()
        self._calls: list[Call] = []
        self._under_way: set[int] = set()
        self._peak = 0

    @property
    def known(self) -> Container[str]:
        """The sites that have a script of their own."""
        return self._scripts

    def script(self, site: str, steps: Iterable[StepLike]) -> None:
        script = parse_script(steps)
        with self._lock:
            self._scripts[site] = script
            self._used[site] = 0

    def arrive(self, site: str, request: MessagesRequest | None, turned_away: str | None) -> Arrival:
        """Record a call. It uses up a step of its site, unless `turned_away` names why it was refused."""
        with self._lock:
            self._arrived[site] += 1
            number, place = self._arrived[site], len(self._calls)
            rng = Random(f"{self._seed}/{site}/{number}")  # noqa: S311 - a simulation
            step = OK if turned_away else self._next_step(site)
            call = Call(
                site=site,
                number=number,
                behaviour=turned_away or str(step.do),
                request_id=f"req_011C{rng.getrandbits(80):020x}",
                received_at=time.time(),
            )
            if request:
                call = replace(
                    call,
                    model=request.model,
                    max_tokens=request.max_tokens,
                    input_tokens=request.input_tokens,
                    prompt=request.prompt if self._keep_prompts else "",
                )
            self._calls.append(call)
            self._under_way.add(place)
            self._peak = max(self._peak, len(self._under_way))
            return Arrival(place, call, step, rng)

    def _next_step(self, site: str) -> Step:
        script, used = self._scripts.get(site, self._default), self._used[site]
        self._used[site] += 1
        return script[used] if used < len(script) else OK

    def answered(self, arrival: Arrival, status: int, output_tokens: int = 0) -> None:
        """Call this before the last byte goes out: the client may ask again as soon as it has it."""
        with self._lock:
            self._under_way.discard(arrival.place)
            self._calls[arrival.place] = replace(
                arrival.call, status=status, answered_at=time.time(), output_tokens=output_tokens
            )

    def left(self, arrival: Arrival) -> None:
        """The call is over, answered or not."""
        with self._lock:
            self._under_way.discard(arrival.place)

    def count(self, site: str) -> int:
        with self._lock:
            return self._arrived[site]

    def calls(self) -> tuple[Call, ...]:
        with self._lock:
            return tuple(self._calls)

    @property
    def peak(self) -> int:
        with self._lock:
            return self._peak
