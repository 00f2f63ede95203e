"""Who takes part in the race: each is set up here, or says why it cannot be."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.packaging.dependencies import CannotBuild, find_uv
from tests.performance.contestant import OURS, Contestant
from tests.performance.part import Options
from tests.performance.workloads import AT_ONCE

FOLDER = Path(__file__).with_name("contestants")
SERIAL = "serial"


def contestants(options: Options) -> list[Contestant]:
    """All of them, set up. One that cannot take part here says why."""
    venv, no_python = FOLDER / ".venv/bin/python", _sync(options)
    no_node = _build_typescript(options)
    scripts = {
        SERIAL: "serial.py",
        "all at once": "uncapped.py",
        "cap, budget, timeout": "capped.py",
        "asyncio.Semaphore": "asyncio_semaphore.py",
        "LangGraph Send": "langgraph_send.py",
    }
    found = [
        Contestant(name, (str(venv), str(FOLDER / file), "{prompts}", "{results}"), skipped=no_python)
        for name, file in scripts.items()
    ]
    typescript = FOLDER / "typescript"
    found.append(
        Contestant(
            "TypeScript p-limit",
            ("node", str(typescript / "collect.mjs"), "{prompts}", "{results}"),
            skipped=no_node,
        )
    )
    return [*found, _nightfold()]


def _nightfold() -> Contestant:
    command = str(Path(sys.executable).with_name("nightfold"))
    common = (
        "--json",
        "--state-dir",
        "{results}",
        "--concurrency",
        str(AT_ONCE),
        "--set",
        "request_timeout_s={timeout_s}",
    )
    hurried = (
        *(sys.executable, "-m", "tests.performance.fast_run", "{sites}", "{results}", "--speed", "{hurry}"),
        *("--concurrency", str(AT_ONCE), "--request-timeout-s", "{timeout_s}"),
    )
    return Contestant(
        OURS,
        (command, "run", "--sites", "{sites}", *common),
        hurried,
        (command, "redrive", *common),
        "runs/*/candidates/*.json",
    )


def _sync(options: Options) -> str:
    """Install what the Python contestants need. Empty, or why that is not possible."""
    try:
        uv = find_uv()
    except CannotBuild as error:
        return str(error)
    options.say("the Python contestants' packages")
    return _prepare([uv, "sync", "--locked", "--quiet"], FOLDER)


def _build_typescript(options: Options) -> str:
    folder = FOLDER / "typescript"
    if not shutil.which("node") or not shutil.which("npm"):
        return "Node.js was not found"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S607
    if (major := re.match(r"v(\d+)", version)) is None or int(major[1]) < 20:
        return f"Node.js {version.strip()} is too old; it needs 20"
    built = folder / "collect.mjs"
    sources = [folder / name for name in ("collect.ts", "package.json", "package-lock.json")]
    if built.exists() and built.stat().st_mtime > max(source.stat().st_mtime for source in sources):
        return ""
    options.say("the TypeScript contestant's packages")
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    return _prepare(["npm", "ci", *quiet], folder) or _prepare(["npm", "run", "--silent", "build"], folder)


def _prepare(command: Sequence[str], folder: Path) -> str:
    not_theirs = {"VIRTUAL_ENV", "UV_PROJECT", "UV_PROJECT_ENVIRONMENT"}
    environment = {name: value for name, value in os.environ.items() if name not in not_theirs}
    environment["UV_COMPILE_BYTECODE"] = "1"  # as `make` does for Nightfold
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode == 0:
        return ""
    last = [line for line in done.stderr.splitlines() if line.strip()][-1:] or [f"exit status {done.returncode}"]
    return f"{' '.join(Path(word).name for word in command[:2])} failed: {last[0].strip()[:200]}"
