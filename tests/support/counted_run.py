"""One run in the embedded cloud with everything counted, in a separate process, so that its memory can be measured:

python -m tests.support.counted_run < order.json

The order is `Order` as JSON, with the URL of a simulated Messages API in another process; the counts go to stdout as
JSON. `count_run` does the same in this process. A test can pass `Counts` to its own Cloud.
"""

import json
import re
import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from infra.cloud.lambdas import sandbox
from infra.cloud.lambdas.invoke import Event
from tests.support.clouds import cloud_at

MACHINE = "the state machine"
RUN_ID = "run"
REFUSED = 25  # the 25th and 75th of a hundred sites: the share of misses that the cost formula assumes
TOKENS = 1_024  # a branch
SQS_CHUNK = 65_536  # bytes; each started chunk is billed as a request
_BRIEF = "Sailing in small boats: harbours, knots, weather, and how to repair what breaks far from any shop."
_KINDS = (
    ("outcome", re.compile(r".*/outcomes/[^/]+\.json")),
    ("results", re.compile(r".*/results/[^/]+\.json")),
    *((name, re.compile(rf"runs/.*{re.escape(name)}")) for name in ("plan.json", "items.json", "misses.jsonl")),
    *((name, re.compile(rf"runs/.*{re.escape(name)}")) for name in ("summary.json", "digest.html")),
)


@dataclass(frozen=True)
class Order:
    """The run to make."""

    sites: int
    api: str  # URL
    folder: str  # an empty state directory
    concurrency: int = 40


def site_names(sites: int) -> list[str]:
    return [f"site-{number:05}" for number in range(sites)]


def refused(sites: int) -> list[str]:
    """The sites that a counted run is meant to miss, without a retry or a second round."""
    return [name for number, name in enumerate(site_names(sites)) if number % 50 == REFUSED]


def json_bytes(value: Any) -> int:
    """The size of a value as AWS counts a payload."""
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass"))


