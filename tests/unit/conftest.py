"""Unit tests: no sockets, AWS as moto plays it inside this process, and nobody waits."""

import logging
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import boto3
import pytest
from moto import mock_aws

import aggregator.aggregate
import aggregator.handler
import aggregator.miss_queue
import aggregator.settings
import collector.attempts
import collector.handler
import collector.settings
import pacer.handler
import pacer.settings
import planner.handler
import planner.plan
import planner.settings
import reporter.handler
import reporter.settings
from nightfold.observability import log_step
from nightfold.storage import Bucket
from planner.configuration import ConfigurationParameter
from planner.executions import Executions
from planner.miss_queue import MissQueue
from tests.unit.outside import Outside


def _no_sockets(*_: object, **__: object) -> NoReturn:
    pytest.fail("a unit test opened a connection")


@pytest.fixture(autouse=True)
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", _no_sockets)
    monkeypatch.setattr(socket.socket, "connect_ex", _no_sockets)
    monkeypatch.setattr(socket, "create_connection", _no_sockets)


class _StandardOutput:
    """What standard output is when something is written: pytest exchanges it from phase to phase."""

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@pytest.fixture(scope="session", autouse=True)
def log_to_standard_output() -> None:
    """As on Lambda. Powertools chooses name and stream once, at the first line."""
    log_step("test", run_id="none")
    handlers = [h for h in logging.getLogger("nightfold").handlers if isinstance(h, logging.StreamHandler)]
    assert handlers, "Powertools logs elsewhere than it did"
    for handler in handlers:
        handler.stream = _StandardOutput()  # setStream flushes the old one, which an earlier suite may have closed


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What went to standard output since the last look: log lines and metrics."""
    return lambda: capsys.readouterr().out


@pytest.fixture(autouse=True)
def no_memory() -> Iterator[None]:
    """Every test meets the functions as a new execution environment does."""
    yield
    for cached in (
        planner.handler.adapters,
        planner.settings.settings,
        pacer.handler.adapters,
        pacer.settings.settings,
        aggregator.handler.adapters,
        aggregator.settings.settings,
        collector.handler._claude,
        collector.handler.adapters,
        collector.settings.settings,
        reporter.handler.adapters,
        reporter.settings.settings,
    ):
        cached.cache_clear()
    collector.attempts._earlier.clear()


@pytest.fixture(scope="session")
def aws_session() -> boto3.Session:
    session = boto3.Session("testing", "testing", "testing", region_name="eu-central-1")
    # Asks moto for what is there instead of a second of polling.
    at_once: Any = lambda params, **_: {**params, "WaitTimeSeconds": 0}  # noqa: E731
    session.events.register("provide-client-params.sqs.ReceiveMessage", at_once)
    return session


@pytest.fixture
def outside(aws_session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    """An AWS account with what template.yaml puts into it, as far as the functions see it."""
    with mock_aws():
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", aws_session)
        world = Outside.create(aws_session)
        monkeypatch.setattr(time, "sleep", world.waits.append)
        yield world


@pytest.fixture
def bucket(outside: Outside) -> Bucket:
    return Bucket(outside.bucket, outside.s3)


@pytest.fixture
def planning(outside: Outside, bucket: Bucket) -> planner.plan.Adapters:
    """What plan_run is given."""
    return planner.plan.Adapters(
        bucket=bucket,
        parameter=ConfigurationParameter(outside.parameter, outside.ssm),
        queue=MissQueue(outside.miss_queue, outside.sqs),
        executions=Executions(outside.states),
        simulated=False,
    )


@pytest.fixture
def aggregating(outside: Outside, bucket: Bucket) -> aggregator.aggregate.Adapters:
    """What aggregate is given."""
    return aggregator.aggregate.Adapters(
        bucket=bucket,
        misses=aggregator.miss_queue.MissQueue(outside.miss_queue, outside.sqs),
        parked=aggregator.miss_queue.MissQueue(outside.parked_queue, outside.sqs),
    )
