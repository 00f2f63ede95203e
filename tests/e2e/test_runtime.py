"""The built packages under AWS's own runtime: a whole night, every row of the table of failures, IAM on.

Processes of the Lambda Runtime Interface Emulator run the packages, with nothing else on their path; the state machine,
S3, SQS and SSM are the embedded cloud's, served on a port.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.cloud.embedded import Cloud
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from infra.packaging import packages
from infra.packaging.emulator import Emulator, available
from nightfold.answers import ANSWER_LIMIT
from tests.failure_table import TABLE, Row

SPEED = 20.0
AT_ONCE = 12

pytestmark = [
    pytest.mark.xdist_group("runtime"),
    pytest.mark.skipif(not available(), reason="the Runtime Interface Emulator is a Linux program"),
]


@pytest.fixture(scope="module")
def built() -> Path:
    return packages.for_this_machine()


class Night:
    """What is left of the night when it is over."""

    def __init__(self, built: Path, folder: Path) -> None:
        scenario = Scenario.model_validate({"sites": {row.site_id: list(row.script) for row in TABLE}})
        sites = [{"site_id": row.site_id, "domain": f"{row.site_id}.example"} for row in TABLE]
        with (
            MessagesAPI(scenario, speed=SPEED) as api,
            Emulator(built, folder / "emulator") as emulator,
            Cloud(
                folder / "state",
                speed=SPEED,
                parameters={"AnthropicBaseUrl": api.url},
                secret="sk-test",
                runtime=emulator.invoke,
            ) as cloud,
            cloud.serve() as emulator.endpoint,
        ):
            cloud.client("s3").put_object(
                Bucket=cloud.output("BucketName"), Key="config/sites.json", Body=json.dumps(sites).encode()
            )
            given = {"max_concurrency": AT_ONCE, "output_token_budget": AT_ONCE * 1_024, "request_timeout_s": 2}
            self.execution = cloud.wait(cloud.start(given, name="everything"), timeout=240)
            self.calls = {row.site_id: api.calls(row.site_id) for row in TABLE}
            self.cold, self.warm = emulator.cold, emulator.warm
        run = folder / "state" / "runs" / "everything"
        self.log = (folder / "emulator" / "Collector.emulator.log").read_text(errors="replace")
        self.summary: dict[str, Any] = json.loads((run / "summary.json").read_text())
        self.sites = {site["site_id"]: site for site in self.summary["sites"]}
        self.candidates = {path.stem for path in (run / "candidates").iterdir()}
        queued = [json.loads(path.read_text()) for path in (folder / "state/queues/MissQueue").glob("*.json")]
        self.queued = {json.loads(message["body"])["site"]["site_id"] for message in queued}


@pytest.fixture(scope="module")
def night(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Night:
    return Night(built, tmp_path_factory.mktemp("night"))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.site_id)
def test_a_site_ends_as_the_table_says(night: Night, row: Row) -> None:
    site = night.sites[row.site_id]
    assert (site["reason"], site["error"], site["rounds"]) == (row.reason, row.error, row.rounds)
    assert night.calls[row.site_id] == row.calls
    assert (row.site_id in night.candidates) == (row.reason is None)
    assert (row.site_id in night.queued) == (row.reason is not None)


def test_the_census_adds_up(night: Night) -> None:
    assert night.execution.status == "SUCCEEDED"
    assert night.summary["planned"] == len(TABLE) == night.summary["accepted"] + sum(night.summary["missed"].values())
    assert night.summary["model_calls"] == sum(row.calls for row in TABLE)


def test_the_night_met_cold_and_warm_processes(night: Night) -> None:
    assert AT_ONCE < night.cold < AT_ONCE + 10  # the collector's, and one or two of each other function
    assert night.warm > len(TABLE)


def test_a_branch_leaves_one_line_in_the_log(night: Night) -> None:
    lines = [json.loads(line) for line in night.log.splitlines() if line.startswith('{"level"')]
    assert {line["site_id"] for line in lines if line["step"] == "collect"} == {row.site_id for row in TABLE}
    assert "sk-test" not in night.log


@pytest.fixture
def cloud(built: Path, tmp_path: Path) -> Iterator[tuple[Cloud, MessagesAPI]]:
    """Functions that have five seconds."""
    with (
        MessagesAPI() as api,
        Emulator(built, tmp_path / "emulator") as emulator,
        Cloud(
            tmp_path / "state",
            parameters={"AnthropicBaseUrl": api.url},
            secret="sk-test",
            runtime=lambda function, *call: emulator.invoke(replace(function, timeout_s=5), *call),
        ) as cloud,
        cloud.serve() as emulator.endpoint,
    ):
        yield cloud, api


def site_task(**changes: object) -> dict[str, Any]:
    task = {
        "run_id": "night",
        "round": 1,
        "site_id": "harbour",
        "domain": "harbour.example",
        "candidates": 5,
        "model": "claude-sonnet-5-5",
        "max_tokens": 1_024,
        "request_timeout_s": 60,
    }
    return {"task": {**task, **changes}, "attempt": 0}


def test_a_function_that_runs_out_of_time_is_named_as_on_lambda(cloud: tuple[Cloud, MessagesAPI]) -> None:
    running, api = cloud
    api.script("harbour", ["hang", "ok"])
    failure, error = running.invoke("Collector", site_task())
    assert error == "Sandbox.Timedout"
    assert "Task timed out after 5.00 seconds" in failure["errorMessage"]
    outcome, error = running.invoke("Collector", site_task())
    assert (error, outcome["outcome"]) == (None, "answered")


def test_an_error_is_told_by_its_bare_name_on_one_line(cloud: tuple[Cloud, MessagesAPI]) -> None:
    running, api = cloud
    api.script("harbour", [529])
    failure, error = running.invoke("Collector", site_task())
    assert error == "Overloaded"
    assert failure["errorMessage"].startswith("attempt 1: 529")
    assert len(json.dumps(failure)) < 4_000


def test_the_largest_answer_fits_into_a_state(cloud: tuple[Cloud, MessagesAPI]) -> None:
    running, api = cloud
    api.script("harbour", [{"do": "text", "text": '"\u20ac' * 500_000, "output_tokens": 1_000}])
    outcome, error = running.invoke("Collector", site_task())
    assert error is None
    assert len(json.dumps(outcome["answer"]["text"])) <= ANSWER_LIMIT
    assert len(json.dumps(json.dumps(outcome))) < 262_144


def test_input_that_cannot_be_run_ends_with_its_field(cloud: tuple[Cloud, MessagesAPI]) -> None:
    running, _ = cloud
    ended = running.wait(running.start({"max_concurrency": 0}), timeout=60)
    assert (ended.status, ended.error) == ("FAILED", "InvalidInput")
    assert "max_concurrency" in (ended.cause or "")
