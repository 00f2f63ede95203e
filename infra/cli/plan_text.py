"""What a run would do and its maximum cost, as text and as JSON."""

import json
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from infra.cli.installation import Installation
from infra.cli.redrive_request import other_kind
from infra.cli.run_request import RunRequest
from infra.cli.terminal import table
from infra.state.queued_misses import QueuedMiss
from nightfold.amounts import counted, duration, price
from nightfold.budget import nearest_model
from nightfold.question import DEFAULT, load
from nightfold.settings import AUTO

ROWS = 20  # sites that have a row; the rest are counted


def headline(request: RunRequest) -> str:
    """The number of sites, the settings, what is expected, and the maximum cost."""
    most = request.plan.worst_case
    cost = price(most.cost_usd, simulated=request.plan.simulated)
    worst = f"At most {counted(most.model_calls, 'call')}, maximum cost: {cost}."
    return "\n".join([_shape(request), *_expected(request), worst])


def before_it_starts(request: RunRequest, at: Installation) -> Iterator[str]:
    """The lines before a run. What a redrive parks or acknowledges is in its summary."""
    if request.plan.sites:
        yield headline(request)
    if request.other_kind:
        yield f"{other_kind(request, at)}."


def _shape(request: RunRequest) -> str:
    model = request.plan.configuration.model
    auto = request.plan.configuration.max_concurrency == AUTO and request.at_once > 1
    at_once = f"auto (at most {request.at_once:,} at once)" if auto else f"{request.at_once:,} at once"
    return (
        f"{counted(len(request.plan.sites), 'site')}, {at_once}, "
        f"{request.tokens_each:,} output tokens each, {model}{_unknown(model)}{_question(request)}"
    )


def _question(request: RunRequest) -> str:
    """What the sites are asked, if it is not only the default question."""
    asked = sorted({request.plan.question_of(site.site_id) for site in request.plan.sites})
    if asked in ([], [DEFAULT]):
        return ""
    number = request.plan.configuration.entries
    each = (f"{name} ({counted(number or load(name).entries, load(name).noun)} a site)" for name in asked)
    return f"\nQuestion: {', '.join(each)}"


def _expected(request: RunRequest) -> Iterator[str]:
    """What a run without trouble takes, and by what."""
    if (expected := request.plan.expected) is None:
        return
    seconds = expected.minutes * 60
    about = duration(60 * round(expected.minutes) if seconds >= 180 else round(seconds) or seconds)
    yield f"Expected: about {about}, cost: {price(expected.cost_usd, simulated=request.plan.simulated)}"
    yield from wrap(f"({expected.basis}).", 80)
    if expected.warning:
        yield from wrap(f"Not all sites: {expected.warning}.", 80)


def _unknown(model: str) -> str:
    nearest = nearest_model(model)
    return f"\nModel {model} has no known price and no tested settings. Did you mean {nearest}?" if nearest else ""


def as_text(request: RunRequest, width: int | None) -> list[str]:
    """The output of `nightfold plan`."""
    head = ("SITE", "DOMAIN", "MAX. ANSWER")
    rows = [
        (site.site_id, site.domain, f"{_tokens(request, site.max_tokens):,} tokens")
        for site in request.plan.sites[:ROWS]
    ]
    return [_shape(request), "", *table([head, *rows], width), *_more(request), "", *_worst(request)]


def as_json(request: RunRequest) -> str:
    return json.dumps(_document(request), indent=2)


def redrive_as_text(request: RunRequest, at: Installation, width: int | None) -> list[str]:
    """The output of `nightfold redrive --dry-run`."""
    lines = [
        f"Run {dead.run_id} stopped before it finished and would be closed first: "
        f"{dead.stored:,} of {counted(len(dead.plan.sites), 'outcome')} stored."
        for dead in request.unfinished
    ]
    plan = request.plan
    if plan.unrecognized:
        lines.append(f"{counted(len(plan.unrecognized), 'message')} would be parked: not misses of Nightfold.")
    if plan.unlisted:
        lines.append(f"{counted(len(plan.unlisted), 'site')} can no longer be asked, and would be parked.")
    if plan.settled:
        lines.append(f"{counted(len(plan.settled), 'site')} would not run: accepted after the miss.")
    if request.other_kind:
        lines.append(f"{other_kind(request, at)}.")
    if not request.plan.sites:
        return [*lines, "No site would run: no miss is waiting." if not lines else "No site would run."]
    waiting = _waiting(request, at)
    rows = [
        (
            site.site_id,
            *(
                _reason(waiting[site.site_id])
                if site.site_id in waiting
                else ("-", "not collected yet", f"{request.plan.attempts[site.site_id]}x")
            ),
        )
        for site in request.plan.sites[:ROWS]
    ]
    lines += [_shape(request), "", *table([("SITE", "REASON", "ERROR", "ATTEMPTS"), *rows], width)]
    return [*lines, *_more(request), "", *_worst(request)]


def redrive_as_json(request: RunRequest, at: Installation, width: int | None) -> Iterator[str]:  # noqa: ARG001
    waiting = _waiting(request, at)
    document = _document(request)
    for site in document["sites"]:
        miss = waiting.get(site["site_id"])
        site |= {
            "reason": miss.reason if miss else None,
            "error": miss.error if miss else None,
            "attempts": request.plan.attempts[site["site_id"]],
        }
    document["unfinished_runs"] = [dead.run_id for dead in request.unfinished]
    document["simulated"] = request.plan.simulated
    document["settled"] = [site.site_id for site in request.plan.settled]
    document["unlisted"] = [site.miss.site.site_id for site in request.plan.unlisted]
    document["unrecognized"] = len(request.plan.unrecognized)
    document["other_kind"] = request.other_kind
    yield json.dumps(document, indent=2)


def _document(request: RunRequest) -> dict[str, Any]:
    plan = request.plan
    return {
        "planned": len(plan.sites),
        "branches_at_once": request.at_once,
        "max_tokens": request.tokens_each,
        "expected": plan.expected.model_dump(mode="json") if plan.expected is not None else None,
        "worst_case": plan.worst_case.model_dump(mode="json"),
        "configuration": plan.configuration.model_dump(mode="json"),
        "sites": [
            {"site_id": site.site_id, "domain": site.domain, "max_tokens": _tokens(request, site.max_tokens)}
            for site in plan.sites
        ],
    }


def _tokens(request: RunRequest, own: int | None) -> int:
    return min(request.tokens_each, own or request.tokens_each)


def _waiting(request: RunRequest, at: Installation) -> dict[str, QueuedMiss]:
    """The newest waiting miss of each site that would run."""
    planned = {site.site_id for site in request.plan.sites}
    return {
        miss.site_id: miss
        for miss in at.misses()
        if miss.queue == "waiting" and miss.simulated == request.plan.simulated and miss.site_id in planned
    }


def _reason(miss: QueuedMiss) -> tuple[str, str, str]:
    return miss.reason or "-", miss.error or "-", f"{miss.attempts}x"


def _more(request: RunRequest) -> list[str]:
    left = len(request.plan.sites) - ROWS
    return [f"… and {counted(left, 'more site')}"] if left > 0 else []


def _worst(request: RunRequest) -> list[str]:
    most = request.plan.worst_case
    return [
        *_expected(request),
        f"Worst case: {counted(most.model_calls, 'call')}, {most.input_tokens:,} input and {most.output_tokens:,} "
        f"output tokens, cost: {price(most.cost_usd, simulated=request.plan.simulated)}:",
        "every call attempted three times, every answer regenerated and cut at its limit.",
        "Nothing was started.",
    ]
