"""Every error name that crosses from a function into the state machine, and every verdict on an answer.

Step Functions sees the bare class name and knows no inheritance, so the names are a wire format and the
classes are flat leaves. `tests/unit/infra/test_statemachine.py` compares them with the state machine both ways.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from pydantic import ValidationError

from nightfold.text import one_line

Verdict = Literal["SchemaViolation", "Truncated", "Refused", "Unaccounted"]
"""How the aggregator names what is wrong with a branch whose call did not fail."""


class RateLimited(Exception):  # noqa: N818
    """429. CollectSite retries it."""


class Overloaded(Exception):  # noqa: N818
    """529 or 503, Claude is out of capacity. CollectSite retries it."""


class NetworkError(Exception):
    """The connection or the server failed, or a 200 held no Messages response. CollectSite retries it."""


class ModelTimeout(Exception):  # noqa: N818
    """No whole answer within `request_timeout_s`. CollectSite retries it."""


class RequestRejected(Exception):  # noqa: N818
    """400, 404, 413 or 422: the same request would be rejected again. CollectSite gives up."""


class AccessDenied(Exception):  # noqa: N818
    """401, 403, or there is no API key. CollectSite gives up."""


class SpendLimitReached(Exception):  # noqa: N818
    """The account may not spend more. CollectSite gives up."""


class UnexpectedError(Exception):
    """What nobody foresaw; in the collector its traceback is in the log. No state tries again."""


class InvalidInput(Exception):  # noqa: N818
    """Sites, configuration or execution input that cannot be run. PlanRun ends in PlanRefused, nothing was paid."""


class AwsUnavailable(Exception):  # noqa: N818
    """An AWS call failed after botocore's own retries. PlanRun and AggregateOutcomes run their step again."""


def plain(message: str) -> str:
    """A message of our own validators, without what pydantic puts before it."""
    return message.removeprefix("Value error, ")


def invalid(error: ValidationError, where: str = "") -> InvalidInput:
    """The first three complaints of `error`, each with the path of its field below `where`."""
    complaints = [
        f"{'.'.join([*([where] if where else []), *map(str, detail['loc'])])}: {plain(detail['msg'])}"
        for detail in error.errors(include_url=False)
    ]
    more = f" (and {len(complaints) - 3} more)" if len(complaints) > 3 else ""
    return InvalidInput(one_line("; ".join(complaints[:3]), 600) + more)


@contextmanager
def aws_errors_named() -> Iterator[None]:
    """At a handler's edge: what botocore raises leaves as one line, `AwsUnavailable` where another try may help."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except BotoCoreError as error:
        raise AwsUnavailable(one_line(str(error))) from None
    except ClientError as error:
        code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status >= 500 or "Throttl" in code or code in {"SlowDown", "RequestTimeout", "TooManyRequestsException"}:
            raise AwsUnavailable(one_line(str(error))) from None
        raise UnexpectedError(one_line(str(error))) from None  # a policy, a name: it would fail again
