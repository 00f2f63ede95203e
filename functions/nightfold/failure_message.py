"""What travels inside the message of a failed call: which attempt it was, how the earlier ones ended, and when.

A failure reaches the aggregator as an error's name and one line of text. Everything else that is known about it has to
be part of that line.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from nightfold.errors import PATIENT
from nightfold.text import MESSAGE_LIMIT, one_line


class Caught(NamedTuple):
    """An error as the state machine caught it."""

    error: str  # its name
    message: str  # without the times of the calls
    attempt: int | None  # None: the message does not name it
    earlier_errors: list[str]
    calls: list[tuple[float, float]]  # in seconds since the branch began


def read_caught(caught: Any) -> Caught:
    """Reads the error output of a Catch. Lambda's cause is JSON, that of Step Functions is text, and either may be
    missing. Raises nothing, whatever `caught` is."""
    output = caught if isinstance(caught, dict) else {}
    cause = str(output.get("Cause") or "")
    try:
        whole = str(json.loads(cause)["errorMessage"])
    except (ValueError, TypeError, KeyError, RecursionError):
        whole = cause
    attempt, earlier = read_attempt(whole)
    message, calls = split_calls(whole)
    return Caught(
        error=one_line(str(output.get("Error") or "UnexpectedError")),
        message=one_line(message),
        attempt=attempt,
        earlier_errors=earlier,
        calls=calls,
    )


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


def calls_made(attempt: int, errors: Sequence[str]) -> int:
    """How many of a branch's attempts asked Claude, given the known `errors` that ended some of them. An attempt that
    found no key asked nothing. Lambda's own failures are attempts too, and leave no name."""
    return max(attempt - sum(error in PATIENT for error in errors), 0)


def with_calls(message: str, calls: Sequence[tuple[float, float]]) -> str:
    """The message of a failed call, followed by when the calls were made, in seconds since the branch began."""
    if not calls:
        return message
    when = f" [{' '.join(f'{began:.2f}-{ended:.2f}' for began, ended in calls)}]"
    return one_line(message, MESSAGE_LIMIT - len(when)) + when


def split_calls(message: str) -> tuple[str, list[tuple[float, float]]]:
    """The message without what `with_calls` added, and the calls."""
    match = re.search(r" \[((?:[0-9]{1,6}\.[0-9]{2}-[0-9]{1,6}\.[0-9]{2} ?){1,8})\]$", message)
    if match is None:
        return message, []
    calls = [call.split("-") for call in match[1].split()]
    return message[: match.start()], [(float(began), float(ended)) for began, ended in calls]
