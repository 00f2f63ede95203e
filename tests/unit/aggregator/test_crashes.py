"""Everything the aggregator does may be done twice: it dies at every single AWS call, before it was sent and after,
is started again, and must leave the same results, the same census, the same memory and no site forgotten."""

import json
from collections import Counter
from typing import Any

import boto3
import pytest

from aggregator.aggregate import Adapters
from nightfold.contract import Summary
from nightfold.memory import read_memory
from nightfold.misses import UnrecognizedMessage
from nightfold.storage import Bucket, memory_key, misses_key, results_key, summary_key
from tests.unit.aggregator.test_aggregate import OVERLOADED, close, received, store
from tests.unit.examples import answered, failed, miss, plan, titled
from tests.unit.outside import Crash, Outside, Wire

SITES = ("fine", "healed", "broken", "down", "silent")
KNOWN = "Of the first night"  # which each night proposes, and one that is new
ENDINGS = {"fine": None, "healed": None, "broken": "SchemaViolation", "down": "Overloaded", "silent": "Unaccounted"}


def begin(outside: Outside, mode: Any, run_id: str) -> None:
    """A run whose round 1 is over."""
    if mode == "redrive":
        handles = received(outside, *[miss(name).model_dump_json() for name in SITES], "hello")
        unrecognized = UnrecognizedMessage(**handles.pop().model_dump(), body="hello", explanation="not a miss")
        messages = {name: [handle] for name, handle in zip(SITES, handles, strict=True)}
        redriven = {"messages": messages, "unrecognized": [unrecognized]}
        store(outside, plan(*SITES, run_id=run_id, mode=mode, of_redrive=redriven))
    else:
        store(outside, plan(*SITES, run_id=run_id))
    store(
        outside,
        answered(run_id, "fine", titled(KNOWN, f"Of {run_id}")),
        answered(run_id, "healed", "prose"),
        answered(run_id, "broken", "prose"),
        failed(run_id, "down", OVERLOADED),
    )


def round_2(outside: Outside, run_id: str) -> None:
    store(
        outside,
        answered(run_id, "healed", titled(KNOWN, f"Of {run_id}"), round_=2),
        answered(run_id, "broken", "prose", round_=2),
    )


def end(outside: Outside, aggregating: Adapters, run_id: str, wire: Wire, number: int, after: bool) -> bool:
    """The whole run, with one crash at call `number`. False where it needed fewer calls."""
    crashed = False
    round_ = 1
    with wire.crash(number, after=after):
        try:
            if close(aggregating, round_, run_id).status == "regenerate":
                round_ = 2
                round_2(outside, run_id)
                close(aggregating, round_, run_id)
        except Crash:
            crashed = True
    if close(aggregating, round_, run_id).status == "regenerate":
        round_2(outside, run_id)
        close(aggregating, 2, run_id)
    return crashed


# To die after call n is nearly to die before call n + 1, so one of each is enough.
@pytest.mark.parametrize(("mode", "after"), [("collect", False), ("redrive", True)])
def test_a_crash_at_any_call_and_another_try_leave_the_same(
    outside: Outside, aggregating: Adapters, aws_session: boto3.Session, mode: str, after: bool
) -> None:
    calls = Wire(outside.s3, outside.sqs)
    quiet = outside.unwatched(aws_session)
    crashed_at = []
    for number in range(1, 60):
        run_id = f"night-{number}"
        begin(quiet, mode, run_id)
        if not end(quiet, aggregating, run_id, calls, number, after):
            break
        crashed_at.append(number)
        check(quiet, mode, run_id)
        for name in ("fine", "healed"):
            of_nights = [f"Of night-{each}" for each in crashed_at]
            memory = read_memory(quiet.text(memory_key(name, "article_candidates")).encode())
            assert memory is not None
            assert [each.heading for each in memory.real] == [KNOWN, *of_nights]
            stored = quiet.read(results_key(run_id, name))["entries"]
            assert [entry["title"] for entry in stored] == [*([KNOWN] if number == 1 else []), of_nights[-1]]
    assert len(crashed_at) > 15
    assert crashed_at == list(range(1, len(crashed_at) + 1))


def check(outside: Outside, mode: str, run_id: str) -> None:
    summary = Summary.model_validate_json(outside.text(summary_key(run_id)))
    assert {site.site_id: site.error for site in summary.sites} == ENDINGS
    assert (summary.planned, summary.accepted, summary.regenerated) == (5, 2, 2)
    assert summary.missed.model_dump() == {"network": 1, "schema": 1, "unknown": 1}
    assert (summary.model_calls, summary.tokens.input) == (1 + 2 + 2 + 3, 5 * 210)
    missed = {name for name, error in ENDINGS.items() if error}
    stored = set(Bucket(outside.bucket, outside.s3).keys(f"runs/{run_id}/results/"))
    assert stored == {results_key(run_id, name) for name in ENDINGS.keys() - missed}
    lines = [json.loads(line) for line in outside.text(misses_key(run_id)).splitlines()]
    assert Counter(line["site"]["site_id"] for line in lines) == Counter(missed)
    waiting = outside.drain(outside.miss_queue)
    assert {body["site"]["site_id"] for body in waiting} == missed  # none forgotten, none kept
    assert {body["attempts"] for body in waiting} == {1}  # a message may be there twice, an attempt counts once
    assert outside.count(outside.miss_queue) == (0, 0)
    if mode == "redrive":
        parked = outside.drain(outside.parked_queue)
        assert parked
        assert all(message == {"explanation": "not a miss", "body": "hello"} for message in parked)
