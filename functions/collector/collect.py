"""CollectSite: asks Claude once for one site. It judges nothing; the aggregator does."""

import traceback
from collections.abc import Callable
from datetime import UTC, datetime

from collector.attempts import earlier_errors, remember
from collector.prompt import Prompt, prompt_for
from nightfold.contract import Answer, CollectorEvent, Outcome, SiteTask
from nightfold.errors import (
    AccessDenied,
    ModelTimeout,
    NetworkError,
    Overloaded,
    RateLimited,
    RequestRejected,
    SpendLimitReached,
    UnexpectedError,
    with_attempt,
)
from nightfold.observability import count, log_step, log_traceback

Ask = Callable[[SiteTask, Prompt], Answer]

FORESEEN = (
    RateLimited,
    Overloaded,
    NetworkError,
    ModelTimeout,
    RequestRejected,
    AccessDenied,
    SpendLimitReached,
)


def collect(event: CollectorEvent, ask: Ask) -> Outcome:
    """The outcome of one call. Raises one of nightfold.errors, by whose name the state machine routes it."""
    task = event.task
    earlier = earlier_errors(task, event.attempt)
    try:
        answer = ask(task, prompt_for(task))
    except Exception as error:
        failure = _named(error)
        name = type(failure).__name__
        remember(task, event.attempt, name)
        if isinstance(failure, RateLimited):
            count(RateLimited=1)
        if isinstance(failure, UnexpectedError):
            frames = [
                f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
            ]
            log_traceback("collect", frames, run_id=task.run_id, site_id=task.site_id, exception=type(error).__name__)
        _log(event, "failed", name, None)
        raise type(failure)(with_attempt(str(failure), event.attempt + 1, earlier)) from None
    answer = answer.model_copy(update={"attempt": event.attempt + 1, "earlier_errors": earlier})
    _log(event, "answered", None, answer)
    return Outcome(
        run_id=task.run_id,
        round=task.round,
        site_id=task.site_id,
        outcome="answered",
        answer=answer,
        failure=None,
        started_at=event.started_at,
        ended_at=datetime.now(UTC),
    )


def _named(error: Exception) -> Exception:
    if isinstance(error, FORESEEN):
        return error
    return UnexpectedError(f"{type(error).__name__}: {error}")


def _log(event: CollectorEvent, outcome: str, error: str | None, answer: Answer | None) -> None:
    log_step(
        "collect",
        run_id=event.task.run_id,
        site_id=event.task.site_id,
        round=event.task.round,
        attempt=event.attempt + 1,
        outcome=outcome,
        error=error,
        latency_ms=answer.latency_ms if answer else None,
        input_tokens=answer.input_tokens if answer else None,
        output_tokens=answer.output_tokens if answer else None,
        stop_reason=answer.stop_reason if answer else None,
    )
