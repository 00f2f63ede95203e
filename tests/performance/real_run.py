"""A run of `virtual_run` on the real state machine: the embedded cloud, the real handlers, the simulated API."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from tests.performance.virtual_run import Setting, draw
from tests.support.clouds import cloud_at, put_sites


@dataclass(frozen=True)
class RealRun:
    """The figures of a run in virtual time, seen from the API's side."""

    sites: int
    lost: int
    duration_s: float  # from the first call's arrival to the last one's answer, in the run's own seconds
    calls: int
    rate_limited: int
    peak: int
    took_s: float  # on the wall


def scenario(setting: Setting, seed: int, sites: list[str]) -> Scenario:
    """Each call that is let in takes and writes what it does in the virtual run."""
    scripts: dict[str, list[dict[str, Any]]] = {
        name: [
            {"do": "ok", "latency_s": drawn.latency_s, "output_tokens": drawn.output_tokens}
            for drawn in (draw(setting, seed, site, number) for number in (1, 2, 3))
        ]
        for site, name in enumerate(sites)
    }
    return Scenario.model_validate({"sites": scripts, "limits": setting.limits})


def play(setting: Setting, seed: int, *, speed: float, folder: Path) -> RealRun:
    """`folder` must not exist yet. Only one of these in a process at a time."""
    names = [f"site-{number:04}" for number in range(setting.sites)]
    given = {
        "max_concurrency": setting.concurrency,
        "output_token_budget": setting.output_token_budget,
        "request_timeout_s": max(1, round(setting.request_timeout_s / speed)),
    }
    began = time.monotonic()
    logging.getLogger("botocore").setLevel(logging.CRITICAL)
    with (
        MessagesAPI(scenario(setting, seed, names), seed=seed, speed=speed, keep_prompts=False) as api,
        cloud_at(folder / "state", api.url, speed=speed) as cloud,
    ):
        put_sites(cloud, names)
        ended = cloud.wait(cloud.start(given, name="run"), timeout=300)
        calls, peak = api.history, api.peak
    if ended.status == "RUNNING":
        raise TimeoutError(f"still running after 300 s: {ended}")
    answered = {call.site for call in calls if call.status == 200}
    last = max(call.answered_at or call.received_at for call in calls)
    return RealRun(
        sites=setting.sites,
        lost=setting.sites - len(answered),
        duration_s=(last - calls[0].received_at) * speed,
        calls=len(calls),
        rate_limited=sum(call.status == 429 for call in calls),
        peak=peak,
        took_s=time.monotonic() - began,
    )
