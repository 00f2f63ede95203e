"""What the embedded cloud adds to the same calls made by an asyncio script, side by side on the same simulated API.

Work is what lies between the first line that collects and the last: Nightfold's execution, with its plan, its census
and its page; the script's `asyncio.run`. Start-up is told apart: it is the time from the start of the process.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, cast

from tests.performance.part import Chart, Options, Table
from tests.performance.simulated_apis import ApiProcess
from tests.performance.watched_process import ROOT
from tests.performance.workloads import UNLIMITED, Workload

TITLE = "What the embedded cloud adds to an asyncio script"
SCRIPT = Path(__file__).with_name("contestants") / "asyncio_semaphore.py"
SIDES = ("nightfold", "script")
START_UP_S = 2.5
ASLEEP_S = 10


@dataclass(frozen=True)
class Comparison:
    """The same calls on both sides."""

    name: str
    sites: int
    latency_s: float
    at_once: int
    runs: int
    at_most: float | None = None  # Nightfold's work / the script's
    added_ms: float | None = None  # what Nightfold may take more, for each site


SHORT = Comparison("4 sites of 1 s", 4, 1.0, 4, runs=7, at_most=1.05)
LONG = Comparison("4 sites of 40 s", 4, 40.0, 4, runs=1, at_most=1.02)
MANY = Comparison("4,000 sites of 0.1 s, 40 at once", 4_000, 0.1, 40, runs=3, added_ms=5)
FEWER = Comparison("400 sites of 0.1 s, 40 at once", 400, 0.1, 40, runs=1)


def measure(options: Options) -> dict[str, Any]:
    comparisons = [SHORT, FEWER] if options.quick else [SHORT, LONG, MANY]
    found = {}
    with ApiProcess(ctx=get_context("spawn")) as process:
        apis = cast(Any, process).Apis()
        for each in comparisons:
            runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
            for number in range(each.runs if not options.quick else min(each.runs, 3)):
                folder = options.work / f"{each.sites}-{each.latency_s}-{number}"
                # They take turns, so that a machine that grows slower does so for both; long sleepers go together.
                with ThreadPoolExecutor(2 if each.latency_s >= ASLEEP_S else 1) as pool:
                    started = [pool.submit(_run, side, each, apis, folder / side, options.seed) for side in SIDES]
                for side, run in zip(SIDES, started, strict=True):
                    runs[side].append(run.result())
                took = ", ".join(f"{side} {runs[side][-1]['work_s']:.3f} s" for side in SIDES)
                options.say(f"{each.name}: {took}")
            found[each.name] = {**vars(each), "sides": {side: {"runs": runs[side]} for side in SIDES}}
    return {"comparisons": found}


def _run(side: str, each: Comparison, apis: Any, folder: Path, seed: int) -> dict[str, float]:
    sites = tuple(f"site-{number:05}" for number in range(each.sites))
    work = Workload(each.name, sites, {"latency_s": each.latency_s, "limits": UNLIMITED}, seed, 1, each.latency_s)
    folder.mkdir(parents=True)
    (folder / "sites.json").write_text(work.sites_json())
    (folder / "prompts.json").write_text(work.prompts_json())
    (folder / "results").mkdir()
    number, url = apis.open(work.scenario, seed, 1)
    files = [str(folder / name) for name in ("sites.json", "prompts.json", "results")]
    arguments = [files[0], files[2], str(each.at_once)] if side == "nightfold" else [str(SCRIPT), *files[1:]]
    own = {"ANTHROPIC_API_KEY": "sk-test", "ANTHROPIC_BASE_URL": url, "AT_ONCE": str(each.at_once)}
    try:
        began = time.time()
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "tests.performance.timed_side", side, *arguments],
            cwd=ROOT,
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            check=False,
        )
        whole_s = time.time() - began
        calls = len(apis.history(number))
    finally:
        apis.close(number)
    if done.returncode or calls != each.sites:
        raise RuntimeError(f"{each.name}, {side}: exit status {done.returncode}, {calls} calls: {done.stderr[-2000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    return {
        "start_up_s": round(told["began"] - began, 4),
        "work_s": round(told["ended"] - told["began"], 4),
        "whole_s": round(whole_s, 4),
        "cpu_s": round(told["cpu_s"], 4),
    }


def tables(figures: dict[str, Any]) -> list[Table]:
    rows = []
    for name, each in figures["comparisons"].items():
        for side in SIDES:
            runs = each["sides"][side]["runs"]
            first = side == SIDES[0]
            rows.append(
                [
                    name if first else "",
                    {"nightfold": "Nightfold", "script": "asyncio script"}[side],
                    _spread(runs, "work_s"),
                    f"{ratio(each):.3f}" if first else "",
                    f"{added_ms(each):.1f}" if first else "",
                    f"{_median(runs, 'start_up_s'):.2f}",
                    f"{_median(runs, 'whole_s'):.2f}",
                    f"{_median(runs, 'cpu_s'):.2f}",
                ]
            )
    return [
        Table(
            title="The same calls, by Nightfold in-process and by an asyncio script with a semaphore",
            headers=[
                *("calls", "", "work, s (lowest-highest)", "ratio", "added, ms a site"),
                *("start-up, s", "process, s", "CPU, s"),
            ],
            rows=rows,
            note="Medians. Work: Nightfold's execution, from StartExecution to its end, with plan, census and page; "
            "the script's asyncio.run. Start-up: from the start of the process to that; for the script its imports, "
            "for Nightfold also the deployment of template.yaml.",
        )
    ]


def charts(figures: dict[str, Any]) -> list[Chart]:
    return [
        Chart(
            title="Work beside the asyncio script",
            kind="bars",
            x="",
            y="seconds",
            series={
                word: [
                    (name, _median(runs := each["sides"][side]["runs"], "work_s"), *_extremes(runs, "work_s"))
                    for name, each in figures["comparisons"].items()
                ]
                for side, word in (("nightfold", "Nightfold"), ("script", "asyncio script"))
            },
        )
    ]


def complaints(figures: dict[str, Any]) -> list[str]:
    found = []
    for name, each in figures["comparisons"].items():
        if each["at_most"] is not None and ratio(each) > each["at_most"]:
            found.append(f"{name}: Nightfold takes {ratio(each):.3f} of the script's time, more than {each['at_most']}")
        if each["added_ms"] is not None and added_ms(each) > each["added_ms"]:
            found.append(f"{name}: Nightfold adds {added_ms(each):.1f} ms a site, more than {each['added_ms']:g}")
        if (
            each["sites"] == SHORT.sites
            and (late := _median(each["sides"]["nightfold"]["runs"], "start_up_s")) > START_UP_S
        ):
            found.append(f"{name}: the execution starts after {late:.2f} s, later than {START_UP_S:g}")
    return found


def ratio(each: Mapping[str, Any]) -> float:
    """Nightfold's work / the script's."""
    ours, theirs = (_median(each["sides"][side]["runs"], "work_s") for side in SIDES)
    return ours / theirs


def added_ms(each: Mapping[str, Any]) -> float:
    """What Nightfold's work takes more, for each site."""
    ours, theirs = (_median(each["sides"][side]["runs"], "work_s") for side in SIDES)
    return (ours - theirs) / float(each["sites"]) * 1_000


def _median(runs: Sequence[Mapping[str, float]], figure: str) -> float:
    return median(run[figure] for run in runs)


def _extremes(runs: Sequence[Mapping[str, float]], figure: str) -> tuple[float, float]:
    values = [run[figure] for run in runs]
    return min(values), max(values)


def _spread(runs: Sequence[Mapping[str, float]], figure: str) -> str:
    low, high = _extremes(runs, figure)
    middle = f"{_median(runs, figure):.3f}"
    return f"{middle} ({low:.3f}-{high:.3f})" if len(runs) > 1 else middle
