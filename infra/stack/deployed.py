"""One deployed stack: its outputs and its bucket. Nothing is asked of AWS before it is needed."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ProfileNotFound

from infra.stack.aws_errors import explained
from nightfold.errors import InvalidInput
from nightfold.storage import CALLS, Bucket


class DeployedStack:
    """A stack in the account of the user's credentials. Raises InvalidInput for a profile that does not exist, and
    without a region."""

    def __init__(self, name: str, region: str | None = None, profile: str | None = None) -> None:
        self.name = name
        try:
            # The aws command line reads AWS_REGION, boto3 does not.
            self._session = boto3.Session(
                profile_name=profile, region_name=region or os.environ.get("AWS_REGION") or None
            )
        except ProfileNotFound as error:
            raise InvalidInput(f"--profile: {error}") from None
        if not self._session.region_name:
            raise InvalidInput("--region: no AWS region is set; add --region, or set AWS_REGION")

    @cached_property
    def outputs(self) -> dict[str, str]:
        """Raises InvalidInput."""
        with explained("cloudformation"):
            cloudformation = self._session.client("cloudformation", config=CALLS)
            try:
                stacks = cloudformation.describe_stacks(StackName=self.name)["Stacks"]
            except ClientError as error:
                if error.response["Error"]["Code"] != "ValidationError":
                    raise
                region = cloudformation.meta.region_name
                raise InvalidInput(
                    f"--stack: there is no stack {self.name!r} in {region}; --region and --profile choose where to look"
                ) from None
        return {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}

    @cached_property
    def records(self) -> "StoredRecords":
        """What its runs have stored. Raises InvalidInput."""
        if "BucketName" not in self.outputs:
            raise InvalidInput(f"--stack: {self.name!r} is not a stack of Nightfold: it has no output BucketName")
        with explained("s3"):
            client: Any = self._session.client("s3", config=CALLS.merge(Config(max_pool_connections=32)))
        return StoredRecords(Bucket(self.outputs["BucketName"], client))


@dataclass(frozen=True)
class StoredRecords:
    """The bucket of a stack. Raises InvalidInput where AWS refuses to answer."""

    bucket: Bucket

    def get(self, key: str) -> bytes | None:
        with explained("s3"):
            return self.bucket.get(key)

    def keys(self, prefix: str) -> Iterator[str]:
        with explained("s3"):
            yield from self.bucket.keys(prefix)

    def run_ids(self) -> Iterator[str]:
        with explained("s3"):
            yield from self.bucket.run_ids()