@dataclass
class Counts:
    """What the functions and the state machine of one cloud did. Safe to use from many threads."""

    requests: Counter[str] = field(default_factory=Counter)  # "who service:Operation", once per attempt
    states: Counter[str] = field(default_factory=Counter)  # entered, by name
    tasks: Counter[str] = field(default_factory=Counter)  # the states that call something
    largest: dict[str, int] = field(default_factory=dict)  # bytes, by what it is
    totals: Counter[str] = field(default_factory=Counter)  # bytes, and what is not a separate request
    calls: dict[str, list[dict[str, float]]] = field(
        default_factory=dict
    )  # each call of the functions that never run concurrently
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _begun: dict[str, tuple[float, float]] = field(default_factory=dict)

    def hook(self, service: str, operation: str, parameters: Mapping[str, Any]) -> None:
        """A hook for `meeting` that injects no faults and sees every call."""
        running = sandbox.running()
        with self._lock:
            self.requests[f"{running.function if running else MACHINE} {service}:{operation}"] += 1
            if (service, operation) == ("s3", "PutObject"):
                self._stored(running is None, parameters["Key"], parameters["Body"])
            elif (service, operation) == ("sqs", "SendMessageBatch"):
                bodies = [len(entry["MessageBody"].encode()) for entry in parameters["Entries"]]
                self._size("a message of the miss queue", max(bodies))
                self._size("a batch of misses", sum(bodies))
                self.totals["messages sent"] += len(bodies)
                self.totals["SQS chunks"] += -(-sum(bodies) // SQS_CHUNK)
            elif (service, operation) == ("sns", "Publish"):
                self._size("the morning's message", len(parameters["Message"].encode()))
                self._size("its subject", len(parameters.get("Subject", "")))

    def observe(self, event: Event) -> None:
        """Cloud(observe=…)."""
        if event.kind not in ("invoked", "returned", "failed"):
            return
        now = (event.at, time.process_time())
        size = json_bytes(event.payload)
        with self._lock:
            self._size(f"{'event' if event.kind == 'invoked' else 'result'} of the {event.function}", size)
            if event.kind == "invoked":
                self._begun[event.request_id] = now
                return
            begun = self._begun.pop(event.request_id)
            if event.function != "Collector":
                calls = self.calls.setdefault(event.function, [])
                calls.append({"seconds": now[0] - begun[0], "cpu_s": now[1] - begun[1]})

    @contextmanager
    def counting_states(self) -> Iterator[None]:
        """Enter it when the cloud is open: the interpreter then counts the states that it enters, including those of
        a distributed Map's branches, which have no history here."""
        from moto.stepfunctions.parser.asl.component.state.state import CommonStateField

        enter = CommonStateField._eval_body

        def enter_and_count(state: Any, env: Any) -> None:
            given = json_bytes(env.states.get_input())
            enter(state, env)
            returned = json_bytes(env.states.get_input())
            with self._lock:
                self.states[state.name] += 1
                self.tasks[state.name] += state.state_entered_event_type == "TaskStateEntered"
                self._size(f"input of {state.name}", given)
                self._size(f"output of {state.name}", returned)
                self.totals[f"output of {state.name}"] += returned

        with mock.patch.object(CommonStateField, "_eval_body", enter_and_count):
            yield

    @property
    def branches(self) -> int:
        return self.states["CollectSite"]

    @property
    def transitions(self) -> int:
        """As AWS bills them: each state entered, each retry, and the start of each branch, an execution of its own."""
        attempts = self.requests[f"{MACHINE} lambda:Invoke"] + self.requests[f"{MACHINE} s3:PutObject"]
        return self.states.total() + max(0, attempts - self.tasks.total()) + self.branches

    def _stored(self, by_machine: bool, key: str, body: Any) -> None:
        kind = next((kind for kind, pattern in _KINDS if pattern.fullmatch(key)), "another object")
        body = body.getvalue() if hasattr(body, "getvalue") else body
        content = body if isinstance(body, bytes) else str(body).encode()
        self._size(kind, len(content))
        self.totals[kind] += len(content)
        if by_machine:
            self._size("StoreOutcome's request, quoted twice", json_bytes(content.decode()))
        if kind == "items.json":
            self._size("one item", max(map(json_bytes, json.loads(content)), default=0))

    def _size(self, what: str, size: int) -> None:
        self.largest[what] = max(size, self.largest.get(what, 0))


def peak_mb(pid: int | str = "self") -> float:
    """Linux starts a child's `ru_maxrss` at its parent's size, so the peak is read from /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:  # macOS
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_048_576
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1_024


def count_run(order: Order) -> dict[str, Any]:
    """The run's counts. Raises RuntimeError if it did not succeed."""
    counts = Counts()
    given = {"max_concurrency": order.concurrency, "output_token_budget": order.concurrency * TOKENS}
    sites = [{"site_id": name, "domain": f"{name}.example", "brief": _BRIEF} for name in site_names(order.sites)]
    with cloud_at(Path(order.folder), order.api, faults=counts.hook, observe=counts.observe) as cloud:
        document = json.dumps(sites).encode()
        cloud.client("s3").put_object(Bucket=cloud.output("BucketName"), Key="config/sites.json", Body=document)
        deployed_mb = peak_mb()
        with counts.counting_states():
            arn = cloud.start(given, name=RUN_ID)
            began, cpu_began = time.monotonic(), time.process_time()
            ended = cloud.wait(arn, timeout=1_800)
            seconds, cpu_s = time.monotonic() - began, time.process_time() - cpu_began
        history = sum(
            len(page["events"])
            for page in cloud.client("stepfunctions")
            .get_paginator("get_execution_history")
            .paginate(executionArn=arn, includeExecutionData=False)
        )
        ended_mb = peak_mb()
    if ended.status != "SUCCEEDED":
        raise RuntimeError(f"a run of {order.sites} sites: {ended.status}, {ended.error} {ended.cause}")
    counts.totals["log"] = sum(log.stat().st_size for log in (Path(order.folder) / "logs").iterdir())
    counts._size("input of the execution", json_bytes(given))
    # The Map's result, an array of its branches' outputs, before ResultPath discards it.
    counts._size("result of the Map", counts.totals["output of StoreOutcome"] + counts.branches + 1)
    return {
        "sites": order.sites,
        "concurrency": order.concurrency,
        "missed": ended.output["missed"],
        "seconds": seconds,
        "cpu_s": cpu_s,
        "deployed_mb": deployed_mb,
        "peak_mb": ended_mb,
        "history_events": history,
        "requests": dict(sorted(counts.requests.items())),
        "states": dict(counts.states),
        "transitions": counts.transitions,
        "largest": counts.largest,
        "totals": dict(counts.totals),
        "calls": counts.calls,
    }


def main() -> None:
    sys.stdout.write(json.dumps(count_run(Order(**json.load(sys.stdin)))))


def command(order: Order) -> tuple[list[str], str]:
    """What starts a run of its own, and what it is to read."""
    return [sys.executable, "-W", "ignore", "-m", "tests.support.counted_run"], json.dumps(asdict(order))


if __name__ == "__main__":
    main()
