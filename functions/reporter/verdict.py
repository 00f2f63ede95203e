"""How a run went, in a person's words. The page and the message say the same."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from nightfold.contract import Miss, Summary
from nightfold.sites import Reason
from reporter.records import Night
from reporter.schedule import NEVER, Schedule
from reporter.words import Words, words_for

REASONS: tuple[Reason, ...] = ("network", "schema", "unknown")


@dataclass(frozen=True)
class Surroundings:
    """What a reader should know besides the run's own records."""

    schedule: Schedule = NEVER


@dataclass(frozen=True)
class MissGroup:
    """The misses of one error."""

    error: str
    reason: Reason
    words: Words
    misses: Sequence[Miss]


def counted(number: int, noun: str) -> str:
    """`1 site`, `2 sites`, `2 misses`."""
    plural = f"{noun}es" if noun.endswith(("s", "ch")) else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def dollars(usd: float | None, exact_below: float = 0.01) -> str:
    """`$0.03`, and four digits where two would say too little."""
    if usd is None:
        return "cost unknown"
    return f"${usd:,.2f}" if usd >= exact_below or usd == 0 else f"${usd:.4f}"


def price(usd: float | None, *, simulated: bool) -> str:
    """What was spent; of a simulated run what real answers would have cost, so that the two are never confused."""
    return f"nothing (simulated; real: about {dollars(usd)})" if simulated else dollars(usd)


def missed_by_reason(summary: Summary) -> Mapping[Reason, int]:
    return {"network": summary.missed.network, "schema": summary.missed.schema_, "unknown": summary.missed.unknown}


def headline(summary: Summary) -> str:
    """The verdict as one sentence."""
    planned, accepted = summary.planned, summary.accepted
    if planned == 0:
        return "There was nothing to collect."
    if accepted == 0:
        return "Nothing was collected."
    if accepted == planned:
        return f"All {planned:,} sites are in." if planned > 1 else "The one site is in."
    return f"{accepted:,} of {planned:,} sites {'is' if accepted == 1 else 'are'} in."


def second_sentence(night: Night, surroundings: Surroundings) -> str:
    """What is missing and when it is tried again; or that nothing is."""
    missed = night.summary.planned - night.summary.accepted
    if night.summary.planned == 0:
        return "No miss was waiting that could be collected; what was no miss of Nightfold was parked."
    if missed == 0:
        return f"{counted(candidate_count(night), 'candidate')}, nothing missing."
    names = [miss.site.site_id for miss in night.misses[:3]]
    listed = ", ".join(names) if missed <= len(names) else f"{', '.join(names)} and {missed - len(names):,} more"
    when = next_redrive(night, surroundings)
    waiting = f"{listed or counted(missed, 'site')} {'waits' if missed == 1 else 'wait'} for the next redrive"
    return f"{waiting}, {when}." if when else f"{waiting}."


def next_redrive(night: Night, surroundings: Surroundings) -> str | None:
    """When the misses are tried again, as `Tue 24 Nov at 07:00 UTC`; None where nothing is scheduled."""
    ended = night.summary.started_at + timedelta(seconds=max(night.summary.duration_s, 0))
    return surroundings.schedule.next_redrive(ended)


def candidate_count(night: Night) -> int:
    return sum(site.candidates for site in night.summary.sites)


def grouped(misses: Iterable[Miss]) -> list[MissGroup]:
    """The misses by error; what a person has to act on comes first, then the largest group."""
    of_error: dict[tuple[str, Reason], list[Miss]] = {}
    for miss in misses:
        of_error.setdefault((miss.error, miss.reason), []).append(miss)
    groups = [MissGroup(error, reason, words_for(error), each) for (error, reason), each in of_error.items()]
    return sorted(groups, key=lambda group: (-REASONS.index(group.reason), -len(group.misses), group.error))
