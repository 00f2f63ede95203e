"""planner/redrive.py, executions.py and miss_queue.py: the morning run's plan."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from nightfold.contract import Plan
from nightfold.errors import AwsUnavailable, InvalidInput
from nightfold.storage import REDRIVE_LEASE_KEY, SITES_KEY, items_key, plan_key, summary_key
from planner.miss_queue import PLANNING_S, RUN_S
from planner.plan import Adapters, plan_run
from planner.redrive import lease
from tests.unit.examples import miss, plan_task, site
from tests.unit.outside import Outside, Wire, error, response

REDRIVE = {"mode": "redrive"}
UNDER_ONE_ANSWER = {"cost_ceiling_usd": 0.001}  # so that the plan is refused when the messages are received
LISTED = ("harbour", "orchard", *(f"site-{number}" for number in range(23)))


@pytest.fixture(autouse=True)
def site_list(outside: Outside) -> None:
    outside.put(SITES_KEY, [site(name).model_dump() for name in LISTED])


def redrive(planning: Adapters, execution_id: str = "execution-1", **given: Any) -> Any:
    return plan_run(plan_task(execution_id, execution_id, REDRIVE | given), planning)


def test_an_empty_queue_is_nothing_to_do(outside: Outside, planning: Adapters) -> None:
    assert redrive(planning).status == "nothing"
    assert outside.keys() == {REDRIVE_LEASE_KEY, SITES_KEY}


def test_waiting_misses_become_the_plan_and_are_hidden_for_the_run(outside: Outside, planning: Adapters) -> None:
    outside.enqueue(*[miss(f"site-{number}") for number in range(23)])
    wire = Wire(outside.sqs)
    state = redrive(planning)
    assert (state.status, state.planned) == ("planned", 23)
    made = Plan.model_validate_json(outside.text(plan_key("execution-1")))
    assert {entry.site_id for entry in made.sites} == made.messages.keys() == {f"site-{n}" for n in range(23)}
    assert len(outside.read(items_key("execution-1", 1))) == 23
    assert outside.count(outside.miss_queue) == (0, 23)
    assert not [call for call in wire.sent if call.startswith("Delete")]


def test_several_messages_for_one_site_become_one_branch_and_the_most_attempts_count(
    outside: Outside, planning: Adapters
) -> None:
    outside.enqueue(
        miss("harbour", age_days=2, attempts=1),
        miss("harbour", age_days=0, attempts=1),
        miss("harbour", age_days=1, attempts=2),
        miss("orchard"),
    )
    assert redrive(planning).planned == 2
    made = Plan.model_validate_json(outside.text(plan_key("execution-1")))
    assert {site_id: len(messages) for site_id, messages in made.messages.items()} == {"harbour": 3, "orchard": 1}
    assert made.attempts == {"harbour": 2, "orchard": 0}


@pytest.mark.parametrize(
    ("body", "explanation"),
    [
        ("hello", "not a miss of Nightfold: body: Invalid JSON"),
        ("{}", "not a miss of Nightfold: run_id: Field required"),
        ("[]", "not a miss of Nightfold: body: "),
        (json.dumps(miss("harbour").model_dump(mode="json") | {"schema_version": 2}), "schema_version"),
        (json.dumps(miss("harbour").model_dump(mode="json") | {"reason": "weather"}), "reason"),
        (json.dumps(miss("harbour").model_dump(mode="json") | {"more": 1}), "more"),
        (json.dumps(miss("harbour").model_dump(mode="json") | {"site": {"site_id": "../x"}}), "site.site_id"),
    ],
)
def test_a_message_that_is_not_a_miss_is_listed_with_the_reason_and_stops_no_site(
    outside: Outside, planning: Adapters, body: str, explanation: str
) -> None:
    outside.enqueue(body, miss("orchard"))
    assert redrive(planning).planned == 1
    made = Plan.model_validate_json(outside.text(plan_key("execution-1")))
    ((unrecognized),) = made.unrecognized
    assert unrecognized.body == body
    assert explanation in unrecognized.explanation
    assert len(unrecognized.explanation) <= 200


def test_unrecognized_messages_alone_are_a_run_without_sites(outside: Outside, planning: Adapters) -> None:
    outside.enqueue("hello", "there")
    state = redrive(planning)
    assert (state.status, state.planned) == ("planned", 0)
    assert outside.read(items_key("execution-1", 1)) == []


def test_messages_of_a_refused_plan_are_given_back(outside: Outside, planning: Adapters) -> None:
    outside.enqueue("hello", *[miss(f"site-{number}", overrides=UNDER_ONE_ANSWER) for number in range(11)])
    with pytest.raises(InvalidInput, match="cost_ceiling_usd"):
        redrive(planning)
    assert outside.count(outside.miss_queue) == (12, 0)
    assert redrive(planning, cost_ceiling_usd=None).planned == 11


def test_messages_that_cannot_be_given_back_hide_no_refusal_and_stop_no_morning(
    outside: Outside, planning: Adapters
) -> None:
    """They are visible again within minutes. A failure would be retried at once, and find the queue empty."""
    wire = Wire(outside.sqs)
    outside.enqueue(miss("harbour", overrides=UNDER_ONE_ANSWER))
    wire.fail("ChangeMessageVisibilityBatch", *[error(500, "InternalError")] * 5)
    with pytest.raises(InvalidInput, match="cost_ceiling_usd"):
        redrive(planning)
    outside.enqueue(miss("harbour"), miss("orchard", simulated=True))
    wire.fail("ChangeMessageVisibilityBatch", *[error(500, "InternalError")] * 5)
    assert redrive(planning).planned == 1


def test_messages_that_no_plan_names_are_given_back_when_the_claim_cannot_be_written(
    outside: Outside, planning: Adapters
) -> None:
    outside.enqueue(miss("harbour"))
    Wire(outside.s3).fail("PutObject", *[error(503, "SlowDown")] * 5, about="plan.json")
    with pytest.raises(ClientError, match="SlowDown"):
        redrive(planning)
    assert redrive(planning).planned == 1


def test_a_retry_of_the_same_redrive_hides_its_messages_again_and_receives_none(
    outside: Outside, planning: Adapters
) -> None:
    outside.enqueue(miss("harbour"))
    first = redrive(planning)
    wire = Wire(outside.sqs)
    assert redrive(planning) == first
    assert wire.sent == ["ChangeMessageVisibilityBatch"]


def test_hiding_that_fails_on_their_side_is_an_outage_and_a_message_that_is_gone_is_none(
    outside: Outside, planning: Adapters
) -> None:
    def refused(sender_fault: bool) -> Callable[[Any], Any]:
        entry = {"Id": "0", "SenderFault": sender_fault, "Code": "InternalError", "Message": "no"}
        return lambda request: response(request, 200, json.dumps({"Successful": [], "Failed": [entry]}))

    outside.enqueue(miss("harbour"))
    Wire(outside.sqs).fail("ChangeMessageVisibilityBatch", refused(False), refused(True))
    with pytest.raises(AwsUnavailable, match="1 messages could not be hidden: InternalError"):
        redrive(planning)
    assert redrive(planning).status == "planned"


def test_the_queue_is_hidden_first_for_planning_and_then_for_the_run(outside: Outside, planning: Adapters) -> None:
    asked: list[int] = []
    for operation in ("ReceiveMessage", "ChangeMessageVisibilityBatch"):
        outside.sqs.meta.events.register(
            f"provide-client-params.sqs.{operation}",
            lambda params, **_: asked.append(
                params.get("VisibilityTimeout") or params["Entries"][0]["VisibilityTimeout"]
            ),
        )
    outside.enqueue(miss("harbour"))
    redrive(planning)
    assert asked == [PLANNING_S, PLANNING_S, RUN_S]


# --- one redrive at a time ----------------------------------------------------------------------------------------


def test_two_redrives_never_run_side_by_side(outside: Outside, planning: Adapters) -> None:
    first, second = outside.start("first"), outside.start("second")
    outside.enqueue(miss("harbour"))
    assert plan_run(plan_task(first, "first", REDRIVE), planning).status == "planned"
    outside.enqueue(miss("orchard"))
    assert plan_run(plan_task(second, "second", REDRIVE), planning).status == "nothing"
    assert outside.count(outside.miss_queue) == (1, 1)
    outside.put(summary_key("first"), {})
    outside.stop(first)
    assert plan_run(plan_task(second, "second", REDRIVE), planning).planned == 1


def test_a_lease_of_an_unknown_execution_is_taken(outside: Outside, planning: Adapters) -> None:
    me = outside.start("me")
    for holder in (f"{me}-gone", f"{me}-{'x' * 300}", "no arn at all", me.replace("nightly", "other"), ""):
        outside.put(REDRIVE_LEASE_KEY, {"schema_version": 1, "execution_id": holder})
        assert lease(me, planning.bucket, planning.executions)
        assert outside.read(REDRIVE_LEASE_KEY)["execution_id"] == me


@pytest.mark.parametrize("junk", [b"", b"hello", b"[]", b"{}", b"null", b"\xff", b"[" * 100_000])
def test_a_lease_that_cannot_be_read_is_replaced_by_its_etag(
    outside: Outside, planning: Adapters, printed: Callable[[], str], junk: bytes
) -> None:
    outside.s3.put_object(Bucket=outside.bucket, Key=REDRIVE_LEASE_KEY, Body=junk)
    assert lease("me", planning.bucket, planning.executions)
    assert outside.read(REDRIVE_LEASE_KEY)["execution_id"] == "me"
    assert '"error":"UnreadableLease"' in printed()


@pytest.mark.parametrize("stored", [b"hello", b'{"schema_version": 1, "execution_id": "gone"}'])
def test_of_two_that_take_over_the_same_lease_one_gets_it(outside: Outside, planning: Adapters, stored: bytes) -> None:
    outside.s3.put_object(Bucket=outside.bucket, Key=REDRIVE_LEASE_KEY, Body=stored)

    def another_was_faster(_: Any) -> None:
        other = b'{"schema_version": 1, "execution_id": "other"}'
        boto3.client("s3").put_object(Bucket=outside.bucket, Key=REDRIVE_LEASE_KEY, Body=other)

    Wire(outside.s3).fail("PutObject", None, another_was_faster)
    assert not lease("me", planning.bucket, planning.executions)


def test_a_lease_that_was_taken_over_with_a_lost_response_is_ones_own(outside: Outside, planning: Adapters) -> None:
    outside.put(REDRIVE_LEASE_KEY, {"schema_version": 1, "execution_id": "gone"})

    Wire(outside.s3).fail("PutObject", None, error(500, "InternalError"), got_through=True)
    assert lease("me", planning.bucket, planning.executions)


def test_step_functions_that_does_not_answer_is_an_error_and_no_verdict(outside: Outside, planning: Adapters) -> None:
    first = outside.start("first")
    outside.put(REDRIVE_LEASE_KEY, {"schema_version": 1, "execution_id": first})
    Wire(outside.states).fail("DescribeExecution", *[error(500, "InternalFailure")] * 5)
    with pytest.raises(ClientError):
        lease(f"{first}-me", planning.bucket, planning.executions)
