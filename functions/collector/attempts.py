"""What this execution environment remembers of a branch's earlier attempts.

Step Functions tells a retry how many attempts came before, not how they ended. A warm environment knows, for the calls
that it made itself: that is how a 429 that a retry healed still shows in the run's summary. On Lambda a retry may meet
another environment, so the count there is a lower bound; the metric `RateLimited` counts every one.
"""

from collections import OrderedDict

from nightfold.contract import SiteTask

_REMEMBERED = 10_000  # branches

_earlier: OrderedDict[tuple[str, str, int], list[str]] = OrderedDict()


def earlier_errors(task: SiteTask, attempt: int) -> list[str]:
    """The error names of the attempts before `attempt` (0 is the first), as far as they are known here."""
    return _earlier.get((task.run_id, task.site_id, task.round), []) if attempt else []


def remember(task: SiteTask, attempt: int, error: str) -> None:
    """Note how attempt number `attempt` ended."""
    _earlier[task.run_id, task.site_id, task.round] = [*earlier_errors(task, attempt), error]
    while len(_earlier) > _REMEMBERED:
        _earlier.popitem(last=False)
