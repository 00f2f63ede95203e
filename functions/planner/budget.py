"""The worst case of a run, before anything is paid."""

from collections.abc import Sequence

from nightfold.budget import CALLS_PER_ROUND, branches_at_once, cost_usd, regeneration_branches, share, thinking_tokens
from nightfold.contract import WorstCase
from nightfold.settings import RunConfiguration
from nightfold.sites import Site

PROMPT_TOKENS = 1_000  # more than the prompt with a violation in it and without the brief; a test compares


def worst_case(sites: Sequence[Site], configuration: RunConfiguration) -> WorstCase:
    """Every call made three times in both rounds, and every answer as long as it may be. Raises InvalidInput."""
    if not sites:
        return WorstCase(model_calls=0, input_tokens=0, output_tokens=0, cost_usd=0.0)
    budget = configuration.output_token_budget
    at_once = branches_at_once(len(sites), configuration.max_concurrency)
    tokens = share(budget, at_once, configuration.candidates_per_site)
    round_1 = sum(min(tokens, site.max_tokens or tokens) for site in sites)
    round_2 = max(
        rejected * share(budget, regeneration_branches(rejected, at_once, truncated=True))
        for rejected in range(1, len(sites) + 1)
    )
    # A token is at least two bytes of UTF-8 in every language that we measured.
    prompts = sum(PROMPT_TOKENS + len((site.brief or "").encode()) // 2 for site in sites)
    thinking = 2 * len(sites) * thinking_tokens(configuration.model)
    input_tokens, output_tokens = 2 * CALLS_PER_ROUND * prompts, CALLS_PER_ROUND * (round_1 + round_2 + thinking)
    return WorstCase(
        model_calls=2 * CALLS_PER_ROUND * len(sites),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_usd=cost_usd(configuration.model, input_tokens, output_tokens),
    )
