"""The embedded cloud over HTTP, as a stack that `nightfold --stack` reads and changes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.cloud.embedded import Cloud
from tests.integration.command_line import Finished, nightfold

READER = "arn:aws:iam::123456789012:role/reader"


@dataclass(frozen=True)
class Served:
    """A state directory, and the credentials of the same records as a stack."""

    cloud: Cloud
    state_dir: Path
    url: str

    def laptop(self, *command: str) -> Finished:
        return nightfold(*command, "--state-dir", self.state_dir)

    def stack(self, *command: str, key: str | None = None, **environment: str) -> Finished:
        return nightfold(command[0], "--stack", "nightfold", *command[1:], **(self.credentials(key) | environment))

    def credentials(self, key: str | None = None) -> dict[str, str]:
        """The environment of a command with --stack."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": key or self.cloud.access_key,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/nowhere",
            "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        }

    def key_of(self, allowed: set[str]) -> str:
        """The access key of a role that may do only this."""
        statements = [{"Effect": "Allow", "Action": [*allowed], "Resource": "*"}]
        policies: dict[str, Any] = {READER: [{"Version": "2012-10-17", "Statement": statements}]}
        self.cloud._role_sessions.deployed(self.cloud._deployment.policies | policies)
        return self.cloud._role_sessions.credentials(READER)["AccessKeyId"]
