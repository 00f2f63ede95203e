"""One deployed stack: its outputs, its bucket and its API key. Nothing is asked of AWS before it is needed."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from infra.stack.aws_errors import NOT_AWS, explained
from infra.stack.configuration import ConfigurationParameter
from infra.stack.executions import Executions
from infra.stack.parked_queue import ParkedQueue
from infra.stack.session import Session
from nightfold.errors import InvalidInput
from nightfold.storage import Bucket

_URLS = {"waiting": "MissQueueUrl", "parked": "ParkedQueueUrl"}  # outputs
_DAY_S = 86_400
_COUNTS = tuple(f"ApproximateNumberOfMessages{state}" for state in ("", "NotVisible", "Delayed"))


class DeployedStack:
    """A stack in the account of the user's credentials. Raises InvalidInput for a profile that does not exist, and
    without a region. What a run leaves outside the bucket, it counts as infra.cli.installation.Evidence says."""

    late_s = 90.0  # SQS's approximate counts and CloudWatch's logs lag by a minute or more

    def __init__(self, name: str, region: str | None = None, profile: str | None = None) -> None:
        self.name = name
        self._session = Session(region, profile)

    @cached_property
    def description(self) -> Mapping[str, Any]:
        """What CloudFormation says of it: outputs, parameters, status. Raises InvalidInput."""
        with explained("cloudformation"):
            cloudformation = self._session.client("cloudformation")
            try:
                stacks = cloudformation.describe_stacks(StackName=self.name)["Stacks"]
            except ClientError as error:
                if error.response["Error"]["Code"] != "ValidationError":
                    raise
                region = cloudformation.meta.region_name
                raise InvalidInput(
                    f"--stack: there is no stack {self.name!r} in {region}; --region and --profile choose where to look"
                ) from None
        found: Mapping[str, Any] = stacks[0]
        return found

    @cached_property
    def outputs(self) -> dict[str, str]:
        """Raises InvalidInput."""
        return {output["OutputKey"]: output["OutputValue"] for output in self.description.get("Outputs", [])}

    @property
    def simulated(self) -> bool:
        """Whether its answers are made up. Raises InvalidInput."""
        return self.parameter("MessagesApi") == "simulated"

    def parameter(self, name: str) -> str:
        """A parameter of the template; "" if the deployed one has no such parameter. Raises InvalidInput."""
        given = self.description.get("Parameters", [])
        return str(next((each["ParameterValue"] for each in given if each["ParameterKey"] == name), ""))

    def output(self, name: str) -> str:
        """Raises InvalidInput if the stack has no such output."""
        if name not in self.outputs:
            raise InvalidInput(f"--stack: {self.name!r} is not a stack of Nightfold: it has no output {name}")
        return self.outputs[name]

    @cached_property
    def records(self) -> "StoredRecords":
        """What its runs have stored. Raises InvalidInput."""
        client = self._session.client("s3")
        return StoredRecords(Bucket(self.output("BucketName"), client), client)

    @cached_property
    def configuration(self) -> ConfigurationParameter:
        """Raises InvalidInput."""
        return ConfigurationParameter(self.output("ConfigurationName"), self._session.client("ssm"))

    @cached_property
    def api_key(self) -> "ApiKeyParameter":
        """Raises InvalidInput."""
        return ApiKeyParameter(self.output("ApiKeyName"), self._session.client("ssm"))

    def client(self, service: str) -> Any:
        """Of boto3."""
        return self._session.client(service)

    def messages(self) -> dict[str, int]:
        """How many messages SQS counts in each queue, those in flight included."""
        return {queue: self.count(queue) for queue in _URLS}

    def count(self, queue: str) -> int:
        """How many messages SQS counts in one queue, those in flight included."""
        with explained("sqs"):
            found = self._sqs.get_queue_attributes(QueueUrl=self.output(_URLS[queue]), AttributeNames=[*_COUNTS])
        return sum(map(int, found["Attributes"].values()))

    def waiting(self) -> int:
        return self.count("waiting")

    def logged(self, run_id: str) -> int:
        """Of the last day; on all pages: one may be empty and still have a next."""
        group = f"/aws/lambda/{self.description['StackName']}-collector"
        with explained("logs"):
            since = round((time.time() - _DAY_S) * 1_000)
            pages = self.client("logs").get_paginator("filter_log_events")
            found = pages.paginate(logGroupName=group, filterPattern=f'{{ $.run_id = "{run_id}" }}', startTime=since)
            return sum(len(page["events"]) for page in found)

    def parked_queue(self) -> ParkedQueue:
        """Nothing is received yet."""
        parked, waiting = self.output(_URLS["parked"]), self.output(_URLS["waiting"])
        return ParkedQueue(self._sqs, self.records.bucket, parked, waiting)

    @cached_property
    def executions(self) -> Executions:
        """Raises InvalidInput."""
        return Executions(self.output("StateMachineArn"), self._session.client("stepfunctions"))

    @cached_property
    def _sqs(self) -> Any:
        return self._session.client("sqs")


@dataclass(frozen=True)
class StoredRecords:
    """The bucket of a stack. Raises InvalidInput where AWS refuses to answer."""

    bucket: Bucket
    client: Any  # boto3's, of S3

    def get(self, key: str) -> bytes | None:
        with explained("s3"):
            return self.bucket.get(key)

    def keys(self, prefix: str) -> Iterator[str]:
        with explained("s3"):
            yield from self.bucket.keys(prefix)

    def run_ids(self) -> Iterator[str]:
        with explained("s3"):
            yield from self.bucket.run_ids()

    def some_keys(self, prefix: str, after: str = "", at_most: int = 1_000) -> list[str]:
        """The next keys under `prefix`, at most a thousand, with one request."""
        with explained("s3"):
            page = self.client.list_objects_v2(
                Bucket=self.bucket.name, Prefix=prefix, StartAfter=after, MaxKeys=at_most
            )
        return [str(listed["Key"]) for listed in page.get("Contents", [])]


@dataclass(frozen=True)
class ApiKeyParameter:
    """The SSM parameter with the API key, which operators may write and not read. Raises InvalidInput where AWS
    refuses to answer."""

    where: str
    ssm: Any

    def put(self, key: str) -> bool:
        """Store the key. Returns whether it replaced another."""
        with explained("ssm"):
            try:
                put = self.ssm.put_parameter(Name=self.where, Value=key, Type="SecureString", Overwrite=True)
            except ClientError as error:
                error.response["Error"]["Message"] = "its message is not shown: it may quote the key"
                raise
        if "Version" not in put:  # botocore takes any text for an empty answer
            raise InvalidInput(NOT_AWS)
        return int(put["Version"]) > 1
