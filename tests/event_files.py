"""events/: one payload per boundary, as the code itself makes it in one small night.

`python -m tests.event_files` writes the files anew; tests/unit/test_events.py parses every one with the model below.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws
from pydantic import BaseModel, TypeAdapter

from aggregator.aggregate import Adapters, AggregateTask, aggregate
from aggregator.miss_queue import MissQueue as Misses
from collector.claude import Claude
from collector.collect import collect
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from nightfold.branch import CollectorEvent, Outcome, SiteTask
from nightfold.contract import Plan, RunState, Summary
from nightfold.errors import RequestRejected
from nightfold.misses import Miss
from nightfold.settings import RunConfiguration
from nightfold.sites import SiteList
from nightfold.storage import SITES_KEY, Bucket, items_key, outcome_key, pace_key, plan_key, summary_key
from nightfold.waves import Pace
from pacer.pace_run import Adapters as PaceAdapters
from pacer.pace_run import PaceTask, pace_run
from planner.configuration import ConfigurationParameter
from planner.draft import PlanTask
from planner.executions import Executions
from planner.inputs import ExecutionInput
from planner.miss_queue import MissQueue
from planner.plan import Adapters as PlanAdapters
from planner.plan import plan_run
from reporter.digest import DigestTask
from tests.unit.outside import Outside

EVENTS = Path(__file__).parents[1] / "events"

MODELS: dict[str, type[BaseModel] | TypeAdapter[Any]] = {
    "aggregator.json": AggregateTask,
    "collector-regenerate.json": CollectorEvent,
    "collector.json": CollectorEvent,
    "configuration.json": RunConfiguration,
    "env.json": TypeAdapter(dict[str, dict[str, str]]),
    "execution-nightly.json": ExecutionInput,
    "execution-redrive.json": ExecutionInput,
    "items.json": TypeAdapter(list[SiteTask]),
    "miss.json": Miss,
    "outcome-answered.json": Outcome,
    "outcome-failed.json": Outcome,
    "pace.json": Pace,
    "pacer.json": PaceTask,
    "plan.json": Plan,
    "planner.json": PlanTask,
    "reporter.json": DigestTask,
    "scenario.json": Scenario,
    "sites-with-articles.json": SiteList,
    "sites.json": SiteList,
    "state.json": RunState,
    "summary.json": Summary,
}

NIGHTLY = {"mode": "collect", "scheduled_time": "2026-11-23T03:15:00Z", "time_zone": "UTC"}
EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:nightfold-nightly:5c1b9f5e-5a3a-4f7e-9a0f-3f1f0f6d2c11"
RUN = "nightly-2026-11-23"


def write(name: str, document: object) -> None:
    (EVENTS / name).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def asked(claude: Claude, event: CollectorEvent) -> Outcome:
    """What the state machine stores for the branch."""
    try:
        return collect(event, claude.ask)
    except RequestRejected as error:
        caught = {"Error": type(error).__name__, "Cause": json.dumps({"errorMessage": str(error)})}
        return Outcome(
            run_id=event.task.run_id,
            round=event.task.round,
            site_id=event.task.site_id,
            outcome="failed",
            answer=None,
            failure={"reason": "unknown", "caught": caught},  # as it is stored
            started_at=event.started_at,
            ended_at=event.started_at,
        )


def night(world: Outside, api: MessagesAPI) -> None:
    bucket = Bucket(world.bucket, world.s3)
    aggregating = Adapters(
        bucket=bucket, misses=Misses(world.miss_queue, world.sqs), parked=Misses(world.parked_queue, world.sqs)
    )
    started = datetime.now(UTC).isoformat().replace("+00:00", "Z")  # the summary counts from it
    planner_event = {
        "execution_id": EXECUTION,
        "execution_name": EXECUTION.rpartition(":")[2],
        "started_at": started,
        "input": NIGHTLY,
    }
    write("execution-nightly.json", NIGHTLY)
    write("execution-redrive.json", {"mode": "redrive"})
    write("planner.json", planner_event)
    write("configuration.json", RunConfiguration().model_dump(mode="json"))
    bucket.put(SITES_KEY, (EVENTS / "sites.json").read_bytes())
    state = plan_run(
        PlanTask.model_validate(planner_event),
        PlanAdapters(
            bucket=bucket,
            parameter=ConfigurationParameter(world.parameter, world.ssm),
            queue=MissQueue(world.miss_queue, world.sqs),
            executions=Executions(world.states),
            simulated=False,
        ),
    )
    write("state.json", state.model_dump(mode="json"))
    write("plan.json", world.read(plan_key(RUN)))
    write("items.json", world.read(items_key(RUN, 1)))
    pacing = {"run_id": RUN, "round": 1, "wave": 0, "started_at": started}
    write("pacer.json", pacing)
    write("aggregator.json", {"run_id": RUN, "round": 1, "dead": False})
    write("reporter.json", {"run_id": RUN})
    claude = Claude("sk-simulated", api.url)
    for round_ in (1, 2):
        paced = PaceTask.model_validate(pacing | {"round": round_})
        pace_run(paced, PaceAdapters(bucket=bucket, reserved_concurrency=0))
        for item in world.read(items_key(RUN, round_)):
            event = CollectorEvent.model_validate({"task": item, "attempt": 0, "started_at": started})
            outcome = asked(claude, event).model_dump(mode="json")
            world.put(outcome_key(RUN, round_, event.task.site_id), outcome)
            names = {("harbour", 1): "answered", ("meadow", 1): "failed"}
            if name := names.get((event.task.site_id, round_)):
                write(f"outcome-{name}.json", outcome)
            if event.task.site_id == ("harbour", "lantern")[round_ - 1]:
                write("collector.json" if round_ == 1 else "collector-regenerate.json", event.model_dump(mode="json"))
        aggregate(AggregateTask(run_id=RUN, round=round_), aggregating)
    claude.close()
    write("pace.json", world.read(pace_key(RUN, 1, 1)))
    write("summary.json", world.read(summary_key(RUN)))
    write("miss.json", next(body for body in world.drain(world.miss_queue) if body["reason"] == "schema"))


def main() -> None:
    session = boto3.Session("testing", "testing", "testing", region_name="eu-central-1")
    os.environ |= {"POWERTOOLS_SERVICE_NAME": "nightfold", "POWERTOOLS_METRICS_NAMESPACE": "Nightfold"}
    with mock_aws(), MessagesAPI(speed=100) as api:
        api.script("lantern", ["wrong_shape", "prose"])
        api.script("meadow", [400])
        night(Outside.create(session), api)


if __name__ == "__main__":
    main()
