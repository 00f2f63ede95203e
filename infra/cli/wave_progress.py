"""The wave that is under way, why it has so many branches at once, and when the collection should be over."""

from nightfold.amounts import counted
from nightfold.waves import Pace

SHOWN = ("running", "pending")  # states of branches


class WaveProgress:
    """`expected_s` is the plan's: it holds while the run is still looking for its number."""

    def __init__(self) -> None:
        self.expected_s: float | None = None
        self.ceiling_usd: float | None = None
        self.branches: dict[str, int] = {}  # how many are running, pending and so on, where Step Functions is asked
        self._decision = ""
        self._pace: Pace | None = None
        self._growing = False
        self._began: float | None = None  # time.monotonic(), of the first wave
        self._held_s, self._ended = 0.0, 0  # branches that are over

    def decided(self, pace: Pace, at: float) -> str:
        """The decision before a wave, as a line; empty at the end of a round in which every site had its wave."""
        self._began = at if self._began is None else self._began
        if not pace.sites:
            self._decision = (
                f"no further wave: {pace.stop.message}; {counted(pace.left, 'site')} left" if pace.stop else ""
            )
            return self._decision
        before = self._pace.max_concurrency if self._pace is not None else 0
        self._growing, self._pace = pace.left > 0 and pace.max_concurrency > before, pace
        again = f"round {pace.round}, " if pace.round > 1 else ""
        self._decision = f"{again}wave {pace.wave}: {pace.max_concurrency:,} at once, {pace.why}"
        return f"{again}wave {pace.wave}: {counted(pace.sites, 'site')}, {pace.max_concurrency:,} at once, {pace.why}"

    @property
    def line(self) -> str:
        """What is shown of it."""
        counts = ", ".join(f"{count:,} {state}" for state in SHOWN if (count := self.branches.get(state, 0)))
        return f"{self._decision} · {counts}" if counts else self._decision

    def branch_ended(self, seconds: float) -> None:
        self._held_s += seconds
        self._ended += 1

    def left_s(self, sites: int, now: float) -> float | None:
        """Until `sites` more have their outcomes; None where nothing tells."""
        if self._pace is None or self._began is None or not self._ended or not sites:
            return None
        if self._growing and self.expected_s is not None and (left := self._began + self.expected_s - now) > 0:
            return left
        return self._held_s / self._ended * sites / min(sites, self._pace.max_concurrency)
