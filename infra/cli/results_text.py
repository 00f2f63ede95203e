"""The text after a run: the census, the entries, where they are stored, and what to do next."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from textwrap import wrap
from typing import Any

from infra.cli.installation import Installation
from infra.cli.misses_text import passed_over
from infra.cli.run_result import RunResult
from infra.cli.terminal import fitted, visible
from nightfold.amounts import counted, duration, price
from nightfold.contract import SiteSummary, Summary
from nightfold.errors import InvalidInput
from nightfold.misses import MAX_ATTEMPTS
from nightfold.question import shown as shown_question
from nightfold.results import read_results
from nightfold.storage import misses_key, results_key, results_prefix
from reporter.verdict import headline, not_asked
from reporter.waves import stopped

SITES_SHOWN = 5  # accepted sites whose titles are shown; the rest are counted
TITLES_SHOWN = 8
MISSES_SHOWN = 20  # misses that have a line each; the rest are counted
JSON_KEYS = (
    *("run_id", "status", "question", "planned", "accepted", "missed", "not_attempted", "regenerated", "model_calls"),
    *("rate_limited", "tokens", "cost_usd", "duration_s", "waves", "sites"),
)


def as_json(summary: Summary) -> str:
    document = summary.model_dump(mode="json")
    for site in document["sites"]:
        if site["question"] is None:  # it was asked the run's own
            del site["question"]
    return json.dumps({key: document[key] for key in JSON_KEYS}, indent=2)


def as_text(summary: Summary, at: Installation, width: int | None) -> list[str]:
    """The census and the entries of a closed run."""
    if not summary.planned:
        return [census_line(summary), "", headline(summary), *not_asked(summary)]
    lines = [
        census_line(summary),
        *wrap(stopped(summary) or "", width or 100),
        "",
        *(fitted(line, width) for line in _sites(summary, at)),
        "",
    ]
    cost = price(summary.cost_usd, simulated=summary.simulated)
    lines.append(
        f"{counted(summary.model_calls, 'model call')}, {summary.regenerated:,} regenerated, "
        f"{summary.rate_limited:,} rate-limited (429)"
    )
    tokens = f"{summary.tokens.input:,} input and {summary.tokens.output:,} output tokens"
    lines += [f"{tokens}, {duration(summary.duration_s)}", f"cost: {cost}"]
    lines += not_asked(summary)
    return lines


def census_line(summary: Summary) -> str:
    missed = summary.planned - summary.accepted
    reasons = [f"{reason} {count:,}" for reason, count in summary.missed.model_dump().items() if count]
    why = f" ({', '.join(reasons)})" if reasons else ""
    return f"{summary.status}: planned {summary.planned:,} = accepted {summary.accepted:,} + missed {missed:,}{why}"


def next_steps(summary: Summary, at: Installation) -> list[str]:
    """Where the results are stored, and what to do next."""
    lines = [f"page       {at.page_address(summary.run_id)}"]
    if summary.accepted:
        results = at.suggest("results --simulated" if summary.simulated else "results")
        lines.append(f"results    {results}  ({at.shown(results_prefix(summary.run_id).rstrip('/'))}/)")
    missed = summary.planned - summary.accepted
    parked = _parked(at, summary.run_id) if missed else 0
    if missed or summary.unlisted:
        lines.append(f"misses     {at.suggest('misses')}")
    if missed > parked:
        lines.append(f"next       {at.redrive(simulated=summary.simulated)}  (collects only the misses)")
    if parked:
        lines.append(f"parked     {at.suggest('unpark')}  ({counted(parked, 'miss')}; fix the cause first)")
    return lines


def _sites(summary: Summary, at: Installation) -> Iterator[str]:
    """The first accepted sites with their titles, then the first misses; the rest are counted."""
    accepted = [site for site in summary.sites if site.accepted]
    missed = [site for site in summary.sites if not site.accepted]
    begun = [site for site in missed if site.error != "NotAttempted"]
    listed = accepted[:SITES_SHOWN] + begun[:MISSES_SHOWN]
    width = max((len(site.site_id) for site in listed), default=0)
    nouns = {name: shown_question(name).noun for name in {site.question or summary.question for site in accepted}}
    for site in accepted[:SITES_SHOWN]:
        again = ", regenerated" if site.rounds > 1 else ""
        entries = counted(site.entries, nouns[site.question or summary.question])
        yield f"{site.site_id:{width}}  accepted, {entries}{again}"
        titles = _titles(at, summary.run_id, site.site_id)
        for title in titles[:TITLES_SHOWN]:
            yield f"{'':{width}}  - {visible(title, 200)}"
        if len(titles) > TITLES_SHOWN:
            yield f"{'':{width}}  … and {len(titles) - TITLES_SHOWN} more"
    if len(accepted) > SITES_SHOWN:
        rest, noun = accepted[SITES_SHOWN:], "entry" if len(nouns) > 1 else next(iter(nouns.values()))
        yield f"… and {counted(len(rest), 'more site')} with {counted(sum(site.entries for site in rest), noun)}"
    messages = _messages(at, summary.run_id) if missed else {}
    for site in begun[:MISSES_SHOWN]:
        message = visible(messages.get(site.site_id, ""), 300)
        yield f"{site.site_id:{width}}  missed: {_why(site)}{f': {message}' if message else ''}"
    if rest := [*begun[MISSES_SHOWN:], *(site for site in missed if site.error == "NotAttempted")]:
        why = (f"{each} {count:,}" for each, count in Counter(map(_why, rest)).most_common())
        yield f"… and {counted(len(rest), 'more miss')}: {'; '.join(why)}"


def _why(site: SiteSummary) -> str:
    return f"{site.reason}, {visible(site.error, 60)}"


def _titles(at: Installation, run_id: str, site_id: str) -> list[str]:
    try:
        results = read_results(at.records.get(results_key(run_id, site_id)))
    except (OSError, InvalidInput):  # the run has ended: its census is shown all the same
        return []
    if results is None or not results.entries:
        return []
    heading = shown_question(results.question, results.entries[0]).heading
    return [str(entry.get(heading, "")) for entry in results.entries]


def _messages(at: Installation, run_id: str) -> dict[str, str]:
    """The messages of the run's first misses, by site."""
    return {miss["site"]["site_id"]: str(miss["message"]) for miss in islice(_misses(at, run_id), MISSES_SHOWN)}


