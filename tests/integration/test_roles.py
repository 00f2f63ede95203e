"""Roles: each function acts with its own role from the template, and what its policies do not allow is denied."""

import json
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.cloud.embedded import Cloud
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from tests.support.clouds import PATIENCE_S, cloud_at, hurried, put_sites, wait_until
from tests.support.ledger import Ledger

SPEED = 20.0  # at which no step times out on a busy machine
BY_HAND = {"request_timeout_s": 25}  # real seconds: below the collector's 31.5
DENIED = {"AccessDenied", "AccessDeniedException", "403"}


class RoleCloud:
    """A cloud with IAM enforced, after a night and a morning."""

    def __init__(self, cloud: Cloud, api: MessagesAPI) -> None:
        self.cloud, self.api = cloud, api
        self.bucket = cloud.output("BucketName")
        self.named = PLACES | {
            "misses": cloud.output("MissQueueUrl"),
            "parked": cloud.output("ParkedQueueUrl"),
            "key": cloud.output("ApiKeyName"),
            "configuration": cloud.output("ConfigurationName"),
        }
        self.role = ""
        self.night: Any = None
        self.morning: Any = None

    def call(self, role: str, call: str) -> Any:
        """With this role: the name of a method below, and what it is about."""
        self.role = role
        name, *about = call.split()
        return getattr(self, name)(*(self.named.get(each, each) for each in about))

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
        place.night = cloud.wait(cloud.start(BY_HAND, name="night"), timeout=PATIENCE_S)
        cloud.client("sqs").send_message(QueueUrl=place.named["misses"], MessageBody="not a miss")
        api.script("harbour", [{"do": "slow", "latency_s": SPEED}])
        aborted = cloud.start(BY_HAND, name="aborted")
        wait_until(lambda: api.calls("harbour") == 1)
        cloud.stop(aborted)
        while cloud.client("stepfunctions").describe_execution(executionArn=aborted)["status"] == "RUNNING":
            time.sleep(0.01)  # the running call
        place.morning = cloud.wait(cloud.start(BY_HAND | {"mode": "redrive"}, name="morning"), timeout=PATIENCE_S)
        yield place


def test_a_whole_night_and_a_morning_need_no_more_than_the_roles_allow(place: RoleCloud) -> None:
    ledger = Ledger.read(place.cloud.state_dir)
    ledger.check()
    assert (place.night.output["accepted"], place.night.output["missed"]) == (3, 1)
    assert (place.night.status, place.morning.status) == ("SUCCEEDED", "SUCCEEDED")
    assert ledger.accepted == {"harbour", "orchard", "meadow", "lantern"}
    assert not ledger.waiting
    assert not ledger.unclosed


PLACES = {
    "sites": "config/sites.json",
    "lease": "config/redrive-lease.json",
    "closed-runs": "config/closed-runs.json",
    "plan": "runs/night/plan.json",
    "items-1": "runs/night/round-1/items.json",
    "items-2": "runs/night/round-2/items.json",
    "wave": "runs/night/round-1/wave-1/items.json",
    "outcome": "runs/night/round-1/outcomes/harbour.json",
    "results": "runs/night/results/harbour.json",
    "summary": "runs/night/summary.json",
    "new-plan": "runs/unused/plan.json",
    "new-outcome": "runs/unused/round-1/outcomes/harbour.json",
    "new-results": "runs/unused/results/harbour.json",
    "new-wave": "runs/unused/round-1/wave-1/items.json",
    "new-decision": "runs/unused/round-1/wave-1/pace.json",
    "carried": "config/pace.json",
    "new-mark": "runs/unused/unclosable.json",
}
MUST_NOT = {  # a call and what it is about
    "Planner": """
        log Collector, delete_message misses, delete_messages misses, purge misses, send misses, send parked,
        receive parked, parameter key, put_parameter configuration, put sites, put outcome, put results,
        put summary, put items-2, delete plan, start, invoke Collector""",
    "Pacer": """
        log Planner, parameter key, parameter configuration, get sites, put sites, put plan, put outcome, put items-1,
        put results, put summary, delete plan, receive misses, start, invoke Collector""",
    "Collector": """
        log Planner, get sites, get outcome, put outcome, list, receive misses, send misses, delete_message misses,
        parameter configuration, put_parameter key, invoke Aggregator""",
    "Aggregator": """
        log Reporter, parameter key, parameter configuration, get sites, put sites, put plan, put outcome, put items-1,
        put lease, delete results, receive misses, receive parked, delete_message parked, start, invoke Collector""",
    "Reporter": """
        log Nightly, parameter key, parameter configuration, get sites, put sites, put results, put summary,
        delete summary, publish AlarmTopic, receive misses, send misses, delete_message misses""",
    "Nightly": """
        put wave, get items-1, put results, put summary, put plan, get outcome, get sites, list, parameter key,
        send misses, receive misses""",
}
MAY = {  # the same calls where they are allowed, so that a denial is not caused by a malformed call
    "Planner": """
        log Planner, parameter configuration, get sites, receive misses, list, put new-plan, put closed-runs""",
    "Pacer": """
        log Pacer, get plan, get items-1, get outcome, list, put new-wave, put new-decision, put carried""",
    "Collector": "log Collector, parameter key",
    "Aggregator": """
        log Aggregator, get outcome, put new-results, send parked, send_batch misses, delete_messages misses""",
    "Reporter": "log Reporter, get summary, publish DigestTopic",
    "Nightly": "put new-outcome, get wave, put new-mark, invoke Collector",
}


def each(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(role, call.strip()) for role, calls in table.items() for call in calls.split(",")]


@pytest.mark.parametrize(("role", "call"), each(MUST_NOT))
def test_a_role_must_not(place: RoleCloud, role: str, call: str) -> None:
    with pytest.raises(ClientError) as denied:
        place.call(role, call)
    assert denied.value.response["Error"]["Code"] in DENIED


@pytest.mark.parametrize(("role", "call"), each(MAY))
def test_a_role_may(place: RoleCloud, role: str, call: str) -> None:
    place.call(role, call)


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
