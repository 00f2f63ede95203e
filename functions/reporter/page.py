"""The page: one self-contained HTML file that runs no script but its own.

Everything is escaped by Jinja2; only our own style sheet and script are inserted as they are, and the
Content-Security-Policy allows those two by their hashes and nothing else.
"""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from statistics import median

from markupsafe import Markup

from reporter.export import PATTERNS
from reporter.figures import headroom, usage
from reporter.history import bars
from reporter.page_data import data_of, questions_of
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
from reporter.waves import rows, stopped

SITES_SHOWN = 50  # the others are found by search or shown on demand
MISSES_SHOWN, MISSES_UNFOLDED = 40, 5  # of one error
RAW_SHOWN = 1_500  # characters of a rejected answer
USAGE_SHOWN = 20
TEXT_FOLDED, TEXT_UNFOLDED = 400, 200  # characters: from where an entry's text folds, and how much of it shows then
RUNS_SHOWN = 3  # that a redrive's misses came from, or that collected a run's misses later


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
        patterns=PATTERNS,
        question=records.question,
        questions=questions_of(records),
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
        later=later,
        redrives=sorted(set(later.values()), reverse=True),
        redriven=records.redriven,
        origins=sorted(records.origins, reverse=True),
        reasons=[(reason, number) for reason, number in missed_by_reason(summary).items() if number],
        census=_census(records),
        entries=entry_count(records),
        shown=[
            (site, sites[site.site_id], records.question_of(site.site_id), records.results[site.site_id])
            for site in accepted[:SITES_SHOWN]
        ],
        accepted=len(accepted),
        groups=grouped(records.misses),
        left=grouped(records.misses_left),
        usual=_usual(records),
        timeline=draw(records),
        waves=rows(records.paces),
        stopped=stopped(summary),
        usage=usage(records),
        headroom=headroom(records),
        history=bars(records),
        data=data_of(records, sites),
        limits={
            "misses": MISSES_SHOWN,
            "unfolded": MISSES_UNFOLDED,
            "folded": TEXT_FOLDED,
            "unfolded_text": TEXT_UNFOLDED,
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
