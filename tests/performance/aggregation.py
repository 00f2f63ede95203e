"""AggregateOutcomes over many outcomes, under AWS's runtime emulator."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nightfold.answers import RAW_ANSWER_LIMIT
from nightfold.branch import Outcome
from nightfold.contract import Plan, WorstCase
from nightfold.settings import RunConfiguration
from nightfold.sites import Site
from nightfold.storage import outcome_key, plan_key
from tests.performance import one_function

RUN_ID = "run"
Ends = Callable[[int], tuple[str, str]]  # number of a site → the kind of its outcome in both rounds
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
    one_function.remember(state, names)
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
    """Both calls of the aggregator in such a run."""
    say(f"the aggregator over {sites:,} outcomes, {ends.__name__}")
    accepted = lay_out(work / "state", sites, seed, ends)
    calls: list[one_function.Call] = [
        ({"run_id": RUN_ID, "round": 1}, {"status": "regenerate"}),
        ({"run_id": RUN_ID, "round": 2}, {"planned": sites, "accepted": accepted}),
    ]
    return {"sites": sites} | one_function.measure("Aggregator", work / "state", work, calls)
