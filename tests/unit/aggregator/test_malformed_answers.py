"""The corpus: every answer gets its verdict, from the contract and from the judge."""

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from aggregator.judge import judge
from collector.claude import _Message, _text
from nightfold.answers import RAW_ANSWER_LIMIT, Violation, read_entries
from tests.support.effort import steps
from tests.support.questions import CANDIDATES
from tests.unit.aggregator.malformed_answers import ANSWERS, many
from tests.unit.examples import answered

VERDICTS = [pytest.param(text, expected, id=name) for name, (text, expected) in ANSWERS.items()]


def test_the_corpus_is_large_and_knows_both_verdicts() -> None:
    accepted = sum(isinstance(expected, int) for _, expected in ANSWERS.values())
    assert len(ANSWERS) >= 150
    assert accepted >= 30
    assert len(ANSWERS) - accepted >= 100


read_entries('[{"title": "T", "angle": "a"}]', CANDIDATES)  # the contract is compiled once


@pytest.fixture(autouse=True)
def no_endless_matching() -> Iterator[None]:
    """The steps of a regular expression cannot be counted, but a runaway one on 1 MB never returns. A hang
    detector and no measurement: 20 s of this process's own time, of which the slowest answer takes a hundredth of one.
    """

    def give_up(*_: Any) -> None:
        pytest.fail("a pattern goes through the answer again and again")

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, 20)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize(("text", "expected"), VERDICTS)
def test_an_answer_meets_the_contract_in_steps_that_grow_with_its_length(text: str, expected: int | str) -> None:
    with steps() as taken:
        try:
            result: int | str = len(read_entries(text, CANDIDATES))
        except Violation as violation:
            result = str(violation)
    assert result == expected if isinstance(expected, int) else expected in str(result)
    assert 0 < taken.count < 1_000 + 10 * len(text)


@pytest.mark.parametrize(("text", "expected"), VERDICTS)
def test_an_answer_is_judged_the_same_after_its_way_through_collector_and_state_machine(
    text: str, expected: int | str
) -> None:
    sent = _text(_Message(content=[{"type": "text", "text": text}]))
    outcome = answered("night", "harbour", sent).model_dump_json()
    assert len(json.dumps(outcome)) < 262_144  # the Body of StoreOutcome: JSON in JSON
    verdict = judge("harbour", "night", 1, json.dumps(outcome).encode(), CANDIDATES)
    if isinstance(expected, int):
        assert verdict.accepted
        assert verdict.entries == expected
    else:
        assert (verdict.error, verdict.reason) == ("SchemaViolation", "schema")
        assert 0 < len(verdict.message) <= 500
        assert len(json.dumps(verdict.raw_answer)) <= RAW_ANSWER_LIMIT


@pytest.mark.parametrize("length", range(1, len(many(2)), 3))
def test_an_answer_that_is_cut_anywhere_is_a_violation(length: int) -> None:
    with pytest.raises(Violation, match="not one JSON array"):
        read_entries(many(2)[:length], CANDIDATES)
