"""The result file of `make bench`: what was measured, on which machine, with which versions."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
PACKAGES = ("anthropic", "aws-lambda-powertools", "boto3", "moto", "pydantic")
FILE = "results.json"


def begin(*, seed: int, quick: bool) -> dict[str, Any]:
    """Nothing measured yet, here and now, with everything whose change may change a figure."""
    return {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "seed": seed,
        "machine": {
            "processor": _processor(),
            "cores": os.process_cpu_count() or 1,
            "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
            "system": platform.platform(),
        },
        "versions": {
            "nightfold": _commit(),
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
        },
        "parts": {},
    }


def write(results: Mapping[str, Any], folder: Path) -> None:
    """Replaces the result of before."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(results, indent=1, default=str) + "\n", encoding="utf-8")


def _commit() -> str:
    """The commit, and whether the files are not what was committed; the version outside a clone."""
    described = _said("git", "-C", str(ROOT), "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty")
    return described or version("nightfold")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # macOS
        return _said("sysctl", "-n", "machdep.cpu.brand_string")
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _said(*command: str) -> str:
    """Standard output; nothing where there is no such command, or it fails."""
    inside = {"GIT_CEILING_DIRECTORIES": str(ROOT.parent)}  # not of a repository around a copy of this one
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | inside)  # noqa: S603
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
