"""PublishDigest against moto's S3 and SNS."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from moto import mock_aws
from pydantic import ValidationError

import reporter.handler
import reporter.settings
from nightfold.errors import UnexpectedError
from nightfold.storage import Bucket
from reporter.digest import Adapters, DigestTask, context_of, publish_digest
from reporter.links import Links
from reporter.settings import Settings
from reporter.topic import Topic
from tests.support.stored_runs import MemoryBucket, partial

RUN = "nightly-2026-11-23"
ENVIRONMENT = {
    "bucket": "night",
    "digest_topic_arn": "arn:aws:sns:eu-central-1:123456789012:digest",
    "morning_schedule": "cron(0 7 * * ? *)",
    "time_zone": "UTC",
    "schedule_state": "ENABLED",
    "redrive_command": "aws stepfunctions start-execution",
}


class Account:
    """The bucket with a run in it, the topic, and a queue that hears it."""

    def __init__(self, session: boto3.Session, shelf: MemoryBucket) -> None:
        self.s3, sns, self.sqs = session.client("s3"), session.client("sns"), session.client("sqs")
        self.s3.create_bucket(Bucket="night", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        for key, content in shelf.objects.items():
            self.s3.put_object(Bucket="night", Key=key, Body=content)
        topic = sns.create_topic(Name="digest")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="heard")["QueueUrl"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:eu-central-1:123456789012:heard")
        self.adapters = Adapters(bucket=Bucket("night", self.s3), links=Links("night"), topic=Topic(topic, sns))

    def heard(self) -> list[dict[str, Any]]:
        messages = self.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=0).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Any:
    session = boto3.Session("testing", "testing", "testing", region_name="eu-central-1")
    with mock_aws():
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
        yield Account(session, partial())
    reporter.handler.adapters.cache_clear()
    reporter.settings.settings.cache_clear()


def test_the_page_is_stored_and_announced(account: Account) -> None:
    digest = publish_digest(DigestTask(run_id=RUN), context_of(Settings(**ENVIRONMENT)), account.adapters)
    stored = account.s3.get_object(Bucket="night", Key=f"runs/{RUN}/digest.html")
    assert stored["ContentType"] == "text/html; charset=utf-8"
    page = stored["Body"].read()
    assert len(page) == digest.page_bytes
    assert b"3 of 4 sites are in." in page
    (message,) = account.heard()
    assert message["Subject"] == "Nightfold nightly-2026-11-23: 3 of 4 sites, 1 missed (schema), $0.0329"
    assert (
        f"https://night.s3.eu-central-1.amazonaws.com/runs/{RUN}/digest.html?X-Amz-Algorithm=AWS4" in message["Message"]
    )
    assert "X-Amz-Expires=43200" in message["Message"]
    assert f"aws s3 cp s3://night/runs/{RUN}/digest.html ." in message["Message"]


def test_the_page_shows_the_command_that_the_template_names() -> None:
    assert context_of(Settings(**ENVIRONMENT)).redrive_command == "aws stepfunctions start-execution"


def test_publishing_twice_leaves_the_same_page(account: Account) -> None:
    pages = []
    for _ in range(2):
        publish_digest(DigestTask(run_id=RUN), context_of(Settings(**ENVIRONMENT)), account.adapters)
        pages.append(account.s3.get_object(Bucket="night", Key=f"runs/{RUN}/digest.html")["Body"].read())
    assert pages[0] == pages[1]


def test_a_run_without_a_census_is_not_announced(account: Account) -> None:
    account.s3.delete_object(Bucket="night", Key=f"runs/{RUN}/summary.json")
    with pytest.raises(UnexpectedError, match="no summary"):
        publish_digest(DigestTask(run_id=RUN), context_of(Settings(**ENVIRONMENT)), account.adapters)
    assert account.heard() == []


def test_a_run_whose_page_cannot_be_made_is_announced_without_it(account: Account, printed: Callable[[], str]) -> None:
    account.s3.put_object(Bucket="night", Key=f"runs/{RUN}/round-1/items.json", Body=b"a secret that is not JSON")
    digest = publish_digest(DigestTask(run_id=RUN), context_of(Settings(**ENVIRONMENT)), account.adapters)
    assert digest.page_key is None
    (message,) = account.heard()
    assert message["Subject"] == "Nightfold nightly-2026-11-23: 3 of 4 sites, 1 missed (schema), $0.0329"
    assert message["Message"].startswith("3 of 4 sites are in.\n\naccepted       3\nmissed         1\n")
    assert "The page of this run could not be rendered" in message["Message"]
    assert f"aws s3 ls --recursive s3://night/runs/{RUN}/" in message["Message"]
    logged = printed()
    assert '"error":"PageFailed"' in logged
    assert "read_records" in logged
    assert "secret" not in logged


def test_a_census_that_cannot_be_read_is_not_announced(account: Account) -> None:
    account.s3.put_object(Bucket="night", Key=f"runs/{RUN}/summary.json", Body=b"{}")
    with pytest.raises(ValidationError):
        publish_digest(DigestTask(run_id=RUN), context_of(Settings(**ENVIRONMENT)), account.adapters)
    assert account.heard() == []


def test_the_handler_gives_plain_json_and_logs_no_content(
    account: Account, monkeypatch: pytest.MonkeyPatch, printed: Callable[[], str]
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name.upper(), value)
    returned = reporter.handler.handler({"run_id": RUN}, None)
    assert json.loads(json.dumps(returned)) == returned
    assert returned["page_key"] == f"runs/{RUN}/digest.html"
    logged = printed()
    assert '"step":"report"' in logged
    assert "retry storms" not in logged
    assert len(account.heard()) == 1
