"""A virtual run in waves: the Maps of `virtual_run` one after the other, each as the real `pace()` decides.

The account, its clock and the draw of each call go on from wave to wave. A barrier costs what it costs in a run: the
time of the slowest branch, and what PaceRun and the Map take to begin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nightfold.waves import Carried
from pacer import signals
from pacer.concurrency import Wave
from pacer.pace import Decision, Work, pace
from pacer.profile import found
from pacer.signals import FAMILIES, Remaining, see
from tests.performance.virtual_run import Branch, RunFigures, Setting, VirtualRun

ANSWER_TOKENS = 2_048  # of `auto`; a cut answer gets twice as many in round 2
CONCURRENCY_LIMIT = 100  # the configuration's default
BARRIER_S = 3.0  # PaceRun reads a wave's outcomes, and a Map begins and ends
MODEL = "claude-sonnet-5-5"
FOUND_AT = datetime(2026, 11, 23, tzinfo=UTC)


@dataclass(frozen=True)
class Begun:
    """One wave, and when it began."""

    at_s: float
    decision: Decision


@dataclass(frozen=True)
class RunInWaves:
    """How it went. Sites that no wave began are not among the lost ones."""

    figures: RunFigures
    waves: Sequence[Begun]
    not_attempted: int
    carried: Carried | None  # what a later run may start from


class _InWaves(VirtualRun):
    def __init__(
        self, setting: Setting, seed: int, fixed: int | None, limit: int, carried: Carried | None, barrier_s: float
    ) -> None:
        super().__init__(setting, seed)
        self._barrier_s = barrier_s
        self._fixed, self._limit, self._carried = fixed, limit, carried
        self._history: list[Wave] = []
        self._begun: list[Begun] = []
        self._outcomes: list[signals.Branch] = []
        self._not_attempted = 0

    def play_waves(self) -> RunInWaves:
        cut = self._waves(range(self._setting.sites), ANSWER_TOKENS)
        if cut:
            self._counts["lost"] += len(self._waves(cut, 2 * ANSWER_TOKENS))
        carried = found(self._history, self._limit, self._carried, "before", FOUND_AT) if self._fixed is None else None
        return RunInWaves(self._result(), self._begun, self._not_attempted, carried)

    def _waves(self, sites: Sequence[int], max_tokens: int) -> list[int]:
        """One round: the sites whose answers were cut."""
        begun, cut = 0, list[int]()
        while True:
            decision = pace(self._history, self._work(len(sites) - begun), self._carried)
            if not decision.sites:
                self._not_attempted += len(sites) - begun
                return cut
            self._begun.append(Begun(self._clock.now, decision))
            self._clock.now += self._barrier_s
            self._outcomes = []
            wave = sites[begun : begun + decision.sites]
            cut += self._round(wave, decision.max_concurrency, max_tokens)
            self._history.append(Wave(len(wave), decision.max_concurrency, see(self._outcomes)))
            begun += len(wave)

    def _work(self, left: int) -> Work:
        return Work(
            left=left,
            elapsed_s=self._clock.now,
            model=MODEL,
            max_concurrency=self._fixed,
            concurrency_limit=self._limit,
            request_timeout_s=self._setting.request_timeout_s,
        )

    def _ended(self, branch: Branch, output_tokens: int | None) -> None:
        now = self._clock.now
        common: dict[str, Any] = {"ended_s": now, "held_s": now - branch.began_s}
        if output_tokens is None:
            *earlier, last = branch.errors
            self._outcomes.append(signals.Branch(error=last, earlier_errors=earlier, **common))
            return
        sent = self._limits.headers()
        headers = {
            family: Remaining(*(float(sent[f"anthropic-ratelimit-{family}-{what}"]) for what in ("limit", "remaining")))
            for family in FAMILIES
        }
        self._outcomes.append(
            signals.Branch(
                earlier_errors=branch.errors,
                latency_s=branch.latency_s,
                input_tokens=self._setting.input_tokens,
                output_tokens=output_tokens,
                headers=headers,
                **common,
            )
        )


def play_in_waves(
    setting: Setting,
    seed: int,
    *,
    fixed: int | None = None,
    limit: int = CONCURRENCY_LIMIT,
    carried: Carried | None = None,
    barrier_s: float = BARRIER_S,
) -> RunInWaves:
    """`fixed`: a number as max_concurrency; None is `auto`. `carried`: what an earlier run left."""
    return _InWaves(setting, seed, fixed, limit, carried, barrier_s).play_waves()
