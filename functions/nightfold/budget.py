"""What a run may use and what it costs: output tokens for each branch, calls for each round, prices."""

from difflib import get_close_matches

from nightfold.amounts import counted
from nightfold.errors import InvalidInput

MAX_TOKENS_FLOOR = 256  # what five entries take; with less, every answer would be cut
FLOOR_ENTRIES = 5
MAX_TOKENS_CEILING = 8_192
CALLS_PER_ROUND = 3  # one call and two retries, the state machine's network bucket

PRICES = {
    # USD per million tokens (input, output), as Anthropic listed them in November 2026.
    "claude-haiku-5-5": (0.10, 0.50),
    "claude-opus-5-5": (4.00, 20.00),
    "claude-sonnet-4-6": (3.00, 15.00),
    "claude-sonnet-5-5": (2.00, 10.00),
}

# Opus always thinks, and its thinking counts towards max_tokens: at low effort it gets this much on top of its share.
THINKING_TOKENS = {"claude-opus-5-5": 2_048}


def thinking_tokens(model: str) -> int:
    """Output tokens that each branch of `model` gets on top of those for its answer."""
    return THINKING_TOKENS.get(model, 0)


def nearest_model(model: str) -> str | None:
    """The known model with the nearest name, if `model` has no price and no tested setting here; else None."""
    if model in PRICES:
        return None
    return get_close_matches(model, PRICES, n=1, cutoff=0.0)[0]


def longest_answer_usd(model: str, prompt_tokens: int, max_tokens: int) -> float | None:
    """The most that one answer can cost in USD; None if the model's price is not known."""
    return cost_usd(model, prompt_tokens, max_tokens + thinking_tokens(model))


def branches_at_once(sites: int, max_concurrency: int) -> int:
    """How many branches can run at once."""
    return min(sites, max_concurrency)


def tokens_floor(entries: int) -> int:
    """The fewest output tokens in which this many entries fit."""
    return max(MAX_TOKENS_FLOOR, -(-MAX_TOKENS_FLOOR * entries // FLOOR_ENTRIES))


def share(output_token_budget: int, branches: int, entries: int = FLOOR_ENTRIES) -> int:
    """Output tokens for each of `branches` that run at once: the rate limit is one shared resource, so the budget is
    per moment. Raises InvalidInput under the floor."""
    tokens, floor = output_token_budget // branches, tokens_floor(entries)
    if tokens < floor:
        fewer = output_token_budget // floor
        raise InvalidInput(
            f"output_token_budget: {output_token_budget:,} tokens for {counted(branches, 'branch')} at once are "
            f"{tokens:,} each, under the floor of {floor:,} for {entries:,} entries; set "
            f"output_token_budget to at least {branches * floor:,}"
            f"{f', or max_concurrency to at most {fewer:,}' if fewer else ''}"
        )
    return min(tokens, MAX_TOKENS_CEILING)


def regeneration_branches(rejected: int, round_1_branches: int, *, truncated: bool) -> int:
    """How many branches run at once in round 2: if an answer was cut, at most half as many, so that each gets more."""
    branches = min(rejected, round_1_branches)
    return max(1, min(branches, round_1_branches // 2)) if truncated else branches


def cost_usd(model: str, input_tokens: int, output_tokens: int) -> float | None:
    """What the tokens cost in USD; None if the model's price is not known."""
    if model not in PRICES:
        return None
    per_input, per_output = PRICES[model]
    return round((input_tokens * per_input + output_tokens * per_output) / 1_000_000, 6)
