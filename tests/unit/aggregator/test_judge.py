"""aggregator/judge.py: what one outcome is worth, whatever was stored."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.judge import Verdict, judge, trimmed
from nightfold.answers import RAW_ANSWER_LIMIT
from nightfold.branch import COUNT_LIMIT, Outcome
from nightfold.budget import CALLS_PER_ROUND, cost_usd
from tests.support.hostile_outcomes import spoilt
from tests.support.questions import CANDIDATES
from tests.unit.examples import GOOD, answered, failed, raised


def verdict_on(outcome: Outcome) -> Verdict:
    return judge("harbour", "night", 1, outcome.model_dump_json().encode(), CANDIDATES)


def test_a_good_answer_is_accepted_with_its_candidates_and_what_it_cost() -> None:
    verdict = verdict_on(answered("night", "harbour", attempt=3, earlier_errors=["RateLimited", "Overloaded"]))
    assert (verdict.accepted, verdict.entries, verdict.reason, verdict.error) == (True, 5, None, None)
    assert [CANDIDATES.heading_of(entry) for entry in verdict.kept] == [f"Title {number}" for number in range(1, 6)]
    assert (verdict.model_calls, verdict.rate_limited, verdict.input_tokens, verdict.output_tokens) == (3, 1, 210, 190)
    assert verdict.raw_answer == GOOD, "until it is known whether there is anything new in it"


@pytest.mark.parametrize(
    ("text", "stop_reason", "error", "reason", "regenerate"),
    [
        (GOOD, "end_turn", None, None, False),
        (GOOD, "stop_sequence", None, None, False),
        (GOOD, None, None, None, False),
        (GOOD, "of tomorrow", None, None, False),
        ("no JSON", "end_turn", "SchemaViolation", "schema", True),
        ("[]", "end_turn", "SchemaViolation", "schema", True),
        ("", "end_turn", "SchemaViolation", "schema", True),
        (GOOD[:50], "max_tokens", "Truncated", "schema", True),
        (GOOD, "max_tokens", "Truncated", "schema", True),
        ("", "model_context_window_exceeded", "Truncated", "schema", True),
        ("", "refusal", "Refused", "unknown", False),
        (GOOD, "refusal", "Refused", "unknown", False),
    ],
)
def test_every_answer_has_its_verdict(
    text: str, stop_reason: str | None, error: str | None, reason: str | None, regenerate: bool
) -> None:
    verdict = verdict_on(answered("night", "harbour", text, stop_reason=stop_reason))
    assert (verdict.error, verdict.reason, verdict.regenerate) == (error, reason, regenerate)
    assert verdict.accepted == (error is None)
    assert (verdict.raw_answer is not None) == (regenerate or verdict.accepted)
    assert (verdict.model_calls, verdict.output_tokens) == (1, 190)


TWO_BEFORE = "attempt 3 after RateLimited, Overloaded: 429"
THROTTLED = "Lambda.TooManyRequestsException"


@pytest.mark.parametrize(
    ("caught", "reason", "error", "message", "calls", "limited"),
    [
        (raised("Overloaded", "attempt 3: 529"), "network", "Overloaded", "attempt 3: 529", 3, 0),
        (raised("RateLimited", TWO_BEFORE), "network", "RateLimited", TWO_BEFORE, 3, 2),
        (raised("RequestRejected", "attempt 1: 400"), "unknown", "RequestRejected", "attempt 1: 400", 1, 0),
        (raised("Sandbox.Timedout", "RequestId: 0 Error: Task timed out"), "network", "Sandbox.Timedout", None, 3, 0),
        ({"Error": "States.Timeout", "Cause": ""}, "network", "States.Timeout", "", 3, 0),
        ({"Error": "States.Timeout"}, "network", "States.Timeout", "", 3, 0),
        ({"Error": "States.Timeout", "Cause": None}, "network", "States.Timeout", "", 3, 0),
        ({"Error": THROTTLED, "Cause": "Rate Exceeded."}, "network", THROTTLED, "Rate Exceeded.", 0, 0),
        ({"Error": "Lambda.Unknown", "Cause": "exited"}, "network", "Lambda.Unknown", "exited", 3, 0),
        ({"Error": "Odd", "Cause": "two\nlines \x1b[31m"}, "unknown", "Odd", "two lines [31m", 1, 0),
        ({"Error": "Odd", "Cause": '"text"'}, "unknown", "Odd", '"text"', 1, 0),
        ({"Error": "Odd", "Cause": "[1]"}, "unknown", "Odd", "[1]", 1, 0),
        ({"Error": "Odd", "Cause": "7"}, "unknown", "Odd", "7", 1, 0),
        ({"Error": "Odd", "Cause": "null"}, "unknown", "Odd", "null", 1, 0),
        ({"Error": "Odd", "Cause": "{}"}, "unknown", "Odd", "{}", 1, 0),
        ({"Error": "Odd", "Cause": "[" * 100_000}, "unknown", "Odd", None, 1, 0),
        ({"Error": "Odd", "Cause": {"errorMessage": "x"}}, "unknown", "Odd", None, 1, 0),
        ({"Cause": "no name"}, "unknown", "UnexpectedError", "no name", 1, 0),
        ({"Error": None}, "unknown", "UnexpectedError", "", 1, 0),
        ({}, "unknown", "UnexpectedError", "", 1, 0),
        (None, "unknown", "UnexpectedError", "", 1, 0),
        ("text", "unknown", "UnexpectedError", "", 1, 0),
        ([], "network", "UnexpectedError", "", 3, 0),
        ({"Error": "x" * 500, "Cause": "y" * 5_000}, "unknown", None, None, 1, 0),
    ],
)
def test_every_failure_is_read_however_it_was_caught(
    caught: Any, reason: Any, error: str | None, message: str | None, calls: int, limited: int
) -> None:
    verdict = verdict_on(failed("night", "harbour", caught, reason=reason))
    assert (verdict.accepted, verdict.reason, verdict.regenerate) == (False, reason, False)
    assert error is None or verdict.error == error
    assert message is None or verdict.message == message
    assert (verdict.model_calls, verdict.rate_limited) == (calls, limited)
    assert len(verdict.error or "") <= 200
    assert len(verdict.message) <= 200
    assert calls <= CALLS_PER_ROUND


FINE = answered("night", "harbour").model_dump(mode="json")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (None, "the branch left no outcome"),
        (b"{", "the outcome cannot be read"),  # more of them: tests/unit/nightfold/test_stored.py
        (json.dumps(json.dumps(json.dumps(FINE))).encode(), "the outcome cannot be read"),
        (json.dumps(FINE | {"schema_version": 2}).encode(), "the outcome cannot be read"),
        (json.dumps(FINE | {"more": 1}).encode(), "the outcome cannot be read"),
        (json.dumps(FINE | {"site_id": "orchard"}).encode(), "the outcome belongs to another branch"),
        (json.dumps(FINE | {"run_id": "other"}).encode(), "the outcome belongs to another branch"),
        (json.dumps(FINE | {"round": 2}).encode(), "the outcome belongs to another branch"),
        (json.dumps(FINE | {"answer": None}).encode(), "the outcome holds neither answer nor failure"),
    ],
)
def test_what_cannot_be_read_is_unaccounted(document: bytes | None, message: str) -> None:
    verdict = judge("harbour", "night", 1, document, CANDIDATES)
    assert (verdict.error, verdict.reason, verdict.message) == ("Unaccounted", "unknown", message)
    assert verdict.model_calls == 0


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*FINE, "x"]), inner, max_size=5),
    ).map(lambda document: json.dumps(document).encode())
    | st.tuples(st.sampled_from([*FINE]), st.integers() | st.text(max_size=9) | st.none()).map(
        lambda change: json.dumps(FINE | {change[0]: change[1]}).encode()
    )
)
def test_no_document_makes_the_judge_raise(document: bytes) -> None:
    verdict = judge("harbour", "night", 1, document, CANDIDATES)
    assert verdict.site_id == "harbour"
    assert verdict.accepted == (verdict.error is None)


def test_a_lone_surrogate_in_a_raw_answer_becomes_what_a_queue_takes() -> None:
    assert trimmed("a\ud800b") == "a\ufffdb"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.integers(1, 3_000))
def test_a_raw_answer_is_trimmed_to_fit_and_not_further_than_needed(words: str, times: int) -> None:
    text = words * times
    kept = trimmed(text)
    assert len(json.dumps(kept)) <= RAW_ANSWER_LIMIT
    assert text.startswith(kept)
    kept.encode()
    assert kept == text or len(json.dumps(kept)) > RAW_ANSWER_LIMIT * 0.6


@given(spoilt(answered("night", "harbour")) | spoilt(failed("night", "harbour", raised("Overloaded", "529"))))
def test_a_stored_outcome_with_any_figures_is_judged_and_can_be_added_up(document: bytes) -> None:
    judgement = judge("harbour", "night", 1, document, CANDIDATES)
    for tokens in (judgement.input_tokens, judgement.output_tokens):
        assert 0 <= tokens <= COUNT_LIMIT
    assert 0 <= judgement.model_calls <= 3
    assert 0 <= judgement.rate_limited <= 20
    assert len(judgement.message) <= 200
    assert (cost_usd("claude-sonnet-5-5", judgement.input_tokens * 10_000, judgement.output_tokens * 10_000) or 0) >= 0


@pytest.mark.parametrize("tokens", [int("9" * 400), -(10**9), float("inf"), "many"])
def test_an_answer_is_kept_whatever_its_tokens_are(tokens: object) -> None:
    document = answered("night", "harbour").model_dump(mode="json")
    document["answer"]["input_tokens"] = tokens
    judgement = judge("harbour", "night", 1, json.dumps(document).encode(), CANDIDATES)
    assert judgement.accepted
    assert judgement.input_tokens in (0, COUNT_LIMIT)