def _parked(at: Installation, run_id: str) -> int:
    """How many of the run's misses were parked: no redrive collects them."""
    return sum(miss.get("attempts", 0) >= MAX_ATTEMPTS for miss in _misses(at, run_id))


def _misses(at: Installation, run_id: str) -> Iterator[dict[str, Any]]:
    try:
        yield from map(json.loads, (at.records.get(misses_key(run_id)) or b"").splitlines())
    except (OSError, InvalidInput, ValueError):
        return


def dead_runs(result: RunResult) -> Iterator[str]:
    """The earlier runs that this run closed, or set aside."""
    for closed in result.dead_runs:
        left = closed.planned - closed.accepted
        yield (
            f"Run {closed.run_id} stopped before it finished. It is now closed: {closed.accepted:,} of "
            f"{counted(closed.planned, 'site')} accepted from the stored outcomes"
            f"{f', {left:,} collected again' if left else ''}."
        )
    for run_id, why in result.set_aside.items():
        yield passed_over(run_id, why)


def goes_on(run_id: str, at: Installation) -> list[str]:
    """What can be done about a run that goes on without this process."""
    return [f"to follow  {at.suggest(f'watch {run_id}')}", f"to stop    {at.suggest(f'stop {run_id}')}"]


def without_census(result: RunResult, at: Installation) -> list[str]:
    """What a run without a census kept, and what to do."""
    kept = (
        f"Kept: {result.stored:,} of {counted(result.planned, 'outcome')}, under {at.shown(f'runs/{result.run_id}')}."
    )
    redrive = at.redrive(simulated=result.simulated)
    cause = f": {visible(result.cause, 600)}" if result.cause else ""
    match result.how:
        case "refused":
            return [f"nightfold: {visible(result.cause, 600)}"]
        case "left":
            so_far = f"{result.stored:,} of {counted(result.planned, 'outcome')} stored so far."
            why = [f"nightfold: {visible(result.error, 600)}"] if result.error else []
            return [*why, f"Run {result.run_id} goes on: {so_far}", *goes_on(result.run_id, at)]
        case "stopped" if result.planned == 0:
            return ["Stopped before anything was collected."]
        case "stopped":
            return [
                f"Stopped. {kept}",
                f"`{redrive}` collects the rest; stored outcomes are not paid for again.",
            ]
        case _ if result.planned == 0:
            return [
                f"The run failed before it had a plan. Nothing was paid. {visible(result.error, 60)}{cause}",
                f"The functions' logs are in {at.logs}. Fix the cause, then start the run again.",
            ]
        case _:
            return [
                f"The run failed: {visible(result.error, 60)}{cause}",
                f"{kept} The functions' logs are in {at.logs}.",
                f"`{redrive}` closes this run and collects the rest.",
            ]
