"""Once: duplicate deliveries, retries, used names, concurrent mornings, several or unrecognized messages."""

import itertools
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.state.parked_misses import ParkedMessages
from infra.state.queued_misses import read_messages
from tests.integration.reopenable_cloud import BY_HAND, MORNING, NIGHT, SPEED, ReopenableCloud, opened
from tests.support.clouds import PATIENCE_S, wait_until
from tests.support.faults import Delay, Fault, Refuse


@pytest.fixture
def place(tmp_path: Path) -> Iterator[ReopenableCloud]:
    with opened(tmp_path / "state") as place:
        yield place


def test_consecutive_deliveries_of_a_night_are_one_run_even_after_the_process_ended(place: ReopenableCloud) -> None:
    first, second = place.run(NIGHT), place.run(NIGHT)
    place.reopen()
    late = place.run(NIGHT)
    assert [each.output["status"] for each in (first, second, late)] == ["complete", "nothing", "nothing"]
    assert (place.api.calls("harbour.example"), place.api.calls("orchard.example")) == (1, 1)
    assert list(place.ledger().summaries) == ["nightly-2026-11-23"]


def test_two_concurrent_deliveries_of_a_night_are_one_run(place: ReopenableCloud) -> None:
    barrier = threading.Barrier(2, timeout=10)

    def meet_at_the_claim(function: str, operation: str) -> Fault | None:
        if (function, operation) == ("Planner", "PutObject"):
            try:
                barrier.wait()  # both have seen that the run is not claimed
            except threading.BrokenBarrierError:  # the winner's second write
                return None
            barrier.abort()
        return None

    place.fault = meet_at_the_claim
    arns = [place.cloud.start(NIGHT) for _ in range(2)]
    ended = [place.cloud.wait(arn, PATIENCE_S) for arn in arns]
    assert sorted(execution.output["status"] for execution in ended) == ["complete", "nothing"]
    assert len(place.api.history) == 2


def test_a_planner_that_crashed_after_its_claim_leaves_a_run_that_the_morning_closes(place: ReopenableCloud) -> None:
    crash = iter([True])

    def crash_between_claim_and_items(function: str, operation: str) -> Fault | None:
        claimed = (place.state_dir / "runs" / "by-hand" / "plan.json").exists()
        if (function, operation) == ("Planner", "PutObject") and claimed and next(crash, False):
            raise SystemExit
        return None

    place.fault = crash_between_claim_and_items
    place.run(BY_HAND, name="by-hand")
    if place.ledger().unclosed:
        assert place.run(MORNING, name="morning").output["status"] == "complete"
    assert place.ledger().accepted == {"harbour", "orchard"}
    assert len(place.api.history) == 2


def test_a_retried_plan_of_the_same_execution_carries_on(place: ReopenableCloud) -> None:
    refused = iter([Refuse(500, "InternalError")] * 6)  # the first attempt of PlanRun, and a little of the second

    def items_cannot_be_written(function: str, operation: str) -> Fault | None:
        claimed = (place.state_dir / "runs" / "by-hand" / "plan.json").exists()
        return next(refused, None) if (function, operation) == ("Planner", "PutObject") and claimed else None

    place.fault = items_cannot_be_written
    assert place.run(BY_HAND, name="by-hand").output["status"] == "complete"
    assert len(place.api.history) == 2


def test_a_used_name_is_refused_with_the_execution_that_has_it(place: ReopenableCloud) -> None:
    place.run(BY_HAND, name="by-hand")
    place.reopen()  # the name of an execution is free again after 90 days, here with each process
    again = place.run(BY_HAND, name="by-hand")
    assert (again.status, again.error) == ("FAILED", "InvalidInput")
    assert again.cause is not None
    assert "run_id: by-hand was already used by arn:aws:states:" in again.cause
    assert len(place.api.history) == 2


@pytest.mark.parametrize(
    "given", [None, 5, "x", [], {"scheduled_time": "9999-12-31T23:59:59Z", "time_zone": "Asia/Tokyo"}]
)
def test_input_that_is_not_an_object_is_refused_by_name(place: ReopenableCloud, given: Any) -> None:
    refused = place.run(given)
    assert (refused.status, refused.error) == ("FAILED", "InvalidInput")
    assert (refused.cause or "").startswith("input: ")


def test_two_mornings_at_the_same_time_collect_no_site_twice_and_acknowledge_all_its_messages(
    place: ReopenableCloud,
) -> None:
    place.api.script("harbour", [400])
    place.api.script("orchard", [400])
    place.run(NIGHT)
    place.send_to_the_miss_queue(*[miss.body for miss in read_messages(place.state_dir, "waiting")] * 10)
    place.fault = lambda function, _: Delay(0.02) if function == "Planner" else None
    arns = [place.cloud.start(MORNING, name=f"morning-{number}") for number in range(2)]
    ended = [place.cloud.wait(arn, PATIENCE_S) for arn in arns]
    assert sorted(execution.output["status"] for execution in ended) == ["complete", "nothing"]
    assert (place.api.calls("harbour"), place.api.calls("orchard")) == (2, 2)
    assert place.ledger().accepted == {"harbour", "orchard"}
    assert read_messages(place.state_dir, "waiting") == []


def test_a_morning_that_starts_during_another_one_does_nothing(place: ReopenableCloud) -> None:
    place.api.script("harbour", [400, {"do": "slow", "latency_s": 8 * SPEED}])
    place.run(NIGHT)
    first = place.cloud.start(MORNING, name="first")
    wait_until(lambda: place.api.calls("harbour") == 2)
    second = place.run(MORNING, name="second")
    assert place.cloud.execution(first).status == "RUNNING"
    assert second.output["status"] == "nothing"
    assert place.cloud.wait(first, PATIENCE_S).output["status"] == "complete"
    assert place.api.calls("harbour") == 2


