"""`make smoke` against the embedded cloud; CloudFormation's and CloudWatch's answers are what AWS shows, late."""

import time
from pathlib import Path
from typing import Any

import pytest
from botocore.paginate import Paginator

from infra.cloud.embedded import Cloud
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from infra.packaging import smoke
from tests.support.clouds import cloud_at, put_sites

SPEED = 50.0
NAMES = ("harbour", "orchard", "meadow")


class Account:
    """boto3.client of an account in which the embedded cloud is a stack. Lines of the log show up on the second page,
    after so many looks."""

    def __init__(self, cloud: Cloud, late: int) -> None:
        self._cloud, self._late, self.paused_s = cloud, late, 0.0

    def __call__(self, service: str) -> Any:
        return self if service in {"cloudformation", "logs"} else self._cloud.client(service)

    def pause(self, seconds: float) -> None:
        self.paused_s += seconds
        time.sleep(seconds / SPEED)

    def describe_stacks(self, **_: str) -> Any:
        names = ("BucketName", "StateMachineArn", "MissQueueUrl")
        outputs = [{"OutputKey": name, "OutputValue": self._cloud.output(name)} for name in names]
        return {"Stacks": [{"Outputs": outputs}]}

    def describe_stack_resource(self, **_: str) -> Any:
        return {"StackResourceDetail": {"PhysicalResourceId": "/aws/lambda/collector"}}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "filter_log_events"
        pages = {"input_token": "nextToken", "output_token": "nextToken", "result_key": "events"}
        paginator: Any = Paginator  # its stubs want a client's method
        return paginator(self.filter_log_events, pages, None)

    def filter_log_events(self, *, filterPattern: str, **more: str) -> Any:  # noqa: N803 - AWS's name
        assert '$.run_id = "smoke-' in filterPattern
        if "nextToken" not in more:
            self._late -= 1
            return {"events": [], "nextToken": "second"}
        return {"events": [] if self._late >= 0 else [{"message": "{}"}] * 2}


def smoked(state_dir: Path, scenario: dict[str, Any], late: int) -> tuple[int, Account]:
    with (
        MessagesAPI(Scenario.model_validate(scenario), speed=SPEED) as api,
        cloud_at(state_dir, api.url, speed=SPEED) as cloud,
    ):
        put_sites(cloud, NAMES)
        before = (state_dir / "config" / "sites.json").stat().st_mtime_ns
        account = Account(cloud, late)
        code = smoke.main("nightfold", account, account.pause)
        assert (state_dir / "config" / "sites.json").stat().st_mtime_ns == before, "the site list is only read"
        assert not api.calls("meadow"), "two sites are enough"
        return code, account


def test_a_run_of_two_sites_is_checked_with_what_aws_shows_late(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, account = smoked(tmp_path, {"sites": {"orchard": [400]}}, late=15)
    said = capsys.readouterr().out
    assert code == 0, said
    assert "ok   planned 2 = accepted 1 + missed 1" in said
    assert "ok   the miss queue has what was missed (1 waiting)" in said
    assert "ok   the collector logged every call (2 lines)" in said
    assert account.paused_s >= 75


def test_what_does_not_hold_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, account = smoked(tmp_path, {}, late=10_000)
    assert code == 1
    assert "FAIL the collector logged every call (0 lines)" in capsys.readouterr().out
    assert account.paused_s >= smoke.LATE_S


def test_a_failed_execution_is_told_with_its_cause(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = smoked(tmp_path, {"default": [401]}, late=0)
    said = capsys.readouterr().out
    assert code == 1
    assert "FAIL the execution succeeded (FAILED)" in said
    assert "NothingCollected" in said
