"""One run as a process of its own, as the command line has none: with the built packages under AWS's runtime
emulator, or with waits that pass faster than real time.

    python -m tests.performance.fast_run SITES_FILE STATE_DIR [--packages FOLDER] [--speed N] [--redrive]

The Messages API is the one of ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY. The run's summary goes to stdout, and exit
statuses are `nightfold run`'s: 0 everything, 2 a part, 1 nothing.
"""

import argparse
import gc
import json
import os
import sys
import uuid
from contextlib import ExitStack
from pathlib import Path

from infra.cloud.embedded import Cloud
from tests.support.runtime_emulator import Emulator


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.performance.fast_run")
    parser.add_argument("--packages", type=Path, help="of each function; otherwise they run in this process")
    parser.add_argument("--speed", type=float, default=1.0, help="of the state machine's waits and timeouts")
    parser.add_argument("sites", type=Path)
    parser.add_argument("state_dir", type=Path)
    parser.add_argument("--redrive", action="store_true", help="the morning run: only the misses")
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--request-timeout-s", type=int, default=120)
    options = parser.parse_args()
    name = f"{'redrive' if options.redrive else 'run'}-{uuid.uuid4().hex[:8]}"
    given = {
        "mode": "redrive" if options.redrive else "collect",
        "max_concurrency": options.concurrency,
        "request_timeout_s": options.request_timeout_s,
    }
    with ExitStack() as opened:
        emulator = None
        if options.packages:
            logs = options.state_dir.with_name(f"{options.state_dir.name}-emulator")
            emulator = opened.enter_context(Emulator(options.packages, logs))
        cloud = opened.enter_context(
            Cloud(
                options.state_dir,
                speed=options.speed,
                parameters={"AnthropicBaseUrl": os.environ["ANTHROPIC_BASE_URL"], "ScheduleState": "DISABLED"},
                secret=os.environ["ANTHROPIC_API_KEY"],
                runtime=emulator.invoke if emulator else None,
            )
        )
        if emulator:
            emulator.endpoint = opened.enter_context(cloud.serve())
        cloud.client("s3").put_object(
            Bucket=cloud.output("BucketName"), Key="config/sites.json", Body=options.sites.read_bytes()
        )
        execution = cloud.wait(cloud.start(given, name=name))
    file = options.state_dir / "runs" / name / "summary.json"
    if not file.exists():
        sys.stderr.write(f"{execution.status}: {execution.error or 'nothing to do'} {execution.cause or ''}\n")
        return 0 if execution.status == "SUCCEEDED" else 1
    summary = json.loads(file.read_bytes())
    sys.stdout.write(json.dumps(summary))
    gc.freeze()  # as the command line does: the process ends here
    return {"complete": 0, "partial": 2}.get(summary["status"], 1)


if __name__ == "__main__":
    sys.exit(main())
