"""The result file of `make bench`: what was measured, on which machine, with which versions."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import psutil
from pydantic import BaseModel, ConfigDict

ROOT = Path(__file__).parents[2]
PACKAGES = ("anthropic", "aws-lambda-powertools", "boto3", "moto", "pydantic")
FILE = "results.json"


class Results(BaseModel):
    """One measurement; the last four grow part by part."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1] = 1
    taken_at: datetime
    quick: bool
    seed: int
    machine: dict[str, str | int | float]
    versions: dict[str, str]
    seconds: dict[str, float] = {}
    parts: dict[str, dict[str, Any]] = {}
    complaints: dict[str, list[str]] = {}

    @property
    def holds(self) -> bool:
        return not any(self.complaints.values())


def begin(*, seed: int, quick: bool) -> Results:
    """Nothing measured yet, here and now."""
    return Results(
        taken_at=datetime.now(UTC).replace(microsecond=0),
        quick=quick,
        seed=seed,
        machine=machine(),
        versions=versions(),
    )


def as_kept(figures: Mapping[str, Any]) -> dict[str, Any]:
    """A part's figures as they come back from the file: keys are text, tuples are lists."""
    return dict(json.loads(json.dumps(figures, default=str)))


def write(results: Results, folder: Path) -> Path:
    """Replaces the result of before."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**results.model_dump(), "taken_at": results.taken_at.isoformat()}, indent=1) + "\n"
    file = folder / FILE
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(file)
    return file


def machine() -> dict[str, str | int | float]:
    """What a figure depends on that no lock file pins."""
    return {
        "processor": _processor(),
        "architecture": platform.machine(),
        "cores": os.process_cpu_count() or 1,
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": _system(),
        "kernel": platform.release(),
    }


def versions() -> dict[str, str]:
    """Of everything whose change may change a figure and that is here."""
    found = {"nightfold": _commit(), "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    found["node"] = _said("node", "--version").removeprefix("v") if shutil.which("node") else ""
    return {name: each for name, each in found.items() if each}


def _commit() -> str:
    """The commit; with "dirty" where the files are not what was committed."""
    git = ("git", "--no-optional-locks", "-C", str(ROOT))
    top, _, commit = _said(*git, "rev-parse", "--show-toplevel", "HEAD").partition("\n")
    if not commit or Path(top).resolve() != ROOT:
        return version("nightfold")
    return commit[:12] + (" (dirty)" if _said(*git, "status", "--porcelain") else "")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return _said("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _system() -> str:
    try:
        return f"{platform.system()}, {platform.freedesktop_os_release()['PRETTY_NAME']}"
    except (OSError, KeyError):
        return f"{platform.system()} {platform.mac_ver()[0]}".strip()


def _said(*command: str) -> str:
    """Standard output; nothing where there is no such command, or it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
