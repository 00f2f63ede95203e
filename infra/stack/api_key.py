"""The API key of a deployed stack: an SSM parameter that operators may write and not read."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.stack.aws_errors import NOT_AWS, explained
from nightfold.errors import InvalidInput


@dataclass(frozen=True)
class ApiKeyParameter:
    """The stack's parameter with the API key, encrypted. Raises InvalidInput where AWS refuses to answer."""

    where: str
    ssm: Any

    def put(self, key: str) -> bool:
        """Store the key. Returns whether it replaced another."""
        with explained("ssm"):
            try:
                put = self.ssm.put_parameter(Name=self.where, Value=key, Type="SecureString", Overwrite=True)
            except ClientError as error:
                error.response["Error"]["Message"] = "its message is not shown: it may quote the key"
                raise
        if "Version" not in put:  # botocore takes any text for an empty answer
            raise InvalidInput(NOT_AWS)
        return int(put["Version"]) > 1
