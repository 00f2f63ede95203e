"""planner/budget.py: tokens per branch and the worst case, before anything is paid."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightfold.amounts import dollars
from nightfold.budget import CALLS_PER_ROUND, longest_answer_usd, regeneration_branches, share
from nightfold.errors import InvalidInput
from nightfold.settings import RunConfiguration
from nightfold.sites import Site
from planner.budget import prompt_tokens, worst_case
from planner.draft import items
from tests.unit.examples import plan, site


def many(count: int, **fields: Any) -> list[Site]:
    return [site(f"site-{number}", **fields) for number in range(count)]


OWN_LIMITS = [site("a"), site("b", max_tokens=300), site("c", max_tokens=8_192)]


@pytest.mark.parametrize(
    ("sites", "configuration", "tokens"),
    [
        (many(40), {"max_concurrency": 4}, [1_024] * 40),
        (many(40), {"max_concurrency": 16}, [256] * 40),
        (many(2), {"max_concurrency": 8}, [2_048] * 2),  # fewer sites than branches share among themselves
        (many(1), {"max_concurrency": 8, "output_token_budget": 100_000}, [8_192]),
        (OWN_LIMITS, {"max_concurrency": 4}, [1_365, 300, 1_365]),
        (many(40), {}, [2_048] * 40),  # without a number, however many run at once
        (OWN_LIMITS, {"answer_tokens": 4_096}, [4_096, 300, 4_096]),
    ],
)
def test_an_answer_gets_its_share_and_never_more_than_its_sites_own_limit(
    sites: list[Site], configuration: dict[str, Any], tokens: list[int]
) -> None:
    assert [item["max_tokens"] for item in json.loads(items(plan(*sites, **configuration)))] == tokens


@pytest.mark.parametrize(
    ("most", "configuration", "complaint"),
    [
        (16, {"max_concurrency": 17}, "budget to at least 4,352, or max_concurrency to at most 16"),
        (4, {"max_concurrency": 16, "entries": 20}, "819 each, under the floor of 1,024 for 20 entries"),
        (
            0,
            {"answer_tokens": 512, "entries": 20},
            "answer_tokens: 512 are under the floor of 1,024 for 20 entries; set",
        ),
    ],
)
def test_a_share_under_the_floor_refuses_the_plan(most: int, configuration: dict[str, Any], complaint: str) -> None:
    if most:
        plan(*many(most), **configuration)  # no more of them can run at once
    with pytest.raises(InvalidInput, match=complaint):
        plan(*many(most + 1), **configuration)


def test_the_worst_case_of_four_sites() -> None:
    worst = worst_case(many(4), RunConfiguration(max_concurrency=4))
    assert worst.model_calls == 24
    prompt = prompt_tokens(site("site-0"), RunConfiguration())
    assert worst.input_tokens == 24 * prompt
    # Round 1: four answers of 1,024. Round 2: all four again, two at once because answers were cut, 2,048 each.
    assert worst.output_tokens == CALLS_PER_ROUND * (4 * 1_024 + 4 * 2_048)
    assert worst.cost_usd == pytest.approx((24 * prompt * 2 + 36_864 * 10) / 1_000_000)
    without_a_number = worst_case(many(40), RunConfiguration())
    assert without_a_number.output_tokens == CALLS_PER_ROUND * 40 * (2_048 + 4_096)


def test_the_worst_case_counts_briefs_and_own_limits() -> None:
    plain = worst_case(many(1), RunConfiguration())
    briefed = worst_case(many(1, brief="港" * 2_000), RunConfiguration())
    limited = worst_case(many(1, max_tokens=256), RunConfiguration())
    assert briefed.input_tokens == plain.input_tokens + 6 * (3_000 + len("About the site: ") // 2)
    assert limited.output_tokens < plain.output_tokens


def test_the_worst_case_of_nothing_is_nothing() -> None:
    assert worst_case([], RunConfiguration()).model_dump() == {
        "model_calls": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": 0.0,
    }


def test_a_model_of_unknown_price_has_no_worst_cost() -> None:
    assert worst_case(many(1), RunConfiguration(model="claude-of-tomorrow")).cost_usd is None


@given(st.integers(1, 60), st.integers(1, 40), st.integers(256, 50_000), st.data())
def test_no_run_costs_more_than_its_worst_case(count: int, concurrency: int, budget: int, data: st.DataObject) -> None:
    configuration = RunConfiguration(max_concurrency=concurrency, output_token_budget=budget)
    try:
        worst = worst_case(many(count), configuration)
    except InvalidInput:
        return
    at_once = min(count, concurrency)
    rejected = data.draw(st.integers(1, count))
    branches = regeneration_branches(rejected, at_once, truncated=data.draw(st.booleans()))
    paid = 3 * (count * share(budget, at_once) + rejected * share(budget, branches))
    assert paid <= worst.output_tokens
    assert 3 * (count + rejected) <= worst.model_calls


@pytest.mark.parametrize("configuration", [{"max_concurrency": 4}, {"max_concurrency": "auto", "answer_tokens": 1_024}])
def test_only_a_ceiling_under_one_answer_refuses_the_plan_and_both_are_named(configuration: dict[str, Any]) -> None:
    prompt = prompt_tokens(site("site-0"), RunConfiguration())
    one = longest_answer_usd("claude-sonnet-5-5", prompt, 1_024)
    assert one is not None
    assert one == pytest.approx((prompt * 2 + 1_024 * 10) / 1_000_000)
    plan(*many(4), cost_ceiling_usd=one, **configuration)
    plan(site("long", brief="b" * 2_000), *many(3), cost_ceiling_usd=one, **configuration)
    with pytest.raises(InvalidInput) as raised:
        plan(*many(4), cost_ceiling_usd=one - 0.001, **configuration)
    least, ceiling = dollars(one, exact=True), dollars(one - 0.001, exact=True)
    assert f"one answer of claude-sonnet-5-5 may cost {least}, above the ceiling of {ceiling}" in str(raised.value)


def test_the_worst_case_of_a_model_that_always_thinks_counts_its_thinking() -> None:
    thinks, does_not = (
        worst_case(many(3), RunConfiguration(model=model)) for model in ("claude-opus-5-5", "claude-haiku-5-5")
    )
    assert thinks.output_tokens - does_not.output_tokens == 2 * CALLS_PER_ROUND * 3 * 2_048
