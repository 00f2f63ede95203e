"""The embedded cloud with a small state machine: deploying, running, roles, speed."""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.cloud.embedded import Cloud
from infra.cloud.lambdas.invoke import Event
from tests.integration.small_cloud import collect, outcome, small_cloud
from tests.support.clouds import PATIENCE_S

SPEED = 20.0


class Seen:
    """An observer that records its events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture(scope="module")
def seen() -> Seen:
    return Seen()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, seen: Seen) -> Iterator[Cloud]:
    with small_cloud(tmp_path_factory.mktemp("cloud"), speed=SPEED, secret="sk-secret", observe=seen) as cloud:
        yield cloud


def refusal(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return str(error.value.response["Error"]["Code"])


def test_outputs_and_names_are_the_same_in_every_deployment(cloud: Cloud) -> None:
    assert cloud.output("BucketName") == cloud.physical("Bucket") == "nightfold-bucket-123456789012"
    assert cloud.output("MachineArn") == cloud.physical("Machine") == cloud.machine_arn
    assert cloud.output("QueueUrl").endswith("/nightfold-Queue")


def test_what_moto_cannot_make_is_left_out_with_its_outputs(cloud: Cloud) -> None:
    with pytest.raises(KeyError):
        cloud.output("AlarmName")


def test_branches_retry_fail_and_store_as_the_state_machine_says(cloud: Cloud) -> None:
    execution = collect(
        cloud,
        {"id": "fine"},
        {"id": "flaky", "fails": 2},
        {"id": "lost", "fails": 9},
        {"id": "hopeless", "hopeless": True},
    )
    assert execution.status == "SUCCEEDED"
    assert outcome(cloud, "fine")["answer"]["result"] == {"attempt": 0}
    assert outcome(cloud, "flaky")["answer"]["result"] == {"attempt": 2}
    assert outcome(cloud, "lost")["caught"]["Error"] == "Flaky"
    caught = outcome(cloud, "hopeless")["caught"]
    assert caught["Error"] == "Hopeless"
    assert json.loads(caught["Cause"])["errorMessage"] == "never"


def test_more_items_than_pythons_recursion_limit_go_through_one_worker(cloud: Cloud) -> None:
    execution = collect(cloud, *({"id": f"many-{each}"} for each in range(sys.getrecursionlimit() + 50)), at_once=1)
    assert execution.status == "SUCCEEDED"
    assert len(list((cloud.state_dir / "outcomes").glob("many-*.json"))) == sys.getrecursionlimit() + 50


def test_no_more_branches_run_at_once_than_configured(
    cloud: Cloud, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen.events.clear()
    three = threading.Barrier(3, timeout=PATIENCE_S)

    def hold(event: Event) -> None:
        """The first three are released together, so that the machine's speed does not matter."""
        seen(event)
        if event.kind == "invoked" and sum(each.kind == "invoked" for each in seen.events) <= 3:
            three.wait()

    monkeypatch.setattr(cloud._observer, "observe", hold)
    collect(cloud, *({"id": f"narrow-{each}", "seconds": 0.02} for each in range(20)), at_once=3)
    running = most = 0
    for event in seen.events:
        running += {"invoked": 1, "returned": -1, "failed": -1}.get(event.kind, 0)
        most = max(most, running)
    assert most == 3


def test_an_observer_sees_invocations_and_stored_objects(cloud: Cloud, seen: Seen) -> None:
    seen.events.clear()
    collect(cloud, {"id": "watched", "fails": 1})
    of_function = [event.kind for event in seen.events if event.function == "Probe"]
    assert of_function == ["invoked", "failed", "invoked", "returned"]
    assert [event.error for event in seen.events if event.kind == "failed"] == ["Flaky"]
    (waits,) = [event for event in seen.events if event.kind == "waits"]
    assert (waits.error, waits.payload["item"]["id"], waits.payload["seconds"]) == ("Flaky", "watched", 2 / SPEED)
    assert [event.key for event in seen.events if event.kind == "stored"] == ["items.json", "outcomes/watched.json"]


def test_a_wait_passes_faster_by_the_speed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    here, wait, now = threading.get_ident(), threading.Event.wait, time.monotonic()

    def pass_at_once(event: threading.Event, timeout: float | None = None) -> bool:
        if timeout is None or threading.get_ident() == here:
            return wait(event, timeout)
        waits.append(timeout)
        return event.is_set()

    monkeypatch.setattr(threading.Event, "wait", pass_at_once)
    monkeypatch.setattr(time, "monotonic", lambda: now + sum(waits))
    assert cloud.wait(cloud.start({"pause": True}), timeout=PATIENCE_S).status == "SUCCEEDED"
    assert waits == [pytest.approx(2000 / SPEED)]


def test_retries_come_faster_by_the_speed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    collect(cloud, {"id": "slow", "fails": 3})
    assert [seconds for seconds in waits if seconds] == [2 / SPEED, 4 / SPEED, 8 / SPEED]


