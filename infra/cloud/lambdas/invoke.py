"""lambda:Invoke, answered by the template's real handlers in threads of this process.

A caller sees what Lambda would answer: events and results pass through JSON, a failure is an object with the
bare class name as `errorType`, a function that runs out of time is cut off, and a handler's side effects stay inside.
"""

import codecs
import contextlib
import importlib
import json
import logging
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3

from infra.cloud.lambdas import sandbox
from infra.cloud.lambdas.python_runtime import Function, InvokeResult, LambdaContext, failure, load_handler, run
from infra.cloud.services import ACCOUNT, REGION

LARGEST_EVENT = 6_291_556  # bytes: Lambda's limit: 6 MiB and a little more

Runtime = Callable[[Function, Mapping[str, str], bytes], InvokeResult]
"""Runs a function outside this process: takes its environment and the event, as JSON."""


class CannotInvoke(Exception):  # noqa: N818
    """lambda:Invoke itself fails, with this status and error code; no function ran."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Event:
    """An event that a live view can show. `at` is time.monotonic()."""

    kind: str  # invoked, returned, failed: a function · stored: an object, its key is in `key`
    # waits: a branch, for its next attempt
    function: str = ""  # the function's logical id
    request_id: str = ""
    payload: Any = None  # the event, the result, or the failure
    error: str | None = None  # the failure's errorType
    key: str = ""
    at: float = field(default_factory=time.monotonic)


class Lambdas:
    """The functions of one embedded cloud."""

    def __init__(
        self,
        functions: Iterable[Function],
        *,
        credentials: Callable[[str], dict[str, str]],  # of a role, by its ARN
        session: boto3.Session,
        logs: Path,
        speed: float,
        observe: Callable[[Event], None],
        runtime: Runtime | None = None,
    ) -> None:
        self._runtime = runtime
        self._functions = list(functions)
        self._by_name = {name: each for each in self._functions for name in (each.logical_id, each.name, each.arn)}
        self._credentials, self._session = credentials, session
        self._logs, self._speed, self._observe = logs, speed, observe
        self._running: list[sandbox.Sandbox] = []
        self._modules_before = self._take_modules()
        self._roots = [root for root in {str(function.code) for function in self._functions} if root not in sys.path]
        sys.path[:0] = self._roots

    def find(self, name: str) -> Function:
        """By logical id, name or ARN, with or without a qualifier."""
        found = self._by_name.get(name) or self._by_name.get(name.removesuffix(":$LATEST"))
        if found is None:
            arn = name if name.startswith("arn:") else f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
            raise CannotInvoke(404, "ResourceNotFoundException", f"Function not found: {arn}")
        return found

    def warm(self) -> None:
        """Import every handler now, as provisioned concurrency would, so that no branch pays for a cold start, and
        create the clients that its module caches in `adapters`. With many branches at once the process may run out
        of file descriptors, and a module that is not loaded by then cannot be loaded."""
        codecs.lookup("utf-16-le")  # what the collector reads an answer with; a run looks no other up so late
        with contextlib.suppress(ImportError):
            importlib.import_module("opentelemetry.propagate")  # what the SDK imports for its first call
        for function in self._functions if self._runtime is None else ():
            with sandbox.inside(self._sandbox(function)):
                try:
                    handler = load_handler(function)
                    getattr(sys.modules[handler.__module__], "adapters", object)()
                except Exception as error:  # the invocation will report it
                    logging.getLogger(__name__).debug("%s cannot be imported: %r", function.handler, error)

    def invoke(self, name: str, payload: bytes) -> InvokeResult:
        """Run the function to its end or its timeout. Raises CannotInvoke; never a handler's exception."""
        function = self.find(name)
        if len(payload) > LARGEST_EVENT:
            message = f"{len(payload)} byte payload is too large for the RequestResponse invocation type"
            raise CannotInvoke(413, "RequestTooLargeException", message)
        try:
            event = json.loads(payload or b"{}")
        except ValueError as error:
            raise CannotInvoke(
                400, "InvalidRequestContentException", f"Could not parse request body into json: {error}"
            ) from None
        request_id = str(uuid.uuid4())
        self._observe(Event("invoked", function.logical_id, request_id, event))
        if self._runtime is not None:
            answer = self._runtime(function, self._sandbox(function, request_id).environment, payload or b"{}")
        else:
            answer = self._run_with_timeout(function, request_id, event)
        result = json.loads(answer.payload)
        if answer.function_error:
            self._observe(Event("failed", function.logical_id, request_id, result, error=str(result.get("errorType"))))
        else:
            self._observe(Event("returned", function.logical_id, request_id, result))
        return answer

    def close(self) -> None:
        """Disable invocations that are still running. The functions' modules and the state in them are dropped, and
        modules of the same names that were imported before are restored."""
        for running in list(self._running):
            running.over.set()
        self._take_modules()
        sys.modules.update(self._modules_before)
        for root in self._roots:
            sys.path.remove(root)

    def _take_modules(self) -> dict[str, ModuleType]:
        """Remove the functions' own packages from sys.modules. The shared `nightfold` keeps no state and stays."""
        own = {function.handler.partition(".")[0] for function in self._functions}
        return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in own}

    def _run_with_timeout(self, function: Function, request_id: str, event: Any) -> InvokeResult:
        seconds = function.timeout_s / self._speed
        context = LambdaContext(function, request_id, time.monotonic() + seconds)
        own = self._sandbox(function, request_id)
        answers: list[InvokeResult] = []
        finished = threading.Event()

        def begin() -> None:
            try:
                with sandbox.inside(own):
                    answers.append(run(function, event, context))
            finally:
                finished.set()

        sandbox.layer_streams()
        self._running.append(own)
        try:
            threading.Thread(target=begin, daemon=True, name=f"{function.logical_id}-{request_id[:8]}").start()
            in_time = finished.wait(seconds)
        finally:
            own.over.set()  # threads that the handler left running are frozen, as on Lambda
            self._running.remove(own)
        if in_time and answers:
            return answers[0]
        message = f"RequestId: {request_id} Error: Task timed out after {function.timeout_s:.2f} seconds"
        return failure("Sandbox.Timedout", message)

    def _sandbox(self, function: Function, request_id: str = "") -> sandbox.Sandbox:
        credentials = self._credentials(function.role_arn)
        return sandbox.Sandbox(
            function=function.logical_id,
            environment=sandbox.environment_of(
                function.environment,
                AWS_REGION=REGION,
                AWS_DEFAULT_REGION=REGION,
                AWS_ACCESS_KEY_ID=credentials["AccessKeyId"],
                AWS_SECRET_ACCESS_KEY=credentials["SecretAccessKey"],
                AWS_SESSION_TOKEN=credentials["SessionToken"],
                AWS_EXECUTION_ENV="AWS_Lambda_python3.13",
                AWS_LAMBDA_FUNCTION_NAME=function.name,
                AWS_LAMBDA_FUNCTION_VERSION="$LATEST",
                AWS_LAMBDA_FUNCTION_MEMORY_SIZE=str(function.memory_mb),
                AWS_LAMBDA_LOG_GROUP_NAME=f"/aws/lambda/{function.name}",
                AWS_LAMBDA_LOG_STREAM_NAME=f"local/[$LATEST]{request_id.replace('-', '')}",
                AWS_LAMBDA_INITIALIZATION_TYPE="on-demand",
                LAMBDA_TASK_ROOT=str(function.code),
                _HANDLER=function.handler,
                LANG="en_US.UTF-8",
                TZ=":UTC",
            ),
            session=lambda: self._session,
            log=self._logs / f"{function.logical_id}.log",
        )
