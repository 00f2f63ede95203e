"""What this execution environment remembers of a branch's earlier attempts.

Step Functions tells a retry how many attempts came before, not how they ended. A warm environment knows, for the calls
that it made itself: that is how a 429 that a retry healed still shows in the run's summary. On Lambda a retry may meet
another environment, so the count there is a lower bound; the metric `RateLimited` counts every one.
"""

from collections import OrderedDict

from nightfold.branch import SiteTask

Call = tuple[float, float]  # seconds since the branch began
_BRANCHES_KEPT = 10_000  # branches

_earlier: OrderedDict[tuple[str, str, int], list[tuple[str, Call | None]]] = OrderedDict()


def earlier_errors(task: SiteTask, attempt: int) -> list[str]:
    """The error names of the attempts before `attempt` (0 is the first), as far as they are known here."""
    return [error for error, _ in _before(task, attempt)]


def earlier_calls(task: SiteTask, attempt: int) -> list[Call]:
    """When those attempts were made."""
    return [call for _, call in _before(task, attempt) if call is not None]


def record_failure(task: SiteTask, attempt: int, error: str, call: Call | None = None) -> None:
    """Note how attempt number `attempt` ended, and when it was made."""
    _earlier[task.run_id, task.site_id, task.round] = [*_before(task, attempt), (error, call)]
    while len(_earlier) > _BRANCHES_KEPT:
        _earlier.popitem(last=False)


def _before(task: SiteTask, attempt: int) -> list[tuple[str, Call | None]]:
    return _earlier.get((task.run_id, task.site_id, task.round), []) if attempt else []
