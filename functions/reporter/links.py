"""Links to an object of the bucket that work without an AWS account."""

from typing import Any

import boto3
from botocore.config import Config

from nightfold.storage import CALLS

LINK_S = (
    43_200  # 12 h. The link is signed with the credentials of the function's role and ends with them, if that is sooner
)


class Links:
    """Presigned links into one bucket. They allow no more than the role that signs them: to read one object."""

    def __init__(self, bucket: str, client: Any = None) -> None:
        self.bucket = bucket
        # By default boto3 signs for the global address, and the redirect to the bucket's region breaks the signature.
        regional = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
        self._s3 = client or boto3.client("s3", config=CALLS.merge(regional))

    def to(self, key: str) -> str:
        return str(self._s3.generate_presigned_url("get_object", {"Bucket": self.bucket, "Key": key}, ExpiresIn=LINK_S))

    def s3_uri(self, key: str) -> str:
        """The object's address for users with an AWS account."""
        return f"s3://{self.bucket}/{key}"
