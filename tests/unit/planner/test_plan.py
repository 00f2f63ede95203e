"""planner/plan.py: the claim, so that a night happens once, and nothing that starts on bad input."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

import planner.handler
from nightfold.branch import CollectorEvent
from nightfold.contract import Plan
from nightfold.errors import AwsUnavailable, InvalidInput, UnexpectedError
from nightfold.sites import MAX_SITES
from nightfold.storage import SITES_KEY, items_key, plan_key
from planner.plan import Adapters, plan_run
from tests.unit.examples import STARTED, plan_task
from tests.unit.outside import Outside, Wire, error

SITES = [{"site_id": name, "domain": f"{name}.example"} for name in ("harbour", "orchard", "lantern")]
NIGHT = {"mode": "collect", "scheduled_time": "2026-11-23T03:15:00Z"}
RUN = "nightly-2026-11-23"


@pytest.fixture
def sites(outside: Outside) -> None:
    outside.put(SITES_KEY, SITES)


@pytest.mark.usefixtures("sites")
def test_a_night_is_planned(outside: Outside, planning: Adapters) -> None:
    outside.configure(max_concurrency=2)
    state = plan_run(plan_task("execution-1", given=NIGHT), planning)
    assert state.model_dump() == {
        "run_id": RUN,
        "round": 1,
        "mode": "collect",
        "status": "planned",
        "planned": 3,
        "accepted": 0,
        "missed": 0,
        "wave": 0,
        "items_key": "",
        "max_concurrency": 1,
    }
    plan = Plan.model_validate_json(outside.text(plan_key(RUN)))
    assert (plan.execution_id, plan.started_at, plan.mode) == ("execution-1", STARTED, "collect")
    tasks = [CollectorEvent(task=item).task for item in outside.read(items_key(RUN, 1))]
    assert [(task.site_id, task.run_id, task.round, task.max_tokens) for task in tasks] == [
        (site["site_id"], RUN, 1, 2_048) for site in SITES
    ]


@pytest.mark.usefixtures("sites")
def test_the_execution_input_narrows_the_run_and_leaves_the_list(outside: Outside, planning: Adapters) -> None:
    assert plan_run(plan_task("execution-1", "a", {"limit": 2}), planning).planned == 2
    state = plan_run(plan_task("execution-2", "b", {"only": ["lantern"]}), planning)
    assert [task["site_id"] for task in outside.read(items_key(state.run_id, 1))] == ["lantern"]
    assert outside.read(SITES_KEY) == SITES


@pytest.mark.usefixtures("sites")
def test_a_second_delivery_of_the_same_night_does_nothing(outside: Outside, planning: Adapters) -> None:
    plan_run(plan_task("execution-1", given=NIGHT), planning)
    before = outside.text(plan_key(RUN))
    state = plan_run(plan_task("execution-2", given=NIGHT), planning)
    assert (state.run_id, state.status) == (RUN, "nothing")
    assert outside.text(plan_key(RUN)) == before


@pytest.mark.usefixtures("sites")
def test_the_same_execution_carries_on_with_the_plan_that_it_made(outside: Outside, planning: Adapters) -> None:
    first = plan_run(plan_task("execution-1", given=NIGHT), planning)
    outside.put(SITES_KEY, SITES[:1])
    outside.configure(max_concurrency=1)
    outside.s3.delete_object(Bucket=outside.bucket, Key=items_key(RUN, 1))
    assert plan_run(plan_task("execution-1", given=NIGHT), planning) == first
    assert len(outside.read(items_key(RUN, 1))) == 3


@pytest.mark.usefixtures("sites")
def test_a_used_name_of_a_manual_run_is_refused_with_the_name(planning: Adapters) -> None:
    plan_run(plan_task("execution-1", "by-hand"), planning)
    with pytest.raises(InvalidInput, match="run_id: by-hand was already used by execution-1"):
        plan_run(plan_task("execution-2", "by-hand"), planning)


@pytest.mark.usefixtures("sites")
def test_a_claim_whose_response_was_lost_is_ones_own(outside: Outside, planning: Adapters) -> None:
    wire = Wire(outside.s3)

    wire.fail("PutObject", error(500, "InternalError"), got_through=True)
    assert plan_run(plan_task("execution-1", given=NIGHT), planning).status == "planned"
    assert wire.sent.count("PutObject") == 3


@pytest.mark.usefixtures("sites")
def test_a_claim_that_s3_does_not_decide_is_not_taken_for_that_of_another_run(
    outside: Outside, planning: Adapters
) -> None:
    Wire(outside.s3).fail("PutObject", *[error(409, "ConditionalRequestConflict")] * 3)
    with pytest.raises(ClientError, match="ConditionalRequestConflict"):
        plan_run(plan_task("execution-1", given=NIGHT), planning)
    assert plan_run(plan_task("execution-1", given=NIGHT), planning).status == "planned"


@pytest.mark.usefixtures("sites")
@pytest.mark.parametrize("number", range(1, 6))
@pytest.mark.parametrize("fault", [error(500, "InternalError"), error(503, "SlowDown")])
def test_an_outage_at_any_call_is_survived_by_the_next_attempt(
    outside: Outside, planning: Adapters, number: int, fault: Any
) -> None:
    wire = Wire(outside.s3, outside.ssm)
    operations = ["GetParameter", "GetObject", "GetObject", "PutObject", "PutObject"]
    earlier = operations[: number - 1].count(operations[number - 1])
    wire.fail(operations[number - 1], *[None] * earlier, *[fault] * 5)
    with pytest.raises(Exception, match=r"InternalError|SlowDown|SSM did not return"):
        plan_run(plan_task("execution-1", given=NIGHT), planning)
    assert plan_run(plan_task("execution-1", given=NIGHT), planning).status == "planned"
    assert {plan_key(RUN), items_key(RUN, 1)} <= outside.keys()


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"mode": "colect"}, "input.mode"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"max_concurency": 4}, "max_concurency"),
        ({"max_concurrency": 3, "output_token_budget": 700}, "output_token_budget"),
        ({"cost_ceiling_usd": 0.01}, "cost_ceiling_usd"),
        ({"cost_ceiling_usd": 1, "model": "claude-of-tomorrow"}, "cost_ceiling_usd"),
        ({"question": "article_candidate"}, "question: there is no functions/questions/article_candidate; the nearest"),
    ],
)
@pytest.mark.usefixtures("sites")
def test_bad_input_leaves_nothing_behind(
    outside: Outside, planning: Adapters, given: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        plan_run(plan_task("execution-1", given=given), planning)
    assert outside.keys() == {SITES_KEY}


def test_no_site_list_is_refused(outside: Outside, planning: Adapters) -> None:
    with pytest.raises(InvalidInput, match=r"there is no config/sites\.json"):
        plan_run(plan_task("execution-1"), planning)
    assert outside.keys() == set()


def test_no_configuration_is_refused_and_a_silent_ssm_is_not_the_users_fault(
    outside: Outside, planning: Adapters
) -> None:
    Wire(outside.ssm).fail("GetParameter", *[error(500, "InternalServerError")] * 5)
    with pytest.raises(AwsUnavailable, match="SSM did not return /nightfold/configuration"):
        plan_run(plan_task("execution-1"), planning)
    outside.ssm.delete_parameter(Name=outside.parameter)
    with pytest.raises(InvalidInput, match="there is no SSM parameter /nightfold/configuration"):
        plan_run(plan_task("execution-1"), planning)


@pytest.mark.usefixtures("sites")
def test_a_changed_configuration_takes_effect_in_the_next_run(outside: Outside, planning: Adapters) -> None:
    def planned(execution_id: str, name: str, given: object = None) -> int | str:
        plan_run(plan_task(execution_id, name, given), planning)
        return Plan.model_validate_json(outside.text(plan_key(name))).configuration.max_concurrency

    assert planned("execution-1", "first") == "auto"
    outside.configure(max_concurrency=8)
    assert planned("execution-2", "second") == 8
    assert planned("execution-3", "third", {"max_concurrency": 1}) == 1


def test_the_largest_list_is_planned(outside: Outside, planning: Adapters) -> None:
    outside.configure(remember=0)  # or it would read 10,000 memories
    outside.put(SITES_KEY, [{"site_id": f"s{n}", "domain": f"s{n}.example"} for n in range(MAX_SITES)])
    assert plan_run(plan_task("execution-1"), planning).planned == MAX_SITES


@pytest.fixture
def deployed(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKET", outside.bucket)
    monkeypatch.setenv("CONFIGURATION_PARAMETER", outside.parameter)
    monkeypatch.setenv("MISS_QUEUE_URL", outside.miss_queue)
    monkeypatch.setenv("MESSAGES_API", "real")
    monkeypatch.setenv("RUN_RETENTION_DAYS", "0")


@pytest.mark.usefixtures("sites", "deployed")
def test_the_handler_takes_the_context_of_the_execution_and_gives_plain_json() -> None:
    event = plan_task("execution-1").model_dump(mode="json") | {"started_at": "2026-11-23T03:15:07.123Z"}
    state = planner.handler.handler(event, None)
    assert json.loads(json.dumps(state)) == state
    assert (state["status"], state["planned"]) == ("planned", 3)


@pytest.mark.usefixtures("deployed")
def test_the_handler_names_its_errors(outside: Outside) -> None:
    with pytest.raises(InvalidInput, match=r"event\.execution_name: is missing"):
        planner.handler.handler({"execution_id": "1", "started_at": "2026-11-23T03:15:07Z", "input": {}}, None)
    outside.s3.delete_bucket(Bucket=outside.bucket)
    with pytest.raises(UnexpectedError, match="NoSuchBucket"):
        planner.handler.handler(plan_task("1").model_dump(mode="json"), None)
