"""One branch of a run, as far as its records show it: how its calls ended, and when they were made."""

from dataclasses import dataclass
from functools import cached_property

from nightfold.branch import Outcome, SiteTask
from nightfold.failure_message import Caught, calls_made, read_caught


@dataclass(frozen=True)
class Branch:
    """One branch of one round: a task, and its outcome where there is one."""

    task: SiteTask
    outcome: Outcome | None
    rejected: bool = False  # it answered, and the answer was not accepted

    @property
    def error(self) -> str | None:
        """The name of the error that the state machine caught."""
        return self._caught.error if self._caught else None

    @property
    def calls(self) -> int | None:
        """Model calls that are known of; None where the records do not show them."""
        if self.outcome is not None and self.outcome.answer is not None:
            return calls_made(self.outcome.answer.attempt, self.outcome.answer.earlier_errors)
        if self._caught is None or self._caught.attempt is None:
            return None
        return calls_made(self._caught.attempt, [*self._caught.earlier_errors, self._caught.error])

    @property
    def earlier_errors(self) -> list[str]:
        """How the calls before the last one ended, if it is known."""
        if self.outcome is not None and self.outcome.answer is not None:
            return self.outcome.answer.earlier_errors
        return self._caught.earlier_errors if self._caught else []

    @property
    def call_times(self) -> list[tuple[float, float]]:
        """When the calls were made, in seconds since the branch began, if it is known."""
        if self.outcome is not None and self.outcome.answer is not None:
            return self.outcome.answer.calls
        return self._caught.calls if self._caught else []

    @cached_property
    def _caught(self) -> Caught | None:
        if self.outcome is None or self.outcome.failure is None:
            return None
        return read_caught(self.outcome.failure.caught)
