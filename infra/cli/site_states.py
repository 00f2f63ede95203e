"""The state of each site in a run. Every change is reported as a line."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["waiting", "collecting", "retrying", "answered", "failed", "rejected", "stored", "accepted", "missed"]
DONE: frozenset[State] = frozenset({"stored", "accepted", "missed"})


@dataclass(slots=True)
class SiteProgress:
    """The state of one site. `since` is time.monotonic()."""

    site_id: str
    state: State = "waiting"
    since: float = 0.0
    attempt: int = 0
    round: int = 1
    why: str = ""  # an error's name, or what was wrong with an answer
    request_id: str = ""
    began: float | None = None  # its branch in this round, time.monotonic()
    entries: str = ""  # such as "5 candidates"
    tokens: int = 0  # input and output, of all its answers
    retried_at: float = 0.0  # when the wait for the next attempt ends, time.monotonic()


Changed = Callable[[float, str, str], None]  # seconds since the start, the site (or "run"), what happened


class SiteStates:
    """Many threads update it; readers hold `lock`."""

    def __init__(self, site_ids: Iterable[str] = (), changed: Changed | None = None) -> None:
        self.started = time.monotonic()
        self.lock = threading.RLock()
        self.sites = {site_id: SiteProgress(site_id, since=self.started) for site_id in site_ids}
        self.counts: Counter[State] = Counter({"waiting": len(self.sites)})
        self._changed = changed

    def _site(self, site_id: str) -> SiteProgress:
        site = self.sites.get(site_id)
        if site is None:
            site = self.sites[site_id] = SiteProgress(site_id, since=time.monotonic())
            self.counts["waiting"] += 1
        return site

    def _move(self, site: SiteProgress, state: State, at: float, line: str | None = None) -> None:
        self.counts[site.state] -= 1
        self.counts[state] += 1
        site.state, site.since = state, at
        if line is not None:
            self._report(at, site.site_id, line)

    def _report(self, at: float, site: str, what: str) -> None:
        if self._changed is not None:
            self._changed(at - self.started, site, what)
