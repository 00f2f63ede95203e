"""A second process finds everything that was acknowledged, however the first one ended."""

import importlib
import json
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.cloud.embedded import Cloud
from infra.cloud.lambdas.invoke import Event
from tests.integration.small_cloud import TEMPLATE, collect, small_cloud
from tests.support.effort import steps, touched

ROOT = Path(__file__).parents[2]

WRITER = """
import itertools, json, sys
from pathlib import Path
from tests.integration.small_cloud import small_cloud
with small_cloud(Path(sys.argv[1])) as cloud:
    s3, sqs = cloud.client("s3"), cloud.client("sqs")
    bucket, queue = cloud.output("BucketName"), cloud.output("QueueUrl")
    for each in itertools.count():
        s3.put_object(Bucket=bucket, Key=f"written/{each}.json", Body=json.dumps({"each": each, "filler": "x" * 9_999}))
        sqs.send_message(QueueUrl=queue, MessageBody=str(each))
        print(each, flush=True)
"""
RECEIVER = """
import sys, time
from pathlib import Path
from tests.integration.small_cloud import small_cloud
with small_cloud(Path(sys.argv[1])) as cloud:
    sqs, queue = cloud.client("sqs"), cloud.output("QueueUrl")
    attributes = {"k": {"DataType": "String", "StringValue": "v"}}
    sqs.send_message(QueueUrl=queue, MessageBody="miss", MessageAttributes=attributes)
    print(sqs.receive_message(QueueUrl=queue)["Messages"][0]["ReceiptHandle"], flush=True)
    time.sleep(60)
"""


def start(script: str, state_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", script, str(state_dir)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> list[str]:
    """Kill the process; returns its output."""
    process.send_signal(signal.SIGKILL)
    said, _ = process.communicate()
    return said.split()


def waiting(cloud: Cloud, queue: str = "QueueUrl") -> list[Any]:
    """Every message that a receiver can get now."""
    sqs, found = cloud.client("sqs"), []
    while messages := sqs.receive_message(
        QueueUrl=cloud.output(queue), MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
    ).get("Messages"):
        found += messages
    return found


def test_objects_and_messages_wait_for_the_next_process(tmp_path: Path) -> None:
    with small_cloud(tmp_path) as cloud:
        cloud.client("sqs").send_message(QueueUrl=cloud.output("QueueUrl"), MessageBody="ü \u202e")
        collect(cloud, {"id": "one"})
    assert json.loads((tmp_path / "outcomes" / "one.json").read_text())["id"] == "one"
    with small_cloud(tmp_path) as cloud:
        s3, bucket = cloud.client("s3"), cloud.output("BucketName")
        assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [
            "items.json",
            "outcomes/one.json",
        ]
        assert [message["Body"] for message in waiting(cloud)] == ["ü \u202e"]
        s3.delete_object(Bucket=bucket, Key="outcomes/one.json")
    assert not (tmp_path / "outcomes" / "one.json").exists()


def test_everything_acknowledged_before_a_kill_is_there_and_complete(tmp_path: Path) -> None:
    process = start(WRITER, tmp_path)
    acknowledged = [line(process)]
    time.sleep(random.uniform(0.05, 0.3))
    acknowledged += kill(process)
    with small_cloud(tmp_path) as cloud:
        s3, bucket = cloud.client("s3"), cloud.output("BucketName")
        for each in acknowledged:
            body = s3.get_object(Bucket=bucket, Key=f"written/{each}.json")["Body"].read()
            assert json.loads(body)["each"] == int(each)
        for file in (tmp_path / "written").iterdir():
            json.loads(file.read_text())
        assert {message["Body"] for message in waiting(cloud)} >= set(acknowledged)
        assert cloud.notices == []


def test_a_message_in_flight_waits_again_and_its_old_handle_still_deletes_it(tmp_path: Path) -> None:
    process = start(RECEIVER, tmp_path)
    handle = line(process)
    kill(process)
    with small_cloud(tmp_path) as cloud:
        sqs, queue = cloud.client("sqs"), cloud.output("QueueUrl")
        (message,) = waiting(cloud)
        assert message["Attributes"]["ApproximateReceiveCount"] == "2"
        assert message["MessageAttributes"]["k"]["StringValue"] == "v"
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)  # any number of times
        assert not list((tmp_path / "queues" / "Queue").iterdir())
        with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle="no handle")


def test_the_third_receive_is_the_last_even_across_processes(tmp_path: Path) -> None:
    with small_cloud(tmp_path) as cloud:
        cloud.client("sqs").send_message(QueueUrl=cloud.output("QueueUrl"), MessageBody="miss")
    for _ in range(3):
        with small_cloud(tmp_path) as cloud:
            assert [message["Body"] for message in waiting(cloud)] == ["miss"]
    with small_cloud(tmp_path) as cloud:
        assert waiting(cloud) == []
        assert [message["Body"] for message in waiting(cloud, "ParkedUrl")] == ["miss"]
    assert not list((tmp_path / "queues" / "Queue").iterdir())
    assert len(list((tmp_path / "queues" / "Parked").iterdir())) == 1


def test_a_kill_during_the_move_to_the_parked_queue_leaves_the_message_there_once(tmp_path: Path) -> None:
    with small_cloud(tmp_path) as cloud:
        cloud.client("sqs").send_message(QueueUrl=cloud.output("QueueUrl"), MessageBody="miss")
    (file,) = (tmp_path / "queues" / "Queue").iterdir()
    (tmp_path / "queues" / "Parked").mkdir()
    (tmp_path / "queues" / "Parked" / file.name).write_bytes(file.read_bytes())
    with small_cloud(tmp_path) as cloud:
        assert waiting(cloud) == []
        assert len(waiting(cloud, "ParkedUrl")) == 1


