"""The part "scale" of `make bench`: runs of 4 to 10,000 sites, each in a process of its own, with everything counted.

Overhead is what a run costs beyond its calls of the model: elapsed, the time over what the calls alone would take;
CPU, all of it but the simulated API's. It must not grow with the number of sites, no payload may exceed a limit of
AWS, and what was counted must not exceed what the cost formula assumes. Planner and aggregator are measured by
themselves as well (`tests.performance.planning`, `tests.performance.aggregation`), with full memories.
"""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from infra.packaging import costs
from infra.packaging.dependencies import ROOT
from tests.performance import aggregation, planning
from tests.performance.part import Options
from tests.performance.scale_shown import LIMITS, largest, tables
from tests.support.billed import COUNTED, formula, quantities
from tests.support.clouds import UNLIMITED
from tests.support.counted_run import Order, command, refused, site_names
from tests.support.runtime_emulator import available

__all__ = ["complaints", "measure", "tables"]

SIZES, QUICK_SIZES = (4, 40, 400, 4_000, 10_000), (4, 40, 400)
OUTCOMES, QUICK_OUTCOMES = 10_000, 1_000
AT_ONCE = 40
LATENCY_S = 0.1
GROWTH = 1.25  # how much more a site may cost in the largest run than in the one that it is compared with
COMPARED_WITH = 400  # smaller runs are mostly their fixed part
MEMORY_MB = 800  # of the whole embedded cloud
SHARE = 1 / 3  # of a function's timeout and memory


def measure(options: Options) -> dict[str, Any]:
    runs = [_run(sites, options) for sites in (QUICK_SIZES if options.quick else SIZES)]
    packaged: dict[str, Any] = {}
    if available():  # the emulator; it is a Linux program
        sites = QUICK_OUTCOMES if options.quick else OUTCOMES
        packaged["planner, full memories"] = planning.measure(sites, options.work / "planning", options.say)
        for ends in (aggregation.usual,) if options.quick else (aggregation.usual, aggregation.worst):
            folder = options.work / f"aggregation-{ends.__name__}"
            measured = aggregation.measure(sites, options.seed, folder, options.say, ends)
            packaged[f"aggregator, {ends.__name__} run"] = measured
    return {"runs": runs, "packaged": packaged}


def _run(sites: int, options: Options) -> dict[str, Any]:
    options.say(f"a run of {sites:,} sites")
    scripts = dict.fromkeys(site_names(sites), ("ok",)) | dict.fromkeys(refused(sites), ("refusal",))
    scenario = Scenario.model_validate({"sites": scripts, "limits": UNLIMITED, "latency_s": LATENCY_S})
    with MessagesAPI(scenario, seed=options.seed, keep_prompts=False) as api:
        folder = options.work / f"run-{sites}"
        arguments, given = command(Order(sites, api.url, str(folder), min(sites, AT_ONCE)))
        done = subprocess.run(arguments, input=given, capture_output=True, text=True, cwd=ROOT, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"a run of {sites} sites ended with {done.returncode}: {done.stderr[-2_000:]}")
    run = json.loads(done.stdout)
    if run["missed"] != len(refused(sites)):
        raise RuntimeError(f"a run of {sites} sites missed {run['missed']}, {len(refused(sites))} were refused")
    return derived(run, LATENCY_S)


def derived(run: dict[str, Any], latency_s: float) -> dict[str, Any]:
    """The run with what follows from its counts."""
    sites = run["sites"]
    bound = max(latency_s, sites * latency_s / run["concurrency"])
    alone = {function: sum(call["seconds"] for call in calls) for function, calls in run["calls"].items()}
    described = costs.Night(sites, seconds=latency_s, missed_share=run["missed"] / sites)
    return {
        **run,
        "bound_s": bound,
        "latency_s": latency_s,
        "overhead_ms": (run["seconds"] - bound) / sites * 1_000,  # a site
        "cpu_ms": run["cpu_s"] / sites * 1_000,
        "alone_s": alone,
        "quantities": quantities(run["requests"], run["transitions"], run["totals"]),
        "formula": formula(described),
        "counted": {price: COUNTED[price][0] for price in COUNTED},
        "aws_usd": costs.aws_usd(costs.Night(sites)),
        "token_usd": costs.token_usd(costs.Night(sites)),
    }


def complaints(figures: dict[str, Any]) -> list[str]:
    runs = figures["runs"]
    last = runs[-1]
    found = []
    comparable = [run for run in runs[:-1] if run["sites"] <= COMPARED_WITH]
    if comparable and last["cpu_ms"] > GROWTH * comparable[-1]["cpu_ms"]:
        found.append(
            f"a site costs {last['cpu_ms']:.1f} ms of CPU in a run of {last['sites']:,} sites and "
            f"{comparable[-1]['cpu_ms']:.1f} ms in one of {comparable[-1]['sites']:,}"
        )
    for run in runs:
        found += _complaints_of_a_run(run)
    for name, measured in figures["packaged"].items():
        found += _complaints_of(f"{name}, {measured['sites']:,} sites", measured)
    return found


def _complaints_of_a_run(run: Mapping[str, Any]) -> list[str]:
    of = f"{run['sites']:,} sites"
    found = [
        f"{of}: {counted:,} {COUNTED[price][0]} counted, the cost formula assumes {run['formula'][price]:,.0f}"
        for price, counted in run["quantities"].items()
        if counted > run["formula"][price] + 0.5
    ]
    if run["peak_mb"] > MEMORY_MB:
        found.append(f"{of}: {run['peak_mb']:.0f} MB of memory, {MEMORY_MB} are allowed")
    for what, limit, whose in LIMITS:
        payload = largest(run, what)
        if payload and payload[1] > limit:
            found.append(f"{of}: {payload[0]}: {payload[1]:,} of at most {limit:,} ({whose})")
    return found


def _complaints_of(of: str, measured: Mapping[str, Any]) -> list[str]:
    found = [f"{of}: {measured['error']}"] if measured["error"] else []
    if measured["lambda_cpu_s"] > measured["timeout_s"] * SHARE:  # elapsed time is this machine's affair
        found.append(f"{of}: {measured['lambda_cpu_s']:.0f} s of {measured['timeout_s']}")
    if measured["peak_mb"] > measured["memory_mb"] * SHARE:
        found.append(f"{of}: {measured['peak_mb']:.0f} MB of {measured['memory_mb']}")
    return found
