"""CollectSite: asks Claude once about one site. The aggregator judges the answer."""

import traceback
from collections.abc import Callable
from datetime import UTC, datetime

from collector.attempts import Call, earlier_calls, earlier_errors, record_failure
from collector.prompt import Prompt, prompt_for
from nightfold import errors
from nightfold.branch import Answer, CollectorEvent, Outcome, SiteTask
from nightfold.errors import PATIENT, RateLimited, UnexpectedError
from nightfold.failure_message import with_attempt, with_calls
from nightfold.observability import count, log_step, log_traceback

Ask = Callable[[SiteTask, Prompt], Answer]

FORESEEN: tuple[type[Exception], ...] = tuple(
    getattr(errors, name) for name, handling in errors.BRANCH_ERRORS.items() if handling.named_by == "collector"
)


def collect(event: CollectorEvent, ask: Ask) -> Outcome:
    """The outcome of one call. Raises one of nightfold.errors, by whose name the state machine routes it."""
    task = event.task
    earlier, calls = earlier_errors(task, event.attempt), earlier_calls(task, event.attempt)
    began = datetime.now(UTC)
    try:
        answer = ask(task, prompt_for(task))
    except Exception as error:
        failure = _named(error)
        name = type(failure).__name__
        call = [] if name in PATIENT else _call(event, began)
        record_failure(task, event.attempt, name, *call)
        if isinstance(failure, RateLimited):
            count(RateLimited=1)
        if isinstance(failure, UnexpectedError):
            frames = [
                f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
            ]
            log_traceback("collect", frames, run_id=task.run_id, site_id=task.site_id, exception=type(error).__name__)
        _log(event, "failed", name, None)
        message = with_attempt(str(failure), event.attempt + 1, earlier)
        raise type(failure)(with_calls(message, [*calls, *call])) from None
    answer = answer.model_copy(
        update={"attempt": event.attempt + 1, "earlier_errors": earlier, "calls": [*calls, *_call(event, began)]}
    )
    _log(event, "answered", None, answer)
    return Outcome(
        run_id=task.run_id,
        round=task.round,
        site_id=task.site_id,
        question=task.question,
        outcome="answered",
        answer=answer,
        failure=None,
        started_at=event.started_at,
        ended_at=datetime.now(UTC),
    )


def _call(event: CollectorEvent, began: datetime) -> list[Call]:
    """When the call was made that has just ended; empty if the start of its branch is not known."""
    if event.started_at is None:
        return []
    now = datetime.now(UTC)
    # Step Functions' clock and this one's may differ a little.
    times = [max(round((moment - event.started_at).total_seconds(), 2), 0.0) for moment in (began, now)]
    return [(times[0], times[1])]


def _named(error: Exception) -> Exception:
    if isinstance(error, FORESEEN):
        return error
    return UnexpectedError(type(error).__name__)  # never its text: it may quote a request, with the key in it


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
