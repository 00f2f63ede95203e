"""Logs and metrics: ids and numbers, never content.

One line per branch and per step, as JSON, with the same keys for success and failure. Fields are passed per call, and
the id of the request per thread, because the local run keeps all handlers in threads of one process. Service and
namespace are Powertools' own settings in the environment (POWERTOOLS_SERVICE_NAME is the stack).
"""

from contextvars import ContextVar
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

_SECRET_LENGTH = 12  # characters; a shorter one may be an ordinary word
_secrets: set[str] = set()
_NULL = object()  # Powertools leaves None out, and then a failure's line would have other keys than a success's
_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


@cache
def _logger() -> Logger:
    return Logger(json_default=lambda value: None if value is _NULL else str(value), use_rfc3339=True)


def in_request(context: object) -> None:
    """From here on every line of this thread has the id of the invocation, by which AWS's own lines name it."""
    _request_id.set(getattr(context, "aws_request_id", None))


def keep_secret(secret: str) -> None:
    """From now on `secret` is removed from log lines, and from what passes through `without_secrets`."""
    if len(secret) >= _SECRET_LENGTH:
        _secrets.add(secret)


def without_secrets(text: str) -> str:
    """The second line of defence: text that arrives here should hold no secret in the first place."""
    for secret in _secrets:
        text = text.replace(secret, "[secret]")
    return text


def log_step(step: str, *, run_id: str, error: str | None = None, **fields: Any) -> None:
    """One line for one step; `fields` are ids and numbers."""
    line = {"step": step, "run_id": run_id, "error": error, "function_request_id": _request_id.get(), **fields}
    _logger().info(step, extra={key: _loggable(value) for key, value in line.items()})


def log_traceback(step: str, frames: list[str], **fields: Any) -> None:
    """Where an unexpected error was raised: frames of our code, without the values in them."""
    line = {"step": step, "frames": frames, "function_request_id": _request_id.get(), **fields}
    _logger().error(step, extra={key: _loggable(value) for key, value in line.items()})


def _loggable(value: Any) -> Any:
    return _NULL if value is None else without_secrets(value) if isinstance(value, str) else value


def count(**values: float) -> None:
    """Metrics in CloudWatch's embedded format, one blob. No dimension beyond the service: a metric costs $0.30 a month
    for each combination."""
    metrics = EphemeralMetrics()
    for name, value in values.items():
        unit = (
            MetricUnit.Seconds
            if name.endswith("Seconds")
            else MetricUnit.NoUnit
            if name.endswith("USD")
            else MetricUnit.Count
        )
        metrics.add_metric(name=name, unit=unit, value=value)
    metrics.flush_metrics()
