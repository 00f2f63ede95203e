"""AggregateOutcomes over many outcomes, as a package under AWS's runtime emulator and with the template's memory.

The outcomes are in the embedded cloud's bucket, which is served on a port of this process: what S3 would take for its
answers is in the elapsed time, what the function itself does is its CPU time. The function's process has the limit of
the template for its data, and its highest memory is what the kernel has noted of it.
"""

import json
import random
import resource
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from infra.cloud.embedded import Cloud
from infra.cloud.lambdas.python_runtime import Function
from infra.packaging import packages
from nightfold.answers import RAW_ANSWER_LIMIT
from nightfold.branch import Outcome
from nightfold.contract import Plan, WorstCase
from nightfold.settings import RunConfiguration
from nightfold.sites import Site
from nightfold.storage import outcome_key, plan_key
from tests.performance.memories import remember
from tests.support.counted_run import memory_mb
from tests.support.runtime_emulator import Emulator

RUN_ID = "run"
Ends = Callable[[int], tuple[str, str]]  # number of a site → the kind of its outcome in both rounds
FULL_PROCESSOR_MB = 1_769  # Lambda gives a function its share of a processor by its memory
PROSE = "Here are five ideas for your site, each with a title and an angle. "
LENGTHS = {"broken": 700, "chatter": RAW_ANSWER_LIMIT + 4_000, "failed": 0}
_WORDS = ("harbour", "tide", "ledger", "orchard", "lantern", "storm", "queue", "compass", "meadow", "signal", "anchor")


def answer(chance: random.Random) -> str:
    """One that keeps the contract."""

    def words(count: int) -> str:
        return " ".join(chance.choices(_WORDS, k=count))

    return json.dumps([{"title": words(9), "angle": words(18)} for _ in range(5)])


def outcome(site_id: str, round_: int, chance: random.Random, kind: str) -> bytes:
    """As StoreOutcome leaves it on AWS: JSON, quoted as a JSON string. `kind` is good, broken, failed or chatter, which
    is broken too, and as long as a miss can keep it."""
    now = datetime.now(UTC).isoformat()
    cause = {"errorMessage": "attempt 3: 529 overloaded_error", "errorType": "Overloaded", "requestId": "r"}
    answered = {
        "text": answer(chance) if kind == "good" else (PROSE * LENGTHS[kind])[: LENGTHS[kind]],
        "stop_reason": "end_turn",
        "input_tokens": 300,
        "output_tokens": 500,
        "model": "claude-sonnet-5-5",
        "request_id": "req_011C2b8f7f2a0c9d4e6f8a1b",
        "latency_ms": 3_210,
        "rate_limits": {
            f"anthropic-ratelimit-{what}-{how}": "400000"
            for what in ("requests", "input-tokens", "output-tokens")
            for how in ("limit", "remaining", "reset")
        },
        "calls": [[0.0, 3.2]],
    }
    failure = {"reason": "network", "caught": {"Error": "Overloaded", "Cause": json.dumps(cause)}}
    document = {
        "schema_version": 1,
        "run_id": RUN_ID,
        "round": round_,
        "site_id": site_id,
        "outcome": "failed" if kind == "failed" else "answered",
        "answer": None if kind == "failed" else answered,
        "failure": failure if kind == "failed" else None,
        "started_at": now,
        "ended_at": now,
    }
    Outcome.model_validate(document)
    return json.dumps(json.dumps(document)).encode()


def usual(number: int) -> tuple[str, str]:
    """What a site's rounds end with: of forty sites two break the contract, one of them twice, and two fail."""
    return {7: ("broken", "good"), 27: ("broken", "broken"), 13: ("failed", ""), 33: ("failed", "")}.get(
        number % 40, ("good", "")
    )


def worst(_: int) -> tuple[str, str]:
    """Every site breaks the contract twice, at length: as after an untried change of the model."""
    return "chatter", "chatter"


