"""The settings of a request in collector/claude.py: a model's own, and the schema of a structured question."""

import json
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest
from anthropic import transform_schema
from anthropic.types import OutputConfigParam
from pydantic import BaseModel, Field, TypeAdapter, create_model

from collector.claude import SETTINGS, settings_for
from infra.messages_api.messages_request import parse_request
from nightfold.question import Entry, Line, Question, Text
from tests.support.questions import CANDIDATES, REFRESH


class Step(BaseModel):
    what: Line
    minutes: Annotated[int, Field(ge=5, le=60)]


class Recipe(Entry):
    name: Line
    steps: Annotated[list[Step], Field(min_length=2, max_length=9)]
    rating: Annotated[float, Field(ge=0, le=5)]
    season: Literal["spring", "autumn"]
    note: Text | None = None


class Tree(BaseModel):
    children: "list[Tree]"


class Place(TypedDict):
    street: str
    house: NotRequired[int]


def structured(kind: Any) -> Question:
    """A question whose entries have the field `more` of that type."""
    entry = create_model("Talk", __base__=Entry, title=(Line, ...), more=(kind, ...))
    return Question(entry=entry, noun="talk", heading="title", text="title", structured=True)


KINDS = [
    str,
    int | None,
    date,
    list[str],
    tuple[int, ...],
    Step,
    list[Step],
    Place,
    Step | Place,
    Literal["a", 1],
    bool,
]
RECIPES = Question(entry=Recipe, noun="recipe", heading="name", text="note", structured=True)
STRUCTURED = [RECIPES, *(replace(question, structured=True) for question in (CANDIDATES, REFRESH))]
STRUCTURED += [structured(kind) for kind in KINDS]


@pytest.mark.parametrize("model", [*SETTINGS, "claude-of-tomorrow"])
def test_a_question_is_not_structured_unless_it_says_so(model: str) -> None:
    assert settings_for(model, CANDIDATES) == SETTINGS.get(model, {})


@pytest.mark.parametrize("question", STRUCTURED)
@pytest.mark.parametrize("model", [*SETTINGS, "claude-of-tomorrow"])
def test_a_schema_is_added_to_the_models_own_settings_as_the_api_takes_it(model: str, question: Question) -> None:
    settings = settings_for(model, question)
    TypeAdapter(OutputConfigParam).validate_python(settings["output_config"])
    own = {name: value for name, value in settings["output_config"].items() if name != "format"}
    assert settings | {"output_config": own} == {"output_config": {}} | SETTINGS.get(model, {})
    body: dict[str, Any] = {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "Site: harbour"}]}
    headers = {"authorization": "Bearer sk-any", "anthropic-version": "2026-10-21"}
    assert parse_request("POST", "/v1/messages", headers, json.dumps(body | settings).encode()).structured


@pytest.mark.parametrize("kind", [Any, object, list, list[Any], Any | None, list[list[object]], tuple[Any, ...]])
def test_a_field_that_may_be_anything_is_refused_where_the_sdk_refuses_it(kind: Any) -> None:
    with pytest.raises(ValueError, match=r"^structured: more may be anything, and the schema"):
        structured(kind)
    entry = create_model("Talk", title=(Line, ...), more=(kind, ...))
    with pytest.raises(ValueError, match="Schema must have a 'type'"):
        transform_schema(entry)


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (dict[str, int], "more may have any keys"),
        (list[dict[str, Any]], "more may have any keys"),
        (Tree, "children holds itself"),
        (list[Tree] | None, "children holds itself"),
    ],
)
def test_what_the_api_has_no_schema_for_is_refused_before_any_call(kind: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^structured: {complaint}"):
        structured(kind)


@pytest.mark.parametrize("question", STRUCTURED)
def test_the_schema_of_a_structured_question_is_counted_with_its_prompt(question: Question) -> None:
    sent = settings_for("any", question)["output_config"]["format"]["schema"]
    counted = question.prompt_tokens({}) - replace(question, structured=False).prompt_tokens({})
    assert len(json.dumps(sent)) / 3 < counted  # JSON has more than three bytes a token