def test_concurrent_receivers_share_the_messages(tmp_path: Path) -> None:
    with small_cloud(tmp_path) as cloud:
        sqs, queue = cloud.client("sqs"), cloud.output("QueueUrl")
        for batch in range(10):
            entries = [{"Id": str(each), "MessageBody": f"{batch}-{each}"} for each in range(10)]
            sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        with ThreadPoolExecutor(8) as pool:
            received = list(pool.map(lambda _: waiting(cloud), range(8)))
        bodies = [message["Body"] for messages in received for message in messages]
        assert len(bodies) == len(set(bodies)) == 100


def test_the_configuration_is_a_file_that_the_user_may_edit(tmp_path: Path) -> None:
    file = tmp_path / "configuration.json"
    with small_cloud(tmp_path) as cloud:
        ssm, name = cloud.client("ssm"), cloud.output("ConfigurationName")
        assert file.read_text() == '{"max_concurrency": 4}\n'
        file.write_text('{"max_concurrency": 7}')
        assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == '{"max_concurrency": 7}'
        ssm.put_parameter(Name=name, Value='{"max_concurrency": 8}', Overwrite=True)
        assert file.read_text() == '{"max_concurrency": 8}\n'
    with small_cloud(tmp_path) as cloud:
        value = cloud.client("ssm").get_parameter(Name=cloud.output("ConfigurationName"))["Parameter"]["Value"]
        assert value == '{"max_concurrency": 8}'


def test_nothing_of_old_runs_is_read_at_the_start_and_at_the_end(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for run in range(2):
        (runs / str(run)).mkdir(parents=True)
        (runs / str(run) / "summary.json").write_text("{}")
    with touched() as seen, small_cloud(tmp_path):
        pass
    assert str(tmp_path / "state.json") in seen.opened
    assert [path for path in seen.all if runs in Path(path).parents] == []


def test_writing_and_deleting_takes_no_longer_in_a_long_queue(tmp_path: Path) -> None:
    with small_cloud(tmp_path) as cloud:
        sqs, queue = cloud.client("sqs"), cloud.output("QueueUrl")

        def send() -> None:
            entries = [{"Id": str(each), "MessageBody": f"message {each}"} for each in range(10)]
            sqs.send_message_batch(QueueUrl=queue, Entries=entries)

        def receive() -> Any:
            return sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]

        def cost() -> tuple[int, int, int, int]:
            """Steps to send, receive and delete a batch, and how often files were touched."""
            with touched() as seen:
                with steps() as sending:
                    send()
                with steps() as receiving:
                    received = receive()
                gone = [{"Id": str(each), "ReceiptHandle": m["ReceiptHandle"]} for each, m in enumerate(received)]
                with steps() as deleting:
                    sqs.delete_message_batch(QueueUrl=queue, Entries=gone)
            assert len(received) == 10
            return sending.count, receiving.count, deleting.count, len(seen.all)

        cost()  # what is imported and cached once
        short = cost()
        for _ in range(100):
            send()
            receive()  # not deleted: they stay in front of later ones
        sending, receiving, deleting, files = (after - before for before, after in zip(short, cost(), strict=True))
        # A receive checks whether each of the 1,000 messages in front is visible; nothing else looks at them.
        assert sending < 500
        assert receiving < 3_000
        assert deleting < 500
        assert files == 0


def test_a_failing_observer_does_not_break_the_run(tmp_path: Path) -> None:
    def broken(event: Event) -> None:
        raise RuntimeError(event.kind)

    with small_cloud(tmp_path, observe=broken) as cloud:
        assert collect(cloud, {"id": "one"}).status == "SUCCEEDED"


def test_the_state_of_a_handler_ends_with_the_cloud(tmp_path: Path) -> None:
    counts = []
    for _ in range(2):
        with small_cloud(tmp_path) as cloud:
            counts += [cloud.invoke("Probe", {"do": "count"})[0] for _ in range(2)]
    assert counts == [1, 2, 1, 2]
    assert "probe" not in sys.modules


def test_a_module_that_was_imported_before_is_the_same_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(TEMPLATE.parent / "functions"))
    before = importlib.import_module("probe.handler")
    with small_cloud(tmp_path) as cloud:
        cloud.invoke("Probe", {"do": "echo"})
        assert sys.modules["probe.handler"] is not before
    assert sys.modules["probe.handler"] is before
    del sys.modules["probe.handler"], sys.modules["probe"]


def test_a_message_that_is_older_than_the_retention_period_is_received_and_can_still_be_hidden(tmp_path: Path) -> None:
    with small_cloud(tmp_path) as cloud:
        cloud.client("sqs").send_message(QueueUrl=cloud.output("QueueUrl"), MessageBody="miss")
    (file,) = (tmp_path / "queues").rglob("*.json")
    message = json.loads(file.read_text())
    file.write_text(json.dumps({**message, "sent_at": message["sent_at"] - 30 * 86_400_000}))
    with small_cloud(tmp_path) as cloud:
        sqs, queue = cloud.client("sqs"), cloud.output("QueueUrl")
        handle = sqs.receive_message(QueueUrl=queue)["Messages"][0]["ReceiptHandle"]
        sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=25_200)
        assert "Messages" not in sqs.receive_message(QueueUrl=queue)
        sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=0)
        assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "miss"
