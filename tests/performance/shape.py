"""The shape of a real run: how long it lasts and where 429s begin, by concurrency, token budget and account.

Latencies and answers' lengths have long tails (log-normal, from a seed). What the distributions are is an assumption:
20 s and 500 tokens in the median are what five candidates from a model of the middle class usually take. Medians over
the seeds are shown; "never" and "no" mean in none of them.
"""

from collections.abc import Iterable
from statistics import median
from typing import Any

from nightfold.budget import MAX_TOKENS_CEILING, share
from nightfold.errors import InvalidInput
from nightfold.settings import RunConfiguration
from tests.performance.part import Options, Table
from tests.performance.virtual_run import ENTRY_TIER, Setting, definition, demand, play, retrier_in, scaled

TIERS = {
    "entry tier": ENTRY_TIER,
    "a tenth of it": scaled(ENTRY_TIER, 1 / 10),  # shared with other work
    "a fiftieth": scaled(ENTRY_TIER, 1 / 50),
}
CONCURRENCY = (1, 2, 4, 8, 16, 32, 64)
BUDGETS = (4_096, 16_384, 65_536, 262_144)
DEFAULTS = (RunConfiguration().max_concurrency, RunConfiguration().output_token_budget)
AS_FAST = 1.03  # durations that differ by less are the same


def measure(options: Options) -> dict[str, Any]:
    policy = retrier_in(definition())
    sites, seeds = (150, 2) if options.quick else (400, 5)
    runs = []
    for tier, limits in TIERS.items():
        options.say(f"{tier}: {len(CONCURRENCY)} concurrencies, {len(BUDGETS)} budgets, {seeds} runs each")
        for concurrency in CONCURRENCY:
            for budget in BUDGETS:
                setting = Setting(
                    sites=sites, concurrency=concurrency, output_token_budget=budget, limits=limits, policy=policy
                )
                try:
                    tokens = share(budget, concurrency)
                except InvalidInput:  # the planner refuses it too
                    continue
                played = [play(setting, options.seed + number) for number in range(seeds)]
                runs.append(
                    {
                        "tier": tier,
                        "concurrency": concurrency,
                        "budget": budget,
                        "tokens": tokens,
                        "duration_s": median(run.duration_s for run in played),
                        "rate_limited": median(run.rate_limited for run in played),
                        "rate_limited_at_most": max(run.rate_limited for run in played),
                        "lost": median(run.lost for run in played),
                        "lost_at_most": max(run.lost for run in played),
                        "truncated": median(run.truncated for run in played),
                        "calls": median(run.calls for run in played),
                        "output_tokens": median(run.output_tokens for run in played),
                    }
                )
    of_the_account = Setting(concurrency=1)
    asked = demand(of_the_account)
    return {
        "sites": sites,
        "seeds": seeds,
        "retrier": policy.name,
        "latency_s": of_the_account.latency.model_dump(),
        "answer_tokens": of_the_account.output_tokens.model_dump(),
        "limits": {tier: limits.model_dump() for tier, limits in TIERS.items()},
        "one_slot_asks_per_minute": {"requests": asked.requests_per_minute, "output": asked.output_tokens_per_minute},
        "runs": runs,
    }


def tables(figures: dict[str, Any]) -> list[Table]:
    return [_limits_table(figures), _budget_table(figures), _verdict_table(figures)]


def _limits_table(figures: dict[str, Any]) -> Table:
    ample = BUDGETS[-1]
    rows = []
    for concurrency in CONCURRENCY:
        cells = [str(concurrency)]
        for tier in TIERS:
            run = _run(figures, tier, concurrency, ample)
            cells += [_minutes(run["duration_s"]), f"{run['rate_limited']:g}", f"{run['lost']:g}"]
        rows.append(cells)
    begins = "; ".join(f"{tier}: {_begins(figures, tier)}" for tier in TIERS)
    limits = ", ".join(
        f"{tier} {each['requests_per_minute']:,} requests and {each['output_tokens_per_minute']:,} output tokens"
        for tier, each in figures["limits"].items()
    )
    return Table(
        title=f"Where 429s begin: {figures['sites']} sites, by how many are asked at once",
        headers=["at once", *(f"{tier}, {what}" for tier in TIERS for what in ("minutes", "429s", "lost"))],
        rows=rows,
        note=f"429s begin at: {begins}. Accounts, a minute: {limits}. Budget {ample:,}, retrier {figures['retrier']}. "
        "A short run that loses many sites is not a fast one: those branches gave up.",
    )


