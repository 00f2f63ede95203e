"""The topic that the digest is published to."""

from typing import Any

import boto3

from nightfold.storage import CALLS


class Topic:
    """One SNS topic. Errors are botocore's."""

    def __init__(self, arn: str, client: Any = None) -> None:
        self.arn = arn
        self._sns = client or boto3.client("sns", config=CALLS)

    def publish(self, subject: str, text: str) -> None:
        self._sns.publish(TopicArn=self.arn, Subject=subject, Message=text)
