"""Who takes part in the race."""

import sys
from pathlib import Path

from tests.performance.contestant import OURS, Contestant
from tests.performance.workloads import AT_ONCE

FOLDER = Path(__file__).with_name("contestants")
SERIAL = "serial"
SCRIPTS = {
    SERIAL: "serial.py",
    "all at once": "uncapped.py",
    "cap, budget, timeout": "capped.py",
    "asyncio.Semaphore": "asyncio_semaphore.py",
}


def contestants() -> list[Contestant]:
    files = {name: str(FOLDER / file) for name, file in SCRIPTS.items()}
    scripts = [Contestant(name, (sys.executable, file, "{prompts}", "{results}")) for name, file in files.items()]
    return [*scripts, _nightfold()]


def _nightfold() -> Contestant:
    command = str(Path(sys.executable).with_name("nightfold"))
    timeout = "request_timeout_s={timeout_s}"
    common = ("--json", "--state-dir", "{results}", "--concurrency", str(AT_ONCE), "--set", timeout)
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
