"""The deployed state machine: its executions are started, waited for and stopped here."""

import json
import math
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.cloud.branches import Branches
from infra.cloud.harness import Failures
from infra.state.directory import CannotStore

HEARTBEAT_S = 0.5


@dataclass(frozen=True)
class Execution:
    """The state of one execution of the state machine."""

    arn: str
    name: str
    status: str  # RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED
    output: Any = None
    error: str | None = None
    cause: str | None = None


class StateMachine:
    """The state machine of one embedded cloud. `arn` is set by the deployment."""

    def __init__(self, client: Callable[[str], Any], harness: Failures) -> None:
        self.arn = ""
        self.branches = Branches()
        self._client, self._harness = client, harness
        self._ended: dict[str, threading.Event] = {}
        self._stopped: set[str] = set()
        self._failures: dict[str, CannotStore] = {}  # execution → why it was stopped
        self._giving_up = threading.Lock()
        self._closing = threading.Event()

    def start(self, event: Any, name: str | None = None) -> str:
        """StartExecution. Returns the execution's ARN."""
        name = name or str(uuid.uuid4())
        self._end_of(self.arn.replace(":stateMachine:", ":execution:") + f":{name}")
        started = self._client("stepfunctions").start_execution(
            stateMachineArn=self.arn, name=name, input=json.dumps(event)
        )
        return str(started["executionArn"])

    def wait(self, arn: str, timeout: float | None = None) -> Execution:
        """Wait until the execution has ended. After the timeout its status is still RUNNING. Ctrl-C ends the wait."""
        ended = self._end_of(arn)
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        # In short waits: a signal that arrives just before Python blocks is handled only when the wait is over.
        while (left := deadline - time.monotonic()) > 0 and not ended.wait(min(left, HEARTBEAT_S)):
            self._harness.raise_first()
        self._harness.raise_first()
        return self.execution(arn)

    def execution(self, arn: str) -> Execution:
        found = self._client("stepfunctions").describe_execution(executionArn=arn)
        output = json.loads(found["output"]) if found.get("output") else None
        if (failure := self._failures.get(arn)) is not None:
            return Execution(arn, found["name"], "FAILED", None, type(failure).__name__, str(failure))
        status = "ABORTED" if arn in self._stopped else found["status"]
        return Execution(arn, found["name"], status, output, found.get("error"), found.get("cause"))

    def stop(self, arn: str) -> None:
        """StopExecution. Branches in the middle of a call finish that call and enter no other state."""
        try:
            if self.execution(arn).status == "RUNNING":
                self._stop(arn)
        finally:
            self.branches.release()

    def let_calls_finish(self) -> None:
        """From now on no branch starts and no attempt is repeated. Once the running ones are `settled`, their answers
        are stored and the execution can be stopped."""
        self.branches.hold()

    def settled(self, timeout: float | None = None) -> bool:
        """Wait until no branch is running. False after the timeout. Ctrl-C ends the wait."""
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while not (done := self.branches.settled(HEARTBEAT_S)) and time.monotonic() < deadline:
            pass
        return done

    def execution_ended(self, execution: Any) -> None:
        """The interpreter reports the end of an execution."""
        self._end_of(execution.exec_arn).set()

    def give_up_soon(self, failure: CannotStore) -> None:
        """The disk is full: a new branch would pay for an answer that cannot be stored."""
        self.branches.hold()
        if self._giving_up.acquire(blocking=False):
            threading.Thread(target=self._give_up, args=(failure,), daemon=True, name="give-up").start()

    def close(self) -> None:
        """Wait until no call of giving up is left: outside the embedded AWS it would leave this machine."""
        self._closing.set()
        self._giving_up.acquire()

    def _give_up(self, failure: CannotStore) -> None:
        try:
            while not self.settled(HEARTBEAT_S):
                if self._closing.is_set():
                    return
            states = self._client("stepfunctions")
            running = states.list_executions(stateMachineArn=self.arn, statusFilter="RUNNING")["executions"]
            for arn in [execution["executionArn"] for execution in running]:
                self._failures[arn] = failure
                self._stop(arn)
        finally:
            self.branches.release()
            self._giving_up.release()

    def _stop(self, arn: str) -> None:
        self._stopped.add(arn)  # moto reports FAILED if a Map was running
        self._client("stepfunctions").stop_execution(executionArn=arn)
        self._end_of(arn).set()

    def _end_of(self, arn: str) -> threading.Event:
        return self._ended.setdefault(arn, threading.Event())
