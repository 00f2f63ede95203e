"""One night in which everything happens, through the real state machine: every row of the table of failures."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.cloud.embedded import Cloud
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from tests.failure_table import TABLE, Row

SPEED = 20.0

pytestmark = pytest.mark.xdist_group("failure_table")


class Night:
    """What is left of the night when it is over."""

    def __init__(self, state_dir: Path) -> None:
        scenario = Scenario.model_validate({"sites": {row.site_id: list(row.script) for row in TABLE}})
        sites = [{"site_id": row.site_id, "domain": f"{row.site_id}.example"} for row in TABLE]
        with (
            MessagesAPI(scenario, speed=SPEED) as api,
            Cloud(state_dir, speed=SPEED, parameters={"AnthropicBaseUrl": api.url}, secret="sk-test") as cloud,
        ):
            cloud.client("s3").put_object(
                Bucket=cloud.output("BucketName"), Key="config/sites.json", Body=json.dumps(sites).encode()
            )
            # All at once, so that the night takes no longer than its slowest site.
            given = {"max_concurrency": 64, "output_token_budget": 64 * 1_024, "request_timeout_s": 2}
            self.execution = cloud.wait(cloud.start(given, name="everything"), timeout=120)
            self.calls = {row.site_id: api.calls(row.site_id) for row in TABLE}
        run = state_dir / "runs" / "everything"
        self.summary: dict[str, Any] = json.loads((run / "summary.json").read_text())
        self.sites = {site["site_id"]: site for site in self.summary["sites"]}
        lines = (run / "misses.jsonl").read_text().splitlines()
        self.misses = {miss["site"]["site_id"]: miss for miss in map(json.loads, lines)}
        self.candidates = {path.stem: json.loads(path.read_text()) for path in (run / "candidates").iterdir()}
        queued = [json.loads(path.read_text()) for path in (state_dir / "queues" / "MissQueue").glob("*.json")]
        self.queued = {json.loads(message["body"])["site"]["site_id"] for message in queued}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    return Night(tmp_path_factory.mktemp("night"))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.site_id)
def test_a_site_ends_as_the_table_says(night: Night, row: Row) -> None:
    site = night.sites[row.site_id]
    assert (site["reason"], site["error"]) == (row.reason, row.error)
    assert site["rounds"] == row.rounds
    assert night.calls[row.site_id] == row.calls
    if row.reason is None:
        assert site["accepted"]
        assert len(night.candidates[row.site_id]["candidates"]) == site["candidates"] == 5
        assert row.site_id not in night.queued
    else:
        assert row.site_id not in night.candidates
        assert row.site_id in night.queued
        assert night.misses[row.site_id]["reason"] == row.reason


def test_the_census_adds_up(night: Night) -> None:
    summary = night.summary
    assert summary["planned"] == len(TABLE) == summary["accepted"] + sum(summary["missed"].values())
    assert summary["accepted"] == sum(row.reason is None for row in TABLE)
    assert night.queued == set(night.misses) == {row.site_id for row in TABLE if row.reason}
    assert night.execution.status == "SUCCEEDED"
    assert summary["status"] == "partial"


def test_every_call_is_counted(night: Night) -> None:
    assert night.summary["model_calls"] == sum(row.calls for row in TABLE)
    # "ramping", "limited-once" and three times "limited"; a spend limit is a 429 that is no rate limit
    assert night.summary["rate_limited"] == 5
    assert night.summary["regenerated"] == sum(row.rounds == 2 for row in TABLE)


def test_a_rejected_answer_lies_with_its_miss(night: Night) -> None:
    rejected = [row.site_id for row in TABLE if row.reason == "schema"]
    assert rejected
    for site_id in rejected:
        assert night.misses[site_id]["raw_answer"]
        assert night.misses[site_id]["raw_answer_key"] == f"runs/everything/round-2/outcomes/{site_id}.json"
