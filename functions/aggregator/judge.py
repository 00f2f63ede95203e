"""Judges one outcome. This is the only place where an answer of Claude is checked against the contract."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from nightfold.answers import RAW_ANSWER_LIMIT, Violation, read_entries
from nightfold.branch import Answer, Failure
from nightfold.budget import CALLS_PER_ROUND
from nightfold.errors import PATIENT, Reason
from nightfold.failure_message import calls_made, read_caught
from nightfold.question import VIOLATION_LIMIT, Entry, Question
from nightfold.stored import read_outcome
from nightfold.text import one_line
from nightfold.waves import Stop

CUT = {"max_tokens", "model_context_window_exceeded"}
RAW_ANSWERS = 20_000_000  # bytes of raw answers in all the misses of a run; S3 has the whole answers


@dataclass(frozen=True)
class Verdict:
    """The verdict on one site after one round."""

    site_id: str
    entries: int = 0
    kept: tuple[Entry, ...] = ()  # only until they are stored
    repeated: tuple[str, ...] = ()  # headings offered before: kept without a memory, or all there were
    memory_readable: bool = True  # whether it is known what the site was offered before
    reason: Reason | None = None
    error: str | None = None
    message: str = ""
    attempted: bool = True  # whether the run asked Claude at all: only then is it an attempt, and attempts park a miss
    raw_answer: str | None = None  # of a rejected answer, trimmed to fit into a miss
    model_calls: int = 0
    rate_limited: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    ended_at: datetime | None = None  # of the branch, if its outcome has it

    @property
    def accepted(self) -> bool:
        return self.error is None

    @property
    def regenerate(self) -> bool:
        """Only broken answers get round 2: a refusal would be refused again, and failed calls were already retried."""
        return self.reason == "schema"


def raw_answer_limit(sites: int) -> int:
    """How many bytes of a rejected answer each of a run's `sites` may keep in memory and in its miss."""
    return min(RAW_ANSWER_LIMIT, RAW_ANSWERS // max(sites, 1))


def judge(
    site_id: str,
    run_id: str,
    round_: int,
    document: bytes | None,
    question: Question,
    limit: int = RAW_ANSWER_LIMIT,
) -> Verdict:
    """The verdict on the outcome of `site_id`, as it was stored. Raises nothing, whatever the document is. `limit`: the
    bytes of an answer that are kept, if it is rejected."""
    if document is None:
        return unaccounted(site_id, "the branch left no outcome")
    outcome = read_outcome(document)
    if outcome is None:
        return unaccounted(site_id, "the outcome cannot be read")
    if (outcome.site_id, outcome.run_id, outcome.round) != (site_id, run_id, round_):
        return unaccounted(site_id, "the outcome belongs to another branch")
    if outcome.answer is not None:
        return replace(_judge_answer(site_id, outcome.answer, question, limit), ended_at=outcome.ended_at)
    if outcome.failure is not None:
        return replace(_judge_failure(site_id, outcome.failure), ended_at=outcome.ended_at)
    return unaccounted(site_id, "the outcome holds neither answer nor failure")


def unaccounted(site_id: str, message: str) -> Verdict:
    """The verdict on a planned site that has no usable outcome."""
    return Verdict(site_id, reason="unknown", error="Unaccounted", message=message)


def not_attempted(site_id: str, stop: Stop | None) -> Verdict:
    """The verdict on a site for which no wave began. `stop`: why, if the run itself decided that."""
    message = stop.message if stop is not None else "the run ended before its turn came"
    reason = stop.reason if stop is not None else "network"
    return Verdict(site_id, reason=reason, error="NotAttempted", message=one_line(message, 500), attempted=False)


def _judge_answer(site_id: str, answer: Answer, question: Question, limit: int) -> Verdict:
    paid: dict[str, Any] = {
        "model_calls": min(calls_made(answer.attempt, answer.earlier_errors), CALLS_PER_ROUND),
        "rate_limited": answer.earlier_errors.count("RateLimited"),
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
    }
    if answer.stop_reason == "refusal":
        return Verdict(site_id, reason="unknown", error="Refused", message="Claude refused to answer", **paid)
    rejected: dict[str, Any] = {"reason": "schema", "raw_answer": trimmed(answer.text, limit), **paid}
    if answer.stop_reason in CUT:
        return Verdict(
            site_id,
            error="Truncated",
            message=f"the answer was cut after {answer.output_tokens} tokens (stop_reason {answer.stop_reason})",
            **rejected,
        )
    try:
        entries = read_entries(answer.text, question)
    except Violation as violation:
        return Verdict(site_id, error="SchemaViolation", message=one_line(str(violation), VIOLATION_LIMIT), **rejected)
    # With its raw answer, because the memory may still reject it.
    return Verdict(site_id, entries=len(entries), kept=tuple(entries), raw_answer=rejected["raw_answer"], **paid)


def _judge_failure(site_id: str, failure: Failure) -> Verdict:
    caught = read_caught(failure.caught)
    errors = [*caught.earlier_errors, caught.error]
    if caught.attempt is None:
        # Lambda's own errors usually made no call; a function that was cut off did, each time the machine tried.
        calls = 0 if caught.error in PATIENT else CALLS_PER_ROUND if failure.reason == "network" else 1
    else:
        calls = calls_made(caught.attempt, errors)
    return Verdict(
        site_id,
        reason=failure.reason,
        error=caught.error,
        message=caught.message,
        model_calls=min(calls, CALLS_PER_ROUND),
        rate_limited=errors.count("RateLimited"),
    )


def trimmed(text: str, limit: int = RAW_ANSWER_LIMIT) -> str:
    """`text`, cut until it fits into a miss (`limit`: bytes of JSON); without lone surrogates, which no queue takes."""
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    while (length := len(json.dumps(text))) > limit:
        text = text[: len(text) * limit // length - 1]
    return text
