"""The page: one self-contained HTML file that runs no script but its own.

Everything is escaped by Jinja2; only our own style sheet and script are inserted as they are, and the
Content-Security-Policy allows those two by their hashes and nothing else.
"""

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from statistics import median
from typing import Any

from markupsafe import Markup

from nightfold.misses import MAX_ATTEMPTS
from nightfold.question import load
from nightfold.sites import Site
from nightfold.text import LINKS
from reporter.figures import headroom, usage
from reporter.history import bars
from reporter.records import RunRecords
from reporter.template import template
from reporter.timeline import draw
from reporter.verdict import (
    ReportContext,
    entry_count,
    grouped,
    headline,
    missed_by_reason,
    next_redrive,
    second_sentence,
)

SITES_SHOWN = 50  # the others are found by search or shown on demand
MISSES_SHOWN, MISSES_UNFOLDED = 40, 5  # of one error
RAW_SHOWN = 1_500  # characters of a rejected answer
USAGE_SHOWN = 20
RUNS_SHOWN = 3  # that a redrive's misses came from, or that collected a run's misses later
PLAIN_LIMIT = 400_000  # bytes of the sites' data; above it is packed
PACKED_LIMIT = 3_500_000  # bytes; with everything else the page stays under 5 MB


@dataclass(frozen=True)
class Data:
    """All sites, for search and export: as JSON, or packed (gzip, base64) if that is long."""

    plain: list[Any] | None
    packed: str
    left_out: int  # accepted sites whose candidates did not fit


def render(records: RunRecords, context: ReportContext) -> bytes:
    """`digest.html`."""
    summary = records.summary
    style, script = _own("page.css"), _own("page.js")
    missed = summary.planned - summary.accepted
    later, parked = records.collected_later, records.parked
    sites = {site.site_id: site for site in records.plan.sites}
    accepted = [site for site in summary.sites if site.accepted]
    text = template().render(
        style=Markup(style),  # noqa: S704  # nosec B704
        script=Markup(script),  # noqa: S704  # nosec B704
        policy=_policy(style, script),
        links=LINKS,
        question=load(summary.question),
        summary=summary,
        configuration=records.plan.configuration,
        zone=context.schedule.zone,
        redrive_command=context.redrive_command,
        headline=headline(summary),
        second=second_sentence(records, context),
        when=next_redrive(records, context),
        missed=missed,
        waiting=records.waiting,
        parked=parked,
        attempts=MAX_ATTEMPTS,
        later=later,
        redrives=sorted(set(later.values()), reverse=True),
        redriven=records.redriven,
        origins=sorted(records.origins, reverse=True),
        reasons=[(reason, number) for reason, number in missed_by_reason(summary).items() if number],
        census=_census(records),
        candidates=entry_count(records),
        shown=[(site, sites[site.site_id], records.entries[site.site_id]) for site in accepted[:SITES_SHOWN]],
        accepted=len(accepted),
        groups=grouped(records.misses),
        left=grouped(miss for miss in records.misses if miss.site.site_id not in later),
        usual=_usual(records),
        timeline=draw(records),
        usage=usage(records),
        headroom=headroom(records),
        history=bars(records),
        data=_data(records, sites),
        limits={
            "misses": MISSES_SHOWN,
            "unfolded": MISSES_UNFOLDED,
            "raw": RAW_SHOWN,
            "usage": USAGE_SHOWN,
            "runs": RUNS_SHOWN,
        },
    )
    return text.encode("utf-8", "replace")


def _policy(style: str, script: str) -> str:
    def sha256(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return (
        f"default-src 'none'; style-src 'sha256-{sha256(style)}'; script-src 'sha256-{sha256(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )


@cache
def _own(name: str) -> str:
    return files("reporter").joinpath("page", name).read_text(encoding="utf-8")


def _census(records: RunRecords) -> list[tuple[str, float, float]]:
    """The bar of the census: name, start and width of each part, in percent."""
    parts: list[tuple[str, float, float]] = []
    x = 0.0
    counts: dict[str, int] = {
        "accepted": records.summary.accepted,
        **dict(missed_by_reason(records.summary).items()),
    }
    for name, number in counts.items():
        if number:
            width = number / records.summary.planned * 100
            parts.append((name, round(x, 3), round(width, 3)))
            x += width
    return parts


def _usual(records: RunRecords) -> float | None:
    """The median cost of earlier runs of the same kind; None before there are three."""
    costs = [
        past.cost_usd
        for past in records.history
        if past.cost_usd is not None
        and (past.mode, past.simulated) == (records.summary.mode, records.summary.simulated)
        and past.run_id != records.summary.run_id
    ]
    return median(costs) if len(costs) >= 3 else None


def _data(records: RunRecords, sites: dict[str, Site]) -> Data:
    """An object for each site: accepted ones with `candidates` (empty if they did not fit), others with `error`."""
    messages = {miss.site.site_id: miss.message for miss in records.misses}
    entries: list[Any] = []
    for site in records.summary.sites:
        domain = sites[site.site_id].domain
        if site.accepted:
            kept = records.entries[site.site_id]
            entries.append({"id": site.site_id, "domain": domain, "candidates": kept, "rounds": site.rounds})
        else:
            message = messages.get(site.site_id, "")
            entries.append({"id": site.site_id, "domain": domain, "error": site.error, "message": message})
    if len(_json(entries)) <= PLAIN_LIMIT:
        return Data(entries, "", 0)
    full = [number for number, entry in enumerate(entries) if entry.get("candidates")]
    left_out = 0
    while len(packed := base64.b64encode(gzip.compress(_json(entries), 6, mtime=0))) > PACKED_LIMIT and full:
        surplus = 1 - PACKED_LIMIT / len(packed)
        for number in full[-max(int(len(full) * surplus * 1.05), 1) :]:
            entries[number]["candidates"] = []
            left_out += 1
        full = [number for number in full if entries[number]["candidates"]]
    return Data(None, packed.decode(), left_out)


def _json(entries: list[Any]) -> bytes:
    return json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
