"""nightfold/complaints.py: what is wrong with an input, in the user's words."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nightfold.complaints import complaints, did_you_mean, nearest


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    whole: Annotated[int, Field(ge=1, le=1_000)] = 1
    number: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    text: Annotated[str, Field(max_length=1_000, pattern="^[a-z]*$")] = ""
    mode: Literal["collect", "redrive"] = "collect"
    several: Annotated[list[int], Field(min_length=1, max_length=2)] = [1]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"whole": 0}, "whole: must be at least 1, not 0"),
        ({"whole": 1_001}, "whole: must be at most 1,000, not 1001"),
        ({"whole": "four"}, 'whole: must be a whole number, not "four"'),
        ({"whole": 2.5}, "whole: must be a whole number, not 2.5"),
        ({"whole": True}, "whole: must be a whole number, not true"),
        ({"whole": None}, "whole: must be a whole number, not null"),
        ({"number": 0.0}, "number: must be more than 0.0, not 0.0"),
        ({"number": float("nan")}, "number: must be a number, not NaN"),
        ({"text": 7}, "text: must be a text, not 7"),
        ({"text": "\ud800"}, 'text: must be valid Unicode, not "\\ud800"'),
        ({"text": "x" * 1_001}, "text: must have at most 1,000 characters, not 1,001"),
        ({"text": "A\x1b[2J"}, 'text: must match ^[a-z]*$, not "A\\u001b[2J"'),
        ({"mode": "colect"}, "mode: must be 'collect' or 'redrive', not \"colect\""),
        ({"several": "1"}, 'several: must be a JSON array, not "1"'),
        ({"several": []}, "several: must have at least 1 entry"),
        ({"several": [1, 2, 3]}, "several: must have at most 2 entries"),
        ({"several": [1, {}]}, "several.1: must be a whole number"),
        ({"txet": ""}, "txet: is not a known key, did you mean 'text'?; known are whole, number, text, mode, several"),
        ([], "must be a JSON object"),
    ],
)
def test_a_complaint_speaks_of_json_and_shows_what_was_given(given: Any, words: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Order.model_validate(given)
    assert complaints(raised.value, known=[*Order.model_fields]).removeprefix(": ") == words


def test_only_a_near_word_is_suggested_and_the_nearest_one_is_always_known() -> None:
    assert did_you_mean("harbor", ["orchard", "harbour"]) == ", did you mean 'harbour'?"
    assert did_you_mean("zebra", ["orchard", "harbour"]) == ""
    assert nearest("zebra", ["orchard", "harbour"]) in {"orchard", "harbour"}
    assert nearest("zebra", []) is None
