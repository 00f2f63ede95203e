"""One cold start, measured from inside: run by tests.performance.cold_start in a process that has nothing else.

python -S -s probe.py HANDLER_MODULE [URL of a Messages API]
"""

import importlib
import json
import os
import resource
import sys
import time


def peak_mb() -> float:
    """Linux starts a child's `ru_maxrss` at its parent's size, so this process's own mark is read there."""
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1_024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_048_576


if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
modules_before = len(sys.modules)
began = time.process_time()
importlib.import_module(sys.argv[1])
init_s = time.process_time() - began
measured: dict[str, float | list[str]] = {
    "init_ms": init_s * 1_000,
    "modules": len(sys.modules) - modules_before,
    "peak_mb": peak_mb(),
}
if len(sys.argv) > 2:
    from collector.claude import Claude
    from collector.prompt import prompt_for
    from nightfold.branch import SiteTask

    task = SiteTask.model_validate_json(sys.stdin.read())
    began = time.process_time()
    Claude("sk-test", sys.argv[2]).ask(task, prompt_for(task))
    measured["first_call_ms"] = (time.process_time() - began) * 1_000
measured["not_compiled"] = sorted(
    module.__name__
    for module in list(sys.modules.values())
    if str(getattr(module, "__file__", "")).startswith(os.environ["LAMBDA_TASK_ROOT"])
    and str(module.__file__).endswith(".py")
    and not os.path.exists(module.__cached__)  # noqa: PTH110 - pathlib would be one more module
)
sys.stdout.write(json.dumps(measured))
