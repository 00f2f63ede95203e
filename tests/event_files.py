"""events/: one payload per boundary, as one small night in the embedded cloud has it.

`python -m tests.event_files` writes the files anew; tests/unit/test_events.py parses every one with the model below.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel, TypeAdapter

from aggregator.aggregate import AggregateTask
from infra.cloud.lambdas.invoke import Event
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from nightfold.branch import CollectorEvent, Outcome, SiteTask
from nightfold.contract import Plan, RunState, Summary
from nightfold.misses import Miss
from nightfold.settings import RunConfiguration
from nightfold.sites import SiteList
from nightfold.storage import SITES_KEY, items_key, outcome_key, pace_key, plan_key, summary_key
from nightfold.waves import Pace
from pacer.pace_run import PaceTask
from planner.draft import PlanTask
from planner.inputs import ExecutionInput
from reporter.digest import DigestTask
from tests.support.clouds import PATIENCE_S, cloud_at

EVENTS = Path(__file__).parents[1] / "events"
FUNCTIONS = EVENTS.with_name("functions")

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
RUN = "nightly-2026-11-23"
STORED = {
    "plan.json": plan_key(RUN),
    "items.json": items_key(RUN, 1),
    "pace.json": pace_key(RUN, 1, 1),
    "outcome-answered.json": outcome_key(RUN, 1, "harbour"),
    "outcome-failed.json": outcome_key(RUN, 1, "meadow"),
    "summary.json": summary_key(RUN),
}


def night(state: Path) -> list[Event]:
    """lantern breaks the contract twice, meadow is rejected."""
    seen = list[Event]()
    scenario = Scenario(sites={"lantern": ["wrong_shape", "prose"], "meadow": [400]})
    with MessagesAPI(scenario) as api, cloud_at(state, api.url, observe=seen.append) as cloud:
        sites = (EVENTS / "sites.json").read_bytes()
        cloud.client("s3").put_object(Bucket=cloud.output("BucketName"), Key=SITES_KEY, Body=sites)
        cloud.wait(cloud.start(NIGHTLY), timeout=PATIENCE_S)
    return seen


def written(state: Path, seen: list[Event]) -> dict[str, Any]:
    """The files' contents."""
    invoked = {event.function: event.payload for event in reversed(seen) if event.kind == "invoked"}
    tasks = [event.payload for event in seen if (event.kind, event.function) == ("invoked", "Collector")]
    messages = [json.loads(file.read_bytes()) for file in (state / "queues" / "MissQueue").glob("*.json")]
    misses = [json.loads(message["body"]) for message in messages]
    return {
        "execution-nightly.json": NIGHTLY,
        "execution-redrive.json": {"mode": "redrive"},
        "configuration.json": RunConfiguration().model_dump(mode="json"),
        **{f"{name}.json": invoked[name.title()] for name in ("planner", "pacer", "aggregator", "reporter")},
        "state.json": next(each.payload for each in seen if (each.kind, each.function) == ("returned", "Planner")),
        "collector.json": next(each for each in tasks if each["task"]["site_id"] == "harbour"),
        "collector-regenerate.json": next(each for each in tasks if each["task"]["round"] == 2),
        **{name: json.loads((state / key).read_bytes()) for name, key in STORED.items()},
        "miss.json": next(miss for miss in misses if miss["reason"] == "schema"),
    }


def main() -> None:
    with TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        for name, document in written(state, night(state)).items():
            text = json.dumps(document, indent=2, ensure_ascii=False)
            text = text.replace(str(FUNCTIONS), "/var/task")  # of stack traces
            (EVENTS / name).write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