def test_a_morning_whose_receive_was_interrupted_finds_every_message_again(place: ReopenableCloud) -> None:
    sites = [f"site-{number:02}" for number in range(12)]  # SQS gives ten at a time
    for site in sites:
        place.api.script(site, ["refusal"])
    place.sites(*sites)
    place.run(NIGHT)
    receives = itertools.count(1)

    def break_off(_: str, operation: str) -> Fault | None:
        return Refuse(500, "InternalError") if operation == "ReceiveMessage" and 2 <= next(receives) <= 6 else None

    place.fault = break_off
    morning = place.run(MORNING, name="morning")
    assert (morning.output["planned"], morning.output["accepted"]) == (12, 12)
    assert read_messages(place.state_dir, "waiting") == []


def test_unrecognized_messages_are_parked_with_an_explanation_and_do_no_harm(place: ReopenableCloud) -> None:
    place.api.script("harbour", [400])
    place.run(NIGHT)
    unrecognized = ["hello", "", '{"schema_version": 99}', "[" * 5_000, '{"site": null}', "\u202eolleh"]
    place.send_to_the_miss_queue(*filter(None, unrecognized))
    morning = place.run(MORNING, name="morning")
    assert (morning.output["planned"], morning.output["accepted"]) == (1, 1)
    assert read_messages(place.state_dir, "waiting") == []
    parked = [json.loads(message.body) for message in read_messages(place.state_dir, "parked")]
    assert sorted(message["body"] for message in parked) == sorted(filter(None, unrecognized))
    assert all(message["explanation"].startswith("not a miss of Nightfold: ") for message in parked)


def test_a_site_that_three_runs_have_missed_is_parked(place: ReopenableCloud) -> None:
    place.api.script("harbour", [400] * 4)
    place.run(NIGHT)
    for attempts in (1, 2):
        [miss] = read_messages(place.state_dir, "waiting")
        assert json.loads(miss.body)["attempts"] == attempts
        morning = place.run(MORNING, name=f"morning-{attempts}")
        assert (morning.status, morning.output["status"]) == ("SUCCEEDED", "failed"), "only a night raises an alarm"
    assert read_messages(place.state_dir, "waiting") == []
    [parked] = read_messages(place.state_dir, "parked")
    assert json.loads(parked.body)["site"]["site_id"] == "harbour"
    assert place.run(MORNING, name="morning-3").output["status"] == "nothing"
    assert place.api.calls("harbour") == 3
    place.close()
    parked_messages = ParkedMessages(place.state_dir)
    parked_messages.unpark(parked_messages.misses())
    place.reopen()
    assert place.run(MORNING, name="morning-4").output["status"] == "failed", "the fourth 400"
    [miss] = read_messages(place.state_dir, "waiting")
    assert json.loads(miss.body)["attempts"] == 1, "counted from the beginning"
    assert place.run(MORNING, name="morning-5").output["status"] == "complete"


def test_reading_the_queue_and_refused_mornings_are_not_attempts(place: ReopenableCloud) -> None:
    place.api.script("harbour", [400])
    place.run(NIGHT)
    sqs, queue = place.cloud.client("sqs"), place.cloud.output("MissQueueUrl")
    for number in range(4):
        assert sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"]
        refused = place.run(MORNING | {"cost_ceiling_usd": 0.000001}, name=f"refused-{number}")
        assert refused.error == "InvalidInput"
    assert place.run(MORNING, name="morning").output["status"] == "complete"
    assert read_messages(place.state_dir, "parked") == []


def test_a_redrive_leaves_the_other_kind_of_miss_and_asks_as_the_list_is_now(place: ReopenableCloud) -> None:
    place.api.script("harbour", [400])
    place.api.script("orchard", [400])
    place.run(NIGHT)
    [harbour] = [m for m in read_messages(place.state_dir, "waiting") if '"site_id": "harbour"' in m.body]
    place.send_to_the_miss_queue(json.dumps(json.loads(harbour.body) | {"simulated": True}))
    place.sites("orchard", "lantern")
    morning = place.run(MORNING, name="morning")
    assert (morning.output["planned"], morning.output["accepted"]) == (1, 1)
    [waiting] = [json.loads(message.body) for message in read_messages(place.state_dir, "waiting")]
    assert (waiting["simulated"], waiting["attempts"]) == (True, 1)
    [parked] = [json.loads(message.body) for message in read_messages(place.state_dir, "parked")]
    assert parked["message"].startswith("no longer in the site list")


def test_a_site_that_a_later_night_accepted_is_not_paid_for_again(place: ReopenableCloud) -> None:
    today = datetime.now(UTC).date()  # a redrive looks into the nights whose names are not older than the miss
    place.api.script("harbour", [400])
    place.run(NIGHT)
    place.run(NIGHT | {"scheduled_time": f"{today}T03:15:00Z"})
    morning = place.run(MORNING, name="morning")
    assert (morning.status, morning.output["planned"]) == ("SUCCEEDED", 0)
    assert place.api.calls("harbour") == 2
    assert read_messages(place.state_dir, "waiting") == []
    [settled] = place.ledger().summaries["morning"].settled
    assert (settled.site_id, settled.accepted_in) == ("harbour", f"nightly-{today}")
