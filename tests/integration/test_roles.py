"""Roles: each function acts with its own role from the template, and what its policies do not allow is denied."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.cloud.embedded import Cloud
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from tests.support.clouds import cloud_at, hurried, put_sites
from tests.support.ledger import Ledger

pytestmark = pytest.mark.xdist_group("roles")

SPEED = 50.0
DENIED = {"AccessDenied", "AccessDeniedException", "403"}
Call = Callable[["RoleCloud"], Any]


class RoleCloud:
    """A cloud with IAM enforced, after a night and a morning."""

    def __init__(self, cloud: Cloud, api: MessagesAPI) -> None:
        self.cloud, self.api = cloud, api
        self.bucket = cloud.output("BucketName")
        self.miss_queue, self.parked_queue = cloud.output("MissQueueUrl"), cloud.output("ParkedQueueUrl")
        self.secret, self.configuration = cloud.output("ApiKeyName"), cloud.output("ConfigurationName")
        self.role = ""
        self.night: Any = None
        self.morning: Any = None

    def client(self, service: str) -> Any:
        """A client with this role's credentials."""
        if self.role == "Nightly":
            return self.cloud._machine_session().client(service)
        return self.cloud.client_as(self.role, service)

    def get(self, key: str) -> Any:
        return self.client("s3").get_object(Bucket=self.bucket, Key=key)

    def put(self, key: str) -> Any:
        return self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=b"{}")

    def delete(self, key: str) -> Any:
        return self.client("s3").delete_object(Bucket=self.bucket, Key=key)

    def list(self) -> Any:
        return self.client("s3").list_objects_v2(Bucket=self.bucket)

    def send(self, queue: str) -> Any:
        return self.client("sqs").send_message(QueueUrl=queue, MessageBody="hello")

    def send_batch(self, queue: str) -> Any:
        entries = [{"Id": "0", "MessageBody": "hello"}]
        return self.client("sqs").send_message_batch(QueueUrl=queue, Entries=entries)

    def receive(self, queue: str) -> Any:
        return self.client("sqs").receive_message(QueueUrl=queue)

    def delete_message(self, queue: str) -> Any:
        return self.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle="x" * 200)

    def delete_messages(self, queue: str) -> Any:
        entries = [{"Id": "0", "ReceiptHandle": "x" * 200}]
        return self.client("sqs").delete_message_batch(QueueUrl=queue, Entries=entries)

    def purge(self, queue: str) -> Any:
        return self.client("sqs").purge_queue(QueueUrl=queue)

    def parameter(self, name: str) -> Any:
        return self.client("ssm").get_parameter(Name=name, WithDecryption=True)

    def put_parameter(self, name: str) -> Any:
        return self.client("ssm").put_parameter(Name=name, Value="{}", Overwrite=True)

    def publish(self, topic: str) -> Any:
        return self.client("sns").publish(TopicArn=self.cloud.physical(topic), Message="hello")

    def log(self, function: str) -> Any:
        group = self.cloud.physical(f"{function}Logs")
        return self.client("logs").create_log_stream(logGroupName=group, logStreamName=f"of-{self.role}")

    def start(self) -> Any:
        return self.client("stepfunctions").start_execution(stateMachineArn=self.cloud.machine_arn, input="{}")

    def invoke(self, function: str) -> Any:
        return self.client("lambda").invoke(FunctionName=self.cloud.physical(function), Payload=b"{}")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RoleCloud]:
    state_dir = tmp_path_factory.mktemp("state")
    scenario = Scenario.model_validate({"sites": {"orchard": ["prose"], "meadow": [400], "lantern": [529]}})
    with (
        MessagesAPI(scenario, speed=SPEED) as api,
        cloud_at(state_dir, api.url, speed=SPEED) as cloud,
        hurried(SPEED),
    ):
        place = RoleCloud(cloud, api)
        put_sites(cloud, ("harbour", "orchard", "meadow", "lantern"))
        place.night = cloud.wait(cloud.start({"request_timeout_s": 10}, name="night"), timeout=60)
        cloud.client("sqs").send_message(QueueUrl=place.miss_queue, MessageBody="not a miss")
        api.script("harbour", [{"do": "slow", "latency_s": SPEED}])
        aborted = cloud.start({"request_timeout_s": 10}, name="aborted")
        while not api.calls("harbour"):
            time.sleep(0.01)
        cloud.stop(aborted)
        while cloud.client("stepfunctions").describe_execution(executionArn=aborted)["status"] == "RUNNING":
            time.sleep(0.01)  # the running call
        given = {"mode": "redrive", "request_timeout_s": 10}
        place.morning = cloud.wait(cloud.start(given, name="morning"), timeout=60)
        yield place


