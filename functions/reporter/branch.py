"""One branch of a run, as far as its records tell: how its calls ended, and when they were made."""

import json
from dataclasses import dataclass
from typing import Any

from nightfold.branch import Outcome, SiteTask
from nightfold.failure_message import calls_made, read_attempt, split_calls


@dataclass(frozen=True)
class Branch:
    """One branch of one round: a task, and its outcome where there is one."""

    task: SiteTask
    outcome: Outcome | None
    rejected: bool = False  # it answered, and the answer was not accepted

    @property
    def error(self) -> str | None:
        """The name of the error that the state machine caught."""
        if self.outcome is None or self.outcome.failure is None:
            return None
        caught = self.outcome.failure.caught
        return str(caught.get("Error") or "UnexpectedError") if isinstance(caught, dict) else "UnexpectedError"

    @property
    def calls(self) -> int | None:
        """Model calls that are known of; None where a failure does not tell."""
        if self.outcome is None:
            return None
        if self.outcome.answer is not None:
            return calls_made(self.outcome.answer.attempt, self.outcome.answer.earlier_errors)
        caught = self.outcome.failure.caught if self.outcome.failure else None
        attempt, earlier = read_attempt(_message(caught))
        return None if attempt is None else calls_made(attempt, [*earlier, self.error or ""])

    @property
    def earlier_errors(self) -> list[str]:
        """How the calls before the last one ended, as far as it is known."""
        if self.outcome is None:
            return []
        if self.outcome.answer is not None:
            return self.outcome.answer.earlier_errors
        return read_attempt(_message(self.outcome.failure.caught if self.outcome.failure else None))[1]

    @property
    def call_times(self) -> list[tuple[float, float]]:
        """When the calls were made, in seconds since the branch began, as far as it is known."""
        if self.outcome is None:
            return []
        if self.outcome.answer is not None:
            return self.outcome.answer.calls
        return split_calls(_message(self.outcome.failure.caught if self.outcome.failure else None))[1]


def _message(caught: Any) -> str:
    """Lambda's cause is JSON, Step Functions' own is text, and either may be missing."""
    cause = str(caught.get("Cause") or "") if isinstance(caught, dict) else ""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return cause
