"""collector/collect.py and collector/attempts.py, with plain callables in Claude's place."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collector import attempts
from collector.collect import FORESEEN, Ask, collect
from collector.prompt import Prompt
from nightfold.branch import Answer, CollectorEvent, SiteTask
from nightfold.errors import KeyUnavailable, NetworkError, Overloaded, RateLimited, UnexpectedError
from nightfold.failure_message import read_attempt, split_calls
from nightfold.settings import RunConfiguration
from nightfold.text import MESSAGE_LIMIT
from tests.support.questions import CANDIDATES
from tests.unit.examples import STARTED, answer, site

MARKER = "MARKER-c0ffee"


def event(attempt: int = 0, site_id: str = "harbour", round_: int = 1, violation: str | None = None) -> CollectorEvent:
    about = site(site_id, brief=f"About {MARKER}.")
    task = SiteTask.for_site(about, "run", round_, RunConfiguration(), 1_024, CANDIDATES, violation=violation)
    return CollectorEvent(task=task, attempt=attempt)


def raising(error: BaseException) -> Ask:
    def ask(_: SiteTask, __: Prompt) -> Answer:
        raise error

    return ask


def failed(error: Exception, attempt: int = 0, **changes: Any) -> str:
    """The message of a call that failed."""
    with pytest.raises(type(error)) as raised:
        collect(event(attempt).model_copy(update=changes), raising(error))
    return str(raised.value)


def fine(_: SiteTask, __: Prompt) -> Answer:
    return answer(f"[{MARKER}]")


def log_lines(text: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if "step" in line]


def test_an_answer_becomes_an_outcome_untouched() -> None:
    outcome = collect(event(), fine)
    assert (outcome.run_id, outcome.round, outcome.site_id, outcome.outcome) == ("run", 1, "harbour", "answered")
    assert outcome.answer == answer(f"[{MARKER}]")
    assert outcome.failure is None


def test_an_outcome_knows_since_when_the_branch_ran_and_when_its_call_ended() -> None:
    before = datetime.now(UTC)
    outcome = collect(event().model_copy(update={"started_at": STARTED}), fine)
    assert outcome.started_at == STARTED
    assert outcome.ended_at is not None
    assert before <= outcome.ended_at <= datetime.now(UTC)


def test_claude_is_asked_once_with_the_task_and_its_prompt() -> None:
    asked: list[tuple[SiteTask, Prompt]] = []

    def ask(task: SiteTask, prompt: Prompt) -> Answer:
        asked.append((task, prompt))
        return answer("no JSON at all")  # which is none of the collector's business

    assert collect(event(), ask).outcome == "answered"
    ((task, prompt),) = asked
    assert task == event().task
    assert MARKER in prompt.user


@pytest.mark.parametrize("error", FORESEEN)
def test_a_foreseen_error_keeps_its_name_and_gets_one_short_line(error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        collect(event(), raising(error("two\nlines " + "x" * 1_000)))
    assert type(raised.value) is error
    assert len(str(raised.value)) <= MESSAGE_LIMIT
    assert str(raised.value).startswith("attempt 1: two lines x")
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("error", [KeyError("title"), RecursionError("too deep"), MemoryError(), Exception()])
def test_an_unforeseen_error_is_wrapped_and_its_frames_are_logged(error: Exception, printed: Callable[[], str]) -> None:
    with pytest.raises(UnexpectedError) as raised:
        collect(event(), raising(error))
    assert f"attempt 1: {type(error).__name__}" in str(raised.value)
    assert raised.value.__suppress_context__
    traceback, line = log_lines(printed())
    assert traceback["exception"] == type(error).__name__
    assert any("test_collect.py" in frame for frame in traceback["frames"])
    assert line["error"] == "UnexpectedError"


def test_the_end_of_the_process_is_no_error_of_the_branch() -> None:
    with pytest.raises(KeyboardInterrupt):
        collect(event(), raising(KeyboardInterrupt()))


def test_success_and_failure_log_one_line_with_the_same_keys(printed: Callable[[], str]) -> None:
    collect(event(), fine)
    (success,) = log_lines(printed())
    failed(Overloaded("529"), attempt=1)
    (failure,) = log_lines(printed())
    assert success.keys() == failure.keys()
    expected = {
        "step": "collect",
        "run_id": "run",
        "site_id": "harbour",
        "round": 1,
        "attempt": 1,
        "outcome": "answered",
        "error": None,
        "latency_ms": 3_104,
        "input_tokens": 210,
        "output_tokens": 190,
        "stop_reason": "end_turn",
    }
    assert success | expected == success
    assert (failure["outcome"], failure["error"], failure["attempt"]) == ("failed", "Overloaded", 2)


@pytest.mark.parametrize(
    "ask",
    [
        fine,
        raising(RateLimited(f"429 {MARKER}")),
        raising(NetworkError(MARKER)),
        raising(ValueError(f"cannot read {MARKER}")),
    ],
)
def test_no_text_of_prompt_or_answer_is_logged(ask: Ask, printed: Callable[[], str]) -> None:
    with suppress(RateLimited, NetworkError, UnexpectedError):
        collect(event(violation=f"wrong: {MARKER}", round_=2), ask)
    text = printed()
    assert log_lines(text)
    assert MARKER not in text


def test_every_429_is_counted_and_nothing_else_is(printed: Callable[[], str]) -> None:
    failed(RateLimited("429"))
    failed(Overloaded("529"))
    metrics = [line for line in map(json.loads, printed().splitlines()) if "_aws" in line]
    assert [metric["RateLimited"] for metric in metrics] == [[1.0]]
    assert metrics[0]["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Nightfold"


def test_an_answer_after_failures_knows_how_they_ended() -> None:
    failed(RateLimited("429"))
    failed(Overloaded("529"), attempt=1)
    outcome = collect(event(attempt=2), fine)
    assert outcome.answer is not None
    assert (outcome.answer.attempt, outcome.answer.earlier_errors) == (3, ["RateLimited", "Overloaded"])


def test_the_last_failure_names_how_the_earlier_ones_ended() -> None:
    failed(RateLimited("429"))
    failed(Overloaded("529"), attempt=1)
    message = failed(NetworkError("reset"), attempt=2)
    assert message == "attempt 3 after RateLimited, Overloaded: reset"
    assert read_attempt(message) == (3, ["RateLimited", "Overloaded"])


def test_another_branch_and_another_round_remember_nothing() -> None:
    failed(RateLimited("429"))
    for other in (event(1, "orchard"), event(1, round_=2)):
        outcome = collect(other, fine)
        assert outcome.answer is not None
        assert outcome.answer.earlier_errors == []


def test_a_first_attempt_forgets_what_an_earlier_execution_met() -> None:
    failed(RateLimited("429"))
    assert failed(Overloaded("529")) == "attempt 1: 529"


def test_memory_is_bounded() -> None:
    for number in range(attempts._BRANCHES_KEPT + 10):
        attempts.record_failure(
            event(site_id="harbour").task.model_copy(update={"site_id": f"s{number}"}), 0, "RateLimited"
        )
    assert len(attempts._earlier) == attempts._BRANCHES_KEPT


def test_calls_are_timed_from_the_start_of_the_branch_in_answers_and_failures() -> None:
    began = datetime.now(UTC)
    messages = [split_calls(failed(Overloaded("no"), attempt, started_at=began)) for attempt in range(2)]
    assert messages[1][0] == "attempt 2 after Overloaded: no"
    assert [len(times) for _, times in messages] == [1, 2]
    outcome = collect(event(2).model_copy(update={"started_at": began}), fine)
    assert outcome.answer is not None
    assert outcome.answer.calls[:2] == messages[1][1]
    assert all(0 <= since <= until < 60 for since, until in outcome.answer.calls)


def test_an_attempt_without_a_key_is_not_a_call_that_was_made() -> None:
    began = datetime.now(UTC) - timedelta(seconds=999)
    messages = [
        failed(KeyUnavailable("the API key could not be read"), attempt, started_at=began) for attempt in range(6)
    ]
    messages += [failed(RateLimited("429"), attempt, started_at=began) for attempt in (6, 7, 8)]
    assert [len(split_calls(message)[1]) for message in messages] == [0] * 6 + [1, 2, 3]
    assert read_attempt(messages[-1]) == (9, ["KeyUnavailable"] * 6 + ["RateLimited"] * 2)


def test_a_branch_that_began_before_the_clock_was_set_back_took_no_negative_time() -> None:
    outcome = collect(event().model_copy(update={"started_at": datetime.now(UTC) + timedelta(hours=1)}), fine)
    assert outcome.answer is not None
    assert outcome.answer.calls == [(0, 0)]
