"""The Lambda bridge: lambda:Invoke answered by the template's real handlers, in threads of this process.

What a caller sees is what Lambda would answer: results and events pass through JSON, a failure is an object with the
bare class name as `errorType`, a function that runs out of time is cut off, and nothing a handler does leaks out.
"""

import importlib
import json
import logging
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3

from infra.local import sandbox

LARGEST_EVENT = LARGEST_RESULT = 6_291_556  # bytes: Lambda's 6 MiB and a little
ACCOUNT, REGION = "123456789012", "us-east-1"


@dataclass(frozen=True)
class Function:
    """A function of the template, as it was deployed."""

    logical_id: str
    name: str
    arn: str
    handler: str  # module.attribute
    code: Path  # the import root
    timeout_s: int
    memory_mb: int
    environment: Mapping[str, str]
    role_arn: str


@dataclass(frozen=True)
class Answer:
    """What lambda:Invoke returns: JSON, and `Unhandled` where it describes a failure."""

    payload: bytes
    function_error: str | None = None


class CannotInvoke(Exception):  # noqa: N818
    """lambda:Invoke itself fails, with this status and error code; no function ran."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Event:
    """Something happened that a live view may show. `at` is time.monotonic()."""

    kind: str  # invoked, returned, failed: a function · stored: an object, its key is in `key`
    function: str = ""  # the function's logical id
    request_id: str = ""
    payload: Any = None  # the event, the result, or the failure
    error: str | None = None  # the failure's errorType
    key: str = ""
    at: float = field(default_factory=time.monotonic)


class LambdaContext:
    """The second argument of a handler, with the runtime's own names and types."""

    function_version = "$LATEST"
    identity = None
    client_context = None

    def __init__(self, function: Function, request_id: str, deadline: float) -> None:
        self.function_name = function.name
        self.invoked_function_arn = function.arn
        self.memory_limit_in_mb = str(function.memory_mb)
        self.aws_request_id = request_id
        self.log_group_name = f"/aws/lambda/{function.name}"
        self.log_stream_name = f"local/[$LATEST]{request_id.replace('-', '')}"
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message: object) -> None:
        sys.stdout.write(str(message))


class Lambdas:
    """The functions of one embedded cloud."""

    def __init__(
        self,
        functions: Iterable[Function],
        *,
        credentials: Callable[[str], dict[str, str]],  # of a role, by its ARN
        session: Callable[[str], boto3.Session],
        logs: Path,
        speed: float,
        observe: Callable[[Event], None],
    ) -> None:
        self._functions = list(functions)
        self._by_name = {name: function for function in self._functions for name in _names(function)}
        self._credentials, self._session = credentials, session
        self._logs, self._speed, self._observe = logs, speed, observe
        self._running: list[sandbox.Sandbox] = []
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
        """Import every handler now, as provisioned concurrency would, so that no branch pays for a cold start."""
        for function in self._functions:
            with sandbox.inside(self._sandbox(function)):
                try:
                    _handler(function)
                except BaseException as error:  # the invocation will report it
                    logging.getLogger(__name__).debug("%s cannot be imported: %r", function.handler, error)

    def invoke(self, name: str, payload: bytes) -> Answer:
        """Run the function to its end or its timeout. Raises CannotInvoke; never anything that a handler raised."""
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
        answer = self._run_with_timeout(function, request_id, event)
        result = json.loads(answer.payload)
        if answer.function_error:
            self._observe(Event("failed", function.logical_id, request_id, result, error=str(result.get("errorType"))))
        else:
            self._observe(Event("returned", function.logical_id, request_id, result))
        return answer

    def close(self) -> None:
        """No invocation that is still running may act any more, and no module of a function stays imported."""
        for running in list(self._running):
            running.over.set()
        roots = {function.handler.partition(".")[0] for function in self._functions}
        for module in [module for module in sys.modules if module.partition(".")[0] in roots]:
            del sys.modules[module]
        for root in self._roots:
            sys.path.remove(root)

    def _run_with_timeout(self, function: Function, request_id: str, event: Any) -> Answer:
        seconds = function.timeout_s / self._speed
        context = LambdaContext(function, request_id, time.monotonic() + seconds)
        own = self._sandbox(function, request_id)
        answers: list[Answer] = []
        finished = threading.Event()

        def run() -> None:
            try:
                with sandbox.inside(own):
                    answers.append(_run(function, event, context))
            finally:
                finished.set()

        sandbox.layer_streams()
        self._running.append(own)
        try:
            threading.Thread(target=run, daemon=True, name=f"{function.logical_id}-{request_id[:8]}").start()
            in_time = finished.wait(seconds)
        finally:
            own.over.set()  # whatever threads the handler left behind are frozen, as Lambda freezes them
            self._running.remove(own)
        if in_time and answers:
            return answers[0]
        message = f"RequestId: {request_id} Error: Task timed out after {function.timeout_s:.2f} seconds"
        return _failure("Sandbox.Timedout", message)

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
            session=lambda: self._session(function.role_arn),
            log=self._logs / f"{function.logical_id}.log",
        )


def _names(function: Function) -> tuple[str, ...]:
    return function.logical_id, function.name, function.arn


def _handler(function: Function) -> Callable[[Any, Any], Any]:
    module, _, attribute = function.handler.rpartition(".")
    handler: Callable[[Any, Any], Any] = getattr(importlib.import_module(module), attribute)
    return handler


def _run(function: Function, event: Any, context: LambdaContext) -> Answer:
    """Every way in which a handler can end, in the runtime's words."""
    request_id = context.aws_request_id
    module, _, attribute = function.handler.rpartition(".")
    try:
        handler = _handler(function)
    except AttributeError:
        return _failure("Runtime.HandlerNotFound", f"Handler '{attribute}' missing on module '{module}'", request_id)
    except ImportError as error:
        return _failure("Runtime.ImportModuleError", f"Unable to import module '{module}': {error}", request_id)
    except SyntaxError as error:
        return _failure("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module}': {error}", request_id)
    try:
        result = handler(event, context)
    except Exception as error:  # whatever it is, it is the function's answer
        frames = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
        sys.stdout.write(f"[ERROR] {type(error).__name__}: {error}\n{''.join(frames)}")
        return _failure(type(error).__name__, str(error), request_id, frames)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        how = (
            f"Runtime exited with error: exit status {status}"
            if status
            else "Runtime exited without providing a reason"
        )
        return _failure("Runtime.ExitError", f"RequestId: {request_id} Error: {how}")
    except BaseException:  # KeyboardInterrupt and the like end Lambda's process as well
        return _failure("Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited with error: exit status 1")
    try:
        payload = json.dumps(result, default=_decimal, ensure_ascii=False).encode("utf-8", "backslashreplace")
    except (TypeError, ValueError, RecursionError) as error:
        return _failure("Runtime.MarshalError", f"Unable to marshal response: {error}", request_id)
    if len(payload) > LARGEST_RESULT:
        limit = f"maximum allowed payload size ({LARGEST_RESULT} bytes)"
        message = f"Response payload size ({len(payload)} bytes) exceeded {limit}."
        return _failure("Function.ResponseSizeTooLarge", message)
    return Answer(payload)


def _decimal(value: Any) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _failure(error_type: str, message: str, request_id: str | None = None, frames: list[str] | None = None) -> Answer:
    """Lambda's own failures have two fields, the runtime's four."""
    failure: dict[str, Any] = {"errorMessage": message, "errorType": error_type}
    if request_id is not None:
        failure |= {"requestId": request_id, "stackTrace": frames or []}
    return Answer(json.dumps(failure).encode(), "Unhandled")