def test_a_function_times_out_faster_by_the_speed(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float | None] = []
    wait = threading.Event.wait

    def noted(event: threading.Event, timeout: float | None = None) -> bool:
        waits.append(timeout)
        return wait(event, timeout)

    until = tmp_path / "until"
    monkeypatch.setattr(threading.Event, "wait", noted)
    event = {"do": "wait_then_touch_s3", "until": str(until), "mark": str(tmp_path / "mark")}
    failure, error = cloud.invoke("Hurried", event)
    until.touch()
    assert error == "Sandbox.Timedout"
    assert "after 1.00 seconds" in failure["errorMessage"]
    assert [seconds for seconds in waits if seconds] == [1 / SPEED]


def test_a_stopped_execution_is_aborted_at_once(cloud: Cloud) -> None:
    arn = cloud.start({"pause": True})
    assert cloud.wait(arn, timeout=0.05).status == "RUNNING"
    cloud.stop(arn)
    assert cloud.wait(arn, timeout=PATIENCE_S).status == "ABORTED"


def test_a_stopped_map_starts_no_more_branches(cloud: Cloud, seen: Seen) -> None:
    items = [{"id": f"stopped-{each}", "seconds": 3} for each in range(50)]
    cloud.client("s3").put_object(Bucket=cloud.output("BucketName"), Key="items.json", Body=json.dumps(items).encode())
    arn = cloud.start({"at_once": 5})
    time.sleep(0.3)
    cloud.stop(arn)
    assert cloud.wait(arn, timeout=PATIENCE_S).status == "ABORTED"
    assert cloud.settled(PATIENCE_S)
    seen.events.clear()
    time.sleep(0.5)
    assert [event for event in seen.events if event.kind == "invoked"] == []


def test_an_execution_name_that_is_used_twice_is_refused(cloud: Cloud) -> None:
    arn = cloud.start({"pause": True}, name="once")
    cloud.stop(arn)
    assert cloud.wait(arn, timeout=PATIENCE_S).status == "ABORTED"
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        cloud.start({"pause": False, "other": 1}, name="once")


# --- Roles ---


def test_a_role_that_may_not_list_the_bucket_does_not_learn_that_an_object_is_missing(cloud: Cloud) -> None:
    bucket = cloud.output("BucketName")
    assert refusal(cloud.client_as("Reader", "s3").get_object, Bucket=bucket, Key="open/nothing") == "AccessDenied"
    assert refusal(cloud.client("s3").get_object, Bucket=bucket, Key="open/nothing") == "NoSuchKey"


def test_only_one_of_two_conditional_writes_of_an_object_succeeds(cloud: Cloud) -> None:
    s3, bucket = cloud.client("s3"), cloud.output("BucketName")

    def claim(each: int) -> str:
        try:
            s3.put_object(Bucket=bucket, Key="claims/one", Body=str(each).encode(), IfNoneMatch="*")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "won"

    with ThreadPoolExecutor(30) as pool:
        ended = list(pool.map(claim, range(30)))
    assert sorted(ended) == ["PreconditionFailed"] * 29 + ["won"]
    written = s3.get_object(Bucket=bucket, Key="claims/one")
    assert written["Body"].read() == str(ended.index("won")).encode()
    s3.put_object(Bucket=bucket, Key="claims/one", Body=b"mine", IfMatch=written["ETag"])
    assert (
        refusal(s3.put_object, Bucket=bucket, Key="claims/one", Body=b"late", IfMatch=written["ETag"])
        == "PreconditionFailed"
    )


def test_a_key_that_is_not_a_path_is_refused(cloud: Cloud) -> None:
    s3, bucket = cloud.client("s3"), cloud.output("BucketName")
    assert refusal(s3.put_object, Bucket=bucket, Key="queues/Queue/forged.json", Body=b"x") == "InvalidRequest"
    assert refusal(s3.get_object, Bucket=bucket, Key="state.json") == "NoSuchKey"


# --- The process around it ---


def test_a_process_has_only_one_embedded_cloud(cloud: Cloud, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="already"), small_cloud(tmp_path):
        pass
    assert cloud.invoke("Probe", {"do": "echo"})[1] is None


def test_the_users_aws_configuration_is_not_used(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert cloud.client("logs").meta.region_name == "us-east-1"
    assert cloud.client("logs").describe_log_groups()["logGroups"] == []


def test_a_missing_service_is_an_error_and_the_real_one_is_not_called(cloud: Cloud) -> None:
    client = cloud.client("secretsmanager", config=Config(retries={"total_max_attempts": 1}, connect_timeout=1))
    with pytest.raises(ClientError):
        client.get_secret_value(SecretId="x")


def test_the_secret_is_never_on_disk(cloud: Cloud) -> None:
    value = cloud.client("ssm").get_parameter(Name=cloud.output("ApiKeyName"), WithDecryption=True)["Parameter"][
        "Value"
    ]
    assert value == "sk-secret"
    files = [Path(folder) / name for folder, _, names in os.walk(cloud.state_dir) for name in names]
    assert files
    assert not [file for file in files if b"sk-secret" in file.read_bytes()]
