"""What a run without trouble takes and costs: by what an earlier run measured, or by assumptions, which it names.

The waves are those that PaceRun makes. A wave ends with its slowest branch; how slow that is depends on how many there
are.
"""

from math import ceil, exp
from statistics import NormalDist

from nightfold.amounts import counted, dollars
from nightfold.budget import CALLS_PER_ROUND, cost_usd, tokens_floor
from nightfold.contract import Expected
from nightfold.settings import AUTO, MOST_AT_ONCE, RunConfiguration
from nightfold.waves import CANARY, KNOWN_CANARY, ONE_WAVE, RESERVE_S, RUN_S, START, Carried

ANSWER_S, INPUT_TOKENS, OUTPUT_TOKENS, AT_ONCE = 20.0, 300.0, 500.0, 100  # assumed while no run has measured them
SPREAD = 0.6  # of the logarithm of an answer's seconds, as in the benchmarks


def expect(sites: int, configuration: RunConfiguration, carried: Carried | None, speed: float = 1.0) -> Expected:
    """`carried`: what an earlier run found about the model. `speed`: of the simulated API, for the assumption."""
    if carried is None:
        source, carries = "assuming", AT_ONCE
        answer_s, input_tokens, output_tokens = ANSWER_S / speed, INPUT_TOKENS, OUTPUT_TOKENS
    else:
        source, carries = f"as run {carried.run_id} measured:", carried.max_concurrency if carried.limited else AT_ONCE
        answer_s, input_tokens, output_tokens = carried.held_s, carried.input_tokens, carried.output_tokens
    auto = configuration.max_concurrency == AUTO
    most = min(configuration.concurrency_limit, carries) if auto else int(configuration.max_concurrency)

    def cost(answers: int) -> float | None:
        return cost_usd(configuration.model, round(answers * input_tokens), round(answers * output_tokens))

    asked, warning = _paid_for(sites, cost(sites), configuration.cost_ceiling_usd)
    seconds = answer_s * answers_long(
        asked, most, ramp=auto and not (carried and carried.limited), known=carried is not None
    )
    time_s = RUN_S - RESERVE_S - CALLS_PER_ROUND * configuration.request_timeout_s
    if seconds > time_s:
        asked = min(asked, int(time_s / answer_s * most))
        warning = _too_slow(sites, asked, configuration, most, ceil(sites * answer_s / time_s) + 1)
    room = f", room for {carries:,}" if auto and sites > ONE_WAVE else ""
    return Expected(
        minutes=round(min(seconds, time_s) / 60, 2),
        cost_usd=cost(asked),
        basis=f"{source} {answer_s:.3g} s, {input_tokens:,.0f} input and {output_tokens:,.0f} output tokens "
        f"an answer{room}",
        warning=warning,
    )


def answers_long(sites: int, most: int, *, ramp: bool, known: bool) -> float:
    """How many answers, one after the other, take as long as the run. `ramp`: it doubles its number up to `most`."""
    if sites <= ONE_WAVE:
        return _wave(sites, min(START, most) if ramp else most)
    canary = KNOWN_CANARY if known else CANARY
    left, long, at_once = sites - canary, _wave(canary, most), START
    while ramp and (at_once := 2 * at_once) < most and left > at_once:
        left, long = left - at_once, long + _wave(at_once, at_once)
    return long + _wave(left, most)


def _wave(sites: int, most: int) -> float:
    """Slots become free one after the other; in the end all wait for the slowest of the last branches."""
    last = min(sites, most)
    if not last:
        return 0.0
    slowest = exp(SPREAD * NormalDist().inv_cdf((last - 0.375) / (last + 0.25)) - SPREAD**2 / 2)
    return (sites - last) / last + max(1.0, slowest)


def _paid_for(sites: int, cost: float | None, ceiling: float | None) -> tuple[int, str | None]:
    """How many sites the ceiling is enough for, and a warning where these are not all."""
    if cost is None or ceiling is None or cost <= ceiling:
        return sites, None
    paid = int(sites * ceiling / cost)
    of = f"about {paid:,} of {counted(sites, 'site')}"
    return paid, f"cost_ceiling_usd {dollars(ceiling)} pays for {of}, which cost about {dollars(cost)} together"


def _too_slow(sites: int, asked: int, configuration: RunConfiguration, at_once: int, enough: int) -> str:
    """Of a run that ends by the clock. `enough`: how many at once would get through all sites."""
    asked_of = f"about {asked:,} of {counted(sites, 'site')} in a run's {RUN_S // 3_600} hours"
    if configuration.max_concurrency == AUTO and at_once < configuration.concurrency_limit:
        return f"the account carries {at_once:,} at once, {asked_of}; redrives collect the rest"
    field = "concurrency_limit" if configuration.max_concurrency == AUTO else "max_concurrency"
    if enough > MOST_AT_ONCE:
        return f"{field} {at_once:,} allows {asked_of}; redrives collect the rest"
    if configuration.max_concurrency == AUTO:
        return f"{field} {at_once:,} allows {asked_of}; {enough:,} would do"
    tokens = enough * tokens_floor(configuration.entries_of_question)
    budget = f" with an output_token_budget of {tokens:,}" if tokens > configuration.output_token_budget else ""
    return f"{field} {at_once:,} allows {asked_of}; {enough:,}{budget} would do, or auto"
