"""The configuration parameter in SSM."""

from typing import Any

import boto3
from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from nightfold.errors import AwsUnavailable, InvalidInput
from nightfold.storage import CALLS


class ConfigurationParameter:
    """Read anew for every run, so that `put-parameter --overwrite` takes effect in the next one."""

    def __init__(self, name: str, client: Any = None) -> None:
        self.name = name
        self._ssm = SSMProvider(boto3_client=client or boto3.client("ssm", config=CALLS))

    def read(self) -> str:
        """The parameter's text. Raises InvalidInput if there is none, AwsUnavailable if SSM does not answer."""
        try:
            return str(self._ssm.get(self.name, force_fetch=True))
        except GetParameterError as error:
            if "ParameterNotFound" in str(error):
                raise InvalidInput(f"configuration: there is no SSM parameter {self.name}") from None
            raise AwsUnavailable(f"SSM did not return {self.name}") from None
