"""The run in which every failure happens: each row of the table of failures, through the real state machine."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from tests.support.clouds import cloud_at, put_sites
from tests.support.failure_table import TABLE, Row
from tests.support.runtime_emulator import Emulator

RUN_ID = "everything"
REQUEST_TIMEOUT_S = 10  # real seconds: a busy machine must not look like an API that hangs


class TableRun:
    """The run's results."""

    def __init__(self, state_dir: Path, *, at_once: int, speed: float, emulator: Emulator | None = None) -> None:
        """`emulator` runs the built packages; without it the functions run in this process."""
        scenario = Scenario.model_validate({"sites": {row.site_id: list(row.script) for row in TABLE}})
        given = {
            "max_concurrency": at_once,
            "output_token_budget": at_once * 1_024,
            "request_timeout_s": REQUEST_TIMEOUT_S,
        }
        with ExitStack() as opened:
            api = opened.enter_context(MessagesAPI(scenario, speed=20.0))
            runtime = emulator.invoke if emulator else None
            cloud = opened.enter_context(cloud_at(state_dir, api.url, speed=speed, runtime=runtime))
            if emulator:
                emulator.endpoint = opened.enter_context(cloud.serve())
            put_sites(cloud, [row.site_id for row in TABLE])
            self.execution = cloud.wait(cloud.start(given, name=RUN_ID), timeout=400)
            self.calls = {row.site_id: api.calls(row.site_id) for row in TABLE}
        run = state_dir / "runs" / RUN_ID
        self.summary: dict[str, Any] = json.loads((run / "summary.json").read_text())
        self.sites = {site["site_id"]: site for site in self.summary["sites"]}
        lines = (run / "misses.jsonl").read_text().splitlines()
        self.misses = {miss["site"]["site_id"]: miss for miss in map(json.loads, lines)}
        self.results = {path.stem: json.loads(path.read_text()) for path in (run / "results").iterdir()}
        queued = [json.loads(path.read_text()) for path in (state_dir / "queues" / "MissQueue").glob("*.json")]
        self.queued = {json.loads(message["body"])["site"]["site_id"] for message in queued}

    def check(self, row: Row) -> None:
        """Assert that the site ended as the table says."""
        site = self.sites[row.site_id]
        assert (site["reason"], site["error"], site["rounds"]) == (row.reason, row.error, row.rounds)
        assert self.calls[row.site_id] == row.calls
        if row.reason is None:
            assert site["accepted"]
            assert len(self.results[row.site_id]["entries"]) == site["entries"] == 5
            assert row.site_id not in self.queued
        else:
            assert row.site_id not in self.results
            assert row.site_id in self.queued
            assert self.misses[row.site_id]["reason"] == row.reason

    def check_census(self) -> None:
        """Assert that all rows were planned and that the census adds up."""
        assert self.execution.status == "SUCCEEDED"
        assert self.summary["planned"] == len(TABLE) == self.summary["accepted"] + sum(self.summary["missed"].values())
        assert self.summary["accepted"] == sum(row.reason is None for row in TABLE)
        assert self.queued == set(self.misses) == {row.site_id for row in TABLE if row.reason}
        assert self.summary["model_calls"] == sum(row.calls for row in TABLE)
