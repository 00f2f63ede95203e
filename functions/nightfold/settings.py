"""The run's configuration with what follows from it (tokens per branch, prices), and a function's environment."""

import os
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from nightfold.errors import InvalidInput

MAX_TOKENS_FLOOR = 256  # below it five candidates do not fit, and every answer would be cut
MAX_TOKENS_CEILING = 8_192
CALLS_PER_ROUND = 3  # one call and two retries, the state machine's network bucket

PRICES = {
    # USD per million tokens (input, output), as Anthropic listed them in November 2026.
    "claude-haiku-5-5": (0.10, 0.50),
    "claude-opus-5-5": (4.00, 20.00),
    "claude-sonnet-4-6": (3.00, 15.00),
    "claude-sonnet-5-5": (2.00, 10.00),
}


class RunConfiguration(BaseModel):
    """What may change from night to night: the SSM parameter, overridden by the execution input for one run."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_concurrency: Annotated[int, Field(ge=1, le=1_000)] = 4  # 0 would mean unlimited in a Map
    output_token_budget: Annotated[int, Field(ge=MAX_TOKENS_FLOOR, le=8_192_000)] = 4_096  # of all calls at one moment
    candidates_per_site: Annotated[int, Field(ge=1, le=20)] = 5
    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:@-]{0,127}$")] = "claude-sonnet-5-5"
    request_timeout_s: Annotated[int, Field(ge=1, le=600)] = 120
    cost_ceiling_usd: Annotated[float, Field(gt=0, le=100_000)] | None = None


def branches_at_once(sites: int, max_concurrency: int) -> int:
    """How many branches can run at one moment."""
    return min(sites, max_concurrency)


def share(output_token_budget: int, branches: int) -> int:
    """Output tokens for each of `branches` that run at once: the rate limit is one shared resource, so the budget is
    per moment. Raises InvalidInput under the floor."""
    tokens = output_token_budget // branches
    if tokens < MAX_TOKENS_FLOOR:
        raise InvalidInput(
            f"output_token_budget: {output_token_budget:,} tokens for {branches} branches at once are {tokens} each, "
            f"under the floor of {MAX_TOKENS_FLOOR}; it would do with output_token_budget "
            f"{branches * MAX_TOKENS_FLOOR}, or with max_concurrency {output_token_budget // MAX_TOKENS_FLOOR}"
        )
    return min(tokens, MAX_TOKENS_CEILING)


def regeneration_branches(rejected: int, round_1_branches: int, *, truncated: bool) -> int:
    """How many branches run at once in round 2: where an answer was cut at most half as many, so that each has more."""
    branches = min(rejected, round_1_branches)
    return max(1, min(branches, round_1_branches // 2)) if truncated else branches


def cost_usd(model: str, input_tokens: int, output_tokens: int) -> float | None:
    """What the tokens cost in USD; None where the model's price is not known."""
    if model not in PRICES:
        return None
    per_input, per_output = PRICES[model]
    return round((input_tokens * per_input + output_tokens * per_output) / 1_000_000, 6)


class FunctionSettings(BaseModel):
    """The environment of one function: field `bucket` is the variable `BUCKET`."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def from_environment(cls) -> Self:
        """Raises pydantic's ValidationError, which names the variable that is missing."""
        return cls.model_validate(
            {name: os.environ[name.upper()] for name in cls.model_fields if name.upper() in os.environ}
        )
