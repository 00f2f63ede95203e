"""Every error name that crosses from a function into the state machine, and every verdict on an answer.

Step Functions sees the bare class name and knows no inheritance, so the names are a wire format and the
classes are flat leaves. `tests/unit/infra/test_statemachine.py` compares them with the state machine both ways.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from pydantic import ValidationError

MESSAGE_LIMIT = 200  # characters; keeps the record of a failure small

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


def one_line(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """`text` without control characters or line breaks, at most `limit` characters: safe in a log or a terminal."""
    line = " ".join(
        re.sub(r"[^\x20-\x7e\xa0-\u1fff\u2010-\u2027\u2030-\u205f\u2070-\ud7ff\ue000-\ufffd]", " ", text).split()
    )
    return line if len(line) <= limit else line[: limit - 1] + "…"


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


def with_attempt(message: str, attempt: int, earlier: Sequence[str]) -> str:
    """The message of a failed call, preceded by which attempt it was and how the earlier ones ended."""
    after = f" after {', '.join(earlier)}" if earlier else ""
    return one_line(f"attempt {attempt}{after}: {message}")


def read_attempt(message: str) -> tuple[int | None, list[str]]:
    """What `with_attempt` wrote: the attempt (None where it was not there) and the earlier errors."""
    match = re.match(r"attempt ([0-9]{1,4})(?: after ([A-Za-z, ]+))?: ", message)
    if match is None:
        return None, []
    return int(match[1]), match[2].split(", ") if match[2] else []


def with_calls(message: str, calls: Sequence[tuple[float, float]]) -> str:
    """The message of a failed call, followed by when the calls were made, in seconds since the branch began: a failure
    has no other way to tell."""
    if not calls:
        return message
    when = f" [{' '.join(f'{began:.2f}-{ended:.2f}' for began, ended in calls)}]"
    return one_line(message, MESSAGE_LIMIT - len(when)) + when


def split_calls(message: str) -> tuple[str, list[tuple[float, float]]]:
    """The message as it was before `with_calls`, and the calls."""
    match = re.search(r" \[((?:[0-9]{1,6}\.[0-9]{2}-[0-9]{1,6}\.[0-9]{2} ?){1,8})\]$", message)
    if match is None:
        return message, []
    calls = [call.split("-") for call in match[1].split()]
    return message[: match.start()], [(float(began), float(ended)) for began, ended in calls]


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
