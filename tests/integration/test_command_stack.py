"""The commands with --stack, against the embedded cloud over HTTP: they show what they show of its state directory."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.cloud.embedded import Cloud
from tests.integration.command_line import Finished, nightfold

READER = "arn:aws:iam::123456789012:role/reader"
NEEDED = {"cloudformation:DescribeStacks": "*", "s3:GetObject": "*", "s3:ListBucket": "*"}  # to read a stack's records


@dataclass(frozen=True)
class Served:
    """A state directory, and the credentials of the same records as a stack."""

    cloud: Cloud
    state_dir: Path
    url: str

    def laptop(self, *command: str) -> Finished:
        return nightfold(*command, "--state-dir", self.state_dir)

    def stack(self, *command: str, key: str | None = None, **environment: str) -> Finished:
        credentials = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": key or self.cloud.access_key,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/nowhere",
            "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        }
        return nightfold(command[0], "--stack", "nightfold", *command[1:], **(credentials | environment))

    def key_of(self, allowed: dict[str, str]) -> str:
        """The access key of a role that may do only this."""
        statements = [
            {"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in allowed.items()
        ]
        policies: dict[str, Any] = {READER: [{"Version": "2012-10-17", "Statement": statements}]}
        self.cloud._role_sessions.deployed(self.cloud._deployment.policies | policies)
        return self.cloud._role_sessions.credentials(READER)["AccessKeyId"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """After two runs: some sites were accepted twice, one was missed."""
    state_dir = tmp_path_factory.mktemp("stack") / "state"
    for seed in ("0", "1"):
        assert nightfold("run", "--simulate", "--seed", seed, "--quiet", "--state-dir", state_dir).code == 2
    with Cloud(state_dir) as cloud, cloud.serve() as url:
        yield Served(cloud, state_dir, url)


READING = [
    ("results",),
    ("results", "--all", "--format", "json"),
    ("results", "--format", "csv", "--site", "harbour"),
    ("results", "--format", "markdown"),
]


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_stack_shows_what_its_state_directory_shows(served: Served, command: tuple[str, ...]) -> None:
    here, there = served.laptop(*command), served.stack(*command)
    assert here.out
    assert (there.code, there.out, there.err) == (here.code, here.out, here.err)


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_reading_needs_three_permissions_and_no_other(served: Served, command: tuple[str, ...]) -> None:
    assert served.stack(*command, key=served.key_of(NEEDED)).code == 0
    for action in NEEDED:
        fewer = {name: resource for name, resource in NEEDED.items() if name != action}
        refused = served.stack(*command, key=served.key_of(fewer))
        assert (refused.code, refused.out) == (64, "")
        assert f"do not allow {action}; attach the policy" in refused.err
        assert len(refused.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"AWS_ACCESS_KEY_ID": ""}, "no AWS credentials were found"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "no AWS region is set; add --region"),
        ({"AWS_PROFILE": "other"}, "profile (other) could not be found"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}, "AWS did not answer"),
        ({"AWS_ACCESS_KEY_ID": "AKIAUNKNOWN"}, "what answered is not AWS"),
    ],
)
def test_what_keeps_a_stack_from_being_read_is_one_sentence(
    served: Served, environment: dict[str, str], sentence: str
) -> None:
    refused = served.stack("results", **environment)
    assert (refused.code, refused.out) == (64, "")
    assert sentence in refused.err
    assert len(refused.err.splitlines()) == 1


def test_a_stack_that_is_not_there_is_named_with_its_region(served: Served) -> None:
    refused = served.stack("results", "--stack", "other")
    assert refused.code == 64
    assert "there is no stack 'other' in us-east-1" in refused.err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--region", "eu-west-1"), "--region: only a deployed stack has one; add --stack NAME"),
        (("--profile", "mine"), "--profile: only a deployed stack has one; add --stack NAME"),
        (("--stack", "nightfold", "--state-dir", "x"), "--state-dir: a deployed stack has none"),
    ],
)
def test_options_of_a_stack_and_of_a_laptop_do_not_mix(options: tuple[str, ...], sentence: str) -> None:
    refused = nightfold("results", *options)
    assert refused.code == 64
    assert sentence in refused.err
