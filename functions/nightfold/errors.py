"""Every error name that crosses from a function into the state machine, and every verdict on an answer.

Step Functions sees the bare class name and knows no inheritance, so the names are a wire format and the
classes are flat leaves. `tests/unit/infra/test_statemachine.py` compares them with the state machine both ways.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import ValidationError

from nightfold.complaints import complaints
from nightfold.text import one_line

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

Reason = Literal["network", "schema", "unknown"]
"""The three buckets of misses."""


class RateLimited(Exception):  # noqa: N818
    """429. CollectSite retries it."""


class Overloaded(Exception):  # noqa: N818
    """529 or 503, Claude is out of capacity. CollectSite retries it."""


class NetworkError(Exception):
    """The connection or the server failed, or a 200 was not a Messages response. CollectSite retries it."""


class ModelTimeout(Exception):  # noqa: N818
    """No whole answer within `request_timeout_s`. CollectSite retries it."""


class RequestRejected(Exception):  # noqa: N818
    """400, 404, 413 or 422: the same request would be rejected again. CollectSite gives up."""


class AccessDenied(Exception):  # noqa: N818
    """401, 403, or there is no API key. CollectSite gives up."""


class SpendLimitReached(Exception):  # noqa: N818
    """The account may not spend more. CollectSite gives up."""


class KeyUnavailable(Exception):  # noqa: N818
    """SSM did not return the API key, usually when throttled. Claude was not asked. CollectSite retries patiently."""


class UnexpectedError(Exception):
    """An error without a class of its own; the collector logs its traceback. No state retries it."""


class InvalidInput(Exception):  # noqa: N818
    """Sites, configuration or execution input that cannot be run. PlanRun ends in PlanRefused, nothing was paid."""


class AwsUnavailable(Exception):  # noqa: N818
    """An AWS call failed after botocore's own retries. PlanRun and AggregateOutcomes run their step again."""


class Handling(NamedTuple):
    """What happens to a branch whose call or answer ends in an error."""

    reason: Reason | None  # None: that of what stopped the run
    named_by: Literal["collector", "aws", "aggregator"]
    retried: Literal["briefly", "patiently"] | None = None  # by CollectSite: after a call, or after what cost no call


BRANCH_ERRORS = {
    "RateLimited": Handling("network", "collector", "briefly"),
    "Overloaded": Handling("network", "collector", "briefly"),
    "NetworkError": Handling("network", "collector", "briefly"),
    "ModelTimeout": Handling("network", "collector", "briefly"),
    "KeyUnavailable": Handling("network", "collector", "patiently"),
    "RequestRejected": Handling("unknown", "collector"),
    "AccessDenied": Handling("unknown", "collector"),
    "SpendLimitReached": Handling("unknown", "collector"),
    "UnexpectedError": Handling("unknown", "collector"),
    "Sandbox.Timedout": Handling("network", "aws", "briefly"),
    "States.Timeout": Handling("network", "aws", "briefly"),
    # A function that was killed has one of three names. It ran: its call may be billed.
    "Runtime.ExitError": Handling("network", "aws", "briefly"),
    "Runtime.OutOfMemory": Handling("network", "aws", "briefly"),
    "Lambda.Unknown": Handling("network", "aws", "briefly"),
    "Lambda.ServiceException": Handling("network", "aws", "patiently"),
    "Lambda.AWSLambdaException": Handling("network", "aws", "patiently"),
    "Lambda.SdkClientException": Handling("network", "aws", "patiently"),
    "Lambda.TooManyRequestsException": Handling("network", "aws", "patiently"),
    "Lambda.ClientExecutionTimeoutException": Handling("network", "aws", "patiently"),
    "Lambda.CodeArtifactUserPendingException": Handling("network", "aws", "patiently"),
    "SchemaViolation": Handling("schema", "aggregator"),
    "Truncated": Handling("schema", "aggregator"),
    "NothingNew": Handling("schema", "aggregator"),
    "Refused": Handling("unknown", "aggregator"),
    "Unaccounted": Handling("unknown", "aggregator"),
    "NotAttempted": Handling(None, "aggregator"),
}
"""Every error that a miss may have, by name. The collector's list, the live view's retries and the reporter's words
derive from it; CollectSite's retriers and catchers are compared with it."""

PATIENT = frozenset(name for name, handling in BRANCH_ERRORS.items() if handling.retried == "patiently")
"""Errors that asked Claude nothing."""

BUSY = {"SlowDown", "RequestTimeout", "TooManyRequestsException", "ConditionalRequestConflict"}
"""Codes of AWS with a status of 4xx that ask for another try."""


def invalid(error: ValidationError, where: str = "", known: Sequence[str] = ()) -> InvalidInput:
    """The first three complaints of `error`, each with the path of its field below `where`. `known` are the valid
    keys."""
    return InvalidInput(complaints(error, where, known))


def refused(error: "ClientError") -> bool:
    """Whether AWS refuses the call, so that another try would not help; otherwise AWS itself fails, or is too busy."""
    code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return 400 <= status < 500 and "Throttl" not in code and code not in BUSY


@contextmanager
def aws_errors_named() -> Iterator[None]:
    """At a handler's edge: botocore's errors leave as one line, `AwsUnavailable` if another try may help."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        for_good = isinstance(error, ClientError) and refused(error)  # such as by a policy
        raise (UnexpectedError if for_good else AwsUnavailable)(one_line(str(error))) from None
