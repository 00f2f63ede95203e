"""One run of 10,000 sites with 5 % of each kind of fault: `python -m tests.chaos.scale --sites 10000`.

Prints the census, the duration, and the process's peak memory, including the simulated API.
"""

import argparse
import random
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from tests.support.clouds import UNLIMITED, cloud_at, hurried, put_sites
from tests.support.faults import FailEntries, Fault, LoseTheAnswer, Refuse
from tests.support.ledger import Broken, Ledger

SPEED = 10.0  # the machine's 6 hours become 36 minutes, the aggregator's 15 minutes 90 seconds
MEMORY_MB = 800
SHARE = 0.05
OF_THE_API: tuple[Any, ...] = (
    *(429, 529, 503, 500, "reset", "drop", "cut_json", "html", "not_a_message"),
    *("prose", "wrong_shape", "empty_list", "max_tokens", "refusal", 400, 401, 402, "spend_limit"),
)
OF_AWS: dict[tuple[str, str], Fault] = {
    ("s3", "GetObject"): Refuse(503, "SlowDown"),
    ("s3", "PutObject"): LoseTheAnswer(),
    ("sqs", "SendMessageBatch"): FailEntries(frozenset({"0", "5"})),
    ("sqs", "DeleteMessageBatch"): Refuse(400, "RequestThrottled"),
    ("ssm", "GetParameter"): Refuse(500, "InternalServerError"),
    ("lambda", "Invoke"): Refuse(429, "TooManyRequestsException"),
}


class FivePercent:
    """One in twenty AWS calls of each kind fails."""

    def __init__(self, seed: int) -> None:
        self.injected: Counter[str] = Counter()
        self._random, self._lock = random.Random(seed), threading.Lock()

    def __call__(self, service: str, operation: str, _: Mapping[str, Any]) -> Fault | None:
        fault = OF_AWS.get((service, operation))
        with self._lock:
            if fault is None or self._random.random() >= SHARE:
                return None
            self.injected[f"{service} {operation}"] += 1
        return fault


def scenario(sites: list[str], seed: int) -> Scenario:
    """5 % of the sites for each kind; half of those fail until they are missed."""
    drawn = random.Random(seed)
    shuffled = drawn.sample(sites, len(sites))
    each = int(len(sites) * SHARE)
    scripts = {
        site: [kind] * (3 if number % 2 else 1)
        for place, kind in enumerate(OF_THE_API)
        for number, site in enumerate(shuffled[place * each : (place + 1) * each])
    }
    return Scenario.model_validate({"sites": dict.fromkeys(sites, ("ok",)) | scripts, "limits": UNLIMITED})


def measure(sites: int, seed: int, concurrency: int) -> bool:
    names = [f"site-{number:05}" for number in range(sites)]
    faults = FivePercent(seed)
    folder = Path(tempfile.mkdtemp(prefix="nightfold-scale-"))
    given = {
        "max_concurrency": concurrency,
        "output_token_budget": concurrency * 1_024,
        "request_timeout_s": 30,
    }
    with (
        MessagesAPI(scenario(names, seed), seed=seed, speed=100, keep_prompts=False) as api,
        cloud_at(folder, api.url, faults=faults, speed=SPEED) as cloud,
        hurried(100),
    ):
        put_sites(cloud, names)
        started = time.monotonic()
        run = cloud.wait(cloud.start(given, name="run"), timeout=3_600)
        seconds = time.monotonic() - started
        calls = len(api.history)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    try:
        ledger = Ledger.read(folder)
        ledger.check()
        broken = ""
    except Broken as error:
        broken = str(error)[:500]
    summary = ledger.summaries.get("run")
    if summary is None or run.status != "SUCCEEDED" or memory > MEMORY_MB:
        broken += f" {run.status} {run.error} {run.cause}, {memory:.0f} MB"
    sys.stdout.write(f"{sites} sites, {concurrency} at once, seed {seed}: {run.status} in {seconds:.0f} s\n")
    if summary is not None:
        missed = summary.missed
        sys.stdout.write(
            f"planned {summary.planned} = accepted {summary.accepted} + missed {missed.network} network, "
            f"{missed.schema_} schema, {missed.unknown} unknown; {len(ledger.waiting)} sites wait in the queue\n"
            f"{summary.regenerated} regenerated; {calls} calls of the API, {summary.model_calls} counted\n"
        )
    sys.stdout.write(f"{sum(faults.injected.values())} faults of AWS: {dict(faults.injected)}\n")
    sys.stdout.write(f"at most {memory:.0f} MB, the simulated API included\n")
    sys.stdout.write(f"BROKEN: {broken}\n" if broken else "every guarantee held\n")
    if not broken:
        shutil.rmtree(folder)
    return not broken


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.scale", description=__doc__)
    parser.add_argument("--sites", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return 0 if measure(options.sites, options.seed, options.concurrency) else 1


if __name__ == "__main__":
    sys.exit(main())
