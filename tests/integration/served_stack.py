"""The embedded cloud over HTTP, as a stack that `nightfold --stack` reads and changes."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest import mock

from infra.cli import stack_follow
from infra.cloud.embedded import Cloud
from infra.messages_api import MessagesAPI
from infra.messages_api.scenario import Scenario
from tests.integration.command_line import Finished, nightfold
from tests.support.clouds import PATIENCE_S, wait_until
from tests.support.stack_commands import typed

SPEED = 20  # at which no call times out on a busy machine
OPERATOR = "arn:aws:iam::123456789012:role/operator"


@dataclass(frozen=True)
class Served:
    """A state directory, and the credentials of the same records as a stack."""

    cloud: Cloud
    state_dir: Path
    url: str
    api: MessagesAPI | None = None  # the simulated one, if it has runs

    def laptop(self, *command: str) -> Finished:
        return nightfold(*command, "--state-dir", self.state_dir)

    def stack(self, *command: str, key: str | None = None, given: str | None = None, **environment: str) -> Finished:
        """`given` on standard input. A command that follows a run asks as often as it would at the stack's speed."""
        variables = self.credentials(key) | environment
        with mock.patch.object(stack_follow, "TURN_S", stack_follow.TURN_S / SPEED):
            return nightfold(command[0], "--stack", "nightfold", *command[1:], given=given, **variables)

    def credentials(self, key: str | None = None) -> dict[str, str]:
        """The environment of a command with --stack."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": key or self.cloud.access_key,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/nowhere",
            "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        }

    def words(self, command: str) -> list[str]:
        """A row's command as it is typed; RUN is a run that has just been started, and takes a while."""
        words = typed(command)
        if "RUN" not in words:
            return words
        assert self.api is not None
        self.api.script("harbour", [{"do": "ok", "latency_s": 15 * SPEED}])
        run = self.cloud.start({"limit": 1}).rpartition(":")[2]
        wait_until((self.state_dir / "runs" / run / "plan.json").exists)
        return [run if word == "RUN" else word for word in words]

    def queued(self) -> dict[str, set[str]]:
        """The different messages of each queue."""
        queues = {queue.name: queue.glob("*.json") for queue in (self.state_dir / "queues").iterdir()}
        found = {name: {json.loads(each.read_bytes())["body"] for each in queue} for name, queue in queues.items()}
        assert found
        return found

    def documents(self) -> dict[str, str]:
        """What else a command may change: configuration, site list, memories."""
        patterns = "configuration.json", "config/*sites.json", "sites/*/*/memory.json"
        files = [file for pattern in patterns for file in self.state_dir.glob(pattern)]
        assert len(files) > len(patterns)
        return {str(file.relative_to(self.state_dir)): file.read_text() for file in files}

    def key_of(self, allowed: Set[str]) -> str:
        """The access key of a role that may do only this, on the resources that the operator's policy names."""
        return self._operator([_narrowed(each, allowed) for each in self._operators_statements()])

    def operators_key(self) -> str:
        """The access key of a role with the operator's policy."""
        return self._operator(self._operators_statements())

    def _operators_statements(self) -> list[dict[str, Any]]:
        iam, policy = self.cloud.client("iam"), self.cloud.output("OperatorPolicyArn")
        version = iam.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=policy, VersionId=version)["PolicyVersion"]["Document"]["Statement"]
        assert {each["Effect"] for each in found} == {"Allow"}
        return list(found)

    def _operator(self, statements: list[dict[str, Any]]) -> str:
        policies = {OPERATOR: [{"Version": "2012-10-17", "Statement": statements}]}
        self.cloud._role_sessions.deployed(self.cloud._deployment.policies | policies)
        return self.cloud._role_sessions.credentials(OPERATOR)["AccessKeyId"]


def _narrowed(statement: dict[str, Any], allowed: Set[str]) -> dict[str, Any]:
    actions = statement["Action"]
    return statement | {"Action": sorted(allowed & {*([actions] if isinstance(actions, str) else actions)})}


class Faulty:
    """A client, one operation of which does something else."""

    def __init__(self, client: Any, operation: str, instead: Callable[[Callable[..., Any], Any], Any]) -> None:
        self._client, self._operation, self._instead = client, operation, instead

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        return (lambda **given: self._instead(call, given)) if name == self._operation else call


def overtaken(client: Any, operation: str, other: Callable[[], object]) -> Faulty:
    """The client, in an account where another operator is faster: before the next call of this operation he does
    `other`."""
    coming = [other]

    def instead(call: Callable[..., Any], given: Any) -> Any:
        while coming:
            coming.pop()()
        return call(**given)

    return Faulty(client, operation, instead)


@contextmanager
def another_stack(
    served: Served,
    name: str,
    outputs: Mapping[str, str] = MappingProxyType({}),
    drop: Set[str] = frozenset(),
    **parameters: str,
) -> Iterator[None]:
    """Another stack with the same bucket, queues, topics and state machine, as another template describes them."""
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/aws/lambda/{name}-collector"}}
    kept = {output: value for output, value in served.cloud._deployment.outputs.items() if output not in drop}
    template = {
        "Parameters": {
            parameter: {"Type": "String", "Default": value}
            for parameter, value in ({"ScheduleState": "DISABLED"} | parameters).items()
        },
        "Resources": {"Logs": group},
        "Outputs": {output: {"Value": value} for output, value in {**kept, **outputs}.items()},
    }
    cloudformation = served.cloud.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    try:
        yield
    finally:
        cloudformation.delete_stack(StackName=name)


@contextmanager
def serving(runs: Path, state_dir: Path) -> Iterator[Served]:
    """A stack with a copy of the state directory `runs`."""
    shutil.copytree(runs, state_dir)
    with simulated_stack(state_dir) as served:
        yield served


@contextmanager
def simulated_stack(state_dir: Path, scenario: Scenario | None = None) -> Iterator[Served]:
    """The stack in this state directory, with simulated answers."""
    with MessagesAPI(scenario or Scenario(), speed=SPEED) as api:
        parameters = {"MessagesApi": "simulated", "AnthropicBaseUrl": api.url}
        with Cloud(state_dir, speed=SPEED, parameters=parameters, secret="simulated") as cloud, cloud.serve() as url:
            yield Served(cloud, state_dir, url, api)
            _let_runs_end(cloud)


def _let_runs_end(cloud: Cloud) -> None:
    """What a run still does must not meet the next cloud of this process."""
    states = cloud.client("stepfunctions")
    for running in states.list_executions(stateMachineArn=cloud.machine_arn, statusFilter="RUNNING")["executions"]:
        cloud.wait(running["executionArn"], timeout=PATIENCE_S)
    assert cloud.settled(PATIENCE_S)
