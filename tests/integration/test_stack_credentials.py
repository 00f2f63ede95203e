"""AWS configurations with which nobody gets in: each is one sentence, and no secret is printed."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.integration.command_line import in_a_process, nightfold

SECRET = "wJalrXUtnFEMI"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIALOCAL", "AWS_SECRET_ACCESS_KEY": SECRET}
EXPIRED = {
    "Version": 1,
    "AccessKeyId": "AKIALOCAL",
    "SecretAccessKey": SECRET,
    "SessionToken": SECRET,
    "Expiration": "2020-01-01T00:00:00Z",
}
CONFIG = f"""
[profile sso]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = operator
[sso-session corp]
sso_start_url = https://corp.example/start
sso_region = us-east-1
[profile sso-without-session]
sso_start_url = https://corp.example/start
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = operator
[profile sso-without-region]
sso_start_url = https://corp.example/start
sso_account_id = 123456789012
sso_role_name = operator
[profile program-fails]
credential_process = sh -c "echo {SECRET} >&2; exit 1"
[profile program-is-missing]
credential_process = /nowhere/program
[profile program-prints-a-secret]
credential_process = echo {SECRET}
[profile program-prints-half]
credential_process = echo '{{"Version": 1, "SecretAccessKey": "{SECRET}"}}'
[profile program-prints-what-has-expired]
credential_process = echo '{json.dumps(EXPIRED)}'
[profile half]
aws_access_key_id = {SECRET}
[profile without-source]
role_arn = arn:aws:iam::123456789012:role/operator
[profile source-is-missing]
role_arn = arn:aws:iam::123456789012:role/operator
source_profile = colleague
[profile token-is-missing]
role_arn = arn:aws:iam::123456789012:role/operator
web_identity_token_file = /nowhere/token
[profile with-mfa]
role_arn = arn:aws:iam::123456789012:role/operator
mfa_serial = arn:aws:iam::123456789012:mfa/me
source_profile = whole
[profile retries]
max_attempts = many
[profile whole]
aws_access_key_id = AKIALOCAL
aws_secret_access_key = {SECRET}
"""
PROFILES = {
    "sso": "the AWS credentials have expired; sign in again, for example with `aws sso login`",
    "sso-without-session": "the AWS credentials have expired; sign in again, for example with `aws sso login`",
    "sso-without-region": "missing required configuration: sso_region",
    "program-fails": "the AWS profile gives no credentials; run its credential_process by hand to see why",
    "program-is-missing": "see why ([Errno 2] No such file or directory: '/nowhere/program')",
    "program-prints-a-secret": "see why (JSONDecodeError)",
    "program-prints-half": "the AWS profile gives no credentials; run its credential_process by hand to see why",
    "program-prints-what-has-expired": "the refreshed credentials are still expired",
    "half": "the AWS credentials are not complete: Partial credentials found in config-file, missing",
    "without-source": "not complete: Partial credentials found in assume-role, missing: source_profile",
    "source-is-missing": 'The source_profile "colleague" referenced in the profile "source-is-missing" does not exist',
    "token-is-missing": "No such file or directory: '/nowhere/token'",
    "with-mfa": "the AWS profile asks for an MFA code, which takes a terminal",
    "retries": "max_attempts of the AWS configuration is not a number",
    "nobody": "--profile: The config profile (nobody) could not be found",
}


def machine(home: Path) -> dict[str, str]:
    """The environment of a user with this home."""
    return {
        "HOME": str(home),
        "AWS_CONFIG_FILE": str(home / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    }


def refused(home: Path, *options: str, **environment: str) -> str:
    """The sentence of a command that does not get in."""
    run = in_a_process if "with-mfa" in options else nightfold  # getpass wants a real stream
    done = run("config", "--stack", "nightfold", *options, **(machine(home) | environment))
    assert (done.code, done.out) == (64, ""), done.err
    assert SECRET not in done.err
    assert "Traceback" not in done.err
    return done.err.splitlines()[-1]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Of a user who signed in yesterday."""
    (tmp_path / "config").write_text(CONFIG)
    signed_in = tmp_path / ".aws/sso/cache"
    signed_in.mkdir(parents=True)
    token = {"accessToken": SECRET, "expiresAt": "2026-01-01T00:00:00Z", "region": "us-east-1"}
    for name in ("corp", "https://corp.example/start"):
        (signed_in / f"{hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()}.json").write_text(
            json.dumps(token)
        )
    return tmp_path


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_without_usable_credentials_is_one_sentence(home: Path, profile: str) -> None:
    assert PROFILES[profile] in refused(home, "--profile", profile)


@pytest.mark.parametrize("profile", ["program-fails", "program-is-missing", "program-prints-a-secret"])
def test_doctor_says_so_where_no_stack_is_asked_for(home: Path, profile: str) -> None:
    looked = nightfold("doctor", "--state-dir", home / "state", **machine(home), AWS_PROFILE=profile)
    assert "aws credentials: not known: the AWS profile gives no credentials" in looked.out
    assert SECRET not in looked.out + looked.err
    assert "Traceback" not in looked.err


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKIALOCAL"}, "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY"),
        (KEYS | {"AWS_SESSION_TOKEN": f"{SECRET}\n"}, "or the AWS credentials have line breaks"),
        (KEYS | {"AWS_ENDPOINT_URL": "127.0.0.1:4566"}, "AWS_ENDPOINT_URL: Invalid endpoint: 127.0.0.1:4566"),
        (KEYS | {"AWS_REGION": "the moon"}, "--region: Provided region_name 'the moon' doesn't match"),
        (KEYS, 'AWS did not answer: Could not connect to the endpoint URL: "http://127.0.0.1:1/"'),
        (KEYS | {"AWS_CONFIG_FILE": __file__}, f"Unable to parse config file: {__file__}"),
    ],
)
def test_an_environment_that_cannot_be_used_is_one_sentence(
    home: Path, environment: dict[str, str], sentence: str
) -> None:
    assert sentence in refused(home, **environment)
