"""nightfold/answers.py: the forms of an answer. (What is in them: tests/unit/aggregator/test_malformed_answers.py.)"""

import json
from dataclasses import replace
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator

from nightfold.answers import Violation, read_entries
from nightfold.question import Entry, Line, Question
from tests.support.questions import CANDIDATES

STRUCTURED = replace(CANDIDATES, structured=True)
ENTRIES = [{"title": "T", "angle": "A"}]


def test_a_structured_answer_is_an_object_that_holds_the_array() -> None:
    assert read_entries(json.dumps({"entries": ENTRIES}), STRUCTURED) == read_entries(json.dumps(ENTRIES), CANDIDATES)
    assert (STRUCTURED.schema["type"], STRUCTURED.schema["required"]) == ("object", ["entries"])


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


class Loose(Entry):
    title: Line
    score: Annotated[str, AfterValidator(lambda text: text.split("/")[1])] = "1/2"
    more: Any = None


@pytest.mark.parametrize(
    "fields",
    [
        '"score": "none"',
        '"more": "\\ud800"',
        '"more": {"\\ud800": 1}',
        f'"more": {"[" * 400}{"]" * 400}',
    ],
    ids=["a check that fails", "half a character", "half a character as a key", "too deep to be stored"],
)
def test_an_entry_that_cannot_be_checked_or_stored_costs_only_its_own_answer(fields: str) -> None:
    loose = Question(entry=Loose, noun="entry", heading="title", text="score")
    with pytest.raises(Violation, match="an entry cannot be checked or stored: "):
        read_entries(f'[{{"title": "T", {fields}}}]', loose)
