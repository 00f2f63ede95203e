"""The part "cold_start" of `make bench`, with a command of its own: what a cold start costs, beside what a plain
`sam build` would give.

Plain is pip's unpacked wheels of the same locked requirements, boto3 among them, and the source beside them: what SAM's
python builder makes. Ours is what `make build` makes. Each is imported in a process of its own, on one processor, with
nothing on its path but the package and what plays /var/runtime; the kinds take turns, and medians are compared. CPU
milliseconds, not elapsed ones: a laptop's other work does not count, and Lambda gives a whole processor while it
initializes.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from statistics import median
from typing import Any

from infra.messages_api import MessagesAPI
from infra.packaging import template
from infra.packaging.archive import pack
from infra.packaging.dependencies import ROOT, install
from infra.packaging.package import assemble
from tests.performance.part import Options, Table
from tests.support.runtime_emulator import ARCHITECTURE, installed, python
from tests.support.site_tasks import site_task

PROBE = Path(__file__).with_name("probe.py")
RUNS, QUICK_RUNS = 15, 3
# plain / ours, in CPU time of the init
AT_LEAST = {"planner": 2.0, "pacer": 2.0, "collector": 1.5, "aggregator": 2.0, "reporter": 2.0}


def measure(options: Options) -> dict[str, Any]:
    """By function and kind: sizes, and every run."""
    found: dict[str, Any] = {}
    with MessagesAPI(speed=1_000) as api:
        for function in template.read().functions.values():
            options.say(f"{function}: both kinds are built, and started in turn")
            kinds = {kind: options.work / f"{function}-{kind}" for kind in ("plain", "ours")}
            plain(function, kinds["plain"])
            assemble(function, ARCHITECTURE, kinds["ours"])
            found[function] = {kind: sizes(folder) | {"runs": []} for kind, folder in kinds.items()}
            for _ in range(QUICK_RUNS if options.quick else RUNS):
                for kind, folder in kinds.items():
                    found[function][kind]["runs"].append(cold_start(function, folder, api.url))
    return found


def plain(function: str, folder: Path) -> None:
    install(function, ARCHITECTURE, folder, without=None)
    for own in sorted(each for each in (ROOT / "functions").iterdir() if each.is_dir()):
        shutil.copytree(own, folder / own.name, ignore=shutil.ignore_patterns("__pycache__"))


def sizes(folder: Path) -> dict[str, Any]:
    archive = folder.with_suffix(".zip")
    pack(folder, archive)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return {"mb": size / 1e6, "zip_mb": archive.stat().st_size / 1e6}


def cold_start(function: str, folder: Path, api: str) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603
        [python(), "-S", "-s", str(PROBE), f"{function}.handler", *([api] if function == "collector" else [])],
        env={
            "LAMBDA_TASK_ROOT": str(folder),
            "PATH": os.defpath,
            "PYTHONPATH": f"{folder}:{installed('runtime.txt')}",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        input=site_task().model_dump_json(),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{function} does not start:\n{done.stderr}")
    return dict(json.loads(done.stdout))


def ratio(kinds: dict[str, Any]) -> float:
    """plain / ours"""
    before, after = (median(run["init_ms"] for run in kinds[kind]["runs"]) for kind in ("plain", "ours"))
    return before / after


def tables(figures: dict[str, Any]) -> list[Table]:
    def row(function: str, kind: str) -> list[str]:
        found = figures[function][kind]
        of = {figure: [run[figure] for run in found["runs"] if figure in run] for figure in found["runs"][0]}
        return [
            f"{function}, {kind}",
            f"{median(of['init_ms']):.0f}",
            f"{min(of['init_ms']):.0f}-{max(of['init_ms']):.0f}",
            f"{ratio(figures[function]):.1f}" if kind == "ours" else "",
            f"{median(of['first_call_ms']):.0f}" if "first_call_ms" in of else "",
            f"{median(of['modules']):.0f}",
            f"{median(of['peak_mb']):.0f}",
            f"{found['mb']:.1f}",
            f"{found['zip_mb']:.1f}",
        ]

    return [
        Table(
            "Cold starts",
            ["", "init, CPU ms", "lowest-highest", "plain / this", "first call", "modules", "peak MB", "MB", "zip MB"],
            [row(function, kind) for function, kinds in figures.items() for kind in kinds],
        )
    ]


def complaints(figures: dict[str, Any]) -> list[str]:
    return [
        f"{function} starts {times:.1f} times as fast as plain, not {AT_LEAST[function]:g}"
        for function, kinds in figures.items()
        if (times := ratio(kinds)) < AT_LEAST[function]
    ]
