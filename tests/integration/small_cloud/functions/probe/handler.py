"""A handler that can end in every possible way."""

# ruff: noqa: ARG001

import os
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

import boto3


class Flaky(Exception):  # noqa: N818
    """An error that is worth a retry."""


class Hopeless(Exception):  # noqa: N818
    """An error that is not worth a retry."""


@cache
def _counted() -> list[int]:
    return []


def handler(event: dict[str, Any], context: Any) -> Any:
    return globals()["do_" + event["do"]](event, context)


def do_echo(event: dict[str, Any], context: Any) -> Any:
    return event


def do_environment(event: dict[str, Any], context: Any) -> Any:
    return dict(os.environ)


def do_environment_of_a_thread(event: dict[str, Any], context: Any) -> Any:
    seen: list[str | None] = []
    thread = threading.Thread(target=lambda: seen.append(os.environ.get("AWS_LAMBDA_FUNCTION_NAME")))
    thread.start()
    thread.join()
    return seen


def do_set_environment(event: dict[str, Any], context: Any) -> Any:
    os.environ["LEFT_BEHIND"] = "yes"


def do_context(event: dict[str, Any], context: Any) -> Any:
    fields = (
        "function_name",
        "function_version",
        "invoked_function_arn",
        "memory_limit_in_mb",
        "aws_request_id",
        "log_group_name",
    )
    return {name: getattr(context, name) for name in fields} | {"remaining": context.get_remaining_time_in_millis()}


def do_wait_then_touch_s3(event: dict[str, Any], context: Any) -> Any:
    """Waits for a file for at most a minute, and records how it ended."""
    for _ in range(6_000):
        if Path(event["until"]).exists():
            break
        time.sleep(0.01)
    end = "still running"
    try:
        boto3.client("s3").list_buckets()
    except BaseException as error:
        end = type(error).__name__
        raise
    finally:
        Path(event["mark"]).write_text(end)


def do_raise(event: dict[str, Any], context: Any) -> Any:
    raise Hopeless("nothing to be done")


def do_exit(event: dict[str, Any], context: Any) -> Any:
    sys.exit(event["status"])


def do_interrupt(event: dict[str, Any], context: Any) -> Any:
    raise KeyboardInterrupt


def do_unserialisable(event: dict[str, Any], context: Any) -> Any:
    return {1, 2, 3}


def do_big(event: dict[str, Any], context: Any) -> Any:
    return "x" * event["size"]


def do_print(event: dict[str, Any], context: Any) -> Any:
    print(event["line"])  # noqa: T201
    print(event["line"], file=sys.stderr)  # noqa: T201


def do_count(event: dict[str, Any], context: Any) -> Any:
    _counted().append(1)
    return len(_counted())


def do_flaky(event: dict[str, Any], context: Any) -> Any:
    item = event["item"]
    if event["attempt"] < item.get("fails", 0):
        raise Flaky(f"attempt {event['attempt']}")
    if item.get("hopeless"):
        raise Hopeless("never")
    time.sleep(item.get("seconds", 0))
    return {"attempt": event["attempt"]}
