"""Simulated AWS faults for tests: what a call of a function or of the state machine gets instead of its response.

A hook is called before each such call, once per attempt, so that botocore's retries behave as against AWS:

    def slow_down_twice(service, operation, parameters):
        return Refuse(503, "SlowDown") if operation == "PutObject" and next(calls) < 2 else None

    with Cloud(state_dir, around=meeting(slow_down_twice)) as cloud: …

`service` and `operation` are botocore's names ("s3", "PutObject"; "lambda", "Invoke"), `parameters` are the call's.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError

from infra.cloud import aws_response
from infra.cloud.boto_sessions import parameters_of_this_call
from infra.cloud.moto_patches.interception import body_of
from infra.cloud.router import Around, Next


@dataclass(frozen=True)
class Refuse:
    """AWS answers with an error and does nothing: 503 SlowDown, 429 TooManyRequestsException…"""

    status: int
    code: str
    message: str = "injected by a test"


@dataclass(frozen=True)
class NeverArrive:
    """The connection breaks before AWS has done anything."""


@dataclass(frozen=True)
class LoseTheAnswer:
    """AWS does what was asked, and the response is lost."""


@dataclass(frozen=True)
class TimeOut:
    """AWS does what was asked, or not, and the caller's read timeout expires."""

    done: bool = False


@dataclass(frozen=True)
class FailEntries:
    """A batch succeeds with 200, but these entries (by Id) are in its `Failed` list and have no effect."""

    ids: frozenset[str]
    code: str = "InternalError"


@dataclass(frozen=True)
class Delay:
    """AWS waits (in real seconds), then does what was asked."""

    seconds: float


Fault = Refuse | NeverArrive | LoseTheAnswer | TimeOut | FailEntries | Delay
Hook = Callable[[str, str, Mapping[str, Any]], Fault | None]


def meeting(hook: Hook) -> Around:
    """The argument for `Cloud(around=…)` that applies this hook's faults to its calls."""

    def around(service: str, operation: str, request: AWSPreparedRequest, answer: Next) -> AWSResponse:
        fault = hook(service, operation, parameters_of_this_call())
        return answer() if fault is None else _meet(fault, service, request, answer)

    return around


def _meet(fault: Fault, service: str, request: AWSPreparedRequest, answer: Next) -> AWSResponse:
    url = request.url
    match fault:
        case Refuse(status, code, message):
            return aws_response.error(request, service, status, code, message)
        case NeverArrive():
            raise ConnectTimeoutError(endpoint_url=url)
        case LoseTheAnswer():
            answer()
            raise ConnectionClosedError(endpoint_url=url)
        case TimeOut(done):
            if done:
                answer()
            raise ReadTimeoutError(endpoint_url=url)
        case FailEntries():
            return _fail_entries(fault, request, answer)
        case Delay(seconds):
            time.sleep(seconds)
            return answer()


def _fail_entries(fault: FailEntries, request: AWSPreparedRequest, answer: Next) -> AWSResponse:
    asked = json.loads(body_of(request))
    failing = [entry["Id"] for entry in asked["Entries"] if entry["Id"] in fault.ids]
    done = [entry for entry in asked["Entries"] if entry["Id"] not in fault.ids]
    answered: dict[str, Any] = {"Successful": []}
    if done:
        request.body = json.dumps(asked | {"Entries": done}).encode()
        answered = json.loads(answer().content)
    answered["Failed"] = [
        *answered.get("Failed", []),
        *({"Id": id_, "Code": fault.code, "SenderFault": False, "Message": "injected by a test"} for id_ in failing),
    ]
    return aws_response.json(request, answered)