def _budget_table(figures: dict[str, Any]) -> Table:
    rows = []
    for budget in BUDGETS:
        cells = [f"{budget:,}"]
        for concurrency in CONCURRENCY:
            run = _run(figures, "entry tier", concurrency, budget)
            cells.append(f"{run['tokens']:,}: {_cut_of_100(figures, run):.1f}" if run else "refused")
        rows.append(cells)
    return Table(
        title="What a token budget buys: tokens for each answer, and answers cut per 100 sites",
        headers=["budget", *(f"{concurrency} at once" for concurrency in CONCURRENCY)],
        rows=rows,
        note=f"An answer is {figures['answer_tokens']['median']:g} tokens long in the median. A cut one is paid for "
        "and asked for once more (both cuts count); `max_tokens` itself does not count towards any limit, written "
        "tokens do. Refused: under the floor of 256, the planner says so before anything is paid.",
    )


def _verdict_table(figures: dict[str, Any]) -> Table:
    rows, sentences = [], []
    for tier in TIERS:
        default, best = _run(figures, tier, *DEFAULTS), fastest(figures, tier)
        assert default
        for what, run in (("defaults", default), ("fastest without harm", best)):
            if run:
                rows.append(
                    [
                        tier,
                        what,
                        str(run["concurrency"]),
                        f"{run['budget']:,}",
                        _minutes(run["duration_s"]),
                        f"{run['rate_limited']:g}",
                        f"{run['lost']:g}",
                        f"{_cut_of_100(figures, run):.1f}",
                    ]
                )
        sentences.append(left_on_the_table(figures, tier, default, best))
    return Table(
        title="What the defaults leave on the table",
        headers=["account", "setting", "at once", "budget", "minutes", "429s", "lost", "cut of 100"],
        rows=rows,
        note=" ".join(sentences) + " Without harm: no 429 and no site lost in any of the runs; "
        f"among those within {AS_FAST - 1:.0%} of the fastest, the one that cuts fewest answers; "
        f"more than {CONCURRENCY[-1]} at once was not tried.",
    )


def left_on_the_table(figures: dict[str, Any], tier: str, default: dict[str, Any], best: dict[str, Any] | None) -> str:
    where = tier.capitalize()
    if best is None:
        return f"{where}: nothing is without harm."
    factor = default["duration_s"] / best["duration_s"]
    return (
        f"{where}: the defaults ({default['concurrency']} at once, {default['budget']:,} tokens) take "
        f"{_minutes(default['duration_s'])} minutes and cut {_cut_of_100(figures, default):.1f} answers per 100 sites; "
        f"{best['concurrency']} at once with {best['budget']:,} tokens take {_minutes(best['duration_s'])} "
        f"({factor:.1f} times as fast) and cut {_cut_of_100(figures, best):.1f}."
    )


def fastest(figures: dict[str, Any], tier: str) -> dict[str, Any] | None:
    harmless = [
        run
        for run in figures["runs"]
        if run["tier"] == tier and not run["rate_limited_at_most"] and not run["lost_at_most"]
    ]
    if not harmless:
        return None
    limit = min(run["duration_s"] for run in harmless) * AS_FAST
    found: dict[str, Any] = min(
        (run for run in harmless if run["duration_s"] <= limit),
        key=lambda run: (run["truncated"], run["concurrency"], run["budget"]),
    )
    return found


def complaints(figures: dict[str, Any]) -> list[str]:
    wrong = []
    default = _run(figures, "entry tier", *DEFAULTS)
    if not default:
        return ["the defaults are not in the sweep"]
    if default["rate_limited_at_most"]:
        wrong.append(f"Nightfold's defaults see {default['rate_limited_at_most']} 429s at the entry tier")
    if default["lost_at_most"] > figures["sites"] // 100:
        wrong.append(f"Nightfold's defaults lose {default['lost_at_most']} of {figures['sites']} sites")
    if not any(run["rate_limited"] for run in figures["runs"]):
        wrong.append("the sweep is too narrow: no setting sees a single 429")
    if not any(run["tokens"] == MAX_TOKENS_CEILING and not run["truncated"] for run in figures["runs"]):
        wrong.append("answers are cut even at the ceiling, or the sweep does not reach it")
    return wrong


def _begins(figures: dict[str, Any], tier: str) -> str:
    limited: Iterable[int] = (
        run["concurrency"] for run in figures["runs"] if run["tier"] == tier and run["rate_limited"]
    )
    first = min(limited, default=None)
    return "never" if first is None else f"{first} at once"


def _run(figures: dict[str, Any], tier: str, concurrency: int, budget: int) -> dict[str, Any]:
    """Empty where the planner refuses the setting."""
    for run in figures["runs"]:
        if (run["tier"], run["concurrency"], run["budget"]) == (tier, concurrency, budget):
            found: dict[str, Any] = run
            return found
    return {}


def _cut_of_100(figures: dict[str, Any], run: dict[str, Any]) -> float:
    return 100 * float(run["truncated"]) / int(figures["sites"])


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f}"