def test_a_whole_night_and_a_morning_need_no_more_than_the_roles_allow(place: RoleCloud) -> None:
    ledger = Ledger.read(place.cloud.state_dir)
    ledger.check()
    assert (place.night.output["accepted"], place.night.output["missed"]) == (3, 1)
    assert (place.night.status, place.morning.status) == ("SUCCEEDED", "SUCCEEDED")
    assert ledger.accepted == {"harbour", "orchard", "meadow", "lantern"}
    assert not ledger.waiting
    assert not ledger.unclosed


OUTCOME, CANDIDATES = "runs/night/round-1/outcomes/harbour.json", "runs/night/candidates/harbour.json"
SITES, PLAN, SUMMARY = "config/sites.json", "runs/night/plan.json", "runs/night/summary.json"
WAVE = "runs/night/round-1/wave-1/items.json"
ITEMS_1, ITEMS_2, LEASE = "runs/night/round-1/items.json", "runs/night/round-2/items.json", "config/redrive-lease.json"

MUST_NOT: dict[str, dict[str, Call]] = {
    "Planner": {
        "write the log of another": lambda p: p.log("Collector"),
        "delete a miss": lambda p: p.delete_message(p.miss_queue),
        "delete misses": lambda p: p.delete_messages(p.miss_queue),
        "purge the misses": lambda p: p.purge(p.miss_queue),
        "send a miss": lambda p: p.send(p.miss_queue),
        "park a message": lambda p: p.send(p.parked_queue),
        "receive what was parked": lambda p: p.receive(p.parked_queue),
        "read the API key": lambda p: p.parameter(p.secret),
        "change the configuration": lambda p: p.put_parameter(p.configuration),
        "change the site list": lambda p: p.put(SITES),
        "write an outcome": lambda p: p.put(OUTCOME),
        "write candidates": lambda p: p.put(CANDIDATES),
        "write a summary": lambda p: p.put(SUMMARY),
        "write the items of round 2": lambda p: p.put(ITEMS_2),
        "delete a plan": lambda p: p.delete(PLAN),
        "start an execution": lambda p: p.start(),
        "invoke the collector": lambda p: p.invoke("Collector"),
    },
    "Pacer": {
        "write the log of another": lambda p: p.log("Planner"),
        "read the API key": lambda p: p.parameter(p.secret),
        "read the configuration": lambda p: p.parameter(p.configuration),
        "read the site list": lambda p: p.get(SITES),
        "change the site list": lambda p: p.put(SITES),
        "change a plan": lambda p: p.put(PLAN),
        "write an outcome": lambda p: p.put(OUTCOME),
        "write the items of round 1": lambda p: p.put(ITEMS_1),
        "write candidates": lambda p: p.put(CANDIDATES),
        "write a summary": lambda p: p.put(SUMMARY),
        "delete a plan": lambda p: p.delete(PLAN),
        "receive a miss": lambda p: p.receive(p.miss_queue),
        "start an execution": lambda p: p.start(),
        "invoke the collector": lambda p: p.invoke("Collector"),
    },
    "Collector": {
        "write the log of another": lambda p: p.log("Planner"),
        "read the bucket": lambda p: p.get(SITES),
        "read an outcome": lambda p: p.get(OUTCOME),
        "write an outcome": lambda p: p.put(OUTCOME),
        "list the bucket": lambda p: p.list(),
        "receive a miss": lambda p: p.receive(p.miss_queue),
        "send a miss": lambda p: p.send(p.miss_queue),
        "delete a miss": lambda p: p.delete_message(p.miss_queue),
        "read the configuration": lambda p: p.parameter(p.configuration),
        "change the API key": lambda p: p.put_parameter(p.secret),
        "invoke the aggregator": lambda p: p.invoke("Aggregator"),
    },
    "Aggregator": {
        "write the log of another": lambda p: p.log("Reporter"),
        "read the API key": lambda p: p.parameter(p.secret),
        "read the configuration": lambda p: p.parameter(p.configuration),
        "read the site list": lambda p: p.get(SITES),
        "change the site list": lambda p: p.put(SITES),
        "change a plan": lambda p: p.put(PLAN),
        "write an outcome": lambda p: p.put(OUTCOME),
        "write the items of round 1": lambda p: p.put(ITEMS_1),
        "take the lease": lambda p: p.put(LEASE),
        "delete candidates": lambda p: p.delete(CANDIDATES),
        "receive a miss": lambda p: p.receive(p.miss_queue),
        "receive what was parked": lambda p: p.receive(p.parked_queue),
        "delete what was parked": lambda p: p.delete_message(p.parked_queue),
        "start an execution": lambda p: p.start(),
        "invoke the collector": lambda p: p.invoke("Collector"),
    },
    "Reporter": {
        "write the log of another": lambda p: p.log("Nightly"),
        "read the API key": lambda p: p.parameter(p.secret),
        "read the configuration": lambda p: p.parameter(p.configuration),
        "read the site list": lambda p: p.get(SITES),
        "write candidates": lambda p: p.put(CANDIDATES),
        "change a summary": lambda p: p.put(SUMMARY),
        "change the site list": lambda p: p.put(SITES),
        "delete a summary": lambda p: p.delete(SUMMARY),
        "publish an alarm": lambda p: p.publish("AlarmTopic"),
        "receive a miss": lambda p: p.receive(p.miss_queue),
        "send a miss": lambda p: p.send(p.miss_queue),
        "delete a miss": lambda p: p.delete_message(p.miss_queue),
    },
    "Nightly": {
        "write a wave": lambda p: p.put(WAVE),
        "read the items of a round": lambda p: p.get(ITEMS_1),
        "write candidates": lambda p: p.put(CANDIDATES),
        "write a summary": lambda p: p.put(SUMMARY),
        "write a plan": lambda p: p.put(PLAN),
        "read an outcome": lambda p: p.get(OUTCOME),
        "read the site list": lambda p: p.get(SITES),
        "list the bucket": lambda p: p.list(),
        "read the API key": lambda p: p.parameter(p.secret),
        "send a miss": lambda p: p.send(p.miss_queue),
        "receive a miss": lambda p: p.receive(p.miss_queue),
    },
}

