"""nightfold/settings.py"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nightfold.budget import (
    MAX_TOKENS_CEILING,
    MAX_TOKENS_FLOOR,
    PRICES,
    cost_usd,
    nearest_model,
    regeneration_branches,
    share,
    tokens_floor,
)
from nightfold.errors import InvalidInput
from nightfold.settings import FunctionSettings, RunConfiguration


@pytest.mark.parametrize(
    ("budget", "branches", "tokens"),
    [
        (4_096, 1, 4_096),
        (4_096, 2, 2_048),
        (4_096, 3, 1_365),
        (4_096, 4, 1_024),
        (4_096, 8, 512),
        (4_096, 16, MAX_TOKENS_FLOOR),
        (8_192, 1, MAX_TOKENS_CEILING),
        (100_000, 2, MAX_TOKENS_CEILING),
        (8_192_000, 1_000, MAX_TOKENS_CEILING),
    ],
)
def test_the_budget_of_one_moment_is_shared(budget: int, branches: int, tokens: int) -> None:
    assert share(budget, branches) == tokens


@pytest.mark.parametrize(("entries", "floor"), [(1, 256), (5, 256), (6, 308), (10, 512), (20, 1_024)])
def test_the_floor_grows_with_the_number_of_entries(entries: int, floor: int) -> None:
    assert tokens_floor(entries) == floor
    assert share(16 * floor, 16, entries) == floor
    with pytest.raises(InvalidInput, match=f"under the floor of {floor:,} for {entries} entries"):
        share(16 * floor - 1, 16, entries)


def test_where_no_concurrency_would_do_only_the_budget_is_suggested() -> None:
    with pytest.raises(InvalidInput, match=r"set output_token_budget to at least 1,024$"):
        share(600, 1, 20)


@given(st.integers(MAX_TOKENS_FLOOR, 8_192_000), st.integers(1, 1_000))
def test_a_share_is_within_floor_and_ceiling_and_all_shares_within_the_budget(budget: int, branches: int) -> None:
    try:
        tokens = share(budget, branches)
    except InvalidInput:
        assert budget < branches * MAX_TOKENS_FLOOR
    else:
        assert MAX_TOKENS_FLOOR <= tokens <= MAX_TOKENS_CEILING
        assert tokens * branches <= budget


@pytest.mark.parametrize(
    ("rejected", "round_1", "truncated", "branches"),
    [
        (1, 4, False, 1),
        (4, 4, False, 4),
        (9, 4, False, 4),
        (1, 4, True, 1),
        (4, 4, True, 2),
        (9, 4, True, 2),
        (3, 3, True, 1),
        (1, 1, True, 1),
        (1, 1, False, 1),
    ],
)
def test_round_2_runs_fewer_branches_and_half_as_many_after_a_cut(
    rejected: int, round_1: int, truncated: bool, branches: int
) -> None:
    assert regeneration_branches(rejected, round_1, truncated=truncated) == branches


@given(st.integers(1, 10_000), st.integers(2, 1_000))
def test_a_cut_answer_gets_at_least_as_many_tokens_and_more_where_there_are_more(rejected: int, round_1: int) -> None:
    budget = round_1 * 300
    assert share(budget, regeneration_branches(rejected, round_1, truncated=True)) > share(budget, round_1)


@pytest.mark.parametrize(
    ("model", "usd"),
    [("claude-haiku-5-5", 0.6), ("claude-opus-5-5", 24.0), ("claude-sonnet-4-6", 18.0), ("claude-sonnet-5-5", 12.0)],
)
def test_a_million_tokens_each_way_cost_what_anthropic_lists(model: str, usd: float) -> None:
    assert cost_usd(model, 1_000_000, 1_000_000) == usd
    assert model in PRICES


def test_an_unknown_model_has_no_price() -> None:
    assert cost_usd("claude-of-tomorrow", 1_000, 1_000) is None


BAD: dict[str, list[Any]] = {
    "max_concurrency": [0, -1, 1_001, "4", 4.5, True, None],
    "output_token_budget": [255, 8_192_001],
    "entries": [0, 21],
    "model": ["", "two words", "claude\n"],
    "request_timeout_s": [0, 601],
    "cost_ceiling_usd": [0, -1, float("nan"), float("inf"), "5"],
    "max_concurency": [4],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in BAD.items() for value in values])
def test_a_bad_configuration_names_its_field(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as raised:
        RunConfiguration.model_validate({field: value})
    assert [error["loc"] for error in raised.value.errors()] == [(field,)]


def test_a_ceiling_may_be_a_whole_number_or_none() -> None:
    assert RunConfiguration.model_validate({"cost_ceiling_usd": 5}).cost_ceiling_usd == 5.0
    assert RunConfiguration.model_validate({"cost_ceiling_usd": None}).cost_ceiling_usd is None


class _Settings(FunctionSettings):
    bucket: str
    miss_queue_url: str


def test_settings_come_from_variables_in_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKET", "nights")
    monkeypatch.setenv("MISS_QUEUE_URL", "https://sqs/misses")
    assert _Settings.from_environment() == _Settings(bucket="nights", miss_queue_url="https://sqs/misses")


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKET", "nights")
    monkeypatch.delenv("MISS_QUEUE_URL", raising=False)
    with pytest.raises(ValidationError, match="miss_queue_url"):
        _Settings.from_environment()


@pytest.mark.parametrize(
    ("model", "nearest"),
    [
        ("claude-sonnet-5", "claude-sonnet-5-5"),
        ("claude-hiaku-5-5", "claude-haiku-5-5"),
        ("anthropic.claude-opus-5-5-v1:0", "claude-opus-5-5"),
        ("gpt", None),
        *((model, None) for model in PRICES),
    ],
)
def test_an_unknown_model_has_a_nearest_known_one(model: str, nearest: str | None) -> None:
    assert nearest_model(model) == nearest if model in PRICES or nearest else nearest_model(model) in PRICES
