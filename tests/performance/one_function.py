"""Calls of one function, as a package under AWS's runtime emulator and with the template's memory.

What it reads is in the embedded cloud's bucket, which is served on a port of this process: what S3 would take for its
answers is in the elapsed time, what the function itself does is its CPU time. The function's process has the limit of
the template for its data, and its highest memory is what the kernel has noted of it.
"""

import resource
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from infra.cloud.embedded import Cloud
from infra.cloud.lambdas.python_runtime import Function
from infra.packaging import packages
from nightfold.memory import KEPT, Memory
from nightfold.question import DEFAULT
from nightfold.storage import memory_key
from tests.support.counted_run import peak_mb
from tests.support.runtime_emulator import Emulator

HEADING = "A heading of one of the nights before, about as long as they are, number"
FULL_PROCESSOR_MB = 1_769  # Lambda gives a function its share of a processor by its memory
Call = tuple[dict[str, Any], dict[str, Any]]  # the event, and what the result has among its fields


def remember(state: Path, names: Iterable[str]) -> None:
    """Full memories for the sites of the state directory: as many headings as are kept."""
    began = datetime.now(UTC) - timedelta(days=1)
    memory = Memory().with_run("before", began, [f"{HEADING} {n}" for n in range(KEPT)], simulated=False)
    document = memory.model_dump_json(indent=2)
    for name in names:
        file = state / memory_key(name, DEFAULT)
        file.parent.mkdir(parents=True)
        file.write_text(document)


def measure(function: str, state: Path, work: Path, calls: Sequence[Call]) -> dict[str, Any]:
    """The calls one after another, in one process. An `error` is among the figures where one failed."""
    deployed: list[Function] = []
    with Emulator(packages.for_this_machine(), work / "emulator") as emulator:

        def run(called: Function, environment: Any, event: bytes) -> Any:
            deployed.append(called)
            return emulator.invoke(called, environment, event)

        with Cloud(state, runtime=run) as cloud, cloud.serve() as emulator.endpoint:
            cloud.invoke(function, {})  # an error, and a process that goes on
            allowed_mb = deployed[0].memory_mb
            process = _limited(allowed_mb)
            measured = [_call(cloud, function, process, *call) for call in calls]
    return {
        "memory_mb": allowed_mb,
        "timeout_s": deployed[0].timeout_s,
        "peak_mb": max(call["peak_mb"] for call in measured),
        # What its CPU time alone would take with the share of a processor that this much memory gets.
        "lambda_cpu_s": max(call["cpu_s"] for call in measured) * max(1.0, FULL_PROCESSOR_MB / allowed_mb),
        "error": next((call["error"] for call in measured if call["error"]), None),
        "calls": measured,
    }


def _call(
    cloud: Cloud, function: str, process: psutil.Process, event: dict[str, Any], expected: dict[str, Any]
) -> dict[str, Any]:
    before, began = process.cpu_times(), time.monotonic()
    result, error = cloud.invoke(function, event)
    seconds, after = time.monotonic() - began, process.cpu_times()
    if not error and {key: result[key] for key in expected} != expected:
        raise RuntimeError(f"the {function} returned {result}; expected {expected}")
    return {
        "seconds": seconds,
        "cpu_s": after.user + after.system - before.user - before.system,
        "peak_mb": peak_mb(process.pid),
        "error": error,
    }


def _limited(allowed_mb: int) -> psutil.Process:
    """The function's own process, below the emulator that this process has started, with a limit for its data."""
    [process] = [
        child
        for child in psutil.Process().children(recursive=True)
        if Path(child.exe()).name.startswith("python") and "awslambdaric" in child.cmdline()
    ]
    resource.prlimit(process.pid, resource.RLIMIT_DATA, (allowed_mb * 1_048_576, allowed_mb * 1_048_576))
    return process
