"""Faults of AWS for tests: what a call of a function or of the state machine meets instead of its answer.

A hook is asked before each such call, once per attempt, so that botocore's own retries see what they would see:

    def slow_down_twice(service, operation, parameters):
        return Refuse(503, "SlowDown") if operation == "PutObject" and next(calls) < 2 else None

`service` and `operation` are botocore's names ("s3", "PutObject"; "lambda", "Invoke"), `parameters` what was passed.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError

from infra.cloud import aws_response
from infra.cloud.moto_patches.interception import body_of


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
    """AWS does what was asked, and the caller never hears of it."""


@dataclass(frozen=True)
class TimeOut:
    """AWS does what was asked, or not, and the caller's read timeout ends the wait."""

    done: bool = False


@dataclass(frozen=True)
class FailEntries:
    """A batch succeeds with 200, and these entries (by their Id) are among its `Failed` ones, not done."""

    ids: frozenset[str]
    code: str = "InternalError"


@dataclass(frozen=True)
class Delay:
    """AWS takes its time (real seconds), then does what was asked."""

    seconds: float


Fault = Refuse | NeverArrive | LoseTheAnswer | TimeOut | FailEntries | Delay
Hook = Callable[[str, str, Mapping[str, Any]], Fault | None]
Forward = Callable[[AWSPreparedRequest], AWSResponse]


def meet(fault: Fault, service: str, request: AWSPreparedRequest, forward: Forward) -> AWSResponse:
    """The call's answer under a fault. `forward` does what was asked; broken connections are botocore's exceptions."""
    url = request.url
    match fault:
        case Refuse(status, code, message):
            return aws_response.error(request, service, status, code, message)
        case NeverArrive():
            raise ConnectTimeoutError(endpoint_url=url)
        case LoseTheAnswer():
            forward(request)
            raise ConnectionClosedError(endpoint_url=url)
        case TimeOut(done):
            if done:
                forward(request)
            raise ReadTimeoutError(endpoint_url=url)
        case FailEntries():
            return _fail_entries(fault, request, forward)
        case Delay(seconds):
            time.sleep(seconds)
            return forward(request)


def _fail_entries(fault: FailEntries, request: AWSPreparedRequest, forward: Forward) -> AWSResponse:
    asked = json.loads(body_of(request))
    failing = [entry["Id"] for entry in asked["Entries"] if entry["Id"] in fault.ids]
    done = [entry for entry in asked["Entries"] if entry["Id"] not in fault.ids]
    answer: dict[str, Any] = {"Successful": []}
    if done:
        request.body = json.dumps(asked | {"Entries": done}).encode()
        answer = json.loads(forward(request).content)
    answer["Failed"] = [
        *answer.get("Failed", []),
        *({"Id": id_, "Code": fault.code, "SenderFault": False, "Message": "injected by a test"} for id_ in failing),
    ]
    return aws_response.json(request, answer)
