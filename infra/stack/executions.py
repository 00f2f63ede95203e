"""The executions of a stack's state machine. Raises InvalidInput where AWS refuses to answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from infra.stack.aws_errors import explained

_UNKNOWN = frozenset({"ExecutionDoesNotExist", "InvalidArn"})


@dataclass(frozen=True)
class Execution:
    """The state of one execution, as DescribeExecution describes it."""

    name: str
    status: str  # RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED
    started_at: datetime | None = None
    given: Any = None  # its input
    output: Any = None
    error: str | None = None
    cause: str | None = None


class Executions:
    """Starts, describes and stops them."""

    def __init__(self, state_machine: str, states: Any) -> None:
        self._state_machine, self._states = state_machine, states

    def start(self, name: str, given: Mapping[str, Any]) -> None:
        """An answer that was lost on the way is no failure: the name is ours."""
        with explained("states"):
            try:
                self._states.start_execution(stateMachineArn=self._state_machine, name=name, input=json.dumps(given))
            except ClientError as error:
                if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                    raise

    def arn(self, name: str) -> str:
        return f"{self._state_machine.replace(':stateMachine:', ':execution:')}:{name}"

    def find(self, arn: str) -> Execution | None:
        """None if there is none: Step Functions forgets an execution after 90 days."""
        with explained("states"):
            try:
                found = self._states.describe_execution(executionArn=arn)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _UNKNOWN:
                    raise
                return None
        return Execution(
            name=found["name"],
            status=found["status"],
            started_at=found["startDate"],
            given=json.loads(found.get("input") or "{}"),
            output=json.loads(found["output"]) if found.get("output") else None,
            error=found.get("error"),
            cause=found.get("cause"),
        )

    def is_running(self, arn: str) -> bool:
        found = self.find(arn)
        return found is not None and found.status == "RUNNING"

    def running(self) -> list[str]:
        """The ARNs of the executions that have not ended, the newest first."""
        with explained("states"):
            found = self._states.list_executions(stateMachineArn=self._state_machine, statusFilter="RUNNING")
        return [str(each["executionArn"]) for each in found["executions"]]

    def stop(self, arn: str) -> None:
        with explained("states"):
            self._states.stop_execution(executionArn=arn)

    def last_map_run(self, arn: str) -> str | None:
        """The ARN of the newest Map Run: that of the wave which began last."""
        with explained("states"):
            found = self._states.list_map_runs(executionArn=arn)["mapRuns"]
        return str(max(found, key=lambda each: each["startDate"])["mapRunArn"]) if found else None

    def branches(self, map_run: str) -> dict[str, int]:
        """How many branches of a wave are `pending`, `running` and so on."""
        with explained("states"):
            return dict(self._states.describe_map_run(mapRunArn=map_run)["executionCounts"])
