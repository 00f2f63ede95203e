"""Who takes part in the race."""

import sys
from pathlib import Path

from tests.performance.contestant import OURS, Contestant

FOLDER = Path(__file__).with_name("contestants")
SERIAL, SCRIPT = "serial", "asyncio.Semaphore"
SCRIPTS = {
    SERIAL: "serial.py",
    "all at once": "uncapped.py",
    "cap, budget, timeout": "capped.py",
    SCRIPT: "asyncio_semaphore.py",
}


def contestants() -> list[Contestant]:
    files = {name: str(FOLDER / file) for name, file in SCRIPTS.items()}
    scripts = [Contestant(name, (sys.executable, file, "{prompts}", "{results}")) for name, file in files.items()]
    return [*scripts, _nightfold()]


def _nightfold() -> Contestant:
    command = str(Path(sys.executable).with_name("nightfold"))
    common = (
        *("--json", "--state-dir", "{results}", "--concurrency", "{at_once}"),
        *("--set", "request_timeout_s={timeout_s}", "--set", "output_token_budget={budget}"),
    )
    hurried = (
        *(sys.executable, "-m", "tests.performance.fast_run", "{sites}", "{results}", "--speed", "{hurry}"),
        *("--concurrency", "{at_once}", "--request-timeout-s", "{timeout_s}"),
    )
    return Contestant(
        OURS,
        (command, "run", "--sites", "{sites}", *common),
        hurried,
        (command, "redrive", *common),
        "runs/*/results/*.json",
    )
