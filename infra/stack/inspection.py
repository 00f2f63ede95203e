"""What `nightfold doctor` asks AWS about a stack. Everything raises InvalidInput where AWS refuses to answer."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.stack.aws_errors import explained
from infra.stack.deployed import DeployedStack

WORKFLOW = Path(__file__).parents[2] / "infra/statemachine/nightly.asl.json"
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Subscription:
    """Who receives what a topic publishes."""

    protocol: str
    endpoint: str
    confirmed: bool


@dataclass(frozen=True)
class Inspection:
    """A stack, looked at."""

    stack: DeployedStack

    @property
    def status(self) -> str:
        return str(self.stack.description["StackStatus"])

    @property
    def why(self) -> str:
        """What CloudFormation says about its status; mostly nothing."""
        return str(self.stack.description.get("StackStatusReason") or "")

    @property
    def name(self) -> str:
        """Also of a stack that was given by its ARN."""
        return str(self.stack.description["StackName"])

    def caller(self) -> str:
        """The ARN of the user or the role that asks."""
        with explained("sts"):
            return str(self.stack.client("sts").get_caller_identity()["Arn"])

    def runs_the_workflow(self, source: Path = WORKFLOW) -> bool:
        """Whether the state machine is what `source` describes, with the names of this stack."""
        with explained("states"):
            states = self.stack.client("stepfunctions")
            found = states.describe_state_machine(stateMachineArn=self.stack.output("StateMachineArn"))
        names = self.names_in_the_workflow(source)
        described = _PLACEHOLDER.sub(lambda placeholder: names[placeholder[1]], source.read_text("utf-8"))
        return bool(json.loads(found["definition"]) == json.loads(described))

    def names_in_the_workflow(self, source: Path = WORKFLOW) -> dict[str, str]:
        """What this stack has for each placeholder of `source`."""
        _, partition, _, region, account, *_ = self.stack.output("StateMachineArn").split(":")

        def deployed(name: str) -> str:
            if name == "Bucket":
                return self.stack.output("BucketName")
            function = self.stack.output(f"{name.removesuffix('Arn')}Name")
            return f"arn:{partition}:lambda:{region}:{account}:function:{function}"

        return {name: deployed(name) for name in sorted({*_PLACEHOLDER.findall(source.read_text("utf-8"))})}

    def key_type(self) -> str | None:
        """SecureString or String; None without an API key. The key itself is never read."""
        name = self.stack.output("ApiKeyName")
        with explained("ssm"):
            pages = self.stack.client("ssm").get_paginator("describe_parameters")
            found = pages.paginate(ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [name]}])
            return next((str(each["Type"]) for page in found for each in page["Parameters"]), None)

    def schedule(self, name: str) -> Mapping[str, Any] | None:
        """As UpdateSchedule takes it; None if there is none."""
        with explained("scheduler"):
            try:
                found = self.stack.client("scheduler").get_schedule(Name=name)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
                return None
        read_only = {"Arn", "CreationDate", "LastModificationDate", "ResponseMetadata"}
        return {field: value for field, value in found.items() if field not in read_only and value is not None}

    def subscriptions(self, topic: str) -> list[Subscription]:
        """Of an output with a topic's ARN. Those that were deleted are left out."""
        arn = self.stack.output(topic)
        with explained("sns"):
            pages = self.stack.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
            found = [each for page in pages for each in page["Subscriptions"]]
        return [
            Subscription(each["Protocol"], each["Endpoint"], each["SubscriptionArn"].startswith("arn:"))
            for each in found
            if each["SubscriptionArn"] != "Deleted"
        ]

    def concurrency(self) -> tuple[int, int]:
        """How many functions the account may run at once: in all, and those that no function has reserved."""
        with explained("lambda"):
            limit = self.stack.client("lambda").get_account_settings()["AccountLimit"]
        return int(limit["ConcurrentExecutions"]), int(limit["UnreservedConcurrentExecutions"])
