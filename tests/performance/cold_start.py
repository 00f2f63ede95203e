"""`python -m tests.performance.cold_start`: what a cold start costs, beside what a plain `sam build` would give.

Plain is pip's unpacked wheels of the same locked requirements, boto3 among them, and the source beside them: what SAM's
python builder makes. Ours is what `make build` makes. Each is imported in a process of its own, on one processor, with
nothing on its path but the package and what plays /var/runtime; the kinds take turns, and medians are compared. CPU
milliseconds, not elapsed ones: a laptop's other work does not count, and Lambda gives a whole processor while it
initializes.
"""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from infra.messages_api import MessagesAPI
from infra.packaging import template
from infra.packaging.archive import pack
from infra.packaging.dependencies import ROOT, install
from infra.packaging.package import assemble
from tests.support.runtime_emulator import ARCHITECTURE, installed, python
from tests.support.site_tasks import site_task

PROBE = Path(__file__).with_name("probe.py")
# plain / ours, in CPU time of the init
AT_LEAST = {"planner": 2.0, "pacer": 2.0, "collector": 1.5, "aggregator": 2.0, "reporter": 2.0}


@dataclass
class Kind:
    """One way to build a function."""

    name: str
    folder: Path
    mb: float
    zip_mb: float
    runs: list[dict[str, Any]]

    def median(self, figure: str) -> float:
        return statistics.median(run[figure] for run in self.runs)

    def spread(self, figure: str) -> tuple[float, float]:
        values = [run[figure] for run in self.runs]
        return min(values), max(values)


def plain(function: str, folder: Path) -> None:
    install(function, ARCHITECTURE, folder, without=None)
    for own in sorted(each for each in (ROOT / "functions").iterdir() if each.is_dir()):
        shutil.copytree(own, folder / own.name, ignore=shutil.ignore_patterns("__pycache__"))


def measure(function: str, runs: int, api: str, work: Path) -> list[Kind]:
    found = []
    for name in ("plain", "ours"):
        folder = work / f"{function}-{name}"
        plain(function, folder) if name == "plain" else assemble(function, ARCHITECTURE, folder)
        archive = folder.with_suffix(".zip")
        pack(folder, archive)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        found.append(Kind(name, folder, size / 1e6, archive.stat().st_size / 1e6, []))
    for _ in range(runs):
        for kind in found:
            kind.runs.append(cold_start(function, kind.folder, api))
    return found


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
        raise click.ClickException(f"{function} does not start:\n{done.stderr}")
    return dict(json.loads(done.stdout))


def table(function: str, found: list[Kind]) -> str:
    first = found[0].median("init_ms")
    lines = [
        f"| {function} | init, CPU ms | lowest-highest | plain / this | first call | modules | peak MB | MB | zip MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind in found:
        init, (low, high) = kind.median("init_ms"), kind.spread("init_ms")
        call = f"{kind.median('first_call_ms'):.0f}" if "first_call_ms" in kind.runs[0] else ""
        figures = f"{init:.0f} | {low:.0f}-{high:.0f} | {first / init:.1f} | {call} | {kind.median('modules'):.0f}"
        lines.append(f"| {kind.name} | {figures} | {kind.median('peak_mb'):.0f} | {kind.mb:.1f} | {kind.zip_mb:.1f} |")
    return "\n".join(lines)


@click.command()
@click.option("--runs", type=click.IntRange(1), default=15, show_default=True)
@click.option("--function", "only", multiple=True, help="Only these; all of the template's otherwise.")
@click.option(
    "--json", "file", type=click.Path(path_type=Path), default=ROOT / ".aws-sam/cold-start.json", show_default=True
)
def main(runs: int, only: tuple[str, ...], file: Path) -> None:
    """Builds, measures, prints a table for each function, and fails where a target is missed."""
    missed = []
    results: dict[str, Any] = {
        "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
        "versions": {name: version(name) for name in ("anthropic", "boto3", "pydantic", "aws-lambda-powertools")},
        "runs": runs,
        "functions": {},
    }
    with tempfile.TemporaryDirectory() as work, MessagesAPI(speed=1_000) as api:
        for function in only or template.read().functions.values():
            found = measure(function, runs, api.url, Path(work))
            click.echo(table(function, found) + "\n")
            results["functions"][function] = {
                kind.name: {"mb": kind.mb, "zip_mb": kind.zip_mb, "runs": kind.runs} for kind in found
            }
            if found[0].median("init_ms") < AT_LEAST.get(function, 0) * found[-1].median("init_ms"):
                missed.append(function)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(results, indent=2))
    click.echo(f"Every run is in {file}.", err=True)
    if missed:
        raise click.ClickException(f"Not as much faster than plain as it should be: {', '.join(missed)}")


if __name__ == "__main__":
    main()