MAY: dict[
    str, dict[str, Call]
] = {  # the same calls where they are allowed, so that a denial is not caused by a malformed call
    "Planner": {
        "write its own log": lambda p: p.log("Planner"),
        "read the configuration": lambda p: p.parameter(p.configuration),
        "read the site list": lambda p: p.get(SITES),
        "receive a miss": lambda p: p.receive(p.miss_queue),
        "list the bucket": lambda p: p.list(),
        "write a plan": lambda p: p.put("runs/unused/plan.json"),
        "note closed runs": lambda p: p.put("config/closed-runs.json"),
    },
    "Pacer": {
        "write its own log": lambda p: p.log("Pacer"),
        "read a plan": lambda p: p.get(PLAN),
        "read the items of round 1": lambda p: p.get(ITEMS_1),
        "read an outcome": lambda p: p.get(OUTCOME),
        "list the bucket": lambda p: p.list(),
        "write a wave": lambda p: p.put("runs/unused/round-1/wave-1/items.json"),
        "write a decision": lambda p: p.put("runs/unused/round-1/wave-1/pace.json"),
        "note what the account carries": lambda p: p.put("config/pace.json"),
    },
    "Collector": {
        "write its own log": lambda p: p.log("Collector"),
        "read the API key": lambda p: p.parameter(p.secret),
    },
    "Aggregator": {
        "write its own log": lambda p: p.log("Aggregator"),
        "read an outcome": lambda p: p.get(OUTCOME),
        "write candidates": lambda p: p.put("runs/unused/candidates/harbour.json"),
        "park a message": lambda p: p.send(p.parked_queue),
        "send misses": lambda p: p.send_batch(p.miss_queue),
        "delete misses": lambda p: p.delete_messages(p.miss_queue),
    },
    "Reporter": {
        "write its own log": lambda p: p.log("Reporter"),
        "read a summary": lambda p: p.get(SUMMARY),
        "publish a digest": lambda p: p.publish("DigestTopic"),
    },
    "Nightly": {
        "write an outcome": lambda p: p.put("runs/unused/round-1/outcomes/harbour.json"),
        "read the items of a wave": lambda p: p.get(WAVE),
        "set a run aside": lambda p: p.put("runs/unused/unclosable.json"),
        "invoke the collector": lambda p: p.invoke("Collector"),
    },
}


def _each(table: dict[str, dict[str, Call]]) -> list[Any]:
    return [
        pytest.param(role, call, id=f"{role}: {what}") for role, calls in table.items() for what, call in calls.items()
    ]


@pytest.mark.parametrize(("role", "call"), _each(MUST_NOT))
def test_a_role_must_not(place: RoleCloud, role: str, call: Call) -> None:
    place.role = role
    with pytest.raises(ClientError) as denied:
        call(place)
    assert denied.value.response["Error"]["Code"] in DENIED


@pytest.mark.parametrize(("role", "call"), _each(MAY))
def test_a_role_may(place: RoleCloud, role: str, call: Call) -> None:
    place.role = role
    call(place)


def test_every_function_of_the_template_is_checked(place: RoleCloud) -> None:
    functions = {name for name, kind in place.cloud._deployment.kinds.items() if kind == "AWS::Lambda::Function"}
    assert functions == MUST_NOT.keys() - {"Nightly"}


def test_every_log_line_has_its_request_id_and_a_time_that_any_tool_reads(place: RoleCloud) -> None:
    looked_at = 0
    for function in MUST_NOT.keys() - {"Nightly"}:
        log = (place.cloud.state_dir / "logs" / f"{function}.log").read_text()
        lines = [json.loads(line) for line in log.splitlines() if line.startswith('{"level"')]
        assert lines, function
        for line in lines:
            looked_at += 1
            assert uuid.UUID(line["function_request_id"])
            assert "T" in line["timestamp"]
            assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None
    assert looked_at >= 10
