"""infra/messages_api/simulated_values.py: the simulated API answers any question, whatever its entry is made of."""

import json
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from infra.messages_api.simulated_values import value
from nightfold.answers import read_entries
from nightfold.question import Entry, Line, Question, Text


class Weight(StrEnum):
    LIGHT = "light"
    HEAVY = "heavy"


class Step(BaseModel):
    what: Line
    minutes: Annotated[int, Field(ge=5, le=7)]


class Branch(BaseModel):
    name: Line
    below: "list[Branch]" = Field(default_factory=list)
    beside: "Branch | None" = None


class Numbers(Entry):
    title: Line
    some: int
    bounded: Annotated[int, Field(ge=3, le=4)]
    below: Annotated[int, Field(lt=0)]
    above: Annotated[int, Field(gt=-3)]
    tens: Annotated[int, Field(ge=11, multiple_of=10)]
    share: Annotated[float, Field(ge=0, le=1)]
    strict_share: Annotated[float, Field(gt=0.5, lt=0.6)]
    loss: Annotated[float, Field(le=-2.5)]
    sure: bool


class Texts(Entry):
    title: Line
    text: Text
    short: Annotated[str, Field(max_length=3)]
    long: Annotated[str, Field(min_length=300)]
    exact: Annotated[str, Field(min_length=12, max_length=12)]
    effort: Literal["small", "large"]
    only: Literal["this"]
    weight: Weight
    when: date


class Nested(Entry):
    title: Line
    first: Step
    steps: list[Step]
    three: Annotated[list[Line], Field(min_length=3)]
    one: Annotated[list[int], Field(max_length=1)]
    pair: tuple[int, str]
    tree: Branch
    maybe: Line | None = None
    or_none: Annotated[Step | None, Field(default=None)]
    more: dict[str, int] = Field(default_factory=dict)


@pytest.mark.parametrize("entry", [Numbers, Texts, Nested])
@given(number=st.integers(0, 1_000))
def test_a_value_of_any_entry_keeps_its_own_contract(entry: type[Entry], number: int) -> None:

    schema = entry.model_json_schema()
    made = value(schema, schema, number)
    assert made.keys() == entry.model_fields.keys()
    question = Question(entry=entry, noun="thing", heading="title", text="title")
    assert len(read_entries(json.dumps([made]), question)) == 1


def test_values_vary_with_their_number() -> None:
    schema = Numbers.model_json_schema()
    assert len({str(value(schema, schema, number)) for number in range(10)}) > 4
