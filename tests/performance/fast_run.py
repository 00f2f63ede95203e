"""One run as a process of its own with waits that pass faster than real time, as the command line has none.

    python -m tests.performance.fast_run SITES_FILE STATE_DIR [--speed N]

The Messages API is the one of ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY. The run's summary goes to stdout, and exit
statuses are `nightfold run`'s: 0 everything, 2 a part, 1 nothing.
"""

import argparse
import gc
import json
import os
import sys
from pathlib import Path

from infra.cloud.embedded import Cloud

RUN_ID = "run"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.performance.fast_run")
    parser.add_argument("--speed", type=float, default=1.0, help="of the state machine's waits and timeouts")
    parser.add_argument("sites", type=Path)
    parser.add_argument("state_dir", type=Path)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--request-timeout-s", type=int, default=120)
    options = parser.parse_args()
    given = {"max_concurrency": options.concurrency, "request_timeout_s": options.request_timeout_s}
    url, key = os.environ["ANTHROPIC_BASE_URL"], os.environ["ANTHROPIC_API_KEY"]
    parameters = {"AnthropicBaseUrl": url, "ScheduleState": "DISABLED"}
    with Cloud(options.state_dir, speed=options.speed, parameters=parameters, secret=key) as cloud:
        cloud.client("s3").put_object(
            Bucket=cloud.output("BucketName"), Key="config/sites.json", Body=options.sites.read_bytes()
        )
        execution = cloud.wait(cloud.start(given, name=RUN_ID))
    file = options.state_dir / "runs" / RUN_ID / "summary.json"
    if not file.exists():
        sys.stderr.write(f"{execution.status}: {execution.error} {execution.cause or ''}\n")
        return 1
    summary = json.loads(file.read_bytes())
    sys.stdout.write(json.dumps(summary))
    gc.freeze()  # as the command line does: the process ends here
    return {"complete": 0, "partial": 2}.get(summary["status"], 1)


if __name__ == "__main__":
    sys.exit(main())
