"""nightfold/answers.py: the forms of an answer. (What is in them: tests/unit/aggregator/test_malformed_answers.py.)"""

import json
from dataclasses import replace

import pytest

from nightfold.answers import Violation, answer_schema, read_entries
from tests.support.questions import CANDIDATES

STRUCTURED = replace(CANDIDATES, structured=True)
ENTRIES = [{"title": "T", "angle": "A"}]


def test_a_structured_answer_is_an_object_that_holds_the_array() -> None:
    assert read_entries(json.dumps({"entries": ENTRIES}), STRUCTURED) == read_entries(json.dumps(ENTRIES), CANDIDATES)
    schema = answer_schema(CANDIDATES.entry)
    assert (schema["type"], schema["required"]) == ("object", ["entries"])


def test_only_a_structured_question_takes_that_form() -> None:
    with pytest.raises(Violation, match="not an array"):
        read_entries(json.dumps({"entries": ENTRIES}), CANDIDATES)
    assert len(read_entries(json.dumps(ENTRIES), STRUCTURED)) == 1


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ({"entries": []}, "at least 1 item"),
        ({"entries": ENTRIES, "note": "x"}, "not an array"),
        ({"entries": {}}, "not an array"),
        ({"entries": [{"title": "T" * 201, "angle": "A"}]}, "candidate 1, title"),
        ({}, "not an array"),
    ],
)
def test_what_follows_the_schema_still_has_to_keep_the_contract(answer: object, complaint: str) -> None:
    with pytest.raises(Violation, match=complaint):
        read_entries(json.dumps(answer), STRUCTURED)
