"""The server of `nightfold cloud`: which callers it answers, and what a web page in the same browser gets."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.cloud.embedded import Cloud
from infra.cloud.role_sessions import RoleSessions
from tests.integration.small_cloud import small_cloud
from tests.support.clouds import PATIENCE_S


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cloud, str]]:
    with small_cloud(tmp_path_factory.mktemp("http"), secret="sk-secret") as cloud, cloud.serve() as url:
        yield cloud, url


def client(service: str, url: str, access_key: str) -> Any:
    once = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    given: dict[str, Any] = {"endpoint_url": url, "region_name": "us-east-1", "config": once}
    return boto3.Session().client(service, aws_access_key_id=access_key, aws_secret_access_key="any", **given)


def ask(url: str, access_key: str, **headers: str) -> tuple[int, str]:
    """GetParameter on the API key, as a web page would send it after it has found a signature somewhere."""
    address = url.removeprefix("http://")
    signed = (
        f"AWS4-HMAC-SHA256 Credential={access_key}/20261124/us-east-1/ssm/aws4_request, SignedHeaders=host, Signature=0"
    )
    sent = {"Authorization": signed, "X-Amz-Target": "AmazonSSM.GetParameter", "Host": address, **headers}
    with closing(http.client.HTTPConnection(address, timeout=PATIENCE_S)) as connection:
        body = json.dumps({"Name": "/nightfold/api-key", "WithDecryption": True})
        connection.request("POST", "/", body, {**sent, "Content-Type": "application/x-amz-json-1.1"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_the_printed_access_key_is_answered(served: tuple[Cloud, str]) -> None:
    cloud, url = served
    name = cloud.output("ApiKeyName")
    with closing(client("ssm", url, cloud.access_key)) as ssm:
        assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == "sk-secret"


def test_an_object_with_any_key_and_a_function_are_reached(served: tuple[Cloud, str]) -> None:
    cloud, url = served
    bucket, key = cloud.output("BucketName"), "over/http ü"
    with closing(client("s3", url, cloud.access_key)) as s3:
        s3.put_object(Bucket=bucket, Key=key, Body=b"there")
        assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="over/")["Contents"]] == [key]
    assert cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == b"there"
    with closing(client("lambda", url, cloud.access_key)) as functions:
        answered = functions.invoke(FunctionName=cloud.physical("Probe"), Payload=b'{"do": "raise"}')
        assert answered["FunctionError"] == "Unhandled"
        assert json.loads(answered["Payload"].read())["errorType"] == "Hopeless"


@pytest.mark.parametrize("key", ["anything", "AKIALOCALADMINISTRAT", "x"])
def test_any_other_access_key_is_refused(served: tuple[Cloud, str], key: str) -> None:
    cloud, url = served
    with closing(client("ssm", url, key)) as ssm, pytest.raises(ClientError, match="403"):
        ssm.get_parameter(Name=cloud.output("ApiKeyName"), WithDecryption=True)
    with closing(client("stepfunctions", url, key)) as states, pytest.raises(ClientError, match="403"):
        states.start_execution(stateMachineArn=cloud.machine_arn, input="{}")


def test_a_role_is_answered_as_that_role(served: tuple[Cloud, str]) -> None:
    cloud, url = served
    key = cloud.client_as("Reader", "s3")._request_signer._credentials.access_key
    with closing(client("ssm", url, key)) as ssm:
        assert ssm.get_parameter(Name=cloud.output("ConfigurationName"))["Parameter"]["Value"]
        with pytest.raises(ClientError, match="AccessDenied"):
            ssm.get_parameter(Name=cloud.output("ApiKeyName"), WithDecryption=True)


def test_each_cloud_draws_new_keys(served: tuple[Cloud, str]) -> None:
    cloud, _ = served
    one, other = RoleSessions(enforced=True), RoleSessions(enforced=True)
    role = "arn:aws:iam::123456789012:role/nightfold-Reader"
    keys = {cloud.access_key, *(each.administrator["AccessKeyId"] for each in (one, other))}
    keys |= {each.credentials(role)["AccessKeyId"] for each in (one, other)}
    assert len(keys) == 5
    assert one.knows(one.credentials(role)["AccessKeyId"])
    assert not one.knows(other.credentials(role)["AccessKeyId"])


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example:4566"},
        {"Host": "rebound.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_web_page_is_refused_even_with_the_key(served: tuple[Cloud, str], headers: dict[str, str]) -> None:
    cloud, url = served
    status, text = ask(url, cloud.access_key, **headers)
    assert (status, "secret" in text) == (403, False)
    assert ask(url, cloud.access_key)[0] != 403


def test_a_request_that_is_not_signed_is_refused(served: tuple[Cloud, str]) -> None:
    _, url = served
    with closing(http.client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE_S)) as connection:
        connection.request("GET", "/nightfold-bucket-123456789012")
        assert connection.getresponse().status == 403


@pytest.mark.parametrize("prefix", ["queues/", "../", "logs/", "corrupt/"])
def test_a_listing_shows_only_objects(served: tuple[Cloud, str], prefix: str) -> None:
    cloud, url = served
    cloud.client("sqs").send_message(QueueUrl=cloud.output("QueueUrl"), MessageBody="miss")
    (cloud.state_dir / "logs" / "Probe.log").write_text("a line\n")
    with closing(client("s3", url, cloud.access_key)) as s3:
        assert "Contents" not in s3.list_objects_v2(Bucket=cloud.output("BucketName"), Prefix=prefix)
        assert "CommonPrefixes" not in s3.list_objects_v2(
            Bucket=cloud.output("BucketName"), Prefix=prefix, Delimiter="/"
        )


@pytest.mark.parametrize("protocol", ["http", "https", "lambda", "firehose"])
def test_a_topic_does_not_call_addresses_that_the_caller_chooses(served: tuple[Cloud, str], protocol: str) -> None:
    cloud, _ = served
    with pytest.raises(ClientError, match="does not deliver"):
        cloud.client("sns").subscribe(
            TopicArn=cloud.output("TopicArn"), Protocol=protocol, Endpoint="http://127.0.0.1/"
        )
    assert cloud.client("sns").list_subscriptions()["Subscriptions"] == []
