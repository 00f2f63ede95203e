"""The digest message: a subject that is a summary, and one screen of text.

What a model wrote becomes one line without control characters, and without anything that a mail program would turn into
a link.
"""

from collections.abc import Iterator
from functools import partial
from textwrap import wrap

from nightfold.amounts import counted, dollars, price
from nightfold.contract import Summary
from nightfold.text import one_line, unlinked
from reporter.links import LINK_S
from reporter.records import RunRecords
from reporter.verdict import (
    ReportContext,
    entry_count,
    grouped,
    headline,
    missed_by_reason,
    second_sentence,
)
from reporter.waves import stopped

SUBJECT_LIMIT = 99  # SNS wants fewer than 100 characters, and ASCII only
GROUPS, SITES = 3, 6  # shown here; the page has all

_wrapped = partial(wrap, width=78, break_on_hyphens=False)  # a site's name stays whole


def subject(summary: Summary) -> str:
    """`Nightfold nightly-2026-11-23: 3 of 4 sites, 1 missed (network), $0.03`."""
    reasons = ", ".join(reason for reason, number in missed_by_reason(summary).items() if number)
    missed = summary.planned - summary.accepted
    census = f"{summary.accepted:,} of {counted(summary.planned, 'site')}" if summary.planned else "nothing to collect"
    paid = "cost unknown" if summary.cost_usd is None else dollars(summary.cost_usd)
    cost = "simulated" if summary.simulated else paid
    rest = f": {', '.join([census, *([f'{missed:,} missed ({reasons})'] if missed else []), cost])}"
    room = SUBJECT_LIMIT - len("Nightfold ") - len(rest)
    name = summary.run_id if len(summary.run_id) <= room else f"{summary.run_id[: room - 3]}..."
    return f"Nightfold {name}{rest}"


def text(records: RunRecords, context: ReportContext, link: str, s3_uri: str | None = None) -> str:
    """The whole message. Without an S3 address, the link is to a file and does not expire."""
    return "\n".join(_lines(records, context, link, s3_uri)) + "\n"


def plain_text(summary: Summary, s3_uri: str) -> str:
    """The message of a run whose page could not be rendered: its census, from the summary alone."""
    missed = summary.planned - summary.accepted
    return "\n".join(
        [
            headline(summary),
            *_wrapped(unlinked(stopped(summary) or "")),
            "",
            f"accepted  {summary.accepted:>6,}",
            f"missed    {missed:>6,}",
            "",
            "The page of this run could not be rendered; everything that was collected is stored:",
            f"aws s3 ls --recursive {s3_uri}",
            'The Reporter\'s log has the reason. Runbook, "There was no digest".',
            "",
        ]
    )


def _lines(records: RunRecords, context: ReportContext, link: str, s3_uri: str | None) -> Iterator[str]:
    summary = records.summary
    missed = summary.planned - summary.accepted
    yield headline(summary)
    yield from _wrapped(unlinked(stopped(summary) or ""))
    yield from _wrapped(second_sentence(records, context))
    yield ""
    yield f"accepted  {summary.accepted:>6,}   {counted(entry_count(records), records.question.noun)}"
    reasons = ", ".join(f"{reason} {number:,}" for reason, number in missed_by_reason(summary).items() if number)
    yield f"missed    {missed:>6,}   {reasons}".rstrip()
    cost = price(summary.cost_usd, simulated=summary.simulated)
    limited = counted(summary.rate_limited, "rate-limit error") if summary.rate_limited else "no rate-limit errors"
    yield f"cost      {cost}; {counted(summary.model_calls, 'call')}, {limited} (429)"
    yield ""
    yield from _misses(records)
    yield from _entries(records)
    yield "The page, with everything:"
    yield link
    if s3_uri is not None:
        hours = LINK_S // 3_600
        yield f"The link works for at most {hours} hours; it can expire earlier, with the credentials that signed it."
        yield f"After that: aws s3 cp {s3_uri} ."


def _misses(records: RunRecords) -> Iterator[str]:
    groups, parked = grouped(records.misses_left), set(records.parked)
    for group in groups[:GROUPS]:
        names = ", ".join(miss.site.site_id for miss in group.misses[:SITES])
        more = f" and {len(group.misses) - SITES:,} more" if len(group.misses) > SITES else ""
        yield from _wrapped(f"Missed: {names}{more}")
        all_parked = parked.issuperset(miss.site.site_id for miss in group.misses)
        afterwards = "Parked: no redrive asks again until you move it back." if all_parked else group.words.afterwards
        for sentence in (group.words.meaning, afterwards, f"You: {group.words.you}"):
            yield from _wrapped(sentence, initial_indent="  ", subsequent_indent="  ")
        yield ""
    if len(groups) > GROUPS:
        yield f"And {counted(len(groups) - GROUPS, 'other error')}, on the page."
        yield ""


def _entries(records: RunRecords) -> Iterator[str]:
    accepted = [site.site_id for site in records.summary.sites if site.accepted]
    for site_id in accepted[:SITES]:
        entries, heading = records.results[site_id].entries, records.question_of(site_id).heading
        if entries:
            more = f" (+{len(entries) - 1})" if len(entries) > 1 else ""
            title = one_line(unlinked(str(entries[0][heading])), 60)
            yield f"{site_id}: {title}{more}"
    if len(accepted) > SITES:
        yield f"and {counted(len(accepted) - SITES, 'more site')}"
    if accepted:
        yield ""
