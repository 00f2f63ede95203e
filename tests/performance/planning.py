"""PlanRun over many sites with full memories, under AWS's runtime emulator."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.cloud.embedded import Cloud
from infra.cloud.lambdas.python_runtime import Function
from infra.packaging import packages
from nightfold.storage import SITES_KEY, items_key
from planner.inputs import LIST_LIMIT
from tests.performance.aggregation import FULL_PROCESSOR_MB, limited
from tests.performance.memories import remember
from tests.support.counted_run import memory_mb
from tests.support.runtime_emulator import Emulator

RUN_ID = "planned"
BRIEF = "A blog for people who run small container platforms and write about what broke."


def lay_out(state: Path, sites: int, *, longest: bool) -> None:
    """A site list with briefs and full memories; the `longest` has as many bytes for each site as there is room for
    in one of ten thousand."""
    names = [f"site-{number:05}" for number in range(sites)]
    room = LIST_LIMIT // 10_000 - 200
    about: dict[str, Any] = {"brief": BRIEF}
    if longest:
        about = {"brief": "b" * (room // 2), "facts": {"articles": "a" * (room // 2)}}
    (state / SITES_KEY).parent.mkdir(parents=True)
    (state / SITES_KEY).write_text(
        json.dumps([{"site_id": name, "domain": f"{name}.example", **about} for name in names])
    )
    remember(state, names)


def measure(sites: int, work: Path, say: Callable[[str], None], *, longest: bool = False) -> dict[str, Any]:
    """The planner's call. An `error` is among the figures if it failed."""
    say(f"the planner over {sites:,} sites with full memories")
    lay_out(work / "state", sites, longest=longest)
    functions: list[Function] = []
    built = packages.for_this_machine()
    with Emulator(built, work / "emulator") as emulator:

        def run(function: Function, environment: Any, event: bytes) -> Any:
            functions.append(function)
            return emulator.invoke(function, environment, event)

        with Cloud(work / "state", runtime=run) as cloud, cloud.serve() as emulator.endpoint:
            cloud.invoke("Planner", {})  # an error, and a process that goes on
            process = limited(functions[0].memory_mb)
            event = {
                "execution_id": f"arn:aws:states:us-east-1:123456789012:execution:nightly:{RUN_ID}",
                "execution_name": RUN_ID,
                "started_at": datetime.now(UTC).isoformat(),
                "input": {"max_concurrency": "auto"},
            }
            before, began = process.cpu_times(), time.monotonic()
            result, error = cloud.invoke("Planner", event)
            seconds, after = time.monotonic() - began, process.cpu_times()
            if not error and result["planned"] != sites:
                raise RuntimeError(f"the planner returned {result}")
            cpu_s = after.user + after.system - before.user - before.system
            peak_mb = memory_mb("VmHWM", process.pid)
    items = work / "state" / items_key(RUN_ID, 1)
    allowed_mb = functions[0].memory_mb
    return {
        "sites": sites,
        "memory_mb": allowed_mb,
        "timeout_s": functions[0].timeout_s,
        "seconds": seconds,
        "cpu_s": cpu_s,
        "lambda_cpu_s": cpu_s * max(1.0, FULL_PROCESSOR_MB / allowed_mb),
        "peak_mb": peak_mb,
        "items_mb": items.stat().st_size / 1e6 if items.is_file() else None,
        "error": error,
    }
