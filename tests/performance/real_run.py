"""A run of `virtual_run` on the real state machine: the embedded cloud, the real handlers, the simulated API."""

import json
import logging
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.cloud.embedded import ROOT
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from tests.performance.virtual_run import Retrier, Setting, definition, draw, network_retrier
from tests.support.clouds import cloud_at, put_sites

TEMPLATE = ROOT / "template.yaml"
DEFINITION = Path("infra/statemachine/nightly.asl.json")


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


def deployable(policy: Retrier, folder: Path) -> Path:
    """A copy of template and state machine in which the network bucket's retrier is this one."""
    folder.mkdir(parents=True)
    shutil.copy(TEMPLATE, folder)
    (folder / "functions").symlink_to(ROOT / "functions")
    machine = definition()
    network_retrier(machine).update(
        IntervalSeconds=policy.interval_s,
        BackoffRate=policy.rate,
        MaxDelaySeconds=policy.max_delay_s,
        JitterStrategy=policy.jitter,
    )
    (folder / DEFINITION).parent.mkdir(parents=True)
    (folder / DEFINITION).write_text(json.dumps(machine))
    return folder / TEMPLATE.name


def scenario(setting: Setting, seed: int, sites: list[str]) -> Scenario:
    """Each call that is let in takes and writes what it does in the virtual run."""
    if setting.outage or setting.hiccups or setting.bucket_s != 60:
        raise ValueError("only limits can be compared")
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
    if not isinstance(setting.policy, Retrier):
        raise TypeError("the state machine has retriers alone")
    names = [f"site-{number:04}" for number in range(setting.sites)]
    given = {
        "max_concurrency": setting.concurrency,
        "output_token_budget": setting.output_token_budget,
        "request_timeout_s": max(1, round(setting.request_timeout_s / speed)),
    }
    template = deployable(setting.policy, folder / "deployed")
    began = time.monotonic()
    logging.getLogger("botocore").setLevel(logging.CRITICAL)
    with (
        MessagesAPI(scenario(setting, seed, names), seed=seed, speed=speed, keep_prompts=False) as api,
        cloud_at(folder / "state", api.url, speed=speed, template=template) as cloud,
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