def lay_out(state: Path, sites: int, seed: int, ends: Ends) -> int:
    """A run whose round 1 is over, and round 2 of those that broke the contract, with full memories. How many sites it
    will accept."""
    chance = random.Random(seed)
    names = [f"site-{number:05}" for number in range(sites)]
    plan = Plan(
        run_id=RUN_ID,
        mode="collect",
        execution_id=f"arn:aws:states:us-east-1:123456789012:execution:nightly:{RUN_ID}",
        started_at=datetime.now(UTC),
        configuration=RunConfiguration(max_concurrency=400, output_token_budget=400 * 1_024),
        sites=[Site(site_id=name, domain=f"{name}.example", brief=" ".join(_WORDS)) for name in names],
        worst_case=WorstCase(model_calls=6 * sites, input_tokens=0, output_tokens=0, cost_usd=None),
    )
    remember(state, names)
    accepted = 0
    for round_ in (1, 2):
        (state / outcome_key(RUN_ID, round_, "")).parent.mkdir(parents=True)
    (state / plan_key(RUN_ID)).write_text(plan.model_dump_json())
    for number, name in enumerate(names):
        for round_, kind in enumerate(ends(number), 1):
            accepted += kind == "good"
            if kind:
                (state / outcome_key(RUN_ID, round_, name)).write_bytes(outcome(name, round_, chance, kind))
    return accepted


def measure(sites: int, seed: int, work: Path, say: Callable[[str], None], ends: Ends = usual) -> dict[str, Any]:
    """Both calls of the aggregator in such a run. An `error` is among the figures where one failed."""
    say("packages for this machine")
    built = packages.for_this_machine()
    say(f"{sites:,} outcomes, {ends.__name__}")
    accepted = lay_out(work / "state", sites, seed, ends)
    functions: list[Function] = []

    with Emulator(built, work / "emulator") as emulator:

        def run(function: Function, environment: Any, event: bytes) -> Any:
            functions.append(function)
            return emulator.invoke(function, environment, event)

        with Cloud(work / "state", runtime=run) as cloud, cloud.serve() as emulator.endpoint:
            cloud.invoke("Aggregator", {"run_id": "another", "round": 1})  # an error, and a process that goes on
            allowed_mb, timeout_s = functions[0].memory_mb, functions[0].timeout_s
            process = limited(allowed_mb)
            idle_mb = memory_mb("VmRSS", process.pid)
            rounds = []
            for round_, expected in ((1, {"status": "regenerate"}), (2, {"planned": sites, "accepted": accepted})):
                say(f"the aggregator over {sites:,} outcomes, round {round_}")
                rounds.append(_call(cloud, process, round_, expected))
    return {
        "sites": sites,
        "memory_mb": allowed_mb,
        "timeout_s": timeout_s,
        "idle_mb": idle_mb,
        "peak_mb": max(of_round["peak_mb"] for of_round in rounds),
        "seconds": max(of_round["seconds"] for of_round in rounds),
        # What its CPU time alone would take with the share of a processor that this much memory gets.
        "lambda_cpu_s": max(of_round["cpu_s"] for of_round in rounds) * max(1.0, FULL_PROCESSOR_MB / allowed_mb),
        "error": next((of_round["error"] for of_round in rounds if of_round["error"]), None),
        "rounds": rounds,
    }


def _call(cloud: Cloud, process: psutil.Process, round_: int, expected: dict[str, Any]) -> dict[str, Any]:
    before, began = process.cpu_times(), time.monotonic()
    result, error = cloud.invoke("Aggregator", {"run_id": RUN_ID, "round": round_})
    seconds, after = time.monotonic() - began, process.cpu_times()
    if not error and {key: result[key] for key in expected} != expected:
        raise RuntimeError(f"the aggregator returned {result} in round {round_}; expected {expected}")
    return {
        "round": round_,
        "seconds": seconds,
        "cpu_s": after.user + after.system - before.user - before.system,
        "peak_mb": memory_mb("VmHWM", process.pid),
        "error": error,
    }


def limited(allowed_mb: int) -> psutil.Process:
    """The process of the one function that runs, with a limit for its data."""
    [process] = _runtimes()
    resource.prlimit(process.pid, resource.RLIMIT_DATA, (allowed_mb * 1_048_576, allowed_mb * 1_048_576))
    return process


def _runtimes() -> Iterator[psutil.Process]:
    """The functions' own processes, below the emulators that this process has started."""
    for child in psutil.Process().children(recursive=True):
        if Path(child.exe()).name.startswith("python") and "awslambdaric" in child.cmdline():
            yield child
