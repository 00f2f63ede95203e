import json
from random import Random

import pytest

from infra.messages_api.messages_request import MessagesRequest
from infra.messages_api.scenario import Step
from infra.messages_api.simulated_claude import answer, wanted


def request(prompt: str = "Site: harbour", max_tokens: int = 1_024) -> MessagesRequest:
    return MessagesRequest("claude-sonnet-5-5", max_tokens, system="", question=prompt, input_tokens=10)


@pytest.mark.parametrize(
    ("prompt", "number"),
    [
        ("Propose exactly 7 article candidates", 7),
        ("a JSON array of three objects", 3),
        ("five ideas, each 80 characters", 5),
        ("99 candidates", 50),
        ("some candidates", 5),
    ],
)
def test_the_prompt_sets_the_number_of_candidates(prompt: str, number: int) -> None:
    assert wanted(request(prompt)) == number
    made = answer(Step(do="ok"), request(prompt, 8_192), site="a", number=1, rng=Random(0))
    candidates = json.loads(made.message["content"][0]["text"])
    assert len({candidate["title"] for candidate in candidates}) == number


def test_five_candidates_fit_into_the_smallest_token_budget() -> None:
    for seed in range(200):
        prompt = f"Site: north-harbour\nAbout the site: {'container platforms, energy budgets of programs; ' * 9}"
        made = answer(Step(do="fenced"), request(prompt, 256), site="north-harbour", number=1, rng=Random(seed))
        assert made.message["stop_reason"] == "end_turn"


def test_thinking_uses_its_tokens_before_the_text() -> None:
    made = answer(Step(do="thinking_first"), request(max_tokens=30), site="a", number=1, rng=Random(0))
    assert [block["type"] for block in made.message["content"]] == ["thinking", "text"]
    assert (made.message["stop_reason"], made.output_tokens) == ("max_tokens", 30)
    assert len(made.message["content"][1]["text"]) < 40
