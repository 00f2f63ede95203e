"""What a run would do and cost at most, in words and as JSON, before anything has started."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.cli.preflight import Order
from infra.cli.redrive_order import other_kind
from infra.cli.terminal import table
from infra.state.queued_misses import QueuedMiss, read_misses
from nightfold.amounts import counted, price
from nightfold.budget import nearest_model

ROWS = 20  # sites that are listed; the others are counted


def headline(order: Order) -> str:
    """How many, how, and at most at what cost."""
    most = order.plan.worst_case
    cost = price(most.cost_usd, simulated=order.plan.simulated)
    return f"{_shape(order)}\nAt most {counted(most.model_calls, 'call')}, at a cost of {cost}."


def before_it_starts(order: Order, state_dir: Path) -> Iterator[str]:
    """What to know before anything is spent. What a redrive does besides asking is in its summary."""
    if order.plan.sites:
        yield headline(order)
    if order.other_kind:
        yield f"{other_kind(order, state_dir)}."


def _shape(order: Order) -> str:
    return (
        f"{counted(len(order.plan.sites), 'site')}, {order.at_once:,} at once, {order.tokens_each:,} output tokens "
        f"each, {order.plan.configuration.model}{_unknown(order.plan.configuration.model)}"
    )


def _unknown(model: str) -> str:
    nearest = nearest_model(model)
    return f"\nThe model {model} has no price and no tested setting here. Did you mean {nearest}?" if nearest else ""


def as_text(order: Order, width: int | None) -> list[str]:
    """`nightfold plan`, for a person."""
    head = ("SITE", "DOMAIN", "ANSWER AT MOST")
    rows = [
        (site.site_id, site.domain, f"{_tokens(order, site.max_tokens):,} tokens") for site in order.plan.sites[:ROWS]
    ]
    return [_shape(order), "", *table([head, *rows], width), *_more(order), "", *_worst(order)]


def as_json(order: Order) -> str:
    return json.dumps(_document(order), indent=2)


def redrive_as_text(order: Order, state_dir: Path, width: int | None) -> list[str]:
    """`nightfold redrive --dry-run`, for a person."""
    lines = [
        f"Run {dead.run_id} ended before its census and would be closed first: "
        f"{dead.stored:,} of {counted(len(dead.plan.sites), 'outcome')} stored."
        for dead in order.unfinished
    ]
    plan = order.plan
    if plan.unrecognized:
        lines.append(f"{counted(len(plan.unrecognized), 'message')} would be parked: not a miss of Nightfold.")
    if plan.unlisted:
        lines.append(f"{counted(len(plan.unlisted), 'site')} would be parked: no longer in the site list.")
    if plan.settled:
        lines.append(f"{counted(len(plan.settled), 'site')} would not be asked: accepted since the miss.")
    if order.other_kind:
        lines.append(f"{other_kind(order, state_dir)}.")
    if not order.plan.sites:
        return [*lines, "No site would run: no miss waits."]
    waiting = _waiting(order, state_dir)
    rows = [
        (
            site.site_id,
            *(
                _reason(waiting[site.site_id])
                if site.site_id in waiting
                else ("-", "not collected", f"{order.plan.attempts[site.site_id]}x")
            ),
        )
        for site in order.plan.sites[:ROWS]
    ]
    lines += [_shape(order), "", *table([("SITE", "REASON", "ERROR", "ASKED"), *rows], width)]
    return [*lines, *_more(order), "", *_worst(order)]


def redrive_as_json(order: Order, state_dir: Path, width: int | None) -> Iterator[str]:  # noqa: ARG001
    waiting = _waiting(order, state_dir)
    document = _document(order)
    for site in document["sites"]:
        miss = waiting.get(site["site_id"])
        site |= {
            "reason": miss.reason if miss else None,
            "error": miss.error if miss else None,
            "attempts": order.plan.attempts[site["site_id"]],
        }
    document["unfinished_runs"] = [dead.run_id for dead in order.unfinished]
    document["simulated"] = order.plan.simulated
    document["settled"] = [site.site_id for site in order.plan.settled]
    document["unlisted"] = [site.miss.site.site_id for site in order.plan.unlisted]
    document["unrecognized"] = len(order.plan.unrecognized)
    document["other_kind"] = order.other_kind
    yield json.dumps(document, indent=2)


def _document(order: Order) -> dict[str, Any]:
    plan = order.plan
    return {
        "planned": len(plan.sites),
        "branches_at_once": order.at_once,
        "max_tokens": order.tokens_each,
        "worst_case": plan.worst_case.model_dump(mode="json"),
        "configuration": plan.configuration.model_dump(mode="json"),
        "sites": [
            {"site_id": site.site_id, "domain": site.domain, "max_tokens": _tokens(order, site.max_tokens)}
            for site in plan.sites
        ],
    }


def _tokens(order: Order, own: int | None) -> int:
    return min(order.tokens_each, own or order.tokens_each)


def _waiting(order: Order, state_dir: Path) -> dict[str, QueuedMiss]:
    """The newest waiting miss of each site that would run."""
    planned = {site.site_id for site in order.plan.sites}
    return {
        miss.site_id: miss
        for miss in read_misses(state_dir)
        if miss.queue == "waiting" and miss.simulated == order.plan.simulated and miss.site_id in planned
    }


def _reason(miss: QueuedMiss) -> tuple[str, str, str]:
    return miss.reason or "-", miss.error or "-", f"{miss.attempts}x"


def _more(order: Order) -> list[str]:
    left = len(order.plan.sites) - ROWS
    return [f"… and {counted(left, 'more site')}"] if left > 0 else []


def _worst(order: Order) -> list[str]:
    most = order.plan.worst_case
    return [
        f"Worst case: {counted(most.model_calls, 'call')}, {most.input_tokens:,} input and {most.output_tokens:,} "
        f"output tokens, cost: {price(most.cost_usd, simulated=order.plan.simulated)}:",
        "every call tried three times, every answer regenerated and cut at its limit.",
        "Nothing was started.",
    ]
