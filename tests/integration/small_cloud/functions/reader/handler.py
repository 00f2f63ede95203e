"""Calls AWS with its role, and returns the result."""

import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CALLS = Config(retries={"mode": "standard", "total_max_attempts": 4})


def handler(event: dict[str, Any], context: Any) -> Any:  # noqa: ARG001
    """`event`: service, operation (as a client method), parameters. Bucket and queue are filled in."""
    client = boto3.client(event["service"], config=CALLS)
    own = {"s3": {"Bucket": os.environ["BUCKET"]}, "sqs": {"QueueUrl": os.environ["QUEUE_URL"]}}.get(
        event["service"], {}
    )
    try:
        answer = getattr(client, event["operation"])(**own, **event["parameters"])
    except ClientError as error:
        return {
            "refused": error.response["Error"]["Code"],
            "attempts": error.response["ResponseMetadata"]["RetryAttempts"] + 1,
        }
    if "Body" in answer:
        answer["Body"] = answer["Body"].read().decode()
    return {
        "attempts": answer["ResponseMetadata"]["RetryAttempts"] + 1,
        **{key: value for key, value in answer.items() if key in {"Body", "Failed", "Successful", "ETag"}},
    }
