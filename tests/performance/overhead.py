"""What the embedded cloud adds to the same calls made by an asyncio script, in turns on the same simulated API.

Every rule is a ratio to the script in the same run: the median over pairs that follow each other, so that a machine
that is busy, or slow, is so for both.
Work is what happens between the first line that collects and the last: Nightfold's execution, with its plan, its census
and its page; the script's `asyncio.run`. Start-up is separate: it is the time from the start of the process.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, cast

from tests.performance.part import Options, Table
from tests.performance.simulated_apis import ApiProcess
from tests.performance.watched_process import ROOT
from tests.performance.workloads import UNLIMITED, Workload

SCRIPT = Path(__file__).with_name("contestants") / "asyncio_semaphore.py"
SIDES = ("nightfold", "script")
ASLEEP_S = 10
FIGURES = {"work_s": "time", "cpu_s": "processor time"}


@dataclass(frozen=True)
class Comparison:
    """The same calls on both sides. A limit is a ratio, Nightfold's / the script's; without one it is only shown."""

    name: str
    sites: int
    latency_s: float
    at_once: int
    pairs: int
    quick_pairs: int = 0
    limits: Mapping[str, float] = field(default_factory=dict)


# Calls that sleep overlap or do not: one after the other would be a ratio of 4. Otherwise the elapsed time of single
# runs is noise on a busy machine (0.3 to 1.5 at a load of 16 on two cores, 1.0 to 1.06 on a quiet one), and so is
# start-up (1.7 to 6): both are shown. Processor time is not: pairs gave 2.7 to 3.1 (4 sites) and 3.5 to 3.6 (400).
SHORT = Comparison("4 sites of 1 s", 4, 1.0, 4, 7, 5, {"work_s": 2.5, "cpu_s": 4.0})
LONG = Comparison("4 sites of 40 s", 4, 40.0, 4, 1)
FEWER = Comparison("400 sites of 0.1 s, 40 at once", 400, 0.1, 40, 3, 3, {"cpu_s": 5.0})
MANY = Comparison("4,000 sites of 0.1 s, 40 at once", 4_000, 0.1, 40, 3, 0, {"cpu_s": 10.0})


def measure(options: Options) -> dict[str, Any]:
    found = {}
    with ApiProcess(ctx=get_context("spawn")) as process:
        apis = cast(Any, process).Apis()
        for each in (SHORT, LONG, FEWER, MANY):
            runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
            for number in range(each.quick_pairs if options.quick else each.pairs):
                folder = options.work / f"{each.sites}-{each.latency_s}-{number}"
                # They take turns; long sleepers go together.
                with ThreadPoolExecutor(2 if each.latency_s >= ASLEEP_S else 1) as pool:
                    started = [pool.submit(_run, side, each, apis, folder / side, options.seed) for side in SIDES]
                for side, run in zip(SIDES, started, strict=True):
                    runs[side].append(run.result())
                took = ", ".join(f"{side} {runs[side][-1]['work_s']:.3f} s" for side in SIDES)
                options.say(f"{each.name}: {took}")
            if runs[SIDES[0]]:
                found[each.name] = {"sites": each.sites, "limits": dict(each.limits), "sides": runs}
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
    measured = json.loads(done.stdout.splitlines()[-1])
    return {
        "start_up_s": round(measured["began"] - began, 4),
        "work_s": round(measured["ended"] - measured["began"], 4),
        "whole_s": round(whole_s, 4),
        "cpu_s": round(measured["cpu_s"], 4),
    }


def tables(figures: dict[str, Any]) -> list[Table]:
    rows = []
    for name, each in figures["comparisons"].items():
        for side in SIDES:
            runs = each["sides"][side]
            first = side == SIDES[0]
            rows.append(
                [
                    name if first else "",
                    {"nightfold": "Nightfold", "script": "asyncio script"}[side],
                    _spread(runs, "work_s"),
                    f"{ratio(each, 'work_s'):.3f}" if first else "",
                    f"{ratio(each, 'cpu_s'):.2f}" if first else "",
                    f"{ratio(each, 'start_up_s'):.2f}" if first else "",
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
                *("calls", "", "work, s (lowest-highest)", "ratio", "of CPU", "of start-up", "added, ms a site"),
                *("start-up, s", "process, s", "CPU, s"),
            ],
            rows=rows,
            note="Medians; ratios are the median over pairs. Work: Nightfold's execution, from StartExecution to its "
            "end, with plan, census and page; the script's asyncio.run. Start-up: from the start of the process to "
            "that; for the script its imports, for Nightfold also the deployment of template.yaml.",
        )
    ]


def complaints(figures: dict[str, Any]) -> list[str]:
    return [
        f"{name}: Nightfold takes {ratio(each, figure):.2f} times the script's {FIGURES[figure]}, more than {limit:g}"
        for name, each in figures["comparisons"].items()
        for figure, limit in each["limits"].items()
        if ratio(each, figure) > limit
    ]


def ratio(each: Mapping[str, Any], figure: str) -> float:
    """Nightfold's / the script's: the median over the pairs."""
    ours, theirs = (each["sides"][side] for side in SIDES)
    return median(one[figure] / other[figure] for one, other in zip(ours, theirs, strict=True))


def added_ms(each: Mapping[str, Any]) -> float:
    """What Nightfold's work takes more, for each site."""
    ours, theirs = (_median(each["sides"][side], "work_s") for side in SIDES)
    return (ours - theirs) / float(each["sites"]) * 1_000


def _median(runs: Sequence[Mapping[str, float]], figure: str) -> float:
    return median(run[figure] for run in runs)


def _spread(runs: Sequence[Mapping[str, float]], figure: str) -> str:
    values = [run[figure] for run in runs]
    middle = f"{median(values):.3f}"
    return f"{middle} ({min(values):.3f}-{max(values):.3f})" if len(runs) > 1 else middle
