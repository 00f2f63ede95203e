"""The settings of a request in collector/claude.py: a model's own, and the schema of a structured question."""

import json
from dataclasses import replace
from typing import Annotated, Any, Literal

import pytest
from anthropic.types import OutputConfigParam
from pydantic import BaseModel, Field, TypeAdapter

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


RECIPES = Question(entry=Recipe, noun="recipe", heading="name", text="note", structured=True)
STRUCTURED = [RECIPES, *(replace(question, structured=True) for question in (CANDIDATES, REFRESH))]


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
