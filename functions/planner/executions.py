"""Step Functions, which the planner asks whether an execution is over."""

from typing import Any

import boto3
from botocore.exceptions import ClientError

from nightfold.storage import CALLS


class Executions:
    """The executions of the state machine."""

    def __init__(self, client: Any = None) -> None:
        self._states = client or boto3.client("stepfunctions", config=CALLS)

    def over(self, execution_id: str, asking: str) -> bool:
        """Whether the execution has ended, or is so old that Step Functions has deleted it (90 days). One that does
        not belong to the state machine of the execution `asking` counts as over: the planner may not ask about it."""
        if execution_id.rpartition(":")[0] != asking.rpartition(":")[0]:
            return True
        try:
            return str(self._states.describe_execution(executionArn=execution_id)["status"]) != "RUNNING"
        except ClientError as error:
            if error.response["Error"]["Code"] in {"ExecutionDoesNotExist", "InvalidArn", "ValidationException"}:
                return True
            raise
