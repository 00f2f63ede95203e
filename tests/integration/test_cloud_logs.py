"""The log groups of the embedded cloud: what a function has printed, as CloudWatch Logs finds it."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.served_stack import Served

GROUP = "/aws/lambda/nightfold-collector"


def events(served: Served, **more: Any) -> list[dict[str, Any]]:
    found = served.cloud.client("logs").filter_log_events(logGroupName=GROUP, **more)
    return list(found["events"])


def test_the_lines_of_one_run_are_found_by_its_name(served: Served) -> None:
    run_id = max(path.name for path in (served.state_dir / "runs").iterdir())
    lines = (served.state_dir / "logs" / "Collector.log").read_text().splitlines()
    found = events(served, filterPattern=f'{{ $.run_id = "{run_id}" }}')
    assert 0 < len(found) < len(lines)
    assert {json.loads(each["message"])["run_id"] for each in found} == {run_id}
    assert [each["message"] for each in events(served)] == lines


def test_lines_are_found_by_a_word_and_by_their_time(served: Served) -> None:
    all_of_them = events(served)
    refused = events(served, filterPattern="ERROR")
    assert 0 < len(refused) < len(all_of_them)
    assert all("ERROR" in each["message"] for each in refused)
    middle = all_of_them[len(all_of_them) // 2]["timestamp"]
    before, after = events(served, endTime=middle - 1), events(served, startTime=middle)
    assert before
    assert sorted([*before, *after], key=lambda each: int(each["eventId"])) == all_of_them
    assert len(events(served, limit=3)) == 3


def test_a_function_that_has_printed_nothing_has_no_lines(served: Served) -> None:
    log = served.state_dir / "logs" / "Collector.log"
    kept = log.rename(log.with_name("kept.log"))
    try:
        assert events(served) == []
    finally:
        kept.rename(log)


def test_a_function_may_not_read_the_logs(served: Served) -> None:
    with pytest.raises(ClientError, match="not authorized to perform: logs:FilterLogEvents"):
        served.cloud.client_as("Collector", "logs").filter_log_events(logGroupName=GROUP)
