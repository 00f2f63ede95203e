"""One side of the part "overhead", in a process of its own that tells when what happened.

    python -m tests.performance.timed_side nightfold SITES_FILE STATE_DIR AT_ONCE
    python -m tests.performance.timed_side script SCRIPT PROMPTS_FILE FOLDER

Both are run as a user runs them, the command line and the file; only the clock is read from outside: Nightfold's work
is its execution, from StartExecution to its end, digest included; the script's is `asyncio.run`, without its imports.
The times go to the last line of stdout, in seconds since the epoch.
"""

import asyncio
import json
import resource
import runpy
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from unittest import mock


def nightfold(sites: str, state_dir: str, at_once: str) -> dict[str, float]:
    from infra.cli.main import main
    from infra.cloud.state_machine import Execution, StateMachine

    ended: list[float] = []
    wait = StateMachine.wait

    def timed(machine: StateMachine, arn: str, timeout: float | None = None) -> Execution:
        execution = wait(machine, arn, timeout)
        ended.append(time.time())
        return execution

    budget = str(max(4_096, 1_024 * int(at_once)))
    command = ["run", "--sites", sites, "--state-dir", state_dir, "--concurrency", at_once, "--json"]
    with mock.patch.object(StateMachine, "wait", timed):
        status = main([*command, "--set", f"output_token_budget={budget}"])
    if status:
        sys.exit(status)
    [plan] = Path(state_dir).glob("runs/*/plan.json")
    return {"began": _epoch(json.loads(plan.read_bytes())["started_at"]), "ended": ended[0]}


def script(file: str, prompts: str, folder: str) -> dict[str, float]:
    times: dict[str, float] = {}
    run: Any = asyncio.run

    def timed(work: Coroutine[Any, Any, int]) -> int:
        times["began"] = time.time()
        status: int = run(work)
        times["ended"] = time.time()
        return status

    sys.argv = [file, prompts, folder]
    with mock.patch.object(asyncio, "run", timed):
        try:
            runpy.run_path(file, run_name="__main__")
        except SystemExit as ended:
            if ended.code:
                raise
    return times


def _epoch(moment: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(moment).timestamp()


if __name__ == "__main__":
    side, *arguments = sys.argv[1:]
    measured = {"nightfold": nightfold, "script": script}[side](*arguments)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps(measured | {"cpu_s": usage.ru_utime + usage.ru_stime}))  # noqa: T201
