"""A process that has imported everything and forks one child for each run: `python -m tests.chaos.killable`.

Each line of JSON on stdin is a run to make; the child's process id is printed at once, and its exit status when it
ends. So a run starts in a fraction of a second, and SIGKILL ends it like any other process.
"""

import contextlib
import importlib
import json
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any


def run(state_dir: str, url: str, given: dict[str, Any], name: str, speed: float, die_at: int | None) -> int:
    """One execution in its own cloud. `die_at`: the process kills itself instead of making this AWS call."""
    from moto.moto_api._internal import mock_random

    from tests.support.clouds import PATIENCE_S, cloud_at, hurried

    mock_random.seed()  # a fork would repeat the message ids of the run before it, and overwrite its messages
    calls = iter(range(1, 10**9))

    def count(*_: object) -> None:
        if die_at is not None and next(calls) >= die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with cloud_at(Path(state_dir), url, faults=count, speed=speed) as cloud, hurried(speed):
        ended = cloud.wait(cloud.start(given, name), timeout=PATIENCE_S)
        return 0 if ended.status == "SUCCEEDED" else 3 if ended.error == "NothingCollected" else 4


def warm_up() -> None:
    """Import and parse everything once. Leaves no threads running, so that forking is safe."""
    from infra.cloud.embedded import Cloud

    with tempfile.TemporaryDirectory() as folder, Cloud(Path(folder)):
        pass
    for handler in ("planner", "pacer", "collector", "aggregator", "reporter"):
        with contextlib.suppress(ImportError):
            importlib.import_module(f"{handler}.handler")
    if threading.active_count() > 1:
        raise RuntimeError(f"threads that a fork would lose: {threading.enumerate()}")


def serve() -> None:
    """Handle lines until the end of the input."""
    warm_up()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            status = 5
            try:
                status = run(**json.loads(line))
            finally:
                os._exit(status)
        _say(child)
        _, status = os.waitpid(child, 0)
        _say(os.waitstatus_to_exitcode(status))


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve()
