"""What the race's contestants are given: four sites, four sites with one fault, many sites on a small account."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collector.claude import SETTINGS
from collector.prompt import prompt_for
from infra.messages_api.scenario import Latency
from nightfold.branch import SiteTask
from nightfold.budget import branches_at_once, share
from nightfold.settings import RunConfiguration
from nightfold.sites import Site
from tests.support.questions import CANDIDATES

AT_ONCE = 4
SITES = ("harbour", "orchard", "lantern", "meadow")
LATENCIES_S = (44.0, 38.0, 36.0, 34.0)
FOUR, ACCOUNT, MANY = "four sites at about 40 s", "a small account", "400 sites of 0.1 s, 40 at once"
FAULTS: Mapping[str, tuple[str, list[Any]]] = {
    "one fails": ("orchard", [529] * 20),
    "the network drops in the third": ("lantern", ["drop"] * 20),
    "one hangs": ("orchard", ["hang"] * 20),
    "one answers rubbish": ("orchard", ["prose", "ok"]),
}
HANGING = "one hangs"
REQUESTS_PER_MINUTE = 30  # of the small account, which also allows as many at once
UNLIMITED = {"requests_per_minute": 100_000, "input_tokens_per_minute": 10**9, "output_tokens_per_minute": 10**9}
CONFIGURATION = RunConfiguration()


@dataclass(frozen=True)
class Workload:
    """Sites, and what the API does with them. Seconds are the wall clock's."""

    name: str
    sites: tuple[str, ...]
    scenario: Mapping[str, Any]
    seed: int
    speed: float  # of the API
    bound_s: float  # the fastest possible
    timeout_s: int = 120  # of one request, for those that set one
    patience_s: float = 300  # without a call or an answer, then a contestant is ended from outside
    faulty: str | None = None  # the site that fails all night and is well in the morning
    at_once: int = AT_ONCE

    @property
    def budget(self) -> int:
        """Output tokens of all that run at once."""
        return 1_024 * self.at_once

    def sites_json(self) -> str:
        """Nightfold's site list."""
        return json.dumps([{"site_id": site, "domain": f"{site}.example"} for site in self.sites])

    def prompts_json(self) -> str:
        """For each site what Nightfold's collector sends."""
        tokens = share(self.budget, branches_at_once(len(self.sites), self.at_once))
        bodies = []
        for site_id in self.sites:
            site = Site(site_id=site_id, domain=f"{site_id}.example")
            task = SiteTask.for_site(site, "race", 1, CONFIGURATION, tokens, CANDIDATES)
            prompt = prompt_for(task)
            bodies.append(
                {
                    "site_id": site_id,
                    "system": prompt.system,
                    "user": prompt.user,
                    "model": task.model,
                    "max_tokens": task.max_tokens,
                    **SETTINGS[task.model],
                }
            )
        return json.dumps(bodies)


def lower_bound_s(latencies_s: Sequence[float], at_once: int, requests_per_minute: float = 0, burst: int = 0) -> float:
    """The slowest call, all calls shared out, or the account's rate after its burst: whatever takes longest."""
    over = max(len(latencies_s) - burst, 0)
    limited = over * 60 / requests_per_minute if requests_per_minute else 0
    return max(*latencies_s, sum(latencies_s) / at_once, limited)


def four_sites(seed: int, *, quick: bool) -> Workload:
    speed = 10 if quick else 1
    return Workload(
        FOUR,
        SITES,
        {"sites": _slow(SITES, LATENCIES_S), "limits": UNLIMITED},
        seed,
        speed,
        lower_bound_s(LATENCIES_S, AT_ONCE) / speed,
    )


def with_one_fault(seed: int) -> list[Workload]:
    """A second for each call. A 529 comes at once, as bad news does."""
    return [
        Workload(
            name,
            SITES,
            {
                "sites": {site: script if site == faulty else ["ok"] for site in SITES},
                "latency_s": 40,
                "limits": UNLIMITED,
            },
            seed,
            speed=40,
            bound_s=1,
            timeout_s=3,
            patience_s=25,
            faulty=faulty,
        )
        for name, (faulty, script) in FAULTS.items()
    ]


def small_account(seed: int, *, quick: bool) -> Workload:
    """Each site has its own latency, drawn once, so that a call that comes again after a 429 waits no longer."""
    sites = tuple(f"site-{number:02}" for number in range(1, (40 if quick else 60) + 1))
    speed = 10 if quick else 4
    drawn, latency = random.Random(seed), Latency(median=10, sigma=0.5)
    latencies_s = [round(latency.draw(drawn), 2) for _ in sites]
    return Workload(
        ACCOUNT,
        sites,
        {
            "sites": _slow(sites, latencies_s),
            "limits": UNLIMITED | {"requests_per_minute": REQUESTS_PER_MINUTE},
        },
        seed,
        speed,
        lower_bound_s(latencies_s, AT_ONCE, REQUESTS_PER_MINUTE, burst=REQUESTS_PER_MINUTE) / speed,
    )


def many_sites(seed: int) -> Workload:
    """What a contestant itself takes for each site: the calls are short."""
    sites = tuple(f"site-{number:03}" for number in range(400))
    return Workload(MANY, sites, {"latency_s": 0.1, "limits": UNLIMITED}, seed, speed=1, bound_s=1, at_once=40)


def _slow(sites: Sequence[str], latencies_s: Sequence[float]) -> dict[str, list[dict[str, Any]]]:
    return {site: [{"do": "slow", "latency_s": each}] for site, each in zip(sites, latencies_s, strict=True)}
