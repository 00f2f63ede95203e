"""The worst case of a run, before anything is paid."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from nightfold.amounts import counted, dollars
from nightfold.branch import SiteTask
from nightfold.budget import CALLS_PER_ROUND, MAX_TOKENS_FLOOR, cost_usd, longest_answer_usd, thinking_tokens
from nightfold.contract import WorstCase
from nightfold.errors import InvalidInput
from nightfold.memory import TOLD_BYTES
from nightfold.question import load
from nightfold.settings import RunConfiguration
from nightfold.sites import Site


def prompt_tokens(site: Site, configuration: RunConfiguration, question: str | None = None) -> int:
    """More than the input tokens of one call about `site`, with as many earlier headings as a prompt has room for.
    `question`: where it is not the configuration's."""
    asked = load(question or configuration.question)
    earlier = ["x" * TOLD_BYTES] if configuration.remember else []
    task = SiteTask.for_site(site, "any", 1, configuration, MAX_TOKENS_FLOOR, asked, earlier)
    return asked.prompt_tokens(task.given)


def worst_case(
    sites: Sequence[Site], configuration: RunConfiguration, questions: Mapping[str, str] = MappingProxyType({})
) -> WorstCase:
    """Every call made three times in both rounds, and every answer as long as it may be. Raises InvalidInput."""
    if not sites:
        return WorstCase(model_calls=0, input_tokens=0, output_tokens=0, cost_usd=0.0)
    count, tokens = len(sites), configuration.tokens(len(sites))
    round_1 = sum(min(tokens, site.max_tokens or tokens) for site in sites)
    round_2 = max(
        rejected * configuration.regeneration_tokens(count, rejected, truncated=True)
        for rejected in range(1, count + 1)
    )
    prompts = sum(prompt_tokens(site, configuration, questions.get(site.site_id)) for site in sites)
    thinking = 2 * count * thinking_tokens(configuration.model)
    input_tokens, output_tokens = 2 * CALLS_PER_ROUND * prompts, CALLS_PER_ROUND * (round_1 + round_2 + thinking)
    return WorstCase(
        model_calls=2 * CALLS_PER_ROUND * count,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_usd=cost_usd(configuration.model, input_tokens, output_tokens),
    )


def check_ceiling(
    sites: Sequence[Site],
    configuration: RunConfiguration,
    at_once: int,
    questions: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Raises InvalidInput if the ceiling has no room for even one answer of a run with `at_once` sites. The rest is the
    pacer's, wave by wave."""
    ceiling = configuration.cost_ceiling_usd
    if ceiling is None or not sites:
        return
    tokens = configuration.tokens(at_once)
    least = min(
        longest_answer_usd(
            configuration.model,
            prompt_tokens(site, configuration, questions.get(site.site_id)),
            min(tokens, site.max_tokens or tokens),
        )
        or 0.0
        for site in sites
    )
    if least > ceiling:
        raise InvalidInput(
            f"cost_ceiling_usd: one answer of {configuration.model} may cost {dollars(least, exact=True)}, above the "
            f"ceiling of {dollars(ceiling, exact=True)}, so not one of {counted(len(sites), 'site')} could be asked"
        )
