"""A run of `virtual_run` on the real state machine: the embedded cloud, the real handlers, the simulated API."""

import json
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from nightfold.budget import CALLS_PER_ROUND
from tests.performance.virtual_run import Setting, draw
from tests.support.clouds import cloud_at, put_sites


@dataclass(frozen=True)
class RealRun:
    """The figures of a run in virtual time, seen from the API's side."""

    sites: int
    lost: int
    gave_up: int  # of the lost ones: refused with calls left
    duration_s: float  # from the first call's arrival to the last one's answer, in the run's own seconds
    calls: int
    rate_limited: int
    peak: int
    took_s: float  # on the wall
    waves: Sequence[Mapping[str, Any]]  # of its summary


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
    given = {
        "max_concurrency": setting.concurrency,
        "output_token_budget": setting.output_token_budget,
        "request_timeout_s": max(1, round(setting.request_timeout_s / speed)),
    }
    return _play(setting, seed, given, folder, waits=speed, api=speed)


def play_as_fast_account(
    setting: Setting, seed: int, max_concurrency: int | str, *, waits: float, folder: Path
) -> RealRun:
    """In real seconds, except for the waits between calls. The pacer compares seconds with limits per minute, so an API
    with a clock of its own would mislead it: `setting` is a faster account with shorter answers instead."""
    given: dict[str, Any] = {
        "max_concurrency": max_concurrency,
        "request_timeout_s": max(1, round(setting.request_timeout_s)),
    }
    return _play(setting, seed, given, folder, waits=waits, api=1)


def _play(setting: Setting, seed: int, given: dict[str, Any], folder: Path, *, waits: float, api: float) -> RealRun:
    """`waits`, `api`: how many times as fast the state machine's waits and the API's seconds pass."""
    names = [f"site-{number:04}" for number in range(setting.sites)]
    began = time.monotonic()
    logging.getLogger("botocore").setLevel(logging.CRITICAL)
    with (
        MessagesAPI(scenario(setting, seed, names), seed=seed, speed=api, keep_prompts=False) as server,
        cloud_at(folder / "state", server.url, speed=waits) as cloud,
    ):
        put_sites(cloud, names)
        ended = cloud.wait(cloud.start(given, name="run"), timeout=300)
        calls, peak = server.history, server.peak
    if ended.status == "RUNNING":
        raise TimeoutError(f"still running after 300 s: {ended}")
    asked = Counter(call.site for call in calls)
    answered = {call.site for call in calls if call.status == 200}
    last = max(call.answered_at or call.received_at for call in calls)
    return RealRun(
        sites=setting.sites,
        lost=setting.sites - len(answered),
        gave_up=sum(asked[name] < CALLS_PER_ROUND for name in names if name not in answered),
        duration_s=(last - calls[0].received_at) * api,
        calls=len(calls),
        rate_limited=sum(call.status == 429 for call in calls),
        peak=peak,
        took_s=time.monotonic() - began,
        waves=json.loads((folder / "state" / "runs" / "run" / "summary.json").read_text())["waves"],
    )
