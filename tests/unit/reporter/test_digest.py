"""PublishDigest against moto's S3 and SNS."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from pydantic import ValidationError

import reporter.handler
from nightfold.errors import UnexpectedError
from nightfold.storage import Bucket, digest_key, summary_key
from reporter.digest import Adapters, Digest, DigestTask, context_of, publish_digest
from reporter.links import Links
from reporter.settings import Settings
from reporter.topic import Topic
from tests.support.stored_runs import partial
from tests.unit.outside import Outside

RUN = "nightly-2026-11-23"
PAGE = digest_key(RUN)
ENVIRONMENT = {
    "bucket": "nights",
    "digest_topic_arn": "arn:aws:sns:eu-central-1:123456789012:digest",
    "morning_schedule": "cron(0 7 * * ? *)",
    "time_zone": "UTC",
    "schedule_state": "ENABLED",
    "redrive_command": "aws stepfunctions start-execution",
}


@pytest.fixture
def adapters(outside: Outside, bucket: Bucket, aws_session: boto3.Session) -> Adapters:
    """The bucket has a run in it, and the parked queue hears what the topic is given."""
    for key, content in partial().objects.items():
        bucket.put(key, content)
    sns = aws_session.client("sns")
    topic = sns.create_topic(Name="digest")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:eu-central-1:123456789012:parked")
    return Adapters(bucket=bucket, links=Links(outside.bucket), topic=Topic(topic, sns))


def publish(adapters: Adapters) -> Digest:
    return publish_digest(DigestTask(run_id=RUN), context_of(Settings(**ENVIRONMENT)), adapters)


def heard(outside: Outside) -> list[Any]:
    return outside.drain(outside.parked_queue)


def test_the_page_is_stored_and_announced(outside: Outside, adapters: Adapters) -> None:
    digest = publish(adapters)
    stored = outside.s3.get_object(Bucket="nights", Key=PAGE)
    assert stored["ContentType"] == "text/html; charset=utf-8"
    page = stored["Body"].read()
    assert len(page) == digest.page_bytes
    assert b"3 of 4 sites are in." in page
    (message,) = heard(outside)
    assert message["Subject"] == "Nightfold nightly-2026-11-23: 3 of 4 sites, 1 missed (schema), $0.0329"
    assert f"https://nights.s3.eu-central-1.amazonaws.com/{PAGE}?X-Amz-Algorithm=AWS4" in message["Message"]
    assert "X-Amz-Expires=43200" in message["Message"]
    assert f"aws s3 cp s3://nights/{PAGE} ." in message["Message"]


def test_the_page_shows_the_command_that_the_template_names() -> None:
    assert context_of(Settings(**ENVIRONMENT)).redrive_command == "aws stepfunctions start-execution"


def test_publishing_twice_leaves_the_same_page(outside: Outside, adapters: Adapters) -> None:
    publish(adapters)
    before = outside.text(PAGE)
    publish(adapters)
    assert outside.text(PAGE) == before


@pytest.mark.parametrize(
    ("summary", "error"),
    [(None, pytest.raises(UnexpectedError, match="no summary")), ({}, pytest.raises(ValidationError))],
)
def test_a_run_without_a_census_that_can_be_read_is_not_announced(
    outside: Outside, adapters: Adapters, summary: object, error: Any
) -> None:
    outside.s3.delete_object(Bucket=outside.bucket, Key=summary_key(RUN))
    if summary is not None:
        outside.put(summary_key(RUN), summary)
    with error:
        publish(adapters)
    assert heard(outside) == []


def test_a_run_whose_page_cannot_be_made_is_announced_without_it(
    outside: Outside, adapters: Adapters, printed: Callable[[], str]
) -> None:
    outside.s3.put_object(
        Bucket=outside.bucket, Key=f"runs/{RUN}/round-1/items.json", Body=b"a secret that is not JSON"
    )
    digest = publish(adapters)
    assert digest.page_key is None
    (message,) = heard(outside)
    assert message["Subject"] == "Nightfold nightly-2026-11-23: 3 of 4 sites, 1 missed (schema), $0.0329"
    assert message["Message"].startswith("3 of 4 sites are in.\n\naccepted       3\nmissed         1\n")
    assert "The page of this run could not be rendered" in message["Message"]
    assert f"aws s3 ls --recursive s3://nights/runs/{RUN}/" in message["Message"]
    logged = printed()
    assert '"error":"PageFailed"' in logged
    assert "read_records" in logged
    assert "secret" not in logged


@pytest.mark.usefixtures("adapters")
def test_the_handler_gives_plain_json_and_logs_no_content(
    outside: Outside, monkeypatch: pytest.MonkeyPatch, printed: Callable[[], str]
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name.upper(), value)
    returned = reporter.handler.handler({"run_id": RUN}, None)
    assert json.loads(json.dumps(returned)) == returned
    assert returned["page_key"] == PAGE
    logged = printed()
    assert '"step":"report"' in logged
    assert "retry storms" not in logged
    assert len(heard(outside)) == 1
