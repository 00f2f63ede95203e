"""What this execution environment knows of a branch's earlier attempts.

Step Functions passes a retry the number of earlier attempts, not how they ended. A warm environment knows it for the
calls that it made itself, so the run's summary also counts a 429 after which a retry succeeded. On Lambda a retry may
reach another environment, so that count is a lower bound; the metric `RateLimited` counts every one.
"""

from collections import OrderedDict

from nightfold.branch import SiteTask

Call = tuple[float, float]  # seconds since the branch began
_BRANCHES_KEPT = 10_000  # branches

_earlier: OrderedDict[tuple[str, str, int], list[tuple[str, Call | None]]] = OrderedDict()


def earlier_errors(task: SiteTask, attempt: int) -> list[str]:
    """The error names of the attempts before `attempt` (0 is the first) that are known here."""
    return [error for error, _ in _before(task, attempt)]


def earlier_calls(task: SiteTask, attempt: int) -> list[Call]:
    """When those attempts were made."""
    return [call for _, call in _before(task, attempt) if call is not None]


def record_failure(task: SiteTask, attempt: int, error: str, call: Call | None = None) -> None:
    """Notes how attempt number `attempt` ended, and when it was made."""
    _earlier[task.run_id, task.site_id, task.round] = [*_before(task, attempt), (error, call)]
    while len(_earlier) > _BRANCHES_KEPT:
        _earlier.popitem(last=False)


def _before(task: SiteTask, attempt: int) -> list[tuple[str, Call | None]]:
    return _earlier.get((task.run_id, task.site_id, task.round), []) if attempt else []
