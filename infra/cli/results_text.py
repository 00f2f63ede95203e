"""What is said when a run is over: the census, the candidates, where they are, and what to do next."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.cli.invocation import redrive_of, shown, suggest
from infra.cli.local_run import Ending
from infra.cli.misses_text import passed_over
from infra.cli.terminal import fitted, visible
from infra.state.regular_files import read_file
from nightfold.amounts import counted, duration, price
from nightfold.contract import SiteSummary, Summary
from nightfold.storage import candidates_key, digest_key, misses_key
from reporter.verdict import not_asked

FULLY = 5  # accepted sites whose titles are shown; the others are counted
TITLES = 8
MISSES = 20  # misses that are shown one by one
JSON_KEYS = (
    "run_id",
    "status",
    "planned",
    "accepted",
    "missed",
    "regenerated",
    "model_calls",
    "rate_limited",
    "tokens",
    "cost_usd",
    "duration_s",
    "sites",
)


def as_json(summary: Summary) -> str:
    document = summary.model_dump(mode="json")
    return json.dumps({key: document[key] for key in JSON_KEYS}, indent=2)


def as_text(summary: Summary, state_dir: Path, width: int | None) -> list[str]:
    """The census and the candidates of a closed run."""
    lines = [census_line(summary), "", *(fitted(line, width) for line in _sites(summary, state_dir)), ""]
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


def whereabouts(summary: Summary, state_dir: Path) -> list[str]:
    """Where the results are, and what to do next."""
    run = state_dir / "runs" / summary.run_id
    page = (state_dir / digest_key(summary.run_id)).resolve()
    address = page.as_uri() if page.exists() else suggest("report", state_dir)
    lines = [f"page       {address}"] if summary.planned else []
    if summary.accepted:
        lines.append(f"results    {shown(run / 'candidates')}/  (one file per site)")
    if summary.planned > summary.accepted:
        lines += [
            f"misses     {suggest('misses', state_dir)}",
            f"next       {suggest(redrive_of(simulated=summary.simulated), state_dir)}  (collects only the misses)",
        ]
    return lines


def _sites(summary: Summary, state_dir: Path) -> Iterator[str]:
    """A few accepted sites with their titles and the rest counted, then the misses."""
    accepted = [site for site in summary.sites if site.accepted]
    missed = [site for site in summary.sites if not site.accepted]
    listed = accepted[:FULLY] + missed[:MISSES]
    width = max((len(site.site_id) for site in listed), default=0)
    for site in accepted[:FULLY]:
        again = ", regenerated" if site.rounds > 1 else ""
        yield f"{site.site_id:{width}}  accepted, {counted(site.candidates, 'candidate')}{again}"
        titles = _titles(state_dir, summary.run_id, site.site_id)
        for title in titles[:TITLES]:
            yield f"{'':{width}}  - {visible(title, 200)}"
        if len(titles) > TITLES:
            yield f"{'':{width}}  … and {len(titles) - TITLES} more"
    if len(accepted) > FULLY:
        rest = accepted[FULLY:]
        candidates = sum(site.candidates for site in rest)
        yield f"… and {counted(len(rest), 'more site')} with {counted(candidates, 'candidate')}"
    messages = _messages(state_dir, summary.run_id) if missed else {}
    for site in missed[:MISSES]:
        message = visible(messages.get(site.site_id, ""), 300)
        yield f"{site.site_id:{width}}  missed: {_why(site)}{f': {message}' if message else ''}"
    if len(missed) > MISSES:
        rest = missed[MISSES:]
        why = (f"{each} {count:,}" for each, count in Counter(map(_why, rest)).most_common())
        yield f"… and {counted(len(rest), 'more miss')}: {'; '.join(why)}"


def _why(site: SiteSummary) -> str:
    return f"{site.reason}, {visible(site.error, 60)}"


def _titles(state_dir: Path, run_id: str, site_id: str) -> list[str]:
    try:
        document: dict[str, Any] = json.loads(read_file(state_dir / candidates_key(run_id, site_id)))
    except (OSError, ValueError):
        return []
    return [str(candidate["title"]) for candidate in document["candidates"]]


def _messages(state_dir: Path, run_id: str) -> dict[str, str]:
    """What the run's misses say, by site."""
    try:
        with (state_dir / misses_key(run_id)).open(encoding="utf-8") as lines:
            misses = [json.loads(line) for _, line in zip(range(MISSES), lines, strict=False)]
    except (OSError, ValueError):
        return {}
    return {miss["site"]["site_id"]: str(miss["message"]) for miss in misses}


def dead_runs(ending: Ending) -> Iterator[str]:
    """The runs that this one found dead: closed, or set aside."""
    for closed in ending.dead_runs:
        left = closed.planned - closed.accepted
        yield (
            f"Run {closed.run_id} had died before its census. It is closed now: {closed.accepted:,} of "
            f"{counted(closed.planned, 'site')} accepted from what it had stored"
            f"{f', {left:,} taken up again' if left else ''}."
        )
    for run_id, why in ending.set_aside.items():
        yield passed_over(run_id, why)


def without_census(ending: Ending, state_dir: Path) -> list[str]:
    """What became of a run that has no census of its own, and what to do."""
    run = state_dir / "runs" / ending.run_id
    kept = f"Kept: {ending.stored:,} of {counted(ending.planned, 'outcome')}, under {shown(run)}."
    redrive = suggest(redrive_of(simulated=ending.simulated), state_dir)
    cause = f": {visible(ending.cause, 600)}" if ending.cause else ""
    match ending.how:
        case "refused":
            return [f"nightfold: {visible(ending.cause, 600)}"]
        case "stopped" if ending.planned == 0:
            return ["Stopped before anything was collected."]
        case "stopped":
            return [
                f"Stopped. {kept}",
                f"`{redrive}` picks up the rest; what is stored is not asked for again.",
            ]
        case _ if ending.planned == 0:
            return [
                f"The run failed before it had a plan, and nothing was paid. {visible(ending.error, 60)}{cause}",
                f"The functions' own logs are in {shown(state_dir / 'logs')}; start it again when that is mended.",
            ]
        case _:
            return [
                f"The run failed: {visible(ending.error, 60)}{cause}",
                f"{kept} The functions' own logs are in {shown(state_dir / 'logs')}.",
                f"`{redrive}` closes this run and collects the rest.",
            ]
