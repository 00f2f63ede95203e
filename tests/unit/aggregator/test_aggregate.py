"""aggregator/aggregate.py and census.py: two rounds, the misses, the morning run's acknowledgements."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

import aggregator.handler
from aggregator.aggregate import Adapters, AggregateTask, aggregate
from nightfold.branch import Outcome
from nightfold.contract import Plan, RunState, Summary
from nightfold.errors import UnexpectedError
from nightfold.misses import Miss, UnrecognizedMessage, WaitingMessage
from nightfold.storage import items_key, misses_key, outcome_key, pace_key, plan_key, results_key, summary_key
from nightfold.waves import Pace
from tests.unit.examples import answered, failed, miss, plan, raised, wave
from tests.unit.outside import Outside, Wire, error

OVERLOADED = raised("Overloaded", "attempt 3 after RateLimited, Overloaded: 529 overloaded_error: Overloaded")


def store(outside: Outside, *documents: Plan | Outcome | Pace) -> None:
    """A plan is stored with one wave over all of its sites, as long as no other wave 1 is."""
    for document in documents:
        match document:
            case Plan():
                key = plan_key(document.run_id)
                store(outside, wave(document))
            case Pace():
                key = pace_key(document.run_id, document.round, document.wave)
            case Outcome():
                key = outcome_key(document.run_id, document.round, document.site_id)
        outside.put(key, document.model_dump(mode="json"))


def close(aggregating: Adapters, round_: int = 2, run_id: str = "night") -> RunState:
    return aggregate(AggregateTask(run_id=run_id, round=round_), aggregating)


def summary(outside: Outside, run_id: str = "night") -> Summary:
    return Summary.model_validate_json(outside.text(summary_key(run_id)))


def received(outside: Outside, *bodies: str) -> list[WaitingMessage]:
    """At most ten bodies as messages that a redrive has received, in the same order."""
    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
    sent = outside.sqs.send_message_batch(QueueUrl=outside.miss_queue, Entries=entries)["Successful"]
    found = outside.sqs.receive_message(QueueUrl=outside.miss_queue, MaxNumberOfMessages=10)["Messages"]
    handles = {message["MessageId"]: message["ReceiptHandle"] for message in found}
    ids = [entry["MessageId"] for entry in sorted(sent, key=lambda entry: int(entry["Id"]))]
    return [WaitingMessage(message_id=message_id, receipt_handle=handles[message_id]) for message_id in ids]


def test_a_fine_night_is_closed_after_round_1(outside: Outside, aggregating: Adapters) -> None:
    store(outside, plan("harbour", "orchard"), answered("night", "harbour"), answered("night", "orchard"))
    state = close(aggregating, 1)
    assert (state.status, state.planned, state.accepted, state.missed) == ("complete", 2, 2, 0)
    assert outside.read(results_key("night", "harbour")) == {
        "schema_version": 1,
        "run_id": "night",
        "simulated": False,
        "site_id": "harbour",
        "question": "article_candidates",
        "round": 1,
        "entries": [{"title": f"Title {n}", "angle": f"Angle {n}."} for n in range(1, 6)],
        "repeated": [],
        "memory_readable": True,
    }
    assert outside.text(misses_key("night")) == ""
    assert outside.count(outside.miss_queue) == (0, 0)


def test_only_broken_answers_are_regenerated_with_what_was_wrong(outside: Outside, aggregating: Adapters) -> None:
    store(
        outside,
        plan("harbour", "orchard", "lantern", "meadow"),
        answered("night", "harbour"),
        answered("night", "orchard", '[{"title": "T"}]'),
        answered("night", "lantern", "", stop_reason="refusal"),
        failed("night", "meadow", OVERLOADED),
    )
    state = close(aggregating, 1)
    assert (state.status, state.round, state.wave) == ("regenerate", 2, 0)
    (item,) = outside.read(items_key("night", 2))
    assert (item["site_id"], item["round"], item["max_tokens"]) == ("orchard", 2, 2_048)
    assert item["violation"] == "candidate 1, angle: Field required"
    assert results_key("night", "harbour") in outside.keys()  # noqa: SIM118 - a method of ours
    assert summary_key("night") not in outside.keys()  # noqa: SIM118
    assert close(aggregating, 1) == state


@pytest.mark.parametrize(
    ("configuration", "stop_reason", "tokens"),
    [
        ({"max_concurrency": 4}, "end_turn", 1_024),
        ({"max_concurrency": 4}, "max_tokens", 2_048),
        ({"max_concurrency": "auto"}, "end_turn", 2_048),
        ({"max_concurrency": "auto"}, "max_tokens", 4_096),
        ({"max_concurrency": "auto", "answer_tokens": 6_000}, "max_tokens", 8_192),
    ],
)
def test_a_truncated_answer_is_regenerated_with_more_tokens(
    outside: Outside, aggregating: Adapters, configuration: dict[str, Any], stop_reason: str, tokens: int
) -> None:
    sites = ["harbour", "orchard", "lantern", "meadow"]
    answers = [answered("night", name, "[", stop_reason=stop_reason) for name in sites]
    store(outside, plan(*sites, **configuration), *answers)
    assert close(aggregating, 1).status == "regenerate"
    assert {item["max_tokens"] for item in outside.read(items_key("night", 2))} == {tokens}


def test_the_census_counts_every_ending_of_both_rounds(outside: Outside, aggregating: Adapters) -> None:
    store(
        outside,
        plan("fine", "healed", "broken", "overloaded", "refused", "silent", "later-down"),
        answered("night", "fine", attempt=2, earlier_errors=["RateLimited"]),
        *[answered("night", name, "prose") for name in ("healed", "broken", "later-down")],
        failed("night", "overloaded", OVERLOADED),
        answered("night", "refused", "", stop_reason="refusal"),
    )
    assert close(aggregating, 1).status == "regenerate"
    store(
        outside,
        answered("night", "healed", round_=2),
        answered("night", "broken", "more prose", round_=2),
        failed("night", "later-down", OVERLOADED, round_=2),
    )
    state = close(aggregating)
    assert (state.status, state.planned, state.accepted, state.missed) == ("partial", 7, 2, 5)
    counted = summary(outside)
    assert counted.missed.model_dump() == {"network": 2, "schema": 1, "unknown": 2}
    assert (counted.regenerated, counted.model_calls, counted.rate_limited) == (3, 2 + 3 + 3 + 1 + 2 + 3, 3)
    assert (counted.tokens.input, counted.tokens.output) == (7 * 210, 7 * 190)
    assert counted.cost_usd == pytest.approx(7 * (210 * 2 + 190 * 10) / 1_000_000)
    assert [(site.site_id, site.error, site.rounds) for site in counted.sites] == [
        ("fine", None, 1),
        ("healed", None, 2),
        ("broken", "SchemaViolation", 2),
        ("overloaded", "Overloaded", 1),
        ("refused", "Refused", 1),
        ("silent", "Unaccounted", 1),
        ("later-down", "Overloaded", 2),
    ]
    misses = {body["site"]["site_id"]: Miss.model_validate(body) for body in outside.drain(outside.miss_queue)}
    assert {name: (entry.reason, entry.raw_answer) for name, entry in misses.items()} == {
        "broken": ("schema", "more prose"),
        "overloaded": ("network", None),
        "refused": ("unknown", None),
        "silent": ("unknown", None),
        "later-down": ("network", "prose"),
    }
    assert misses["broken"].raw_answer_key == outcome_key("night", 2, "broken")
    assert misses["later-down"].raw_answer_key == outcome_key("night", 1, "later-down")
    lines = [Miss.model_validate_json(line) for line in outside.text(misses_key("night")).splitlines()]
    assert {line.site.site_id: line for line in lines} == misses


def test_the_summary_is_written_last_and_the_misses_before_the_queue(outside: Outside, aggregating: Adapters) -> None:
    store(outside, plan("harbour", "orchard"), answered("night", "harbour"), failed("night", "orchard", OVERLOADED))
    wire = Wire(outside.s3, outside.sqs)
    close(aggregating)
    assert wire.sent[-3:] == ["PutObject", "SendMessageBatch", "PutObject"]


def test_a_closed_run_is_not_touched_again(outside: Outside, aggregating: Adapters) -> None:
    store(outside, plan("harbour"), failed("night", "harbour", OVERLOADED))
    state = close(aggregating)
    wire = Wire(outside.s3, outside.sqs)
    assert close(aggregating) == close(aggregating, 1) == state
    assert wire.sent == ["GetObject", "GetObject"]


def test_a_run_that_died_is_closed_with_what_it_had(outside: Outside, aggregating: Adapters) -> None:
    store(
        outside, plan("harbour", "orchard", "lantern"), answered("night", "harbour"), answered("night", "orchard", "?")
    )
    state = close(aggregating, 2)  # round 2 never took place
    assert (state.status, state.accepted) == ("partial", 1)
    assert [(site.error, site.rounds) for site in summary(outside).sites] == [
        (None, 1),
        ("SchemaViolation", 1),
        ("Unaccounted", 1),
    ]


def test_an_outcome_without_read_permission_is_unaccounted_and_stops_no_site(
    outside: Outside, aggregating: Adapters
) -> None:
    store(outside, plan("harbour", "orchard"), answered("night", "harbour"), answered("night", "orchard"))
    Wire(outside.s3).fail("GetObject", error(403, "AccessDenied"), about="outcomes/harbour")
    assert close(aggregating, 1).accepted == 1
    (missed,) = outside.drain(outside.miss_queue)
    assert (missed["error"], missed["reason"]) == ("Unaccounted", "unknown")
    assert "AccessDenied" in missed["message"]


@pytest.mark.parametrize(("round_", "status", "code"), [(1, 500, "InternalError"), (2, 400, "RequestTimeout")])
def test_an_outcome_is_not_given_up_because_s3_fails(
    outside: Outside, aggregating: Adapters, round_: int, status: int, code: str
) -> None:
    store(outside, plan("harbour", "orchard"), answered("night", "harbour"), answered("night", "orchard", "prose"))
    wire = Wire(outside.s3, outside.sqs)
    if round_ == 2:
        assert close(aggregating, 1).status == "regenerate"
    wire.fail("GetObject", *[error(status, code)] * 5, about="round-1/outcomes/harbour")
    with pytest.raises(ClientError, match=code):
        close(aggregating, round_)
    assert close(aggregating, 1).status == "regenerate"
    store(outside, answered("night", "orchard", round_=2))
    assert close(aggregating, 2).status == "complete"
    assert "SendMessageBatch" not in wire.sent


def test_what_an_earlier_pass_has_stored_stays_accepted(outside: Outside, aggregating: Adapters) -> None:
    store(outside, plan("harbour", "orchard"), answered("night", "harbour"), answered("night", "orchard", "prose"))
    assert close(aggregating, 1).status == "regenerate"
    store(outside, answered("night", "harbour", "prose"))  # as a contract that was made stricter meanwhile judges it
    store(outside, answered("night", "orchard", round_=2))
    assert close(aggregating, 2).status == "complete"
    assert [(site.error, site.entries, site.rounds) for site in summary(outside).sites] == [(None, 5, 1), (None, 5, 2)]


# --- the morning run ---------------------------------------------------------------------------------------------


def test_nothing_is_acknowledged_before_its_candidates_are_stored(outside: Outside, aggregating: Adapters) -> None:
    messages = {"a": received(outside, miss("a").model_dump_json())}
    store(outside, plan("a", mode="redrive", of_redrive={"messages": messages}), answered("night", "a"))
    wire = Wire(outside.s3, outside.sqs)
    wire.fail("PutObject", *[error(503, "SlowDown")] * 5, about="results/a.json")
    with pytest.raises(Exception, match="SlowDown"):
        close(aggregating)
    assert "DeleteMessageBatch" not in wire.sent
    assert close(aggregating).status == "complete"
    assert outside.count(outside.miss_queue) == (0, 0)


def test_what_is_no_miss_is_parked_with_the_explanation(outside: Outside, aggregating: Adapters) -> None:
    (handle,) = received(outside, "hello\u2028\x7f")
    unrecognized = UnrecognizedMessage(
        **handle.model_dump(), body="hello\u2028\x7f", explanation="not a miss of Nightfold"
    )
    store(outside, plan(mode="redrive", of_redrive={"unrecognized": [unrecognized]}))
    assert close(aggregating).status == "complete"
    assert outside.count(outside.miss_queue) == (0, 0)
    assert outside.drain(outside.parked_queue) == [
        {"explanation": "not a miss of Nightfold", "body": "hello\u2028\x7f"}
    ]


# --- edges ----------------------------------------------------------------------------------------------------------


def test_a_run_without_a_plan_is_an_error_that_is_not_retried(aggregating: Adapters) -> None:
    with pytest.raises(UnexpectedError, match="run night has no plan"):
        close(aggregating)


def test_the_log_has_numbers_and_no_answers(
    outside: Outside, aggregating: Adapters, printed: Callable[[], str]
) -> None:
    marker = "MARKER-c0ffee"
    store(outside, plan("harbour"), answered("night", "harbour", f'[{{"{marker}": "{marker}"}}]'))
    close(aggregating, 1)
    store(outside, wave(plan("harbour"), round_=2))
    close(aggregating, 2)
    text = printed()
    assert marker not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line.get("status") for line in lines if "step" in line] == ["regenerate", "failed"]
    (metrics,) = [line for line in lines if "_aws" in line]
    assert (metrics["MissedUnknown"], metrics["Accepted"]) == ([1.0], [0.0])  # round 2 left no outcome


def test_the_handler_gives_plain_json_and_names_what_no_retry_mends(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUCKET", outside.bucket)
    monkeypatch.setenv("MISS_QUEUE_URL", outside.miss_queue)
    monkeypatch.setenv("PARKED_QUEUE_URL", outside.parked_queue)
    store(outside, plan("harbour"), answered("night", "harbour"))
    state = aggregator.handler.handler({"run_id": "night", "round": 1}, None)
    assert json.loads(json.dumps(state))["status"] == "complete"
    for key in outside.keys():  # noqa: SIM118
        outside.s3.delete_object(Bucket=outside.bucket, Key=key)
    outside.s3.delete_bucket(Bucket=outside.bucket)
    with pytest.raises(UnexpectedError, match="NoSuchBucket"):
        aggregator.handler.handler({"run_id": "night", "round": 1}, None)


def test_of_many_sites_a_miss_keeps_less_of_a_long_broken_answer(outside: Outside, aggregating: Adapters) -> None:
    """S3 has the whole answers. All of them together would not fit into the function's memory."""
    sites = [f"site-{number}" for number in range(1_250)]
    store(outside, plan(*sites), *(answered("night", site, "x" * 30_000) for site in sites[:2]))
    close(aggregating)
    misses = [Miss.model_validate_json(line) for line in outside.text(misses_key("night")).splitlines()]
    assert [15_990 < len(entry.raw_answer or "") <= 16_000 for entry in misses[:2]] == [True, True]
    assert len(misses) == 1_250
