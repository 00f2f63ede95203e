"""The Lambda handler of PublishDigest."""

from functools import cache
from typing import Any

from nightfold.errors import aws_errors_named
from nightfold.observability import in_request
from nightfold.storage import Bucket
from reporter.digest import Adapters, DigestTask, context_of, publish_digest
from reporter.links import Links
from reporter.settings import settings
from reporter.topic import Topic


@cache
def adapters() -> Adapters:
    return Adapters(
        bucket=Bucket(settings().bucket),
        links=Links(settings().bucket),
        topic=Topic(settings().digest_topic_arn),
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    in_request(context)
    task = DigestTask.model_validate(event)
    with aws_errors_named():
        return publish_digest(task, context_of(settings()), adapters()).model_dump(mode="json")
