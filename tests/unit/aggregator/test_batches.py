"""aggregator/miss_queue.py: batches that fail partly, are throttled, or hold the worst that a model can write."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from aggregator.aggregate import Adapters
from aggregator.judge import trimmed
from aggregator.miss_queue import TRIES, MissQueue
from nightfold.errors import AwsUnavailable
from nightfold.misses import UnrecognizedMessage
from tests.unit.aggregator.test_aggregate import close, received, store
from tests.unit.examples import answered, miss, plan, site
from tests.unit.outside import Outside, Wire, error, response

LIMIT = 262_144


@pytest.fixture
def queue(outside: Outside) -> MissQueue:
    return MissQueue(outside.miss_queue, outside.sqs)


def some_fail(outside: Outside, *ids: str, sender_fault: bool = False) -> Any:
    """A 200 in which the given entries failed; the others got through."""

    def answer(request: Any) -> Any:
        through = [entry for entry in json.loads(request.body)["Entries"] if entry["Id"] not in ids]
        for entry in through:
            outside.sqs.send_message(QueueUrl=outside.miss_queue, MessageBody=entry["MessageBody"])
        done = [{"Id": entry["Id"], "MessageId": "of SQS"} for entry in through]
        failed = [{"Id": i, "SenderFault": sender_fault, "Code": "InternalError"} for i in ids]
        return response(request, 200, json.dumps({"Successful": done, "Failed": failed}))

    return answer


def test_bodies_are_sent_in_batches_of_ten(outside: Outside, queue: MissQueue) -> None:
    wire = Wire(outside.sqs)
    queue.send(json.dumps(number) for number in range(23))
    assert wire.sent == ["SendMessageBatch"] * 3
    assert sorted(outside.drain(outside.miss_queue)) == list(range(23))


def test_nothing_to_send_is_no_call(outside: Outside, queue: MissQueue) -> None:
    wire = Wire(outside.sqs)
    queue.send([])
    queue.acknowledge([])
    assert wire.sent == []


def test_entries_that_failed_are_sent_again_and_the_others_are_not(outside: Outside, queue: MissQueue) -> None:
    wire = Wire(outside.sqs)
    wire.fail("SendMessageBatch", some_fail(outside, "1", "3"), some_fail(outside, "3"))
    queue.send(json.dumps(number) for number in range(5))
    assert wire.sent.count("SendMessageBatch") == 3
    assert sorted(outside.drain(outside.miss_queue)) == [0, 1, 2, 3, 4]
    assert outside.waits == [0.2, 0.4]


@pytest.mark.parametrize("sender_fault", [False, True])
def test_a_miss_that_sqs_keeps_refusing_makes_the_step_run_again(
    outside: Outside, queue: MissQueue, sender_fault: bool
) -> None:
    Wire(outside.sqs).fail("SendMessageBatch", *[some_fail(outside, "0", sender_fault=sender_fault)] * TRIES)
    with pytest.raises(AwsUnavailable, match="SQS refused 1 entries 4 times: InternalError"):
        queue.send(["{}"])


def test_an_answer_that_is_cut_short_confirms_nothing(outside: Outside, queue: MissQueue) -> None:
    half: Any = lambda request: response(request, 200, '{"Failed": [{"Id": "0", "Code": "Int')  # noqa: E731
    wire = Wire(outside.sqs)
    wire.fail("SendMessageBatch", half)
    assert len(queue.send(["0", "1"])) == 2
    assert sorted(outside.drain(outside.miss_queue)) == [0, 1]
    wire.fail("SendMessageBatch", *[half] * TRIES)
    with pytest.raises(AwsUnavailable, match="SQS refused 1 entries 4 times: no answer"):
        queue.send(["2"])


def test_a_throttled_acknowledgement_is_botocores_to_retry_and_then_the_state_machines(
    outside: Outside, queue: MissQueue
) -> None:
    (message,) = received(outside, "{}")
    wire = Wire(outside.sqs)
    wire.fail("DeleteMessageBatch", *[error(400, "ThrottlingException")] * 4)
    queue.acknowledge([message.receipt_handle])
    assert outside.count(outside.miss_queue) == (0, 0)
    wire.fail("DeleteMessageBatch", *[error(400, "ThrottlingException")] * 5)
    with pytest.raises(ClientError, match="ThrottlingException"):
        queue.acknowledge([message.receipt_handle])
    assert wire.sent.count("DeleteMessageBatch") == 10


def test_a_message_that_is_gone_is_acknowledged_already(outside: Outside, queue: MissQueue) -> None:
    wire = Wire(outside.sqs)
    wire.fail("DeleteMessageBatch", some_fail(outside, "0", sender_fault=True))
    queue.acknowledge(["gone"])
    assert wire.sent == ["DeleteMessageBatch"]


HOSTILE = {
    "quotation marks": '"',
    "backslashes": "\\",
    "NUL": "\0",
    "Chinese": "港",
    "emoji": "\U0001f6a2",
    "what SQS refuses": "\uffff",
    "line separators": "\u2028",
    "lone surrogate, replaced": "\ufffd",
}


@pytest.mark.parametrize("character", HOSTILE.values(), ids=HOSTILE)
def test_ten_hostile_raw_answers_fit_into_one_batch(outside: Outside, aggregating: Adapters, character: str) -> None:
    sizes: list[int] = []
    bodies: list[str] = []

    def measure(params: dict[str, Any], **_: object) -> None:
        sizes.append(sum(len(entry["MessageBody"].encode()) for entry in params["Entries"]))
        bodies.extend(entry["MessageBody"] for entry in params["Entries"])

    outside.sqs.meta.events.register("provide-client-params.sqs.SendMessageBatch", measure)
    store(
        outside,
        plan(*[f"site-{number}" for number in range(10)]),
        *[answered("night", f"site-{number}", character * 16_000) for number in range(10)],
    )
    assert close(aggregating, 2).missed == 10
    assert len(sizes) == 1
    assert sizes[0] < LIMIT
    for body in bodies:
        assert len(body.splitlines()) == 1
        assert not set(body) & {"\uffff", "\ufffe"}, "SQS refuses or replaces these"
    assert {body["raw_answer"][0] for body in outside.drain(outside.miss_queue)} == {character}


def test_the_longest_briefs_beside_the_longest_raw_answers_fit_into_what_sqs_takes(queue: MissQueue) -> None:
    longest = miss(site("x" * 63, domain="d" * 60 + ".example", brief="\U0001f6a2" * 2_000)).model_copy(
        update={"raw_answer": trimmed("\\" * 100_000), "message": "m" * 500}
    )
    assert 10 * len(longest.model_dump_json().encode()) < 1_048_576
    queue.send([longest.model_dump_json()] * 10)


def test_large_unrecognized_messages_are_parked_all_the_same(outside: Outside, aggregating: Adapters) -> None:
    bodies = [str(number) + "\\" * 170_000 for number in range(6)]  # each within what SQS takes, and all of them
    unrecognized = tuple(
        UnrecognizedMessage(**message.model_dump(), body=body, explanation="not a miss")
        for message, body in zip(received(outside, *bodies), bodies, strict=True)
    )
    store(outside, plan(mode="redrive", of_redrive={"unrecognized": unrecognized}))
    assert close(aggregating).status == "complete"
    assert outside.count(outside.parked_queue) == (6, 0)
