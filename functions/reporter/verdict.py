"""The result of a run in words, the same for the page and the message."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from datetime import timedelta

from nightfold.amounts import counted
from nightfold.contract import Summary
from nightfold.errors import Reason
from nightfold.misses import Miss
from reporter.records import RunRecords
from reporter.schedule import NEVER, Schedule
from reporter.words import Words, words_for

REASONS: tuple[Reason, ...] = ("network", "schema", "unknown")


@dataclass(frozen=True)
class ReportContext:
    """What the page and the message show besides the run's own records."""

    schedule: Schedule = NEVER
    redrive_command: str = ""  # starts a redrive by hand; empty: not known


@dataclass(frozen=True)
class MissGroup:
    """The misses of one error."""

    error: str
    reason: Reason
    words: Words
    misses: Sequence[Miss]

    @property
    def same_message(self) -> str | None:
        """The message of all of them, where it is one and the same: shown once."""
        messages = {miss.message for miss in self.misses}
        return messages.pop() if len(self.misses) > 1 and len(messages) == 1 else None


def missed_by_reason(summary: Summary) -> Mapping[Reason, int]:
    return {"network": summary.missed.network, "schema": summary.missed.schema_, "unknown": summary.missed.unknown}


def headline(summary: Summary) -> str:
    """The verdict as one sentence."""
    planned, accepted = summary.planned, summary.accepted
    if planned == 0:
        return "No site was asked."
    if accepted == 0:
        return "Nothing was collected."
    if accepted == planned:
        return f"All {planned:,} sites are in." if planned > 1 else "The one site is in."
    return f"{accepted:,} of {planned:,} sites {'is' if accepted == 1 else 'are'} in."


def second_sentence(records: RunRecords, context: ReportContext) -> str:
    """What is missing and when it is collected again, or that nothing is; and what a redrive did not ask."""
    return " ".join(filter(None, [_missing(records, context), *not_asked(records.summary)]))


def _missing(records: RunRecords, context: ReportContext) -> str:
    missed = records.summary.planned - records.summary.accepted
    if records.summary.planned == 0 and (records.summary.settled or records.summary.unlisted):
        return ""
    if records.summary.planned == 0:
        return "There was no miss to collect; messages that are not misses of Nightfold were parked."
    if missed == 0:
        return f"{counted(entry_count(records), records.question.noun)}, nothing missing."
    return " ".join(_what_became_of_the_misses(records, context))


def not_asked(summary: Summary) -> Iterator[str]:
    """The sites that a redrive found in the queue and did not ask again, with the reason."""
    if settled := [site.site_id for site in summary.settled]:
        runs = _runs({site.site_id: site.accepted_in for site in summary.settled})
        names = _sites(settled, len(settled))
        yield f"{names} {_was(settled)} accepted after the miss, by {runs}, and not asked again."
    if unlisted := summary.unlisted:
        verb = "is" if len(unlisted) == 1 else "are"
        yield f"{_sites(unlisted, len(unlisted))} can no longer be asked, and {verb} parked."


def _what_became_of_the_misses(records: RunRecords, context: ReportContext) -> Iterator[str]:
    collected, parked = records.collected_later, records.parked
    if records.waiting:
        left = [miss.site.site_id for miss in records.misses if miss.site.site_id not in {*collected, *parked}]
        when = next_redrive(records, context)
        waits = f"{_sites(left, records.waiting)} {'waits' if records.waiting == 1 else 'wait'} for the next redrive"
        yield f"{waits}, {when}." if when else f"{waits}."
    if parked:
        yield f"{_sites(parked, len(parked))} {_was(parked)} parked."
    if collected:
        yield f"{_sites(collected, len(collected))} {_was(collected)} collected later, by {_runs(collected)}."


def _was(sites: Sized) -> str:
    return "was" if len(sites) == 1 else "were"


def _sites(names: Iterable[str], number: int) -> str:
    first = [name for name, _ in zip(names, range(3), strict=False)]
    listed = ", ".join(first) if number <= len(first) else f"{', '.join(first)} and {number - len(first):,} more"
    return listed if first else counted(number, "site")


def _runs(collected: Mapping[str, str]) -> str:
    runs = sorted(set(collected.values()))
    return " and ".join(runs) if len(runs) <= 2 else f"{len(runs):,} redrives"


def next_redrive(records: RunRecords, context: ReportContext) -> str | None:
    """When the misses are collected again, such as `Tue 24 Nov at 07:00 UTC`; None if nothing is scheduled."""
    ended = records.summary.started_at + timedelta(seconds=max(records.summary.duration_s, 0))
    return context.schedule.next_redrive(max([ended, *(later.at for later in records.redriven.values())]))


def entry_count(records: RunRecords) -> int:
    return sum(site.entries for site in records.summary.sites)


def grouped(misses: Iterable[Miss]) -> list[MissGroup]:
    """The misses by error: first those that need you, then the largest group. What was not attempted comes after what
    stopped the run."""
    of_error: dict[tuple[str, Reason], list[Miss]] = {}
    for miss in misses:
        of_error.setdefault((miss.error, miss.reason), []).append(miss)
    groups = [MissGroup(error, reason, words_for(error), each) for (error, reason), each in of_error.items()]
    return sorted(
        groups,
        key=lambda group: (
            -REASONS.index(group.reason),
            group.error == "NotAttempted",
            -len(group.misses),
            group.error,
        ),
    )
