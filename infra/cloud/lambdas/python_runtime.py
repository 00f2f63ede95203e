"""What Lambda's Python runtime does with one handler: import it, call it, and report its result or failure."""

import importlib
import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

LARGEST_RESULT = 6_291_556  # bytes: Lambda's limit: 6 MiB and a little more


@dataclass(frozen=True)
class Function:
    """A function of the template, as deployed."""

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
class InvokeResult:
    """What lambda:Invoke returns: JSON, and `Unhandled` where it describes a failure."""

    payload: bytes
    function_error: str | None = None


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


def load_handler(function: Function) -> Callable[[Any, Any], Any]:
    """Raises what importing a module raises, and AttributeError if it has no such handler."""
    module, _, attribute = function.handler.rpartition(".")
    handler: Callable[[Any, Any], Any] = getattr(importlib.import_module(module), attribute)
    return handler


def run(function: Function, event: Any, context: LambdaContext) -> InvokeResult:
    """Call the handler, and report however it ends in the runtime's words."""
    request_id, log = context.aws_request_id, sys.stdout  # this cloud's log, even if the cloud is closed meanwhile
    module, _, attribute = function.handler.rpartition(".")
    try:
        handler = load_handler(function)
    except AttributeError:
        return failure("Runtime.HandlerNotFound", f"Handler '{attribute}' missing on module '{module}'", request_id)
    except ImportError as error:
        return failure("Runtime.ImportModuleError", f"Unable to import module '{module}': {error}", request_id)
    except SyntaxError as error:
        return failure("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module}': {error}", request_id)
    try:
        result = handler(event, context)
    except Exception as error:  # any exception is the function's result
        frames = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
        log.write(f"[ERROR] {type(error).__name__}: {error}\n{''.join(frames)}")
        return failure(type(error).__name__, str(error), request_id, frames)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        how = (
            f"Runtime exited with error: exit status {status}"
            if status
            else "Runtime exited without providing a reason"
        )
        return failure("Runtime.ExitError", f"RequestId: {request_id} Error: {how}")
    except BaseException:  # KeyboardInterrupt and the like end the process on Lambda too
        return failure("Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited with error: exit status 1")
    try:
        payload = json.dumps(result, default=_decimal, ensure_ascii=False).encode("utf-8", "backslashreplace")
    except (TypeError, ValueError, RecursionError) as error:
        return failure("Runtime.MarshalError", f"Unable to marshal response: {error}", request_id)
    if len(payload) > LARGEST_RESULT:
        limit = f"maximum allowed payload size ({LARGEST_RESULT} bytes)"
        message = f"Response payload size ({len(payload)} bytes) exceeded {limit}."
        return failure("Function.ResponseSizeTooLarge", message)
    return InvokeResult(payload)


def _decimal(value: Any) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def failure(
    error_type: str, message: str, request_id: str | None = None, frames: list[str] | None = None
) -> InvokeResult:
    """Lambda's own failures have two fields, the runtime's four."""
    failure: dict[str, Any] = {"errorMessage": message, "errorType": error_type}
    if request_id is not None:
        failure |= {"requestId": request_id, "stackTrace": frames or []}
    return InvokeResult(json.dumps(failure).encode(), "Unhandled")
