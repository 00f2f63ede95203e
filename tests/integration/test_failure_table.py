"""One run in which every failure happens, with the functions in this process."""

from typing import get_args

import pytest

from infra.messages_api.scenario import Behaviour, Status
from tests.support.failure_table import TABLE, Row
from tests.support.table_run import RUN_ID, TableRun


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> TableRun:
    # All sites at once, so that the run takes no longer than its slowest site.
    return TableRun(tmp_path_factory.mktemp("run"), at_once=64, speed=20.0)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.site_id)
def test_a_site_ends_as_the_table_says(run: TableRun, row: Row) -> None:
    run.check(row)


def test_the_census_adds_up(run: TableRun) -> None:
    run.check_census()
    assert run.summary["status"] == "partial"


def test_every_behaviour_of_the_simulated_api_is_in_the_table() -> None:
    behaviours = {*get_args(Behaviour), *get_args(Status)}
    assert behaviours - {step for row in TABLE for step in row.script} == {"text", 502, 504}  # 502 and 504: as a 500


def test_every_call_is_counted(run: TableRun) -> None:
    # "ramping", "limited-once" and three times "limited"; a spend limit is a 429 that is not a rate limit
    assert run.summary["rate_limited"] == 5
    assert run.summary["regenerated"] == sum(row.rounds == 2 for row in TABLE)


def test_a_rejected_answer_is_stored_with_its_miss(run: TableRun) -> None:
    rejected = [row.site_id for row in TABLE if row.reason == "schema"]
    assert rejected
    for site_id in rejected:
        assert run.misses[site_id]["raw_answer"]
        assert run.misses[site_id]["raw_answer_key"] == f"runs/{RUN_ID}/round-2/outcomes/{site_id}.json"
