"""The AWS services of the embedded cloud: one row each. Only these rows and the modules of
`moto_patches` named after a service know about a single service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ACCOUNT, REGION = "123456789012", "us-east-1"
STACK = "nightfold"

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    """A resource type of CloudFormation. `named` is a property, and the value that it gets if the template has none:
    CloudFormation would otherwise draw another name each time."""

    type: str
    named: tuple[str, str] | None = None


@dataclass(frozen=True)
class Service:
    """What is particular to one service.

    Args:
        name: botocore's, as a call's event has it ("sfn").
        signs_as: the name in signatures, addresses and IAM actions; botocore's name unless given.
        moto: moto's package, imported before the first call.
        errors: how an error is written.
        denied: the code of a call that a role does not allow.
        resources: its resource types that are created; all others in the template are left out.
        names: the ARN that a call concerns, for IAM, where moto gives only "*"; from its parameters and its `path`.
        same_permission: operation → the action that IAM checks instead.
    """

    name: str
    signs_as: str = ""
    moto: str = ""
    errors: Literal["json", "query", "s3"] = "json"
    denied: Literal["AccessDenied", "AccessDeniedException"] = "AccessDeniedException"
    host: str = ""
    resources: tuple[Resource, ...] = ()
    names: Callable[[Parameters], str] | None = None
    same_permission: Mapping[str, str] = field(default_factory=dict)

    @property
    def scope(self) -> str:
        return self.signs_as or self.name

    @property
    def address(self) -> str:
        return self.host or f"{self.scope}.{REGION}.amazonaws.com"


def _parameter(call: Parameters) -> str:
    name = str(call.get("Name") or call.get("Path") or next(iter(call.get("Names", [])), "*"))
    if name.startswith("arn:"):
        return name
    return f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{name.partition(':')[0].lstrip('/')}"  # without a version


def _log_stream(call: Parameters) -> str:
    stream = call.get("logStreamName", "")
    return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{call.get('logGroupName')}:log-stream:{stream}"


def _execution_or_machine(call: Parameters) -> str:
    return str(call.get("executionArn") or call.get("stateMachineArn") or "*")


def _stack(call: Parameters) -> str:
    name = str(call.get("StackName") or "*")
    return name if name.startswith("arn:") else f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/*"


def _schedule(call: Parameters) -> str:
    return f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{str(call['path']).rpartition('/')[2]}"


def _topic(call: Parameters) -> str:
    return str(call.get("TopicArn") or "*")


SERVICES = (
    Service(
        "s3",
        moto="s3",
        errors="s3",
        denied="AccessDenied",
        host="s3.amazonaws.com",
        resources=(Resource("AWS::S3::Bucket", ("BucketName", "{stack}-{lower}-123456789012")),),
        same_permission={
            "HeadObject": "GetObject",
            "HeadBucket": "ListBucket",
            "ListObjects": "ListBucket",
            "ListObjectsV2": "ListBucket",
            "DeleteObjects": "DeleteObject",
            "CopyObject": "PutObject",
        },
    ),
    Service(
        "sqs",
        moto="sqs",
        denied="AccessDenied",
        resources=(Resource("AWS::SQS::Queue", ("QueueName", "{stack}-{id}")),),
        same_permission={
            "SendMessageBatch": "SendMessage",
            "DeleteMessageBatch": "DeleteMessage",
            "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
        },
    ),
    Service("ssm", moto="ssm", resources=(Resource("AWS::SSM::Parameter"),), names=_parameter),
    Service(
        "sns",
        moto="sns",
        errors="query",
        denied="AccessDenied",
        resources=(Resource("AWS::SNS::Topic", ("TopicName", "{stack}-{id}")),),
        names=_topic,
        same_permission={"PublishBatch": "Publish"},
    ),
    Service("sfn", signs_as="states", moto="stepfunctions", names=_execution_or_machine),
    Service(
        "lambda",
        resources=(Resource("AWS::Lambda::Function", ("FunctionName", "{stack}-{id}")),),
        same_permission={"Invoke": "InvokeFunction"},
    ),
    Service(
        "iam",
        errors="query",
        resources=(
            Resource("AWS::IAM::ManagedPolicy"),
            Resource("AWS::IAM::Policy"),
            Resource("AWS::IAM::Role", ("RoleName", "{stack}-{id}")),
        ),
    ),
    Service("sts", moto="sts", errors="query", denied="AccessDenied"),
    Service("cloudformation", errors="query", denied="AccessDenied", names=_stack),
    Service("scheduler", names=_schedule),
    Service("cloudwatch-logs", signs_as="logs", resources=(Resource("AWS::Logs::LogGroup"),), names=_log_stream),
)

RESOURCES = {resource.type: resource for service in SERVICES for resource in service.resources}
_BY_NAME = {service.name: service for service in SERVICES}
_BY_SCOPE = {service.scope: service for service in SERVICES}


def named(name: str) -> Service:
    """By botocore's name. A service that is not in the table has the defaults, and moto does not answer for it."""
    return _BY_NAME.get(name) or Service(name)


def of_moto(package: str) -> Service:
    """By the name of moto's package."""
    return next((service for service in SERVICES if package in {service.moto, service.scope}), Service(package))


def signed_for(scope: str) -> Service:
    """By the name in a signature."""
    return _BY_SCOPE.get(scope) or Service(scope)
